//! What was read and cannot change (or hardly), kept in memory so that it is read once. Everything
//! here may be forgotten at any time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::domain::{
    CommitAuthor, JobId, MergeRequest, MergeRequestId, ModelName, RepoId, Repository, Run, RunId, Sha,
    Standing, Timestamp, UserId,
};
use crate::engine::card::CardFact;
use crate::engine::{Configuration, TargetFact};

use super::facts::Owners;

/// Everything that is kept.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Repositories, with the time they were read.
    pub(crate) repositories: Kept<RepoId, (Repository, Timestamp)>,
    /// Merge requests that are merged by a commit of their own, with the time they were read: only titles
    /// still change.
    pub(crate) merged: Kept<MergeRequestId, (MergeRequest, Timestamp)>,
    /// Configuration files by commit.
    pub(crate) configurations: Kept<(RepoId, Sha), Configuration>,
    /// CODEOWNERS files by commit.
    pub(crate) owners: Kept<(RepoId, Sha), Owners>,
    /// Model cards by commit and path.
    pub(crate) cards: Kept<(RepoId, Sha, String), CardFact>,
    /// Parents of commits.
    pub(crate) parents: Kept<(RepoId, Sha), Vec<Sha>>,
    /// Paths that differ between two commits.
    pub(crate) paths: Kept<(RepoId, Sha, Sha), BTreeSet<String>>,
    /// Authors of a merge request's commits by head and base.
    pub(crate) authors: Kept<(MergeRequestId, Sha, Sha), BTreeSet<CommitAuthor>>,
    /// Addresses of merge requests' authors, with the time they were read.
    pub(crate) authors_standing: Kept<(RepoId, UserId), (Standing, Timestamp)>,
    /// The runs of a head when it was last looked at, with that time.
    pub(crate) runs: Kept<(MergeRequestId, Sha), (Vec<Run>, Timestamp)>,
    /// Ends of the logs of failed jobs.
    pub(crate) logs: Kept<(RepoId, JobId), String>,
    /// Repositories whose default branch has files of ours: nothing is proposed to them any more.
    pub(crate) onboarded: Kept<RepoId, ()>,
    /// Newest commits of default branches that were looked at for files of ours.
    pub(crate) looked_at: Kept<RepoId, Sha>,
    /// Newest commits of default branches by which the forge's schedules were compared, with the time.
    pub(crate) scheduled: Kept<RepoId, (Sha, Timestamp)>,
    /// Repositories in which nothing is done at fixed times, with the time that was seen.
    pub(crate) unscheduled: Kept<RepoId, Timestamp>,
    /// What the runs of a branch have left of a model, by its newest commit, and until when that is taken to
    /// be so.
    pub(crate) targets: Kept<(RepoId, Sha, ModelName), (TargetFact, Timestamp)>,
    /// Runs that pushes started and that have ended, and until when they are taken to be as they were.
    pub(crate) pushed: Kept<(RepoId, RunId), (Run, Timestamp)>,
    /// Why a job's artifacts could not be read, with the time that was found.
    pub(crate) unreadable: Kept<(RepoId, JobId), (String, Timestamp)>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            repositories: Kept::of(1_000),
            merged: Kept::of(256),
            configurations: Kept::of(256),
            owners: Kept::of(64),
            cards: Kept::of(64),
            parents: Kept::of(1_000),
            paths: Kept::of(64),
            authors: Kept::of(256),
            authors_standing: Kept::of(256),
            runs: Kept::of(64),
            logs: Kept::of(256),
            onboarded: Kept::of(10_000),
            looked_at: Kept::of(10_000),
            scheduled: Kept::of(10_000),
            unscheduled: Kept::of(10_000),
            targets: Kept::of(256),
            pushed: Kept::of(256),
            unreadable: Kept::of(256),
        }
    }
}

/// A bounded map: the entry that was put in first goes first.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    most: usize,
    entries: Mutex<(BTreeMap<K, V>, VecDeque<K>)>,
}

impl<K: Ord + Clone, V: Clone> Kept<K, V> {
    pub(crate) fn of(most: usize) -> Self {
        Self { most, entries: Mutex::new((BTreeMap::new(), VecDeque::new())) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned()
    }

    pub(crate) fn forget(&self, key: &K) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (map, order) = &mut *entries;
        if map.remove(key).is_some() {
            order.retain(|known| known != key);
        }
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (map, order) = &mut *entries;
        if map.insert(key.clone(), value).is_none() {
            order.push_back(key);
        }
        if order.len() > self.most
            && let Some(oldest) = order.pop_front()
        {
            map.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let kept = Kept::of(2);
        for key in 0..4 {
            kept.put(key, key * 10);
        }
        kept.put(3, 31);
        kept.put(5, 50);
        kept.forget(&5);
        kept.put(2, 20);
        let found: Vec<_> = (0..4).map(|key| kept.get(&key)).collect();
        assert_eq!(found, [None, None, Some(20), Some(31)]);
    }
}
