//! Merge requests: themselves, what they change, who wrote it, their labels.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::remembered::Extent;
use super::{GitLab, answers, merge_request, project};
use crate::domain::{
    CommitAuthor, Label, MergeRequest, MergeRequestId, MergeRequestStatus, MergeRequestSummary, Mergeability,
    RepoId, Sha, Timestamp,
};
use crate::forge::ForgeError;
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::co_authors;
use crate::forge::text::segment;
use crate::forge::transport::Payload;

const READ: Operation = Operation {
    name: "merge_request",
    does: "read the merge request",
    needs: "the scope `api` and at least Reporter",
};
const LIST: Operation = Operation {
    name: "merge_requests",
    does: "list the merge requests that changed",
    needs: "the scope `api` and at least Reporter",
};
const VERSIONS: Operation = Operation {
    name: "merge_request_versions",
    does: "read since when the merge request has its head",
    needs: "the scope `api` and at least Reporter",
};
const CHANGES: Operation = Operation {
    name: "changed_paths",
    does: "list what the merge request changes",
    needs: "the scope `api` and at least Reporter",
};
const AUTHORS: Operation = Operation {
    name: "commit_authors",
    does: "list the commits of the merge request",
    needs: "the scope `api` and at least Reporter",
};
const LABEL: Operation = Operation {
    name: "set_label",
    does: "set the label of the merge request",
    needs: "the scope `api` and at least Reporter (Developer where merge requests are restricted)",
};

impl GitLab {
    pub(super) async fn read_merge_request(&self, id: MergeRequestId) -> Result<MergeRequest, ForgeError> {
        let found = self.raw_merge_request(id).await?;
        let Some(head) = found.head().cloned() else {
            return Err(self.http.refused(&READ, "it has no commit").into());
        };
        self.remembered.extents.put(id, found.extent());
        let status = match found.state.as_str() {
            "merged" => match found.merged_commit().cloned() {
                Some(commit) => MergeRequestStatus::Merged {
                    commit,
                    by: found.merge_user.or(found.merged_by).map(Into::into),
                },
                None => return Err(self.http.refused(&READ, "it is merged without any commit").into()),
            },
            "closed" => MergeRequestStatus::Closed,
            _ => MergeRequestStatus::Open,
        };
        let mergeability = if found.state == "locked" {
            // A merge is under way.
            Mergeability::Unknown
        } else {
            mergeability(found.detailed_merge_status.as_deref(), found.merge_status.as_deref())
        };
        Ok(MergeRequest {
            id,
            title: found.title,
            author: found.author.into(),
            source_branch: found.source_branch,
            target_branch: found.target_branch,
            from_fork: found.source_project_id != Some(id.repo.number),
            head,
            head_since: None,
            status,
            commits: None,
            old_target: found.diff_refs.and_then(|refs| refs.base_sha),
            draft: found.draft.or(found.work_in_progress).unwrap_or(false),
            reviewers: found.reviewers.into_iter().map(Into::into).collect(),
            mergeability,
            web_url: found.web_url,
        })
    }

    /// In the order in which they were opened: one that changes meanwhile stays on its page.
    pub(super) async fn list_changed(
        &self,
        repo: RepoId,
        since: Timestamp,
    ) -> Result<Vec<MergeRequestSummary>, ForgeError> {
        let since = segment(&since.to_string());
        let query = format!("state=all&updated_after={since}&order_by=created_at&sort=asc");
        let path = project(repo, &format!("/merge_requests?{query}"));
        let found: Vec<answers::ListedMergeRequest> = self.http.list(&LIST, &path).await?;
        let summary = |one: answers::ListedMergeRequest| MergeRequestSummary {
            id: MergeRequestId { repo, number: one.iid },
            open: matches!(one.state.as_str(), "opened" | "locked"),
            updated_at: one.updated_at.as_deref().and_then(Timestamp::parse).unwrap_or_default(),
            head: one.sha,
            target_branch: one.target_branch,
        };
        Ok(found.into_iter().map(summary).collect())
    }

    pub(super) async fn raw_merge_request(
        &self,
        id: MergeRequestId,
    ) -> Result<answers::MergeRequest, Failure> {
        self.http.get(&READ, &merge_request(id, "")).await
    }

    /// When the newest version of the content arrived. Asked for again only after the head moved.
    pub(super) async fn read_head_since(
        &self,
        id: MergeRequestId,
        head: &Sha,
    ) -> Result<Option<Timestamp>, Failure> {
        if let Some((known, since)) = self.remembered.heads.get(&id)
            && known == *head
        {
            return Ok(since);
        }
        let newest = merge_request(id, "/versions?per_page=1");
        let versions: Vec<answers::DiffVersion> = self.http.get(&VERSIONS, &newest).await?;
        // The list may lag behind the head: the time of an older version would let older approvals count.
        let of_head = |version: &&answers::DiffVersion| {
            version.head_commit_sha.as_ref().is_none_or(|known| known == head)
        };
        let version = versions.first().filter(of_head);
        let since = version.and_then(|version| Timestamp::parse(version.created_at.as_deref()?));
        if since.is_some() {
            self.remembered.heads.put(id, (head.clone(), since));
        }
        Ok(since)
    }

