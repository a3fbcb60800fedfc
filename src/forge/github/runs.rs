//! Workflow runs: which ones belong to a head, and ending them.

use reqwest::Method;

use super::GitHub;
use super::answers::{self, time};
use super::dispatch::Wish;
use crate::domain::{JobId, MergeRequestId, ModelName, RepoId, Run, RunId, Sha};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError, PushedRun};

const RUNS: Operation =
    Operation { name: "runs", does: "list the runs of the head", needs: "read access to actions" };
const RUN: Operation = Operation { name: "run", does: "read the run", needs: "read access to actions" };
const PUSHED: Operation =
    Operation { name: "pushed", does: "list the runs of the branch", needs: "read access to actions" };
const CANCEL: Operation =
    Operation { name: "cancel_run", does: "cancel the run", needs: "write access to actions" };
const RETRY: Operation =
    Operation { name: "retry_job", does: "run the job again", needs: "write access to actions" };

/// How many runs of pushes are looked at.
const MOST_OF_PUSHES: usize = 20;

impl GitHub {
    /// The runs of the generated workflows for this head, one or more for each model.
    pub(super) async fn runs_of_head(&self, id: MergeRequestId, head: &Sha) -> Result<Vec<Run>, ForgeError> {
        let mut runs = Vec::new();
        for run in self.raw_runs_of_head(id, head).await? {
            runs.push(self.with_jobs(id.repo, run).await?);
        }
        Ok(runs)
    }

    /// The newest first. A head may belong to several pull requests; runs that were dispatched for
    /// anything else than judging it do not count: a run by hand may check out whatever it likes, and only
    /// its title tells what that was.
    pub(super) async fn raw_runs_of_head(
        &self,
        id: MergeRequestId,
        head: &Sha,
    ) -> Result<Vec<answers::WorkflowRun>, Failure> {
        let rest = format!("/actions/runs?head_sha={head}");
        let open = |page: answers::Runs| page.workflow_runs;
        let mut runs: Vec<answers::WorkflowRun> = self.list_in(&RUNS, id.repo, &rest, open).await?;
        runs.retain(|run| {
            let Some(model) = run.model() else { return false };
            let judges = match run.event.as_str() {
                "pull_request" => run.is_of(id.number),
                "workflow_dispatch" => run.display_title == Wish::run(&model, head).title(),
                _ => false,
            };
            judges && run.head_sha == *head
        });
        runs.sort_by_key(|run| std::cmp::Reverse(run.id));
        Ok(runs)
    }

    /// The newest runs of the model's workflow that pushes to the branch started.
    pub(super) async fn runs_of_pushes(
        &self,
        repo: RepoId,
        branch: &str,
        model: &ModelName,
    ) -> Result<Vec<PushedRun>, ForgeError> {
        let (file, branch) = (segment(&format!("model-{model}.yml")), segment(branch));
        let rest =
            format!("/actions/workflows/{file}/runs?event=push&branch={branch}&per_page={MOST_OF_PUSHES}");
        let found: Option<answers::Runs> = self.find(&PUSHED, repo, &rest).await?;
        let mut runs = found.map(|page| page.workflow_runs).unwrap_or_default();
        runs.retain(|run| run.event == "push");
        runs.sort_by_key(|run| std::cmp::Reverse(run.id));
        Ok(runs.into_iter().map(|run| PushedRun { id: RunId(run.id), commit: run.head_sha }).collect())
    }

    pub(super) async fn read_run(&self, repo: RepoId, run: RunId) -> Result<Run, ForgeError> {
        let found = self.raw_run(repo, run).await?;
        self.with_jobs(repo, found).await
    }

    async fn raw_run(&self, repo: RepoId, run: RunId) -> Result<answers::WorkflowRun, Failure> {
        self.get(&RUN, repo, &format!("/actions/runs/{run}")).await
    }

    async fn with_jobs(&self, repo: RepoId, run: answers::WorkflowRun) -> Result<Run, ForgeError> {
        let jobs = self.jobs(repo, &run).await?;
        let began = run.run_started_at.as_deref().or(run.created_at.as_deref());
        Ok(Run {
            id: RunId(run.id),
            sha: run.head_sha,
            web_url: run.html_url,
            // A run that was started again keeps its number: it is as old as its newest attempt.
            created_at: time(began),
            first_at: run.created_at.as_deref().map(|at| time(Some(at))),
            jobs,
        })
    }

    pub(super) async fn cancel(&self, repo: RepoId, run: RunId) -> Result<(), ForgeError> {
        let rest = format!("/actions/runs/{run}/cancel");
        match self.write_only(&CANCEL, Method::POST, repo, &rest, Payload::Nothing).await {
            Ok(_) => Ok(()),
            // It is over already.
            Err(failure) if failure.is(409) && failure.error.kind == ErrorKind::Conflict => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The run keeps its number and begins another attempt.
    pub(super) async fn rerun_job(&self, repo: RepoId, run: RunId, job: JobId) -> Result<RunId, ForgeError> {
        // A run that could not start has no job to run again but itself.
        let rest = if job.0 == run.0 {
            format!("/actions/runs/{run}/rerun")
        } else {
            format!("/actions/jobs/{job}/rerun")
        };
        match self.write_only(&RETRY, Method::POST, repo, &rest, Payload::Nothing).await {
            Ok(_) => Ok(run),
            Err(failure) if failure.is(403) && failure.says("already running") => {
                let text =
                    "GitHub cannot run the job again: its run was started again already, or has not ended";
                Err(failure.meaning(ErrorKind::Conflict, text.to_owned()))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

impl answers::WorkflowRun {
    /// The model whose workflow this is: `.github/workflows/model-iris.yml`, `@` and a reference behind it.
    pub(super) fn model(&self) -> Option<ModelName> {
        let path = self.path.split_once('@').map_or(self.path.as_str(), |(path, _)| path);
        path.strip_prefix(".github/workflows/").and_then(model_of)
    }

    fn is_of(&self, number: u64) -> bool {
        // For forks the list is empty.
        let pulls = self.pull_requests.as_deref().unwrap_or_default();
        pulls.is_empty() || pulls.iter().any(|pull| pull.number == number)
    }
}

/// The model of a generated workflow, by the file's name.
pub(super) fn model_of(file: &str) -> Option<ModelName> {
    file.strip_prefix("model-")?.strip_suffix(".yml")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflows_file_names_its_model() {
        for (path, expected) in [
            (".github/workflows/model-iris.yml", Some("iris")),
            (".github/workflows/model-iris.yml@refs/heads/main", Some("iris")),
            (".github/workflows/model-a-b2.yml@feature/x@y", Some("a-b2")),
            (".github/workflows/lint.yml", None),
            (".github/workflows/model-.yml", None),
            (".github/workflows/model-Iris.yml", None),
            (".github/workflows/x/model-iris.yml", None),
            ("model-iris.yml", None),
            ("dynamic/github-code-scanning/codeql", None),
            ("", None),
        ] {
            let run: answers::WorkflowRun = serde_json::from_value(
                serde_json::json!({ "id": 1, "path": path, "head_sha": "a".repeat(40) }),
            )
            .unwrap();
            assert_eq!(run.model().map(|model| model.to_string()).as_deref(), expected, "{path}");
        }
    }
}
