//! Jobs of a run, their logs and their artifacts.

use super::answers;
use super::{GitHub, log};
use crate::domain::{FailureCause, Job, JobId, JobStatus, ModelName, RepoId, RunId, Timestamp};
use crate::forge::classify::{Failure, Operation};
use crate::forge::terminal::plain_tail;
use crate::forge::text::segment;
use crate::forge::{Archive, ArchiveLimits, ArtifactKind, ErrorKind, ForgeError};

const JOBS: Operation =
    Operation { name: "jobs", does: "list the jobs of the run", needs: "read access to actions" };
const LOG: Operation =
    Operation { name: "log_tail", does: "read the log of the job", needs: "read access to actions" };
const KEPT: Operation =
    Operation { name: "kept", does: "list the artifacts of the run", needs: "read access to actions" };
const ARCHIVE: Operation =
    Operation { name: "archive", does: "read the artifacts of the run", needs: "read access to actions" };

/// Steps of the runner itself, and those of the generated workflows that only fetch something: what
/// fails there says nothing about the script.
const RUNNERS_STEPS: [&str; 5] =
    ["Set up job", "Initialize containers", "Check out", "Set up Python", "Fetch the model"];

impl GitHub {
    /// The newest attempt of each job.
    pub(super) async fn jobs(
        &self,
        repo: RepoId,
        run: &answers::WorkflowRun,
    ) -> Result<Vec<Job>, ForgeError> {
        let model = run.model();
        let rest = format!("/actions/runs/{}/jobs?filter=latest", run.id);
        let found = self.list_in(&JOBS, repo, &rest, |page: answers::Jobs| page.jobs).await?;
        let mut jobs: Vec<Job> = found.into_iter().map(|job| read_job(run.id, model.clone(), job)).collect();
        if jobs.is_empty() && run.conclusion.as_deref() == Some("startup_failure") {
            jobs.push(never_started(run, model));
            return Ok(jobs);
        }
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    }

    pub(super) async fn read_log_tail(
        &self,
        repo: RepoId,
        job: JobId,
        limit: usize,
    ) -> Result<String, ForgeError> {
        let response = self.download(&LOG, repo, &format!("/actions/jobs/{job}/logs"), None).await?;
        // Stamps and terminal codes take room that the limit does not count.
        let keep = limit.saturating_mul(4).saturating_add(64 * 1024);
        let raw = self.http.last_bytes(&LOG, response, keep).await?;
        Ok(plain_tail(log::as_shown(&raw).as_bytes(), limit))
    }

    /// The newest artifact of that name which has not expired; the zip itself lies in a storage.
    pub(super) async fn read_archive(
        &self,
        repo: RepoId,
        job: &Job,
        kind: ArtifactKind,
        wanted: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
        limits: ArchiveLimits,
    ) -> Result<Archive, ForgeError> {
        let (Some(model), Ok(run)) = (&job.model, job.source.parse::<u64>()) else {
            return Err(self.http.refused(&ARCHIVE, "the job belongs to no model").into());
        };
        let kind = match kind {
            ArtifactKind::Model => "model",
            ArtifactKind::Reports => "reports",
        };
        let name = format!("{model}-{kind}");
        let Some(newest) = self.newest_artifact(&ARCHIVE, repo, RunId(run), &name).await? else {
            return Err(gone(&name, RunId(run), "does not exist"));
        };
        if newest.expired {
            return Err(gone(&name, RunId(run), "has expired; run it again"));
        }
        let path = self.path(repo, &format!("/actions/artifacts/{}/zip", newest.id)).await?;
        self.at(repo).await?.archive(&ARCHIVE, &path, job.id, wanted, limits).await
    }

    /// Whether the artifact that a build left in the run `source` can still be fetched.
    pub(super) async fn has_model(
        &self,
        repo: RepoId,
        model: &ModelName,
        source: &str,
    ) -> Result<bool, ForgeError> {
        let Ok(run) = source.parse::<u64>() else { return Ok(false) };
        let name = format!("{model}-model");
        let newest = match self.newest_artifact(&KEPT, repo, RunId(run), &name).await {
            Ok(newest) => newest,
            // The run itself was deleted.
            Err(failure) if failure.is(404) => None,
            Err(failure) => return Err(failure.into()),
        };
        Ok(newest.is_some_and(|artifact| !artifact.expired))
    }

    async fn newest_artifact(
        &self,
        operation: &Operation,
        repo: RepoId,
        run: RunId,
        name: &str,
    ) -> Result<Option<answers::Artifact>, Failure> {
        let rest = format!("/actions/runs/{run}/artifacts?name={}", segment(name));
        let found = self.list_in(operation, repo, &rest, |page: answers::Artifacts| page.artifacts).await?;
        Ok(found.into_iter().filter(|artifact| artifact.name == name).max_by_key(|artifact| artifact.id))
    }
}

fn gone(name: &str, run: RunId, why: &str) -> ForgeError {
    ForgeError {
        kind: ErrorKind::Gone,
        external: format!("the artifact `{name}` of run {run} {why}"),
        internal: format!("{}: run {run}: `{name}` {why}", ARCHIVE.name),
    }
}

