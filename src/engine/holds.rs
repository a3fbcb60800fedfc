//! Holds: what an owner keeps from being published and promoted, whatever becomes of it meanwhile.

use crate::domain::{Hold, ModelName, Phase, User, Version};

use super::commands::Refusal;
use super::turn::Turn;

/// Holds a model of the merge request, and the version that it published, if it did.
pub(super) fn give(turn: &mut Turn<'_>, name: &ModelName, hold: Hold) {
    turn.record(
        "hold",
        Some(&hold.by.login),
        format!("{name}: held by {}", hold.told()),
        serde_json::json!({ "model": name, "hold": hold }),
    );
    if let Some(version) = published(turn, name) {
        let number = turn.merge_request().id.number;
        let environments = turn.environments.entry(name.clone()).or_default();
        environments.held.entry(version).or_default().insert(number, hold.clone());
    }
    turn.state.holds.insert(name.clone(), hold);
}

/// Ends the hold, where there is one.
pub(super) fn end(turn: &mut Turn<'_>, name: &ModelName, by: &User) -> Option<Hold> {
    let hold = turn.state.holds.remove(name)?;
    let number = turn.merge_request().id.number;
    if let Some(environments) = turn.environments.get_mut(name) {
        for holds in environments.held.values_mut() {
            holds.remove(&number);
        }
        environments.held.retain(|_, holds| !holds.is_empty());
    }
    turn.record(
        "hold",
        Some(&by.login),
        format!("{name}: the hold of {} is ended", hold.by.login),
        serde_json::json!({ "model": name, "ended": hold }),
    );
    Some(hold)
}

/// What the hold forbids is refused with who holds it, and why.
pub(super) fn refuse(turn: &Turn<'_>, name: &ModelName) -> Result<(), Refusal> {
    match turn.state.holds.get(name) {
        Some(hold) => Err(Refusal::new(
            "held",
            format!("`{name}` is held by {}", hold.told()),
            format!("Whoever holds it, or another owner, ends that: `{}`.", release(turn, name)),
        )),
        None => Ok(()),
    }
}

/// The command that ends a hold.
pub(super) fn release(turn: &Turn<'_>, name: &ModelName) -> String {
    format!("{} unhold {name}", turn.facts.bot.addressing.prefix)
}

/// The version that the merge request published.
fn published(turn: &Turn<'_>, name: &ModelName) -> Option<Version> {
    let model = turn.state.models.get(name).filter(|model| model.phase == Phase::Published)?;
    model.publication.as_ref()?.version.clone()
}
