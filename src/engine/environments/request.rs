//! What people ask for, judged where they ask it: `promote`, `rollback`, `abort`.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::valid::{Deploy, Environment, Model};
use crate::domain::{
    CommitAuthor, Environments, Lineage, MergeRequestId, ModelName, Rollout, RolloutAction, RolloutStep,
    Stand, Tag, Timestamp, User, Version, VersionRecord,
};
use crate::engine::commands::Refusal;

use super::freeze::frozen;
use super::reference::{Miss, resolve};
use super::retire::in_use;

/// From so many approvals on, those of people who wrote any of it are none of them.
pub const INDEPENDENT_FROM: u32 = 2;

/// Who asks, and by which rules.
pub(in crate::engine) struct Ask<'a> {
    /// The model.
    pub(in crate::engine) model: &'a ModelName,
    /// Its section of the default branch's configuration now.
    pub(in crate::engine) policy: &'a Model,
    /// Its published versions, oldest first.
    pub(in crate::engine) versions: &'a [VersionRecord],
    /// Tags that the command names and that are no published versions.
    pub(in crate::engine) tags: &'a [Tag],
    /// Who wrote the commits of the versions that are promoted; read where an environment asks for
    /// independent approvals.
    pub(in crate::engine) wrote: &'a BTreeMap<Version, BTreeSet<CommitAuthor>>,
    /// Who asks.
    pub(in crate::engine) by: &'a User,
    /// The addresses of who asks, lower-case.
    pub(in crate::engine) emails: &'a BTreeSet<String>,
    /// Where.
    pub(in crate::engine) on: MergeRequestId,
    /// When.
    pub(in crate::engine) now: Timestamp,
    /// What commands begin with.
    pub(in crate::engine) prefix: &'a str,
}

/// What a command began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Begun {
    /// A rollout; its reply tells how it goes on.
    Rollout(u64),
    /// It counts as one more approval of a rollout that was asked for there.
    Approved { on: MergeRequestId, given: usize, needed: u32 },
    /// A rollout was stopped; what it was and what is live.
    Freed(String),
}

/// Moves a version into an environment, or approves that somebody else wants to.
pub(in crate::engine) fn promote(
    state: &mut Environments,
    ask: &Ask<'_>,
    reference: &str,
    environment: &str,
) -> Result<Begun, Refusal> {
    let place = place(ask, environment)?;
    let record = version(state, ask, reference)?;
    unheld(state, ask, record)?;
    in_use(state, ask, record)?;
    if place.canary.is_some() {
        return Err(Refusal::new(
            "canary-not-available",
            format!("`{environment}` asks for a canary, and this build cannot walk its steps yet."),
            format!(
                "Nothing goes to all traffic at once behind its back: take `canary` out of `{environment}` on the \
                 default branch if that is what you want."
            ),
        ));
    }
    if let Some(window) = frozen(&place.freeze, ask.now) {
        return Err(Refusal::new(
            "frozen",
            format!("Nothing is promoted to `{environment}` during `{window}`."),
            format!("Comment again after it; `{} rollback {environment}` works at any time.", ask.prefix),
        ));
    }
    required(state, place, record, ask)?;
    let stand = state.stands.entry(environment.to_owned()).or_default();
    if let Some(active) = &mut stand.active {
        let same = active.action == RolloutAction::Promote && active.version == record.version;
        if same && active.step == RolloutStep::AwaitingApproval {
            return approve(active, ask, place, record);
        }
        return Err(busy(active, ask));
    }
    if let Some(live) = stand.trail.last()
        && live.version == record.version
        && stand.unsettled.is_none()
    {
        return Err(Refusal::new(
            "already-live",
            format!("{} is live in `{environment}` already, since {}.", live.version, live.since),
            "There is nothing to do.",
        ));
    }
    Ok(begin(state, ask, RolloutAction::Promote, place, record))
}

