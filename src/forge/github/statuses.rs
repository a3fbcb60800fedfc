//! Commit statuses.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::{GitHub, answers};
use crate::domain::{ForgedStatus, RepoId, Sha, Status, StatusState, User};
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::text::cut;
use crate::forge::transport::Payload;

const STATUS: Operation =
    Operation { name: "set_status", does: "set a commit status", needs: "write access to commit statuses" };

const STATUSES: Operation = Operation {
    name: "statuses",
    does: "read the commit's statuses",
    needs: "read access to commit statuses",
};

/// The most characters of a description.
const DESCRIPTION: usize = 140;

impl GitHub {
    pub(super) async fn post_status(
        &self,
        repo: RepoId,
        sha: &Sha,
        status: &Status,
    ) -> Result<(), ForgeError> {
        let body = json!({
            "state": word(status.state),
            "context": status.context,
            "description": cut(&status.description, DESCRIPTION),
        });
        let rest = format!("/statuses/{sha}");
        self.write_only(&STATUS, Method::POST, repo, &rest, Payload::Json(body)).await?;
        Ok(())
    }
}

impl GitHub {
    /// The newest status of a name comes first and is the one that counts.
    pub(super) async fn read_forged_statuses(
        &self,
        repo: RepoId,
        sha: &Sha,
        us: &User,
    ) -> Result<Vec<ForgedStatus>, ForgeError> {
        let listed: Vec<answers::SetStatus> =
            self.list(&STATUSES, repo, &format!("/commits/{sha}/statuses")).await?;
        let mut seen = BTreeSet::new();
        let newest = listed.into_iter().filter(|one| seen.insert(one.context.clone()));
        let ours = newest.filter(|one| Status::is_ours(&one.context));
        let forged = ours.map(|one| ForgedStatus { by: answers::person(one.creator), context: one.context });
        Ok(forged.filter(|one| one.by.id != us.id).collect())
    }
}

const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}
