//! Pull requests and their reviews.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Account, Numbered, lenient, merge_request, read};
use crate::domain::User;
use crate::event::reading::{Moment, Stop, refresh, retargeted, review, sha};
use crate::event::{Incoming, ReviewAct};

#[derive(Deserialize)]
struct Hook {
    action: Option<String>,
    number: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    sender: Account,
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(default, deserialize_with = "lenient")]
    pull_request: PullRequest,
    #[serde(default, deserialize_with = "lenient")]
    changes: Changes,
}

#[derive(Default, Deserialize)]
struct PullRequest {
    number: Option<u64>,
    #[serde(default)]
    updated_at: Moment,
}

/// What an edit changed.
#[derive(Default, Deserialize)]
struct Changes {
    base: Option<IgnoredAny>,
}

/// `pull_request`, and `pull_request_review_thread`, which may make a merge possible.
pub(super) fn changed(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    let hook: Hook = read(event, body)?;
    if hook.sender.is(us) && matches!(hook.action.as_deref(), Some("labeled" | "unlabeled")) {
        return Err(Stop::because("own-label"));
    }
    let number = hook.pull_request.number.or(hook.number);
    let number = number.ok_or_else(|| Stop::missing("pull_request.number"))?;
    let id = merge_request(hook.repository.repo()?, number);
    Ok(match hook.changes.base {
        Some(_) => retargeted(id, hook.pull_request.updated_at),
        None => refresh(id),
    })
}

#[derive(Deserialize)]
struct ReviewHook {
    action: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(default, deserialize_with = "lenient")]
    pull_request: PullRequest,
    #[serde(default, deserialize_with = "lenient")]
    review: Review,
}

#[derive(Default, Deserialize)]
struct Review {
    user: Option<Account>,
    state: Option<String>,
    commit_id: Option<String>,
    #[serde(default)]
    submitted_at: Moment,
}

/// `pull_request_review`. Whose review was dismissed matters, not who dismissed it.
pub(super) fn reviewed(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: ReviewHook = read(event, body)?;
    let number = hook.pull_request.number.ok_or_else(|| Stop::missing("pull_request.number"))?;
    let id = merge_request(hook.repository.repo()?, number);
    let state = hook.review.state.unwrap_or_default().to_ascii_lowercase();
    let (act, word) = match (hook.action.as_deref(), state.as_str()) {
        (Some("submitted"), "approved") => (ReviewAct::Approved, "approved"),
        (Some("submitted"), "changes_requested") => (ReviewAct::ChangesRequested, "changes_requested"),
        (Some("dismissed"), _) => (ReviewAct::Withdrawn, "dismissed"),
        _ => return Ok(refresh(id)),
    };
    match hook.review.user.and_then(Account::user) {
        Some(by) => Ok(review(id, by, act, word, sha(hook.review.commit_id), hook.review.submitted_at)),
        None => Ok(refresh(id)),
    }
}