    pub(super) async fn read_changed_paths(
        &self,
        id: MergeRequestId,
    ) -> Result<BTreeSet<String>, ForgeError> {
        // Whoever asks what changes has just read the merge request.
        let extent = match self.remembered.extents.get(&id) {
            Some(extent) => extent,
            None => self.raw_merge_request(id).await?.extent(),
        };
        if let Extent { cut: true, base: Some(base), head: Some(head) } = extent {
            // GitLab lists only the first thousand or so; the trees know all of them.
            return Ok(self.compare_trees(id.repo, &base, &head).await?);
        }
        let diffs: Vec<answers::Diff> = self.http.list(&CHANGES, &merge_request(id, "/diffs")).await?;
        Ok(paths(diffs))
    }

    pub(super) async fn read_commit_authors(
        &self,
        id: MergeRequestId,
    ) -> Result<BTreeSet<CommitAuthor>, ForgeError> {
        let commits: Vec<answers::Commit> = self.http.list(&AUTHORS, &merge_request(id, "/commits")).await?;
        let mut emails = BTreeSet::new();
        for commit in commits {
            emails.extend(
                commit
                    .author_email
                    .iter()
                    .chain(&commit.committer_email)
                    .map(|email| email.trim().to_lowercase()),
            );
            emails.extend(co_authors(commit.message.as_deref().unwrap_or_default()));
        }
        emails.remove("");
        Ok(emails.into_iter().map(|email| CommitAuthor { login: None, email }).collect())
    }

    pub(super) async fn put_label(&self, id: MergeRequestId, label: Option<Label>) -> Result<(), ForgeError> {
        let others: Vec<&str> =
            Label::ALL.into_iter().filter(|other| Some(*other) != label).map(Label::name).collect();
        let mut body = json!({ "remove_labels": others.join(",") });
        if let (Some(label), Some(fields)) = (label, body.as_object_mut()) {
            fields.insert("add_labels".to_owned(), label.name().into());
        }
        let path = merge_request(id, "");
        self.http.write_only(&LABEL, Method::PUT, &path, Payload::Json(body)).await?;
        Ok(())
    }
}

impl answers::MergeRequest {
    fn extent(&self) -> Extent {
        Extent {
            cut: self.changes_count.as_deref().is_some_and(|count| count.ends_with('+')),
            base: self.diff_refs.as_ref().and_then(|refs| refs.base_sha.clone()),
            head: self.head().cloned(),
        }
    }
}

/// Old and new names of all changes.
pub(super) fn paths(diffs: Vec<answers::Diff>) -> BTreeSet<String> {
    diffs
        .into_iter()
        .flat_map(|diff| [diff.old_path, diff.new_path])
        .flatten()
        .filter(|path| !path.is_empty())
        .collect()
}

/// GitLab's word for what it thinks of merging now. Where CI is what is missing, our own pending
/// status may be the cause: that is a block like any other, and it goes when the status does.
fn mergeability(detailed: Option<&str>, plain: Option<&str>) -> Mergeability {
    match detailed {
        Some("mergeable") => Mergeability::Mergeable,
        Some("unchecked" | "checking" | "preparing" | "approvals_syncing") => Mergeability::Unknown,
        Some(word) => Mergeability::Blocked(word.to_owned()),
        // GitLab before 15.6.
        None => match plain {
            Some("can_be_merged") => Mergeability::Mergeable,
            Some("cannot_be_merged") => Mergeability::Blocked("conflict".to_owned()),
            _ => Mergeability::Unknown,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_for_mergeability_has_one_meaning() {
        let blocked = |word: &str| Mergeability::Blocked(word.to_owned());
        for (detailed, plain, expected) in [
            (Some("mergeable"), None, Mergeability::Mergeable),
            (Some("checking"), Some("can_be_merged"), Mergeability::Unknown),
            (Some("unchecked"), None, Mergeability::Unknown),
            (Some("preparing"), None, Mergeability::Unknown),
            (Some("approvals_syncing"), None, Mergeability::Unknown),
            (Some("ci_still_running"), None, blocked("ci_still_running")),
            (Some("ci_must_pass"), None, blocked("ci_must_pass")),
            (Some("not_approved"), None, blocked("not_approved")),
            (Some("draft_status"), None, blocked("draft_status")),
            (Some("a_word_of_tomorrow"), None, blocked("a_word_of_tomorrow")),
            (None, Some("can_be_merged"), Mergeability::Mergeable),
            (None, Some("cannot_be_merged"), blocked("conflict")),
            (None, Some("cannot_be_merged_recheck"), Mergeability::Unknown),
            (None, None, Mergeability::Unknown),
        ] {
            assert_eq!(mergeability(detailed, plain), expected, "{detailed:?} {plain:?}");
        }
    }
}
