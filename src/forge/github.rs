//! GitHub behind the common operations, on its REST API through octocrab.

mod answers;
mod app;
mod changes;
mod checks;
mod comments;
mod commit_files;
mod connection;
mod deliveries;
mod deployments;
mod dispatch;
mod files;
mod jobs;
mod labels;
mod log;
mod manifest;
mod merge;
mod people;
mod proposals;
mod pulls;
mod queue;
mod releases;
mod repositories;
mod reviewers;
mod runs;
mod schedules;
mod signed;
mod start;
mod statuses;
mod tags;

pub use manifest::{NewApp, manifest, new_app, web_address};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use crate::domain::{
    Check, CheckId, CheckMark, Comment, CommentId, CommitAuthor, Deployment, ForgeKind, ForgedStatus,
    FoundCheck, Job, JobId, Label, MergeMethod, MergeRequest, MergeRequestId, MergeRequestSummary, ModelName,
    NewCommit, Queued, RepoId, Repository, Reviews, Run, RunId, Sha, Standing, Status, Tag, Timestamp, User,
    UserId, WorkOrder,
};

use super::classify::Operation;
use super::deliveries::FoundHooks;
use super::memory::Memory;
use super::transport::Transport;
use super::{
    Archive, ArchiveLimits, ArtifactKind, Forge, ForgeError, HeadRuns, Merge, NewMergeRequest, NewRelease,
    Proposed, PushedRun, Release,
};
use app::App;
use repositories::Name;

/// The most characters that GitHub takes as one comment.
const COMMENT_LIMIT: usize = 65_536;

/// One GitHub under one token, or as one App.
#[derive(Debug)]
pub struct GitHub {
    /// Ours alone; under an App it only looks after the installations: see [`GitHub::at`].
    http: Arc<Transport>,
    app: Option<App>,
    /// Where release files are written to, without a trailing slash.
    uploads: String,
    /// Where GraphQL is asked.
    graphql: String,
    /// The domain of the addresses that stand for hidden ones: `users.noreply.github.com`.
    noreply: String,
    whoami: OnceCell<User>,
    names: Memory<RepoId, Name>,
    /// Accounts by number, with the time they were read.
    accounts: Memory<UserId, (answers::User, Timestamp)>,
    remembered: Remembered,
    /// Our hooks at repositories.
    hooks: FoundHooks,
    /// Whether this GitHub has refused to name the run that a dispatch starts.
    silent_dispatch: AtomicBool,
}

/// Answers that cannot change.
#[derive(Debug, Default)]
struct Remembered {
    /// The parents of a commit.
    parents: Memory<(RepoId, Sha), Vec<Sha>>,
    /// Since when a pull request has the head that it had when we last looked.
    heads: Memory<MergeRequestId, (Sha, Timestamp)>,
    /// What a tag object points to, and what it says.
    tags: Memory<(RepoId, Sha), (answers::Target, String), 4096>,
    /// The newest check run that we made of a name on a commit, for a merge request.
    checks: Memory<checks::Place, checks::Standing>,
    /// Workflow files by their names in git.
    workflows: Memory<(RepoId, String), String>,
}

const WHOAMI: Operation = Operation { name: "whoami", does: "say who we are", needs: "a valid token" };

