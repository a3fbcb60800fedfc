//! One job becomes one decision.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::command::Addressing;
use crate::domain::{
    Environments, InternalEvent, Lane, MergeRequestId, MergeRequestStatus, ModelId, ModelName, Sha, Shown,
    Transition,
};
use crate::engine;
use crate::event::{self, Event, Incoming, Subject};
use crate::storage::{Claimed, Decision, DeliveryOutcome, Job, NewEnvironments, NewJob, NewState};

use super::Inner;
use super::facts::{Gathered, Gatherer};
use super::failure::Failure;
use super::subject::{self, Concern, Waited};

/// How long a forge may take to show everywhere what it told us of.
const YOUNG: Duration = Duration::from_secs(60);

impl Inner {
    /// Everything that the job changes.
    pub(super) async fn decide(&self, claimed: &Claimed) -> Result<Decision, Failure> {
        if let (Job::Internal { event }, Lane::Model(id)) = (&claimed.job, &claimed.lane) {
            return self.step_environments(id.clone(), internal(event)?).await;
        }
        if let (Job::Internal { event }, Lane::Repository(repo)) = (&claimed.job, &claimed.lane) {
            return self.step_repository(*repo, internal(event)?, claimed.attempts > 0).await;
        }
        let incoming = match self.understand(claimed).await? {
            Ok(incoming) => incoming,
            Err(why) => return Ok(ignored(why)),
        };
        if let Some(meaning) = &incoming.meaning
            && self.store.meaning_seen(meaning).await?
        {
            return Ok(ignored("duplicate-meaning".to_owned()));
        }
        let meaning = incoming.meaning.clone();
        let waited = match claimed.job {
            Job::Delivery { .. } => Waited::AsDelivery,
            Job::Internal { .. } => Waited::AsLook,
        };
        let decision = match subject::concern(&self.store, waited, incoming).await? {
            Concern::Nobody(why) => ignored(why),
            Concern::Others(jobs) => Decision { jobs, ..Decision::default() },
            Concern::Decide(id, event) => self.step(id, &event, claimed).await?,
        };
        Ok(Decision { meaning, ..decision })
    }

    /// The event of a job, or why it is none.
    async fn understand(&self, claimed: &Claimed) -> Result<Result<Incoming, String>, Failure> {
        match &claimed.job {
            Job::Delivery { forge, event, body, .. } => {
                // The forge tells us of itself, and we do not act on it: nothing waits for us there.
                let Some(adapter) = self.forges.get(*forge) else {
                    return Ok(Err("forge-not-acted-on".to_owned()));
                };
                let us = adapter.whoami().await?;
                Ok(event::parse(*forge, event, body, &us).map_err(|error| {
                    // Repeating would not change the body; the next event of its kind may be good.
                    tracing::warn!(%error, "a delivery could not be understood");
                    format!("not understood: {error}")
                }))
            }
            Job::Internal { event } => {
                let event = internal(event)?;
                let Lane::MergeRequest(id) = claimed.lane else {
                    return Err(Failure::Damaged(format!("{} is no merge request's lane", claimed.lane)));
                };
                let event = match event {
                    InternalEvent::Refresh | InternalEvent::Pushed { .. } => Event::Refresh,
                    InternalEvent::StatusForged => Event::StatusForged,
                    InternalEvent::Comment { id: comment } => {
                        let forge = self.forge(id.repo.forge)?;
                        let us = forge.whoami().await?;
                        let mut found = forge.comment(id, comment).await?;
                        if found.is_none() && self.is_young(claimed) {
                            return Err(Failure::NotShownYet);
                        }
                        // As if it had been delivered: without our secrets.
                        if let Some(found) = &mut found {
                            found.body = self.settings.redactor.text(&found.body).into_owned();
                        }
                        return Ok(Ok(event::found(id, found, &us)));
                    }
                    InternalEvent::Effect { slot, outcome } => Event::Effect { slot, outcome },
                };
                Ok(Ok(Incoming { subject: Subject::MergeRequest(id), event, meaning: None }))
            }
        }
    }

