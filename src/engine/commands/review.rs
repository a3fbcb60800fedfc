//! `approve` and `unapprove`.

use crate::domain::ModelName;
use crate::engine::turn::Turn;
use crate::engine::{approvals, objections};

use super::asked::{self, Asked, Done, Refusal};

/// An owner who did not write it approves what is judged now.
pub(super) fn approve(turn: &mut Turn<'_>, asked: &Asked<'_>, name: &ModelName, sha: Option<&str>) -> Done {
    asked::judged(turn, name)?;
    asked::meant(turn, asked, name, sha)?;
    if objections::of(turn, asked.by) {
        return Err(Refusal::new(
            "changes-requested",
            "Your own review in the forge asks for changes, and that stands.",
            "Approve with the forge's own review: it takes the place of the earlier one and counts the same.",
        ));
    }
    let saw = asked::saw_report(turn, asked, name);
    turn.with(name, |turn, model| {
        if let Some(bound) = turn.bound(model).cloned() {
            approvals::give(model, &bound, asked.by, asked.at, saw);
        }
    });
    Ok(None)
}

/// The person takes the own approval back.
pub(super) fn unapprove(turn: &mut Turn<'_>, asked: &Asked<'_>, name: &ModelName) -> Done {
    asked::judged(turn, name)?;
    let Some(model) = turn.state.models.get_mut(name) else { return Ok(None) };
    let before = model.approvals.len();
    model.approvals.retain(|approval| approval.by.id != asked.by.id);
    if model.approvals.len() < before {
        return Ok(None);
    }
    Err(Refusal::new(
        "nothing-to-withdraw",
        "There is no approval that you gave by a command.",
        "An approval given by the forge's own button is withdrawn there.",
    ))
}
