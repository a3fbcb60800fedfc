//! Notices what keeps going wrong with one forge: rows of refusals become one alarm, not many.

use std::sync::atomic::{AtomicU32, Ordering};

use super::alarm;
use super::delivery::Refusal;
use super::signature::Refused;
use crate::domain::ForgeKind;

/// So many deliveries in a row without a valid proof: most likely the secrets differ.
const REFUSALS: u32 = 25;

/// So many proved deliveries in a row that are no JSON: GitLab switches a hook off after the fourth.
const NOT_JSON: u32 = 3;

/// What was counted of each forge since its last good delivery.
#[derive(Debug, Default)]
pub(super) struct Watch {
    github: Rows,
    gitlab: Rows,
}

#[derive(Debug, Default)]
struct Rows {
    refused: AtomicU32,
    not_json: AtomicU32,
}

impl Watch {
    /// A proof was judged.
    pub(super) fn proof(&self, forge: ForgeKind, refused: Option<&Refused>) {
        let row = &self.rows(forge).refused;
        let Some(cause) = refused else { return row.store(0, Ordering::Relaxed) };
        tracing::warn!(%forge, %cause, "delivery refused: its origin is not proved");
        if one_more(row) == REFUSALS {
            alarm::secret_differs(forge, REFUSALS);
        }
    }

    /// The content of a proved delivery was judged.
    pub(super) fn content(&self, forge: ForgeKind, refused: Option<&Refusal>) {
        let row = &self.rows(forge).not_json;
        match refused {
            None => row.store(0, Ordering::Relaxed),
            Some(cause) => {
                tracing::warn!(%forge, %cause, "delivery refused: it is malformed");
                if *cause == Refusal::NotAnObject && one_more(row) == NOT_JSON {
                    alarm::invalid_json(forge, NOT_JSON);
                }
            }
        }
    }

    const fn rows(&self, forge: ForgeKind) -> &Rows {
        match forge {
            ForgeKind::GitHub => &self.github,
            ForgeKind::GitLab => &self.gitlab,
        }
    }
}

/// Counts up and stays at the top instead of starting anew.
fn one_more(row: &AtomicU32) -> u32 {
    let before = row.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(1));
    before.map_or(u32::MAX, |count| count.saturating_add(1))
}
