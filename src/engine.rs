//! The pure engine: what follows from an event, given what is known and what is so.

mod facts;

pub use facts::{Addressed, Configuration, Facts, MergeFacts, OpenFacts, Registry, ReportFact, ToldComment};

use std::collections::BTreeSet;

use crate::domain::{ModelName, State, Timestamp, Transition};
use crate::event::Event;

/// Decides what follows from `event`. Pure: the same arguments give the same transition.
#[must_use]
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub fn step(state: &State, facts: &Facts, event: &Event, now: Timestamp) -> Transition {
    todo!()
}

/// The models that a change of these paths touches, by the target's or the head's configuration,
/// and those whose section changed or vanished.
#[must_use]
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub fn touched(
    policy: &Configuration,
    proposal: &Configuration,
    changed: &BTreeSet<String>,
) -> BTreeSet<ModelName> {
    todo!()
}
