//! Which commands a check offers as buttons: those that help where the model stands.

use crate::domain::{Button, Buttons, MergeRequestStatus, ModelName, ModelState, Phase};
use crate::engine::default_branch;
use crate::engine::turn::Turn;

/// The buttons for a model. Whether somebody may press one is asked when it is pressed.
pub(super) fn of(turn: &Turn<'_>, name: &ModelName, model: &ModelState) -> Buttons {
    if model.anew.is_some() || turn.merge_request().status == MergeRequestStatus::Closed {
        // What is judged then is not the commit that the check stands on.
        return Buttons::default();
    }
    let hold = if turn.state.holds.contains_key(name) { Button::Unhold } else { Button::Hold };
    match model.phase {
        Phase::AwaitingRun | Phase::GateFailed | Phase::Inconclusive => Buttons::of([Button::Run]),
        Phase::InfraError => Buttons::of([Button::Retry, Button::Run]),
        Phase::AwaitingApproval if model.incomplete_card().is_none() => Buttons::of([Button::Approve, hold]),
        Phase::Ready if default_branch::elsewhere(turn).is_some() => Buttons::of([hold]),
        Phase::Merged if model.publication.is_none() => Buttons::default(),
        Phase::Ready => Buttons::of([Button::Publish, hold]),
        Phase::Held => Buttons::of([hold]),
        Phase::Merged => Buttons::of([Button::Publish]),
        Phase::PublishFailed if !model.publication.as_ref().is_some_and(|one| one.given_up) => {
            Buttons::of([Button::Retry])
        }
        _ => Buttons::default(),
    }
}