/// Takes an environment back to a version that was live there.
pub(in crate::engine) fn rollback(
    state: &mut Environments,
    ask: &Ask<'_>,
    environment: &str,
    reference: Option<&str>,
) -> Result<Begun, Refusal> {
    let place = place(ask, environment)?;
    let named = reference.map(|reference| version(state, ask, reference)).transpose()?;
    let stand = state.stands.entry(environment.to_owned()).or_default();
    if let Some(active) = &stand.active {
        return Err(busy(active, ask));
    }
    let Some(live) = stand.trail.last() else {
        return Err(Refusal::new(
            "nothing-live",
            format!("Nothing is live in `{environment}`, so there is nothing to go back from."),
            format!("Promote a version: `{} promote VERSION {environment}`.", ask.prefix),
        ));
    };
    let record = match named {
        Some(record) if !stand.known.contains(&record.version) => {
            return Err(Refusal::new(
                "never-live",
                format!("{} was never live in `{environment}`.", record.version),
                format!("To move it there: `{} promote {} {environment}`.", ask.prefix, record.version),
            ));
        }
        Some(record) => record,
        None => default_target(stand, ask, environment)?,
    };
    if record.version == live.version && stand.unsettled.is_none() {
        return Err(Refusal::new(
            "already-live",
            format!("{} is live in `{environment}`, since {}.", live.version, live.since),
            format!("Without `to` it goes to the version before: `{} rollback {environment}`.", ask.prefix),
        ));
    }
    in_use(state, ask, record)?;
    Ok(begin(state, ask, RolloutAction::Rollback, place, record))
}

/// Stops what is on its way to an environment, or settles one that was left half-way.
pub(in crate::engine) fn abort(
    state: &mut Environments,
    ask: &Ask<'_>,
    environment: &str,
) -> Result<(Begun, Option<Rollout>), Refusal> {
    let nothing = || {
        Refusal::new(
            "nothing-to-abort",
            format!("Nothing is on its way to `{environment}`."),
            format!("`{} blame {environment}` says what is live there.", ask.prefix),
        )
    };
    let Some(stand) = state.stands.get_mut(environment) else {
        place(ask, environment)?;
        return Err(nothing());
    };
    let live = stand.trail.last().map_or_else(|| "nothing".to_owned(), |live| live.version.to_string());
    let Some(mut rollout) = stand.active.take() else {
        stand.unsettled.take().ok_or_else(nothing)?;
        return Ok((Begun::Freed(format!("`{environment}` is settled: {live} counts as live there.")), None));
    };
    if rollout.step == RolloutStep::Tagging && rollout.asked.is_some() {
        let refusal = Refusal::new(
            "deployed-already",
            format!("{} is deployed to `{environment}` and is just being recorded.", rollout.version),
            format!("Go back with `{} rollback {environment}` in a moment.", ask.prefix),
        );
        stand.active = Some(rollout);
        return Err(refusal);
    }
    let began = rollout.run.is_some() || rollout.asked.is_some();
    if began {
        stand.unsettled = Some(rollout.number);
    }
    state.stops.extend(rollout.run.filter(|_| rollout.step == RolloutStep::Deploying));
    // The answer may still bring a run.
    state.orphans.extend(rollout.asked.take());
    rollout.step = RolloutStep::Aborted;
    rollout.failure = Some(format!("aborted by {}", ask.by.login));
    rollout.notice = None;
    rollout.ended_at = Some(ask.now);
    let what = match (rollout.action, began) {
        (RolloutAction::Promote, false) => "It had not begun.",
        (RolloutAction::Rollback, false) => "It had not begun.",
        _ => "Its job may have done a part of its work.",
    };
    let said = format!(
        "The {} of {} to `{environment}` is aborted. {what} {live} counts as live there.",
        rollout.action, rollout.version
    );
    Ok((Begun::Freed(said), Some(rollout)))
}

/// The environment's rules, where there are some and a job that could deploy.
fn place<'a>(ask: &Ask<'a>, environment: &str) -> Result<&'a Environment, Refusal> {
    let all = &ask.policy.environments;
    let Some(place) = all.iter().find(|one| one.name == environment) else {
        let names = all.iter().map(|one| format!("`{}`", one.name)).collect::<Vec<_>>().join(", ");
        let remedy = match names.as_str() {
            "" => "Describe its `environments` in `.mergewright.yml` on the default branch.".to_owned(),
            names => format!("It has {names}."),
        };
        let message = format!("`{}` has no environment `{environment}` on the default branch.", ask.model);
        return Err(Refusal::new("environment-unknown", message, remedy));
    };
    match &ask.policy.deploy {
        Some(Deploy::Scripts { .. }) => Ok(place),
        Some(Deploy::Kserve { .. }) => Err(Refusal::new(
            "deploy-not-available",
            "This build deploys by scripts only, not by `kind: kserve`.",
            "Write `deploy: {run: [\"sh deploy.sh\"]}` with a script that applies the manifest.",
        )),
        None => Err(Refusal::new(
            "no-deploy-job",
            format!("`{}` does not say how it is deployed.", ask.model),
            "Write `deploy: {run: [\"sh deploy.sh\"]}` in `.mergewright.yml`, generate the CI files and merge both.",
        )),
    }
}

