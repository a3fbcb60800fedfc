//! Commit statuses, each joined to the pipeline of its head.

use reqwest::Method;
use serde_json::json;

use super::{GitLab, project};
use crate::domain::{RepoId, RunId, Sha, Status, StatusState};
use crate::forge::classify::Operation;
use crate::forge::text::cut;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const STATUS: Operation = Operation {
    name: "set_status",
    does: "set a commit status",
    needs: "the scope `api` and at least Developer",
};

/// The most characters of a description.
const DESCRIPTION: usize = 255;

impl GitLab {
    /// Without a pipeline GitLab would make an external one of its own, which then stands beside the
    /// real one: so a status waits for the pipeline. In a pipeline of merged results the status must
    /// name that pipeline's commit, a merge of the head.
    pub(super) async fn post_status(
        &self,
        repo: RepoId,
        sha: &Sha,
        run: Option<RunId>,
        status: &Status,
    ) -> Result<(), ForgeError> {
        let Some(run) = run else {
            return Err(
                self.conflict(format!("{} has no pipeline yet that a status could join", sha.short()))
            );
        };
        let commit = self.pipeline_commit(repo, run).await?;
        if commit != *sha && !self.is_parent(repo, sha, &commit).await? {
            return Err(self.conflict(format!("pipeline {run} does not belong to {}", sha.short())));
        }
        let body = json!({
            "state": word(status.state),
            "name": status.context,
            "description": cut(&status.description, DESCRIPTION),
            "pipeline_id": run,
        });
        let path = project(repo, &format!("/statuses/{commit}"));
        match self.http.write_only(&STATUS, Method::POST, &path, Payload::Json(body)).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is(400) && failure.says("cannot transition status") => Ok(()),
            // Two statuses at once: GitLab asks to come again.
            Err(failure) if failure.is(409) => {
                let text = "GitLab was busy with another status of this commit; this is tried again";
                Err(failure.meaning(ErrorKind::Retry { after: None }, text.to_owned()))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    fn conflict(&self, external: String) -> ForgeError {
        ForgeError { kind: ErrorKind::Conflict, internal: format!("{}: not sent", STATUS.name), external }
    }
}

const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure | StatusState::Error => "failed",
    }
}
