//! The stage tag: git says which version an environment got, in one sequence over all environments.

use std::time::Duration;

use crate::domain::{Assignment, Done, Effect, Outcome, Rollout, Tag, Timestamp};

use super::{Turn, follow};

/// When to try again after the forge refused the tag.
const TRY_AGAIN: Duration = Duration::from_secs(300);
/// When to look whether a tag was made whose answer is awaited.
const LOOK_AGAIN: Duration = Duration::from_secs(120);

/// Makes the tag, or finds that it is there; then the version is live.
pub(super) fn tag(turn: &mut Turn<'_>, rollout: &mut Rollout) {
    if let Some(number) = rollout.stage.filter(|_| rollout.tagged) {
        return follow::enter(turn, rollout, number);
    }
    turn.wake_in(LOOK_AGAIN);
    if rollout.asked.is_some() {
        return;
    }
    if let Some(at) = rollout.retry_at.filter(|at| turn.now < *at) {
        return turn.wake(at);
    }
    let Some(tags) = &turn.facts.stage_tags else { return };
    if let Some(number) = made(turn, rollout, tags) {
        rollout.tagged = true;
        return follow::enter(turn, rollout, number);
    }
    // One at a time: the next number is known only when this one is taken.
    if other_is_tagging(turn, rollout) {
        return;
    }
    let number = next(turn, rollout, tags);
    rollout.stage = Some(number);
    let assignment = Box::new(assignment(turn, rollout, number));
    turn.ask(rollout, Effect::AssignStage { assignment });
}

/// Hears what became of the tag.
pub(super) fn hear(rollout: &mut Rollout, outcome: &Outcome, now: Timestamp) {
    match outcome {
        Outcome::Done(Done::Tagged { .. }) => {
            rollout.tagged = true;
            rollout.retry_at = None;
        }
        // Somebody took the name: the tags are read again and another number is taken.
        Outcome::Done(_) | Outcome::Conflict { .. } => rollout.stage = None,
        Outcome::Refused { reason } => {
            rollout.stage = None;
            rollout.retry_at = Some(now.after(TRY_AGAIN));
            rollout.notice = Some(format!("Deployed, but git cannot be told yet: {reason}"));
        }
    }
}

/// The number under which exactly this rollout stands in git already.
fn made(turn: &Turn<'_>, rollout: &Rollout, tags: &[Tag]) -> Option<u64> {
    tags.iter().find_map(|tag| {
        let (environment, number) = Assignment::read_tag(turn.model(), &tag.name)?;
        let ours = assignment(turn, rollout, number).canonical();
        let same = environment == rollout.environment && tag.commit == rollout.commit;
        (same && tag.message.trim_end() == ours).then_some(number)
    })
}

fn other_is_tagging(turn: &Turn<'_>, rollout: &Rollout) -> bool {
    let active = turn.state.stands.values().filter_map(|stand| stand.active.as_ref());
    let mut others = active.filter(|other| other.number != rollout.number);
    others.any(|other| other.step == rollout.step && other.asked.is_some())
}

/// The next number that no stage tag of the model has, in whatever environment. Tags of others further up
/// do not move the sequence.
fn next(turn: &mut Turn<'_>, rollout: &Rollout, tags: &[Tag]) -> u64 {
    let mut number = turn.state.numbered.saturating_add(1);
    let taken = |number: u64| {
        let read =
            |tag: &Tag| Assignment::read_tag(&turn.facts.id.model, &tag.name).map(|(_, number)| number);
        tags.iter().any(|tag| read(tag) == Some(number))
    };
    let mut skipped = Vec::new();
    while taken(number) && number < u64::MAX {
        skipped.push(number);
        number += 1;
    }
    for number in skipped {
        let what = format!(
            "{}: the stage number {number} is void: a tag that is not known here has it",
            turn.model()
        );
        turn.record(what, rollout);
    }
    number
}

/// What the tag says. All of it is settled by now, so that a repeated call says the same.
fn assignment(turn: &Turn<'_>, rollout: &Rollout, number: u64) -> Assignment {
    Assignment {
        action: rollout.action,
        approved_by: rollout.approved_by.iter().map(|user| user.login.clone()).collect(),
        asked_by: rollout.asked_by.login.clone(),
        before: rollout.before.clone(),
        commit: rollout.commit.clone(),
        deployment: rollout.deployment.unwrap_or_default(),
        environment: rollout.environment.clone(),
        live_at: rollout.live_at.unwrap_or_default(),
        merge_request: rollout.asked_on.number,
        model: turn.model().clone(),
        number,
        rollout: rollout.number,
        run: rollout.run,
        version: rollout.version.clone(),
    }
}
