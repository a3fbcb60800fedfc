//! Workflows, their runs, jobs and artifacts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::Timestamp;
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Job, Pipeline, Project, Rerun, Role, State, WorkflowState};

use super::paging::named;
use super::{Answer, api_of, missing, number, required, runs, storage, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", ["runs"]) => list(state, call, project, None),
        (_, ["runs", id, below @ ..]) => {
            let id = number(id)?;
            state.project(project)?.pipelines.get(&id).ok_or_else(missing)?;
            run(state, call, project, by, id, below)
        }
        (method, ["jobs", id, below @ ..]) => {
            let id = number(id)?;
            let place = state.project(project)?;
            let one = place.job(id).map_err(|_error| missing())?;
            if !place.pipelines.get(&one.pipeline).is_some_and(|run| runs::is_there(place, run, one)) {
                return Err(missing());
            }
            match (method, below) {
                ("GET", []) => Ok(Reply::json(200, &runs::job(state, place, one))),
                ("GET", ["logs"]) => {
                    // There is no log before the end, and none of what never began.
                    if !one.state.is_final() || one.started_at.is_none() {
                        return Err(missing());
                    }
                    Ok(storage::redirect(state, &format!("logs/{project}/{id}")))
                }
                ("POST", ["rerun"]) => {
                    state.rerun_job(project, by, id)?;
                    Ok(Reply::json(201, &json!({})))
                }
                _ => unknown(),
            }
        }
        ("GET", ["artifacts"]) => {
            let place = state.project(project)?;
            let all = place.pipelines.values().rev().flat_map(|run| artifacts(state, place, run));
            Ok(named(state, call, "artifacts", wanted(call, all.collect())))
        }
        (method, ["artifacts", id, below @ ..]) => artifact(state, method, project, number(id)?, below),
        ("GET", ["workflows"]) => {
            let all = workflows(state, project)?;
            let place = state.project(project)?;
            let shown = all.iter().map(|(path, name)| runs::workflow(state, place, path, name));
            Ok(named(state, call, "workflows", shown.collect()))
        }
        (method, ["workflows", key, below @ ..]) => {
            let all = workflows(state, project)?;
            let place = state.project(project)?;
            let own = |path: &&String| {
                path.rsplit('/').next() == Some(*key)
                    || place.workflows.get(*path).map(u64::to_string).as_deref() == Some(*key)
            };
            let path = all.keys().find(own).ok_or_else(missing)?.clone();
            let name = all.get(&path).cloned().unwrap_or_default();
            match (method, below) {
                ("GET", []) => Ok(Reply::json(200, &runs::workflow(state, place, &path, &name))),
                ("GET", ["runs"]) => list(state, call, project, Some(&path)),
                ("POST", ["dispatches"]) => dispatch(state, call, project, by, &path),
                ("PUT", ["enable"]) => {
                    state.require(project, by, Role::Developer)?;
                    state.project_mut(project)?.workflow_states.remove(&path);
                    Ok(Reply::empty(204))
                }
                _ => unknown(),
            }
        }
        _ => unknown(),
    }
}

/// Workflows of the default branch, and those that ever ran: path and name.
fn workflows(state: &mut State, project: u64) -> Result<BTreeMap<String, String>, Refusal> {
    let place = state.project(project)?;
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for run in place.pipelines.values() {
        all.extend(run.workflow.clone().map(|path| (path, run.name.clone())));
    }
    if let Some(at) = place.git.branch(&place.default_branch)
        && let Ok(files) = place.git.tree(".github/workflows", &at, false)
    {
        for file in files.into_iter().filter(|file| file.kind == "blob") {
            all.entry(file.path.clone()).or_insert(file.path);
        }
    }
    for path in all.keys() {
        state.workflow_number(project, path)?;
    }
    Ok(all)
}

fn run(state: &mut State, call: &Call, project: u64, by: u64, id: u64, rest: &[&str]) -> Answer {
    let place = state.project(project)?;
    let one = place.pipelines.get(&id).ok_or_else(missing)?;
    match (call.method.as_str(), rest) {
        ("GET", [] | ["attempts", _]) => Ok(Reply::json(200, &runs::run(state, place, one))),
        ("GET", ["jobs"]) => {
            let all = call.text("filter").as_deref() == Some("all");
            jobs(state, call, place, one, |job| all || !job.retried)
        }
        ("GET", ["attempts", attempt, "jobs"]) => {
            let attempt = number(attempt)?;
            jobs(state, call, place, one, |job| u64::from(job.attempt) == attempt)
        }
        ("GET", ["artifacts"]) => {
            let all = artifacts(state, place, one);
            Ok(named(state, call, "artifacts", wanted(call, all)))
        }
        ("POST", ["rerun"]) => {
            state.rerun(project, by, id, Rerun::All)?;
            Ok(Reply::json(201, &json!({})))
        }
        ("POST", ["rerun-failed-jobs"]) => {
            state.rerun(project, by, id, Rerun::Failed)?;
            Ok(Reply::json(201, &json!({})))
        }
        ("POST", ["cancel" | "force-cancel"]) => {
            state.cancel_pipeline(project, by, id)?;
            Ok(Reply::json(202, &json!({})))
        }
        ("POST", ["approve"]) => {
            state.approve_run(project, by, id)?;
            Ok(Reply::json(201, &json!({})))
        }
        _ => unknown(),
    }
}

