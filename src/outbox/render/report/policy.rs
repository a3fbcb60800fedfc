//! The table of what a merge request changes of its own policy.

use serde::Serialize;

use super::Detail;
use crate::domain::PolicyChange;
use crate::outbox::render::budget;

/// One row.
#[derive(Debug, Serialize)]
pub(super) struct PolicyRow {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

/// As many rows as are shown, each value cut.
pub(super) fn rows(changes: &[PolicyChange], detail: &Detail) -> Vec<PolicyRow> {
    let words = |text: &str| budget::head(text, detail.words).0;
    let row = |change: &PolicyChange| PolicyRow {
        key: words(&change.key),
        before: change.before.as_deref().map(words),
        after: change.after.as_deref().map(words),
    };
    changes.iter().take(detail.policy).map(row).collect()
}
