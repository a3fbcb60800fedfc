//! Commit statuses: the umbrella, and one a stage.

use std::collections::BTreeMap;

use crate::domain::{
    Effect, ForgeKind, ForgedStatus, Generated, Mark, MergeRequestStatus, ModelName, Phase, RunId, Sha,
    Stage, Status, StatusState, StickyReport,
};
use crate::engine::default_branch;
use crate::engine::setting::Rules;
use crate::engine::turn::Turn;

use super::section::mark;
use super::sentence::Told;
use super::{View, check, together};

/// What the umbrella says where no model is touched.
pub(super) const UNTOUCHED: &str = "no model changed";
// A sentence stays as long as its value does, so it says nothing that goes on.
const UNDECIDED: &str = "not decided yet: the report says what is awaited";
const NOT_OURS: &str = "not set by mergewright";
pub(super) const GOOD: &str = "build, test and review are good";

/// Asks for every status whose value is not the one that was sent last; where the forge shows checks, for
/// checks of the same names instead.
pub(super) fn present(turn: &mut Turn<'_>, view: &View<'_>, report: &StickyReport) {
    let Some((sha, run)) = place(turn) else { return together::says_nothing(turn) };
    let here = Some((sha.clone(), run));
    if turn.state.shown.statuses_on != here {
        turn.state.shown.statuses.clear();
        turn.state.shown.others.clear();
        turn.state.shown.statuses_on = here;
    }
    let mut wanted = match view {
        View::Invalid(_) => BTreeMap::from([umbrella(StatusState::Error, "`.mergewright.yml` is invalid")]),
        View::Untouched => BTreeMap::from([umbrella(StatusState::Success, UNTOUCHED)]),
        View::Models(rules) => models(turn, rules),
    };
    if !matches!(view, View::Invalid(_)) {
        wanted.extend(generated(turn, &sha));
    }
    let again = together::agree(turn, &mut wanted);
    let mut wanted = if turn.facts.bot.checks {
        turn.state.shown.checks.retain(|name, _| !again.contains(name));
        check::present(turn, view, &wanted, report);
        // A check does not outdo a status of its name: where both stand, both count, so that a status that
        // stands is kept true.
        beside_checks(turn, wanted)
    } else {
        wanted
    };
    put_right(turn, &mut wanted);
    turn.state.shown.statuses.retain(|name, _| !again.contains(name));
    for (context, status) in wanted {
        // A sentence alone is no reason: GitLab refuses to change it, and each write counts at both.
        if turn.state.shown.statuses.get(&context).is_none_or(|shown| shown.state != status.state) {
            turn.state.shown.statuses.insert(context, status.clone());
            turn.want(Effect::Status { sha: sha.clone(), run, status });
        }
    }
}

/// The statuses that are kept up beside checks: those that we set before there were checks, and those that
/// somebody else set in our name.
fn beside_checks(turn: &Turn<'_>, mut wanted: BTreeMap<String, Status>) -> BTreeMap<String, Status> {
    let forged = |name: &String| {
        turn.open().is_some_and(|open| open.forged.iter().any(|forged| forged.context == *name))
    };
    wanted.retain(|name, _| turn.state.shown.statuses.contains_key(name) || forged(name));
    wanted
}

/// What somebody else set in our name is set again; a name that we do not use (yet) says so.
fn put_right(turn: &mut Turn<'_>, wanted: &mut BTreeMap<String, Status>) {
    for forged in turn.open().into_iter().flat_map(|open| &open.forged) {
        let ForgedStatus { context, by } = forged;
        turn.state.shown.statuses.remove(context);
        if together::is_said_by_others(turn, context) && !wanted.contains_key(context) {
            continue;
        }
        wanted.entry(context.clone()).or_insert_with(|| Status {
            context: context.clone(),
            state: StatusState::Error,
            description: NOT_OURS.to_owned(),
        });
        let what = format!("{} set the status {context} in the bot's name; it is set again", by.login);
        turn.record(
            "tampering",
            Some(&by.login),
            what,
            serde_json::json!({ "status": context, "by": by.id }),
        );
    }
}

/// Whether the CI files of the head are those that its configuration generates; nothing where none is ours.
fn generated(turn: &Turn<'_>, head: &Sha) -> Option<(String, Status)> {
    let found = turn.state.generated.as_ref().filter(|found| found.head == *head)?;
    let (state, description) = match &found.files {
        Generated::Absent => return None,
        Generated::Current => (StatusState::Success, "the CI files are as generated".to_owned()),
        Generated::Differs { why } => {
            let prefix = &turn.facts.bot.addressing.prefix;
            (StatusState::Failure, format!("{why}: `{prefix} regenerate` mends it"))
        }
    };
    let context = Status::GENERATED.to_owned();
    Some((context.clone(), Status { context, state, description }))
}

