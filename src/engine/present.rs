//! What people see: statuses, one label, one comment. Only what changed is sent.

mod label;
mod section;
mod sentence;
mod status;

use std::collections::BTreeMap;

use crate::domain::{Digest, Effect, ModelName, Phase, StickyReport};

use super::setting::Rules;
use super::turn::Turn;

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
    status::present(turn, view);
    label::present(turn, view);
    let report = match view {
        View::Invalid(problems) => {
            StickyReport { invalid_configuration: Some((*problems).to_owned()), models: Vec::new() }
        }
        // Without a model there is no comment, unless an earlier one would now be wrong.
        View::Untouched if turn.state.shown.report.is_none() => return,
        View::Untouched => StickyReport::default(),
        View::Models(rules) => section::all(turn, rules),
    };
    // Every map key in a report is a string, so it always has a digest.
    let Ok(digest) = Digest::of_json(&report) else { return };
    if turn.state.shown.report != Some(digest) {
        turn.state.shown.report = Some(digest);
        turn.want(Effect::Report { report: Box::new(report) });
    }
}

/// What has to happen next, in our own words.
pub(super) fn next_step(turn: &Turn<'_>, phase: Phase) -> String {
    let prefix = &turn.facts.bot.addressing.prefix;
    let head = turn.merge_request().head.short();
    match phase {
        Phase::Untracked => "The merge request is about to be judged.".to_owned(),
        Phase::Draft => "Mark the merge request as ready to have it judged.".to_owned(),
        Phase::AwaitingRun => format!("A maintainer reads the change and comments `{prefix} run {head}`."),
        Phase::Building => "The build job of this head is awaited.".to_owned(),
        Phase::Testing => "The test job of this head is awaited.".to_owned(),
        Phase::GateFailed => "Push a commit that mends what failed.".to_owned(),
        Phase::Inconclusive => {
            "The gates can decide neither way: make both sides comparable as the table says.".to_owned()
        }
        Phase::InfraError => "A runner failed; see what is said about it above.".to_owned(),
        Phase::AwaitingApproval => format!("An owner approves: `{prefix} approve`."),
        Phase::Ready => format!("An owner publishes: `{prefix} publish`."),
        Phase::Held => "An owner holds it.".to_owned(),
        Phase::Merging => "The merge is under way.".to_owned(),
        Phase::Merged => format!("Merged. An owner publishes: `{prefix} publish`."),
        Phase::Publishing => "The version is being published.".to_owned(),
        Phase::Published => "Nothing is left to do.".to_owned(),
        Phase::PublishFailed => {
            format!("Mend what failed, then comment `{prefix} retry`: the number is kept.")
        }
        Phase::Unblessed => {
            "Not published. Open a merge request that changes the model to have it judged.".to_owned()
        }
        Phase::Closed => "Reopen the merge request to go on.".to_owned(),
    }
}
