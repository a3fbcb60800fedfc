//! Checks in the place of statuses, where the forge shows them: the same names and values, with the report,
//! the failing tests on their lines, and buttons.

use std::collections::BTreeMap;

use crate::domain::{
    Buttons, Check, Conclusion, Digest, Effect, Mark, MergeRequestStatus, ModelName, ModelState, Phase,
    Progress, Report, ShownCheck, Stage, Status, StatusState, StickyReport, model_of_check,
};
use crate::engine::setting::Rules;
use crate::engine::turn::Turn;

use super::section::mark;
use super::sentence::Told;
use super::{View, annotate, buttons, merging, together};

/// What a check says that nobody waits for any more.
const OVER: &str = "the merge request ended before this was decided";

/// Asks for every check that does not show what is so now. `wanted` are the statuses that stand for the
/// same.
pub(super) fn present(
    turn: &mut Turn<'_>,
    view: &View<'_>,
    wanted: &BTreeMap<String, Status>,
    report: &StickyReport,
) {
    let head = turn.merge_request().head.clone();
    if turn.state.shown.checks_on.as_ref() != Some(&head) {
        turn.state.shown.checks.clear();
        turn.state.shown.checks_on = Some(head);
    }
    let mut checks: Vec<_> = wanted.values().map(|status| check(turn, view, status, report)).collect();
    for check in checks.iter_mut().filter(|check| is_over(turn, &check.name, check.progress)) {
        *check = given_up(&check.name, report);
    }
    let shown = turn.state.shown.checks.iter().filter(|(name, _)| !wanted.contains_key(*name));
    let left = shown.filter(|(name, shown)| is_over(turn, name, shown.progress));
    checks.extend(left.map(|(name, _)| given_up(name, report)));
    for check in checks {
        send(turn, check);
    }
}

/// A check that nobody waits for any more.
fn given_up(name: &str, report: &StickyReport) -> Check {
    let report = (name == Status::UMBRELLA).then(|| Box::new(report.clone()));
    Check { report, ..plain(name, Progress::Completed(Conclusion::Cancelled), OVER) }
}

/// Asks for the check, where it would look otherwise than it does.
fn send(turn: &mut Turn<'_>, check: Check) {
    let (progress, name) = (check.progress, check.name.clone());
    let shown = turn.state.shown.checks.get(&name);
    let known = shown.is_some_and(|shown| shown.progress == progress);
    // A merge is over in a moment, and then there is more to tell; and what a decided stage rested on is
    // not read any more once the merge request is not open.
    let rests = progress.is_completed() && turn.merge_request().status != MergeRequestStatus::Open;
    let rests = rests && model_of_check(&name).is_some();
    if known && (merging(turn) || rests) {
        return;
    }
    // Every map key in a check is a string, so it always has a digest.
    let Ok(digest) = Digest::of_json(&check) else { return };
    if shown.is_none_or(|shown| shown.digest != digest) {
        turn.state.shown.checks.insert(name, ShownCheck { progress, digest });
        let sha = turn.merge_request().head.clone();
        turn.want(Effect::Check { sha, check: Box::new(check) });
    }
}

/// Whether nothing will decide it any more: the merge request is closed, or it was merged without it.
/// Publishing alone goes on after a merge.
fn is_over(turn: &Turn<'_>, name: &str, progress: Progress) -> bool {
    let publishing = name.ends_with(&format!("/{}", Stage::Publish));
    !progress.is_completed()
        && match turn.merge_request().status {
            MergeRequestStatus::Open => false,
            // Those that are open still wait for it.
            _ if together::is_said_by_others(turn, name) => false,
            MergeRequestStatus::Closed => true,
            MergeRequestStatus::Merged { .. } => !publishing && turn.state.past_merge(),
        }
}

/// The check that stands for a status.
fn check(turn: &Turn<'_>, view: &View<'_>, status: &Status, report: &StickyReport) -> Check {
    if status.context == Status::UMBRELLA {
        return umbrella(turn, view, status, report);
    }
    let of_model = |name: ModelName| {
        let View::Models(rules) = view else { return None };
        let stage =
            Stage::ALL.into_iter().find(|stage| Status::context_of(&name, *stage) == status.context)?;
        Some(of_stage(turn, rules, (&name, turn.state.models.get(&name)?, stage), status, report))
    };
    model_of_check(&status.context)
        .and_then(of_model)
        .unwrap_or_else(|| plain(&status.context, progress(status.state), &status.description))
}

