//! The queue that the target branch is merged by. It is the forge's: the bot puts merge requests into it and
//! says of what it tries what it says of their heads.

use std::time::Duration;

use crate::domain::{Effect, MergeRequestStatus, Outcome, Sha};

use super::turn::Turn;

/// When to look first, and as long as nothing is tried yet, in case no hook tells.
pub(super) const LOOK_SOON: Duration = Duration::from_secs(30);
/// When to look again at what is tried.
const LOOK_AGAIN: Duration = Duration::from_secs(5 * 60);
/// How long what is in the queue no more may take to be seen as merged.
const MERGED_WITHIN: Duration = Duration::from_secs(30);

/// What people are told of a merge request that left the queue unmerged.
pub(super) const LET_GO: &str = "it is no longer in the merge queue; the queue's own checks and the forge's timeline \
    say why. An owner may publish again.";

/// Takes in how the merge request waits. True where it left the queue without being merged.
pub(super) fn learn(turn: &mut Turn<'_>) -> bool {
    if turn.merge_request().status != MergeRequestStatus::Open {
        turn.state.queue.clear();
        return false;
    }
    let Some(fact) = &turn.facts.queue else { return false };
    if let Some(queued) = &fact.queued {
        turn.state.queue.waits = true;
        turn.state.queue.missing_since = None;
        turn.wake_in(if queued.trial.is_some() { LOOK_AGAIN } else { LOOK_SOON });
        return false;
    }
    if !turn.state.queue.waits {
        return false;
    }
    let since = *turn.state.queue.missing_since.get_or_insert(turn.now);
    let until = since.after(MERGED_WITHIN);
    if turn.now < until {
        turn.wake(until);
        return false;
    }
    turn.state.queue.clear();
    true
}

/// Whether it is in the queue and nothing was made of the target branch by it: then the world may move as
/// before, and is judged.
pub(super) fn is_waiting(turn: &Turn<'_>) -> bool {
    let queued = turn.facts.queue.as_ref().and_then(|fact| fact.queued.as_ref());
    let base = &turn.facts.base;
    turn.state.queue.waits
        && queued.is_some_and(|queued| queued.trial.as_ref().is_none_or(|trial| trial.commit != *base))
}

/// Whether the target branch is what was tried: the merge is done, though the merge request does not say so yet.
pub(super) fn has_merged(turn: &Turn<'_>) -> bool {
    let tried = turn.state.queue.shown.as_ref().is_some_and(|(commit, _)| *commit == turn.facts.base);
    turn.state.queue.waits && tried && turn.merge_request().status == MergeRequestStatus::Open
}

/// Takes out what we put into it.
pub(super) fn leave(turn: &mut Turn<'_>, head: &Sha) {
    if !turn.state.queue.waits || *head != turn.merge_request().head {
        return;
    }
    let effect = Effect::LeaveQueue { head: head.clone(), attempt: turn.state.merges_asked };
    turn.state.queue.leaving = Some(effect.slot());
    turn.record(
        "publication",
        None,
        format!("{} is taken out of the merge queue: it is not ready any more", head.short()),
        serde_json::json!({ "head": head }),
    );
    turn.want(effect);
}

/// Hears that it was taken out, or could not be. What the queue says next tells which.
pub(super) fn hear(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    if turn.state.queue.leaving.as_deref() != Some(slot) {
        return;
    }
    turn.state.queue.leaving = None;
    if let Outcome::Refused { reason } | Outcome::Conflict { reason } = outcome {
        turn.record(
            "publication",
            None,
            format!("it could not be taken out of the merge queue: {reason}"),
            serde_json::json!({ "slot": slot, "reason": reason }),
        );
    }
}
