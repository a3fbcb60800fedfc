//! Calls to a forge that the engine wants made, and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Assignment, Check, CommentId, JobId, Label, Lineage, ModelName, NewCommit, Proposal, Reply,
    RetirementNote, RunId, ScheduleWish, Sha, Status, StickyReport, Version, WorkOrder,
};

/// One change that we want at the forge; performed at least once, so each is safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// The one sticky comment has this content.
    Report {
        /// What it shows.
        report: Box<StickyReport>,
    },
    /// One answer stands under this comment.
    Reply {
        /// The comment that asked.
        to: CommentId,
        /// The answers, one a command.
        reply: Box<Reply>,
    },
    /// The bot has seen this comment.
    Acknowledge {
        /// The comment.
        comment: CommentId,
    },
    /// The commit carries this status.
    Status {
        /// The commit.
        sha: Sha,
        /// The run that the status joins (GitLab's `pipeline_id`).
        run: Option<RunId>,
        /// Its name and value.
        status: Status,
    },
    /// The commit carries this check.
    Check {
        /// The commit.
        sha: Sha,
        /// What it shows.
        check: Box<Check>,
    },
    /// One answer to whoever pressed a button stands under the merge request.
    Answer {
        /// The press: [`super::Press::key`].
        press: String,
        /// The answer.
        reply: Box<Reply>,
    },
    /// The merge request carries exactly this one of our labels.
    Label {
        /// The label; none removes them all.
        label: Option<Label>,
    },
    /// These people and teams are asked for a review.
    RequestReviews {
        /// Logins.
        people: Vec<String>,
        /// Teams of the repository's own organization (GitHub), without it.
        teams: Vec<String>,
    },
    /// CI runs for this head (again).
    StartRun {
        /// The head.
        head: Sha,
        /// Distinguishes a wanted second run from a repeated first.
        attempt: u32,
        /// Runs that we stopped before, perhaps a moment ago: no such run is the one that is meant.
        #[serde(default)]
        stopped: BTreeSet<RunId>,
        /// Runs that were begun for another target branch: none of them is begun anew.
        #[serde(default)]
        other_target: BTreeSet<RunId>,
    },
    /// Nothing of this run goes on.
    CancelRun {
        /// The run.
        run: RunId,
    },
    /// This job is run again.
    RetryJob {
        /// The run it belongs to.
        run: RunId,
        /// The job.
        job: JobId,
    },
    /// The merge request is merged at exactly this head.
    Merge {
        /// The head that was gated.
        head: Sha,
        /// How.
        method: MergeMethod,
        /// The branch that it joins.
        #[serde(default)]
        target: String,
        /// Counts tries after a refusal that may pass.
        attempt: u32,
    },
    /// The merge request waits in no queue of its target branch.
    LeaveQueue {
        /// The head that waited.
        head: Sha,
        /// The merge call that put it there.
        attempt: u32,
    },
    /// The annotated tag exists on this commit: it takes the version's number.
    CreateTag {
        /// The model.
        model: ModelName,
        /// The version.
        version: Version,
        /// What its message carries.
        lineage: Box<Lineage>,
    },
    /// The annotated tag that says which version an environment got exists on the version's commit.
    AssignStage {
        /// What it says.
        assignment: Box<Assignment>,
    },
    /// The annotated tag that takes a version out of use exists on the version's commit.
    Retire {
        /// What it says.
        note: Box<RetirementNote>,
    },
    /// A run of the generated CI with an action, on the target branch.
    Dispatch {
        /// The branch to start on.
        branch: String,
        /// What it shall do.
        order: WorkOrder,
        /// Distinguishes a wanted second run from a repeated first.
        attempt: u32,
    },
    /// A run that measures a baseline by the code and on the data of the merge request's head, on the merge
    /// request's own branch, or of what its merge made, on the target branch.
    Evaluate {
        /// The branch to start on.
        branch: String,
        /// What it shall do; no other commit than its own is run.
        order: WorkOrder,
        /// Distinguishes a wanted second run from a repeated first.
        attempt: u32,
    },
    /// These files stand on the merge request's branch, put upon exactly the head that was looked at.
    CommitFiles {
        /// The commit.
        commit: Box<NewCommit>,
        /// Distinguishes a wanted second commit from a repeated first.
        attempt: u32,
    },
    /// The forge has exactly these schedules of ours.
    KeepSchedules {
        /// What is wanted.
        wanted: Vec<ScheduleWish>,
        /// Numbers of those that we made before, by key.
        known: BTreeMap<String, u64>,
    },
    /// The forge's own clock starts the schedules of this model again.
    StartClock {
        /// The model.
        model: ModelName,
    },
    /// A merge request of ours proposes this.
    Propose {
        /// What it proposes.
        proposal: Box<Proposal>,
    },
    /// The release exists, with `lineage.json` and the manifest.
    Release {
        /// The model.
        model: ModelName,
        /// The version.
        version: Version,
        /// Where it comes from.
        lineage: Box<Lineage>,
        /// One line `sha256  size  path` a file.
        manifest: String,
    },
}

