//! Numbers about deliveries. Every label comes from a closed list, so that nobody can make the list
//! of series grow by sending.

use std::time::Duration;

use crate::domain::ForgeKind;

/// Deliveries by forge, event and what became of them.
const DELIVERIES: &str = "mergewright_deliveries_total";

/// From the first byte of a delivery's body to the answer that it is kept.
pub const ACK_SECONDS: &str = "mergewright_ack_seconds";

/// What became of a delivery at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Kept.
    Accepted,
    /// Kept as id and outcome only: the repository is not on the allow-list.
    Ignored,
    /// Kept before.
    Duplicate,
    /// GitHub only tried whether we are there.
    Pong,
    /// The content type is not one that we read.
    UnsupportedType,
    /// The body is too large.
    TooLarge,
    /// The body was too slow.
    TooSlow,
    /// The sender went away before the body was complete.
    Broken,
    /// The origin is not proved.
    Unauthorized,
    /// Headers or body are malformed.
    Malformed,
    /// We are ending: nothing new is kept.
    ShuttingDown,
    /// The store could not keep it.
    Unavailable,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Duplicate => "duplicate",
            Self::Pong => "pong",
            Self::UnsupportedType => "unsupported_media_type",
            Self::TooLarge => "too_large",
            Self::TooSlow => "timeout",
            Self::Broken => "incomplete",
            Self::Unauthorized => "unauthorized",
            Self::Malformed => "malformed",
            Self::ShuttingDown => "shutting_down",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Events that are counted under their own name.
const GITHUB_EVENTS: &[&str] = &[
    "ping",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "issue_comment",
    "issues",
    "push",
    "create",
    "delete",
    "check_run",
    "check_suite",
    "workflow_run",
    "workflow_job",
    "workflow_dispatch",
    "status",
    "deployment",
    "deployment_status",
    "merge_group",
    "release",
    "repository",
    "installation",
    "installation_repositories",
];

const GITLAB_EVENTS: &[&str] = &[
    "Push Hook",
    "Tag Push Hook",
    "Issue Hook",
    "Confidential Issue Hook",
    "Note Hook",
    "Confidential Note Hook",
    "Merge Request Hook",
    "Pipeline Hook",
    "Job Hook",
    "Deployment Hook",
    "Release Hook",
    "Emoji Hook",
    "System Hook",
];

/// The event's name where it is on the list, else `other`.
pub(super) fn event_word(forge: ForgeKind, event: &str) -> &'static str {
    let known = match forge {
        ForgeKind::GitHub => GITHUB_EVENTS,
        ForgeKind::GitLab => GITLAB_EVENTS,
    };
    known.iter().find(|known| **known == event).copied().unwrap_or("other")
}

/// Counts a delivery.
pub fn counted(forge: ForgeKind, event: &str, outcome: Outcome) {
    let event = event_word(forge, event);
    metrics::counter!(DELIVERIES, "forge" => forge.as_str(), "event" => event, "outcome" => outcome.as_str())
        .increment(1);
}

/// Notes how long an acknowledgement took.
pub fn answered(took: Duration) {
    metrics::histogram!(ACK_SECONDS).record(took.as_secs_f64());
}

/// Tells the recorder what the numbers mean.
pub fn describe() {
    metrics::describe_counter!(DELIVERIES, "Webhook deliveries by forge, event and outcome");
    metrics::describe_histogram!(
        ACK_SECONDS,
        metrics::Unit::Seconds,
        "Time until a delivery was acknowledged"
    );
    metrics::describe_counter!(super::alarm::ALARMS, "Things that a person should look at");
}
