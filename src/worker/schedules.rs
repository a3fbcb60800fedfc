//! The schedules of a default branch: the forge's clock is set by the configuration, and what it did not run is
//! made up for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::domain::{
    Audit, Done, Effect, Environments, ForgeClock, ModelId, ModelName, Outcome, RepoId, Repository,
    ScheduleWish, Scheduled, Sha, Timestamp, schedule_difference, schedule_key,
};
use crate::engine::Configuration;
use crate::forge::{Forge, ForgeError};
use crate::schedule::{self, Answer, Answered, Question, Schedules, Wanted};
use crate::storage::{Decision, NewEnvironments, StoredEnvironments};

use super::Inner;
use super::failure::Failure;
use super::repository::ignored;

/// How long a forge's clock is taken to be set as it was, while the branch stays where it is.
const SET_LASTS: Duration = Duration::from_secs(3600);

/// How far the forge's clock may be behind ours.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Documents of models that have schedules, or had some.
pub(super) type Known = BTreeMap<ModelName, StoredEnvironments>;

/// Those of a repository that matter here.
pub(super) fn known(all: Vec<(ModelName, StoredEnvironments)>) -> Known {
    all.into_iter().filter(|(_, stored)| !stored.state.schedules.is_empty()).collect()
}

impl Inner {
    /// Everything that follows for the schedules of a repository.
    pub(super) async fn schedules(
        &self,
        forge: &dyn Forge,
        (place, head): (&Repository, &Sha),
        config: &Configuration,
        known: Known,
        again: bool,
    ) -> Result<Decision, Failure> {
        let (repo, now) = (place.id, self.clock.now());
        let wanted = match config {
            Configuration::Valid(config) => schedule::wanted(config),
            Configuration::Absent => Vec::new(),
            // What it would mean is not known, so all stays as it is.
            Configuration::Invalid { .. } => return Ok(ignored("configuration-not-valid")),
        };
        if wanted.is_empty() && known.is_empty() {
            self.memory.unscheduled.put(repo, now);
            return Ok(ignored("has-generated-files"));
        }
        let before: Schedules =
            known.iter().map(|(model, stored)| (model.clone(), stored.state.schedules.clone())).collect();
        let mut answered = Answered::ask(&wanted, &before, now);
        for question in std::mem::take(&mut answered.questions) {
            let answer = asked(forge, repo, &place.default_branch, &question).await?;
            answered.answer(question, answer);
        }
        let mut decided = schedule::decide(&wanted, answered, (&place.default_branch, head), now);
        if again || self.is_to_be_compared(forge, (repo, head), now) {
            let wishes = wanted.iter().map(|one| one.wish(&place.default_branch)).collect();
            decided.effects.extend(set(forge, repo, &wanted, wishes, &decided.schedules).await?);
            self.memory.scheduled.put(repo, (head.clone(), now));
        }
        let environments = self.changed(repo, &decided.schedules, known).await?;
        Ok(Decision {
            environments,
            effects: without_repetition(decided.effects),
            audit: decided.audit,
            wake_at: decided.wake_at,
            ..Decision::default()
        })
    }

    /// A commit may want other schedules, but it moves nothing where its own files are the schedule.
    fn is_to_be_compared(&self, forge: &dyn Forge, (repo, head): (RepoId, &Sha), now: Timestamp) -> bool {
        let moved = |at: Sha| forge.keeps_schedules() && at != *head;
        let before = self.memory.scheduled.get(&repo);
        before.is_none_or(|(at, when)| moved(at) || now.since(when) >= SET_LASTS)
    }

    /// Documents whose schedules are not what was read.
    async fn changed(
        &self,
        repo: RepoId,
        schedules: &Schedules,
        mut known: Known,
    ) -> Result<Vec<NewEnvironments>, Failure> {
        let mut changed = Vec::new();
        for (model, schedules) in schedules {
            let id = ModelId { repo, model: model.clone() };
            let stored = match known.remove(model) {
                Some(stored) => stored,
                None => self.store.environments(&id).await?,
            };
            if stored.state.schedules != *schedules {
                let state = Environments { schedules: schedules.clone(), ..stored.state };
                changed.push(NewEnvironments { id, expected: stored.version, state, rollouts: Vec::new() });
            }
        }
        Ok(changed)
    }