impl Effect {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Report { .. } => "report",
            Self::Reply { .. } => "reply",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Status { .. } => "status",
            Self::Check { .. } => "check",
            Self::Answer { .. } => "answer",
            Self::Label { .. } => "label",
            Self::RequestReviews { .. } => "request_reviews",
            Self::StartRun { .. } => "start_run",
            Self::CancelRun { .. } => "cancel_run",
            Self::RetryJob { .. } => "retry_job",
            Self::Merge { .. } => "merge",
            Self::LeaveQueue { .. } => "leave_queue",
            Self::CreateTag { .. } => "create_tag",
            Self::AssignStage { .. } => "assign_stage",
            Self::Retire { .. } => "retire",
            Self::Dispatch { .. } => "dispatch",
            Self::Evaluate { .. } => "evaluate",
            Self::CommitFiles { .. } => "commit_files",
            Self::KeepSchedules { .. } => "keep_schedules",
            Self::StartClock { .. } => "start_clock",
            Self::Propose { .. } => "propose",
            Self::Release { .. } => "release",
        }
    }

    /// What it changes, within one merge request or one model. Of two effects with one slot the later wins:
    /// an earlier one that has not started is superseded, one under way is waited for.
    #[must_use]
    pub fn slot(&self) -> String {
        match self {
            Self::Report { .. } => "report".to_owned(),
            Self::Reply { to, .. } => format!("reply:{to}"),
            Self::Acknowledge { comment } => format!("acknowledge:{comment}"),
            Self::Status { sha, status, .. } => format!("status:{sha}:{}", status.context),
            Self::Check { sha, check } => format!("check:{sha}:{}", check.name),
            Self::Answer { press, .. } => format!("answer:{press}"),
            Self::Label { .. } => "label".to_owned(),
            // Another group of people is another wish, not a newer one.
            Self::RequestReviews { people, teams } => {
                format!("reviews:{};{}", people.join(","), teams.join(","))
            }
            Self::StartRun { head, attempt, .. } => format!("start_run:{head}:{attempt}"),
            Self::CancelRun { run } => format!("cancel_run:{run}"),
            Self::RetryJob { job, .. } => format!("retry_job:{job}"),
            Self::Merge { head, attempt, .. } => format!("merge:{head}:{attempt}"),
            Self::LeaveQueue { head, attempt } => format!("leave_queue:{head}:{attempt}"),
            Self::CreateTag { model, version, .. } => format!("tag:{}", version.tag(model)),
            Self::AssignStage { assignment } => format!("tag:{}", assignment.tag()),
            Self::Retire { note } => format!("tag:{}", note.tag()),
            Self::Dispatch { order: WorkOrder { model, action, version, commit, .. }, attempt, .. } => {
                match version {
                    Some(version) => format!("dispatch:{model}:{action}:{version}:{attempt}"),
                    None => format!("dispatch:{model}:{action}:{commit}:{attempt}"),
                }
            }
            Self::Evaluate { order: WorkOrder { model, commit, .. }, attempt, .. } => {
                format!("evaluate:{model}:{commit}:{attempt}")
            }
            Self::CommitFiles { commit, attempt } => format!("commit:{}:{attempt}", commit.parent),
            Self::KeepSchedules { .. } => "schedules".to_owned(),
            Self::StartClock { model } => format!("clock:{model}"),
            Self::Propose { proposal } => format!("propose:{}", proposal.branch),
            Self::Release { model, version, .. } => format!("release:{}", version.tag(model)),
        }
    }

    /// Lower goes first: what moves the merge request, then what people see, then cosmetics.
    #[must_use]
    pub const fn priority(&self) -> u8 {
        match self {
            Self::CancelRun { .. }
            | Self::Merge { .. }
            | Self::LeaveQueue { .. }
            | Self::CreateTag { .. }
            | Self::AssignStage { .. }
            | Self::Retire { .. }
            | Self::StartClock { .. } => 0,
            Self::StartRun { .. }
            | Self::RetryJob { .. }
            | Self::Dispatch { .. }
            | Self::Evaluate { .. }
            | Self::CommitFiles { .. }
            | Self::KeepSchedules { .. }
            | Self::Propose { .. }
            | Self::Release { .. } => 1,
            Self::Acknowledge { .. } | Self::Status { .. } | Self::Check { .. } => 2,
            Self::Reply { .. } | Self::Answer { .. } | Self::Report { .. } => 3,
            Self::Label { .. } | Self::RequestReviews { .. } => 4,
        }
    }

    /// Whether the engine wants to hear what became of it.
    #[must_use]
    pub const fn reports_back(&self) -> bool {
        matches!(
            self,
            Self::StartRun { .. }
                | Self::RetryJob { .. }
                | Self::Merge { .. }
                | Self::LeaveQueue { .. }
                | Self::CreateTag { .. }
                | Self::AssignStage { .. }
                | Self::Retire { .. }
                | Self::Dispatch { .. }
                | Self::Evaluate { .. }
                | Self::CommitFiles { .. }
                | Self::KeepSchedules { .. }
                | Self::StartClock { .. }
                | Self::Propose { .. }
                | Self::Release { .. }
        )
    }
}

/// How a merge request is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeMethod {
    /// The first that the forge allows.
    #[default]
    Auto,
    /// With a merge commit.
    Merge,
    /// All commits as one.
    Squash,
    /// Commits put on top of the target.
    Rebase,
}
