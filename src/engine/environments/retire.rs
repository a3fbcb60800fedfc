//! `retire`: a version is taken out of use for good, or one whose publishing failed is given up.

use crate::domain::{
    Environments, ModelName, Publication, Retirement, RetirementKind, Sha, Sheet, Version, VersionRecord,
};
use crate::engine::commands::Refusal;

use super::request::{Ask, version};

/// Takes a published version out of use; refused while anything refers to it.
pub(in crate::engine) fn retire(
    state: &mut Environments,
    ask: &Ask<'_>,
    reference: &str,
    reason: &str,
) -> Result<Sheet, Refusal> {
    let record = version(state, ask, reference)?;
    in_use(state, ask, record)?;
    let places = uses(state, &record.version);
    if !places.is_empty() {
        return Err(Refusal::new(
            "version-in-use",
            format!("{} cannot be retired: it {}.", record.version, places.join(", and ")),
            format!(
                "Bring another version there first (`{0} promote VERSION ENV`), or stop what is on its way \
                 (`{0} abort ENV`).",
                ask.prefix
            ),
        ));
    }
    let retirement = retirement(ask, RetirementKind::Retired, record.commit.clone(), reason);
    state.retired.insert(record.version.clone(), retirement);
    Ok(said(ask.model, &record.version, RetirementKind::Retired, reason))
}

/// Gives a version up whose publishing failed; none where `reference` does not mean it.
pub(in crate::engine) fn give_up(
    state: &mut Environments,
    ask: &Ask<'_>,
    publication: &Publication,
    reference: &str,
    reason: &str,
) -> Option<Result<Sheet, Refusal>> {
    let version = publication.version.as_ref().filter(|version| means(ask.model, version, reference))?;
    if publication.given_up {
        return Some(Err(Refusal::new(
            "version-void",
            format!("{version} was given up already."),
            "There is nothing to do.",
        )));
    }
    if !publication.tagged {
        return Some(Err(Refusal::new(
            "version-unknown",
            format!(
                "{version} never got its tag, so its number is not taken and there is nothing to give up."
            ),
            format!("Mend what failed, then comment `{} retry`.", ask.prefix),
        )));
    }
    let retirement = retirement(ask, RetirementKind::GivenUp, publication.commit.clone(), reason);
    state.retired.insert(version.clone(), retirement);
    Some(Ok(said(ask.model, version, RetirementKind::GivenUp, reason)))
}

/// Whether a version that is not published is meant: `v42`, `iris@v42` or its tag.
fn means(model: &ModelName, version: &Version, reference: &str) -> bool {
    let tag = version.tag(model);
    reference == version.as_str() || reference == tag || reference == format!("{model}@{version}")
}

/// A version that was taken out of use is not used again.
pub(super) fn in_use(state: &Environments, ask: &Ask<'_>, record: &VersionRecord) -> Result<(), Refusal> {
    let Some(retirement) = state.retired.get(&record.version) else { return Ok(()) };
    Err(Refusal::new(
        "retired",
        format!(
            "{} was retired by {} at {}: {}",
            record.version, retirement.by.login, retirement.at, retirement.reason
        ),
        format!("Name another version; `{} versions` lists them.", ask.prefix),
    ))
}

/// What refers to a version.
fn uses(state: &Environments, version: &Version) -> Vec<String> {
    let mut found = Vec::new();
    for (name, stand) in &state.stands {
        let mut back = stand.trail.iter().rev();
        if back.next().is_some_and(|live| live.version == *version) {
            found.push(format!("is live in `{name}`"));
        } else if back.next().is_some_and(|standby| standby.version == *version) {
            found.push(format!("is what `{name}` goes back to"));
        }
        let active = stand.active.as_ref();
        if active.is_some_and(|rollout| rollout.version == *version) {
            found.push(format!("is on its way to `{name}`"));
        }
    }
    found
}

fn retirement(ask: &Ask<'_>, kind: RetirementKind, commit: Sha, reason: &str) -> Retirement {
    Retirement {
        kind,
        by: ask.by.clone(),
        at: ask.now,
        on: ask.on,
        commit,
        reason: reason.to_owned(),
        tagged: false,
        asked: None,
        retry_at: None,
        trouble: None,
    }
}

fn said(model: &ModelName, version: &Version, kind: RetirementKind, reason: &str) -> Sheet {
    let follows = match kind {
        RetirementKind::Retired => "It stays in the registry and is not promoted any more",
        RetirementKind::GivenUp => {
            "Its number stays taken and means nothing; the next version gets the next one"
        }
    };
    Sheet {
        title: format!("{version} of `{model}` is {kind}."),
        notes: vec![
            format!("Why: {reason}"),
            format!("{follows}; the tag `{}` says so in git.", version.retired_tag(model)),
        ],
        ..Sheet::default()
    }
}

/// The version that was given up and that `reference` names.
#[must_use]
pub fn void<'s>(
    state: &'s Environments,
    model: &ModelName,
    reference: &str,
) -> Option<(&'s Version, &'s Retirement)> {
    let mut given_up = state.retired.iter().filter(|(_, one)| one.kind == RetirementKind::GivenUp);
    given_up.find(|(version, _)| means(model, version, reference))
}
