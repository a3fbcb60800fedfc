//! GitLab's answers: only the fields that we use, and as few of them required as we can.

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
    pub(super) username: String,
    #[serde(default)]
    pub(super) bot: Option<bool>,
    #[serde(default)]
    pub(super) public_email: Option<String>,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default)]
    pub(super) commit_email: Option<String>,
    #[serde(default)]
    pub(super) state: Option<String>,
}

impl From<User> for domain::User {
    fn from(user: User) -> Self {
        // Short forms of a user do not tell; access tokens' users are known by their names.
        let bot = user.bot.unwrap_or_else(|| domain::User::is_token_login(&user.username));
        Self { id: UserId(user.id), login: user.username, bot }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Project {
    pub(super) path_with_namespace: String,
    #[serde(default)]
    pub(super) default_branch: Option<String>,
    #[serde(default)]
    pub(super) web_url: String,
    #[serde(default)]
    pub(super) merge_method: Option<String>,
    #[serde(default)]
    pub(super) squash_option: Option<String>,
    #[serde(default)]
    pub(super) merge_trains_enabled: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct MergeRequest {
    #[serde(default)]
    pub(super) title: String,
    pub(super) author: User,
    pub(super) source_branch: String,
    pub(super) target_branch: String,
    #[serde(default)]
    pub(super) source_project_id: Option<u64>,
    #[serde(default)]
    pub(super) sha: Option<Sha>,
    #[serde(default)]
    pub(super) diff_refs: Option<DiffRefs>,
    pub(super) state: String,
    #[serde(default)]
    pub(super) draft: Option<bool>,
    #[serde(default)]
    pub(super) work_in_progress: Option<bool>,
    #[serde(default)]
    pub(super) reviewers: Vec<User>,
    #[serde(default)]
    pub(super) detailed_merge_status: Option<String>,
    #[serde(default)]
    pub(super) merge_status: Option<String>,
    #[serde(default)]
    pub(super) merge_commit_sha: Option<Sha>,
    #[serde(default)]
    pub(super) squash_commit_sha: Option<Sha>,
    #[serde(default)]
    pub(super) merge_user: Option<User>,
    #[serde(default)]
    pub(super) merged_by: Option<User>,
    /// `"7"`, or `"1000+"` where the list of changes is cut.
    #[serde(default)]
    pub(super) changes_count: Option<String>,
    #[serde(default)]
    pub(super) web_url: String,
}

impl MergeRequest {
    /// The newest commit; none while GitLab still prepares the merge request.
    pub(super) fn head(&self) -> Option<&Sha> {
        self.sha.as_ref().or_else(|| self.diff_refs.as_ref()?.head_sha.as_ref())
    }

    /// The commit that a merge put on the target branch: merge commit, squash, or the head itself.
    pub(super) fn merged_commit(&self) -> Option<&Sha> {
        self.merge_commit_sha.as_ref().or(self.squash_commit_sha.as_ref()).or_else(|| self.head())
    }
}

/// What a list tells of one.
#[derive(Debug, Deserialize)]
pub(super) struct ListedMergeRequest {
    pub(super) iid: u64,
    pub(super) state: String,
    #[serde(default)]
    pub(super) sha: Option<Sha>,
    #[serde(default)]
    pub(super) target_branch: String,
    #[serde(default)]
    pub(super) updated_at: Option<String>,
}

/// One of a branch, as a list tells of it.
#[derive(Debug, Deserialize)]
pub(super) struct MergeRequestOfBranch {
    pub(super) iid: u64,
    pub(super) state: String,
    pub(super) author: User,
    #[serde(default)]
    pub(super) source_project_id: Option<u64>,
    #[serde(default)]
    pub(super) sha: Option<Sha>,
    #[serde(default)]
    pub(super) description: Option<String>,
}

/// One that was opened.
#[derive(Debug, Deserialize)]
pub(super) struct Opened {
    pub(super) iid: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct DiffRefs {
    #[serde(default)]
    pub(super) base_sha: Option<Sha>,
    #[serde(default)]
    pub(super) head_sha: Option<Sha>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DiffVersion {
    #[serde(default)]
    pub(super) head_commit_sha: Option<Sha>,
    #[serde(default)]
    pub(super) created_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Diff {
    #[serde(default)]
    pub(super) old_path: Option<String>,
    #[serde(default)]
    pub(super) new_path: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comparison {
    #[serde(default)]
    pub(super) diffs: Vec<Diff>,
    #[serde(default)]
    pub(super) compare_timeout: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Commit {
    pub(super) id: Sha,
    #[serde(default)]
    pub(super) parent_ids: Vec<Sha>,
    #[serde(default)]
    pub(super) author_email: Option<String>,
    #[serde(default)]
    pub(super) committer_email: Option<String>,
    #[serde(default)]
    pub(super) message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    pub(super) name: String,
    pub(super) commit: Commit,
}

#[derive(Debug, Deserialize)]
pub(super) struct TreeEntry {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) mode: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pipeline {
    pub(super) id: u64,
    pub(super) sha: Sha,
    #[serde(default, rename = "ref")]
    pub(super) reference: String,
    #[serde(default)]
    pub(super) project_id: Option<u64>,
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) web_url: String,
    #[serde(default)]
    pub(super) created_at: Option<String>,
    /// Who started it; lists leave it out.
    #[serde(default)]
    pub(super) user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Variable {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Job {
    #[serde(default)]
    pub(super) started_at: Option<String>,
    #[serde(default)]
    pub(super) finished_at: Option<String>,
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) failure_reason: Option<String>,
    #[serde(default)]
    pub(super) web_url: Option<String>,
    #[serde(default)]
    pub(super) pipeline: Option<Numbered>,
}

/// A job, as far as what it left is concerned.
#[derive(Debug, Deserialize)]
pub(super) struct Kept {
    #[serde(default)]
    pub(super) artifacts_file: Option<ArtifactsFile>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ArtifactsFile {
    #[serde(default)]
    pub(super) filename: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) created_at: Option<String>,
    #[serde(default)]
    pub(super) updated_at: Option<String>,
    /// The job that made it; none for one that somebody recorded by hand.
    #[serde(default)]
    pub(super) deployable: Option<Numbered>,
}

/// Anything of which only the number matters.
#[derive(Debug, Deserialize)]
pub(super) struct Numbered {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Approvals {
    #[serde(default)]
    pub(super) approved_by: Vec<Approval>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Approval {
    pub(super) user: User,
    #[serde(default)]
    pub(super) approved_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SetStatus {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) author: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reviewer {
    pub(super) user: User,
    /// `unreviewed`, `reviewed`, `requested_changes`, `approved`, …; none before GitLab 16.9.
    #[serde(default)]
    pub(super) state: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Member {
    #[serde(default)]
    pub(super) access_level: u32,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) membership_state: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Note {
    pub(super) id: u64,
    pub(super) author: User,
    #[serde(default)]
    pub(super) body: String,
    #[serde(default)]
    pub(super) created_at: Option<String>,
    #[serde(default)]
    pub(super) updated_at: Option<String>,
    #[serde(default)]
    pub(super) system: bool,
    #[serde(default)]
    pub(super) internal: Option<bool>,
    /// What `internal` was called before GitLab 15.3; both are sent since.
    #[serde(default)]
    pub(super) confidential: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tag {
    pub(super) name: String,
    #[serde(default)]
    pub(super) message: Option<String>,
    pub(super) commit: Commit,
}

/// What a stored file is answered with.
#[derive(Debug, Deserialize)]
pub(super) struct PackageFile {
    #[serde(default)]
    pub(super) file_sha256: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Release {
    #[serde(default)]
    pub(super) tag_name: String,
    #[serde(default)]
    pub(super) assets: Assets,
    #[serde(default, rename = "_links")]
    pub(super) links: ReleaseLinks,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Assets {
    #[serde(default)]
    pub(super) links: Vec<AssetLink>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AssetLink {
    pub(super) name: String,
    #[serde(default)]
    pub(super) url: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ReleaseLinks {
    #[serde(default, rename = "self")]
    pub(super) own: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_says_so_is_what_it_says() {
        let user = |json: &str| domain::User::from(serde_json::from_str::<User>(json).unwrap());
        assert!(user(r#"{"id":1,"username":"renovate","bot":true}"#).bot);
        assert!(!user(r#"{"id":1,"username":"project_1_bot","bot":false}"#).bot);
        assert!(user(r#"{"id":1,"username":"project_1_bot_x","bot":null}"#).bot);
    }
}
