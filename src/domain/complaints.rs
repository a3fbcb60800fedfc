//! Credentials that a forge refuses, each told once and not with every call that waits for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{ForgeKind, RepoId};

/// What a credential opens: a forge, or one repository of it where each lets us in by itself.
pub type Scope = (ForgeKind, Option<RepoId>);

/// What is refused at present, and why.
#[derive(Debug, Default)]
pub struct Complaints(Mutex<BTreeMap<Scope, String>>);

impl Complaints {
    /// Notes it; whether nobody was told the same of anything yet.
    pub fn is_new(&self, scope: Scope, why: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = known.values().all(|told| told != why);
        known.insert(scope, why.to_owned());
        new
    }

    /// It is accepted (again).
    pub fn settled(&self, scope: Scope) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn repo(number: u64) -> Scope {
        (ForgeKind::GitHub, Some(RepoId { forge: ForgeKind::GitHub, number }))
    }

    #[test]
    fn what_is_refused_is_told_once_until_it_is_accepted_and_what_works_elsewhere_changes_nothing() {
        let complaints = Complaints::default();
        assert!(complaints.is_new(repo(1), "suspended at acme"));
        assert!(!complaints.is_new(repo(2), "suspended at acme"), "one suspension, told once");
        assert!(complaints.is_new(repo(3), "suspended at other"));
        complaints.settled(repo(4));
        assert!(!complaints.is_new(repo(1), "suspended at acme"));
        for accepted in [1, 2] {
            complaints.settled(repo(accepted));
        }
        assert!(complaints.is_new(repo(1), "suspended at acme"), "again");
        assert!(complaints.is_new((ForgeKind::GitLab, None), "expired"));
    }
}
