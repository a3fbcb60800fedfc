//! Answers kept with their `ETag`: asked again, the forge may confirm them, which costs no budget.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LINK};

/// Bytes of all kept answers together.
const MOST: usize = 16 << 20;
/// Bytes of one kept answer.
const LONGEST: usize = 1 << 20;

/// Whole JSON answers by their addresses; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    bytes: usize,
    answers: VecDeque<(String, Kept)>,
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
    /// What is kept of an address.
    pub(super) fn find(&self, address: &str) -> Option<Kept> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.answers.iter().find(|(known, _)| known == address).map(|(_, kept)| kept.clone())
    }

    /// Keeps a whole answer in place of the one before; one without a tag, or too long, is not kept.
    pub(super) fn keep(&self, address: &str, headers: &HeaderMap, body: &[u8]) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = shelf.answers.iter().position(|(known, _)| known == address)
            && let Some((_, old)) = shelf.answers.remove(place)
        {
            shelf.bytes -= old.weight(address);
        }
        let Some(tag) = headers.get(ETAG).filter(|_| body.len() <= LONGEST) else { return };
        let kept =
            Kept { tag: tag.clone(), link: headers.get(LINK).cloned(), body: Bytes::copy_from_slice(body) };
        shelf.bytes += kept.weight(address);
        shelf.answers.push_back((address.to_owned(), kept));
        while shelf.bytes > MOST
            && let Some((address, oldest)) = shelf.answers.pop_front()
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
        for number in 0..=MOST / LONGEST {
            known.keep(&number.to_string(), &tagged("\"a\""), &body);
        }
        assert!(known.find("0").is_none());
        assert_eq!(known.find("2").unwrap().condition()[IF_NONE_MATCH], "\"a\"");
        known.keep("too long", &tagged("\"a\""), &vec![b' '; LONGEST + 1]);
        known.keep("untagged", &HeaderMap::new(), b"{}");
        assert!(known.find("too long").is_none() && known.find("untagged").is_none());
    }

    #[test]
    fn a_newer_answer_takes_the_place_of_the_older() {
        let known = Known::default();
        known.keep("x", &tagged("\"a\""), b"1");
        known.keep("x", &tagged("\"b\""), b"22");
        let kept = known.find("x").unwrap();
        assert_eq!(kept.condition()[IF_NONE_MATCH], "\"b\"");
        assert_eq!(kept.confirmed(&mut HeaderMap::new()), "22");
        assert_eq!(known.0.lock().unwrap().bytes, 3);
    }
}