/// The published version that is meant.
pub(super) fn version<'a>(
    state: &Environments,
    ask: &Ask<'a>,
    reference: &str,
) -> Result<&'a VersionRecord, Refusal> {
    let prefix = ask.prefix;
    let list = format!("`{prefix} versions` lists what is published.");
    if Timestamp::parse(reference).is_some() {
        return Err(Refusal::new(
            "version-unclear",
            "A time does not say clearly enough which version shall run.",
            format!("Name the version; `{prefix} describe {reference}` says which one it was."),
        ));
    }
    let unclear = |message: String| Refusal::new("version-unclear", message, list.as_str());
    let unknown = |message: String| Refusal::new("version-unknown", message, list.as_str());
    Err(match resolve(ask.model, ask.versions, state, reference) {
        Ok(record) => return Ok(record),
        Err(Miss::Ambiguous(several)) => {
            let names = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            unclear(format!("`{reference}` may be any of {names}."))
        }
        Err(Miss::NothingLive) => {
            Refusal::new("nothing-live", format!("Nothing is live in `{reference}`."), list.as_str())
        }
        Err(Miss::OtherModel) => unknown(format!("`{reference}` is not a version of `{}`.", ask.model)),
        Err(Miss::Unknown | Miss::Before) => standing(ask, reference, &list)
            .unwrap_or_else(|| unknown(format!("No published version of `{}` is `{reference}`.", ask.model))),
    })
}

/// What the tag of a version that is not published is.
fn standing(ask: &Ask<'_>, reference: &str, list: &str) -> Option<Refusal> {
    let local = reference.rsplit('@').next()?;
    let tag = local.parse::<Version>().ok()?.tag(ask.model);
    if ask.tags.iter().any(|one| one.name == format!("{tag}!")) {
        return Some(Refusal::new("version-void", format!("`{tag}` was given up and is void."), list));
    }
    let found = ask.tags.iter().find(|one| one.name == tag)?;
    let lineage = serde_json::from_str::<Lineage>(found.message.trim()).ok();
    let ours = lineage.is_some_and(|lineage| lineage.commit == found.commit && lineage.model == *ask.model);
    Some(if ours {
        let message = format!("`{tag}` has its number, but it is not published (yet).");
        Refusal::new("version-unpublished", message, list)
    } else {
        let message = format!("`{tag}` is a tag that somebody else made, not a version.");
        Refusal::new("version-foreign", message, list)
    })
}

/// Nobody holds the version on the merge request that published it.
fn unheld(state: &Environments, ask: &Ask<'_>, record: &VersionRecord) -> Result<(), Refusal> {
    let Some((number, hold)) = state.held.get(&record.version).and_then(|holds| holds.first_key_value())
    else {
        return Ok(());
    };
    Err(Refusal::new(
        "held",
        format!("{} is held on merge request {number} by {}", record.version, hold.told()),
        format!(
            "Whoever holds it, or another owner, ends that there: `{} unhold {}`.",
            ask.prefix, ask.model
        ),
    ))
}

/// The version has been live where it must have been first.
fn required(
    state: &Environments,
    place: &Environment,
    record: &VersionRecord,
    ask: &Ask<'_>,
) -> Result<(), Refusal> {
    let Some(before) = &place.requires else { return Ok(()) };
    let was = state.stands.get(before).is_some_and(|stand| stand.known.contains(&record.version));
    if was {
        return Ok(());
    }
    Err(Refusal::new(
        "requires",
        format!("`{}` takes only what was live in `{before}`, and {} was not.", place.name, record.version),
        format!("First: `{} promote {} {before}`.", ask.prefix, record.version),
    ))
}

