//! What we know of one merge request between two events: stored as one document.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    BaselineName, CommentId, Digest, Effect, Judged, Label, ModelName, Phase, Report, RunId, Sha, Status,
    Timestamp, User, Version,
};

/// The state of one merge request over all its models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The head, base and configuration that everything below belongs to.
    pub bound: Option<Bound>,
    /// One a touched model.
    pub models: BTreeMap<ModelName, ModelState>,
    /// Comments whose commands were answered: a command acts once, however often it is told.
    pub answered: BTreeSet<CommentId>,
    /// Approvals that came by the forge's own review, and the head they belong to.
    pub reviews: Vec<Review>,
    /// What the forge was last asked to show.
    pub shown: Shown,
}

/// What a decision is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The merge request's newest commit.
    pub head: Sha,
    /// The target branch's newest commit when the head was judged.
    pub base: Sha,
    /// The branch it wants into.
    pub target: String,
    /// Digest of the target branch's configuration; none where it has none.
    pub policy: Option<Digest>,
    /// Digest of the head's configuration; none where it has none.
    pub proposal: Option<Digest>,
}

/// One model of a merge request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelState {
    /// Where it stands.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// Counts heads: the `n` of `cand-<mr>.<n>-g<sha8>`.
    pub candidate: u32,
    /// The run whose jobs are read.
    pub run: Option<RunId>,
    /// How often runner faults were retried on this head.
    pub infra_retries: u32,
    /// The earliest time of the next retry.
    pub retry_at: Option<Timestamp>,
    /// The numbers of this head.
    pub report: Option<Report>,
    /// The rules judged on them.
    pub judged: Vec<Judged>,
    /// What they were compared with.
    pub baseline: Option<BaselineName>,
    /// Approvals given by command.
    pub approvals: Vec<Approval>,
    /// When the report was first shown: `approve` without SHA means the head of the newest
    /// report written before the comment.
    pub reported_at: Option<Timestamp>,
    /// Things to tell about this head.
    pub notices: Vec<String>,
    /// From `publish` on.
    pub publication: Option<Publication>,
}

/// An approval given by command, bound to what was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: User,
    /// When.
    pub at: Timestamp,
    /// The head.
    pub head: Sha,
    /// The base.
    pub base: Sha,
    /// The policy.
    pub policy: Option<Digest>,
    /// The report.
    pub report: Option<Digest>,
    /// The dataset.
    pub dataset: Option<Sha>,
}

/// An approval or its withdrawal by the forge's own review, as its hook told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Who.
    pub by: User,
    /// The head that the hook named.
    pub head: Sha,
}

/// A model's way from `publish` to its release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Who asked; none when a person merged.
    pub requested_by: Option<User>,
    /// What was gated when it was asked for.
    pub bound: Bound,
    /// Digest of the report that was judged.
    pub report: Digest,
    /// Counts merge calls.
    pub merge_attempt: u32,
    /// The commit on the target branch.
    pub commit: Option<Sha>,
    /// The number that was (or is being) taken.
    pub version: Option<Version>,
    /// Whether the tag is known to be there.
    pub tagged: bool,
    /// Counts publish runs.
    pub run_attempt: u32,
    /// The publish run.
    pub run: Option<RunId>,
    /// Whether the publish job ended well (or there is none to run).
    pub ran: bool,
    /// The release's address, once read back.
    pub released: Option<String>,
    /// Why it stopped, safe to show.
    pub failure: Option<String>,
}

/// What the forge was last asked to show; an unchanged value is not sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// By context, on the bound head.
    pub statuses: BTreeMap<String, Status>,
    /// The commit that the statuses stand on.
    pub statuses_on: Option<(Sha, Option<RunId>)>,
    /// The label.
    pub label: Option<Label>,
    /// Digest of the sticky report.
    pub report: Option<Digest>,
}

/// What follows from an event: committed as one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The new state.
    pub state: State,
    /// What the forge shall be asked for, in order.
    pub effects: Vec<Effect>,
    /// What goes into the audit log, in order.
    pub audit: Vec<Audit>,
    /// Look again at this time even if nothing happens until then.
    pub wake_at: Option<Timestamp>,
    /// Versions that became published by this transition.
    pub published: Vec<super::VersionRecord>,
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// `phase`, `command`, `refusal`, `approval`, `gate`, `publication`, …
    pub kind: String,
    /// Who caused it, by login; none for the bot or the forge.
    pub actor: Option<String>,
    /// One sentence.
    pub what: String,
    /// The evidence, as JSON.
    pub detail: serde_json::Value,
}
