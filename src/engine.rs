//! The pure engine: what follows from an event, given what is known and what is so.
//!
//! An event is a hint. [`step`] hears what only the event can tell, then derives every model's phase
//! anew from facts and from what people decided, answers comments, and asks the forge for whatever is
//! not so yet. Order, repetition and loss of events therefore cannot change where a merge request ends.

mod anew;
mod approvals;
mod baseline;
mod bind;
pub mod card;
mod commands;
mod default_branch;
mod difference;
pub mod environments;
mod facts;
mod fork;
mod gates;
mod hear;
mod holds;
mod infra;
mod judge;
pub mod measure;
mod merging;
mod objections;
pub mod onboarding;
mod owners;
mod paths;
mod present;
mod progress;
mod publication;
mod queue;
mod rescoring;
mod reviewers;
mod rights;
mod setting;
mod transitions;
mod turn;
mod versions;
mod waivers;

pub use facts::{
    Addressed, Configuration, Facts, MergeFacts, ModelEnvironments, OpenFacts, QueueFact, Regeneration,
    Registry, ReportFact, RescoringFact, ScoresFact, Seen, TargetFact, ToldComment,
};
pub use owners::{LARGEST as LARGEST_OWNERS_FILE, OwnersFile, places as owners_files};
pub use paths::touched;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{
    GeneratedAt, MergeRequestStatus, ModelName, Phase, Sha, State, Timestamp, Transition, User,
};
use crate::event::Event;

use commands::{Ground, Refusal};
use present::View;
use setting::{Rules, Setting};
use turn::Turn;

/// When to look again for facts of a merge that could not be read yet.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Decides what follows from `event`. Pure: the same arguments give the same transition.
#[must_use]
pub fn step(state: &State, facts: &Facts, event: &Event, now: Timestamp) -> Transition {
    let mut turn = Turn::new(state.clone(), facts, now);
    if let Some(files) = facts.generated.clone() {
        turn.state.generated = Some(GeneratedAt { head: facts.merge_request.head.clone(), files });
    }
    match Setting::read(state, facts) {
        Setting::Quiet if state.bound.is_none() => {}
        Setting::Quiet => serve(&mut turn, event, &BTreeMap::new()),
        Setting::Invalid(problems) => {
            hear::hear(&mut turn, event);
            let unblessed = publication::unbless_all(&mut turn);
            let known = turn.state.clone();
            match unblessed.then(|| Setting::read(&known, facts)) {
                Some(Setting::Models(rules)) => drive(&mut turn, &rules),
                _ => refuse(&mut turn, &problems),
            }
        }
        Setting::Models(rules) => serve(&mut turn, event, &rules),
    }
    commands::follow_replies(&mut turn);
    turn.finish()
}

/// Drives the models that the merge request touches.
fn serve(turn: &mut Turn<'_>, event: &Event, rules: &BTreeMap<ModelName, Rules<'_>>) {
    hear::hear(turn, event);
    if queue::learn(turn) {
        merging::let_go(turn);
    }
    drive(turn, rules);
}

fn drive(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    bind_if_needed(turn, rules);
    settle(turn, rules);
    commands::answer(turn, &Ground { rules, barred: None }, &mut |turn| settle(turn, rules));
    reviewers::ask(turn, rules);
    let view = if turn.state.models.is_empty() { View::Untouched } else { View::Models(rules) };
    present::present(turn, &view);
}

/// An invalid file: what was decided stays as it is until the file is good again.
fn refuse(turn: &mut Turn<'_>, problems: &str) {
    let barred = Refusal::new(
        "invalid-configuration",
        "`.mergewright.yml` is invalid, so nothing can be done.",
        "Mend the file as the report says; `mergewright check` finds the same problems.",
    );
    let ground = Ground { rules: &BTreeMap::new(), barred: Some(barred) };
    commands::answer(turn, &ground, &mut |_turn| {});
    present::present(turn, &View::Invalid(problems));
}

/// While open, the binding follows the world; a merged head is bound only if it never was.
fn bind_if_needed(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    let request = turn.merge_request();
    let bound = turn.state.bound.as_ref().is_some_and(|bound| bound.head == request.head);
    let bind = match request.status {
        MergeRequestStatus::Open => !merging::under_way(turn),
        MergeRequestStatus::Closed => !bound,
        MergeRequestStatus::Merged { .. } => !bound && !turn.state.past_merge() && turn.open().is_some(),
    };
    if bind {
        bind::bind(turn, rules);
    }
}

/// Brings every model to where the facts and the decisions of people put it.
fn settle(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    match &turn.merge_request().status {
        MergeRequestStatus::Open => {
            if !merging::under_way(turn) {
                judge_all(turn, rules);
            }
            merging::settle(turn, rules);
        }
        MergeRequestStatus::Closed => close(turn),
        MergeRequestStatus::Merged { commit, by } => {
            bless_all(turn, rules, commit, by.as_ref());
            anew::settle(turn, rules);
            publication::advance(turn, rules);
        }
    }
}

fn judge_all(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    for (name, rules) in rules {
        turn.with(name, |turn, model| {
            if !model.is_past_merge() {
                judge::judge(turn, name, model, rules);
            }
        });
    }
}

fn close(turn: &mut Turn<'_>) {
    turn.state.merging = None;
    for name in turn.state.models.keys().cloned().collect::<Vec<_>>() {
        turn.with(&name, |turn, model| {
            model.armed = None;
            turn.enter(&name, model, Phase::Closed, model.stage);
        });
    }
}

/// Judges a merged head one last time, then decides about it for good.
fn bless_all(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>, commit: &Sha, by: Option<&User>) {
    if turn.state.past_merge() || turn.state.models.is_empty() {
        return;
    }
    if turn.facts.merged.is_none() {
        turn.wake_in(LOOK_AGAIN);
        return;
    }
    if turn.open().is_some() {
        judge_all(turn, rules);
    }
    for (name, rules) in rules {
        turn.with(name, |turn, model| {
            if !model.is_past_merge() {
                publication::bless(turn, name, model, rules, commit, by);
            }
        });
    }
    // Neither branch describes it any more: nobody will ask about it again.
    turn.state.models.retain(|name, model| rules.contains_key(name) || model.is_past_merge());
    turn.state.merging = None;
}

#[cfg(test)]
mod tests;
