//! Files that are committed for people: generated CI, and how what stands there compares with it.

use serde::{Deserialize, Serialize};

use super::{Digest, Sha};

/// One file of a commit to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Relative to the repository root.
    pub path: String,
    /// Its whole new content; none takes the file away.
    pub content: Option<String>,
    /// Whether the commit below has the file.
    pub exists: bool,
}

/// A commit to be made on a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCommit {
    /// The branch.
    pub branch: String,
    /// The commit that it is put upon, and no other.
    pub parent: Sha,
    /// Whether the branch begins with it, at `parent`.
    pub begins: bool,
    /// The whole message.
    pub message: String,
    /// What it changes.
    pub files: Vec<FileChange>,
}

/// How the CI files of a commit compare with what its configuration generates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stands", rename_all = "snake_case")]
pub enum Generated {
    /// None of them is ours.
    Absent,
    /// They are as generated; lines between keep marks are people's own.
    Current,
    /// They are not.
    Differs {
        /// The first file that differs, and how; safe to show.
        why: String,
    },
}

/// How the CI files of a head were found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedAt {
    /// The head.
    pub head: Sha,
    /// How they compare.
    pub files: Generated,
}

/// A merge request that we open for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The branch that it brings.
    pub branch: String,
    /// The branch that it wants to join.
    pub target: String,
    /// Its title.
    pub title: String,
    /// What it says of itself.
    pub description: ProposalText,
    /// What is committed to the branch first; none where all of it is there.
    pub commit: Option<NewCommit>,
}

/// What the description of a proposal tells, before it is words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalText {
    /// Identifies the configuration that was generated from.
    pub digest: Digest,
    /// Files that are added.
    pub files: Vec<String>,
    /// Pairs of a file that people wrote, which stays as it is, and the one that is proposed beside it.
    pub beside: Vec<(String, String)>,
}
