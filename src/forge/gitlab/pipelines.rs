//! Pipelines: which ones belong to a head, starting, cancelling, dispatching.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use super::answers::{self, time};
use super::{GitLab, merge_request, project};
use crate::domain::{JobId, MergeRequestId, ModelName, RepoId, Run, RunId, Sha, Timestamp, WorkOrder};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, Forge as _, ForgeError, HeadRuns, PushedRun};

const RUNS: Operation = Operation {
    name: "runs",
    does: "list the pipelines of the merge request",
    needs: "the scope `api` and at least Reporter",
};
const RUN: Operation =
    Operation { name: "run", does: "read the pipeline", needs: "the scope `api` and at least Reporter" };
const PUSHED: Operation = Operation {
    name: "pushed",
    does: "list the pipelines of the branch",
    needs: "the scope `api` and at least Reporter",
};
const START: Operation = Operation {
    name: "start_run",
    does: "start a pipeline for the merge request",
    needs: "Developer (for a protected source branch the right to merge into it)",
};
const CANCEL: Operation = Operation {
    name: "cancel_run",
    does: "cancel the pipeline",
    needs: "Developer, or what the project's `ci_restrict_pipeline_cancellation_role` says",
};
const RETRY: Operation = Operation {
    name: "retry_job",
    does: "run the job again",
    needs: "Developer (for a protected branch the right to merge into it)",
};
const DISPATCH: Operation = Operation {
    name: "dispatch",
    does: "start a pipeline on the branch",
    needs: "Developer, for a protected branch the right to merge or push there",
};
const FIND: Operation =
    Operation { name: "dispatched", does: "look for a pipeline that was started before", needs: "Developer" };

/// What GitLab says of a pipeline that would have no job, in small letters.
const NO_JOBS: [&str; 4] = [
    "rules configuration prevented",
    "filtered out by workflow rules",
    "would have been empty",
    "missing ci config file",
];
/// How many pipelines of pushes are looked at.
const MOST_OF_PUSHES: usize = 20;

impl GitLab {
    /// The merge request's pipelines of this head. A pipeline of merged results runs on a merge commit: it
    /// belongs to the head that is one of that commit's parents. What a merge train tries comes after the
    /// head was judged and judges nothing. Pipelines of a fork's own project do not count, nor those that exist
    /// for statuses only or that were started on the branch by an order, which is for anything else than judging
    /// the head. Of pipelines that a push or a person started on the branch no job is told: they may have been
    /// given another commit to measure. A status can join them all the same.
    pub(super) async fn runs_of_head(&self, id: MergeRequestId, head: &Sha) -> Result<HeadRuns, ForgeError> {
        let path = merge_request(id, "/pipelines");
        let mut pipelines: Vec<answers::Pipeline> = self.http.list_until(&RUNS, &path, |_| false).await?;
        pipelines.retain(|pipeline| {
            pipeline.project_id.is_none_or(|project| project == id.repo.number)
                && !matches!(pipeline.source.as_deref(), Some("external" | "api"))
        });
        pipelines.sort_by_key(|pipeline| std::cmp::Reverse(pipeline.id));
        let tried = pipelines.first().is_some_and(is_of_train);
        pipelines.retain(|pipeline| !is_of_train(pipeline));
        let mut runs = Vec::new();
        for pipeline in pipelines {
            if !self.belongs(id.repo, &pipeline, head).await? {
                continue;
            }
            runs.push(match is_of_merge_request(&pipeline) {
                true => self.with_jobs(id.repo, pipeline, head.clone()).await?,
                false => self.without_jobs(id.repo, pipeline, head.clone()),
            });
        }
        Ok(HeadRuns { runs, tried })
    }

