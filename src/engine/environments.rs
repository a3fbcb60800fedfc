//! Environments of one model: the second pure function of the engine.
//!
//! [`step`] is level-triggered like [`super::step`]: whatever event woke it, it moves every rollout on as
//! far as facts allow, and asks the forge for what is not so yet. A version counts as live only after the
//! forge's own deployment was read back and the stage tag that says so exists. What people ask for is
//! judged where they ask it, on a merge request (`request`), and committed together with that.

mod facts;
mod follow;
mod freeze;
mod reference;
mod request;
mod retire;
mod retiring;
mod show;
mod tagging;

pub use facts::{EnvironmentEvent, EnvironmentFacts, RolloutFacts};
pub use reference::{Miss, resolve};
pub use request::INDEPENDENT_FROM;
pub use retire::void;
pub use show::{blame, describe, given_up, versions};

pub(super) use request::{Ask, Begun, abort, promote, rollback};
pub(super) use retire::{give_up, retire};
pub(super) use show::rollout as show_rollout;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::{
    Audit, Done, Effect, Environments, MergeRequestId, ModelName, Outcome, Rollout, RolloutStep, Timestamp,
};

/// What follows from an event in a model's lane: committed as one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentTransition {
    /// The new document.
    pub environments: Environments,
    /// Rollouts that moved or ended.
    pub rollouts: Vec<Rollout>,
    /// Merge requests on which people wait for news of them.
    pub tell: BTreeSet<MergeRequestId>,
    /// What the forge shall be asked for, in order.
    pub effects: Vec<Effect>,
    /// What goes into the audit log, in order.
    pub audit: Vec<Audit>,
    /// Look again at this time even if nothing happens until then.
    pub wake_at: Option<Timestamp>,
}

/// Decides what follows from `event`. Pure: the same arguments give the same transition.
#[must_use]
pub fn step(
    known: &Environments,
    facts: &EnvironmentFacts,
    event: &EnvironmentEvent,
    now: Timestamp,
) -> EnvironmentTransition {
    let mut turn = Turn::new(known, facts, now);
    if let EnvironmentEvent::Effect { slot, outcome } = event {
        turn.hear(slot, outcome);
    }
    for run in std::mem::take(&mut turn.state.stops) {
        turn.out.effects.push(Effect::CancelRun { run });
    }
    for environment in turn.state.stands.keys().cloned().collect::<Vec<_>>() {
        let active = turn.state.stands.get_mut(&environment).and_then(|stand| stand.active.take());
        let Some(mut rollout) = active else { continue };
        let before = rollout.clone();
        follow::follow(&mut turn, &mut rollout);
        turn.put_back(rollout, &before);
    }
    retiring::tell_git(&mut turn);
    turn.finish(known)
}

/// Everything of one call of [`step`].
struct Turn<'a> {
    facts: &'a EnvironmentFacts,
    now: Timestamp,
    state: Environments,
    out: EnvironmentTransition,
}

impl<'a> Turn<'a> {
    fn new(known: &Environments, facts: &'a EnvironmentFacts, now: Timestamp) -> Self {
        Self { facts, now, state: known.clone(), out: EnvironmentTransition::default() }
    }

    fn model(&self) -> &'a ModelName {
        &self.facts.id.model
    }

    /// Takes in what became of a call.
    fn hear(&mut self, slot: &str, outcome: &Outcome) {
        if self.state.orphans.remove(slot)
            && let Outcome::Done(Done::Run { run }) = outcome
        {
            self.state.stops.insert(*run);
        }
        retiring::hear(self, slot, outcome);
        let active = self.state.stands.values_mut().filter_map(|stand| stand.active.as_mut());
        for rollout in active.filter(|rollout| rollout.asked.as_deref() == Some(slot)) {
            rollout.asked = None;
            match (rollout.step, outcome) {
                (RolloutStep::Starting, Outcome::Done(Done::Run { run })) => rollout.run = Some(*run),
                (RolloutStep::Starting, Outcome::Conflict { reason } | Outcome::Refused { reason }) => {
                    rollout.failure = Some(format!("the deploy job could not be started: {reason}"));
                }
                (RolloutStep::Tagging, outcome) => tagging::hear(rollout, outcome, self.now),
                _ => {}
            }
        }
    }

    /// Asks the forge for a step of a rollout, once.
    fn ask(&mut self, rollout: &mut Rollout, effect: Effect) {
        rollout.asked = Some(effect.slot());
        self.out.effects.push(effect);
    }

    /// Looks again after a while, in case the world does not tell.
    fn wake_in(&mut self, span: Duration) {
        self.wake(self.now.after(span));
    }

    fn wake(&mut self, at: Timestamp) {
        self.out.wake_at = Some(self.out.wake_at.map_or(at, |other| other.min(at)));
    }

    fn record(&mut self, what: String, rollout: &Rollout) {
        let detail = serde_json::json!({ "model": self.model(), "rollout": rollout });
        self.out.audit.push(Audit { kind: "rollout".to_owned(), actor: None, what, detail });
    }

    /// Stores a rollout where it belongs now, and tells of it if it moved.
    fn put_back(&mut self, rollout: Rollout, before: &Rollout) {
        if rollout != *before {
            self.out.tell.insert(rollout.asked_on);
            self.out.rollouts.push(rollout.clone());
        }
        if !rollout.is_over()
            && let Some(stand) = self.state.stands.get_mut(&rollout.environment)
        {
            stand.active = Some(rollout);
        }
    }

    fn finish(mut self, known: &Environments) -> EnvironmentTransition {
        // What was heard of a rollout also moved it, though its own step changed nothing more.
        for stand in self.state.stands.values() {
            let Some(active) = &stand.active else { continue };
            let was = known.stands.get(&active.environment).and_then(|stand| stand.active.as_ref());
            if was != Some(active) && !self.out.rollouts.iter().any(|moved| moved.number == active.number) {
                self.out.tell.insert(active.asked_on);
                self.out.rollouts.push(active.clone());
            }
        }
        self.out.environments = self.state;
        self.out
    }
}

#[cfg(test)]
mod tests;
