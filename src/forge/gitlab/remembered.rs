//! What one GitLab adapter remembers, since it cannot change.

use std::collections::BTreeSet;
use std::time::Duration;

use super::answers;
use crate::domain::{MergeRequestId, RepoId, RunId, Sha, Timestamp, UserId};
use crate::forge::deliveries::FoundHooks;
use crate::forge::memory::Memory;

/// What one adapter remembers.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// Pipelines, as far as they cannot change: what they run on, and since when they are there.
    pub(super) pipelines: Memory<(RepoId, RunId), answers::Pipeline>,
    /// The parents of a commit.
    pub(super) parents: Memory<(RepoId, Sha), Vec<Sha>>,
    /// Since when a merge request has the head that it had when we last looked.
    pub(super) heads: Memory<MergeRequestId, (Sha, Option<Timestamp>)>,
    /// How much a merge request changed when it was last read.
    pub(super) extents: Memory<MergeRequestId, Extent>,
    /// People's e-mail addresses, with the time they were read.
    pub(super) emails: Memory<UserId, (BTreeSet<String>, Timestamp)>,
    /// Our hooks at projects.
    pub(super) hooks: FoundHooks,
    /// Whether a project merges by trains, with the time that was read.
    trains: Memory<RepoId, (bool, Timestamp)>,
}

/// How long a project's settings are taken to be as they were.
const SETTINGS_LAST: Duration = Duration::from_secs(300);

impl Remembered {
    /// Whether the project merged by trains not long ago; none where that is not known.
    pub(super) fn trains(&self, repo: RepoId, now: Timestamp) -> Option<bool> {
        let known = self.trains.get(&repo);
        known.filter(|(_, read_at)| now.since(*read_at) < SETTINGS_LAST).map(|(trains, _)| trains)
    }

    pub(super) fn keep_trains(&self, repo: RepoId, trains: bool, now: Timestamp) {
        self.trains.put(repo, (trains, now));
    }
}

/// How much a merge request changes.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    /// Whether GitLab lists only a part of it.
    pub(super) cut: bool,
    /// Where its branch left the target.
    pub(super) base: Option<Sha>,
    /// Its newest commit.
    pub(super) head: Option<Sha>,
}
