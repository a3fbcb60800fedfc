//! What people see: statuses or checks, one label, one comment. Only what changed is sent.

mod annotate;
mod buttons;
mod check;
mod explain;
mod label;
mod section;
mod sentence;
mod status;
mod together;
mod trial;

use std::collections::BTreeMap;

use crate::domain::{Digest, Effect, ForgeKind, ModelName, ModelState, Phase, StickyReport};

use super::setting::Rules;
use super::turn::Turn;
use super::{card, default_branch, holds};

pub(super) use explain::explain;

/// Said where all is done.
const NOTHING_LEFT: &str = "Nothing is left to do.";

/// What the merge request is, as far as showing it goes.
pub(super) enum View<'a> {
    /// The configuration cannot be used.
    Invalid(&'a str),
    /// No model is touched.
    Untouched,
    /// One section a model.
    Models(&'a BTreeMap<ModelName, Rules<'a>>),
}

/// Asks for whatever is not shown yet.
pub(super) fn present(turn: &mut Turn<'_>, view: &View<'_>) {
    let report = report(turn, view);
    status::present(turn, view, &report);
    trial::present(turn, view);
    label::present(turn, view);
    // A merge is over in a moment, and then there is more to tell.
    if merging(turn) && turn.state.shown.report.is_some() {
        return;
    }
    // Without a model there is no comment, unless an earlier one would now be wrong.
    if matches!(view, View::Untouched) && turn.state.shown.report.is_none() {
        return;
    }
    // Every map key in a report is a string, so it always has a digest.
    let Ok(digest) = Digest::of_json(&report) else { return };
    if turn.state.shown.report != Some(digest) {
        turn.state.shown.report = Some(digest);
        turn.want(Effect::Report { report: Box::new(report) });
    }
}

fn report(turn: &Turn<'_>, view: &View<'_>) -> StickyReport {
    match view {
        View::Invalid(problems) => {
            StickyReport { invalid_configuration: Some((*problems).to_owned()), models: Vec::new() }
        }
        View::Untouched => StickyReport::default(),
        View::Models(rules) => section::all(turn, rules),
    }
}

/// Whether the merge is asked for in this turn.
fn merging(turn: &Turn<'_>) -> bool {
    turn.wants(|effect| matches!(effect, Effect::Merge { .. }))
}

/// What has to happen next, in our own words.
pub(super) fn next_step(turn: &Turn<'_>, model: &ModelState) -> String {
    let prefix = &turn.facts.bot.addressing.prefix;
    let head = turn.judged(model).short();
    if let Some(default) = default_branch::elsewhere(turn) {
        let target = &turn.merge_request().target_branch;
        match model.phase {
            Phase::Ready => {
                return format!(
                    "Merge it at the forge when you like: it goes into `{target}`, and versions are published from \
                     `{default}` alone."
                );
            }
            Phase::Merged | Phase::Unblessed => {
                return format!(
                    "Merged into `{target}`. Versions are published from `{default}` alone. {}",
                    default_branch::brings(turn, default)
                );
            }
            _ => {}
        }
    }
    match model.phase {
        Phase::Building | Phase::Testing if model.anew.is_some() => {
            let job = if model.phase == Phase::Building { "build" } else { "test" };
            format!("The {job} job of the merge commit {head} is awaited; then owners approve it anew.")
        }
        Phase::GateFailed if model.anew.is_some() => format!(
            "The merge commit is not published. Mend what failed in another merge request, or comment \
             `{prefix} run` to have this one judged again."
        ),
        Phase::AwaitingApproval if model.anew.is_some() && model.incomplete_card().is_none() => {
            format!("An owner approves the merge commit {head}: `{prefix} approve`.")
        }
        Phase::Ready if model.anew.is_some() => {
            format!("An owner publishes the merge commit {head}: `{prefix} publish`.")
        }
        Phase::Untracked => "The merge request is about to be judged.".to_owned(),
        Phase::Draft => "Mark the merge request as ready to have it judged.".to_owned(),
        Phase::AwaitingRun => {
            let where_to = match turn.facts.repository.id.forge {
                ForgeKind::GitLab => " It then runs in this project, with this project's variables.",
                ForgeKind::GitHub => "",
            };
            format!("A maintainer reads the change and comments `{prefix} run {head}`.{where_to}")
        }
        Phase::Building => "The build job of this head is awaited.".to_owned(),
        Phase::Testing => "The test job of this head is awaited.".to_owned(),
        Phase::GateFailed if waivable(model) => format!(
            "Push a commit that mends what failed, or an owner waives a rule on this head: \
             `{prefix} waive RULE REASON`."
        ),
        Phase::GateFailed => "Push a commit that mends what failed.".to_owned(),
        Phase::Inconclusive => {
            format!(
                "The gates can decide neither way. Where the table says *inconclusive*, measure with more seeds \
                 or samples, or run again: `{prefix} run`; where it says *incomparable*, make both sides \
                 comparable; or an owner waives the rule on this head: `{prefix} waive RULE REASON`. An approval does not decide it."
            )
        }
        Phase::InfraError => "A runner failed; see what is said about it above.".to_owned(),
        Phase::AwaitingApproval => match model.incomplete_card() {
            Some(card) => card::hint(card),
            None => format!("An owner approves: `{prefix} approve`."),
        },
        Phase::Ready => format!("An owner publishes: `{prefix} publish`."),
        Phase::Held => {
            format!(
                "All is green, but an owner holds it; whoever does, or another one, ends that: `{prefix} unhold`."
            )
        }
        Phase::Merging if turn.state.queue.waits => {
            format!(
                "It waits in the merge queue of `{}`; the forge merges it.",
                turn.merge_request().target_branch
            )
        }
        Phase::Merging => "The merge is under way.".to_owned(),
        Phase::Merged => format!("Merged. An owner publishes: `{prefix} publish`."),
        Phase::Publishing => "The version is being published.".to_owned(),
        Phase::Published => NOTHING_LEFT.to_owned(),
        Phase::PublishFailed if model.publication.as_ref().is_some_and(|one| one.given_up) => {
            "Nothing more is published of this merge request; another one publishes the next version."
                .to_owned()
        }
        Phase::PublishFailed => {
            format!("Mend what failed, then comment `{prefix} retry`: the number is kept.")
        }
        Phase::Unblessed => {
            format!("Not published. Comment `{prefix} run` to have the merge commit judged anew.")
        }
        Phase::Closed => "Reopen the merge request to go on.".to_owned(),
    }
}

/// That a model is held, in our own words.
pub(super) fn held(turn: &Turn<'_>, name: &ModelName) -> String {
    format!("`{name}` is held until `{}`.", holds::release(turn, name))
}

/// Whether rules are all that failed, and none of them is required.
fn waivable(model: &ModelState) -> bool {
    let tests =
        model.report.iter().flat_map(|report| &report.tests).map(|tests| tests.failed.len()).sum::<usize>();
    let mut unmet = model.judged.iter().filter(|judged| judged.blocks()).peekable();
    tests == 0 && unmet.peek().is_some() && unmet.all(|judged| !judged.required)
}
