//! The operations that both forges offer in some form.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::domain::{
    Check, CheckId, CheckMark, Comment, CommentId, CommitAuthor, Deployment, ForgeKind, ForgedStatus,
    FoundCheck, Job, JobId, Label, MergeMethod, MergeRequest, MergeRequestId, MergeRequestSummary, ModelName,
    NewCommit, Queued, RepoId, Repository, Reviews, Run, RunId, Sha, Standing, Status, Tag, Timestamp, User,
    UserId, WorkOrder,
};

use super::{
    Archive, ArchiveLimits, ArtifactKind, Deliveries, ForgeError, HeadRuns, Merge, NewMergeRequest,
    NewRelease, Proposed, PushedRun, Release, Scheduler,
};

/// A forge.
///
/// Every operation is one thing we need, classified errors included; differences between forges stay
/// inside the adapters. Writes are paced by the adapter (`write_interval`) and are never
/// repeated by it: repeating is the outbox's business, after reading back.
#[async_trait]
pub trait Forge: Deliveries + Scheduler + Send + Sync + std::fmt::Debug {
    /// Which forge this is.
    fn kind(&self) -> ForgeKind;

    /// Who we are there; learnt once and kept.
    async fn whoami(&self) -> Result<User, ForgeError>;

    /// A repository by number.
    async fn repository(&self, repo: RepoId) -> Result<Repository, ForgeError>;

    /// The number of the repository with this full path; none when there is none that we may see.
    async fn repository_at(&self, path: &str) -> Result<Option<RepoId>, ForgeError>;

    /// Merge requests in any state about which anything changed at `since` or later by the forge's
    /// clock, in no order. One that changes while the list is read may be missing; none that
    /// changed before may.
    async fn changed_merge_requests(
        &self,
        repo: RepoId,
        since: Timestamp,
    ) -> Result<Vec<MergeRequestSummary>, ForgeError>;

    /// A merge request as it is now; since when it has its head is asked apart.
    async fn merge_request(&self, id: MergeRequestId) -> Result<MergeRequest, ForgeError>;

    /// When the forge took notice of this head; none where it does not tell (yet). Few decisions need it.
    async fn head_since(&self, id: MergeRequestId, head: &Sha) -> Result<Option<Timestamp>, ForgeError>;

    /// The e-mail addresses that the forge shows of somebody, in lower case, to who is let into `repo`.
    async fn addresses(&self, repo: RepoId, user: UserId) -> Result<BTreeSet<String>, ForgeError>;

    /// Every path that the merge request changes (old and new names), unordered.
    async fn changed_paths(&self, id: MergeRequestId) -> Result<BTreeSet<String>, ForgeError>;

    /// Every path that differs between two commits.
    async fn paths_between(&self, repo: RepoId, from: &Sha, to: &Sha)
    -> Result<BTreeSet<String>, ForgeError>;

    /// Who wrote the merge request's commits, co-authors included.
    async fn commit_authors(&self, id: MergeRequestId) -> Result<BTreeSet<CommitAuthor>, ForgeError>;

    /// The newest commit of a branch.
    async fn branch_head(&self, repo: RepoId, branch: &str) -> Result<Sha, ForgeError>;

    /// A commit's parents, the first one first.
    async fn parents(&self, repo: RepoId, commit: &Sha) -> Result<Vec<Sha>, ForgeError>;

