//! GitLab behind the common operations, on its REST API version 4.

mod answers;
mod commit_files;
mod commits;
mod deliveries;
mod deployments;
mod files;
mod hooks;
mod jobs;
mod merge;
mod merge_requests;
mod notes;
mod people;
mod pipelines;
mod proposals;
mod releases;
mod remembered;
mod reviews;
mod schedules;
mod statuses;
mod tags;
mod trains;

pub use hooks::{HookChange, HookSetUp, WantedHook};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use crate::config::server::GitlabConfig;
use crate::domain::{
    Clock, Comment, CommentId, CommitAuthor, Deployment, ForgeKind, ForgedStatus, Job, JobId, Label,
    MergeMethod, MergeRequest, MergeRequestId, MergeRequestSummary, ModelName, NewCommit, Queued, RepoId,
    Repository, Reviews, Run, RunId, Sha, Standing, Status, Tag, Timestamp, User, UserId, WorkOrder,
};

use super::classify::Operation;
use super::text::segment;
use super::transport::{Access, Limits, Signature, Transport};
use super::{
    Archive, ArchiveLimits, ArtifactKind, ErrorKind, Forge, ForgeError, HeadRuns, Merge, NewMergeRequest,
    NewRelease, Proposed, PushedRun, Release, StandIn,
};
use remembered::Remembered;

/// The most characters that GitLab takes as one comment.
const COMMENT_LIMIT: usize = 1_000_000;

/// One GitLab under one token.
#[derive(Debug)]
pub struct GitLab {
    http: Transport,
    /// Host of the address, for the private commit e-mail addresses that GitLab makes up.
    host: String,
    whoami: OnceCell<User>,
    remembered: Remembered,
}

impl GitLab {
    /// Prepares the connection; nothing is sent yet.
    ///
    /// # Errors
    /// When the address or the token cannot be used at all.
    pub fn new(config: &GitlabConfig, clock: Arc<dyn Clock>) -> Result<Self, ForgeError> {
        Self::with_limits(config, clock, Limits::default())
    }

