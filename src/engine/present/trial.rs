//! The umbrella on what a merge queue tries: the forge waits for it there too.

use crate::domain::{Effect, Status, StatusState};
use crate::engine::turn::Turn;

use super::{View, check, status};

/// The file that holds the policy.
const POLICY: &str = ".mergewright.yml";

/// Says it once a value.
pub(super) fn present(turn: &mut Turn<'_>, view: &View<'_>) {
    let Some(fact) = &turn.facts.queue else { return };
    let Some(trial) = fact.queued.as_ref().and_then(|queued| queued.trial.as_ref()) else { return };
    let (state, description) = verdict(turn, view);
    let shown = Some((trial.commit.clone(), state));
    if turn.state.queue.shown == shown {
        return;
    }
    turn.state.queue.shown = shown;
    let sha = trial.commit.clone();
    turn.want(if turn.facts.bot.checks {
        let check = check::plain(Status::UMBRELLA, check::progress(state), &description);
        Effect::Check { sha, check: Box::new(check) }
    } else {
        let context = Status::UMBRELLA.to_owned();
        Effect::Status { sha, run: trial.run, status: Status { context, state, description } }
    });
}

/// Good where the head is, and nothing that it was judged against is another by then. It is never pending: a
/// queue waits for it, and what is judged anew has to be queued anew.
fn verdict(turn: &Turn<'_>, view: &View<'_>) -> (StatusState, String) {
    let rules = match view {
        View::Invalid(_) => return (StatusState::Error, format!("`{POLICY}` is invalid")),
        View::Untouched => return (StatusState::Success, status::UNTOUCHED.to_owned()),
        View::Models(rules) => rules,
    };
    let refused = |text: String| (StatusState::Failure, text);
    for (name, model) in &turn.state.models {
        if model.anew.is_some() || status::of_phase(model.phase) != Some(StatusState::Success) {
            return refused(format!("{name} is not ready to be merged"));
        }
    }
    let Some(drift) = turn.facts.queue.as_ref().and_then(|fact| fact.drift.as_ref()) else {
        return (StatusState::Success, status::GOOD.to_owned());
    };
    if drift.contains(POLICY) {
        return refused(format!("the target branch's {POLICY} is another by then"));
    }
    let moved = rules.iter().find_map(|(name, rules)| Some((name, rules.made_from(turn.facts, drift)?)));
    match moved {
        Some((name, path)) => refused(format!("{name} was judged before {path} changed")),
        None => (StatusState::Success, status::GOOD.to_owned()),
    }
}
