//! Answers kept with their `ETag`: asked again, the forge may confirm them, which costs no budget.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LINK};

/// Bytes of all kept answers together.
const MOST: usize = 16 << 20;
/// Bytes of one kept answer.
const LONGEST: usize = 1 << 20;

/// Whole JSON answers by whom they were given to and their addresses; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    bytes: usize,
    answers: VecDeque<(u64, String, Kept)>,
}

/// One whole answer.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    tag: HeaderValue,
    link: Option<HeaderValue>,
    body: Bytes,
}

impl Kept {
    /// The header that asks for anything newer.
    pub(super) fn condition(&self) -> HeaderMap {
        HeaderMap::from_iter([(IF_NONE_MATCH, self.tag.clone())])
    }

    /// The body that was confirmed; its link to the next page joins the headers of the confirmation.
    pub(super) fn confirmed(self, headers: &mut HeaderMap) -> Bytes {
        if let Some(link) = self.link {
            headers.insert(LINK, link);
        }
        self.body
    }

    fn weight(&self, address: &str) -> usize {
        address.len() + self.body.len()
    }
}

impl Known {
    /// What is kept of an address as this credential sees it.
    pub(super) fn find(&self, whose: u64, address: &str) -> Option<Kept> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers = shelf.answers.iter();
        answers.find(|(to, known, _)| *to == whose && known == address).map(|(_, _, kept)| kept.clone())
    }

    /// Keeps a whole answer in place of the one before; one without a tag, or too long, is not kept.
    pub(super) fn keep(&self, whose: u64, address: &str, headers: &HeaderMap, body: &[u8]) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = shelf.answers.iter().position(|(to, known, _)| *to == whose && known == address);
        if let Some(place) = place
            && let Some((_, _, old)) = shelf.answers.remove(place)
        {
            shelf.bytes -= old.weight(address);
        }
        let Some(tag) = headers.get(ETAG).filter(|_| body.len() <= LONGEST) else { return };
        let kept =
            Kept { tag: tag.clone(), link: headers.get(LINK).cloned(), body: Bytes::copy_from_slice(body) };
        shelf.bytes += kept.weight(address);
        shelf.answers.push_back((whose, address.to_owned(), kept));
        while shelf.bytes > MOST
            && let Some((_, address, oldest)) = shelf.answers.pop_front()
        {
            shelf.bytes -= oldest.weight(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(tag: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ETAG, HeaderValue::from_static(tag))])
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let known = Known::default();
        let body = vec![b' '; LONGEST];
        // However many credentials there are.
        for number in 0..=(MOST / LONGEST) as u64 {
            known.keep(number, "x", &tagged("\"a\""), &body);
        }
        assert!(known.find(0, "x").is_none());
        assert_eq!(known.find(2, "x").unwrap().condition()[IF_NONE_MATCH], "\"a\"");
        known.keep(0, "too long", &tagged("\"a\""), &vec![b' '; LONGEST + 1]);
        known.keep(0, "untagged", &HeaderMap::new(), b"{}");
        assert!(known.find(0, "too long").is_none() && known.find(0, "untagged").is_none());
    }

    #[test]
    fn what_one_credential_was_told_is_not_confirmed_to_another() {
        let known = Known::default();
        known.keep(1, "x", &tagged("\"a\""), b"for one");
        known.keep(2, "x", &tagged("\"b\""), b"for two");
        assert_eq!(known.find(1, "x").unwrap().confirmed(&mut HeaderMap::new()), "for one");
        assert!(known.find(3, "x").is_none());
    }

    #[test]
    fn a_newer_answer_takes_the_place_of_the_older() {
        let known = Known::default();
        known.keep(0, "x", &tagged("\"a\""), b"1");
        known.keep(0, "x", &tagged("\"b\""), b"22");
        let kept = known.find(0, "x").unwrap();
        assert_eq!(kept.condition()[IF_NONE_MATCH], "\"b\"");
        assert_eq!(kept.confirmed(&mut HeaderMap::new()), "22");
        assert_eq!(known.0.lock().unwrap().bytes, 3);
    }
}
