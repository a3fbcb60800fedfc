//! A repository itself: its settings, its people, its labels, its hooks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Hook, Log, NewHook, Project, Role, State, Subscriptions};

use super::paging::page;
use super::{Answer, api_of, deliveries, missing, number, required, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(Reply::json(200, &own(state, state.project(project)?, by))),
        ("GET", ["collaborators"]) => {
            let members = state.project(project)?.members.iter();
            let shown = members.map(|(id, role)| with_role(shape::user_of(state, *id), Some(*role)));
            Ok(page(state, call, shown.collect()))
        }
        ("GET", ["collaborators", login]) => {
            let person = state.named(login).map_err(|_unknown| missing())?.id;
            state.role(project, person).map(|_role| Reply::empty(204)).ok_or_else(missing)
        }
        ("GET", ["collaborators", login, "permission"]) => {
            let person = state.named(login).map_err(|_unknown| missing())?;
            let role = state.role(project, person.id);
            let everybody = if state.project(project)?.public { "read" } else { "none" };
            let (permission, name) = role.map_or((everybody, everybody), shape::role);
            let user = with_role(shape::user(state, person), role);
            Ok(Reply::json(200, &json!({"permission": permission, "role_name": name, "user": user})))
        }
        ("GET", ["labels"]) => {
            let place = state.project(project)?;
            let labels = place.labels.iter().map(|name| shape::label(state, place, name));
            Ok(page(state, call, labels.collect()))
        }
        ("POST", ["labels"]) => {
            state.require(project, by, Role::Developer)?;
            let name = required(call, "name")?;
            if !state.project_mut(project)?.labels.insert(name.clone()) {
                return Err(Refusal::Unprocessable("already_exists".to_owned()));
            }
            Ok(Reply::json(201, &shape::label(state, state.project(project)?, &name)))
        }
        ("GET", ["labels", name]) => {
            let place = state.project(project)?;
            let known = place.labels.get(*name).ok_or_else(missing)?;
            Ok(Reply::json(200, &shape::label(state, place, known)))
        }
        (method, ["hooks", below @ ..]) => {
            // Who may not manage hooks is not told that there are any.
            state.require(project, by, Role::Maintainer).map_err(|_refused| missing())?;
            hooks(state, call, project, by, method, below)
        }
        _ => unknown(),
    }
}

fn own(state: &State, place: &Project, by: u64) -> Value {
    let role = place.members.get(&by).copied();
    let mut shown = shape::repository(state, place);
    if let Value::Object(fields) = &mut shown {
        let methods = place.merge_methods;
        fields.extend([
            ("allow_merge_commit".to_owned(), json!(methods.merge)),
            ("allow_squash_merge".to_owned(), json!(methods.squash)),
            ("allow_rebase_merge".to_owned(), json!(methods.rebase)),
            ("allow_auto_merge".to_owned(), json!(false)),
            ("delete_branch_on_merge".to_owned(), json!(false)),
            ("permissions".to_owned(), permissions(role)),
        ]);
    }
    shown
}

fn permissions(role: Option<Role>) -> Value {
    let at_least = |least| role.is_some_and(|role| role >= least);
    json!({
        "admin": at_least(Role::Owner),
        "maintain": at_least(Role::Maintainer),
        "push": at_least(Role::Developer),
        "triage": at_least(Role::Reporter),
        "pull": at_least(Role::Guest),
    })
}

fn with_role(mut user: Value, role: Option<Role>) -> Value {
    if let Value::Object(fields) = &mut user {
        fields.insert("permissions".to_owned(), permissions(role));
        fields.insert("role_name".to_owned(), json!(role.map_or("none", |role| shape::role(role).1)));
    }
    user
}

fn hooks(state: &mut State, call: &Call, project: u64, by: u64, method: &str, rest: &[&str]) -> Answer {
    let place = state.project(project)?;
    match (method, rest) {
        ("GET", []) => {
            let all = place.hooks.values().map(|one| hook(state, place, one));
            Ok(page(state, call, all.collect()))
        }
        ("POST", []) => {
            let made = state.add_hook(project, by, new_hook(call)?)?;
            Ok(Reply::json(201, &hook(state, state.project(project)?, &made)))
        }
        (_, [id, "deliveries", below @ ..]) => {
            let one = place.hooks.get(&number(id)?).ok_or_else(missing)?.id;
            deliveries::route(state, call, Log::Hook(project, one), method, below)
        }
        ("GET", [id]) => {
            let one = place.hooks.get(&number(id)?).ok_or_else(missing)?;
            Ok(Reply::json(200, &hook(state, place, one)))
        }
        ("DELETE", [id]) => {
            let id = number(id)?;
            let removed = state.project_mut(project)?.hooks.remove(&id);
            removed.map(|_hook| Reply::empty(204)).ok_or_else(missing)
        }
        _ => unknown(),
    }
}

fn new_hook(call: &Call) -> Result<NewHook, Refusal> {
    let config = call.value("config").unwrap_or_default();
    let text = |name: &str| config.get(name).and_then(Value::as_str).map(str::to_owned);
    let url = text("url").ok_or_else(|| Refusal::Unprocessable("url wasn't supplied.".to_owned()))?;
    if text("content_type").as_deref() != Some("json") {
        let text = "the sandbox sends JSON only: config.content_type has to be `json`";
        return Err(Refusal::Unprocessable(text.to_owned()));
    }
    let events = call.words("events").unwrap_or_else(|| vec!["push".to_owned()]);
    let events: BTreeSet<String> = events.into_iter().collect();
    Ok(NewHook {
        url,
        wants: Subscriptions::ALL,
        events: Some(events),
        token: text("secret"),
        signing_token: None,
    })
}

pub(super) fn hook(state: &State, place: &Project, one: &Hook) -> Value {
    let url = format!("{}/hooks/{}", api_of(state, place), one.id);
    json!({
        "type": "Repository",
        "id": one.id,
        "name": "web",
        "active": true,
        "events": one.events,
        "config": {
            "content_type": "json",
            "insecure_ssl": "0",
            "url": one.url,
            "secret": one.token.as_ref().map(|_secret| "********"),
        },
        "updated_at": shape::time(one.at),
        "created_at": shape::time(one.at),
        "url": url,
        "test_url": format!("{url}/test"),
        "ping_url": format!("{url}/pings"),
        "deliveries_url": format!("{url}/deliveries"),
        "last_response": {"code": null, "status": "unused", "message": null},
    })
}
