//! The merge: asked for once with the head as guard, put off when the forge is not ready.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{
    Done, Effect, MergeRequestStatus, Merging, ModelName, ModelState, Outcome, Phase, Stage, User,
};

use super::default_branch;
use super::queue;
use super::rights::Rights;
use super::setting::Rules;
use super::turn::{Turn, note};

/// How often a merge is put off before people are told.
const PATIENCE: u32 = 5;
/// The pause after the forge put it off first; it doubles with each time.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// When to look again whether a finished merge is visible.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// When to look again whether somebody may publish whose rights could not be read.
const ASK_RIGHTS_AGAIN: Duration = Duration::from_secs(60);

/// Whether the forge was asked to merge this head and has not answered. Until it does, nothing is judged
/// anew: the target branch may already have moved by this very merge, before the merge request says so.
/// If it moved by something else, the merge commit's parent tells.
pub(super) fn under_way(turn: &Turn<'_>) -> bool {
    let request = turn.merge_request();
    let asked = |merging: &Merging| merging.asked.is_some() && merging.head == request.head;
    if queue::is_waiting(turn) {
        return false;
    }
    if queue::has_merged(turn) {
        return true;
    }
    let target = turn.state.bound.as_ref().is_some_and(|bound| bound.target == request.target_branch);
    target && request.status == MergeRequestStatus::Open && turn.state.merging.as_ref().is_some_and(asked)
}

/// Begins the merge of the bound head.
pub(super) fn begin(turn: &mut Turn<'_>, by: &User) {
    let head = turn.merge_request().head.clone();
    turn.record(
        "publication",
        Some(&by.login),
        format!("the merge of {} was asked for", head.short()),
        serde_json::json!({ "head": head }),
    );
    turn.state.merging = Some(Merging { by: by.clone(), head, put_off: 0, retry_at: None, asked: None });
}

/// Gives the merge up; what waits in the queue for it is taken out.
pub(super) fn withdraw(turn: &mut Turn<'_>) {
    if let Some(merging) = turn.state.merging.take() {
        queue::leave(turn, &merging.head);
    }
}

/// Moves the merge on, or gives it up when a model is no longer ready for it.
pub(super) fn settle(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    let ready = !turn.facts.target_gone
        && default_branch::elsewhere(turn).is_none()
        && !turn.state.models.is_empty()
        && turn.state.models.values().all(|model| matches!(model.phase, Phase::Ready | Phase::Merging));
    if !ready {
        withdraw(turn);
    } else if turn.state.merging.is_none()
        && let Some(by) = anybody(turn, rules)
    {
        begin(turn, &by);
    }
    let phase = if turn.state.merging.is_some() { Phase::Merging } else { Phase::Ready };
    for name in turn.state.models.keys().cloned().collect::<Vec<_>>() {
        turn.with(&name, |turn, model| {
            if matches!(model.phase, Phase::Ready | Phase::Merging) {
                turn.enter(&name, model, phase, Stage::Publish);
            }
        });
    }
    ask(turn, rules);
}

/// Who asked to publish as soon as everything is ready: for any of the models, since the merge brings all.
fn anybody(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) -> Option<User> {
    let found = |(name, rules)| turn.with(name, |turn, model| armed(turn, model, rules)).flatten();
    rules.iter().find_map(found)
}

/// Who asked to publish the model as soon as it is ready and still may, by the rights read now.
pub(super) fn armed(turn: &mut Turn<'_>, model: &mut ModelState, rules: &Rules<'_>) -> Option<User> {
    let by = model.armed.clone()?;
    match Rights::of(turn.facts, &by) {
        Some(rights) if rights.owns(rules) => return Some(by),
        Some(_) => {
            model.armed = None;
            let lost = format!("@{} is no owner any more: nothing is published by itself.", by.login);
            note(&mut model.notices, lost);
        }
        // Not knowing denies; it is asked again.
        None => turn.wake_in(ASK_RIGHTS_AGAIN),
    }
    None
}

/// Asks the forge to merge, once a try.
fn ask(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    let Some(mut merging) = turn.state.merging.take() else { return };
    if merging.asked.is_some() {
        // The outcome comes by itself; the merged state may be visible only later.
        if !turn.state.queue.waits {
            turn.wake_in(LOOK_AGAIN);
        }
    } else if turn.state.queue.leaving.is_some() {
        // What takes it out of the queue would take it out again.
    } else if let Some(at) = merging.retry_at.filter(|at| turn.now < *at) {
        turn.wake(at);
    } else {
        turn.state.merges_asked += 1;
        let method = rules.values().next().map(|rules| rules.policy.publish.merge).unwrap_or_default();
        let attempt = turn.state.merges_asked;
        let target = turn.merge_request().target_branch.clone();
        let effect = Effect::Merge { head: merging.head.clone(), method, target, attempt };
        merging.asked = Some(effect.slot());
        merging.retry_at = None;
        turn.want(effect);
    }
    turn.state.merging = Some(merging);
}

/// Hears what became of the merge call.
pub(super) fn hear(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    let Some(mut merging) = turn.state.merging.take() else { return };
    if merging.asked.as_deref() != Some(slot) {
        turn.state.merging = Some(merging);
        return;
    }
    match outcome {
        Outcome::Done(Done::Queued) => {
            turn.state.merging = Some(merging);
            turn.state.queue.waits = true;
            turn.wake_in(queue::LOOK_SOON);
        }
        // Believed when it is seen: the facts say which commit the merge made.
        Outcome::Done(_) => turn.state.merging = Some(merging),
        Outcome::Conflict { .. } if merging.put_off < PATIENCE => {
            let pause = FIRST_PAUSE.saturating_mul(1 << merging.put_off);
            merging.put_off += 1;
            merging.retry_at = Some(turn.now.after(pause));
            merging.asked = None;
            turn.state.merging = Some(merging);
        }
        Outcome::Conflict { reason } | Outcome::Refused { reason } => give_up(turn, &merging, reason),
    }
}

/// The queue let it go: back to ready, if it was we who put it there.
pub(super) fn let_go(turn: &mut Turn<'_>) {
    if let Some(merging) = turn.state.merging.take() {
        give_up(turn, &merging, queue::LET_GO);
    }
}

/// The forge will not merge: back to ready, with its words.
fn give_up(turn: &mut Turn<'_>, merging: &Merging, reason: &str) {
    turn.record(
        "publication",
        None,
        format!("the forge did not merge {}: {reason}", merging.head.short()),
        serde_json::json!({ "head": merging.head, "reason": reason }),
    );
    for model in turn.state.models.values_mut() {
        model.armed = None;
        note(&mut model.notices, format!("The forge did not merge: {reason}"));
    }
}
