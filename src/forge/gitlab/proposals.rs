//! Merge requests that we open ourselves.

use reqwest::Method;
use serde_json::json;

use super::{GitLab, answers, project};
use crate::domain::{MergeRequestId, RepoId};
use crate::forge::classify::Operation;
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError, NewMergeRequest, Proposed};

const LIST: Operation = Operation {
    name: "merge_requests_from",
    does: "list the merge requests of the branch",
    needs: "the scope `api` and at least Reporter",
};
const OPEN: Operation = Operation {
    name: "open_merge_request",
    does: "open the merge request",
    needs: "the scope `api` and at least Developer",
};

impl GitLab {
    pub(super) async fn list_from(&self, repo: RepoId, branch: &str) -> Result<Vec<Proposed>, ForgeError> {
        let query = format!("state=all&source_branch={}&order_by=created_at&sort=desc", segment(branch));
        let path = project(repo, &format!("/merge_requests?{query}"));
        let found: Vec<answers::MergeRequestOfBranch> = self.http.list(&LIST, &path).await?;
        // A fork may have a branch of the same name.
        let own = found.into_iter().filter(|one| one.source_project_id == Some(repo.number));
        Ok(own
            .map(|one| Proposed {
                id: MergeRequestId { repo, number: one.iid },
                open: matches!(one.state.as_str(), "opened" | "locked"),
                author: one.author.into(),
                head: one.sha,
                description: one.description.unwrap_or_default(),
            })
            .collect())
    }

    pub(super) async fn open(
        &self,
        repo: RepoId,
        new: &NewMergeRequest,
    ) -> Result<MergeRequestId, ForgeError> {
        let body = json!({
            "source_branch": new.source, "target_branch": new.target, "title": new.title,
            "description": new.description, "remove_source_branch": true,
        });
        let path = project(repo, "/merge_requests");
        match self.http.write::<answers::Opened>(&OPEN, Method::POST, &path, Payload::Json(body)).await {
            Ok((_, made)) => Ok(MergeRequestId { repo, number: made.iid }),
            Err(failure) if failure.is(409) => {
                let text = format!("a merge request of the branch `{}` is open already", new.source);
                Err(failure.meaning(ErrorKind::Conflict, text))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}
