//! What we know of one merge request between two events: stored as one document.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Answer, BaselineName, Card, Chart, CodeOwners, CommentId, Digest, GeneratedAt, Hold, JobId, Judged,
    Label, Lineage, ModelName, Phase, QueueState, Refused, Report, Rescoring, RunId, Said, Sha, ShownCheck,
    Stage, Status, Timestamp, User, Version, Waiver,
};

/// The state of one merge request over all its models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The head, base and configuration that everything below belongs to.
    pub bound: Option<Bound>,
    /// Heads of before, the newest last: a branch may be set back to one of them.
    pub left: Vec<Left>,
    /// One a touched model.
    pub models: BTreeMap<ModelName, ModelState>,
    /// Models that an owner holds, also while the merge request does not touch them.
    pub holds: BTreeMap<ModelName, Hold>,
    /// The last commands that were refused, the newest last.
    pub refused: Vec<Refused>,
    /// Comments whose commands were answered: a command acts once, however often it is told.
    pub answered: BTreeSet<CommentId>,
    /// Approvals that came by the forge's own review, and the head they belong to.
    pub reviews: Vec<Review>,
    /// Owners of whom a review was asked, or was not to be: nobody is asked twice.
    pub asked_to_review: BTreeSet<String>,
    /// The head of a fork that a maintainer named in `run`: only this one may run.
    pub let_run: Option<Sha>,
    /// Counts the runs that we asked for.
    pub runs_asked: u32,
    /// The newest call for a run, as long as nobody heard what became of it.
    pub starting: Option<Starting>,
    /// Runs that we asked to be cancelled since the last run was asked for.
    pub cancelled: BTreeSet<RunId>,
    /// Runs of its heads that were begun for another target branch, with that branch's files: no attempt of
    /// them ever counts.
    pub other_target: BTreeSet<RunId>,
    /// The merge that was asked for.
    pub merging: Option<Merging>,
    /// Counts merge calls.
    pub merges_asked: u32,
    /// How it waits in the queue of its target branch.
    pub queue: QueueState,
    /// What the forge was last asked to show.
    pub shown: Shown,
    /// How the generated files of a head were found.
    pub generated: Option<GeneratedAt>,
    /// The slot of the commit that is under way.
    pub committing: Option<String>,
    /// Counts commits that were asked for.
    pub commits_asked: u32,
    /// Counts runs that were asked for to measure a published version anew.
    pub rescorings_asked: u32,
    /// Replies that tell of something still under way: written again when it has moved.
    pub replies: BTreeMap<CommentId, OpenReply>,
    /// Counts the presses of buttons that were answered.
    pub presses: u32,
}

/// A run of the head that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starting {
    /// The slot of the call.
    pub slot: String,
    /// The head.
    pub head: Sha,
    /// When it was asked for.
    pub at: Timestamp,
    /// Runs that earlier calls began meanwhile: this one takes their place.
    pub before: BTreeSet<RunId>,
    /// Somebody does not want it any more: it is stopped as soon as it has begun.
    pub called_off: bool,
}

/// A reply that is not finished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenReply {
    /// One a command, in order.
    pub parts: Vec<ReplyPart>,
    /// Digest of what it says now.
    pub shown: Option<Digest>,
}

/// The answer to one command of a comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyPart {
    /// Said once and for all.
    Said(Answer),
    /// Files are being committed: a new head says that it went well, this reply anything else.
    Commit {
        /// The slot of the call.
        slot: String,
        /// The command as written.
        command: String,
    },
    /// Where this rollout stands, until it is over.
    Rollout {
        /// The model.
        model: ModelName,
        /// The rollout's number.
        number: u64,
    },
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

/// A head that the branch was at before, and what its jobs were measured against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// What was bound when it was left.
    pub bound: Bound,
    /// By touched model.
    pub models: BTreeMap<ModelName, Measured>,
}

