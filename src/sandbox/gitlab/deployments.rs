//! Deployments and environments, read only: jobs make them.

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Deployment, DeploymentState, Environment, Project, State};

use super::paging::page;
use super::{Answer, hooks, number, shape, unknown};

pub(super) fn route(state: &State, call: &Call, project: u64, rest: &[&str]) -> Answer {
    let place = state.project(project)?;
    let missing = || Refusal::NotFound("404".to_owned());
    match (call.method.as_str(), rest) {
        ("GET", ["deployments"]) => list(state, call, place),
        ("GET", ["deployments", id]) => {
            let one = place.deployments.get(&number(id)?).ok_or_else(missing)?;
            Ok(Reply::json(200, &deployment(state, place, one)))
        }
        ("GET", ["environments"]) => {
            let wanted = (call.text("name"), call.text("search"));
            let fits = |one: &&Environment| {
                wanted.0.as_ref().is_none_or(|name| *name == one.name)
                    && wanted.1.as_ref().is_none_or(|part| one.name.contains(part))
            };
            let mut found: Vec<&Environment> = place.environments.values().filter(fits).collect();
            found.sort_by_key(|one| one.id);
            Ok(page(state, call, found.into_iter().map(environment).collect()))
        }
        ("GET", ["environments", id]) => {
            let id = number(id)?;
            let one = place.environments.values().find(|one| one.id == id).ok_or_else(missing)?;
            let mut shown = environment(one);
            let good =
                |it: &&Deployment| it.environment == one.name && it.state() == DeploymentState::Success;
            let last = place.deployments.values().rev().find(good);
            if let Value::Object(fields) = &mut shown {
                let last = last.map(|it| deployment(state, place, it));
                fields.insert("last_deployment".to_owned(), last.unwrap_or(Value::Null));
            }
            Ok(Reply::json(200, &shown))
        }
        _ => unknown(),
    }
}

fn list(state: &State, call: &Call, place: &Project) -> Answer {
    let (name, word) = (call.text("environment"), call.text("status"));
    let after = call.text("updated_after").and_then(|text| crate::domain::Timestamp::parse(&text));
    let fits = |one: &&Deployment| {
        name.as_ref().is_none_or(|name| *name == one.environment)
            && word.as_ref().is_none_or(|word| word == one.state().word())
            && after.is_none_or(|after| one.updated_at() >= after)
    };
    let mut found: Vec<&Deployment> = place.deployments.values().filter(fits).collect();
    match call.text("order_by").as_deref() {
        None | Some("id" | "iid" | "created_at") => {}
        Some("updated_at" | "finished_at") => found.sort_by_key(|one| (one.updated_at(), one.id)),
        Some("ref") => found.sort_by_key(|one| (one.reference.clone(), one.id)),
        Some(_) => return Err(Refusal::Invalid("order_by does not have a valid value".to_owned())),
    }
    // Without a wish the oldest comes first.
    if call.text("sort").as_deref() == Some("desc") {
        found.reverse();
    }
    Ok(page(state, call, found.into_iter().map(|one| deployment(state, place, one)).collect()))
}

fn environment(one: &Environment) -> Value {
    json!({
        "id": one.id,
        "name": one.name,
        "slug": one.name,
        "external_url": null,
        "state": "available",
        "tier": tier(&one.name),
        "created_at": shape::time(one.created_at),
        "updated_at": shape::time(one.created_at),
    })
}

fn tier(name: &str) -> &'static str {
    match name {
        "production" | "prod" | "live" => "production",
        "staging" | "stage" | "model" | "pre" | "demo" => "staging",
        "test" | "testing" | "qa" => "testing",
        "dev" | "development" | "review" => "development",
        _ => "other",
    }
}

fn deployment(state: &State, place: &Project, one: &Deployment) -> Value {
    let named = place.environments.get(&one.environment);
    json!({
        "id": one.id,
        "iid": one.number,
        "ref": one.reference,
        "sha": one.sha,
        "status": one.state().word(),
        "created_at": shape::time(one.created_at()),
        "updated_at": shape::time(one.updated_at()),
        "user": shape::user_of(state, one.by),
        "environment": named.map(|known| json!({
            "id": known.id, "name": known.name, "external_url": null,
        })),
        "deployable": place.jobs.get(&one.job).map(|job| shape::job(state, place, job)),
    })
}

/// The body of a `Deployment Hook`; none for states that the forge does not tell of.
pub(super) fn hook(state: &State, place: &Project, id: u64) -> Option<Value> {
    let one = place.deployments.get(&id)?;
    if matches!(one.state(), DeploymentState::Created | DeploymentState::Skipped) {
        return None;
    }
    let commit = place.git.commit_named(&one.sha).ok()?;
    let url = state.project_url(place);
    let person = state.people.get(&one.by)?;
    Some(json!({
        "object_kind": "deployment",
        "status": one.state().word(),
        "status_changed_at": hooks::time(one.updated_at()),
        "deployment_id": one.id,
        "deployable_id": one.job,
        "deployable_url": format!("{url}/-/jobs/{}", one.job),
        "environment": one.environment,
        "environment_tier": tier(&one.environment),
        "environment_slug": one.environment,
        "environment_external_url": null,
        "project": hooks::project(state, place),
        "short_sha": one.sha.short(),
        "user": hooks::user(state, one.by)?,
        "user_url": format!("{}/{}", state.url, person.login),
        "commit_url": format!("{url}/-/commit/{}", one.sha),
        "commit_title": commit.title(),
        "ref": one.reference,
    }))
}