#[async_trait]
impl Forge for GitHub {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitHub
    }

    async fn whoami(&self) -> Result<User, ForgeError> {
        let read = async || match &self.app {
            Some(app) => Ok(app.account(&self.http).await?),
            None => Ok(self.http.get::<answers::User>(&WHOAMI, "/user").await?.into()),
        };
        self.whoami.get_or_try_init(read).await.cloned()
    }

    async fn repository(&self, repo: RepoId) -> Result<Repository, ForgeError> {
        self.read_repository(repo).await
    }

    async fn repository_at(&self, path: &str) -> Result<Option<RepoId>, ForgeError> {
        self.number_of(path).await
    }

    async fn changed_merge_requests(
        &self,
        repo: RepoId,
        since: Timestamp,
    ) -> Result<Vec<MergeRequestSummary>, ForgeError> {
        self.list_changed(repo, since).await
    }

    async fn merge_request(&self, id: MergeRequestId) -> Result<MergeRequest, ForgeError> {
        self.read_pull(id).await
    }

    async fn head_since(&self, id: MergeRequestId, head: &Sha) -> Result<Option<Timestamp>, ForgeError> {
        Ok(self.read_head_since(id, head).await?)
    }

    async fn addresses(&self, repo: RepoId, user: UserId) -> Result<BTreeSet<String>, ForgeError> {
        Ok(self.read_addresses(repo, user).await?)
    }

    async fn changed_paths(&self, id: MergeRequestId) -> Result<BTreeSet<String>, ForgeError> {
        self.read_changed_paths(id).await
    }

    async fn paths_between(
        &self,
        repo: RepoId,
        from: &Sha,
        to: &Sha,
    ) -> Result<BTreeSet<String>, ForgeError> {
        self.compare(repo, from, to).await
    }

    async fn commit_authors(&self, id: MergeRequestId) -> Result<BTreeSet<CommitAuthor>, ForgeError> {
        self.read_commit_authors(id).await
    }

    async fn branch_head(&self, repo: RepoId, branch: &str) -> Result<Sha, ForgeError> {
        self.read_branch_head(repo, branch).await
    }

    async fn parents(&self, repo: RepoId, commit: &Sha) -> Result<Vec<Sha>, ForgeError> {
        Ok(self.read_parents(repo, commit).await?)
    }

    async fn file(
        &self,
        repo: RepoId,
        path: &str,
        at: &Sha,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ForgeError> {
        self.read_file(repo, path, at, limit).await
    }

    async fn object(&self, repo: RepoId, path: &str, at: &Sha) -> Result<Option<Sha>, ForgeError> {
        self.read_object(repo, path, at).await
    }

    async fn ci_files(
        &self,
        repo: RepoId,
        at: &Sha,
        limit: u64,
    ) -> Result<BTreeMap<String, String>, ForgeError> {
        self.read_ci_files(repo, at, limit).await
    }

    async fn commit_files(&self, repo: RepoId, commit: &NewCommit) -> Result<Sha, ForgeError> {
        self.commit(repo, commit).await
    }

    async fn merge_requests_from(&self, repo: RepoId, branch: &str) -> Result<Vec<Proposed>, ForgeError> {
        self.list_from(repo, branch).await
    }

    async fn open_merge_request(
        &self,
        repo: RepoId,
        new: &NewMergeRequest,
    ) -> Result<MergeRequestId, ForgeError> {
        self.open(repo, new).await
    }

    async fn runs(&self, id: MergeRequestId, head: &Sha) -> Result<HeadRuns, ForgeError> {
        Ok(HeadRuns { runs: self.runs_of_head(id, head).await?, tried: false })
    }

    async fn run(&self, repo: RepoId, run: RunId) -> Result<Run, ForgeError> {
        self.read_run(repo, run).await
    }

    async fn pushed(
        &self,
        repo: RepoId,
        branch: &str,
        model: &ModelName,
    ) -> Result<Vec<PushedRun>, ForgeError> {
        self.runs_of_pushes(repo, branch, model).await
    }

    async fn log_tail(&self, repo: RepoId, job: JobId, limit: usize) -> Result<String, ForgeError> {
        self.read_log_tail(repo, job, limit).await
    }

    async fn archive(
        &self,
        repo: RepoId,
        job: &Job,
        kind: ArtifactKind,
        wanted: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
        limits: ArchiveLimits,
    ) -> Result<Archive, ForgeError> {
        self.read_archive(repo, job, kind, wanted, limits).await
    }

    async fn reviews(&self, id: MergeRequestId, _reviewers: &[User]) -> Result<Reviews, ForgeError> {
        self.read_reviews(id).await
    }

    async fn standing(&self, repo: RepoId, user: UserId, teams: &[String]) -> Result<Standing, ForgeError> {
        self.read_standing(repo, user, teams).await
    }

    async fn comment(&self, id: MergeRequestId, comment: CommentId) -> Result<Option<Comment>, ForgeError> {
        self.read_comment(id, comment).await
    }

    async fn comments(&self, id: MergeRequestId) -> Result<Vec<Comment>, ForgeError> {
        self.list_comments(id).await
    }

    async fn create_comment(&self, id: MergeRequestId, body: &str) -> Result<CommentId, ForgeError> {
        self.post_comment(id, body).await
    }

    async fn edit_comment(
        &self,
        id: MergeRequestId,
        comment: CommentId,
        body: &str,
    ) -> Result<(), ForgeError> {
        self.patch_comment(id, comment, body).await
    }

    fn admits_apart(&self) -> bool {
        self.app.is_some()
    }

    fn shows_checks(&self) -> bool {
        self.app.is_some()
    }

    fn comment_limit(&self) -> usize {
        COMMENT_LIMIT
    }

    async fn acknowledge(&self, id: MergeRequestId, comment: CommentId) -> Result<(), ForgeError> {
        self.react_with_eyes(id, comment).await
    }

    async fn set_status(
        &self,
        id: MergeRequestId,
        sha: &Sha,
        _run: Option<RunId>,
        status: &Status,
    ) -> Result<(), ForgeError> {
        self.post_status(id.repo, sha, status).await
    }

    async fn forged_statuses(
        &self,
        repo: RepoId,
        sha: &Sha,
        _run: Option<RunId>,
    ) -> Result<Vec<ForgedStatus>, ForgeError> {
        let us = self.whoami().await?;
        self.read_forged_statuses(repo, sha, &us).await
    }

    async fn show_check(
        &self,
        sha: &Sha,
        mark: &CheckMark,
        check: &Check,
        summary: &str,
    ) -> Result<(), ForgeError> {
        self.put_check(sha, mark, check, summary).await
    }

    async fn check(&self, repo: RepoId, check: CheckId) -> Result<Option<FoundCheck>, ForgeError> {
        self.read_check(repo, check).await
    }

    async fn set_label(&self, id: MergeRequestId, label: Option<Label>) -> Result<(), ForgeError> {
        self.put_label(id, label).await
    }

    async fn request_reviews(
        &self,
        id: MergeRequestId,
        people: &[String],
        teams: &[String],
    ) -> Result<(), ForgeError> {
        self.ask_for_reviews(id, people, teams).await
    }

    fn restarts_runs(&self) -> bool {
        true
    }

    async fn start_run(
        &self,
        id: MergeRequestId,
        head: &Sha,
        other_target: &BTreeSet<RunId>,
    ) -> Result<RunId, ForgeError> {
        self.start_for_head(id, head, other_target).await
    }

    async fn cancel_run(&self, repo: RepoId, run: RunId) -> Result<(), ForgeError> {
        self.cancel(repo, run).await
    }

    async fn retry_job(&self, repo: RepoId, run: RunId, job: JobId) -> Result<RunId, ForgeError> {
        self.rerun_job(repo, run, job).await
    }

    async fn dispatch(&self, repo: RepoId, branch: &str, order: &WorkOrder) -> Result<RunId, ForgeError> {
        self.dispatch_order(repo, branch, order).await
    }

    async fn dispatched(
        &self,
        repo: RepoId,
        branch: &str,
        order: &WorkOrder,
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError> {
        self.find_order(repo, branch, order, since).await
    }

    async fn merge(
        &self,
        id: MergeRequestId,
        target: &str,
        head: &Sha,
        method: MergeMethod,
    ) -> Result<Merge, ForgeError> {
        self.merge_at(id, target, head, method).await
    }

    async fn queued(&self, id: MergeRequestId) -> Result<Option<Queued>, ForgeError> {
        self.find_queued(id).await
    }

    async fn leave_queue(&self, id: MergeRequestId) -> Result<(), ForgeError> {
        self.dequeue(id).await
    }

    async fn deployment(
        &self,
        repo: RepoId,
        environment: &str,
        run: &Run,
        job: &Job,
    ) -> Result<Option<Deployment>, ForgeError> {
        self.find_deployment(repo, environment, run, job).await
    }

    async fn kept(&self, repo: RepoId, model: &ModelName, source: &str) -> Result<bool, ForgeError> {
        self.has_model(repo, model, source).await
    }

    async fn tags(&self, repo: RepoId, prefix: &str) -> Result<Vec<Tag>, ForgeError> {
        self.list_tags(repo, prefix).await
    }

    async fn tag(&self, repo: RepoId, name: &str) -> Result<Option<Tag>, ForgeError> {
        self.read_tag(repo, name).await
    }

    async fn create_tag(
        &self,
        repo: RepoId,
        name: &str,
        commit: &Sha,
        message: &str,
    ) -> Result<Tag, ForgeError> {
        self.create_annotated_tag(repo, name, commit, message).await
    }

    async fn release(&self, repo: RepoId, tag: &str) -> Result<Option<Release>, ForgeError> {
        self.read_release(repo, tag).await
    }

    async fn create_release(&self, repo: RepoId, release: &NewRelease) -> Result<Release, ForgeError> {
        self.publish_release(repo, release).await
    }
}
