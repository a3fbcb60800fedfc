//! Pull requests as they are now.

use std::sync::Arc;

use super::{GitHub, answers};
use crate::domain::{
    MergeRequest, MergeRequestId, MergeRequestStatus, MergeRequestSummary, Mergeability, RepoId, Sha,
    Timestamp,
};
use crate::forge::ForgeError;
use crate::forge::classify::{Failure, Operation};
use crate::forge::transport::Transport;

pub(super) const READ: Operation =
    Operation { name: "merge_request", does: "read the pull request", needs: "read access to pull requests" };

const LIST: Operation = Operation {
    name: "changed_merge_requests",
    does: "list the pull requests",
    needs: "read access to pull requests",
};

impl GitHub {
    /// Newest change first: one that changes meanwhile moves to the front and is read another time.
    pub(super) async fn list_changed(
        &self,
        repo: RepoId,
        since: Timestamp,
    ) -> Result<Vec<MergeRequestSummary>, ForgeError> {
        let rest = "/pulls?state=all&sort=updated&direction=desc&per_page=100";
        let old = |one: &answers::ListedPull| one.updated_at() < since;
        let ask = |http: Arc<Transport>, path: String| async move {
            http.list_until(&LIST, &path, |page: &[answers::ListedPull]| page.iter().any(old)).await
        };
        let found = self.below(repo, rest, ask).await?;
        let summary = |one: answers::ListedPull| MergeRequestSummary {
            id: MergeRequestId { repo, number: one.number },
            open: one.state == "open",
            updated_at: one.updated_at(),
            head: Some(one.head.sha),
            target_branch: one.base.reference,
        };
        Ok(found.into_iter().filter(|one| !old(one)).map(summary).collect())
    }

    pub(super) async fn read_pull(&self, id: MergeRequestId) -> Result<MergeRequest, ForgeError> {
        let found = self.raw_pull(id).await?;
        let open = found.state == "open";
        let mergeability = mergeability(found.mergeable, found.mergeable_state.as_deref());
        let status = if found.merged == Some(true) {
            let Some(commit) = found.merge_commit_sha else {
                return Err(self.http.refused(&READ, "it is merged without any commit").into());
            };
            MergeRequestStatus::Merged { commit, by: found.merged_by.map(Into::into) }
        } else if open {
            MergeRequestStatus::Open
        } else {
            MergeRequestStatus::Closed
        };
        Ok(MergeRequest {
            id,
            title: found.title,
            author: answers::person(found.user),
            source_branch: found.head.reference,
            target_branch: found.base.reference,
            from_fork: found.head.repo.is_none_or(|repo| repo.id != id.repo.number),
            head: found.head.sha,
            head_since: None,
            status,
            commits: found.commits,
            old_target: Some(found.base.sha),
            draft: found.draft.unwrap_or(false),
            reviewers: found.requested_reviewers.into_iter().map(Into::into).collect(),
            mergeability,
            web_url: found.html_url,
        })
    }

    /// The pull request itself. A name that now belongs to another repository is found out here: every
    /// decision begins with this reading.
    pub(super) async fn raw_pull(&self, id: MergeRequestId) -> Result<answers::Pull, Failure> {
        let rest = format!("/pulls/{}", id.number);
        let found: answers::Pull = self.get(&READ, id.repo, &rest).await?;
        let of = |found: &answers::Pull| found.base.repo.as_ref().map(|repo| repo.id);
        if of(&found).is_none_or(|number| number == id.repo.number) {
            return Ok(found);
        }
        self.raw_repository(id.repo).await?;
        let again: answers::Pull = self.get(&READ, id.repo, &rest).await?;
        if of(&again).is_some_and(|number| number != id.repo.number) {
            return Err(self.http.refused(&READ, "it belongs to another repository"));
        }
        Ok(again)
    }

    /// When GitHub took notice of this head: when it last started runs for it. Dates inside commits are
    /// their authors' words and prove nothing.
    pub(super) async fn read_head_since(
        &self,
        id: MergeRequestId,
        head: &Sha,
    ) -> Result<Option<Timestamp>, Failure> {
        if let Some((known, since)) = self.remembered.heads.get(&id)
            && known == *head
        {
            return Ok(Some(since));
        }
        let runs = self.raw_runs_of_head(id, head).await?;
        let started = runs.iter().filter(|run| run.event == "pull_request");
        let since = started.filter_map(|run| Timestamp::parse(run.created_at.as_deref()?)).max();
        if let Some(since) = since {
            self.remembered.heads.put(id, (head.clone(), since));
        }
        Ok(since)
    }
}

/// What GitHub thinks of merging now: it computes that after it was first asked, and says nothing
/// until then. Where a required status is what is missing, our own pending one may be the cause.
fn mergeability(mergeable: Option<bool>, state: Option<&str>) -> Mergeability {
    match (mergeable, state) {
        (None, _) => Mergeability::Unknown,
        (Some(false), Some("unknown" | "clean" | "unstable" | "has_hooks") | None) => {
            Mergeability::Blocked("dirty".to_owned())
        }
        (Some(true), Some("clean" | "unstable" | "has_hooks") | None) => Mergeability::Mergeable,
        (Some(true), Some("unknown")) => Mergeability::Unknown,
        (Some(_), Some(word)) => Mergeability::Blocked(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_for_mergeability_has_one_meaning() {
        let blocked = |word: &str| Mergeability::Blocked(word.to_owned());
        for (mergeable, state, expected) in [
            (None, Some("unknown"), Mergeability::Unknown),
            (None, Some("clean"), Mergeability::Unknown),
            (None, None, Mergeability::Unknown),
            (Some(true), Some("clean"), Mergeability::Mergeable),
            (Some(true), Some("unstable"), Mergeability::Mergeable),
            (Some(true), Some("has_hooks"), Mergeability::Mergeable),
            (Some(true), Some("unknown"), Mergeability::Unknown),
            (Some(true), None, Mergeability::Mergeable),
            (Some(true), Some("blocked"), blocked("blocked")),
            (Some(true), Some("behind"), blocked("behind")),
            (Some(true), Some("draft"), blocked("draft")),
            (Some(true), Some("a_word_of_tomorrow"), blocked("a_word_of_tomorrow")),
            (Some(false), Some("dirty"), blocked("dirty")),
            (Some(false), Some("unknown"), blocked("dirty")),
            (Some(false), None, blocked("dirty")),
        ] {
            assert_eq!(mergeability(mergeable, state), expected, "{mergeable:?} {state:?}");
        }
    }
}
