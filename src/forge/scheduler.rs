//! What a forge starts by the clock.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::domain::{ForgeClock, FoundSchedule, ModelName, RepoId, RunId, ScheduleStep, Timestamp};

use super::{ErrorKind, ForgeError};

/// The part of a forge that starts jobs by the clock.
#[async_trait]
pub trait Scheduler: Send + Sync {
    /// Whether schedules are kept by calls. Elsewhere the generated files are the schedule.
    fn keeps_schedules(&self) -> bool {
        false
    }

    /// The repository's schedules; those that are called like ours, and those `known` by number, with their
    /// variables where the forge shows them.
    async fn schedules(
        &self,
        _repo: RepoId,
        _known: &BTreeSet<u64>,
    ) -> Result<Vec<FoundSchedule>, ForgeError> {
        Ok(Vec::new())
    }

    /// Brings the schedules one write nearer to what is wanted; what is gone already counts as removed.
    async fn change_schedule(&self, repo: RepoId, step: &ScheduleStep) -> Result<(), ForgeError> {
        Err(ForgeError {
            kind: ErrorKind::Refused,
            external: format!("{} keeps schedules in files", repo.forge),
            internal: format!("{step:?} in {repo}"),
        })
    }

    /// The newest run since then that runs the job of this schedule of the model, or ran it, whoever started it.
    async fn ran(
        &self,
        repo: RepoId,
        branch: &str,
        schedule: (&ModelName, &str),
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError>;

    /// Whether the forge's own clock starts the model's schedules.
    async fn clock(&self, _repo: RepoId, _model: &ModelName) -> Result<ForgeClock, ForgeError> {
        Ok(ForgeClock::Ticks)
    }

    /// Has the forge's own clock start the model's schedules again; that it does already counts as done.
    async fn start_clock(&self, _repo: RepoId, _model: &ModelName) -> Result<(), ForgeError> {
        Ok(())
    }
}
