//! Schedules stand in the generated workflows: whether one of them ran, and whether GitHub's clock goes.

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;

use super::GitHub;
use super::answers::{self, time};
use crate::domain::{ForgeClock, JobStatus, ModelName, RepoId, RunId, Timestamp};
use crate::forge::classify::Operation;
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{ForgeError, Scheduler};

const RAN: Operation =
    Operation { name: "ran", does: "look for a run of the schedule", needs: "read access to actions" };
const CLOCK: Operation =
    Operation { name: "clock", does: "read the workflow's state", needs: "read access to actions" };
const START: Operation =
    Operation { name: "start_clock", does: "enable the workflow again", needs: "write access to actions" };

#[derive(Debug, Deserialize)]
struct Workflow {
    #[serde(default)]
    state: String,
}

/// The model's workflow, as an address names it.
fn file(model: &ModelName) -> String {
    segment(&format!("model-{model}.yml"))
}

#[async_trait]
impl Scheduler for GitHub {
    async fn ran(
        &self,
        repo: RepoId,
        branch: &str,
        (model, name): (&ModelName, &str),
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError> {
        let created = segment(&format!(">={since}"));
        let branch = segment(branch);
        let rest = format!("/actions/workflows/{}/runs?branch={branch}&created={created}", file(model));
        let open = |page: answers::Runs| page.workflow_runs;
        let mut runs: Vec<answers::WorkflowRun> = self.list_in(&RAN, repo, &rest, open).await?;
        runs.sort_by_key(|run| std::cmp::Reverse(run.id));
        let asked = format!("mergewright {name} ");
        for run in runs {
            let may_be = match run.event.as_str() {
                "schedule" => true,
                "workflow_dispatch" => run.display_title.starts_with(&asked),
                _ => false,
            };
            if !may_be || time(run.created_at.as_deref()).0 / 1000 < since.0 / 1000 {
                continue;
            }
            // A run has all jobs of the file; those that it is not for are skipped.
            let jobs = self.jobs(repo, &run).await?;
            // Jobs come into being only when the run begins.
            let waits = jobs.is_empty() && run.event == "workflow_dispatch";
            if waits || jobs.iter().any(|job| job.task == name && job.status != JobStatus::Skipped) {
                return Ok(Some(RunId(run.id)));
            }
        }
        Ok(None)
    }

    async fn clock(&self, repo: RepoId, model: &ModelName) -> Result<ForgeClock, ForgeError> {
        let rest = format!("/actions/workflows/{}", file(model));
        let found: Option<Workflow> = self.find(&CLOCK, repo, &rest).await?;
        Ok(match found.as_ref().map(|workflow| workflow.state.as_str()) {
            Some("active") => ForgeClock::Ticks,
            Some("disabled_inactivity") => ForgeClock::Idle,
            // By hand, as part of a fork, or gone.
            Some(_) | None => ForgeClock::Off,
        })
    }

    async fn start_clock(&self, repo: RepoId, model: &ModelName) -> Result<(), ForgeError> {
        let rest = format!("/actions/workflows/{}/enable", file(model));
        self.write_only(&START, Method::PUT, repo, &rest, Payload::Nothing).await?;
        Ok(())
    }
}