/// What the jobs of a head were measured against, for one model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Digest of the model's section on the target branch.
    pub policy: Option<Digest>,
    /// Jobs that were stale already.
    pub stale: BTreeSet<JobId>,
    /// Versions that were measured anew on its data.
    #[serde(default)]
    pub rescorings: Vec<Rescoring>,
}

impl State {
    /// The binding under which the jobs of `head` were last judged; none for a head that is new.
    #[must_use]
    pub fn last_bound(&self, head: &Sha) -> Option<&Bound> {
        let left = self.left.iter().map(|left| &left.bound);
        left.chain(&self.bound).find(|bound| bound.head == *head)
    }

    /// Whether every model is past the merge: from then on nothing of the head is judged any more, so that
    /// its runs, reports and approvals need not be read.
    #[must_use]
    pub fn past_merge(&self) -> bool {
        !self.models.is_empty() && self.models.values().all(ModelState::is_past_merge)
    }
}

/// One model of a merge request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelState {
    /// Where it stands.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// The stage that is at work, or where it stopped.
    pub stage: Stage,
    /// Counts heads: the `n` of `cand-<mr>.<n>-g<sha8>`.
    pub candidate: u32,
    /// Digest of the model's section on the target branch; none where it has none.
    pub policy: Option<Digest>,
    /// What makes people look harder than usual.
    pub scrutiny: Scrutiny,
    /// Whom CODEOWNERS names for what is changed of the model; only where `review.owners` is not written.
    pub code_owners: CodeOwners,
    /// Files and keys that were changed of what measures.
    pub evaluation_changes: Vec<String>,
    /// The run whose jobs are read.
    pub run: Option<RunId>,
    /// Whether that run may still be at work.
    pub run_live: bool,
    /// Since when a run or a runner has been waited for.
    pub idle_since: Option<Timestamp>,
    /// Jobs of this head that were measured against a base or policy that is gone.
    pub stale: BTreeSet<JobId>,
    /// Jobs that we asked to be run again.
    pub retried: BTreeSet<JobId>,
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
    /// Published versions that are, or were, measured anew on this head's data.
    pub rescorings: Vec<Rescoring>,
    /// The judged metrics over the versions that there were then.
    pub charts: Vec<Chart>,
    /// Address of the job that left the report.
    pub report_page: Option<String>,
    /// The model card as it was found at this head.
    pub card: Option<Card>,
    /// Approvals given by command.
    pub approvals: Vec<Approval>,
    /// Rules that owners excused, for what is judged now.
    pub waivers: Vec<Waiver>,
    /// Who approved, by login, over commands and the forge's own reviews: what counted last.
    pub approved_by: Vec<String>,
    /// The forge's own approvals from before this time are void: base, policy or report changed since.
    pub rebound_at: Option<Timestamp>,
    /// Digest of this head's newest report, also while a test job runs again.
    pub reported: Option<Digest>,
    /// When the report was first shown: `approve` without SHA means the head of the newest
    /// report written before the comment.
    pub reported_at: Option<Timestamp>,
    /// Heads of before with exactly this one's content.
    pub same_content: BTreeSet<Sha>,
    /// The report of the newest of them: what was approved counts on if this head's says the same.
    pub kept_report: Option<(Sha, Digest)>,
    /// The head of the newest report before this head's.
    pub reported_before: Option<Sha>,
    /// Who asked to publish this head as soon as it is ready.
    pub armed: Option<User>,
    /// Things to tell about this head.
    pub notices: Vec<String>,
    /// Why it was merged but not published.
    pub unblessed: Option<String>,
    /// Since somebody asked to have judged what the merge made of it.
    pub anew: Option<Anew>,
    /// From the merge on.
    pub publication: Option<Publication>,
}

impl ModelState {
    /// Whether the merge was decided about: published or not, the head is no matter of gates any more.
    #[must_use]
    pub const fn is_past_merge(&self) -> bool {
        self.phase.is_past_merge() || self.anew.is_some()
    }

