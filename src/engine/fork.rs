//! Code from outside: it runs only at a commit that a maintainer named, and on GitHub without secrets.

use crate::domain::{ForgeKind, MergeRequestStatus};

use super::setting::Rules;
use super::turn::Turn;

/// What makes jobs with secrets run.
pub(super) const WITH_SECRETS: &str =
    "Bring the change from a branch of this repository, where its jobs get their secrets.";

/// Whether the merge request brings code from another repository. What was merged is no code from outside
/// any more.
pub(super) fn is_outside(turn: &Turn<'_>) -> bool {
    let request = turn.merge_request();
    request.from_fork && request.status == MergeRequestStatus::Open
}

/// Whether a maintainer named the present head.
pub(super) fn is_let_run(turn: &Turn<'_>) -> bool {
    turn.state.let_run.as_ref() == Some(&turn.merge_request().head)
}

/// Whether a run of the present head that we start ourselves would bring code from outside, which nobody
/// named, together with what this repository keeps secret. At GitHub it never does.
pub(super) fn would_leak(turn: &Turn<'_>) -> bool {
    is_outside(turn) && !is_let_run(turn) && turn.facts.repository.id.forge == ForgeKind::GitLab
}

/// Why the jobs of the model cannot do their work, if they need secrets and get none.
pub(super) fn secrets_withheld(turn: &Turn<'_>, rules: &Rules<'_>) -> Option<String> {
    if !is_outside(turn) || turn.facts.repository.id.forge != ForgeKind::GitHub {
        return None;
    }
    let model = rules.proposal?;
    let mut names: Vec<_> =
        model.build.secrets.iter().chain(&model.test.secrets).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| {
        format!(
            "Its build and test jobs need secrets ({}), and GitHub gives none to a run of a fork.",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )
    })
}
