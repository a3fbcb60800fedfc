//! What we ask of a forge, in words that do not depend on which one it is.

mod archive;
mod classify;
mod deliveries;
mod error;
mod github;
mod gitlab;
mod memory;
mod operations;
mod pace;
mod records;
mod redact;
mod scheduler;
mod stand_in;
mod terminal;
mod text;
mod transport;

pub use deliveries::{Again, Deliveries, FailedDelivery, Log, OurHook, ReadUpTo};
pub use error::{ErrorKind, ForgeError};
pub use github::{GitHub, NewApp, manifest, new_app, web_address};
pub use gitlab::{GitLab, HookChange, HookSetUp, WantedHook};
pub use operations::Forge;
pub use records::{
    Archive, ArchiveEntry, ArchiveLimits, ArtifactKind, Asset, HeadRuns, Merge, NewMergeRequest, NewRelease,
    Proposed, PushedRun, Release,
};
pub use scheduler::Scheduler;
pub use stand_in::{Call, StandIn};
pub use transport::{Limits, Payload};

use std::sync::Arc;

use crate::domain::{ForgeKind, RepoId, Scope};

/// The forges that are configured.
#[derive(Clone, Debug, Default)]
pub struct Forges {
    /// GitHub, where configured.
    pub github: Option<Arc<dyn Forge>>,
    /// GitLab, where configured.
    pub gitlab: Option<Arc<dyn Forge>>,
}

impl Forges {
    /// The forge of this kind, where configured.
    #[must_use]
    pub fn get(&self, kind: ForgeKind) -> Option<&Arc<dyn Forge>> {
        match kind {
            ForgeKind::GitHub => self.github.as_ref(),
            ForgeKind::GitLab => self.gitlab.as_ref(),
        }
    }

    /// What the credential opens with which this repository is spoken to.
    #[must_use]
    pub fn scope(&self, repo: RepoId) -> Scope {
        let apart = self.get(repo.forge).is_some_and(|forge| forge.admits_apart());
        (repo.forge, apart.then_some(repo))
    }
}