    /// The model card, where the policy asks for one that is not there or not complete.
    #[must_use]
    pub fn incomplete_card(&self) -> Option<&Card> {
        self.card.as_ref().filter(|card| !card.problems.is_empty())
    }

    /// The second judgement, as long as it is one.
    #[must_use]
    pub fn judged_anew(&self) -> Option<&Anew> {
        self.anew.as_ref().filter(|_| !self.phase.is_past_merge())
    }
}

/// A merged model that was not published is judged anew, as it stands on the target branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anew {
    /// What everything is bound to now: the merge commit in the place of the head, and what the merge was
    /// put upon as its base.
    pub bound: Bound,
    /// Why it was not published as it was merged, safe to show.
    pub because: String,
    /// Counts the runs that were asked for.
    pub attempt: u32,
    /// The slot of the call that starts a run, while it is under way.
    pub asked: Option<String>,
    /// The run.
    pub run: Option<RunId>,
    /// Why no run was started, safe to show.
    pub refused: Option<String>,
}

/// What makes people look harder than usual, and asks for an approval even where none is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scrutiny {
    /// The target branch does not know the model: a maintainer must approve.
    pub new_model: bool,
    /// The head removes the model.
    pub removed: bool,
    /// The merge request changes the rules that it is judged by.
    pub policy_changed: bool,
    /// What measures was changed: an owner must approve after the report.
    pub evaluation_changed: bool,
}

/// A merge that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merging {
    /// Who asked.
    pub by: User,
    /// The head that is merged, and no other.
    pub head: Sha,
    /// How often the forge put it off.
    pub put_off: u32,
    /// Not before this time.
    pub retry_at: Option<Timestamp>,
    /// The slot of the merge call that is under way.
    pub asked: Option<String>,
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
    /// The model's section of the policy.
    pub policy: Option<Digest>,
    /// The report; none as long as there is none.
    pub report: Option<Digest>,
    /// The report came later than the approval, so that its giver has not seen it.
    #[serde(default)]
    pub blind: bool,
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
    /// When we heard of it.
    pub heard_at: Timestamp,
}

/// A model's way from the merge to its release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Who asked; none when a person merged.
    pub requested_by: Option<User>,
    /// What was gated.
    pub bound: Bound,
    /// Digest of the report that was judged.
    pub report: Digest,
    /// The commit on the target branch.
    pub commit: Sha,
    /// The number that was (or is being) taken.
    pub version: Option<Version>,
    /// Numbers whose tag names turned out to be taken by others.
    pub occupied: BTreeSet<Version>,
    /// What is written down about that number: the same in the tag and in the release, whatever is
    /// published in between.
    #[serde(default)]
    pub lineage: Option<Box<Lineage>>,
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
    /// The slot of the forge call that is under way.
    pub asked: Option<String>,
    /// Why it stopped, safe to show.
    pub failure: Option<String>,
    /// Whether an owner gave it up: the number is void, and nothing is tried again.
    #[serde(default)]
    pub given_up: bool,
}

/// What the forge was last asked to show; an unchanged value is not sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// By context, on the bound head.
    pub statuses: BTreeMap<String, Status>,
    /// The commit that the statuses stand on.
    pub statuses_on: Option<(Sha, Option<RunId>)>,
    /// What is said of it.
    #[serde(default)]
    pub said: Said,
    /// What the other merge requests with this head said when we last looked, by number.
    #[serde(default)]
    pub others: BTreeMap<u64, Said>,
    /// Checks by name, on [`Shown::checks_on`].
    #[serde(default)]
    pub checks: BTreeMap<String, ShownCheck>,
    /// The commit that the checks stand on.
    #[serde(default)]
    pub checks_on: Option<Sha>,
    /// The label.
    pub label: Option<Label>,
    /// Digest of the sticky report.
    pub report: Option<Digest>,
}
