//! The tag by which git says that a version is not to be used any more.

use std::time::Duration;

use crate::domain::{Audit, Done, Effect, Outcome};

use super::Turn;

/// When to try again after the forge refused the tag.
const TRY_AGAIN: Duration = Duration::from_secs(300);

/// Asks for every tag that is not there yet.
pub(super) fn tell_git(turn: &mut Turn<'_>) {
    let (model, now) = (turn.model(), turn.now);
    let mut due = Vec::new();
    for (version, retirement) in &mut turn.state.retired {
        let put_off = retirement.retry_at.filter(|at| now < *at);
        if retirement.tagged || retirement.asked.is_some() {
            continue;
        }
        if let Some(at) = put_off {
            due.push(at);
            continue;
        }
        // Another's tag has the name: trying again would change nothing.
        if retirement.trouble.is_some() && retirement.retry_at.is_none() {
            continue;
        }
        let effect = Effect::Retire { note: Box::new(retirement.note(model, version)) };
        retirement.asked = Some(effect.slot());
        turn.out.effects.push(effect);
    }
    due.into_iter().for_each(|at| turn.wake(at));
}

/// Hears what became of such a tag.
pub(super) fn hear(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    let model = turn.model();
    let asked = turn.state.retired.iter_mut();
    for (version, retirement) in asked.filter(|(_, one)| one.asked.as_deref() == Some(slot)) {
        retirement.asked = None;
        retirement.retry_at = None;
        retirement.trouble = None;
        let what = match outcome {
            Outcome::Done(Done::Tagged { .. }) => {
                retirement.tagged = true;
                format!("{model}: {} says that {version} is {}", version.retired_tag(model), retirement.kind)
            }
            Outcome::Done(_) => continue,
            Outcome::Conflict { reason } => {
                retirement.trouble = Some(reason.clone());
                format!("{model}: git cannot be told that {version} is {}: {reason}", retirement.kind)
            }
            Outcome::Refused { reason } => {
                retirement.trouble = Some(reason.clone());
                retirement.retry_at = Some(turn.now.after(TRY_AGAIN));
                format!("{model}: git cannot be told yet that {version} is {}: {reason}", retirement.kind)
            }
        };
        let detail = serde_json::json!({ "model": model, "version": version, "retirement": retirement });
        turn.out.audit.push(Audit { kind: "retirement".to_owned(), actor: None, what, detail });
    }
}
