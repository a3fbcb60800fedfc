//! The vocabulary that every room shares: names, numbers and records, without any I/O.

mod backoff;
mod check;
mod complaints;
mod database;
mod decision;
mod deployment;
mod effect;
mod environment;
mod files;
mod healing;
mod ids;
mod internal;
mod merge_request;
mod model;
mod outcome;
mod people;
mod press;
mod queue;
mod redact;
mod report;
mod rescoring;
mod retirement;
mod run;
mod schedule;
mod sha;
mod state;
mod status;
mod time;
mod transition;
mod verdict;
mod version;
mod view;
mod work_order;

pub use backoff::Backoff;
pub use check::{
    Annotation, Button, Buttons, Check, CheckMark, Conclusion, Progress, ShownCheck, model_of_check,
};
pub use complaints::{Complaints, Scope};
pub use database::database_file;
pub use decision::{Hold, Refused, Waived, Waiver};
pub use deployment::{Deployment, DeploymentState};
pub use effect::{Effect, MergeMethod};
pub use environment::{Assignment, Environments, Live, Rollout, RolloutAction, RolloutStep, Stand};
pub use files::{FileChange, Generated, GeneratedAt, NewCommit, Proposal, ProposalText};
pub use healing::Healing;
pub use ids::{
    CheckId, CommentId, ForgeKind, InvalidName, JobId, Lane, MergeRequestId, ModelId, Owner, RepoId, RunId,
    UserId,
};
pub use internal::InternalEvent;
pub use merge_request::{
    Comment, MergeRequest, MergeRequestStatus, MergeRequestSummary, Mergeability, Repository,
};
pub use model::{ModelName, Phase, Stage};
pub use outcome::{Done, Outcome};
pub use people::{CodeOwners, CommitAuthor, ForgeApproval, Permission, Reviews, Standing, User};
pub use press::{FoundCheck, Press};
pub use queue::{QueueState, Queued, Trial};
pub use redact::{Learnt, Redactor};
pub use report::{Artifact, Report, TestFailure, TestSummary};
pub use rescoring::{Rescoring, Scores, Subject};
pub use retirement::{Retirement, RetirementKind, RetirementNote};
pub use run::{FailureCause, Job, JobStatus, Run};
pub use schedule::{
    ForgeClock, FoundSchedule, ScheduleDifference, ScheduleStep, ScheduleWish, Scheduled, is_schedule_key,
    schedule_difference, schedule_key,
};
pub use sha::{Digest, Sha};
pub use state::{
    Anew, Approval, Bound, Left, Measured, Merging, ModelState, OpenReply, Publication, ReplyPart, Review,
    Scrutiny, Shown, Starting, State,
};
pub use status::{ForgedStatus, Label, Said, Sharing, Status, StatusState};
pub use time::{Clock, SystemClock, Timestamp};
pub use transition::{Audit, Transition};
pub use verdict::{BaselineName, Judged, TargetCommit, Verdict};
pub use version::{Lineage, Tag, Version, VersionRecord};
pub use view::{
    Answer, Card, Chart, LogTail, Mark, ModelSection, PolicyChange, Reply, Sheet, StageMark, StickyReport,
};
pub use work_order::WorkOrder;