    /// A file's bytes at a commit; none when there is no such file. At most `limit` bytes.
    async fn file(
        &self,
        repo: RepoId,
        path: &str,
        at: &Sha,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ForgeError>;

    /// The git object name of a file or folder at a commit; none when it is not there.
    async fn object(&self, repo: RepoId, path: &str, at: &Sha) -> Result<Option<Sha>, ForgeError>;

    /// The files at a commit where generated CI may lie, by path, whoever wrote them. At most `limit`
    /// bytes each.
    async fn ci_files(
        &self,
        repo: RepoId,
        at: &Sha,
        limit: u64,
    ) -> Result<BTreeMap<String, String>, ForgeError>;

    /// Commits files upon exactly the given parent; the new commit. [`super::ErrorKind::Conflict`] when
    /// the branch stands elsewhere (or is there already, where it should begin).
    async fn commit_files(&self, repo: RepoId, commit: &NewCommit) -> Result<Sha, ForgeError>;

    /// Merge requests of any state that bring this branch of the repository itself, the newest first.
    async fn merge_requests_from(&self, repo: RepoId, branch: &str) -> Result<Vec<Proposed>, ForgeError>;

    /// Opens a merge request; [`super::ErrorKind::Conflict`] when one of its branch is open.
    async fn open_merge_request(
        &self,
        repo: RepoId,
        new: &NewMergeRequest,
    ) -> Result<MergeRequestId, ForgeError>;

    /// The runs of exactly this head of the merge request.
    async fn runs(&self, id: MergeRequestId, head: &Sha) -> Result<HeadRuns, ForgeError>;

    /// One run with its jobs.
    async fn run(&self, repo: RepoId, run: RunId) -> Result<Run, ForgeError>;

    /// Runs that a push to a branch of the repository started and that may have jobs of this model, the newest
    /// first; only the newest few.
    async fn pushed(
        &self,
        repo: RepoId,
        branch: &str,
        model: &ModelName,
    ) -> Result<Vec<PushedRun>, ForgeError>;

    /// The last bytes of a job's log, freed of terminal codes; at most `limit` bytes.
    async fn log_tail(&self, repo: RepoId, job: JobId, limit: usize) -> Result<String, ForgeError>;

    /// A job's archive, streamed: every entry's digest, and the content of those `wanted`.
    async fn archive(
        &self,
        repo: RepoId,
        job: &Job,
        kind: ArtifactKind,
        wanted: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
        limits: ArchiveLimits,
    ) -> Result<Archive, ForgeError>;

    /// What people say by the forge's own review; `reviewers` as [`Forge::merge_request`] told of them.
    async fn reviews(&self, id: MergeRequestId, reviewers: &[User]) -> Result<Reviews, ForgeError>;

    /// A person's rights now, and which of `teams` (`group/team`) they belong to.
    async fn standing(&self, repo: RepoId, user: UserId, teams: &[String]) -> Result<Standing, ForgeError>;

    /// One comment as it is now; none when it is gone.
    async fn comment(&self, id: MergeRequestId, comment: CommentId) -> Result<Option<Comment>, ForgeError>;

    /// All comments, oldest first, system notes left out.
    async fn comments(&self, id: MergeRequestId) -> Result<Vec<Comment>, ForgeError>;

    /// Writes a comment; its number.
    async fn create_comment(&self, id: MergeRequestId, body: &str) -> Result<CommentId, ForgeError>;

    /// Replaces a comment's text; [`super::ErrorKind::Gone`] when a person deleted it.
    async fn edit_comment(
        &self,
        id: MergeRequestId,
        comment: CommentId,
        body: &str,
    ) -> Result<(), ForgeError>;

    /// Whether each repository lets us in by itself, so that a credential that is refused at one of them
    /// says nothing of the others.
    fn admits_apart(&self) -> bool {
        false
    }

    /// Whether it takes check runs from us besides statuses: GitHub does from an App.
    fn shows_checks(&self) -> bool {
        false
    }

    /// The most characters a comment may have.
    fn comment_limit(&self) -> usize;

    /// Puts the `eyes` reaction on a comment; already there counts as done.
    async fn acknowledge(&self, id: MergeRequestId, comment: CommentId) -> Result<(), ForgeError>;

    /// Puts a status on a commit; the same value again counts as done.
    async fn set_status(
        &self,
        id: MergeRequestId,
        sha: &Sha,
        run: Option<RunId>,
        status: &Status,
    ) -> Result<(), ForgeError>;

    /// Statuses that have our names on a commit (at GitLab in this run) and that somebody else set last.
    async fn forged_statuses(
        &self,
        repo: RepoId,
        sha: &Sha,
        run: Option<RunId>,
    ) -> Result<Vec<ForgedStatus>, ForgeError>;

    /// Makes the check that bears `mark` show this, and creates it where there is none; `summary` is Markdown,
    /// already safe, at most [`Forge::comment_limit`] characters and one less. The same again counts as done.
    async fn show_check(
        &self,
        _sha: &Sha,
        mark: &CheckMark,
        check: &Check,
        _summary: &str,
    ) -> Result<(), ForgeError> {
        Err(ForgeError {
            kind: super::ErrorKind::Refused,
            external: format!("{} shows no checks of ours", self.kind()),
            internal: format!("{} of {}", check.name, mark.merge_request),
        })
    }

    /// A check by number; none when it is not there, or not ours.
    async fn check(&self, _repo: RepoId, _check: CheckId) -> Result<Option<FoundCheck>, ForgeError> {
        Ok(None)
    }

    /// Puts `label` on and takes all our other labels off.
    async fn set_label(&self, id: MergeRequestId, label: Option<Label>) -> Result<(), ForgeError>;

    /// Asks people (by login) and teams for a review; who is asked already stays so. Those whom the forge
    /// does not accept are left out.
    async fn request_reviews(
        &self,
        id: MergeRequestId,
        people: &[String],
        teams: &[String],
    ) -> Result<(), ForgeError>;

    /// Whether a run that is started again keeps its number, so that it must have ended before.
    fn restarts_runs(&self) -> bool {
        false
    }

    /// Starts CI for the head of the merge request; `other_target` are runs that were begun for another
    /// target branch, none of which may begin anew.
    async fn start_run(
        &self,
        id: MergeRequestId,
        head: &Sha,
        other_target: &BTreeSet<RunId>,
    ) -> Result<RunId, ForgeError>;

    /// Runs that a [`Forge::start_run`] of unknown outcome may have started since on another commit than
    /// `head`, and that still run. Where a run is bound to its commit from the first there are none.
    async fn started_elsewhere(
        &self,
        _id: MergeRequestId,
        _head: &Sha,
        _since: Timestamp,
    ) -> Result<Vec<RunId>, ForgeError> {
        Ok(Vec::new())
    }

    /// Cancels a run; one that has ended counts as done.
    async fn cancel_run(&self, repo: RepoId, run: RunId) -> Result<(), ForgeError>;

    /// Runs one job again; the run that it then belongs to.
    async fn retry_job(&self, repo: RepoId, run: RunId, job: JobId) -> Result<RunId, ForgeError>;

    /// Starts the generated CI on a branch with an action.
    async fn dispatch(&self, repo: RepoId, branch: &str, order: &WorkOrder) -> Result<RunId, ForgeError>;

    /// The run that an equal [`Forge::dispatch`] started before, if any: looked up before a dispatch
    /// of unknown outcome is repeated. Runs created before `since` do not count.
    async fn dispatched(
        &self,
        repo: RepoId,
        branch: &str,
        order: &WorkOrder,
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError>;

    /// Merges at exactly `head` into `target`, or has it wait in the queue that this branch is merged by.
    /// [`super::ErrorKind::Conflict`] when the head moved or the forge cannot do that yet,
    /// [`super::ErrorKind::Refused`] when it will not.
    async fn merge(
        &self,
        id: MergeRequestId,
        target: &str,
        head: &Sha,
        method: MergeMethod,
    ) -> Result<Merge, ForgeError>;

    /// How it waits in the queue of its target branch; none where it does not (any more).
    async fn queued(&self, id: MergeRequestId) -> Result<Option<Queued>, ForgeError>;

    /// Takes it out of the queue of its target branch, where it waits in one.
    async fn leave_queue(&self, id: MergeRequestId) -> Result<(), ForgeError>;

    /// The deployment that the forge itself made of `job`, a job of `run` that names this environment;
    /// none when there is none (yet). One that somebody else made there does not count.
    async fn deployment(
        &self,
        repo: RepoId,
        environment: &str,
        run: &Run,
        job: &Job,
    ) -> Result<Option<Deployment>, ForgeError>;

    /// Whether the files of the model that `source` ([`Job::source`] of a build job) names are still
    /// there for a publish or deploy job to fetch.
    async fn kept(&self, repo: RepoId, model: &ModelName, source: &str) -> Result<bool, ForgeError>;

    /// Every tag whose name begins with `prefix`: `iris@` for versions, `iris#` for stages.
    async fn tags(&self, repo: RepoId, prefix: &str) -> Result<Vec<Tag>, ForgeError>;

    /// One tag; none when it is not there.
    async fn tag(&self, repo: RepoId, name: &str) -> Result<Option<Tag>, ForgeError>;

    /// Creates an annotated tag; [`super::ErrorKind::Conflict`] when the name is taken.
    async fn create_tag(
        &self,
        repo: RepoId,
        name: &str,
        commit: &Sha,
        message: &str,
    ) -> Result<Tag, ForgeError>;

    /// One release by its tag; none when it is not there.
    async fn release(&self, repo: RepoId, tag: &str) -> Result<Option<Release>, ForgeError>;

    /// Creates (or completes) a release with its files, then reads the files back and compares.
    async fn create_release(&self, repo: RepoId, release: &NewRelease) -> Result<Release, ForgeError>;
}