    /// The newest pipelines that pushes to the branch started, whichever models they are about.
    pub(super) async fn runs_of_pushes(
        &self,
        repo: RepoId,
        branch: &str,
        _model: &ModelName,
    ) -> Result<Vec<PushedRun>, ForgeError> {
        let branch = segment(branch);
        let rest =
            format!("/pipelines?ref={branch}&source=push&order_by=id&sort=desc&per_page={MOST_OF_PUSHES}");
        let found: Vec<answers::Pipeline> = self.http.get(&PUSHED, &project(repo, &rest)).await?;
        let mut runs = Vec::new();
        for pipeline in found.into_iter().filter(|one| one.source.as_deref() == Some("push")) {
            self.remember(repo, &pipeline);
            runs.push(PushedRun { id: RunId(pipeline.id), commit: pipeline.sha });
        }
        Ok(runs)
    }

    pub(super) async fn read_run(&self, repo: RepoId, run: RunId) -> Result<Run, ForgeError> {
        let pipeline = match self.remembered.pipelines.get(&(repo, run)) {
            Some(known) => known,
            None => self.pipeline(repo, run).await?,
        };
        let head = if runs_on_a_merge(&pipeline.reference) {
            // Of such a merge commit the head is the last parent, the target branch the first.
            let parents = self.read_parents(repo, &pipeline.sha).await?;
            parents.last().cloned().unwrap_or_else(|| pipeline.sha.clone())
        } else {
            pipeline.sha.clone()
        };
        self.with_jobs(repo, pipeline, head).await
    }

    async fn pipeline(&self, repo: RepoId, run: RunId) -> Result<answers::Pipeline, Failure> {
        let pipeline: answers::Pipeline =
            self.http.get(&RUN, &project(repo, &format!("/pipelines/{run}"))).await?;
        self.remember(repo, &pipeline);
        Ok(pipeline)
    }

    fn remember(&self, repo: RepoId, pipeline: &answers::Pipeline) {
        self.remembered.pipelines.put((repo, RunId(pipeline.id)), pipeline.clone());
    }

    /// The commit that a pipeline runs on.
    pub(super) async fn pipeline_commit(&self, repo: RepoId, run: RunId) -> Result<Sha, Failure> {
        match self.remembered.pipelines.get(&(repo, run)) {
            Some(known) => Ok(known.sha),
            None => Ok(self.pipeline(repo, run).await?.sha),
        }
    }

    async fn with_jobs(
        &self,
        repo: RepoId,
        pipeline: answers::Pipeline,
        head: Sha,
    ) -> Result<Run, ForgeError> {
        let jobs = self.jobs(repo, RunId(pipeline.id)).await?;
        Ok(Run { jobs, ..self.without_jobs(repo, pipeline, head) })
    }

    fn without_jobs(&self, repo: RepoId, pipeline: answers::Pipeline, head: Sha) -> Run {
        self.remember(repo, &pipeline);
        Run {
            id: RunId(pipeline.id),
            sha: head,
            created_at: time(pipeline.created_at.as_deref()),
            first_at: None,
            web_url: pipeline.web_url,
            jobs: Vec::new(),
        }
    }

    async fn belongs(&self, repo: RepoId, pipeline: &answers::Pipeline, head: &Sha) -> Result<bool, Failure> {
        if pipeline.sha == *head {
            return Ok(true);
        }
        if !runs_on_a_merge(&pipeline.reference) {
            return Ok(false);
        }
        self.is_parent(repo, head, &pipeline.sha).await
    }

