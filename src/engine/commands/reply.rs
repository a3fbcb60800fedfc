//! Replies that tell of something still under way: written again when it has moved, then let go.

use crate::domain::{Answer, CommentId, Digest, Effect, ModelName, OpenReply, Reply, ReplyPart, Rollout};
use crate::engine::environments::show_rollout;
use crate::engine::turn::Turn;

/// Answers a comment: once and for all, or with what is to be followed.
pub(super) fn give(turn: &mut Turn<'_>, to: CommentId, parts: Vec<ReplyPart>) {
    if parts.is_empty() {
        return;
    }
    let answers = parts.iter().map(|part| match part {
        ReplyPart::Said(answer) => Some(answer.clone()),
        ReplyPart::Rollout { .. } | ReplyPart::Commit { .. } => None,
    });
    match answers.collect::<Option<Vec<_>>>() {
        Some(answers) => turn.want(Effect::Reply { to, reply: Box::new(Reply { answers }) }),
        None => {
            turn.state.replies.insert(to, OpenReply { parts, shown: None });
        }
    }
}

/// Brings every open reply to what is so now.
pub(in crate::engine) fn follow(turn: &mut Turn<'_>) {
    for (to, mut open) in std::mem::take(&mut turn.state.replies) {
        if open.parts.is_empty() {
            continue;
        }
        let mut answers = Vec::new();
        let mut over = true;
        for part in &open.parts {
            match part {
                ReplyPart::Said(answer) => answers.push(answer.clone()),
                ReplyPart::Commit { .. } => over = false,
                ReplyPart::Rollout { model, number } => {
                    // A rollout that cannot be read now says nothing new.
                    let Some(rollout) = rollout(turn, model, *number) else {
                        over = false;
                        continue;
                    };
                    over &= rollout.is_over();
                    let sheet = show_rollout(model, &rollout, &turn.facts.bot.addressing.prefix);
                    answers.push(Answer::Sheet { sheet: Box::new(sheet) });
                }
            }
        }
        let complete = answers.len() == open.parts.len();
        let reply = Reply { answers };
        let digest = Digest::of_json(&reply).ok();
        if complete && open.shown != digest {
            open.shown = digest;
            turn.want(Effect::Reply { to, reply: Box::new(reply) });
        }
        if !over {
            turn.state.replies.insert(to, open);
        }
    }
}

/// A rollout as this turn leaves it, else as it was read.
fn rollout(turn: &Turn<'_>, model: &ModelName, number: u64) -> Option<Rollout> {
    let ended = turn.ended.iter().find(|(name, rollout)| name == model && rollout.number == number);
    let active = turn.environments.get(model).into_iter().flat_map(|state| state.stands.values());
    let mut active = active.filter_map(|stand| stand.active.as_ref());
    let read = turn.facts.environments.get(model).and_then(|known| known.rollouts.get(&number));
    ended
        .map(|(_, rollout)| rollout)
        .or_else(|| active.find(|rollout| rollout.number == number))
        .or(read)
        .cloned()
}
