//! Answers that cannot change, kept for a while so that they are not asked for again.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::domain::{MergeRequestId, RepoId, RunId, Sha, Timestamp};

/// How many answers of one kind are kept.
const MOST: usize = 256;

/// What one adapter remembers.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The commit that a pipeline runs on (of merged results: the merge commit).
    pub(super) pipeline_commits: Memory<(RepoId, RunId), Sha>,
    /// The parents of a commit.
    pub(super) parents: Memory<(RepoId, Sha), Vec<Sha>>,
    /// Since when a merge request has the head that it had when we last looked.
    pub(super) heads: Memory<MergeRequestId, (Sha, Option<Timestamp>)>,
}

/// A small map that forgets the oldest first.
#[derive(Debug)]
pub(super) struct Memory<K, V>(Mutex<VecDeque<(K, V)>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }
}

impl<K: PartialEq, V: Clone> Memory<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    pub(super) fn put(&self, key: K, value: V) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back((key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_a_new_value_replaces_the_old() {
        let memory = Memory::default();
        for number in 0..=MOST {
            memory.put(number, number);
        }
        assert_eq!(memory.get(&0), None);
        assert_eq!(memory.get(&1), Some(1));
        memory.put(1, 7);
        assert_eq!(memory.get(&1), Some(7));
        assert_eq!(memory.get(&2), Some(2), "replacing forgets nobody else");
    }
}
