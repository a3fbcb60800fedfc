//! Deployments, their statuses, and environments, read only: jobs make them.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Deployment, DeploymentState, Environment, Project, State};

use super::paging::{encode, named, page};
use super::{Answer, api_of, missing, number, runs, shape, unknown};

pub(super) fn route(state: &State, call: &Call, project: u64, rest: &[&str]) -> Answer {
    let place = state.project(project)?;
    if call.method != "GET" {
        return unknown();
    }
    match rest {
        ["deployments"] => {
            let asked = ["environment", "sha", "ref"].map(|name| call.text(name));
            let fits = |one: &&Deployment| {
                let has = [one.environment.as_str(), one.sha.as_str(), &one.reference];
                asked.iter().zip(has).all(|(want, has)| want.as_ref().is_none_or(|want| want == has))
            };
            let found = place.deployments.values().rev().filter(fits);
            Ok(page(state, call, found.map(|one| deployment(state, place, one)).collect()))
        }
        ["deployments", id, below @ ..] => {
            let one = place.deployments.get(&number(id)?).ok_or_else(missing)?;
            match below {
                [] => Ok(Reply::json(200, &deployment(state, place, one))),
                ["statuses"] => Ok(page(state, call, statuses(state, place, one))),
                _ => unknown(),
            }
        }
        ["environments"] => {
            let mut all: Vec<&Environment> = place.environments.values().collect();
            all.sort_by_key(|one| one.id);
            let shown = all.into_iter().map(|one| environment(state, place, one));
            Ok(named(state, call, "environments", shown.collect()))
        }
        ["environments", name @ ..] => {
            let one = place.environments.get(&name.join("/")).ok_or_else(missing)?;
            Ok(Reply::json(200, &environment(state, place, one)))
        }
        _ => unknown(),
    }
}

pub(super) fn deployment(state: &State, place: &Project, one: &Deployment) -> Value {
    let api = api_of(state, place);
    let url = format!("{api}/deployments/{}", one.id);
    json!({
        "id": one.id,
        "node_id": shape::node("DE", one.id),
        "url": url,
        "sha": one.sha,
        "ref": one.reference,
        "task": "deploy",
        "payload": {},
        "original_environment": one.environment,
        "environment": one.environment,
        "description": null,
        "creator": shape::user_of(state, one.by),
        "created_at": shape::time(one.created_at()),
        "updated_at": shape::time(one.updated_at()),
        "statuses_url": format!("{url}/statuses"),
        "repository_url": api,
        "transient_environment": false,
        "production_environment": one.environment == "production",
        "performed_via_github_app": null,
    })
}

/// The newest first. One that went well becomes inactive when a later one does.
fn statuses(state: &State, place: &Project, one: &Deployment) -> Vec<Value> {
    let mut shown: Vec<Value> = Vec::new();
    for (at, _entry) in one.history.iter().enumerate() {
        shown.extend(status(state, place, one, at));
    }
    let later = place.deployments.values().find(|other| {
        other.id > one.id && other.environment == one.environment && other.state() == DeploymentState::Success
    });
    if let (Some(later), DeploymentState::Success) = (later, one.state())
        && let Some(Value::Object(mut fields)) = shown.last().cloned()
    {
        fields.insert("id".to_owned(), json!(one.id * 100 + 99));
        fields.insert("state".to_owned(), json!("inactive"));
        fields.insert("created_at".to_owned(), json!(shape::time(later.updated_at())));
        fields.insert("updated_at".to_owned(), json!(shape::time(later.updated_at())));
        shown.push(Value::Object(fields));
    }
    shown.reverse();
    shown
}

/// One entry of a deployment's history.
pub(super) fn status(state: &State, place: &Project, one: &Deployment, entry: usize) -> Option<Value> {
    let (standing, at) = one.history.get(entry)?;
    let word = match standing {
        DeploymentState::Created => "queued",
        DeploymentState::Running => "in_progress",
        DeploymentState::Success => "success",
        DeploymentState::Failed | DeploymentState::Canceled => "failure",
        DeploymentState::Skipped => "inactive",
    };
    let api = api_of(state, place);
    let url = format!("{api}/deployments/{}", one.id);
    let id = one.id.saturating_mul(100).saturating_add(u64::try_from(entry).unwrap_or_default());
    let page = place.jobs.get(&one.job).map(|job| runs::job_page(&state.project_url(place), job));
    Some(json!({
        "id": id,
        "node_id": shape::node("DES", id),
        "url": format!("{url}/statuses/{id}"),
        "state": word,
        "creator": shape::user_of(state, one.by),
        "description": "",
        "environment": one.environment,
        "environment_url": "",
        "target_url": page,
        "log_url": page,
        "created_at": shape::time(*at),
        "updated_at": shape::time(*at),
        "deployment_url": url,
        "repository_url": api,
        "performed_via_github_app": null,
    }))
}

fn environment(state: &State, place: &Project, one: &Environment) -> Value {
    let name = encode(&one.name);
    json!({
        "id": one.id,
        "node_id": shape::node("EN", one.id),
        "name": one.name,
        "url": format!("{}/environments/{name}", api_of(state, place)),
        "html_url": format!("{}/deployments/activity_log?environments_filter={name}", state.project_url(place)),
        "created_at": shape::time(one.created_at),
        "updated_at": shape::time(one.created_at),
        "can_admins_bypass": true,
        "protection_rules": [],
        "deployment_branch_policy": null,
    })
}