    /// What became of a call about schedules.
    pub(super) async fn scheduled(
        &self,
        repo: RepoId,
        slot: &str,
        outcome: &Outcome,
    ) -> Result<Decision, Failure> {
        let mut environments = Vec::new();
        match outcome {
            Outcome::Done(Done::Scheduled { kept, .. }) => {
                let known = known(self.store.models(repo).await?);
                let next = known.iter().map(|(model, stored)| (model.clone(), numbered(model, stored, kept)));
                let next: Schedules = next.collect();
                environments = self.changed(repo, &next, known).await?;
            }
            // The next look reads it again; what was refused is tried again after a while.
            Outcome::Conflict { .. } => self.memory.scheduled.forget(&repo),
            Outcome::Done(_) | Outcome::Refused { .. } => {}
        }
        Ok(Decision { environments, audit: vec![told(repo, slot, outcome)], ..Decision::default() })
    }
}

/// The model's schedules with their numbers at the forge; what is gone there, and wanted by nobody, is forgotten.
fn numbered(
    model: &ModelName,
    stored: &StoredEnvironments,
    kept: &BTreeMap<String, u64>,
) -> BTreeMap<String, Scheduled> {
    let mut schedules = stored.state.schedules.clone();
    for (name, one) in &mut schedules {
        one.kept = kept.get(&schedule_key(model, name)).copied();
    }
    schedules.retain(|_, one| one.kept.is_some() || !one.form.is_empty());
    schedules
}

async fn asked(
    forge: &dyn Forge,
    repo: RepoId,
    branch: &str,
    Question { model, name, tick }: &Question,
) -> Result<Answer, ForgeError> {
    match forge.ran(repo, branch, (model, name), tick.before(CLOCK_SKEW)).await? {
        Some(run) => Ok(Answer::Ran(run)),
        None => Ok(Answer::Missed(forge.clock(repo, model).await?)),
    }
}

/// What brings the forge's own clock to what is wanted.
async fn set(
    forge: &dyn Forge,
    repo: RepoId,
    wanted: &[Wanted],
    wishes: Vec<ScheduleWish>,
    schedules: &Schedules,
) -> Result<Vec<Effect>, ForgeError> {
    if forge.keeps_schedules() {
        return Ok(kept(forge, repo, wishes, schedules).await?.into_iter().collect());
    }
    let mut effects = Vec::new();
    let mut models: Vec<&ModelName> = wanted.iter().map(|one| &one.model).collect();
    models.dedup();
    for model in models {
        if forge.clock(repo, model).await? == ForgeClock::Idle {
            tracing::warn!(model = %model, "the forge switched the schedules of an idle repository off");
            effects.push(Effect::StartClock { model: model.clone() });
        }
    }
    Ok(effects)
}

/// None where all is as it should be.
async fn kept(
    forge: &dyn Forge,
    repo: RepoId,
    wanted: Vec<ScheduleWish>,
    schedules: &Schedules,
) -> Result<Option<Effect>, ForgeError> {
    let numbered = schedules.iter().flat_map(|(model, all)| {
        all.iter().filter_map(|(name, one)| Some((schedule_key(model, name), one.kept?)))
    });
    let known: BTreeMap<String, u64> = numbered.collect();
    let found = forge.schedules(repo, &known.values().copied().collect()).await?;
    let us = forge.whoami().await?.id;
    let difference = schedule_difference(&wanted, &found, &known, us);
    for (id, name) in &difference.alike {
        tracing::warn!(
            schedule.id = id,
            schedule.name = name,
            "somebody else's schedule is called like ours"
        );
    }
    // Numbers that we do not know were made by an answer that never reached us.
    let learnt = difference.kept != known;
    let differs = learnt || !difference.steps.is_empty();
    Ok(differs.then_some(Effect::KeepSchedules { wanted, known }))
}

/// One call for one slot.
fn without_repetition(effects: Vec<Effect>) -> Vec<Effect> {
    let mut slots = std::collections::BTreeSet::new();
    effects.into_iter().filter(|effect| slots.insert(effect.slot())).collect()
}

fn told(repo: RepoId, slot: &str, outcome: &Outcome) -> Audit {
    let subject = match slot.split(':').next() {
        Some("dispatch") => "the run that was missed",
        Some("clock") => "the forge's own clock",
        _ => "the schedules at the forge",
    };
    let what = match outcome {
        Outcome::Done(Done::Scheduled { alike, .. }) if !alike.is_empty() => {
            let names: Vec<String> = alike.iter().map(|(id, name)| format!("`{name}` ({id})")).collect();
            let names = names.join(", ");
            format!(
                "{repo}: {subject}: as wanted; schedules of other people that are called alike stay: {names}"
            )
        }
        Outcome::Done(_) => format!("{repo}: {subject}: done"),
        Outcome::Refused { reason } | Outcome::Conflict { reason } => {
            format!("{repo}: {subject}: not done: {reason}")
        }
    };
    let detail = json!({ "repository": repo, "slot": slot, "outcome": outcome });
    Audit { kind: "schedules".to_owned(), actor: None, what, detail }
}
