//! Pipelines, jobs and commit statuses.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::archive;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{CommitStatus, Job, NewStatus, Pipeline, PipelineSource, State};

use super::paging::page;
use super::{Answer, missing, number, required, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("POST", ["statuses", sha]) => {
            let new = new_status(call, sha)?;
            let put = state.set_status(project, by, new)?;
            Ok(Reply::json(201, &status(state, project, &put)))
        }
        ("POST", ["pipeline"]) => {
            let id = state.start_pipeline(project, by, &required(call, "ref")?, given(call)?)?;
            one_pipeline(state, project, id, 201)
        }
        ("GET", ["pipelines"]) => list(state, call, project),
        ("GET", ["pipelines", id]) => one_pipeline(state, project, number(id)?, 200),
        ("POST", ["pipelines", id, "cancel"]) => {
            let id = number(id)?;
            state.cancel_pipeline(project, by, id)?;
            one_pipeline(state, project, id, 200)
        }
        ("GET", ["pipelines", id, "variables"]) => {
            let run = state.project(project)?.pipeline(number(id)?)?;
            // Of what its schedule told it GitLab says nothing here.
            let own = run.variables.iter().filter(|_| run.source != PipelineSource::Schedule);
            let shown = own.map(
                |(key, value)| json!({"key": key, "value": value, "variable_type": "env_var", "raw": false}),
            );
            Ok(Reply::json(200, &Value::Array(shown.collect())))
        }
        ("GET", ["pipelines", id, "jobs"]) => jobs(state, call, project, number(id)?),
        (method, ["jobs", id, below @ ..]) => {
            let id = number(id)?;
            state.project(project)?.job(id)?;
            job(state, method, project, by, id, below)
        }
        _ => unknown(),
    }
}

fn job(state: &mut State, method: &str, project: u64, by: u64, id: u64, rest: &[&str]) -> Answer {
    let shown = |state: &State, id: u64, status: u16| {
        let place = state.project(project)?;
        Ok(Reply::json(status, &shape::job(state, place, place.job(id)?)))
    };
    match (method, rest) {
        ("GET", []) => shown(state, id, 200),
        ("GET", ["trace"]) => {
            let log = state.project(project)?.job(id)?.log.clone();
            Ok(Reply::of(200, "text/plain; charset=utf-8", log))
        }
        ("GET", ["artifacts", path @ ..]) => {
            let place = state.project(project)?;
            let zip = place.job(id)?.artifacts.as_ref().ok_or_else(|| missing(""))?;
            if path.is_empty() {
                let named = "attachment; filename=\"artifacts.zip\"";
                return Ok(Reply::of(200, "application/zip", zip.clone()).with("content-disposition", named));
            }
            let content = archive::entry(zip, &path.join("/")).ok_or_else(|| missing("File"))?;
            Ok(Reply::of(200, "application/octet-stream", content))
        }
        ("POST", ["retry"]) => {
            let new = state.retry_job(project, by, id)?;
            shown(state, new, 201)
        }
        ("POST", ["play"]) => {
            state.play_job(project, by, id)?;
            shown(state, id, 200)
        }
        _ => unknown(),
    }
}

fn one_pipeline(state: &State, project: u64, id: u64, status: u16) -> Answer {
    let place = state.project(project)?;
    Ok(Reply::json(status, &shape::pipeline(state, place, place.pipeline(id)?)))
}

fn list(state: &State, call: &Call, project: u64) -> Answer {
    let place = state.project(project)?;
    let wanted = ["sha", "ref", "source", "status"].map(|name| call.text(name));
    let after = call.text("updated_after").and_then(|text| crate::domain::Timestamp::parse(&text));
    let fits = |run: &&Pipeline| {
        let has = [
            run.sha.to_string(),
            run.reference.clone(),
            run.source.word().to_owned(),
            place.pipeline_state(run).word().to_owned(),
        ];
        let equal = wanted.iter().zip(&has).all(|(want, has)| want.as_ref().is_none_or(|want| want == has));
        equal && state.is_listed(run) && after.is_none_or(|after| run.updated_at >= after)
    };
    let mut found: Vec<&Pipeline> = place.pipelines.values().filter(fits).collect();
    if call.text("sort").as_deref() != Some("asc") {
        found.reverse();
    }
    Ok(page(state, call, found.into_iter().map(|run| shape::pipeline(state, place, run)).collect()))
}

fn jobs(state: &State, call: &Call, project: u64, id: u64) -> Answer {
    let place = state.project(project)?;
    place.pipeline(id)?;
    let (with_retried, scope) = (call.flag("include_retried"), call.words("scope[]").or(call.words("scope")));
    let fits = |job: &&Job| {
        job.pipeline == id
            && (with_retried || !job.retried)
            && scope.as_ref().is_none_or(|words| words.iter().any(|word| word == job.state.word()))
    };
    let newest_first = place.jobs.values().rev().filter(fits);
    Ok(page(state, call, newest_first.map(|job| shape::job(state, place, job)).collect()))
}

fn new_status(call: &Call, sha: &str) -> Result<NewStatus, Refusal> {
    let description = call.text("description");
    if description.as_ref().is_some_and(|text| text.chars().count() > 255) {
        return Err(Refusal::Invalid("description is too long (maximum is 255 characters)".to_owned()));
    }
    Ok(NewStatus {
        sha: sha.to_owned(),
        name: call.text("name").or_else(|| call.text("context")).unwrap_or_else(|| "default".to_owned()),
        state: required(call, "state")?,
        reference: call.text("ref"),
        description,
        target_url: call.text("target_url"),
        pipeline: call.number("pipeline_id"),
    })
}

pub(super) fn status(state: &State, project: u64, one: &CommitStatus) -> Value {
    let reference = state.project(project).ok().and_then(|place| place.pipelines.get(&one.pipeline?));
    json!({
        "id": one.id,
        "sha": one.sha,
        "ref": reference.map(|run| &run.reference),
        "status": one.state,
        "name": one.name,
        "target_url": one.target_url,
        "description": one.description,
        "created_at": shape::time(one.at),
        "started_at": null,
        "finished_at": null,
        "allow_failure": false,
        "coverage": null,
        "pipeline_id": one.pipeline,
        "author": shape::user_of(state, one.by),
    })
}

/// `variables` as a list of `{key, value}`.
fn given(call: &Call) -> Result<BTreeMap<String, String>, Refusal> {
    let Some(value) = call.value("variables") else { return Ok(BTreeMap::new()) };
    let wrong = || Refusal::Invalid("variables is invalid".to_owned());
    let items = value.as_array().ok_or_else(wrong)?;
    let pair = |item: &Value| {
        let text = |name| item.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(wrong);
        Ok((text("key")?, text("value")?))
    };
    items.iter().map(pair).collect()
}
