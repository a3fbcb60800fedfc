//! Versions come from the default branch alone: another branch is judged by a policy that whoever may push
//! wrote himself.

use super::commands::Refusal;
use super::turn::Turn;
use crate::domain::MergeRequestStatus;

/// The default branch, where the merge request goes into another one.
pub(super) fn elsewhere<'a>(turn: &Turn<'a>) -> Option<&'a str> {
    let default = &turn.facts.repository.default_branch;
    (turn.merge_request().target_branch != *default).then_some(default.as_str())
}

/// What is published comes from the default branch.
pub(super) fn refuse(turn: &Turn<'_>) -> Result<(), Refusal> {
    let Some(default) = elsewhere(turn) else { return Ok(()) };
    let target = &turn.merge_request().target_branch;
    let (goes, remedy) = match turn.merge_request().status {
        MergeRequestStatus::Merged { .. } => ("went", brings(turn, default)),
        MergeRequestStatus::Open | MergeRequestStatus::Closed => (
            "goes",
            format!(
                "Aim it at `{default}`, or merge it and open a merge request from `{target}` into `{default}`."
            ),
        ),
    };
    let why = format!(
        "This merge request {goes} into `{target}`, and versions are published from `{default}` alone."
    );
    Err(Refusal::new("not-default-branch", why, remedy))
}

/// How that what was merged elsewhere comes to be published.
pub(super) fn brings(turn: &Turn<'_>, default: &str) -> String {
    let target = &turn.merge_request().target_branch;
    format!("A merge request from `{target}` into `{default}` has it judged and published there.")
}