/// A check without anything below its sentence.
pub(super) fn plain(name: &str, progress: Progress, title: &str) -> Check {
    Check {
        name: name.to_owned(),
        progress,
        title: title.to_owned(),
        report: None,
        annotations: Vec::new(),
        buttons: Buttons::default(),
        edition: 0,
        measured: None,
    }
}

pub(super) const fn progress(state: StatusState) -> Progress {
    match state {
        StatusState::Pending => Progress::InProgress,
        StatusState::Success => Progress::Completed(Conclusion::Success),
        StatusState::Failure | StatusState::Error => Progress::Completed(Conclusion::Failure),
    }
}

/// The whole report, and the buttons of the model if there is only one.
fn umbrella(turn: &Turn<'_>, view: &View<'_>, status: &Status, report: &StickyReport) -> Check {
    let said = *report != StickyReport::default();
    let mut check = plain(&status.context, progress(status.state), &status.description);
    check.report = said.then(|| Box::new(report.clone()));
    let View::Models(rules) = view else { return check };
    if status.state == StatusState::Pending && says_itself(turn, status) {
        // Unlike a status, it is sent again when the sentence changes.
        let waiting = turn.state.models.iter().filter(|(_, model)| !is_good(model.phase));
        let told =
            waiting.map(|(name, model)| format!("{name}: {}", told(turn, rules, name, model).stands()));
        check.title = told.collect::<Vec<_>>().join("; ");
    }
    if let Some((name, model)) = turn.state.models.first_key_value().filter(|_| turn.state.models.len() == 1)
    {
        offer(turn, name, model, &mut check);
    }
    check
}

/// One stage of one model: its sentence, and where it failed what the report says of the model.
fn of_stage(
    turn: &Turn<'_>,
    rules: &BTreeMap<ModelName, Rules<'_>>,
    (name, model, stage): (&ModelName, &ModelState, Stage),
    status: &Status,
    report: &StickyReport,
) -> Check {
    let mut check = plain(&status.context, progress(status.state), &status.description);
    if status.state == StatusState::Pending && model.anew.is_none() && says_itself(turn, status) {
        match mark(model, stage) {
            Mark::Active => check.title = told(turn, rules, name, model).stands(),
            _ => check.progress = Progress::Queued,
        }
    }
    if check.progress == Progress::Completed(Conclusion::Failure) {
        let section = report.models.iter().filter(|section| section.model == *name).cloned().collect();
        check.report = Some(Box::new(StickyReport { invalid_configuration: None, models: section }));
        if let (Stage::Test, Some(finding), Some(rules)) = (stage, turn.findings.get(name), rules.get(name)) {
            let root = &rules.proposal.unwrap_or(rules.policy).root;
            check.annotations = annotate::failing_tests(&finding.failing_tests, root);
        }
    }
    // With several models the umbrella cannot say which one a button is about.
    let offers = if model.stage < Stage::Review { model.stage } else { Stage::Review };
    if turn.state.models.len() > 1 && stage == offers {
        offer(turn, name, model, &mut check);
    }
    check
}

/// Whether the merge request alone would say so too, and not only another one with its head.
fn says_itself(turn: &Turn<'_>, status: &Status) -> bool {
    turn.state.shown.said.own.get(&status.context).is_none_or(|own| *own == status.state)
}

/// Puts the buttons on, and what a press tells back. On a head of several merge requests nobody could see
/// which of them a button is about.
fn offer(turn: &Turn<'_>, name: &ModelName, model: &ModelState, check: &mut Check) {
    if together::is_shared(turn) {
        return;
    }
    check.buttons = buttons::of(turn, name, model);
    if !check.buttons.all().is_empty() {
        check.edition = turn.state.presses;
        check.measured = model.report.as_ref().map(Report::digest);
    }
}

fn told<'a>(
    turn: &'a Turn<'_>,
    rules: &'a BTreeMap<ModelName, Rules<'a>>,
    name: &ModelName,
    model: &'a ModelState,
) -> Told<'a> {
    Told { model, rules: rules.get(name), finding: turn.findings.get(name) }
}

/// Whether the model keeps nothing pending.
const fn is_good(phase: Phase) -> bool {
    matches!(phase, Phase::Ready | Phase::Merging | Phase::Merged | Phase::Publishing | Phase::Published)
}
