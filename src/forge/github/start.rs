//! Starting the generated workflows for a head.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;

use super::dispatch::Wish;
use super::runs::model_of;
use super::{GitHub, answers};
use crate::domain::{MergeRequestId, ModelName, RepoId, RunId, Sha};
use crate::forge::classify::{Failure, Operation};
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

/// When to look again for the end of a run whose jobs have ended.
const ENDS_IN: Duration = Duration::from_secs(5);

pub(super) const START: Operation =
    Operation { name: "start_run", does: "start the runs of the head", needs: "write access to actions" };

impl GitHub {
    /// Runs each model's newest run of this head again; what waits for permission is approved, what still
    /// runs is left alone, and what is just ending is waited for. A run is bound to its commit, so that no
    /// other one can be started. A run that was begun for another target branch would take its workflow from
    /// there again, so it is left alone. Only where the head has no other run its workflows are dispatched.
    pub(super) async fn start_for_head(
        &self,
        id: MergeRequestId,
        head: &Sha,
        other_target: &BTreeSet<RunId>,
    ) -> Result<RunId, ForgeError> {
        let runs = self.raw_runs_of_head(id, head).await?;
        let (left, runs): (Vec<_>, Vec<_>) =
            runs.into_iter().partition(|run| other_target.contains(&RunId(run.id)));
        let mut seen = BTreeSet::new();
        let mut newest = None;
        for run in runs {
            let Some(model) = run.model().filter(|model| seen.insert(model.clone())) else { continue };
            let started = self.start_again(id, head, &model, &run).await?;
            newest = newest.max(Some(started));
        }
        let Some(mut newest) = newest else { return self.dispatch_all(id, head).await };
        for model in
            left.iter().filter_map(answers::WorkflowRun::model).filter(|model| seen.insert(model.clone()))
        {
            let branch = self.own_branch(id, head, &START).await?;
            let wish = Wish::run(&model, head);
            newest = newest.max(self.dispatch_wish(&START, id.repo, &branch, &wish).await?);
        }
        Ok(newest)
    }

    async fn start_again(
        &self,
        id: MergeRequestId,
        head: &Sha,
        model: &ModelName,
        run: &answers::WorkflowRun,
    ) -> Result<RunId, ForgeError> {
        let waits =
            [&run.status, &run.conclusion].into_iter().any(|word| word.as_deref() == Some("action_required"));
        let verb = if waits {
            "approve"
        } else if run.status.as_deref() == Some("completed") {
            "rerun"
        } else if self.is_ending(id.repo, run).await? {
            let what = format!("GitHub could not {}: the run {} is just ending", START.does, run.id);
            let why = "its jobs have ended, and it says that it has not";
            return Err(Failure::new(ErrorKind::Retry { after: Some(ENDS_IN) }, what, why.to_owned()).into());
        } else {
            return Ok(RunId(run.id));
        };
        let rest = format!("/actions/runs/{}/{verb}", run.id);
        match self.write_only(&START, Method::POST, id.repo, &rest, Payload::Nothing).await {
            Ok(_) => Ok(RunId(run.id)),
            // Somebody was faster.
            Err(failure) if failure.is(403) && failure.says("already running") => Ok(RunId(run.id)),
            Err(failure) if failure.is(404) && waits => {
                let text =
                    "this GitHub lets nobody approve a run through its API: approve it on the run's page";
                Err(failure.meaning(ErrorKind::Refused, text.to_owned()))
            }
            // GitHub runs nothing again after a month.
            Err(failure) if failure.is(403) && failure.says("month ago") => {
                let branch = self.own_branch(id, head, &START).await?;
                self.dispatch_wish(&START, id.repo, &branch, &Wish::run(model, head)).await
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Whether nothing of a run goes on though it is not completed: soon it is, and can be started again.
    async fn is_ending(&self, repo: RepoId, run: &answers::WorkflowRun) -> Result<bool, ForgeError> {
        let jobs = self.jobs(repo, run).await?;
        Ok(!jobs.is_empty() && jobs.iter().all(|job| job.status.is_final()))
    }

    async fn dispatch_all(&self, id: MergeRequestId, head: &Sha) -> Result<RunId, ForgeError> {
        let branch = self.own_branch(id, head, &START).await?;
        let mut newest = None;
        for model in self.workflows(id.repo, head).await? {
            let started = self.dispatch_wish(&START, id.repo, &branch, &Wish::run(&model, head)).await?;
            newest = newest.max(Some(started));
        }
        newest.ok_or_else(|| {
            let why =
                "the head holds no generated workflow; run `mergewright generate` and commit what it writes";
            self.http.refused(&START, why).into()
        })
    }

    /// The models that have a generated workflow at this commit.
    async fn workflows(&self, repo: RepoId, at: &Sha) -> Result<Vec<ModelName>, ForgeError> {
        let rest = format!("/contents/.github/workflows?ref={at}");
        let found: Option<Vec<answers::FolderEntry>> = self.find(&START, repo, &rest).await?;
        let files = found.unwrap_or_default();
        Ok(files.iter().filter_map(|file| model_of(file.path.rsplit('/').next()?)).collect())
    }
}
