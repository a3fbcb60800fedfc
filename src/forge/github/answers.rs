//! GitHub's answers: only the fields that we use, and as few of them required as we can.

mod apps;
mod checks;
mod runs;

pub(super) use apps::{App, Installation, InstallationToken};
pub(super) use checks::{CheckRun, CheckRuns};
pub(super) use runs::{Artifact, Artifacts, Dispatched, Job, Jobs, Runs, Step, WorkflowRun};

use serde::Deserialize;

use crate::domain::{self, Sha, Timestamp, UserId};

/// A time, or the beginning of time where there is none or it cannot be read.
pub(super) fn time(text: Option<&str>) -> Timestamp {
    text.and_then(Timestamp::parse).unwrap_or_default()
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) login: String,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default)]
    pub(super) suspended_at: Option<String>,
}

impl From<User> for domain::User {
    fn from(user: User) -> Self {
        let bot = user.kind.as_deref() == Some("Bot") || user.login.ends_with("[bot]");
        Self { id: UserId(user.id), login: user.login, bot }
    }
}

/// Who did something; an account that was deleted is shown as `ghost` and has no number.
pub(super) fn person(user: Option<User>) -> domain::User {
    user.map_or_else(|| domain::User { id: UserId(0), login: "ghost".to_owned(), bot: false }, Into::into)
}

/// An account beside a commit: may be null, or an object without anything in it.
#[derive(Debug, Deserialize)]
pub(super) struct Account {
    #[serde(default)]
    pub(super) login: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) full_name: String,
    #[serde(default)]
    pub(super) default_branch: Option<String>,
    #[serde(default)]
    pub(super) html_url: String,
    #[serde(default)]
    pub(super) allow_merge_commit: Option<bool>,
    #[serde(default)]
    pub(super) allow_squash_merge: Option<bool>,
    #[serde(default)]
    pub(super) allow_rebase_merge: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) user: Option<User>,
    pub(super) state: String,
    #[serde(default)]
    pub(super) merged: Option<bool>,
    #[serde(default)]
    pub(super) merged_by: Option<User>,
    #[serde(default)]
    pub(super) merge_commit_sha: Option<Sha>,
    #[serde(default)]
    pub(super) draft: Option<bool>,
    #[serde(default)]
    pub(super) requested_reviewers: Vec<User>,
    #[serde(default)]
    pub(super) mergeable: Option<bool>,
    #[serde(default)]
    pub(super) mergeable_state: Option<String>,
    #[serde(default)]
    pub(super) commits: Option<u32>,
    pub(super) head: Side,
    pub(super) base: Side,
    #[serde(default)]
    pub(super) html_url: String,
}

/// A pull request as lists show it.
#[derive(Debug, Deserialize)]
pub(super) struct ListedPull {
    pub(super) number: u64,
    pub(super) state: String,
    pub(super) head: Side,
    pub(super) base: Side,
    pub(super) updated_at: Option<String>,
}

impl ListedPull {
    pub(super) fn updated_at(&self) -> Timestamp {
        time(self.updated_at.as_deref())
    }
}

/// A pull request of a branch, as a list shows it.
#[derive(Debug, Deserialize)]
pub(super) struct PullOfBranch {
    pub(super) number: u64,
    pub(super) state: String,
    pub(super) head: Side,
    #[serde(default)]
    pub(super) user: Option<User>,
    #[serde(default)]
    pub(super) body: Option<String>,
}

/// A pull request that was opened.
#[derive(Debug, Deserialize)]
pub(super) struct Opened {
    pub(super) number: u64,
}

/// One end of a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct Side {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) sha: Sha,
    /// None when a fork was deleted.
    #[serde(default)]
    pub(super) repo: Option<Numbered>,
}

/// Anything of which only the number matters.
#[derive(Debug, Deserialize)]
pub(super) struct Numbered {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChangedFile {
    #[serde(default)]
    pub(super) filename: String,
    #[serde(default)]
    pub(super) previous_filename: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comparison {
    pub(super) merge_base_commit: Named,
    #[serde(default)]
    pub(super) files: Option<Vec<ChangedFile>>,
    #[serde(default)]
    pub(super) commits: Vec<Commit>,
}

/// Anything of which only the object name matters.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Named {
    pub(super) sha: Sha,
}

#[derive(Debug, Deserialize)]
pub(super) struct Commit {
    pub(super) commit: CommitText,
    #[serde(default)]
    pub(super) author: Option<Account>,
    #[serde(default)]
    pub(super) committer: Option<Account>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitText {
    #[serde(default)]
    pub(super) author: Option<Signed>,
    #[serde(default)]
    pub(super) committer: Option<Signed>,
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    pub(super) email: Option<String>,
}

/// A commit as git has it.
#[derive(Debug, Deserialize)]
pub(super) struct GitCommit {
    #[serde(default)]
    pub(super) parents: Vec<Named>,
    #[serde(default)]
    pub(super) tree: Option<Named>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tree {
    #[serde(default)]
    pub(super) tree: Vec<TreeEntry>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TreeEntry {
    pub(super) path: String,
    #[serde(default)]
    pub(super) mode: String,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) sha: String,
}

/// What stands at a path.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Contents {
    Folder(Vec<FolderEntry>),
    Other(serde::de::IgnoredAny),
}

/// An entry of a folder.
#[derive(Debug, Deserialize)]
pub(super) struct FolderEntry {
    #[serde(default)]
    pub(super) path: String,
    /// Its name in git.
    #[serde(default)]
    pub(super) sha: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: Target,
}

/// What a reference or a tag points to.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Target {
    pub(super) sha: Sha,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct TagObject {
    pub(super) sha: Sha,
    #[serde(default)]
    pub(super) message: String,
    pub(super) object: Target,
}

#[derive(Debug, Deserialize)]
pub(super) struct Rights {
    #[serde(default)]
    pub(super) permission: String,
    #[serde(default)]
    pub(super) role_name: Option<String>,
    #[serde(default)]
    pub(super) user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Membership {
    #[serde(default)]
    pub(super) state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct SetStatus {
    #[serde(default)]
    pub(super) context: String,
    #[serde(default)]
    pub(super) creator: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Review {
    #[serde(default)]
    pub(super) user: Option<User>,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) commit_id: Option<Sha>,
    #[serde(default)]
    pub(super) submitted_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) user: Option<User>,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) created_at: Option<String>,
    #[serde(default)]
    pub(super) updated_at: Option<String>,
    #[serde(default)]
    pub(super) issue_url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct LabelOfIssue {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Merged {
    #[serde(default)]
    pub(super) sha: Option<Sha>,
    #[serde(default)]
    pub(super) merged: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeploymentStatus {
    #[serde(default)]
    pub(super) state: String,
    log_url: Option<String>,
    target_url: Option<String>,
    pub(super) created_at: Option<String>,
}

impl DeploymentStatus {
    /// Whether it links to this page of a job.
    pub(super) fn is_of(&self, page: &str) -> bool {
        [&self.log_url, &self.target_url].into_iter().flatten().any(|url| url.ends_with(page))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Release {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) tag_name: String,
    #[serde(default)]
    pub(super) html_url: String,
    #[serde(default)]
    pub(super) assets: Vec<Asset>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Asset {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: String,
    /// `starter` after an upload that broke off.
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) digest: Option<String>,
}