    /// Gathers facts about a merge request and lets the engine decide.
    async fn step(&self, id: MergeRequestId, event: &Event, claimed: &Claimed) -> Result<Decision, Failure> {
        let forge = self.forge(id.repo.forge)?;
        let stored = self.store.state(id).await?;
        let us = forge.whoami().await?;
        let addressing = Addressing { prefix: self.settings.prefix.clone(), login: us.mention().to_owned() };
        let gatherer = Gatherer {
            store: &self.store,
            forge: forge.as_ref(),
            memory: &self.memory,
            repositories: &self.settings.repositories,
            now: self.clock.now(),
            young: self.is_young(claimed),
            bot: engine::Addressed { user: us, addressing, checks: forge.shows_checks() },
            id,
            state: &stored.state,
            event,
        };
        let mut found = match gatherer.gather().await? {
            Gathered::Nothing(why) => return Ok(ignored(why.to_owned())),
            Gathered::Facts(found) => found,
        };
        // What was delivered was freed of our secrets before it was stored; what is compared with it is too.
        for now in found.facts.comments.iter_mut().filter_map(|told| told.now.as_mut()) {
            now.body = self.settings.redactor.text(&now.body).into_owned();
        }
        let facts = &found.facts;
        let transition = engine::step(&stored.state, facts, event, self.clock.now());
        let environments = changed_environments(id, &found.expected, &transition);
        let others = transition.rollouts.iter().map(|(_, rollout)| rollout.asked_on).filter(|on| *on != id);
        let lanes = environments.iter().map(|changed| Lane::Model(changed.id.clone()));
        let lanes = lanes.chain(others.map(Lane::MergeRequest));
        let jobs = lanes.map(|lane| NewJob { lane, event: InternalEvent::Refresh.to_json() }).collect();
        let request = &facts.merge_request;
        let retold = retold(&stored.state.shown, &transition.state.shown);
        Ok(Decision {
            retold,
            state: Some(NewState {
                id,
                expected: stored.version,
                state: transition.state,
                title: request.title.clone(),
                web_url: request.web_url.clone(),
                repository: facts.repository.path.clone(),
                open: request.status == MergeRequestStatus::Open,
            }),
            jobs,
            environments,
            effects: transition.effects,
            audit: transition.audit,
            wake_at: transition.wake_at,
            versions: transition.published,
            reports: found.reports,
            runs: found.runs,
            ..Decision::default()
        })
    }

    /// Whether the forge may not show everywhere yet what the job is about.
    fn is_young(&self, claimed: &Claimed) -> bool {
        self.clock.now().since(claimed.since) < YOUNG
    }

    pub(super) fn forge(
        &self,
        kind: crate::domain::ForgeKind,
    ) -> Result<&std::sync::Arc<dyn crate::forge::Forge>, Failure> {
        self.forges.get(kind).ok_or(Failure::Unconfigured(kind))
    }
}

/// Commits of which the merge request says something else than before.
fn retold(before: &Shown, now: &Shown) -> BTreeSet<Sha> {
    if (&before.statuses_on, &before.said.own) == (&now.statuses_on, &now.said.own) {
        return BTreeSet::new();
    }
    let speaking = [before, now].into_iter().filter(|shown| !shown.said.own.is_empty());
    speaking.filter_map(|shown| shown.statuses_on.as_ref()).map(|(sha, _run)| sha.clone()).collect()
}

/// What commands changed in environments, to be stored over what was read.
fn changed_environments(
    id: MergeRequestId,
    expected: &BTreeMap<ModelName, i64>,
    transition: &Transition,
) -> Vec<NewEnvironments> {
    let new = |(name, state): (&ModelName, &Environments)| NewEnvironments {
        id: ModelId { repo: id.repo, model: name.clone() },
        expected: expected.get(name).copied().unwrap_or_default(),
        state: state.clone(),
        rollouts: transition
            .rollouts
            .iter()
            .filter(|(of, _)| of == name)
            .map(|(_, rollout)| rollout.clone())
            .collect(),
    };
    transition.environments.iter().map(new).collect()
}

fn internal(event: &str) -> Result<InternalEvent, Failure> {
    serde_json::from_str(event).map_err(|error| Failure::Damaged(error.to_string()))
}

fn ignored(why: String) -> Decision {
    Decision { outcome: DeliveryOutcome::Ignored(why), ..Decision::default() }
}
