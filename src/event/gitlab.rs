//! GitLab's webhooks. The body's own word decides what a delivery is: the header names every system
//! hook alike, and no signature covers it.

mod ci;
mod merge_request;
mod note;

use serde::Deserialize;
use serde_json::Value;

use super::Incoming;
use super::reading::{Stop, lenient, read};
use crate::domain::{ForgeKind, MergeRequestId, RepoId, User, UserId};

/// What a delivery calls itself. A custom template may put anything here.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    object_kind: Value,
    #[serde(default)]
    event_name: Value,
}

pub(super) fn parse(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    let kind: Kind = read(event, body)?;
    let Some(word) = kind.object_kind.as_str().or_else(|| kind.event_name.as_str()) else {
        return Err(Stop::because("no-kind"));
    };
    match word {
        "merge_request" => merge_request::parse(event, body, us),
        "note" => note::parse(event, body, us),
        "pipeline" => ci::pipeline(event, body, us),
        "build" | "job" => ci::job(event, body),
        "push" => ci::push(event, body),
        "tag_push" => Err(Stop::because("tag")),
        "issue" | "work_item" | "milestone" | "epic" => Err(Stop::because("issue")),
        "emoji" => Err(Stop::because("reaction")),
        "release" => Err(Stop::because("release")),
        "deployment" => ci::deployment(event, body),
        "wiki_page" | "feature_flag" | "vulnerability" | "access_token" | "repository_update" => {
            Err(Stop::because("not-ours"))
        }
        _ => Err(Stop::because("unknown-event")),
    }
}

/// A person as payloads name him.
#[derive(Clone, Debug, Default, Deserialize)]
struct Account {
    id: Option<u64>,
    username: Option<String>,
}

impl Account {
    /// Whether this is the account with which we act.
    fn is(&self, us: &User) -> bool {
        self.id == Some(us.id.0)
    }

    /// The person, by the number in the payload or else by `number`.
    fn user(self, number: Option<u64>) -> Option<User> {
        let id = UserId(self.id.or(number)?);
        let login = self.username.unwrap_or_default();
        // Payloads carry no other mark.
        Some(User { id, bot: User::is_token_login(&login), login })
    }
}

/// A project or anything else of which only the number is used.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Numbered {
    id: Option<u64>,
}

/// A commit as payloads name it.
#[derive(Clone, Debug, Default, Deserialize)]
struct Commit {
    id: Option<String>,
}

/// The merge request that a comment or a pipeline belongs to.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct NamedMergeRequest {
    iid: Option<u64>,
    target_project_id: Option<u64>,
}

const fn repo(number: u64) -> RepoId {
    RepoId { forge: ForgeKind::GitLab, number }
}

const fn merge_request(project: u64, iid: u64) -> MergeRequestId {
    MergeRequestId { repo: repo(project), number: iid }
}

#[cfg(test)]
mod tests;
