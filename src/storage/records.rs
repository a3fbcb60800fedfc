//! What goes into the database and comes out of it.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::domain::{
    Audit, CommentId, Effect, Environments, ForgeKind, JobId, Lane, MergeRequestId, ModelId, Outcome, Owner,
    RepoId, Report, Rollout, RunId, Sha, State, Timestamp, VersionRecord,
};

/// A verified delivery, to be kept before it is answered.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The forge whose secret verified it.
    pub forge: ForgeKind,
    /// The forge's id of the delivery: unique per forge.
    pub id: String,
    /// The event header's value.
    pub event: String,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Where it belongs; none = kept as ignored, without a job and without a body.
    pub lane: Option<Lane>,
    /// For an ignored one: why.
    pub ignored: Option<String>,
    /// Other headers worth keeping, as name and value; no credential among them.
    pub headers: Vec<(String, String)>,
    /// The JSON body as sent (a form's payload decoded); secrets in it already redacted.
    pub body: Bytes,
}

/// What became of a delivery at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Stored now.
    Accepted,
    /// The id was stored before.
    Duplicate {
        /// Whether the body is the same; another one under one id is an alarm.
        same_body: bool,
    },
}

/// A right to work on one job or effect until it ends; only a claim makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(super) on: Leased,
    /// The lane's row.
    pub(super) lane: i64,
    /// The job's or effect's row.
    pub(super) row: i64,
    /// The lane's count of claims: whoever claims after us has a higher one.
    pub(super) token: i64,
}

/// What a lease is on: one on a job is worth nothing for an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leased {
    /// A job of a lane.
    Job,
    /// An effect of a repository.
    Effect,
}

/// A job and the lease on it.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The right to work on it.
    pub lease: Lease,
    /// Its lane.
    pub lane: Lane,
    /// What is to be done.
    pub job: Job,
    /// How often it was tried before.
    pub attempts: u32,
    /// How many of these tries ended with the process that made them.
    pub interruptions: u32,
    /// When it was put into the lane.
    pub since: Timestamp,
}

impl Claimed {
    /// Tries that failed by themselves.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.attempts.saturating_sub(self.interruptions)
    }
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Job {
    /// A delivery to be understood.
    Delivery {
        /// The forge.
        forge: ForgeKind,
        /// The forge's id of the delivery.
        id: String,
        /// The event header's value.
        event: String,
        /// The stored headers.
        headers: Vec<(String, String)>,
        /// The JSON body.
        body: Vec<u8>,
    },
    /// An event of our own, as JSON of the worker's making (an effect's outcome, a refresh).
    Internal {
        /// The JSON.
        event: String,
    },
}

/// A job that no delivery caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Where it belongs.
    pub lane: Lane,
    /// The event as JSON. Equal waiting jobs of one lane are kept once.
    pub event: String,
}

/// A merge request's state and the version to commit against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredState {
    /// The state.
    pub state: State,
    /// Counts commits; 0 = never stored.
    pub version: i64,
}

/// A model's environments and the version to commit against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredEnvironments {
    /// The document.
    pub state: Environments,
    /// Counts commits; 0 = never stored.
    pub version: i64,
}

/// A model's environments to be stored.
#[derive(Clone, Debug)]
pub struct NewEnvironments {
    /// Which model.
    pub id: ModelId,
    /// The version that was read.
    pub expected: i64,
    /// The document.
    pub state: Environments,
    /// Rollouts that began, moved or ended.
    pub rollouts: Vec<Rollout>,
}

/// A merge request as it was last decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownMergeRequest {
    /// Which.
    pub id: MergeRequestId,
    /// Whether it was neither merged nor closed then.
    pub open: bool,
    /// Its state.
    pub state: State,
    /// When it was last decided, by our clock.
    pub decided_at: Timestamp,
}

