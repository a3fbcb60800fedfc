//! What the operations take and give, where no other room has a word for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Digest, MergeRequestId, ModelName, Run, RunId, Sha, User};

/// Which of a model's archives is meant; GitLab keeps one a job, GitHub two named ones a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactKind {
    /// The model's files, of the build job.
    Model,
    /// The reports, of the test job.
    Reports,
}

/// How much of an archive we are willing to read.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveLimits {
    /// Bytes of the archive itself.
    pub compressed: u64,
    /// Bytes of all entries together.
    pub expanded: u64,
    /// Entries.
    pub entries: usize,
    /// Bytes of one wanted entry.
    pub wanted: u64,
}

/// An archive that was read within its limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    /// Every file, sorted by path.
    pub entries: Vec<ArchiveEntry>,
    /// The content of the wanted files.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// Path relative to the repository root, `/` between folders.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Digest of the content.
    pub sha256: Digest,
}

/// The runs of a merge request's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadRuns {
    /// The newest first, with their jobs.
    pub runs: Vec<Run>,
    /// Whether the merge request's newest run is none of them, but tries it in a queue (GitLab's train).
    pub tried: bool,
}

/// A run that a push started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedRun {
    /// The run.
    pub id: RunId,
    /// The commit that it runs on.
    pub commit: Sha,
}

/// What became of the wish to merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// It is merged, as this commit on the target branch.
    Merged(Sha),
    /// It waits in the queue of the target branch.
    Queued,
}

/// A merge request to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMergeRequest {
    /// The branch that it brings.
    pub source: String,
    /// The branch that it wants to join.
    pub target: String,
    /// Its title.
    pub title: String,
    /// Markdown, already safe.
    pub description: String,
}

/// A merge request that brings a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its number.
    pub id: MergeRequestId,
    /// Whether it is neither merged nor closed.
    pub open: bool,
    /// Who opened it.
    pub author: User,
    /// Its newest commit; none while the forge still prepares it.
    pub head: Option<Sha>,
    /// What it says of itself.
    pub description: String,
}

/// A release to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRelease {
    /// The tag it belongs to; exists already.
    pub tag: String,
    /// `iris v42`.
    pub name: String,
    /// Markdown, already safe.
    pub notes: String,
    /// The model, for package names.
    pub model: ModelName,
    /// The version without its leading `v`, for package names.
    pub package_version: String,
    /// Its files.
    pub assets: Vec<Asset>,
    /// Whether nothing of an earlier try can be there: then what the forge answers to each write is proof
    /// enough, and nothing is read before and after.
    pub fresh: bool,
}

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// File name.
    pub name: String,
    /// Content.
    pub content: Vec<u8>,
}

/// A release as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The tag it belongs to.
    pub tag: String,
    /// Address for people.
    pub web_url: String,
    /// Names of its files.
    pub assets: BTreeSet<String>,
}
