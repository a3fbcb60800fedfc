//! `promote`, `rollback`, `abort` and `retire`, judged by the default branch's configuration as it is now.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::Verb;
use crate::domain::{Answer, Environments, ModelName, Phase, ReplyPart, Sheet};
use crate::engine::environments::{self, Ask, Begun};
use crate::engine::holds;
use crate::engine::rights::Rights;
use crate::engine::setting::Rules;
use crate::engine::turn::Turn;
use crate::engine::{Configuration, publication};

use super::asked::{self, Asked, Refusal};
use super::said;

/// Does it; the part of the reply that tells of it, where there is one.
pub(super) fn act(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    name: &ModelName,
    verb: &Verb,
) -> Result<Option<ReplyPart>, Refusal> {
    let facts = turn.facts;
    let rules = current(turn, name)?;
    asked::permitted(turn, asked, Some(&rules), verb.entry().who)?;
    if let Verb::Promote { .. } = verb {
        holds::refuse(turn, name)?;
    }
    let known = facts.environments.get(name);
    let (nothing, nobody) = (BTreeMap::new(), BTreeSet::new());
    let ask = Ask {
        model: name,
        policy: rules.policy,
        versions: facts.registry.get(name).map_or(&[][..], |registry| registry.versions.as_slice()),
        tags: known.map_or(&[][..], |known| known.tags.as_slice()),
        wrote: known.map_or(&nothing, |known| &known.wrote),
        by: asked.by,
        emails: Rights::of(facts, asked.by).map_or(&nobody, |rights| rights.emails()),
        on: turn.merge_request().id,
        now: turn.now,
        prefix: &facts.bot.addressing.prefix,
    };
    // Worked on apart, so that a refused command leaves nothing behind.
    let mut state = turn.environments.get(name).cloned().unwrap_or_default();
    let begun = match verb {
        Verb::Promote { reference, environment } => {
            environments::promote(&mut state, &ask, reference, environment)?
        }
        Verb::Rollback { environment, reference } => {
            environments::rollback(&mut state, &ask, environment, reference.as_deref())?
        }
        Verb::Abort { environment } => {
            let (begun, ended) = environments::abort(&mut state, &ask, environment)?;
            turn.ended.extend(ended.map(|rollout| (name.clone(), rollout)));
            begun
        }
        Verb::Retire { reference, reason } => {
            let sheet = retire(turn, &mut state, &ask, reference, reason)?;
            turn.environments.insert(name.clone(), state);
            return Ok(Some(ReplyPart::Said(Answer::Sheet { sheet: Box::new(sheet) })));
        }
        // Every other verb is answered before.
        _ => return Ok(None),
    };
    turn.environments.insert(name.clone(), state);
    Ok(part(turn, name, begun))
}

/// Takes a published version out of use, or gives up what failed to be published by this merge request.
fn retire(
    turn: &mut Turn<'_>,
    state: &mut Environments,
    ask: &Ask<'_>,
    reference: &str,
    reason: &str,
) -> Result<Sheet, Refusal> {
    let failed = turn.state.models.get_mut(ask.model).filter(|model| model.phase == Phase::PublishFailed);
    let given_up = failed.and_then(|model| {
        let publication = model.publication.as_ref()?;
        let said = environments::give_up(state, ask, publication, reference, reason)?;
        if said.is_ok() {
            publication::give_up(model, ask.by);
        }
        Some(said)
    });
    let sheet = match given_up {
        Some(said) => said?,
        None => environments::retire(state, ask, reference, reason)?,
    };
    let detail = serde_json::json!({ "model": ask.model, "reference": reference, "reason": reason });
    turn.record("retirement", Some(&ask.by.login), format!("{}: {}", ask.model, sheet.title), detail);
    Ok(sheet)
}

fn part(turn: &Turn<'_>, name: &ModelName, begun: Begun) -> Option<ReplyPart> {
    match begun {
        Begun::Rollout(number) => Some(ReplyPart::Rollout { model: name.clone(), number }),
        // The reply to who asked first shows it; where that is not here, it must be said here.
        Begun::Approved { on, .. } if on == turn.merge_request().id => None,
        Begun::Approved { on, given, needed } => Some(said(format!(
            "Counted: {given} of {needed} approvals. The answer on `!{}` tells how it goes on.",
            on.number
        ))),
        Begun::Freed(text) => Some(said(text)),
    }
}

/// The model's rules on the default branch now.
fn current<'a>(turn: &Turn<'a>, name: &ModelName) -> Result<Rules<'a>, Refusal> {
    let found = match &turn.facts.current {
        Some(Configuration::Valid(config)) => config.models.get(name),
        Some(Configuration::Invalid { .. }) => {
            return Err(Refusal::new(
                "invalid-configuration",
                "`.mergewright.yml` on the default branch is invalid, so nothing can be done.",
                "Mend the file there; `mergewright check` finds the same problems.",
            ));
        }
        Some(Configuration::Absent) | None => None,
    };
    let policy = found.ok_or_else(|| {
        Refusal::new(
            "model-removed",
            format!("The default branch does not describe `{name}` any more."),
            "Describe it in `.mergewright.yml` on the default branch, with its environments.",
        )
    })?;
    Ok(Rules::of(policy))
}
