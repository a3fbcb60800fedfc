//! Merging with the head as guard.

use reqwest::Method;
use serde_json::json;

use super::{GitLab, REPOSITORY, answers, merge_request, project};
use crate::domain::{MergeMethod, MergeRequestId, RepoId, Sha};
use crate::forge::classify::{Failure, Operation};
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError, Merge};

const MERGE: Operation = Operation {
    name: "merge",
    does: "merge the merge request",
    needs: "Developer, or on a protected target branch what `Allowed to merge` says there",
};

impl GitLab {
    pub(super) async fn merge_at(
        &self,
        id: MergeRequestId,
        head: &Sha,
        method: MergeMethod,
    ) -> Result<Merge, ForgeError> {
        let (trains, squash) = self.ways(id.repo, method).await?;
        let mut body = json!({ "sha": head });
        if let (Some(squash), Some(fields)) = (squash, body.as_object_mut()) {
            fields.insert("squash".to_owned(), squash.into());
        }
        // Whatever is asked for below, GitLab would merge past the train.
        if trains {
            return self.enqueue(id, body).await;
        }
        let path = merge_request(id, "/merge");
        let answer =
            self.http.write::<answers::MergeRequest>(&MERGE, Method::PUT, &path, Payload::Json(body)).await;
        let merged = match answer {
            Ok((_, merged)) => merged,
            Err(failure) => return Err(self.not_merged(failure).await),
        };
        if let (true, Some(commit)) = (merged.state == "merged", commit_made(&merged)) {
            return Ok(Merge::Merged(commit));
        }
        let merged = self.raw_merge_request(id).await?;
        match merged.merged_commit() {
            Some(commit) if merged.state == "merged" => Ok(Merge::Merged(commit.clone())),
            _ => Err(ForgeError {
                kind: ErrorKind::Conflict,
                external: "GitLab took the merge but has not finished it; it is looked at again".to_owned(),
                internal: format!("{}: state after the merge: {}", MERGE.name, merged.state),
            }),
        }
    }

    /// Whether the project merges by trains, and what to say about squashing; nothing leaves that to the
    /// project's and merge request's own setting.
    async fn ways(&self, repo: RepoId, method: MergeMethod) -> Result<(bool, Option<bool>), ForgeError> {
        let known = self.remembered.trains(repo, self.http.now());
        if let (Some(trains), MergeMethod::Auto) = (known, method) {
            return Ok((trains, None));
        }
        let found: answers::Project = self.http.get(&REPOSITORY, &project(repo, "")).await?;
        self.remembered.keep_trains(repo, found.merge_trains_enabled, self.http.now());
        let squash = if method == MergeMethod::Auto { None } else { Some(self.squash(&found, method)?) };
        Ok((found.merge_trains_enabled, squash))
    }

    fn squash(&self, found: &answers::Project, method: MergeMethod) -> Result<bool, ForgeError> {
        let how = found.merge_method.as_deref().unwrap_or("merge");
        let squashing = found.squash_option.as_deref().unwrap_or("default_off");
        let why_not = match method {
            MergeMethod::Squash if squashing == "never" => "the project never squashes (`squash_option`)",
            MergeMethod::Merge | MergeMethod::Rebase if squashing == "always" => {
                "the project always squashes (`squash_option`)"
            }
            MergeMethod::Merge if how == "ff" => {
                "the project makes no merge commits (`merge_method` is `ff`)"
            }
            MergeMethod::Rebase if how != "ff" => {
                "the project makes merge commits (set `merge_method` to `ff` for a linear history)"
            }
            _ => return Ok(method == MergeMethod::Squash),
        };
        Err(self.http.refused(&MERGE, &format!("{why_not}; change that, or `publish.merge`")).into())
    }

    async fn not_merged(&self, failure: Failure) -> ForgeError {
        let said = if failure.words.is_empty() { String::new() } else { format!(": {}", failure.words) };
        match failure.status {
            // Also said of a valid token whose user may not merge here.
            Some(401) => match self.http.get::<answers::User>(&super::WHOAMI, "/user").await {
                Ok(_) => {
                    let text = format!("GitLab does not allow the bot to merge: it needs {}", MERGE.needs);
                    failure.meaning(ErrorKind::Refused, text)
                }
                Err(other) => other.into(),
            },
            Some(405) => {
                failure.meaning(ErrorKind::Conflict, format!("GitLab cannot merge the merge request now{said}"))
            }
            Some(409) if failure.error.kind == ErrorKind::Conflict => failure.meaning(
                ErrorKind::Conflict,
                "the head of the merge request moved, so it was not merged".to_owned(),
            ),
            Some(406 | 422) if failure.error.kind == ErrorKind::Refused => failure.meaning(
                ErrorKind::Refused,
                format!("GitLab will not merge the merge request{said}; resolve its conflicts or what GitLab names, then try again"),
            ),
            _ => failure.into(),
        }
    }
}

/// The commit that the answer itself names; a fast-forward names none and is read back.
fn commit_made(merged: &answers::MergeRequest) -> Option<Sha> {
    merged.merge_commit_sha.clone().or_else(|| merged.squash_commit_sha.clone())
}
