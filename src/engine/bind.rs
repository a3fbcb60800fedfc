//! Binds everything that is decided to (head, base, policy), and lets go of it when one of them moves.

use std::collections::BTreeMap;

use crate::domain::{Bound, Left, Measured, MergeRequestStatus, ModelName, ModelState, Sha, State};

use super::setting::{self, Rules};
use super::turn::{Turn, note};
use super::{merging, rescoring, waivers};

/// How many heads of before are remembered; one that is older and comes back counts as new.
const REMEMBERED: usize = 64;
/// Of how many of them the numbers are remembered that a version was measured anew with; they may be many.
const WITH_NUMBERS: usize = 8;

/// Why what was measured of a model no longer holds, though the head is the same.
enum Moved {
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
    let arrived = before.as_ref().is_none_or(|before| before.head != bound.head);
    if arrived {
        turn.state.merging = None;
        turn.state.let_run = None;
        before.iter().for_each(|before| leave(&mut turn.state, before));
    }
    let back = come_back(turn, &bound.head);
    forget_untouched(turn, rules);

    let mut run_again = false;
    for (name, rules) in rules {
        let mut model = turn.state.models.remove(name).unwrap_or_default();
        let begins = arrived || model.candidate == 0;
        let rescorings = Vec::new();
        let known = Measured { policy: model.policy, stale: model.stale.clone(), rescorings };
        if begins {
            let same = before.as_ref().filter(|before| {
                facts.same_content && back.is_none() && moved(turn, before, &bound, &known, rules).is_none()
            });
            match same {
                Some(before) => same_content(turn, name, &mut model, before, &bound),
                None => new_head(turn, name, &mut model, before.as_ref().map(|before| &before.head)),
            }
        }
        if begins && let Some(measured) = back.as_ref().and_then(|left| left.models.get(name)) {
            model.rescorings.clone_from(&measured.rescorings);
        }
        let (last, measured) = match &back {
            Some(left) => (Some(&left.bound), left.models.get(name)),
            None => (before.as_ref(), Some(&known).filter(|_| !begins)),
        };
        let told = turn.retargeted.then_some((Some(Moved::Target), &known));
        let found = last.zip(measured);
        match told
            .or_else(|| found.map(|(last, measured)| (moved(turn, last, &bound, measured, rules), measured)))
        {
            Some((Some(why), _)) => {
                same_head(turn, name, &mut model, &why, begins);
                run_again |= rules.proposal.is_some() && rules.unserved().is_none();
            }
            Some((None, measured)) => {
                for approval in &mut model.approvals {
                    approval.base = bound.base.clone();
                }
                for waiver in &mut model.waivers {
                    waiver.base = bound.base.clone();
                }
                if back.is_some() {
                    // What the forge's approvals were given for was gone in the meantime.
                    model.rebound_at = model.rebound_at.max(Some(request.head_since.unwrap_or(turn.now)));
                    model.stale.clone_from(&measured.stale);
                }
            }
            None => {}
        }
        model.policy = rules.digest;
        model.scrutiny = rules.scrutiny;
        if let Some(changed) = &facts.changed_paths {
            model.evaluation_changes = setting::evaluation_changes(rules, changed);
            model.code_owners = rules.code_owners.cloned().unwrap_or_default();
        }
        turn.state.models.insert(name.clone(), model);
    }
    if run_again {
        merging::withdraw(turn);
        turn.state.let_run = None;
        if !request.from_fork && request.status == MergeRequestStatus::Open {
            turn.start_run();
        }
    }
}

/// Remembers what a head was measured against, in case the branch is set back to it.
fn leave(state: &mut State, before: &Bound) {
    // A head that came back and was left again without having been judged is remembered already.
    if state.left.iter().any(|left| left.bound.head == before.head) {
        return;
    }
    let measured = |model: &ModelState| Measured {
        policy: model.policy,
        stale: model.stale.clone(),
        rescorings: model.rescorings.iter().filter(|known| known.scores.is_some()).cloned().collect(),
    };
    let models = state.models.iter().filter(|(_, model)| model.candidate > 0);
    let models = models.map(|(name, model)| (name.clone(), measured(model))).collect();
    state.left.push(Left { bound: before.clone(), models });
    let surplus = state.left.len().saturating_sub(REMEMBERED);
    state.left.drain(..surplus);
    let without = state.left.len().saturating_sub(WITH_NUMBERS);
    for measured in state.left.iter_mut().take(without).flat_map(|left| left.models.values_mut()) {
        measured.rescorings.clear();
    }
}

/// A head of before, once there is something to judge of it again.
fn come_back(turn: &mut Turn<'_>, head: &Sha) -> Option<Left> {
    turn.open()?;
    let place = turn.state.left.iter().position(|left| left.bound.head == *head)?;
    Some(turn.state.left.remove(place))
}

