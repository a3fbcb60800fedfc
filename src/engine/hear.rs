//! What an event carries that facts cannot: reviews with their head, and outcomes of our own calls.

use crate::domain::{Done, Outcome, Review, Sha, Starting, User};
use crate::event::{Event, ReviewAct};

use super::turn::{Turn, note};
use super::{anew, commands, infra, merging, publication, queue, rescoring};

/// Takes in what the event carries. Everything else about it is a hint to look at the facts.
pub(super) fn hear(turn: &mut Turn<'_>, event: &Event) {
    match event {
        Event::Refresh | Event::Tried | Event::Comment { .. } | Event::Pressed(_) | Event::StatusForged => {}
        Event::Retargeted { at } => turn.retargeted = turn.aimed_elsewhere(*at),
        Event::CommentTampered { id, by } => {
            // What the store knows is written again.
            turn.state.shown.report = None;
            let what = format!("{} changed the bot's report; it is written again", by.login);
            turn.record(
                "tampering",
                Some(&by.login),
                what,
                serde_json::json!({ "comment": id, "by": by.id }),
            );
        }
        Event::Review { by, act, head } => review(turn, by, *act, head.as_ref()),
        Event::Effect { slot, outcome } => {
            merging::hear(turn, slot, outcome);
            queue::hear(turn, slot, outcome);
            publication::hear(turn, slot, outcome);
            anew::hear(turn, slot, outcome);
            rescoring::hear(turn, slot, outcome);
            commands::hear_commit(turn, slot, outcome);
            began(turn, slot, outcome);
            runs(turn, slot, outcome);
        }
    }
}

/// The forge's list of approvals says who approves; only the hook says which head they saw.
fn review(turn: &mut Turn<'_>, by: &User, act: ReviewAct, head: Option<&Sha>) {
    match (act, head) {
        (ReviewAct::Approved, Some(head)) => {
            let heard = turn.state.reviews.iter().any(|review| review.by.id == by.id && review.head == *head);
            if !heard {
                let review = Review { by: by.clone(), head: head.clone(), heard_at: turn.now };
                turn.state.reviews.push(review);
            }
        }
        (ReviewAct::Approved, None) => {}
        (ReviewAct::Withdrawn, _) => turn.state.reviews.retain(|review| review.by.id != by.id),
        (ReviewAct::ChangesRequested, _) => {
            turn.state.reviews.retain(|review| review.by.id != by.id);
            for model in turn.state.models.values_mut() {
                let before = model.approvals.len();
                model.approvals.retain(|approval| approval.by.id != by.id);
                if model.approvals.len() < before {
                    note(
                        &mut model.notices,
                        format!("@{} asked for changes: the approval is withdrawn.", by.login),
                    );
                }
            }
        }
    }
}

/// A run of the head that began: it takes the place of those that earlier calls began meanwhile.
fn began(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    let run = match outcome {
        Outcome::Done(Done::Run { run }) => Some(*run),
        _ => None,
    };
    let Some(starting) = &mut turn.state.starting else { return };
    if starting.slot != slot {
        let of_head = slot.starts_with(&format!("start_run:{}:", starting.head));
        starting.before.extend(run.filter(|_| of_head));
        return;
    }
    let Some(Starting { before, called_off, .. }) = turn.state.starting.take() else { return };
    let needless = before.into_iter().filter(|earlier| run.is_some_and(|run| run != *earlier));
    needless.chain(run.filter(|_| called_off)).for_each(|run| turn.cancel(run));
}

/// A run or a job that the forge would not start.
fn runs(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    let (Outcome::Refused { reason } | Outcome::Conflict { reason }) = outcome else { return };
    if slot.starts_with("start_run:") {
        // Also of a head that is gone: a run that began on another commit was cancelled.
        let detail = serde_json::json!({ "slot": slot, "reason": reason });
        turn.record("run", None, format!("a run was not started: {reason}"), detail);
    }
    let run = slot.starts_with(&format!("start_run:{}:", turn.merge_request().head));
    for model in turn.state.models.values_mut() {
        if run {
            note(&mut model.notices, format!("A run could not be started: {reason}"));
        }
        let job = model.retried.iter().copied().find(|job| slot == format!("retry_job:{job}"));
        if let Some(job) = job {
            infra::hear_not_retried(model, job, outcome);
            note(&mut model.notices, format!("A job could not be run again: {reason}"));
        }
    }
}
