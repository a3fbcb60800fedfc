//! The one label: a view of the phases, never read back.

use crate::domain::{Effect, Label, Phase};
use crate::engine::turn::Turn;

use super::View;

/// Puts on the label of the worst model, when it is another one than before.
pub(super) fn present(turn: &mut Turn<'_>, view: &View<'_>) {
    let label = match view {
        View::Models(_) => {
            let held = |name| turn.state.holds.contains_key(name);
            let models = turn.state.models.iter();
            models.filter_map(|(name, model)| shown(model.phase, held(name))).min()
        }
        View::Invalid(_) => Some(Label::Failed),
        View::Untouched => None,
    };
    if turn.state.shown.label != label {
        turn.state.shown.label = label;
        turn.want(Effect::Label { label });
    }
}

/// A hold is shown wherever the model stands, unless it failed or the merge request is closed.
fn shown(phase: Phase, held: bool) -> Option<Label> {
    if held && phase != Phase::Closed {
        return Some(of(phase).map_or(Label::Hold, |label| label.min(Label::Hold)));
    }
    of(phase)
}

/// The label of a phase; what is over without a version, or waits after the merge, has none.
const fn of(phase: Phase) -> Option<Label> {
    Some(match phase {
        Phase::Building | Phase::AwaitingRun | Phase::Draft => Label::Building,
        Phase::Testing | Phase::InfraError => Label::Testing,
        Phase::AwaitingApproval | Phase::Inconclusive => Label::Review,
        Phase::Ready => Label::Ready,
        Phase::Held => Label::Hold,
        Phase::Merging | Phase::Publishing => Label::Publishing,
        Phase::Published => Label::Published,
        Phase::GateFailed | Phase::PublishFailed | Phase::Unblessed => Label::Failed,
        Phase::Untracked | Phase::Merged | Phase::Closed => return None,
    })
}
