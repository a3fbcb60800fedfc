//! Users, members, groups, and what belongs to the project itself.

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{NewHook, Person, Role, State, Subscriptions};

use super::paging::page;
use super::{Answer, deliveries, missing, number, required, shape, unknown};

/// Routes outside a project.
pub(super) fn route(state: &State, call: &Call, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", ["user"]) => {
            let person = state.person(by)?;
            let mut own = described(state, person);
            if let Value::Object(fields) = &mut own {
                fields.insert("email".to_owned(), json!(person.email));
                fields.insert("commit_email".to_owned(), json!(person.email));
            }
            Ok(Reply::json(200, &own))
        }
        ("GET", ["projects"]) => {
            let least = call.number("min_access_level").unwrap_or(0);
            let mine = state
                .projects
                .values()
                .filter(|place| state.role(place.id, by).is_some_and(|role| role.level() >= least));
            Ok(page(state, call, mine.map(|place| shape::project(state, place, by)).collect()))
        }
        ("GET", ["users"]) => {
            let wanted = call.text("username");
            let named = |person: &&Person| wanted.as_ref().is_none_or(|name| *name == person.login);
            let found = state.people.values().filter(named).map(|person| shape::user(state, person));
            Ok(page(state, call, found.collect()))
        }
        ("GET", ["users", id]) => Ok(Reply::json(200, &described(state, state.person(number(id)?)?))),
        ("GET", ["groups", group, "members", below @ ..]) => {
            let members = state.groups.get(*group).ok_or_else(|| missing("Group"))?;
            let below = below.strip_prefix(&["all"]).unwrap_or(below);
            let shown = |person: &u64| Some(member(state, state.people.get(person)?, Role::Developer));
            match below {
                [] => Ok(page(state, call, members.iter().filter_map(shown).collect())),
                [id] => {
                    let id = number(id)?;
                    let found = members.get(&id).and_then(shown);
                    Ok(Reply::json(200, &found.ok_or_else(|| Refusal::NotFound("404".to_owned()))?))
                }
                _ => unknown(),
            }
        }
        _ => unknown(),
    }
}

/// Routes of the project itself, its members and hooks.
pub(super) fn in_project(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(Reply::json(200, &shape::project(state, state.project(project)?, by))),
        ("GET", ["members", "all"] | ["members"]) => {
            let members = state.project(project)?.members.iter();
            let shown = members.filter_map(|(id, role)| Some(member(state, state.people.get(id)?, *role)));
            Ok(page(state, call, shown.collect()))
        }
        ("GET", ["members", "all", id] | ["members", id]) => {
            let id = number(id)?;
            let role = state.role(project, id).ok_or_else(|| Refusal::NotFound("404".to_owned()))?;
            Ok(Reply::json(200, &member(state, state.person(id)?, role)))
        }
        ("GET", ["hooks"]) => {
            state.require(project, by, Role::Maintainer)?;
            let hooks = state.project(project)?.hooks.values();
            Ok(page(state, call, hooks.map(|hook| shape::hook(project, hook)).collect()))
        }
        ("POST", ["hooks"]) => {
            let hook = state.add_hook(project, by, new_hook(call)?)?;
            Ok(Reply::json(201, &shape::hook(project, &hook)))
        }
        (_, ["hooks", id, "events", ..]) => {
            state.require(project, by, Role::Maintainer)?;
            let hook = state.project(project)?.hooks.get(&number(id)?).map(|hook| hook.id);
            let hook = hook.ok_or_else(|| Refusal::NotFound("404".to_owned()))?;
            deliveries::route(state, call, (project, hook), rest.get(3..).unwrap_or_default())
        }
        ("GET", ["hooks", id]) => {
            state.require(project, by, Role::Maintainer)?;
            let hook = state.project(project)?.hooks.get(&number(id)?);
            Ok(Reply::json(
                200,
                &shape::hook(project, hook.ok_or_else(|| Refusal::NotFound("404".to_owned()))?),
            ))
        }
        ("PUT", ["hooks", id]) => {
            let hook = state.change_hook(project, by, number(id)?, new_hook(call)?)?;
            Ok(Reply::json(200, &shape::hook(project, &hook)))
        }
        ("DELETE", ["hooks", id]) => {
            state.require(project, by, Role::Maintainer)?;
            let removed = state.project_mut(project)?.hooks.remove(&number(id)?);
            removed.map(|_hook| Reply::empty(204)).ok_or_else(|| Refusal::NotFound("404".to_owned()))
        }
        ("GET", ["labels"]) => {
            let labels = state.project(project)?.labels.iter();
            Ok(page(state, call, labels.map(|name| json!({"name": name, "color": "#6699cc"})).collect()))
        }
        ("POST", ["labels"]) => {
            state.require(project, by, Role::Reporter)?;
            let (name, color) = (required(call, "name")?, required(call, "color")?);
            if !state.project_mut(project)?.labels.insert(name.clone()) {
                return Err(Refusal::Conflict("Label already exists".to_owned()));
            }
            Ok(Reply::json(201, &json!({"name": name, "color": color})))
        }
        _ => unknown(),
    }
}

fn new_hook(call: &Call) -> Result<NewHook, Refusal> {
    // Without a word about pushes GitLab subscribes to them.
    let pushes = call.text("push_events").is_none() || call.flag("push_events");
    let wants = Subscriptions {
        pushes,
        tags: call.flag("tag_push_events"),
        merge_requests: call.flag("merge_requests_events"),
        comments: call.flag("note_events"),
        pipelines: call.flag("pipeline_events"),
        jobs: call.flag("job_events"),
        deployments: call.flag("deployment_events"),
        releases: call.flag("releases_events"),
        emoji: call.flag("emoji_events"),
    };
    let url = required(call, "url")?;
    Ok(NewHook {
        url,
        wants,
        events: None,
        token: call.text("token"),
        signing_token: call.text("signing_token"),
    })
}

fn described(state: &State, person: &Person) -> Value {
    let mut shown = shape::user(state, person);
    if let Value::Object(fields) = &mut shown {
        fields.insert("public_email".to_owned(), json!(person.email));
        fields.insert("bot".to_owned(), json!(person.bot));
    }
    shown
}

fn member(state: &State, person: &Person, role: Role) -> Value {
    let mut shown = shape::user(state, person);
    if let Value::Object(fields) = &mut shown {
        fields.insert("access_level".to_owned(), json!(role.level()));
        fields.insert("expires_at".to_owned(), Value::Null);
    }
    shown
}
