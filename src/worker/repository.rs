//! A job in a repository's lane: what concerns a default branch as a whole, its generated CI files and its
//! schedules.

use std::time::Duration;

use crate::domain::{InternalEvent, Outcome, RepoId, Repository};
use crate::engine::Configuration;
use crate::forge::{ErrorKind, Forge, ForgeError};
use crate::storage::{Decision, DeliveryOutcome};

use super::Inner;
use super::facts::configuration_at;
use super::failure::Failure;
use super::onboarding::{self, Proposal};
use super::schedules;

/// How long a repository's name and default branch are taken to be as they were.
const REPOSITORY_LASTS: Duration = Duration::from_secs(3600);

/// How long a repository without schedules is taken to have none, as long as nobody tells us of a push.
const UNSCHEDULED_LASTS: Duration = Duration::from_secs(3600);

impl Inner {
    /// Everything that follows for a repository; `again` where an earlier try of the job came to nothing.
    pub(super) async fn step_repository(
        &self,
        repo: RepoId,
        event: InternalEvent,
        again: bool,
    ) -> Result<Decision, Failure> {
        let branch = match event {
            InternalEvent::Effect { slot, outcome } if slot.starts_with("propose:") => {
                if matches!(outcome, Outcome::Conflict { .. }) {
                    // The next push or sweep looks at what is there now.
                    self.memory.looked_at.forget(&repo);
                }
                return Ok(onboarding::told(repo, &outcome));
            }
            InternalEvent::Effect { slot, outcome } => return self.scheduled(repo, &slot, &outcome).await,
            InternalEvent::Pushed { branch } => Some(branch),
            InternalEvent::Refresh | InternalEvent::StatusForged | InternalEvent::Comment { .. } => None,
        };
        match self.look(repo, branch, again).await {
            // Whatever may not be read is no reason to hold up the repository's lane.
            Err(Failure::Forge(error)) if matches!(error.kind, ErrorKind::Gone | ErrorKind::Refused) => {
                tracing::info!(%error, "the repository's CI files and schedules are not looked at");
                Ok(ignored("not-to-be-read"))
            }
            other => other,
        }
    }

    async fn look(&self, repo: RepoId, branch: Option<String>, again: bool) -> Result<Decision, Failure> {
        let now = self.clock.now();
        let generated = self.memory.onboarded.get(&repo).is_some();
        let known = schedules::known(self.store.models(repo).await?);
        let idle = known.is_empty()
            && self.memory.unscheduled.get(&repo).is_some_and(|at| now.since(at) < UNSCHEDULED_LASTS);
        if generated && idle && branch.is_none() {
            return Ok(ignored("has-generated-files"));
        }
        let forge = self.forge(repo.forge)?.as_ref();
        let place = self.place(forge, repo).await?;
        if !self.settings.repositories.contains(&place.path) {
            return Ok(ignored("repository-not-served"));
        }
        // Whatever was pushed elsewhere changes nothing here.
        if branch.is_some_and(|branch| branch != place.default_branch) {
            return Ok(ignored("another-branch"));
        }
        let head = forge.branch_head(repo, &place.default_branch).await?;
        let proposal = self.propose(forge, &place, &head, again).await?;
        let has_files = matches!(proposal, Proposal::NotNeeded);
        // Without files of ours there is nothing that could run, but perhaps something that is to go.
        if has_files || !known.is_empty() {
            let config = configuration_at(forge, &self.memory, repo, &head).await?;
            if has_files || config == Configuration::Absent {
                return self.schedules(forge, (&place, &head), &config, known, again).await;
            }
        }
        match proposal {
            Proposal::None(why) => Ok(ignored(why)),
            Proposal::NotNeeded => Ok(ignored("has-generated-files")),
            Proposal::Wanted(effects) => Ok(Decision { effects, ..Decision::default() }),
        }
    }

    /// The repository, read once in a while: most of those that are swept are of no interest here.
    async fn place(&self, forge: &dyn Forge, repo: RepoId) -> Result<Repository, ForgeError> {
        let now = self.clock.now();
        if let Some((known, at)) = self.memory.repositories.get(&repo)
            && now.since(at) < REPOSITORY_LASTS
        {
            return Ok(known);
        }
        let found = forge.repository(repo).await?;
        self.memory.repositories.put(repo, (found.clone(), now));
        Ok(found)
    }
}

pub(super) fn ignored(why: &str) -> Decision {
    Decision { outcome: DeliveryOutcome::Ignored(why.to_owned()), ..Decision::default() }
}
