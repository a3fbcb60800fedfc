//! What one GitLab adapter remembers, since it cannot change.

use crate::domain::{MergeRequestId, RepoId, RunId, Sha, Timestamp};
use crate::forge::memory::Memory;

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