/// Models that the merge request touched before and touches no longer.
fn forget_untouched(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    let gone = turn.state.models.keys().filter(|name| !rules.contains_key(*name)).cloned();
    for name in gone.collect::<Vec<_>>() {
        if let Some(model) = turn.state.models.remove(&name) {
            stop(turn, &model);
            rescoring::stop(turn, &model);
        }
    }
}

fn moved(
    turn: &Turn<'_>,
    last: &Bound,
    bound: &Bound,
    measured: &Measured,
    rules: &Rules<'_>,
) -> Option<Moved> {
    if last.target != bound.target {
        return Some(Moved::Target);
    }
    if measured.policy != rules.digest {
        return Some(Moved::Policy);
    }
    let paths = turn.facts.base_moved.as_ref()?;
    let path = rules.made_from(turn.facts, paths)?;
    Some(Moved::Base(path.to_owned()))
}

/// Another head: the next candidate begins with nothing but its number.
fn new_head(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, old: Option<&Sha>) {
    stop(turn, model);
    rescoring::stop(turn, model);
    let superseded = old.filter(|_| model.candidate > 0);
    let mut notices = Vec::new();
    if let Some(old) = superseded {
        notices.push(format!("The report of {} is superseded by a new head.", old.short()));
        void_approvals(turn, name, model, &mut notices, "the head moved");
        waivers::void(turn, name, model, &mut notices, "the head moved");
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

/// Another head with the same content: it is built and measured like any other, but what was approved
/// counts on as long as its report says the same.
fn same_content(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    before: &Bound,
    bound: &Bound,
) {
    stop(turn, model);
    rescoring::stop(turn, model);
    let old = before.head.clone();
    let report = model.report.as_ref().map(|report| (report.head.clone(), report.digest()));
    let mut approvals = std::mem::take(&mut model.approvals);
    for approval in &mut approvals {
        (approval.head, approval.base) = (bound.head.clone(), bound.base.clone());
    }
    let mut same_content = std::mem::take(&mut model.same_content);
    same_content.insert(old.clone());
    let mut notices = vec![format!("The report of {} is superseded by a new head.", old.short())];
    for login in &model.approved_by {
        let text = format!("{} has the content of {}", bound.head.short(), old.short());
        notices
            .push(format!("The approval of @{login} is kept as long as the report stays the same: {text}."));
        turn.record(
            "approval",
            Some(login),
            format!("{name}: the approval of {login} is kept: {text}"),
            serde_json::json!({ "model": name, "head": bound.head, "before": old }),
        );
    }
    *model = ModelState {
        phase: model.phase,
        since: model.since,
        candidate: model.candidate + 1,
        reported_before: model.reported_at.map(|_| old).or_else(|| model.reported_before.take()),
        rebound_at: model.rebound_at,
        approvals,
        same_content,
        kept_report: report.or_else(|| model.kept_report.take()),
        notices,
        ..ModelState::default()
    };
}

/// The same head against another base or policy: measured anew, and approved anew. What was said
/// stays if the head `begins` only now.
fn same_head(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, moved: &Moved, begins: bool) {
    stop(turn, model);
    if matches!(moved, Moved::Target) && !turn.retargeted {
        turn.aimed_elsewhere(None);
    }
    let why = match moved {
        Moved::Target => "the target branch is another one".to_owned(),
        Moved::Policy => "the model's policy on the target branch changed".to_owned(),
        Moved::Base(path) => format!("the target branch changed {path}, which the model is made from"),
    };
    let mut notices = if begins { std::mem::take(&mut model.notices) } else { Vec::new() };
    note(&mut notices, format!("The report is superseded: {why}."));
    void_approvals(turn, name, model, &mut notices, &why);
    waivers::void(turn, name, model, &mut notices, &why);
    let reported_before = model.reported_before.take().filter(|_| begins);
    let runs = turn.open().into_iter().flat_map(|open| &open.runs);
    let stale = runs.flat_map(|run| &run.jobs).filter(|job| job.model.as_ref() == Some(name));
    *model = ModelState {
        phase: model.phase,
        since: model.since,
        candidate: model.candidate,
        stale: stale.map(|job| job.id).collect(),
        // By the head's code, on the head's data: neither is another one.
        rescorings: std::mem::take(&mut model.rescorings),
        rebound_at: Some(turn.now),
        reported_before,
        notices,
        ..ModelState::default()
    };
}

/// Stops what still runs for the model.
pub(super) fn stop(turn: &mut Turn<'_>, model: &ModelState) {
    if let Some(run) = model.run.filter(|_| model.run_live) {
        turn.cancel(run);
    }
}

/// Says whose approvals are gone, and why.
pub(super) fn void_approvals(
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
