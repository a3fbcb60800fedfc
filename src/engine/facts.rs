//! What is so now: read from the forge and the store by the worker, before the engine decides.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::command::Addressing;
use crate::config::valid::RepositoryConfig;
use crate::domain::{
    CodeOwners, Comment, CommitAuthor, Digest, Environments, FileChange, ForgeApproval, ForgedStatus,
    Generated, Healing, MergeRequest, ModelName, ModelSection, Press, Queued, Report, Repository, Rollout,
    Run, Scores, Sha, Sharing, Standing, StickyReport, Tag, Timestamp, User, UserId, Version, VersionRecord,
};

use super::card::CardFact;

/// Everything the engine may know about the world when it decides about one merge request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Our own account at the forge, and how people address it.
    pub bot: Addressed,
    /// The repository.
    pub repository: Repository,
    /// The merge request.
    pub merge_request: MergeRequest,
    /// The commit of the target branch to judge against: its newest one while the merge request is
    /// open; after the merge what the merge was put upon ([`MergeFacts::parent`], else the bound base).
    pub base: Sha,
    /// The target branch is gone; `base` is then where it was last.
    #[serde(default)]
    pub target_gone: bool,
    /// The target branch's configuration at `base`: the policy.
    pub policy: Configuration,
    /// The head's configuration: the proposal.
    pub proposal: Configuration,
    /// Paths that the merge request changes; none = same head, base and configurations as the
    /// state is bound to, so that what was touched then is touched now.
    pub changed_paths: Option<BTreeSet<String>>,
    /// Whom CODEOWNERS at `base` names for what is changed of each touched model that has no `review.owners`;
    /// read whenever `changed_paths` is.
    #[serde(default)]
    pub code_owners: BTreeMap<ModelName, CodeOwners>,
    /// Whether the head is a new commit with exactly the content of the one before, as after a rebase that
    /// changed nothing; looked up only where somebody had approved that.
    #[serde(default)]
    pub same_content: bool,
    /// Paths that differ between the base this head (or one of the same content) was last judged against
    /// and `base`; none = it did not move, or the head is new.
    pub base_moved: Option<BTreeSet<String>>,
    /// What there is to judge. Read while the merge request is open, and also of a merged one until
    /// [`State::past_merge`](crate::domain::State::past_merge): a result whose delivery was lost
    /// still counts then. From then on what there is of merge commits that are judged anew, if any.
    pub open: Option<OpenFacts>,
    /// What only a merged one has.
    pub merged: Option<MergeFacts>,
    /// How it waits in the queue of its target branch; read only where it may.
    #[serde(default)]
    pub queue: Option<QueueFact>,
    /// Other open merge requests whose head is this one's.
    #[serde(default)]
    pub sharing: Vec<Sharing>,
    /// Comments to be answered, oldest first.
    pub comments: Vec<ToldComment>,
    /// Deliveries that never arrived; read only where somebody asks how things stand.
    #[serde(default)]
    pub healing: Option<Healing>,
    /// A button that was pressed on a check that was found to be ours.
    #[serde(default)]
    pub press: Option<Press>,
    /// Rights of the author and of everybody who commented or approved (by command too).
    pub people: BTreeMap<UserId, Standing>,
    /// Published versions and tags of the touched models.
    pub registry: BTreeMap<ModelName, Registry>,
    /// Environments of the touched models; only where a command or an unfinished reply is about them.
    pub environments: BTreeMap<ModelName, ModelEnvironments>,
    /// How the generated files of the head compare with its configuration; none = not read, since the
    /// state knows it.
    #[serde(default)]
    pub generated: Option<Generated>,
    /// What `regenerate` would commit; only where a comment asks for it.
    #[serde(default)]
    pub regeneration: Option<Regeneration>,
    /// The default branch's configuration now; only where a command wants to move a version.
    pub current: Option<Configuration>,
}