/// One owner more who wants the same. Where two or more are asked for, they are people who did not write
/// what shall be live; where one is, the author and whoever promotes it are two people already.
fn approve(
    active: &mut Rollout,
    ask: &Ask<'_>,
    place: &Environment,
    record: &VersionRecord,
) -> Result<Begun, Refusal> {
    let independent = place.approvals >= INDEPENDENT_FROM;
    if independent && active.approvals_needed < INDEPENDENT_FROM {
        // The environment asked for less when they said so, and nobody looked whose work it is.
        active.approved_by.clear();
    }
    active.approvals_needed = place.approvals;
    let said = |user: &User| user.id == ask.by.id;
    let given = active.approved_by.len();
    if said(&active.asked_by) || active.approved_by.iter().any(said) {
        return Err(Refusal::new(
            "awaiting-approval",
            format!(
                "You said so already; {given} of {} approvals by other owners are given.",
                active.approvals_needed
            ),
            "Another owner of the model comments the same line.",
        ));
    }
    if independent && wrote(ask, record) {
        return Err(Refusal::new(
            "own-work",
            format!(
                "You wrote {} or a part of it, and `{}` asks for {} approvals by people who did not.",
                record.version, place.name, place.approvals
            ),
            "Another owner of the model comments the same line.",
        ));
    }
    active.approved_by.push(ask.by.clone());
    if enough(active) {
        active.step = RolloutStep::Starting;
    }
    Ok(Begun::Approved {
        on: active.asked_on,
        given: active.approved_by.len(),
        needed: active.approvals_needed,
    })
}

/// Whether who asks opened the version's merge request or wrote one of its commits.
fn wrote(ask: &Ask<'_>, record: &VersionRecord) -> bool {
    let mut authors = ask.wrote.get(&record.version).into_iter().flatten();
    ask.by.login.eq_ignore_ascii_case(&record.lineage.author)
        || authors.any(|author| author.is(&ask.by.login, ask.emails))
}

fn enough(rollout: &Rollout) -> bool {
    rollout.approved_by.len() >= usize::try_from(rollout.approvals_needed).unwrap_or(usize::MAX)
}

fn busy(active: &Rollout, ask: &Ask<'_>) -> Refusal {
    let environment = &active.environment;
    let state = match active.step {
        RolloutStep::AwaitingApproval => "waits for approvals",
        _ => "is on its way",
    };
    Refusal::new(
        "environment-busy",
        format!(
            "The {} of {} to `{environment}`, asked for by {}, {state}.",
            active.action, active.version, active.asked_by.login
        ),
        format!("Wait for it, or stop it first: `{} abort {environment}`.", ask.prefix),
    )
}

/// Where `rollback` goes by itself: to what is live by git where a rollout ended half-way, else to the
/// version before.
fn default_target<'a>(stand: &Stand, ask: &Ask<'a>, environment: &str) -> Result<&'a VersionRecord, Refusal> {
    let back = if stand.unsettled.is_some() { 0 } else { 1 };
    let target = stand.trail.iter().rev().nth(back);
    let target = target.and_then(|live| ask.versions.iter().find(|one| one.version == live.version));
    target.ok_or_else(|| {
        Refusal::new(
            "no-way-back",
            format!("No earlier version was live in `{environment}`."),
            format!("Promote another version: `{} promote VERSION {environment}`.", ask.prefix),
        )
    })
}

fn begin(
    state: &mut Environments,
    ask: &Ask<'_>,
    action: RolloutAction,
    place: &Environment,
    record: &VersionRecord,
) -> Begun {
    state.rollouts += 1;
    let stand = state.stands.entry(place.name.clone()).or_default();
    // Going back takes the fast path.
    let approvals_needed = if action == RolloutAction::Promote { place.approvals } else { 0 };
    let waits = approvals_needed > 0;
    stand.active = Some(Rollout {
        number: state.rollouts,
        action,
        environment: place.name.clone(),
        version: record.version.clone(),
        commit: record.commit.clone(),
        source: record.lineage.source.clone(),
        before: stand.trail.last().map(|live| live.version.clone()),
        asked_by: ask.by.clone(),
        asked_at: ask.now,
        asked_on: ask.on,
        approvals_needed,
        approved_by: Vec::new(),
        step: if waits { RolloutStep::AwaitingApproval } else { RolloutStep::Starting },
        run: None,
        job: None,
        deployed_at: None,
        deployment: None,
        live_at: None,
        stage: None,
        tagged: false,
        asked: None,
        retry_at: None,
        notice: None,
        failure: None,
        ended_at: None,
    });
    Begun::Rollout(state.rollouts)
}