fn jobs(state: &State, call: &Call, place: &Project, run: &Pipeline, fits: impl Fn(&Job) -> bool) -> Answer {
    let own = place.jobs.values().filter(|job| job.pipeline == run.id);
    let shown = own.filter(|job| runs::is_there(place, run, job) && fits(job));
    Ok(named(state, call, "jobs", shown.map(|job| runs::job(state, place, job)).collect()))
}

fn list(state: &State, call: &Call, project: u64, workflow: Option<&str>) -> Answer {
    let place = state.project(project)?;
    let asked = ["head_sha", "event", "branch"].map(|name| call.text(name));
    let (word, created) = (call.text("status"), call.text("created"));
    let fits = |run: &&Pipeline| {
        let has = [run.sha.as_str(), runs::event(run), &run.reference];
        let equal = asked.iter().zip(has).all(|(want, has)| want.as_ref().is_none_or(|want| want == has));
        let (status, conclusion) = runs::standing(place, run);
        equal
            && run.workflow.is_some()
            && state.is_listed(run)
            && workflow.is_none_or(|path| run.workflow.as_deref() == Some(path))
            && word.as_deref().is_none_or(|word| word == status || Some(word) == conclusion)
            && created.as_ref().is_none_or(|range| is_within(run.created_at, range))
    };
    let found = place.pipelines.values().rev().filter(fits);
    Ok(named(state, call, "workflow_runs", found.map(|run| runs::run(state, place, run)).collect()))
}

/// Whether a time is in a range as searches write it: `>=A`, `<=A`, `>A`, `<A`, `A..B` or `A`.
fn is_within(at: Timestamp, range: &str) -> bool {
    // Times have no parts of a second there.
    let second = |time: Timestamp| time.0.div_euclid(1000);
    let parse = |text: &str| {
        let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
        Timestamp::parse(&whole).map(second)
    };
    let at = second(at);
    let holds = |text: &str, judge: fn(i64, i64) -> bool| parse(text).is_some_and(|end| judge(at, end));
    if let Some(text) = range.strip_prefix(">=") {
        holds(text, |at, end| at >= end)
    } else if let Some(text) = range.strip_prefix("<=") {
        holds(text, |at, end| at <= end)
    } else if let Some(text) = range.strip_prefix('>') {
        holds(text, |at, end| at > end)
    } else if let Some(text) = range.strip_prefix('<') {
        holds(text, |at, end| at < end)
    } else if let Some((from, to)) = range.split_once("..") {
        (from == "*" || holds(from, |at, end| at >= end)) && (to == "*" || holds(to, |at, end| at <= end))
    } else {
        holds(range, |at, end| at == end)
    }
}

fn dispatch(state: &mut State, call: &Call, project: u64, by: u64, path: &str) -> Answer {
    let reference = required(call, "ref")?;
    let clock = state.project(project)?.workflow_states.get(path).copied().unwrap_or_default();
    if clock != WorkflowState::Active {
        let text = "Cannot trigger a 'workflow_dispatch' on a disabled workflow";
        return Err(Refusal::Unprocessable(text.to_owned()));
    }
    let details = call.value("return_run_details");
    if details.is_some() && state.enterprise {
        let text = "Invalid request.\n\n\"return_run_details\" is not a permitted key.";
        return Err(Refusal::Unprocessable(text.to_owned()));
    }
    let mut inputs = BTreeMap::new();
    if let Some(Value::Object(given)) = call.value("inputs") {
        for (name, value) in given {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            inputs.insert(name, text);
        }
    }
    let id = state.dispatch(project, by, path, &reference, inputs)?;
    if details != Some(Value::Bool(true)) {
        return Ok(Reply::empty(204));
    }
    let place = state.project(project)?;
    let told = json!({
        "workflow_run_id": id,
        "run_url": format!("{}/actions/runs/{id}", api_of(state, place)),
        "html_url": format!("{}/actions/runs/{id}", state.project_url(place)),
    });
    Ok(Reply::json(200, &told))
}

fn artifacts(state: &State, place: &Project, run: &Pipeline) -> Vec<Value> {
    run.upload_ids.iter().map(|(name, id)| runs::artifact(state, place, run, name, *id)).collect()
}

fn wanted(call: &Call, all: Vec<Value>) -> Vec<Value> {
    let Some(name) = call.text("name") else { return all };
    all.into_iter().filter(|one| one.get("name").and_then(Value::as_str) == Some(&name)).collect()
}

fn artifact(state: &State, method: &str, project: u64, id: u64, rest: &[&str]) -> Answer {
    let place = state.project(project)?;
    let mut all = place.pipelines.values().flat_map(|run| run.upload_ids.iter().map(move |one| (run, one)));
    let (run, (name, id)) = all.find(|(_run, (_name, known))| **known == id).ok_or_else(missing)?;
    match (method, rest) {
        ("GET", []) => Ok(Reply::json(200, &runs::artifact(state, place, run, name, *id))),
        ("GET", ["zip"]) if run.uploads.contains_key(name) => {
            Ok(storage::redirect(state, &format!("artifacts/{project}/{id}")))
        }
        ("GET", ["zip"]) => Ok(super::error(410, "Artifact has expired")),
        _ => unknown(),
    }
}