impl Facts {
    /// The configuration that a merged model is judged anew by; the head's where the merge commit's was
    /// not read.
    #[must_use]
    pub fn merged_configuration(&self) -> &Configuration {
        self.merged.as_ref().and_then(|merged| merged.configuration.as_ref()).unwrap_or(&self.proposal)
    }
}

/// What has to be committed for the CI files of the head to be those that its configuration generates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regeneration {
    /// Files to be written or taken away.
    pub files: Vec<FileChange>,
    /// Files that people wrote where ours would lie.
    pub foreign: Vec<String>,
    /// Why nothing can be generated, safe to show.
    pub trouble: Option<String>,
}

/// How the merge request waits in the queue of its target branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueFact {
    /// None where it does not.
    pub queued: Option<Queued>,
    /// Paths that differ between the base that is judged against and what it is tried upon; none where those
    /// are the same commit.
    pub drift: Option<BTreeSet<String>>,
}

/// What is known of one model's environments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelEnvironments {
    /// What is live and what is on its way.
    pub state: Environments,
    /// Rollouts that unfinished replies tell of, by number.
    pub rollouts: BTreeMap<u64, Rollout>,
    /// What the comments ask about: an environment, a time (none = now), and what was live then.
    pub asked: Vec<(String, Option<Timestamp>, Option<Rollout>)>,
    /// Tags that the comments name and that are no published versions.
    pub tags: Vec<Tag>,
    /// Who wrote the commits of versions that the comments promote, where that matters.
    #[serde(default)]
    pub wrote: BTreeMap<Version, BTreeSet<CommitAuthor>>,
}

impl ModelEnvironments {
    /// What was live in an environment at a time that was asked about.
    #[must_use]
    pub fn blamed(&self, environment: &str, at: Option<Timestamp>) -> Option<&Rollout> {
        let asked = self.asked.iter().find(|(name, time, _)| name == environment && *time == at);
        asked.and_then(|(.., found)| found.as_ref())
    }
}

/// Who we are and how people speak to us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressed {
    /// Our account.
    pub user: User,
    /// Prefix and login.
    pub addressing: Addressing,
    /// Whether the forge shows checks of ours in the place of statuses.
    #[serde(default)]
    pub checks: bool,
}

/// A `.mergewright.yml` at some commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Configuration {
    /// There is none.
    Absent,
    /// There is one that cannot be used.
    Invalid {
        /// Every problem with its excerpt, ready to show.
        problems: String,
    },
    /// There is a good one.
    Valid(Box<RepositoryConfig>),
}

/// What there is to judge about a head, or about a merge commit in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFacts {
    /// Runs of exactly the head, the newest first; of a merge commit those that we asked for.
    pub runs: Vec<Run>,
    /// What the test jobs of the head left, by model; only where the newest test job has ended.
    pub reports: BTreeMap<ModelName, ReportFact>,
    /// What stands at the head where the policy wants a model card, by model; only where it wants one.
    #[serde(default)]
    pub cards: BTreeMap<ModelName, CardFact>,
    /// What was measured on the target branch, by model; only where the policy compares with that.
    #[serde(default)]
    pub targets: BTreeMap<ModelName, TargetFact>,
    /// Runs that measure a published version anew, by number; only those that came to nothing yet.
    #[serde(default)]
    pub rescorings: BTreeMap<u64, RescoringFact>,
    /// Standing approvals by the forge's own review; none of a merge commit, which no forge reviews.
    pub approvals: Vec<ForgeApproval>,
    /// Whose newest word in the forge's own review is that it must be changed.
    #[serde(default)]
    pub changes_requested: Vec<User>,
    /// Statuses of the head that have our names and that somebody else set last; read where we were told of
    /// one, and before a command acts where the forge tells of none.
    #[serde(default)]
    pub forged: Vec<ForgedStatus>,
    /// Who wrote the commits.
    pub authors: BTreeSet<CommitAuthor>,
}

