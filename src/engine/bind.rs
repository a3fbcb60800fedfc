//! Binds everything that is decided to (head, base, policy), and lets go of it when one of them moves.

use std::collections::BTreeMap;

use crate::domain::{Bound, ModelName, ModelState, Sha};

use super::paths::owns;
use super::setting::Rules;
use super::turn::{Turn, note};

/// Why what was known of a model no longer holds.
enum Moved {
    Head,
    Target,
    Policy,
    Base(String),
}

/// Binds the turn's state to the merge request as it is now.
pub(super) fn bind(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    let facts = turn.facts;
    let request = turn.merge_request();
    let bound = Bound {
        head: request.head.clone(),
        base: facts.base.clone(),
        target: request.target_branch.clone(),
        policy: facts.policy.valid().map(|config| config.digest),
        proposal: facts.proposal.valid().map(|config| config.digest),
    };
    let before = turn.state.bound.replace(bound.clone());
    if before.as_ref().is_none_or(|before| before.head != bound.head) {
        turn.state.merging = None;
        turn.state.let_run = None;
    }
    forget_untouched(turn, rules);

    let mut run_again = false;
    for (name, rules) in rules {
        let mut model = turn.state.models.remove(name).unwrap_or_default();
        match moved(turn, before.as_ref(), &bound, &model, rules) {
            Some(Moved::Head) => new_head(turn, name, &mut model, before.as_ref().map(|before| &before.head)),
            Some(other) => {
                same_head(turn, name, &mut model, &other);
                run_again |= rules.proposal.is_some() && rules.unserved().is_none();
            }
            None => {
                for approval in &mut model.approvals {
                    approval.base = bound.base.clone();
                }
            }
        }
        model.policy = rules.digest;
        model.scrutiny = rules.scrutiny;
        turn.state.models.insert(name.clone(), model);
    }
    if run_again {
        turn.state.merging = None;
        turn.state.let_run = None;
        if !request.from_fork {
            turn.start_run();
        }
    }
}

/// Models that the merge request touched before and touches no longer.
fn forget_untouched(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    let gone = turn.state.models.keys().filter(|name| !rules.contains_key(*name)).cloned();
    for name in gone.collect::<Vec<_>>() {
        if let Some(model) = turn.state.models.remove(&name) {
            stop(turn, &model);
        }
    }
}

fn moved(
    turn: &Turn<'_>,
    before: Option<&Bound>,
    bound: &Bound,
    model: &ModelState,
    rules: &Rules<'_>,
) -> Option<Moved> {
    let Some(before) = before else { return Some(Moved::Head) };
    if model.candidate == 0 || before.head != bound.head {
        return Some(Moved::Head);
    }
    if before.target != bound.target {
        return Some(Moved::Target);
    }
    if model.policy != rules.digest {
        return Some(Moved::Policy);
    }
    let paths = turn.facts.base_moved.as_ref()?;
    let path = [Some(rules.policy), rules.proposal].into_iter().flatten().find_map(|side| owns(side, paths));
    path.map(|path| Moved::Base(path.to_owned()))
}

/// Another head: the next candidate begins with nothing but its number.
fn new_head(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, old: Option<&Sha>) {
    stop(turn, model);
    let superseded = old.filter(|_| model.candidate > 0);
    let mut notices = Vec::new();
    if let Some(old) = superseded {
        notices.push(format!("The report of {} is superseded by a new head.", old.short()));
        void_approvals(turn, name, model, &mut notices, "the head moved");
    }
    let reported = model.reported_at.and(superseded).cloned();
    *model = ModelState {
        phase: model.phase,
        since: model.since,
        candidate: model.candidate + 1,
        reported_before: reported.or_else(|| model.reported_before.take()),
        // A head that comes back brings no approval back that another base or policy made void.
        rebound_at: model.rebound_at,
        notices,
        ..ModelState::default()
    };
}

/// The same head against another base or policy: measured anew, and approved anew.
fn same_head(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, moved: &Moved) {
    stop(turn, model);
    let why = match moved {
        Moved::Head => "the head moved".to_owned(),
        Moved::Target => "the target branch is another one".to_owned(),
        Moved::Policy => "the model's policy on the target branch changed".to_owned(),
        Moved::Base(path) => format!("the target branch changed {path}, which belongs to the model"),
    };
    let mut notices = vec![format!("The report is superseded: {why}.")];
    void_approvals(turn, name, model, &mut notices, &why);
    let runs = turn.open().into_iter().flat_map(|open| &open.runs);
    let stale = runs.flat_map(|run| &run.jobs).filter(|job| job.model.as_ref() == Some(name));
    *model = ModelState {
        phase: model.phase,
        since: model.since,
        candidate: model.candidate,
        stale: stale.map(|job| job.id).collect(),
        rebound_at: Some(turn.now),
        notices,
        ..ModelState::default()
    };
}

/// Stops what still runs for the model.
fn stop(turn: &mut Turn<'_>, model: &ModelState) {
    if let Some(run) = model.run.filter(|_| model.run_live) {
        turn.cancel(run);
    }
}

/// Says whose approvals are gone, and why.
fn void_approvals(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &ModelState,
    notices: &mut Vec<String>,
    why: &str,
) {
    for login in &model.approved_by {
        note(notices, format!("The approval of @{login} is void: {why}."));
        turn.record(
            "approval",
            Some(login),
            format!("{name}: the approval of {login} is void: {why}"),
            serde_json::json!({ "model": name, "void": why }),
        );
    }
}
