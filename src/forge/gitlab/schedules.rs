//! Pipeline schedules: they are no YAML at GitLab, and we keep them; and whether one of them ran.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{self, time};
use super::{GitLab, project};
use crate::domain::{
    FoundSchedule, JobStatus, ModelName, RepoId, RunId, ScheduleStep, ScheduleWish, Timestamp, UserId,
    is_schedule_key,
};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{Forge as _, ForgeError, Scheduler};

const LIST: Operation = Operation {
    name: "schedules",
    does: "list the pipeline schedules",
    needs: "the scope `api` and at least Developer",
};
const READ: Operation = Operation {
    name: "schedule",
    does: "read the pipeline schedule",
    needs: "the scope `api` and at least Developer",
};
const WRITE: Operation = Operation {
    name: "change_schedule",
    does: "keep the pipeline schedule",
    needs: "Developer and, for a protected branch, the right to merge or push there",
};
const TAKE_OVER: Operation =
    Operation { name: "take_over_schedule", does: "take the pipeline schedule over", needs: "Maintainer" };
const RAN: Operation = Operation {
    name: "ran",
    does: "look for a pipeline of the schedule",
    needs: "the scope `api` and at least Reporter",
};

/// What starts the job of a schedule: its clock (or somebody who plays it), we, and people by hand.
const SOURCES: [&str; 4] = ["schedule", "api", "web", "trigger"];

#[derive(Debug, Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    description: String,
    #[serde(default, rename = "ref")]
    reference: String,
    #[serde(default)]
    cron: String,
    #[serde(default)]
    cron_timezone: String,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    owner: Option<answers::User>,
    /// Lists leave them out, and so does GitLab for who may not change the schedule.
    #[serde(default)]
    variables: Option<Vec<answers::Variable>>,
}

#[async_trait]
impl Scheduler for GitLab {
    fn keeps_schedules(&self) -> bool {
        true
    }

    async fn schedules(&self, repo: RepoId, known: &BTreeSet<u64>) -> Result<Vec<FoundSchedule>, ForgeError> {
        let us = self.whoami().await?.id;
        let listed: Vec<Listed> = self.http.list(&LIST, &project(repo, "/pipeline_schedules")).await?;
        let mut all = Vec::new();
        for one in listed {
            let own = one.owner.as_ref().is_some_and(|owner| owner.id == us.0);
            let ours = known.contains(&one.id) || (own && is_schedule_key(&one.description));
            let found = if ours { self.read_schedule(repo, one).await? } else { Some(one) };
            all.extend(found.map(FoundSchedule::from));
        }
        Ok(all)
    }

    async fn change_schedule(&self, repo: RepoId, step: &ScheduleStep) -> Result<(), ForgeError> {
        match step {
            ScheduleStep::Create(wish) => {
                let path = project(repo, "/pipeline_schedules");
                let (_, made): (_, answers::Numbered) =
                    self.http.write(&WRITE, Method::POST, &path, Payload::Json(body(wish))).await?;
                // One that has not all of them yet starts no job.
                for (name, value) in wish.variables() {
                    self.tell(repo, made.id, &name, &value).await?;
                }
                Ok(())
            }
            ScheduleStep::TakeOver(id) => {
                let path = schedule(repo, *id, "/take_ownership");
                self.send(&TAKE_OVER, Method::POST, &path, Payload::Nothing).await
            }
            ScheduleStep::Change(id, wish) => {
                self.send(&WRITE, Method::PUT, &schedule(repo, *id, ""), Payload::Json(body(wish))).await
            }
            ScheduleStep::Tell(id, name, value, false) => self.tell(repo, *id, name, value).await,
            ScheduleStep::Tell(id, name, value, true) => {
                let path = schedule(repo, *id, &format!("/variables/{}", segment(name)));
                let body = json!({ "value": value, "variable_type": "env_var" });
                self.send(&WRITE, Method::PUT, &path, Payload::Json(body)).await
            }
            ScheduleStep::Forget(id, name) => {
                let path = schedule(repo, *id, &format!("/variables/{}", segment(name)));
                self.gone(&path).await
            }
            ScheduleStep::Remove(id) => self.gone(&schedule(repo, *id, "")).await,
        }
    }

    /// By its job it is known, whatever started it: of a schedule's pipeline GitLab does not tell the variables.
    async fn ran(
        &self,
        repo: RepoId,
        branch: &str,
        (model, name): (&ModelName, &str),
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError> {
        let older = |pipeline: &answers::Pipeline| time(pipeline.created_at.as_deref()) < since;
        let reached = |page: &[answers::Pipeline]| page.iter().any(older);
        for source in SOURCES {
            let rest = format!(
                "/pipelines?ref={}&source={source}&order_by=id&sort=desc&per_page=50",
                segment(branch)
            );
            let found: Vec<answers::Pipeline> =
                self.http.list_until(&RAN, &project(repo, &rest), reached).await?;
            for pipeline in found.into_iter().filter(|pipeline| !older(pipeline)) {
                let run = RunId(pipeline.id);
                let jobs = self.jobs(repo, run).await?;
                let ours = jobs.iter().any(|job| {
                    job.model.as_ref() == Some(model) && job.task == name && job.status != JobStatus::Skipped
                });
                if ours {
                    return Ok(Some(run));
                }
            }
        }
        Ok(None)
    }
}

impl GitLab {
    /// None where somebody removed it a moment ago.
    async fn read_schedule(&self, repo: RepoId, listed: Listed) -> Result<Option<Listed>, Failure> {
        match self.http.get(&READ, &schedule(repo, listed.id, "")).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.is(404) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn tell(&self, repo: RepoId, id: u64, name: &str, value: &str) -> Result<(), ForgeError> {
        let body = json!({ "key": name, "value": value, "variable_type": "env_var" });
        self.send(&WRITE, Method::POST, &schedule(repo, id, "/variables"), Payload::Json(body)).await
    }

    async fn send(
        &self,
        operation: &Operation,
        method: Method,
        path: &str,
        payload: Payload,
    ) -> Result<(), ForgeError> {
        self.http.write_only(operation, method, path, payload).await?;
        Ok(())
    }

    async fn gone(&self, path: &str) -> Result<(), ForgeError> {
        match self.http.write_only(&WRITE, Method::DELETE, path, Payload::Nothing).await {
            Err(failure) if failure.is(404) && !failure.says("project not found") => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }
}

fn schedule(repo: RepoId, id: u64, rest: &str) -> String {
    project(repo, &format!("/pipeline_schedules/{id}{rest}"))
}

fn body(wish: &ScheduleWish) -> Value {
    json!({
        "description": wish.key(), "ref": wish.branch, "cron": wish.cron, "cron_timezone": wish.timezone,
        "active": true,
    })
}

impl From<Listed> for FoundSchedule {
    fn from(found: Listed) -> Self {
        // Newer servers write out the whole reference.
        let branch = found.reference.strip_prefix("refs/heads/").map(str::to_owned);
        let told = |all: Vec<answers::Variable>| -> BTreeMap<String, String> {
            all.into_iter().map(|one| (one.key, one.value.unwrap_or_default())).collect()
        };
        Self {
            id: found.id,
            description: found.description,
            branch: branch.unwrap_or(found.reference),
            cron: found.cron,
            timezone: found.cron_timezone,
            active: found.active,
            owner: found.owner.map(|owner| UserId(owner.id)),
            variables: found.variables.map(told),
        }
    }
}
