//! Everything we know, kept through crashes.

mod records;

pub use records::{
    Claimed, ClaimedEffect, Decision, DeliveryOutcome, EffectEnd, Job, Lease, NewDelivery, NewJob, NewState,
    Recorded, StoredState,
};

use std::time::Duration;

use crate::domain::{
    CommentId, JobId, Lane, MergeRequestId, ModelName, RepoId, Report, RunId, Sha, Timestamp, VersionRecord,
};

/// The database. Cheap to clone; every method is one short transaction.
#[derive(Clone, Debug)]
pub struct Store {}

/// What went wrong in the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot commit now.
    #[error("the database cannot be used now: {0}")]
    Unavailable(String),
    /// Somebody else took over the lease: nothing of this commit was kept.
    #[error("the lease was lost to another worker")]
    LeaseLost,
    /// The state was changed by somebody else since it was read: nothing of this commit was kept.
    #[error("the state changed since it was read")]
    Stale,
    /// A stored document cannot be read.
    #[error("a stored document is damaged: {0}")]
    Damaged(String),
    /// The address or file of the database is wrong.
    #[error("the database address is wrong: {0}")]
    Address(String),
}

#[expect(clippy::todo, clippy::unused_async, unused_variables, reason = "skeleton")]
impl Store {
    /// Opens (creates, migrates) the database at `sqlite://PATH` or `sqlite::memory:`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        todo!()
    }

    // ---- inbox ----

    /// Keeps a delivery and its job; returns after the commit is on disk.
    pub async fn record(&self, delivery: NewDelivery) -> Result<Recorded, StoreError> {
        todo!()
    }

    /// Takes the oldest job of a lane that nobody works on. At most one job of a lane is out at a time.
    pub async fn claim(&self, now: Timestamp, lease: Duration) -> Result<Option<Claimed>, StoreError> {
        todo!()
    }

    /// Keeps the lease alive until `until`.
    pub async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError> {
        todo!()
    }

    /// One transaction: job done, new state, effects, audit, follow-up jobs. All or nothing.
    pub async fn commit(&self, lease: &Lease, decision: Decision, now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }

    /// Gives the job back, to be tried again not before `at`.
    pub async fn retry_job(&self, lease: &Lease, at: Timestamp, error: &str) -> Result<(), StoreError> {
        todo!()
    }

    /// Ends the job as a dead letter with its reason; the lane goes on.
    pub async fn bury_job(&self, lease: &Lease, error: &str, now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }

    /// Puts due timers into their lanes as `Refresh` jobs; how many.
    pub async fn ring(&self, now: Timestamp) -> Result<u64, StoreError> {
        todo!()
    }

    /// Adds jobs that no delivery caused.
    pub async fn enqueue(&self, jobs: Vec<NewJob>, now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }

    /// When the next job, effect or timer becomes due; none when nothing waits.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        todo!()
    }

    // ---- state ----

    /// What is known of a merge request; the default state with version 0 when nothing is.
    pub async fn state(&self, id: MergeRequestId) -> Result<StoredState, StoreError> {
        todo!()
    }

    /// Whether an event of this meaning was already decided.
    pub async fn meaning_seen(&self, meaning: &str) -> Result<bool, StoreError> {
        todo!()
    }

    /// The merge request that a run was started for, or that was last seen with it.
    pub async fn run_owner(&self, repo: RepoId, run: RunId) -> Result<Option<MergeRequestId>, StoreError> {
        todo!()
    }

    /// Open merge requests whose bound head is this commit.
    pub async fn with_head(&self, repo: RepoId, head: &Sha) -> Result<Vec<MergeRequestId>, StoreError> {
        todo!()
    }

    /// Open merge requests into this branch.
    pub async fn into_branch(&self, repo: RepoId, branch: &str) -> Result<Vec<MergeRequestId>, StoreError> {
        todo!()
    }

    /// The report read from a test job.
    pub async fn report(&self, repo: RepoId, job: JobId) -> Result<Option<Report>, StoreError> {
        todo!()
    }

    /// Our versions of a model, oldest first.
    pub async fn versions(&self, repo: RepoId, model: &ModelName) -> Result<Vec<VersionRecord>, StoreError> {
        todo!()
    }

    // ---- outbox ----

    /// Takes the most urgent due effect of a repository lane that nobody works on.
    pub async fn claim_effect(
        &self,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<ClaimedEffect>, StoreError> {
        todo!()
    }

    /// Ends an effect; where it reports back, the outcome becomes a job of its merge request.
    pub async fn finish_effect(
        &self,
        lease: &Lease,
        end: EffectEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// Gives the effect back, to be tried again not before `at`.
    pub async fn retry_effect(&self, lease: &Lease, at: Timestamp, error: &str) -> Result<(), StoreError> {
        todo!()
    }

    /// The comment that carries `marker` on a merge request, as we stored it.
    pub async fn comment_with(
        &self,
        id: MergeRequestId,
        marker: &str,
    ) -> Result<Option<CommentId>, StoreError> {
        todo!()
    }

    /// Stores which comment carries `marker`.
    pub async fn remember_comment(
        &self,
        id: MergeRequestId,
        marker: &str,
        comment: CommentId,
    ) -> Result<(), StoreError> {
        todo!()
    }

    // ---- views ----

    /// Whether the database answers and is migrated.
    pub async fn ready(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// How many jobs wait, and since when the oldest does.
    pub async fn queue(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        todo!()
    }

    /// Jobs that ended as dead letters: lane, reason, time; newest first, at most `limit`.
    pub async fn dead_jobs(&self, limit: u32) -> Result<Vec<(Lane, String, Timestamp)>, StoreError> {
        todo!()
    }
}
