//! A merge request and its comments as the forge tells of them now.

use serde::{Deserialize, Serialize};

use super::{CommentId, MergeRequestId, RepoId, Sha, Timestamp, User};

/// A repository as read now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its number.
    pub id: RepoId,
    /// Full path, `group/sub/project` or `owner/name`.
    pub path: String,
    /// The branch that releases come from.
    pub default_branch: String,
    /// Address for people.
    pub web_url: String,
}

/// A merge request as read now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRequest {
    /// Its number.
    pub id: MergeRequestId,
    /// Title, as data: never trusted, always escaped.
    pub title: String,
    /// Who opened it.
    pub author: User,
    /// The branch it comes from.
    pub source_branch: String,
    /// The branch it wants into.
    pub target_branch: String,
    /// Whether it comes from another repository.
    pub from_fork: bool,
    /// The newest commit.
    pub head: Sha,
    /// When the newest version of its content arrived, where the forge says so.
    pub head_since: Option<Timestamp>,
    /// Open, merged or closed.
    pub status: MergeRequestStatus,
    /// How many commits it brings, where the forge says so.
    #[serde(default)]
    pub commits: Option<u32>,
    /// A commit that the target branch had before the merge, where the forge says so.
    #[serde(default)]
    pub old_target: Option<Sha>,
    /// Whether it is marked as a draft.
    pub draft: bool,
    /// Who is asked to review it, or did at GitLab.
    #[serde(default)]
    pub reviewers: Vec<User>,
    /// Whether the forge would merge it now, conflicts and its own rules considered.
    pub mergeability: Mergeability,
    /// Address for people.
    pub web_url: String,
}

/// A merge request as a list tells of it: enough to see whether something was missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRequestSummary {
    /// Its number.
    pub id: MergeRequestId,
    /// Whether it is neither merged nor closed.
    pub open: bool,
    /// The newest commit; none while the forge still prepares the merge request.
    pub head: Option<Sha>,
    /// The branch it wants into.
    pub target_branch: String,
    /// When anything about it last changed, comments and reviews included.
    pub updated_at: Timestamp,
}

/// Open, merged or closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MergeRequestStatus {
    /// May still change.
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged.
    Merged {
        /// The commit that the merge put on the target branch: merge, squash or fast-forwarded head.
        commit: Sha,
        /// Who merged, where the forge says so.
        by: Option<User>,
    },
}

/// What the forge thinks of merging now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mergeability {
    /// Still computed, ask again.
    Unknown,
    /// It can be merged.
    Mergeable,
    /// It cannot; the forge's own word (`conflict`, `draft_status`, `not_approved`, …).
    Blocked(String),
}

/// A comment as the forge tells of it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its number.
    pub id: CommentId,
    /// Who wrote it.
    pub author: User,
    /// Its Markdown source.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Whether the forge itself wrote it.
    pub system: bool,
    /// Whether only the project's members see it: an answer to it would be public.
    pub internal: bool,
}
