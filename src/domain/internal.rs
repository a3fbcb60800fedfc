//! Events of our own: they wait in a merge request's (model's, repository's) lane beside the deliveries.

use serde::{Deserialize, Serialize};

use super::{CommentId, Outcome};

/// What outbox, timers and sweeps tell the worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum InternalEvent {
    /// Read the merge request again: a timer rang, or something beside it moved.
    Refresh,
    /// Somebody else set a status that has one of our names.
    StatusForged,
    /// A comment that nobody told us of: read it.
    Comment {
        /// Its number.
        id: CommentId,
    },
    /// A branch of this repository moved.
    Pushed {
        /// The branch.
        branch: String,
    },
    /// An effect of this merge request came to an end.
    Effect {
        /// The effect's slot.
        slot: String,
        /// What became of it.
        outcome: Outcome,
    },
}

impl InternalEvent {
    /// The text kept in the database; equal events have equal texts.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Every map key is a string, so the JSON form always exists.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Done;

    #[test]
    fn an_internal_event_reads_back_what_it_writes() {
        assert_eq!(InternalEvent::Refresh.to_json(), r#"{"event":"refresh"}"#);
        let comment = InternalEvent::Comment { id: CommentId(9) };
        assert_eq!(serde_json::from_str::<InternalEvent>(&comment.to_json()).unwrap(), comment);
        let ended = InternalEvent::Effect { slot: "merge:1:0".into(), outcome: Outcome::Done(Done::Plain) };
        let outcomes = [
            ended,
            InternalEvent::Effect {
                slot: "x".into(),
                outcome: Outcome::Refused { reason: "no \"rights\"".into() },
            },
        ];
        for event in outcomes {
            assert_eq!(serde_json::from_str::<InternalEvent>(&event.to_json()).unwrap(), event);
        }
    }
}
