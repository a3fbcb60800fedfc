//! Jobs of a pipeline, their logs and their archives.

use std::collections::BTreeMap;

use super::{GitLab, answers, project};
use crate::domain::{FailureCause, Job, JobId, JobStatus, ModelName, RepoId, RunId, Status, Timestamp};
use crate::forge::classify::Operation;
use crate::forge::terminal::plain_tail;
use crate::forge::{Archive, ArchiveLimits, ForgeError};

const JOBS: Operation = Operation {
    name: "jobs",
    does: "list the jobs of the pipeline",
    needs: "the scope `api` and at least Reporter",
};
const LOG: Operation = Operation {
    name: "log_tail",
    does: "read the log of the job",
    needs: "the scope `api` and at least Reporter",
};
const ARCHIVE: Operation = Operation {
    name: "archive",
    does: "read the artifacts of the job",
    needs: "the scope `api` and at least Reporter (what `artifacts:access` says)",
};

impl GitLab {
    /// The newest attempt of each job.
    pub(super) async fn jobs(&self, repo: RepoId, run: RunId) -> Result<Vec<Job>, ForgeError> {
        let path = project(repo, &format!("/pipelines/{run}/jobs"));
        let found: Vec<answers::Job> = self.http.list(&JOBS, &path).await?;
        let mut newest: BTreeMap<String, answers::Job> = BTreeMap::new();
        for job in found {
            let ours = job.name == Status::UMBRELLA || job.name.starts_with("mergewright/");
            let older = newest.get(&job.name).is_some_and(|known| known.id > job.id);
            if !ours && !older {
                newest.insert(job.name.clone(), job);
            }
        }
        let mut jobs: Vec<Job> = newest.into_values().map(read_job).collect();
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    }

    pub(super) async fn read_log_tail(
        &self,
        repo: RepoId,
        job: JobId,
        limit: usize,
    ) -> Result<String, ForgeError> {
        let response = self.http.download(&LOG, &project(repo, &format!("/jobs/{job}/trace"))).await?;
        // Terminal codes take room that the limit does not count.
        let keep = limit.saturating_mul(4).saturating_add(64 * 1024);
        let raw = self.http.last_bytes(&LOG, response, keep).await?;
        Ok(plain_tail(&raw, limit))
    }

    pub(super) async fn read_archive(
        &self,
        repo: RepoId,
        job: &Job,
        wanted: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
        limits: ArchiveLimits,
    ) -> Result<Archive, ForgeError> {
        let path = project(repo, &format!("/jobs/{}/artifacts", job.id));
        self.http.archive(&ARCHIVE, &path, job.id, wanted, limits).await
    }
}

fn read_job(job: answers::Job) -> Job {
    let (model, task) = match job.name.split_once(':') {
        Some((model, task)) if !task.is_empty() => match model.parse::<ModelName>() {
            Ok(model) => (Some(model), task.to_owned()),
            Err(_) => (None, job.name.clone()),
        },
        _ => (None, job.name.clone()),
    };
    Job {
        id: JobId(job.id),
        model,
        task,
        status: status(&job.status, job.failure_reason.as_deref()),
        web_url: job.web_url.unwrap_or_default(),
        source: job.id.to_string(),
        started_at: moment(job.started_at.as_deref()),
        finished_at: moment(job.finished_at.as_deref()),
        log_tail: None,
    }
}

fn moment(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(Timestamp::parse)
}

fn status(word: &str, reason: Option<&str>) -> JobStatus {
    match word {
        "running" | "canceling" => JobStatus::Running,
        "success" => JobStatus::Succeeded,
        "failed" => JobStatus::Failed(cause(reason)),
        "canceled" => JobStatus::Cancelled,
        "skipped" => JobStatus::Skipped,
        "manual" => JobStatus::Manual,
        // created, pending, preparing, waiting_for_resource, waiting_for_callback, scheduled
        _ => JobStatus::Waiting,
    }
}

/// Only what the job itself did speaks of the model; all else is runner, queue, network or quota.
fn cause(reason: Option<&str>) -> FailureCause {
    match reason {
        Some("script_failure" | "job_execution_timeout" | "trace_size_exceeded") => FailureCause::Script,
        Some(reason) => FailureCause::Infrastructure(reason.to_owned()),
        None => FailureCause::Infrastructure("unknown_failure".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_of_a_job_has_one_meaning() {
        for (word, expected) in [
            ("created", JobStatus::Waiting),
            ("pending", JobStatus::Waiting),
            ("scheduled", JobStatus::Waiting),
            ("waiting_for_resource", JobStatus::Waiting),
            ("running", JobStatus::Running),
            ("canceling", JobStatus::Running),
            ("success", JobStatus::Succeeded),
            ("canceled", JobStatus::Cancelled),
            ("skipped", JobStatus::Skipped),
            ("manual", JobStatus::Manual),
        ] {
            assert_eq!(status(word, None), expected, "{word}");
        }
    }

    #[test]
    fn only_a_script_is_blamed_for_what_the_script_did() {
        for reason in ["script_failure", "job_execution_timeout", "trace_size_exceeded"] {
            assert_eq!(cause(Some(reason)), FailureCause::Script, "{reason}");
        }
        for reason in [
            "runner_system_failure",
            "stuck_or_timeout_failure",
            "scheduler_failure",
            "api_failure",
            "data_integrity_failure",
            "ci_quota_exceeded",
            "no_matching_runner",
            "a_word_of_tomorrow",
        ] {
            assert_eq!(cause(Some(reason)), FailureCause::Infrastructure(reason.to_owned()));
        }
        assert_eq!(cause(None), FailureCause::Infrastructure("unknown_failure".to_owned()));
    }

    #[test]
    fn a_jobs_name_tells_its_model_and_task() {
        let read = |name: &str| {
            let job = read_job(
                serde_json::from_value(serde_json::json!({"id": 5, "name": name, "status": "success"}))
                    .unwrap(),
            );
            (job.model.map(|model| model.to_string()), job.task)
        };
        assert_eq!(read("iris:build"), (Some("iris".to_owned()), "build".to_owned()));
        assert_eq!(read("iris:nightly:x"), (Some("iris".to_owned()), "nightly:x".to_owned()));
        for name in ["lint", "Lint:all", "iris:", ":build"] {
            assert_eq!(read(name), (None, name.to_owned()));
        }
    }
}
