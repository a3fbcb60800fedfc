//! A job in a model's lane: facts about its rollouts are read, the engine decides, and the merge requests
//! on which people wait are told to look.

use std::collections::BTreeMap;

use crate::domain::{
    DeploymentState, Environments, InternalEvent, JobStatus, Lane, ModelId, Rollout, RolloutStep,
};
use crate::engine::environments::{self, EnvironmentEvent, EnvironmentFacts, RolloutFacts};
use crate::forge::{ErrorKind, Forge};
use crate::storage::{Decision, NewEnvironments, NewJob};

use super::failure::Failure;
use super::memory::Memory;
use super::{Inner, logs};

impl Inner {
    /// Everything that follows for a model's environments.
    pub(super) async fn step_environments(
        &self,
        id: ModelId,
        event: InternalEvent,
    ) -> Result<Decision, Failure> {
        let event = match event {
            InternalEvent::Refresh
            | InternalEvent::StatusForged
            | InternalEvent::Comment { .. }
            | InternalEvent::Pushed { .. } => EnvironmentEvent::Refresh,
            InternalEvent::Effect { slot, outcome } => EnvironmentEvent::Effect { slot, outcome },
        };
        let stored = self.store.environments(&id).await?;
        let forge = self.forge(id.repo.forge)?;
        let facts = gather(forge.as_ref(), &self.memory, &id, &stored.state).await?;
        let next = environments::step(&stored.state, &facts, &event, self.clock.now());
        let runs = next.rollouts.iter().filter_map(|rollout| rollout.run).collect();
        let changed = next.environments != stored.state;
        let look = |id| NewJob { lane: Lane::MergeRequest(id), event: InternalEvent::Refresh.to_json() };
        Ok(Decision {
            environments: changed
                .then_some(NewEnvironments {
                    id,
                    expected: stored.version,
                    state: next.environments,
                    rollouts: next.rollouts,
                })
                .into_iter()
                .collect(),
            effects: next.effects,
            audit: next.audit,
            jobs: next.tell.into_iter().map(look).collect(),
            wake_at: next.wake_at,
            runs,
            ..Decision::default()
        })
    }
}

async fn gather(
    forge: &dyn Forge,
    memory: &Memory,
    id: &ModelId,
    state: &Environments,
) -> Result<EnvironmentFacts, Failure> {
    let active = state.stands.values().filter_map(|stand| stand.active.as_ref()).collect::<Vec<_>>();
    let mut rollouts = BTreeMap::new();
    let mut tagging = false;
    for rollout in &active {
        let known = about(forge, memory, id, rollout).await?;
        let deployed = known.deployment.as_ref().is_some_and(|one| one.state == DeploymentState::Succeeded);
        tagging |= deployed || rollout.step == RolloutStep::Tagging;
        rollouts.insert(rollout.number, known);
    }
    let starting = active.iter().any(|rollout| rollout.step == RolloutStep::Starting);
    let branch = if starting { forge.repository(id.repo).await?.default_branch } else { String::new() };
    let stage_tags = match tagging {
        true => Some(forge.tags(id.repo, &format!("{}#", id.model)).await?),
        false => None,
    };
    Ok(EnvironmentFacts { id: id.clone(), branch, rollouts, stage_tags })
}

/// What a rollout's step needs to know, and no more.
async fn about(
    forge: &dyn Forge,
    memory: &Memory,
    id: &ModelId,
    rollout: &Rollout,
) -> Result<RolloutFacts, Failure> {
    let mut facts = RolloutFacts::default();
    if rollout.step == RolloutStep::Starting && rollout.run.is_none() && rollout.asked.is_none() {
        let tag = forge.tag(id.repo, &rollout.version.tag(&id.model)).await?;
        let kept = forge.kept(id.repo, &id.model, &rollout.source).await?;
        facts.start = Some((tag, kept));
    }
    let followed =
        matches!(rollout.step, RolloutStep::Starting | RolloutStep::Deploying | RolloutStep::Settling);
    let Some(number) = rollout.run.filter(|_| followed) else { return Ok(facts) };
    let mut run = match forge.run(id.repo, number).await {
        Ok(run) => run,
        // Somebody deleted it: the rollout waits until a person aborts it.
        Err(error) if error.kind == ErrorKind::Gone => return Ok(facts),
        Err(error) => return Err(error.into()),
    };
    logs::read(forge, memory, id.repo, &mut run).await;
    let ours = |job: &&crate::domain::Job| job.task == "deploy" && job.model.as_ref() == Some(&id.model);
    if let Some(job) = run.jobs.iter().find(ours)
        && job.status == JobStatus::Succeeded
    {
        facts.deployment = forge.deployment(id.repo, &rollout.environment, &run, job).await?;
    }
    facts.run = Some(run);
    Ok(facts)
}