fn read_job(run: u64, model: Option<ModelName>, job: answers::Job) -> Job {
    Job {
        id: JobId(job.id),
        model,
        status: status(&job),
        task: job.name,
        web_url: job.html_url.unwrap_or_default(),
        source: run.to_string(),
        started_at: job.started_at.as_deref().and_then(Timestamp::parse),
        finished_at: job.completed_at.as_deref().and_then(Timestamp::parse),
        log_tail: None,
    }
}

/// Stands for a run whose workflow GitHub could not start: it has no job that could say so.
fn never_started(run: &answers::WorkflowRun, model: Option<ModelName>) -> Job {
    Job {
        id: JobId(run.id),
        model,
        task: "build".to_owned(),
        status: JobStatus::Failed(FailureCause::Infrastructure("startup_failure".to_owned())),
        web_url: run.html_url.clone(),
        source: run.id.to_string(),
        started_at: None,
        finished_at: None,
        log_tail: Some("GitHub could not start the workflow; the run's page says why.".to_owned()),
    }
}

fn status(job: &answers::Job) -> JobStatus {
    match (job.status.as_str(), job.conclusion.as_deref()) {
        ("completed", Some("success" | "neutral")) => JobStatus::Succeeded,
        ("completed", Some("failure")) => JobStatus::Failed(cause(job)),
        // Its own time, which it may not have.
        ("completed", Some("timed_out")) => JobStatus::Failed(FailureCause::Script),
        ("completed", Some("cancelled")) => JobStatus::Cancelled,
        ("completed", Some("skipped")) => JobStatus::Skipped,
        ("action_required", _) | ("completed", Some("action_required")) => JobStatus::Manual,
        ("completed", word) => {
            let word = word.unwrap_or("unknown_failure").to_owned();
            JobStatus::Failed(FailureCause::Infrastructure(word))
        }
        ("in_progress", _) => JobStatus::Running,
        // queued, requested, waiting, pending
        _ => JobStatus::Waiting,
    }
}

/// GitHub gives no reasons. A script has failed where a step of it has; a job without such a step lost
/// its runner, or never got one.
fn cause(job: &answers::Job) -> FailureCause {
    let failed = |step: &&answers::Step| step.conclusion.as_deref() == Some("failure");
    let steps = job.steps.as_deref().unwrap_or_default();
    let word = match steps.iter().find(failed) {
        _ if job.runner_id.is_none_or(|runner| runner == 0) => "no_runner",
        None => "runner_lost",
        Some(step) if RUNNERS_STEPS.contains(&step.name.as_str()) => "runner_setup_failure",
        Some(_) => return FailureCause::Script,
    };
    FailureCause::Infrastructure(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn judged(mut job: Value) -> JobStatus {
        job["id"] = json!(1);
        status(&serde_json::from_value(job).unwrap())
    }

    fn failed(runner: impl Into<Value>, steps: &Value) -> JobStatus {
        let runner = runner.into();
        judged(json!({ "status": "completed", "conclusion": "failure", "runner_id": runner, "steps": steps }))
    }

    fn infrastructure(word: &str) -> JobStatus {
        JobStatus::Failed(FailureCause::Infrastructure(word.to_owned()))
    }

    #[test]
    fn each_status_of_a_job_has_one_meaning() {
        for (word, conclusion, expected) in [
            ("queued", None, JobStatus::Waiting),
            ("requested", None, JobStatus::Waiting),
            ("waiting", None, JobStatus::Waiting),
            ("pending", None, JobStatus::Waiting),
            ("a_word_of_tomorrow", None, JobStatus::Waiting),
            ("in_progress", None, JobStatus::Running),
            ("completed", Some("success"), JobStatus::Succeeded),
            ("completed", Some("cancelled"), JobStatus::Cancelled),
            ("completed", Some("skipped"), JobStatus::Skipped),
            ("completed", Some("action_required"), JobStatus::Manual),
            ("completed", Some("timed_out"), JobStatus::Failed(FailureCause::Script)),
            ("completed", Some("startup_failure"), infrastructure("startup_failure")),
            ("completed", Some("stale"), infrastructure("stale")),
            ("completed", None, infrastructure("unknown_failure")),
        ] {
            let found = judged(json!({ "status": word, "conclusion": conclusion }));
            assert_eq!(found, expected, "{word} {conclusion:?}");
        }
    }

    #[test]
    fn only_a_step_that_failed_on_a_runner_blames_the_script() {
        let step = |name: &str, conclusion: Value| json!({ "name": name, "conclusion": conclusion });
        let ran = json!([step("Set up job", json!("success")), step("Run tests", json!("failure"))]);
        assert_eq!(failed(json!(7), &ran), JobStatus::Failed(FailureCause::Script));
        let lost = json!([step("Set up job", json!("success")), step("Run tests", json!("cancelled"))]);
        assert_eq!(failed(json!(7), &lost), infrastructure("runner_lost"));
        let hanging = json!([step("Run tests", Value::Null)]);
        assert_eq!(failed(json!(7), &hanging), infrastructure("runner_lost"));
        assert_eq!(failed(json!(7), &json!([])), infrastructure("runner_lost"));
        assert_eq!(failed(json!(0), &json!([])), infrastructure("no_runner"));
        assert_eq!(failed(Value::Null, &Value::Null), infrastructure("no_runner"));
        let set_up = json!([step("Set up job", json!("failure")), step("Run tests", json!("skipped"))]);
        assert_eq!(failed(json!(7), &set_up), infrastructure("runner_setup_failure"));
    }
}
