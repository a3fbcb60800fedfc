//! Secrets that come and go while we run, such as the tokens of an App's installations.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::AhoCorasick;

use super::{masked, masked_bytes, searched_for};
use crate::domain::Timestamp;

/// Secrets with the time of their end; every copy knows what one of them learns.
#[derive(Clone, Default)]
pub struct Learnt(Arc<RwLock<Recent>>);

#[derive(Default)]
struct Recent {
    secrets: Vec<(String, Timestamp)>,
    patterns: Option<AhoCorasick>,
}

impl Learnt {
    /// Hides `secret` until it means nothing to anybody any more; those that have ended are forgotten.
    pub fn learn(&self, secret: &str, ends: Timestamp, now: Timestamp) {
        let mut recent = self.0.write().unwrap_or_else(PoisonError::into_inner);
        recent.secrets.retain(|(known, ends)| *ends > now && known != secret);
        recent.secrets.push((secret.to_owned(), ends));
        recent.patterns = searched_for(recent.secrets.iter().map(|(secret, _)| secret.as_str()));
    }

    pub(super) fn masked(&self, text: &str) -> Option<String> {
        let recent = self.0.read().unwrap_or_else(PoisonError::into_inner);
        recent.patterns.as_ref().and_then(|patterns| masked(patterns, text))
    }

    pub(super) fn masked_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let recent = self.0.read().unwrap_or_else(PoisonError::into_inner);
        recent.patterns.as_ref().and_then(|patterns| masked_bytes(patterns, bytes))
    }
}

impl fmt::Debug for Learnt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recent = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Learnt").field("secrets", &recent.secrets.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Redactor;

    #[test]
    fn what_one_copy_learns_the_other_hides_until_its_end() {
        let learnt = Learnt::default();
        let redactor = Redactor::new(["configured-secret"]).with(learnt.clone());
        assert_eq!(redactor.text("ghs_first configured-secret"), "ghs_first [redacted]");
        learnt.learn("ghs_first", Timestamp(1000), Timestamp(0));
        learnt.learn("ghs_second", Timestamp(2000), Timestamp(999));
        assert_eq!(redactor.text("ghs_first configured-secret"), "[redacted] [redacted]");
        assert_eq!(redactor.bytes(b"x ghs_second y").as_ref(), b"x [redacted] y");
        assert_eq!(redactor.text("nothing"), "nothing");
        learnt.learn("ghs_third", Timestamp(3000), Timestamp(1000));
        assert_eq!(redactor.text("ghs_first ghs_second ghs_third"), "ghs_first [redacted] [redacted]");
        assert!(!format!("{learnt:?}{redactor:?}").contains("ghs_"));
    }
}
