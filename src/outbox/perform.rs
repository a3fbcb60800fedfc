//! One effect becomes forge calls; after a try of unknown outcome the forge is asked first.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::{
    Clock, CommentId, Done, Effect, JobId, JobStatus, MergeRequestId, MergeRequestStatus, Outcome, Owner,
    Redactor, RepoId, Run, RunId, Sha, Timestamp, WorkOrder,
};
use crate::forge::{ErrorKind, Forge, ForgeError};
use crate::storage::{ClaimedEffect, Store};

use super::comments::Place;
use super::render::Renderer;
use super::starts::Starts;
use super::{OutboxError, checks, clean, commit, evaluate, merge, registry, schedules, sharing};

/// How far the forge's clock may be behind ours: a run created this long before the decision may
/// still be the one that we started.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// When to look again whether a run has ended that was cancelled.
const ENDS_IN: Duration = Duration::from_secs(5);

/// What a performed effect left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Performed {
    /// What the engine hears.
    pub(crate) outcome: Outcome,
    /// The comment that was written, by its marker.
    pub(crate) comment: Option<(String, CommentId)>,
}

impl Performed {
    pub(crate) fn done(done: Done) -> Self {
        Self { outcome: Outcome::Done(done), comment: None }
    }
}

/// What performing needs beside the effect.
#[derive(Debug)]
pub(crate) struct Means<'a> {
    pub(crate) store: &'a Store,
    pub(crate) forge: &'a dyn Forge,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) renderer: &'a Renderer,
    pub(crate) redactor: &'a Redactor,
    pub(super) starts: &'a Starts,
}

