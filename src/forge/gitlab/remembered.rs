//! What one GitLab adapter remembers, since it cannot change.

use std::collections::BTreeSet;

use super::answers;
use crate::domain::{MergeRequestId, RepoId, RunId, Sha, Timestamp, UserId};
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
