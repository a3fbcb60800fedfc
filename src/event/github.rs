//! GitHub's webhooks. The header names the event, the body its action.

mod checks;
mod ci;
mod comment;
mod pull_request;

use serde::Deserialize;

use super::Incoming;
use super::reading::{Stop, lenient, read};
use crate::domain::{ForgeKind, MergeRequestId, RepoId, User, UserId};

pub(super) fn parse(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    match event {
        "ping" => Err(Stop::because("ping")),
        "pull_request" | "pull_request_review_thread" => pull_request::changed(event, body, us),
        "pull_request_review" => pull_request::reviewed(event, body),
        // Remarks on lines of code: read by people, answered by people.
        "pull_request_review_comment" => Err(Stop::because("review-comment")),
        "issue_comment" => comment::parse(event, body, us),
        "workflow_run" => ci::workflow_run(event, body),
        "workflow_job" => ci::workflow_job(event, body),
        "check_run" => checks::check_run(event, body, us),
        "check_suite" => checks::check_suite(event, body, us),
        "status" => ci::status(event, body, us),
        "merge_group" => ci::merge_group(event, body),
        "push" => ci::push(event, body),
        "issues" | "milestone" | "label" | "sub_issues" => Err(Stop::because("issue")),
        "create" | "delete" => Err(Stop::because("told-by-push")),
        "release" => Err(Stop::because("release")),
        "deployment_status" => ci::deployment_status(event, body),
        "deployment" | "deployment_review" | "deployment_protection_rule" => Err(Stop::because("deployment")),
        "installation" | "installation_repositories" | "installation_target" | "github_app_authorization" => {
            Err(Stop::because("app"))
        }
        _ => Err(Stop::because("unknown-event")),
    }
}

/// A person or App as payloads name it.
#[derive(Clone, Debug, Default, Deserialize)]
struct Account {
    id: Option<u64>,
    login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Account {
    /// Whether this is the account with which we act.
    fn is(&self, us: &User) -> bool {
        self.id == Some(us.id.0)
    }

    fn user(self) -> Option<User> {
        let login = self.login.unwrap_or_default();
        let bot = self.kind.as_deref() == Some("Bot") || login.ends_with("[bot]");
        Some(User { id: UserId(self.id?), login, bot })
    }
}

/// A repository: only the number is used.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Numbered {
    id: Option<u64>,
}

impl Numbered {
    /// The delivery's own repository.
    fn repo(self) -> Result<RepoId, Stop> {
        let number = self.id.ok_or_else(|| Stop::missing("repository.id"))?;
        Ok(RepoId { forge: ForgeKind::GitHub, number })
    }
}

const fn merge_request(repo: RepoId, number: u64) -> MergeRequestId {
    MergeRequestId { repo, number }
}

#[cfg(test)]
mod tests;