impl Means<'_> {
    /// Makes it so at the forge.
    pub(crate) async fn perform(&self, claimed: &ClaimedEffect) -> Result<Performed, OutboxError> {
        let repo = claimed.owner.repo();
        if sharing::is_overtaken(self.store, claimed).await? {
            return Ok(Performed::done(Done::Plain));
        }
        match &clean::effect(self.redactor, &claimed.effect) {
            Effect::Report { report } => {
                let body = self.renderer.report(report, self.forge.comment_limit())?;
                self.comment(merge_request(claimed)?, Renderer::REPORT_MARKER.to_owned(), &body).await
            }
            Effect::Reply { to, reply } => {
                let body = self.renderer.reply(*to, reply, self.forge.comment_limit())?;
                self.comment(merge_request(claimed)?, Renderer::reply_marker(*to), &body).await
            }
            Effect::Acknowledge { comment } => {
                let id = merge_request(claimed)?;
                plain(gone_is_fine(self.forge.acknowledge(id, *comment).await))
            }
            Effect::Status { sha, run, status } => {
                plain(self.forge.set_status(merge_request(claimed)?, sha, *run, status).await)
            }
            Effect::Check { sha, check } => {
                let id = merge_request(claimed)?;
                checks::show(self, id, sha, check).await?;
                Ok(Performed::done(Done::Plain))
            }
            Effect::Answer { press, reply } => {
                let body = self.renderer.answer(press, reply, self.forge.comment_limit())?;
                self.comment(merge_request(claimed)?, Renderer::answer_marker(press), &body).await
            }
            Effect::Label { label } => plain(self.forge.set_label(merge_request(claimed)?, *label).await),
            Effect::RequestReviews { people, teams } => {
                let id = merge_request(claimed)?;
                plain(refused_is_fine(self.forge.request_reviews(id, people, teams).await))
            }
            Effect::CancelRun { run } => plain(gone_is_fine(self.forge.cancel_run(repo, *run).await)),
            Effect::StartRun { head, stopped, other_target, .. } => {
                self.start_run(claimed, head, stopped, other_target).await
            }
            Effect::RetryJob { run, job } => self.retry_job(claimed, *run, *job).await,
            Effect::Dispatch { branch, order, .. } => self.dispatch(claimed, branch, order).await,
            Effect::Evaluate { branch, order, .. } => {
                let (id, since) = (merge_request(claimed)?, earlier(claimed.since));
                evaluate::perform(self, claimed, id, branch, order, since).await
            }
            Effect::Merge { head, method, target, .. } => {
                let id = merge_request(claimed)?;
                merge::perform(self.forge, claimed, id, (target, head), *method).await
            }
            Effect::LeaveQueue { .. } => {
                plain(gone_is_fine(self.forge.leave_queue(merge_request(claimed)?).await))
            }
            Effect::CreateTag { model, version, lineage } => {
                let name = version.tag(model);
                registry::create_tag(self.forge, repo, &name, &lineage.commit, &lineage.canonical()).await
            }
            Effect::AssignStage { assignment } => {
                let (name, message) = (assignment.tag(), assignment.canonical());
                registry::create_tag(self.forge, repo, &name, &assignment.commit, &message).await
            }
            Effect::Retire { note } => {
                let (name, message) = (note.tag(), note.canonical());
                registry::create_tag(self.forge, repo, &name, &note.commit, &message).await
            }
            Effect::CommitFiles { commit: new, .. } => commit::files(self.forge, claimed, new).await,
            Effect::KeepSchedules { wanted, known } => schedules::keep(self.forge, repo, wanted, known).await,
            Effect::StartClock { model } => plain(self.forge.start_clock(repo, model).await),
            Effect::Propose { proposal } => {
                let description = self.renderer.proposal(&proposal.description)?;
                commit::propose(self.forge, claimed, proposal, description).await
            }
            Effect::Release { model, version, lineage, manifest } => {
                let notes = self.renderer.release(model, version, lineage)?;
                let notes = self.redactor.text(&notes).into_owned();
                let slot = claimed.effect.slot();
                let fresh = claimed.attempts == 0 && !self.store.failed_before(&claimed.owner, &slot).await?;
                registry::release(self.forge, repo, (model, version), lineage, manifest, notes, fresh).await
            }
        }
    }

    async fn comment(
        &self,
        id: MergeRequestId,
        marker: String,
        body: &str,
    ) -> Result<Performed, OutboxError> {
        let place = Place { store: self.store, forge: self.forge, merge_request: id, marker: &marker };
        let body = clean::comment(self.redactor, body, self.forge.comment_limit());
        let written = place.write(&body).await?;
        let comment = written.map(|number| (marker, number));
        Ok(Performed { outcome: Outcome::Done(Done::Plain), comment })
    }

    async fn start_run(
        &self,
        claimed: &ClaimedEffect,
        head: &Sha,
        stopped: &BTreeSet<RunId>,
        other_target: &BTreeSet<RunId>,
    ) -> Result<Performed, OutboxError> {
        let id = merge_request(claimed)?;
        if claimed.attempts > 0 {
            let astray = self.forge.started_elsewhere(id, head, earlier(claimed.since)).await?;
            for run in &astray {
                gone_is_fine(self.forge.cancel_run(id.repo, *run).await)?;
            }
            if let Some(run) = astray.first() {
                let reason = format!(
                    "the head has moved from {}, and the run {run} that began on another commit was cancelled",
                    head.short()
                );
                return Ok(Performed { outcome: Outcome::Conflict { reason }, comment: None });
            }
            let known = self.forge.runs(id, head).await?;
            // What was stopped before is none of ours, unless it began anew since.
            let since = |run: &Run| match stopped.contains(&run.id) {
                true => claimed.since,
                false => earlier(claimed.since),
            };
            let mut known = known.runs.iter().filter(|run| !other_target.contains(&run.id));
            let ours = known.find(|run| run.created_at >= since(run));
            if let Some(run) = ours {
                return Ok(Performed::done(Done::Run { run: run.id }));
            }
        }
        // A moment ago it was the head; nothing is started of another commit than the one that was meant.
        let now = self.forge.merge_request(id).await?;
        if now.head != *head || now.status != MergeRequestStatus::Open {
            let reason = match now.status {
                MergeRequestStatus::Open => {
                    format!("the head has moved from {} to {}", head.short(), now.head.short())
                }
                _ => "it is not open any more".to_owned(),
            };
            return Ok(Performed { outcome: Outcome::Conflict { reason }, comment: None });
        }
        if self.forge.restarts_runs() {
            self.has_ended(id.repo, stopped).await?;
        }
        let run = self.forge.start_run(id, head, other_target).await?;
        Ok(Performed::done(Done::Run { run }))
    }

    /// A run that was stopped ends only some time after the forge was asked for that, and until then it cannot
    /// begin anew.
    async fn has_ended(&self, repo: RepoId, stopped: &BTreeSet<RunId>) -> Result<(), OutboxError> {
        for id in stopped {
            let run = match self.forge.run(repo, *id).await {
                Err(error) if error.kind == ErrorKind::Gone => continue,
                run => run?,
            };
            if run.jobs.iter().any(|job| !job.status.is_final()) {
                return Err(OutboxError::Forge(ForgeError {
                    kind: ErrorKind::Retry { after: Some(ENDS_IN) },
                    external: format!("the run {id} was cancelled and has not ended yet"),
                    internal: "it is started again once it has".to_owned(),
                }));
            }
        }
        Ok(())
    }

    async fn retry_job(
        &self,
        claimed: &ClaimedEffect,
        run: RunId,
        job: JobId,
    ) -> Result<Performed, OutboxError> {
        let repo = claimed.owner.repo();
        if claimed.attempts > 0 {
            let now = self.forge.run(repo, run).await?;
            // A run shows the newest attempt of each job: ours is there only if nothing came after it.
            let untouched = now.jobs.iter().any(|known| {
                known.id == job && !matches!(known.status, JobStatus::Waiting | JobStatus::Running)
            });
            if !untouched {
                return Ok(Performed::done(Done::Run { run }));
            }
        }
        let run = self.forge.retry_job(repo, run, job).await?;
        Ok(Performed::done(Done::Run { run }))
    }

    async fn dispatch(
        &self,
        claimed: &ClaimedEffect,
        branch: &str,
        order: &WorkOrder,
    ) -> Result<Performed, OutboxError> {
        let repo = claimed.owner.repo();
        let run = match self.dispatched(claimed, branch, order, earlier(claimed.since)).await? {
            Some(run) => run,
            None => self.starts.start(claimed, self.clock, self.forge.dispatch(repo, branch, order)).await?,
        };
        Ok(Performed::done(Done::Run { run }))
    }

    /// The run that an earlier try started at `since` or later.
    pub(super) async fn dispatched(
        &self,
        claimed: &ClaimedEffect,
        branch: &str,
        order: &WorkOrder,
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError> {
        self.starts.begins(claimed, self.clock.now());
        if claimed.attempts == 0 {
            return Ok(None);
        }
        match self.starts.started(claimed) {
            Some(run) => Ok(Some(run)),
            None => self.forge.dispatched(claimed.owner.repo(), branch, order, since).await,
        }
    }
}

