//! Questions: answered in our own words, nothing is changed.

use std::fmt::Write as _;

use crate::command::Verb;
use crate::domain::{
    Answer, Environments, ForgeKind, Healing, ModelName, Phase, ReplyPart, Sheet, Timestamp, VersionRecord,
};
use crate::engine::ModelEnvironments;
use crate::engine::environments::{self, Miss};
use crate::engine::present::{held, next_step};
use crate::engine::turn::Turn;

use super::Ground;
use super::asked::{self, Done, Refusal};

/// Where each model stands, or the one named.
pub(super) fn status(turn: &Turn<'_>, ground: &Ground<'_, '_>, named: Option<&ModelName>) -> Done {
    if let Some(name) = named {
        asked::model(turn, ground.rules, Some(name))?;
    }
    let mut text = String::new();
    for (name, model) in turn.state.models.iter().filter(|(name, _)| named.is_none_or(|named| named == *name))
    {
        let approved = model.approved_by.len();
        let _infallible = writeln!(
            text,
            "- **{name}** is **{}** at `{}`, approved by {approved}. {}",
            model.phase,
            turn.judged(model).short(),
            next_step(turn, model),
        );
        if turn.state.holds.contains_key(name) && model.phase != Phase::Held {
            let _infallible = writeln!(text, "  {}", held(turn, name));
        }
    }
    if text.is_empty() {
        "This merge request changes no model.".clone_into(&mut text);
    }
    if let Some(healing) = &turn.facts.healing {
        text.push_str(&healed(healing, turn.facts.repository.id.forge));
    }
    Ok(Some(text))
}

/// What was lost on its way to us and what became of it; nothing where nothing was.
fn healed(healing: &Healing, forge: ForgeKind) -> String {
    let name = match forge {
        ForgeKind::GitHub => "GitHub",
        ForgeKind::GitLab => "GitLab",
    };
    let mut text = String::new();
    if let (Some(since), 1..) = (healing.since, healing.lost) {
        let Healing { lost, asked, arrived, refused, .. } = healing;
        let webhooks = if *lost == 1 { "webhook" } else { "webhooks" };
        let _infallible = write!(
            text,
            "\nSince {since} {name} could not hand {lost} {webhooks} of this repository to the bot: {asked} asked for again, {arrived} arrived"
        );
        if *refused > 0 {
            let _infallible = write!(text, ", {refused} not sent again by {name}");
        }
        text.push_str(". What they told was looked up as well.\n");
    }
    if let Some(why) = &healing.hindrance {
        let _infallible = writeln!(
            text,
            "\nWebhooks that {name} cannot hand to the bot cannot be asked for again here: {why}. What they told is looked up instead."
        );
    }
    text
}

/// `versions`, `describe` and `blame`.
pub(super) fn registry(turn: &Turn<'_>, name: &ModelName, verb: &Verb) -> Result<ReplyPart, Refusal> {
    let nothing = Environments::default();
    let state = turn.environments.get(name).unwrap_or(&nothing);
    let registry = turn.facts.registry.get(name);
    let versions = registry.map_or(&[][..], |registry| registry.versions.as_slice());
    let sheet = match verb {
        Verb::Describe { reference } => describe(turn, name, versions, state, reference)?,
        Verb::Blame { environment, time } => blame(turn, name, state, environment, time.as_deref())?,
        _ => environments::versions(name, versions, state),
    };
    Ok(ReplyPart::Said(Answer::Sheet { sheet: Box::new(sheet) }))
}

fn describe(
    turn: &Turn<'_>,
    name: &ModelName,
    versions: &[VersionRecord],
    state: &Environments,
    reference: &str,
) -> Result<Sheet, Refusal> {
    let message = match environments::resolve(name, versions, state, reference) {
        Ok(record) => return Ok(environments::describe(record, state)),
        Err(Miss::Ambiguous(several)) => {
            let names = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            format!("`{reference}` may be any of {names}.")
        }
        Err(Miss::NothingLive) => format!("Nothing of `{name}` is live in `{reference}`."),
        Err(Miss::OtherModel) => format!("`{reference}` is not a version of `{name}`."),
        Err(Miss::Before) => format!("No version of `{name}` was published by {reference}."),
        Err(Miss::Unknown) => match environments::void(state, name, reference) {
            Some((version, one)) => return Ok(environments::given_up(name, version, one)),
            None => format!("No published version of `{name}` is `{reference}`."),
        },
    };
    let prefix = &turn.facts.bot.addressing.prefix;
    Err(Refusal::new("version-unknown", message, format!("`{prefix} versions` lists what is published.")))
}

fn blame(
    turn: &Turn<'_>,
    name: &ModelName,
    state: &Environments,
    environment: &str,
    time: Option<&str>,
) -> Result<Sheet, Refusal> {
    let known = turn.facts.environments.get(name);
    let configured =
        [&turn.facts.policy, &turn.facts.proposal].into_iter().filter_map(|side| side.model(name));
    let mut configured = configured.flat_map(|model| &model.environments);
    if !state.stands.contains_key(environment) && !configured.any(|one| one.name == environment) {
        return Err(Refusal::new(
            "environment-unknown",
            format!("`{name}` has no environment `{environment}`."),
            "Its environments stand in `.mergewright.yml`.",
        ));
    }
    let at = time.and_then(Timestamp::parse);
    let found = known.and_then(|known| ModelEnvironments::blamed(known, environment, at));
    Ok(environments::blame(name, environment, at, found))
}