    /// Whether `head` is a parent of `commit`; a commit that was thrown away has none.
    pub(super) async fn is_parent(&self, repo: RepoId, head: &Sha, commit: &Sha) -> Result<bool, Failure> {
        match self.read_parents(repo, commit).await {
            Ok(parents) => Ok(parents.contains(head)),
            Err(failure) if failure.is(404) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Starts a merge request pipeline. GitLab takes the newest commit, whatever we meant: a pipeline
    /// of another commit is cancelled at once.
    pub(super) async fn start_pipeline(&self, id: MergeRequestId, head: &Sha) -> Result<RunId, ForgeError> {
        let path = merge_request(id, "/pipelines");
        let (_, pipeline): (_, answers::Pipeline) =
            self.http.write(&START, Method::POST, &path, Payload::Nothing).await?;
        let run = RunId(pipeline.id);
        let repo = RepoId { number: pipeline.project_id.unwrap_or(id.repo.number), ..id.repo };
        if self.belongs(repo, &pipeline, head).await? {
            self.remember(repo, &pipeline);
            return Ok(run);
        }
        self.cancel_pipeline(repo, run).await?;
        Err(ForgeError {
            kind: ErrorKind::Conflict,
            external: format!(
                "GitLab started a pipeline on {} instead of {}: the head has moved; that pipeline was cancelled",
                pipeline.sha.short(),
                head.short()
            ),
            internal: format!("{}: pipeline {run} cancelled", START.name),
        })
    }

    /// Pipelines of the merge request that we started since and that run on another commit.
    pub(super) async fn find_astray(
        &self,
        id: MergeRequestId,
        head: &Sha,
        since: Timestamp,
    ) -> Result<Vec<RunId>, ForgeError> {
        let us = self.whoami().await?;
        let old = |pipeline: &answers::Pipeline| time(pipeline.created_at.as_deref()) < since;
        let reached = |page: &[answers::Pipeline]| page.iter().any(old);
        let path = merge_request(id, "/pipelines");
        let pipelines: Vec<answers::Pipeline> = self.http.list_until(&RUNS, &path, reached).await?;
        let mut astray = Vec::new();
        for pipeline in pipelines {
            let here = pipeline.project_id.is_none_or(|project| project == id.repo.number);
            if !here || old(&pipeline) || has_ended(&pipeline.status) {
                continue;
            }
            if self.belongs(id.repo, &pipeline, head).await? {
                continue;
            }
            // Only by itself does a pipeline tell who started it.
            let run = RunId(pipeline.id);
            if self.pipeline(id.repo, run).await?.user.is_some_and(|user| user.id == us.id.0) {
                astray.push(run);
            }
        }
        Ok(astray)
    }

    pub(super) async fn cancel_pipeline(&self, repo: RepoId, run: RunId) -> Result<(), ForgeError> {
        let path = project(repo, &format!("/pipelines/{run}/cancel"));
        let Err(failure) = self.http.write_only(&CANCEL, Method::POST, &path, Payload::Nothing).await else {
            return Ok(());
        };
        if matches!(failure.status, Some(400 | 403 | 405 | 409 | 422))
            && failure.error.kind != (ErrorKind::Retry { after: None })
            && has_ended(&self.pipeline(repo, run).await?.status)
        {
            return Ok(());
        }
        Err(failure.into())
    }

    pub(super) async fn retry_one_job(
        &self,
        repo: RepoId,
        run: RunId,
        job: JobId,
    ) -> Result<RunId, ForgeError> {
        let path = project(repo, &format!("/jobs/{job}/retry"));
        match self.http.write::<answers::Job>(&RETRY, Method::POST, &path, Payload::Nothing).await {
            Ok((_, started)) => Ok(started.pipeline.map_or(run, |pipeline| RunId(pipeline.id))),
            Err(failure) if failure.says("not retryable") || failure.says("not retriable") => {
                let text = "GitLab cannot run the job again: it was run again already, or has not ended";
                Err(failure.meaning(ErrorKind::Conflict, text.to_owned()))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) async fn dispatch_pipeline(
        &self,
        repo: RepoId,
        branch: &str,
        order: &WorkOrder,
    ) -> Result<RunId, ForgeError> {
        let variables: Vec<_> =
            variables(order).into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let body = json!({ "ref": branch, "variables": variables });
        let path = project(repo, "/pipeline");
        match self.http.write::<answers::Pipeline>(&DISPATCH, Method::POST, &path, Payload::Json(body)).await
        {
            Ok((_, pipeline)) => {
                let run = RunId(pipeline.id);
                self.remember(repo, &pipeline);
                Ok(run)
            }
            Err(failure)
                if matches!(failure.status, Some(400 | 403))
                    && failure.says("variables")
                    && failure.says("permission") =>
            {
                let text = "GitLab does not let the bot set pipeline variables: set the project's \
                            `ci_pipeline_variables_minimum_override_role` (Settings, CI/CD, Variables) to a role that \
                            the bot has, `developer` or `maintainer`";
                Err(failure.meaning(ErrorKind::Refused, text.to_owned()))
            }
            Err(failure) if failure.is(400) && NO_JOBS.iter().any(|words| failure.says(words)) => {
                let protected = match order.action.as_str() {
                    "evaluate" => " (on a protected branch there is none)",
                    _ => "",
                };
                let text = format!(
                    "GitLab starts nothing on `{branch}`: its CI file has no job for this{protected}; commit what \
                     `mergewright generate` writes"
                );
                Err(failure.meaning(ErrorKind::Refused, text))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Looks through the branch's pipelines, newest first, for one with exactly these variables.
    pub(super) async fn find_dispatched(
        &self,
        repo: RepoId,
        branch: &str,
        order: &WorkOrder,
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError> {
        let rest = format!("/pipelines?ref={}&source=api&order_by=id&sort=desc&per_page=50", segment(branch));
        let older = |pipeline: &answers::Pipeline| time(pipeline.created_at.as_deref()) < since;
        let reached = |page: &[answers::Pipeline]| page.iter().any(older);
        let pipelines = self.http.list_until(&FIND, &project(repo, &rest), reached).await?;
        let wanted = variables(order);
        for pipeline in pipelines.into_iter().filter(|pipeline| !older(pipeline)) {
            let path = project(repo, &format!("/pipelines/{}/variables", pipeline.id));
            let found: Vec<answers::Variable> = match self.http.get(&FIND, &path).await {
                Ok(found) => found,
                // Only who started a pipeline sees its variables, and maintainers; or it was deleted meanwhile.
                Err(failure) if failure.is(403) && failure.error.kind == ErrorKind::Refused => continue,
                Err(failure) if failure.is(404) => continue,
                Err(failure) => return Err(failure.into()),
            };
            let ours: BTreeMap<_, _> = found
                .into_iter()
                .filter(|variable| variable.key.starts_with("MERGEWRIGHT_"))
                .map(|variable| (variable.key, variable.value.unwrap_or_default()))
                .collect();
            if ours
                .iter()
                .map(|(key, value)| (key.as_str(), value))
                .eq(wanted.iter().map(|(key, value)| (*key, value)))
            {
                return Ok(Some(RunId(pipeline.id)));
            }
        }
        Ok(None)
    }
}

/// What the order is to the scripts; what it leaves open is not set.
fn variables(order: &WorkOrder) -> BTreeMap<&'static str, String> {
    let mut variables = BTreeMap::from([
        ("MERGEWRIGHT_ACTION", order.action.clone()),
        ("MERGEWRIGHT_MODEL", order.model.to_string()),
        ("MERGEWRIGHT_COMMIT", order.commit.to_string()),
        ("MERGEWRIGHT_SOURCE", order.source.clone()),
    ]);
    variables.extend(order.version.as_ref().map(|version| ("MERGEWRIGHT_VERSION", version.to_string())));
    variables.extend(order.environment.clone().map(|name| ("MERGEWRIGHT_ENVIRONMENT", name)));
    variables.extend(order.traffic.map(|percent| ("MERGEWRIGHT_TRAFFIC", percent.to_string())));
    variables.retain(|_, value| !value.is_empty());
    variables
}

/// `refs/merge-requests/7/merge`, `…/train`
fn runs_on_a_merge(reference: &str) -> bool {
    let rest = reference.strip_prefix("refs/merge-requests/");
    rest.is_some_and(|rest| rest.ends_with("/merge") || rest.ends_with("/train"))
}

/// Whether GitLab started it for the merge request, by itself or because somebody asked for that. Nobody can
/// give such a pipeline variables.
fn is_of_merge_request(pipeline: &answers::Pipeline) -> bool {
    pipeline.source.as_deref() == Some("merge_request_event")
}

/// Whether a merge train tries something by it.
fn is_of_train(pipeline: &answers::Pipeline) -> bool {
    pipeline.reference.ends_with("/train")
}

/// Whether nothing of the pipeline will go on by itself.
fn has_ended(status: &str) -> bool {
    matches!(status, "success" | "failed" | "canceled" | "canceling" | "skipped")
}