/// The merge request that the effect is about. Only merge requests decide on such effects.
fn merge_request(claimed: &ClaimedEffect) -> Result<MergeRequestId, ForgeError> {
    match &claimed.owner {
        Owner::MergeRequest(id) => Ok(*id),
        owner @ (Owner::Model(_) | Owner::Repository(_)) => Err(ForgeError {
            kind: ErrorKind::Refused,
            external: "mergewright itself failed at this; its log says where".to_owned(),
            internal: format!("{} of {owner} needs a merge request", claimed.effect.kind()),
        }),
    }
}

/// The earliest time by the forge's clock at which something wanted at `since` can have been made.
fn earlier(since: Timestamp) -> Timestamp {
    Timestamp(since.0.saturating_sub(i64::try_from(CLOCK_SKEW.as_millis()).unwrap_or(i64::MAX)))
}

fn plain(result: Result<(), ForgeError>) -> Result<Performed, OutboxError> {
    Ok(result.map(|()| Performed::done(Done::Plain))?)
}

/// It was a courtesy: where the forge will not, people find the merge request without it.
fn refused_is_fine(result: Result<(), ForgeError>) -> Result<(), ForgeError> {
    match result {
        Err(error) if matches!(error.kind, ErrorKind::Refused | ErrorKind::Gone | ErrorKind::Conflict) => {
            tracing::info!(%error, "reviewers could not be asked");
            Ok(())
        }
        other => other,
    }
}

/// What was to be touched is gone, so nothing is left to do.
fn gone_is_fine(result: Result<(), ForgeError>) -> Result<(), ForgeError> {
    match result {
        Err(error) if error.kind == ErrorKind::Gone => Ok(()),
        other => other,
    }
}
