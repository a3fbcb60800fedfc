//! GitHub's JSON for workflow runs, their jobs and artifacts.

use serde_json::{Value, json};

use crate::domain::Timestamp;
use crate::sandbox::world::{Job, JobState, Pipeline, PipelineSource, PipelineState, Project, State};

use super::shape::{self, maybe, node, time};
use super::{api_of, code};

/// Artifacts are kept so long.
const KEPT: i64 = 14 * 24 * 3_600_000;

/// GitHub's word for what started a run.
pub(super) const fn event(run: &Pipeline) -> &'static str {
    match run.source {
        PipelineSource::MergeRequest => "pull_request",
        PipelineSource::Api => "workflow_dispatch",
        PipelineSource::Schedule => "schedule",
        _ => "push",
    }
}

/// `status` and `conclusion` of a run.
pub(super) fn standing(place: &Project, run: &Pipeline) -> (&'static str, Option<&'static str>) {
    if run.held {
        return ("pending", None);
    }
    if run.error.is_some() {
        return ("completed", Some("startup_failure"));
    }
    match place.pipeline_state(run) {
        PipelineState::Pending => ("queued", None),
        PipelineState::Running => ("in_progress", None),
        PipelineState::Success => ("completed", Some("success")),
        PipelineState::Failed => ("completed", Some("failure")),
        PipelineState::Canceled => ("completed", Some("cancelled")),
        PipelineState::Manual => ("completed", Some("action_required")),
        PipelineState::Skipped => ("completed", Some("skipped")),
    }
}