    /// The same with other bounds on time and size.
    ///
    /// # Errors
    /// When the address or the token cannot be used at all.
    pub fn with_limits(
        config: &GitlabConfig,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, ForgeError> {
        let access = Access {
            forge: ForgeKind::GitLab,
            base: &format!("{}/api/v4", config.url.trim_end_matches('/')),
            signature: Signature::Header("private-token"),
            token: &config.token,
            write_interval: config.write_interval,
        };
        let http = Transport::new(&access, clock, limits)?;
        let host = reqwest::Url::parse(&config.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        Ok(Self {
            http,
            host: host.unwrap_or_default(),
            whoami: OnceCell::new(),
            remembered: Remembered::default(),
        })
    }

    /// The same without a network: `stand_in` answers whatever is asked, and nothing is sent.
    #[must_use]
    pub fn answered_by(mut self, stand_in: Arc<dyn StandIn>) -> Self {
        self.http.answered_by(stand_in);
        self
    }
}

/// `/projects/7` and what follows.
fn project(repo: RepoId, rest: &str) -> String {
    format!("/projects/{}{rest}", repo.number)
}

/// `/projects/7/merge_requests/3` and what follows.
fn merge_request(id: MergeRequestId, rest: &str) -> String {
    format!("/projects/{}/merge_requests/{}{rest}", id.repo.number, id.number)
}

const WHOAMI: Operation =
    Operation { name: "whoami", does: "say who we are", needs: "the scope `api` for our token" };
const REPOSITORY: Operation = Operation {
    name: "repository",
    does: "read the project",
    needs: "the scope `api` and at least Reporter",
};

#[async_trait]
impl Forge for GitLab {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitLab
    }

    async fn whoami(&self) -> Result<User, ForgeError> {
        let read = async || Ok(self.http.get::<answers::User>(&WHOAMI, "/user").await?.into());
        self.whoami.get_or_try_init(read).await.cloned()
    }

    async fn repository(&self, repo: RepoId) -> Result<Repository, ForgeError> {
        let found: answers::Project = self.http.get(&REPOSITORY, &project(repo, "")).await?;
        self.remembered.keep_trains(repo, found.merge_trains_enabled, self.http.now());
        let Some(default_branch) = found.default_branch.filter(|branch| !branch.is_empty()) else {
            return Err(self
                .http
                .refused(&REPOSITORY, "it has no default branch yet; push a first commit")
                .into());
        };
        Ok(Repository { id: repo, path: found.path_with_namespace, default_branch, web_url: found.web_url })
    }

    async fn repository_at(&self, path: &str) -> Result<Option<RepoId>, ForgeError> {
        let path = format!("/projects/{}", segment(path));
        match self.http.get::<answers::Numbered>(&REPOSITORY, &path).await {
            Ok(found) => Ok(Some(RepoId { forge: ForgeKind::GitLab, number: found.id })),
            Err(failure) if failure.error.kind == ErrorKind::Gone => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn changed_merge_requests(
        &self,
        repo: RepoId,
        since: Timestamp,
    ) -> Result<Vec<MergeRequestSummary>, ForgeError> {
        self.list_changed(repo, since).await
    }

    async fn merge_request(&self, id: MergeRequestId) -> Result<MergeRequest, ForgeError> {
        self.read_merge_request(id).await
    }

    async fn head_since(&self, id: MergeRequestId, head: &Sha) -> Result<Option<Timestamp>, ForgeError> {
        Ok(self.read_head_since(id, head).await?)
    }

    async fn addresses(&self, _repo: RepoId, user: UserId) -> Result<BTreeSet<String>, ForgeError> {
        Ok(self.emails(user).await?)
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
        self.runs_of_head(id, head).await
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
        _kind: ArtifactKind,
        wanted: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
        limits: ArchiveLimits,
    ) -> Result<Archive, ForgeError> {
        self.read_archive(repo, job, wanted, limits).await
    }

    async fn reviews(&self, id: MergeRequestId, reviewers: &[User]) -> Result<Reviews, ForgeError> {
        self.read_reviews(id, reviewers).await
    }

    async fn standing(&self, repo: RepoId, user: UserId, teams: &[String]) -> Result<Standing, ForgeError> {
        self.read_standing(repo, user, teams).await
    }

    async fn comment(&self, id: MergeRequestId, comment: CommentId) -> Result<Option<Comment>, ForgeError> {
        self.read_note(id, comment).await
    }

    async fn comments(&self, id: MergeRequestId) -> Result<Vec<Comment>, ForgeError> {
        self.list_notes(id).await
    }

    async fn create_comment(&self, id: MergeRequestId, body: &str) -> Result<CommentId, ForgeError> {
        self.create_note(id, body).await
    }

    async fn edit_comment(
        &self,
        id: MergeRequestId,
        comment: CommentId,
        body: &str,
    ) -> Result<(), ForgeError> {
        self.edit_note(id, comment, body).await
    }

    fn comment_limit(&self) -> usize {
        COMMENT_LIMIT
    }

    async fn acknowledge(&self, id: MergeRequestId, comment: CommentId) -> Result<(), ForgeError> {
        self.award_eyes(id, comment).await
    }

    async fn set_status(
        &self,
        id: MergeRequestId,
        sha: &Sha,
        run: Option<RunId>,
        status: &Status,
    ) -> Result<(), ForgeError> {
        self.post_status(id.repo, sha, run, status).await
    }

    async fn forged_statuses(
        &self,
        repo: RepoId,
        sha: &Sha,
        run: Option<RunId>,
    ) -> Result<Vec<ForgedStatus>, ForgeError> {
        let us = self.whoami().await?;
        self.read_forged_statuses(repo, (sha, run), &us).await
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

    async fn start_run(
        &self,
        id: MergeRequestId,
        head: &Sha,
        _other_target: &BTreeSet<RunId>,
    ) -> Result<RunId, ForgeError> {
        self.start_pipeline(id, head).await
    }

    async fn started_elsewhere(
        &self,
        id: MergeRequestId,
        head: &Sha,
        since: Timestamp,
    ) -> Result<Vec<RunId>, ForgeError> {
        self.find_astray(id, head, since).await
    }

    async fn cancel_run(&self, repo: RepoId, run: RunId) -> Result<(), ForgeError> {
        self.cancel_pipeline(repo, run).await
    }

    async fn retry_job(&self, repo: RepoId, run: RunId, job: JobId) -> Result<RunId, ForgeError> {
        self.retry_one_job(repo, run, job).await
    }

    async fn dispatch(&self, repo: RepoId, branch: &str, order: &WorkOrder) -> Result<RunId, ForgeError> {
        self.dispatch_pipeline(repo, branch, order).await
    }

    async fn dispatched(
        &self,
        repo: RepoId,
        branch: &str,
        order: &WorkOrder,
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError> {
        self.find_dispatched(repo, branch, order, since).await
    }

    async fn merge(
        &self,
        id: MergeRequestId,
        _target: &str,
        head: &Sha,
        method: MergeMethod,
    ) -> Result<Merge, ForgeError> {
        self.merge_at(id, head, method).await
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
        _run: &Run,
        job: &Job,
    ) -> Result<Option<Deployment>, ForgeError> {
        self.find_deployment(repo, environment, job).await
    }

    async fn kept(&self, repo: RepoId, _model: &ModelName, source: &str) -> Result<bool, ForgeError> {
        self.has_artifacts(repo, source).await
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
