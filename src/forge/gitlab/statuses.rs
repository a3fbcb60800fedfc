//! Commit statuses, each joined to the pipeline of its head.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use super::{GitLab, answers, project};
use crate::domain::{ForgedStatus, RepoId, RunId, Sha, Status, StatusState, User, UserId};
use crate::forge::classify::Operation;
use crate::forge::text::cut;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const STATUS: Operation = Operation {
    name: "set_status",
    does: "set a commit status",
    needs: "the scope `api` and at least Developer",
};

const STATUSES: Operation = Operation {
    name: "statuses",
    does: "read the commit's statuses",
    needs: "the scope `api` and at least Reporter",
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

    /// GitLab tells nobody of a status that is set, but says whose it is.
    pub(super) async fn read_forged_statuses(
        &self,
        repo: RepoId,
        (sha, run): (&Sha, Option<RunId>),
        us: &User,
    ) -> Result<Vec<ForgedStatus>, ForgeError> {
        let commit = match run {
            Some(run) => self.pipeline_commit(repo, run).await?,
            None => sha.clone(),
        };
        let joined = run.map(|run| format!("?pipeline_id={run}")).unwrap_or_default();
        let path = project(repo, &format!("/repository/commits/{commit}/statuses{joined}"));
        let mut listed: Vec<answers::SetStatus> = self.http.list(&STATUSES, &path).await?;
        listed.sort_by_key(|one| one.id);
        let newest: BTreeMap<String, Option<answers::User>> =
            listed.into_iter().map(|one| (one.name, one.author)).collect();
        let ours = newest.into_iter().filter(|(name, _)| Status::is_ours(name));
        let forged = ours
            .map(|(context, author)| ForgedStatus { context, by: author.map_or_else(nobody, Into::into) });
        Ok(forged.filter(|one| one.by.id != us.id).collect())
    }

    fn conflict(&self, external: String) -> ForgeError {
        ForgeError { kind: ErrorKind::Conflict, internal: format!("{}: not sent", STATUS.name), external }
    }
}

/// Whose account is gone.
fn nobody() -> User {
    User { id: UserId(0), login: "ghost".to_owned(), bot: false }
}

const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure | StatusState::Error => "failed",
    }
}