pub(super) fn run(state: &State, place: &Project, one: &Pipeline) -> Value {
    let (api, page) = (api_of(state, place), state.project_url(place));
    let url = format!("{api}/actions/runs/{}", one.id);
    let (status, conclusion) = standing(place, one);
    let path = one.workflow.as_deref().unwrap_or_default();
    let workflow = place.workflows.get(path).copied().unwrap_or_default();
    let commit = place.git.commit_named(&one.sha).ok();
    let head_commit = commit.map(|commit| {
        let signed = json!({"name": commit.author_name, "email": commit.author_email});
        json!({
            "id": commit.sha,
            "tree_id": code::tree_of(place, &commit.sha),
            "message": commit.message,
            "timestamp": time(commit.at),
            "author": signed,
            "committer": signed,
        })
    });
    let from = one.merge_request.and_then(|number| place.merge_requests.get(&number));
    let from = from.map_or(place.id, |pull| pull.source_project);
    let head_repository = state.projects.get(&from).map(|from| shape::repository(state, from));
    json!({
        "id": one.id,
        "name": one.name,
        "node_id": node("WFR", one.id),
        "head_branch": one.reference,
        "head_sha": one.sha,
        "path": path,
        "display_title": one.title,
        "run_number": one.number,
        "run_attempt": one.attempt,
        "event": event(one),
        "status": status,
        "conclusion": conclusion,
        "workflow_id": workflow,
        "check_suite_id": one.id,
        "check_suite_node_id": node("CS", one.id),
        "url": url,
        "html_url": format!("{page}/actions/runs/{}", one.id),
        "pull_requests": pulls(state, place, one),
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "run_started_at": time(one.began_at),
        "actor": shape::user_of(state, one.by),
        "triggering_actor": shape::user_of(state, one.by),
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "check_suite_url": format!("{api}/check-suites/{}", one.id),
        "artifacts_url": format!("{url}/artifacts"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "previous_attempt_url": (one.attempt > 1).then(|| format!("{url}/attempts/{}", one.attempt - 1)),
        "workflow_url": format!("{api}/actions/workflows/{workflow}"),
        "head_commit": head_commit,
        "repository": shape::repository(state, place),
        "head_repository": head_repository,
        "referenced_workflows": [],
    })
}

/// The pull requests that a run is for, in the few words that runs have for them; none for a fork's.
fn pulls(state: &State, place: &Project, run: &Pipeline) -> Vec<Value> {
    let api = api_of(state, place);
    let repo = json!({"id": place.id, "url": api, "name": place.name()});
    let own = run.merge_request.and_then(|number| place.merge_requests.get(&number));
    let shown = own.filter(|one| one.is_open() && one.source_project == place.id).map(|one| {
        json!({
            "url": format!("{api}/pulls/{}", one.number),
            "id": one.id,
            "number": one.number,
            "head": {"ref": one.source_branch, "sha": one.head, "repo": repo},
            "base": {"ref": one.target_branch, "sha": place.git.branch(&one.target_branch), "repo": repo},
        })
    });
    shown.into_iter().collect()
}

pub(super) fn workflow(state: &State, place: &Project, path: &str, name: &str) -> Value {
    let id = place.workflows.get(path).copied().unwrap_or_default();
    let page = state.project_url(place);
    json!({
        "id": id,
        "node_id": node("W", id),
        "name": name,
        "path": path,
        "state": place.workflow_states.get(path).copied().unwrap_or_default().word(),
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
        "url": format!("{}/actions/workflows/{id}", api_of(state, place)),
        "html_url": format!("{page}/blob/{}/{path}", place.default_branch),
        "badge_url": format!("{page}/workflows/{name}/badge.svg"),
    })
}

/// `status` and `conclusion` of a job.
pub(super) fn of_job(job: &Job) -> (&'static str, Option<&'static str>) {
    match &job.state {
        JobState::Created => ("pending", None),
        JobState::Pending => ("queued", None),
        JobState::Manual => ("waiting", None),
        JobState::Running => ("in_progress", None),
        JobState::Success => ("completed", Some("success")),
        JobState::Failed(why) if why == "job_execution_timeout" => ("completed", Some("timed_out")),
        JobState::Failed(_) => ("completed", Some("failure")),
        JobState::Canceled => ("completed", Some("cancelled")),
        JobState::Skipped => ("completed", Some("skipped")),
    }
}

/// Whether the forge has made the job yet: it does so when what the job needs has ended.
pub(super) fn is_there(place: &Project, run: &Pipeline, job: &Job) -> bool {
    let made = job.state != JobState::Created || place.is_kept_waiting(job);
    !run.awaits_approval && !run.held && made
}

pub(super) fn job(state: &State, place: &Project, one: &Job) -> Value {
    let (api, page) = (api_of(state, place), state.project_url(place));
    let run = place.pipelines.get(&one.pipeline);
    let (status, conclusion) = of_job(one);
    // A runner that never began, or was lost, leaves no steps and no name.
    let lost = matches!(&one.state, JobState::Failed(why) if why != "script_failure" && why != "job_execution_timeout");
    let ran = one.started_at.is_some() && !lost;
    let steps = if ran { steps(one, conclusion) } else { Vec::new() };
    json!({
        "id": one.id,
        "run_id": one.pipeline,
        "workflow_name": run.map(|run| &run.name),
        "head_branch": run.map(|run| &run.reference),
        "run_url": format!("{api}/actions/runs/{}", one.pipeline),
        "run_attempt": one.attempt,
        "node_id": node("CR", one.id),
        "head_sha": run.map(|run| &run.sha),
        "url": format!("{api}/actions/jobs/{}", one.id),
        "html_url": job_page(&page, one),
        "status": status,
        "conclusion": conclusion,
        "created_at": time(one.created_at),
        "started_at": time(one.started_at.unwrap_or(one.created_at)),
        "completed_at": maybe(one.finished_at),
        "name": one.name,
        "steps": steps,
        "check_run_url": format!("{api}/check-runs/{}", one.id),
        "labels": one.plan.tags,
        "runner_id": if ran { Some(1) } else if lost { Some(0) } else { None },
        "runner_name": if ran { Some("sandbox") } else if lost { Some("") } else { None },
        "runner_group_id": ran.then_some(1),
        "runner_group_name": ran.then_some("Default"),
    })
}

/// A job's page for people.
pub(super) fn job_page(page: &str, one: &Job) -> String {
    format!("{page}/actions/runs/{}/job/{}", one.pipeline, one.id)
}

/// What the forge does before and after, and the job's own work between.
fn steps(one: &Job, conclusion: Option<&str>) -> Vec<Value> {
    let step = |number: u32, name: &str, conclusion: Option<&str>, end: Option<Timestamp>| {
        json!({
            "name": name,
            "status": if conclusion.is_some() { "completed" } else { "in_progress" },
            "conclusion": conclusion,
            "number": number,
            "started_at": maybe(one.started_at),
            "completed_at": maybe(end),
        })
    };
    // A step that took too long was ended like one that somebody cancelled.
    let own = if conclusion == Some("timed_out") { Some("cancelled") } else { conclusion };
    let mut all = vec![
        step(1, "Set up job", Some("success"), one.started_at),
        step(2, &format!("Run {}", one.name), own, one.finished_at),
    ];
    if conclusion.is_some() {
        all.push(step(3, "Complete job", Some("success"), one.finished_at));
    }
    all
}

/// An artifact: of a run, under a name; gone when its archive is.
pub(super) fn artifact(state: &State, place: &Project, run: &Pipeline, name: &str, id: u64) -> Value {
    let url = format!("{}/actions/artifacts/{id}", api_of(state, place));
    let zip = run.uploads.get(name);
    json!({
        "id": id,
        "node_id": node("A", id),
        "name": name,
        "size_in_bytes": zip.map_or(0, Vec::len),
        "url": url,
        "archive_download_url": format!("{url}/zip"),
        "expired": zip.is_none(),
        "digest": zip.map(|zip| format!("sha256:{}", crate::domain::Digest::of(zip).hex())),
        "created_at": time(run.updated_at),
        "updated_at": time(run.updated_at),
        "expires_at": time(Timestamp(run.created_at.0.saturating_add(KEPT))),
        "workflow_run": {
            "id": run.id,
            "repository_id": place.id,
            "head_repository_id": place.id,
            "head_branch": run.reference,
            "head_sha": run.sha,
        },
    })
}