/// What a test job left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReportFact {
    /// Numbers (some of them perhaps unusable) and bytes.
    Read(Box<Report>),
    /// The artifacts are missing, expired, broken or over a limit.
    Unreadable {
        /// What is wrong, safe to show.
        why: String,
    },
}

/// What the runs of the target branch have left of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetFact {
    /// The report of the newest commit that has one.
    Measured(Box<Report>),
    /// None has left a report yet, and the run of this commit is at work.
    UnderWay {
        /// The commit.
        commit: Sha,
        /// The run's address for people.
        page: String,
    },
    /// None has left a report, and none is at work.
    Nothing,
}

/// A run that measures a published version anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RescoringFact {
    /// The run; none when the forge does not have it any more.
    pub run: Option<Run>,
    /// What its job left; none before the job has ended well.
    pub scores: Option<ScoresFact>,
}

/// What a job left that measured a version anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScoresFact {
    /// Numbers.
    Read(Box<Scores>),
    /// The artifacts are missing, expired, broken or over a limit.
    Unreadable {
        /// What is wrong, safe to show.
        why: String,
    },
}

/// What only a merged merge request has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeFacts {
    /// The merge commit's first parent; none for a fast-forward (the head itself is on the target).
    pub parent: Option<Sha>,
    /// Paths that differ between the bound base and that parent; none = they are the same commit.
    pub drift: Option<BTreeSet<String>>,
    /// The merge commit's configuration; read only where a model may be, or is, judged anew.
    #[serde(default)]
    pub configuration: Option<Configuration>,
    /// The runs on the target branch that the state knows, by number: they publish, or judge anew.
    pub runs: BTreeMap<u64, Run>,
    /// Those of them that the forge does not have any more.
    #[serde(default)]
    pub gone: BTreeSet<u64>,
}

/// A comment as it was told and as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldComment {
    /// Its number.
    pub id: crate::domain::CommentId,
    /// Who wrote it, as delivered.
    pub author: User,
    /// Its text, as delivered.
    pub body: String,
    /// As read back now; none when it is gone.
    pub now: Option<Comment>,
    /// What the sticky report said when the comment was written, by model; none = not known, then the
    /// time at which the report was decided has to do.
    #[serde(default)]
    pub seen: Option<BTreeMap<ModelName, Seen>>,
}

/// What somebody could see of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The head that the section spoke of.
    pub head: Sha,
    /// The report whose numbers it showed.
    pub report: Option<Digest>,
}

impl Seen {
    /// What a sticky report shows, by model.
    #[must_use]
    pub fn of(report: &StickyReport) -> BTreeMap<ModelName, Self> {
        let section = |section: &ModelSection| {
            let row = section.lineage.iter().find(|(name, _)| name == REPORT_ROW);
            let report = row.and_then(|(_, digest)| digest.parse().ok());
            (section.model.clone(), Self { head: section.head.clone(), report })
        };
        report.models.iter().map(section).collect()
    }
}

/// The name of the row of a section's lineage that holds the report's digest.
pub(super) const REPORT_ROW: &str = "report";

/// What is published of one model, and which tags stand in the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Our versions, oldest first.
    pub versions: Vec<VersionRecord>,
    /// Tags `<model>@…`; read only from the merge on.
    pub tags: Vec<Tag>,
    /// What is live in production; read only while candidates are judged.
    pub production: Option<Version>,
    /// Versions that were taken out of use; read only while candidates are judged.
    #[serde(default)]
    pub retired: BTreeSet<Version>,
}

impl Registry {
    /// The versions that a candidate is compared with: one that nobody may use any more measures nothing.
    #[must_use]
    pub fn in_use(&self) -> Cow<'_, [VersionRecord]> {
        if self.retired.is_empty() {
            return Cow::Borrowed(&self.versions);
        }
        let versions = self.versions.iter().filter(|record| !self.retired.contains(&record.version));
        Cow::Owned(versions.cloned().collect())
    }
}
