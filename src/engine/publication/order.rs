//! What depends on another model is published after it.

use std::collections::BTreeMap;

use crate::domain::{ModelName, Phase};

use crate::engine::setting::Rules;
use crate::engine::turn::Turn;

/// The models, each after all that it depends on.
pub(super) fn upstream_first<'r>(rules: &'r BTreeMap<ModelName, Rules<'_>>) -> Vec<&'r ModelName> {
    let mut left = rules.iter().collect::<Vec<_>>();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits =
            |rules: &Rules<'_>| rules.upstream().any(|other| left.iter().any(|(name, _)| *name == other));
        let free = left.iter().position(|(_, rules)| !waits(rules));
        // The target's and the head's sections together may go round in a circle: then the first by name.
        let (name, _) = left.remove(free.unwrap_or_default());
        order.push(name);
    }
    order
}

/// What the model must wait for before it takes a number: something that it depends on, that this merge
/// request changes too, and that is not out.
pub(super) fn awaited(
    turn: &Turn<'_>,
    name: &ModelName,
    rules: &BTreeMap<ModelName, Rules<'_>>,
) -> Option<String> {
    let prefix = &turn.facts.bot.addressing.prefix;
    rules.get(name)?.upstream().find_map(|other| {
        let model = turn.state.models.get(other)?;
        match model.phase {
            Phase::Published => None,
            // It was removed: there is nothing to wait for.
            Phase::Merged if model.publication.is_none() => None,
            Phase::Merged => Some(format!(
                "It waits for `{other}`, which it depends on: publish that first (`{prefix} publish {other}`)."
            )),
            Phase::PublishFailed => Some(format!(
                "It waits for `{other}`, which it depends on and whose publishing failed: `{prefix} publish \
                 {other}` tries again."
            )),
            Phase::Unblessed => Some(format!(
                "It waits for `{other}`, which it depends on and which was not published: `{prefix} run \
                 {other}` has it judged anew."
            )),
            _ => Some(format!("It waits for `{other}`, which it depends on, to be published.")),
        }
    })
}