/// Everything that one event changes.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The new state of a merge request, where there is one.
    pub state: Option<NewState>,
    /// Environments of models that it changes.
    pub environments: Vec<NewEnvironments>,
    /// Forge calls of that merge request (of the lane's model where there is none), in order.
    pub effects: Vec<Effect>,
    /// Audit entries, in order.
    pub audit: Vec<Audit>,
    /// Jobs for this or other lanes.
    pub jobs: Vec<NewJob>,
    /// Commits of which the merge request says something else than before: the other open ones with such a
    /// head look again.
    pub retold: BTreeSet<Sha>,
    /// Look at this merge request (or model) again then; replaces an earlier timer of the same lane. None
    /// leaves an earlier one standing.
    pub wake_at: Option<Timestamp>,
    /// Meaning of the event that was decided; where it was decided before, nothing is committed.
    pub meaning: Option<String>,
    /// Reports that were read.
    pub reports: Vec<(RepoId, JobId, Report)>,
    /// Versions that were published.
    pub versions: Vec<VersionRecord>,
    /// Runs that belong to the merge request (or model).
    pub runs: Vec<RunId>,
    /// How the delivery ends, if the job was one.
    pub outcome: DeliveryOutcome,
}

/// A merge request's state to be stored.
#[derive(Clone, Debug)]
pub struct NewState {
    /// Which merge request.
    pub id: MergeRequestId,
    /// The version that was read.
    pub expected: i64,
    /// The state.
    pub state: State,
    /// Its title, for pages.
    pub title: String,
    /// Its address, for pages.
    pub web_url: String,
    /// The repository's full path, for pages.
    pub repository: String,
    /// Whether it is neither merged nor closed.
    pub open: bool,
}

/// How a delivery ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It was worked.
    #[default]
    Done,
    /// There was nothing to do; the word says why.
    Ignored(String),
}

/// An effect and the lease on it.
#[derive(Clone, Debug)]
pub struct ClaimedEffect {
    /// The right to perform it.
    pub lease: Lease,
    /// Whose it is.
    pub owner: Owner,
    /// What is wanted.
    pub effect: Effect,
    /// How often it was tried before; above 0 the outcome of the last try is unknown.
    pub attempts: u32,
    /// How many of these tries ended with the process that made them.
    pub interruptions: u32,
    /// When it was decided.
    pub since: Timestamp,
}

impl ClaimedEffect {
    /// Tries that failed by themselves.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.attempts.saturating_sub(self.interruptions)
    }
}

/// Processes that may end over one job or effect before it is given up.
///
/// More than an unlucky one meets, which is in hand whenever a process ends for another reason; about a quarter
/// of an hour of restarts for one that ends every process itself.
pub const MOST_INTERRUPTIONS: u32 = 400;

/// How an effect ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectEnd {
    /// Performed, refused or overtaken.
    Outcome {
        /// What became of it.
        outcome: Outcome,
        /// The event that tells the engine, as JSON; none where it does not want to know.
        job: Option<NewJob>,
        /// A run that was started by it.
        run: Option<RunId>,
        /// A comment that was written by it: marker and number.
        comment: Option<(String, CommentId)>,
    },
    /// Given up after too many tries; a dead letter with its reason.
    Dead {
        /// Why.
        reason: String,
        /// The event that tells the engine, as JSON.
        job: Option<NewJob>,
    },
    /// Not performed because the bot only observes.
    Observed,
}

/// One row of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its number; the first is 1.
    pub id: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The merge request, model or repository that it is about.
    pub lane: String,
    /// `phase`, `command`, `refusal`, …
    pub kind: String,
    /// Who caused it, by login; none for the bot or the forge.
    pub actor: Option<String>,
    /// One sentence.
    pub what: String,
    /// The evidence.
    pub detail: serde_json::Value,
    /// The hash of the row before.
    pub previous: String,
    /// Of everything above, in hex.
    pub hash: String,
}

/// Where a whole audit log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEnd {
    /// How many rows it has.
    pub rows: i64,
    /// The hash of the last one; zeroes where there is none.
    pub hash: String,
}

/// The first row of the audit log that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenAudit {
    /// The row's number; one past the last row where the end of the log is missing.
    pub row: i64,
    /// What does not fit.
    pub why: &'static str,
}
