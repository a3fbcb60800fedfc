//! Commit statuses.

use reqwest::Method;
use serde_json::json;

use super::GitHub;
use crate::domain::{RepoId, Sha, Status, StatusState};
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::text::cut;
use crate::forge::transport::Payload;

const STATUS: Operation =
    Operation { name: "set_status", does: "set a commit status", needs: "write access to commit statuses" };

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

const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}