/// Where statuses go: on the present head; at GitLab joined to its newest run, and not before that.
fn place(turn: &Turn<'_>) -> Option<(Sha, Option<RunId>)> {
    let head = turn.merge_request().head.clone();
    if turn.facts.repository.id.forge == ForgeKind::GitHub {
        return Some((head, None));
    }
    // Runs that judge a merge commit anew are none of the head's.
    let anew = turn.state.models.values().any(|model| model.anew.is_some());
    let newest = turn.open().filter(|_| !anew).and_then(|open| open.runs.first()).map(|run| run.id);
    let before = turn.state.shown.statuses_on.as_ref().filter(|(sha, _)| *sha == head);
    let run = newest.or_else(|| before.and_then(|(_, run)| *run))?;
    Some((head, Some(run)))
}

fn umbrella(state: StatusState, description: &str) -> (String, Status) {
    let context = Status::UMBRELLA.to_owned();
    (context.clone(), Status { context, state, description: description.to_owned() })
}

/// The statuses of the touched models.
fn models(turn: &Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) -> BTreeMap<String, Status> {
    let mut wanted = BTreeMap::new();
    let mut values = Vec::new();
    for (name, model) in &turn.state.models {
        let broken = turn.findings.get(name).is_some_and(|finding| finding.error.is_some());
        if broken {
            values.push(Some((StatusState::Error, format!("{name}: cannot be served, see the report"))));
            continue;
        }
        let told = Told { model, rules: rules.get(name), finding: turn.findings.get(name) };
        if model.anew.is_some() {
            // The head was never found good: its statuses stay as they were, but for how publishing goes.
            values.push(None);
            wanted.extend([publish_anew(name, told)]);
            continue;
        }
        values.push(of_phase(model.phase).map(|state| match state {
            StatusState::Pending => (state, UNDECIDED.to_owned()),
            StatusState::Success => (state, GOOD.to_owned()),
            StatusState::Failure | StatusState::Error => (state, format!("{name}: {}", told.stands())),
        }));
        if model.phase != Phase::Closed {
            wanted.extend(stages(turn, name, told));
        }
    }
    // One model that says nothing (closed, unblessed) leaves the umbrella as it was.
    if let Some(values) = values.into_iter().collect::<Option<Vec<_>>>()
        && let Some((state, description)) = values.into_iter().max_by_key(|(state, _)| *state)
    {
        wanted.extend([umbrella(state, &description)]);
    }
    wanted
}

/// The umbrella's value for a phase; none = as it was before.
pub(super) const fn of_phase(phase: Phase) -> Option<StatusState> {
    Some(match phase {
        Phase::Untracked
        | Phase::Draft
        | Phase::AwaitingRun
        | Phase::Building
        | Phase::Testing
        | Phase::AwaitingApproval
        | Phase::InfraError
        | Phase::Inconclusive
        | Phase::Held => StatusState::Pending,
        Phase::GateFailed => StatusState::Failure,
        Phase::Ready
        | Phase::Merging
        | Phase::Merged
        | Phase::Publishing
        | Phase::Published
        | Phase::PublishFailed => StatusState::Success,
        Phase::Unblessed | Phase::Closed => return None,
    })
}

/// The stage `publish` of a model that was not published as it was merged.
fn publish_anew(name: &ModelName, told: Told<'_>) -> (String, Status) {
    let (state, description) = match told.model.phase {
        Phase::Published => (StatusState::Success, told.stands()),
        Phase::GateFailed | Phase::PublishFailed => (StatusState::Failure, told.stands()),
        _ => (StatusState::Pending, UNDECIDED.to_owned()),
    };
    let context = Status::context_of(name, Stage::Publish);
    (context.clone(), Status { context, state, description })
}

fn stages(turn: &Turn<'_>, name: &ModelName, told: Told<'_>) -> Vec<(String, Status)> {
    let model = told.model;
    let merged = matches!(turn.merge_request().status, MergeRequestStatus::Merged { .. });
    let removed = told.rules.is_some_and(|rules| rules.proposal.is_none());
    let published = merged && !removed && default_branch::elsewhere(turn).is_none();
    let shown = Stage::ALL.into_iter().filter(|stage| published || *stage != Stage::Publish);
    shown
        .map(|stage| {
            let (state, description) = match mark(model, stage) {
                Mark::Waiting | Mark::Active => (StatusState::Pending, UNDECIDED.to_owned()),
                Mark::Passed => (StatusState::Success, told.passed(stage)),
                Mark::Failed => (StatusState::Failure, told.stands()),
            };
            let context = Status::context_of(name, stage);
            (context.clone(), Status { context, state, description })
        })
        .collect()
}
