//! Pull requests that we open ourselves.

use reqwest::Method;
use serde_json::json;

use super::{GitHub, answers};
use crate::domain::{MergeRequestId, RepoId};
use crate::forge::classify::Operation;
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError, NewMergeRequest, Proposed};

const LIST: Operation = Operation {
    name: "merge_requests_from",
    does: "list the pull requests of the branch",
    needs: "read access to pull requests",
};
const OPEN: Operation = Operation {
    name: "open_merge_request",
    does: "open the pull request",
    needs: "write access to pull requests",
};

impl GitHub {
    pub(super) async fn list_from(&self, repo: RepoId, branch: &str) -> Result<Vec<Proposed>, ForgeError> {
        let found = self.read_repository(repo).await?;
        let owner = found.path.split('/').next().unwrap_or_default();
        let head = segment(&format!("{owner}:{branch}"));
        let rest = format!("/pulls?state=all&head={head}");
        let found: Vec<answers::PullOfBranch> = self.list(&LIST, repo, &rest).await?;
        // Without any match GitHub may show all of them.
        let own = found.into_iter().filter(|one| {
            one.head.reference == branch && one.head.repo.as_ref().is_none_or(|from| from.id == repo.number)
        });
        Ok(own
            .map(|one| Proposed {
                id: MergeRequestId { repo, number: one.number },
                open: one.state == "open",
                author: answers::person(one.user),
                head: Some(one.head.sha),
                description: one.body.unwrap_or_default(),
            })
            .collect())
    }

    pub(super) async fn open(
        &self,
        repo: RepoId,
        new: &NewMergeRequest,
    ) -> Result<MergeRequestId, ForgeError> {
        let body = json!({
            "head": new.source, "base": new.target, "title": new.title, "body": new.description,
        });
        let made =
            self.write::<answers::Opened>(&OPEN, Method::POST, repo, "/pulls", Payload::Json(body)).await;
        match made {
            Ok((_, made)) => Ok(MergeRequestId { repo, number: made.number }),
            Err(failure) if failure.is(422) && failure.says("already exists") => {
                let text = format!("a pull request of the branch `{}` is open already", new.source);
                Err(failure.meaning(ErrorKind::Conflict, text))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}
