//! What an App asks as itself: who it is, where it is installed, and to be let in there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{App, Installation, Log, Permissions, Person, State};

use super::paging::page;
use super::{Answer, api, deliveries, error, missing, number, shape, unknown};

/// The key of every App here. It opens nothing but a sandbox, which takes it from anybody.
pub(crate) const PRIVATE_KEY: &str = include_str!("app.pem");

/// Answers what only an App itself may ask; to everything else it is a stranger.
pub(super) fn route(state: &mut State, call: &Call, app: u64, rest: &[&str]) -> Answer {
    let ours = state.apps.get(&app).cloned().ok_or_else(missing)?;
    match (call.method.as_str(), rest) {
        ("GET", ["app"]) => Ok(Reply::json(200, &described(state, &ours))),
        ("GET", ["app", "installations"]) => {
            let all = state.installations.values().filter(|one| one.app == app);
            Ok(page(state, call, all.map(|one| installation(state, &ours, one)).collect()))
        }
        ("GET", ["app", "installations", id]) => {
            let one = of(state, app, number(id)?)?;
            Ok(Reply::json(200, &installation(state, &ours, one)))
        }
        ("POST", ["app", "installations", id, "access_tokens"]) => {
            let id = of(state, app, number(id)?)?.id;
            admit(state, call, id)
        }
        ("GET", ["repos", owner, name, "installation"]) => {
            let path = format!("{owner}/{name}");
            match state.project_at(&path).map(|place| place.id) {
                Some(project) => of_project(state, &ours, project),
                None => super::moved(state, call, &path, &["installation"]),
            }
        }
        ("GET", ["repositories", id, "installation"]) => of_project(state, &ours, number(id)?),
        (method, ["app", "hook", "deliveries", below @ ..]) => {
            deliveries::route(state, call, Log::App(app), method, below)
        }
        (_, ["app", ..]) => unknown(),
        _ => Ok(error(401, "A JSON web token opens nothing but what is about the App itself")),
    }
}

fn of(state: &State, app: u64, id: u64) -> Result<&Installation, Refusal> {
    state.installations.get(&id).filter(|one| one.app == app).ok_or_else(missing)
}

fn of_project(state: &State, app: &App, project: u64) -> Answer {
    let place = state.projects.get(&project).ok_or_else(missing)?;
    let one = state.installation_for(app.id, place).ok_or_else(missing)?;
    Ok(Reply::json(200, &installation(state, app, one)))
}

fn admit(state: &mut State, call: &Call, id: u64) -> Answer {
    let token = state.admit(id, chosen(state, call, id)?, permissions(call))?;
    let places = token.only.as_ref().map(|only| {
        let places = only.iter().filter_map(|id| state.projects.get(id));
        places.map(|place| shape::repository(state, place)).collect::<Vec<_>>()
    });
    let body = json!({
        "token": token.token,
        "expires_at": shape::time(token.ends),
        "permissions": token.permissions,
        "repository_selection": if token.only.is_some() { "selected" } else { "all" },
        "repositories": places,
    });
    Ok(Reply::json(201, &body))
}

/// The projects that a token is asked for, by number or by name below the account.
fn chosen(state: &State, call: &Call, id: u64) -> Result<Option<BTreeSet<u64>>, Refusal> {
    let numbers = call.value("repository_ids").and_then(|value| value.as_array().cloned());
    let mut chosen: BTreeSet<u64> = numbers.iter().flatten().filter_map(Value::as_u64).collect();
    let names = call.words("repositories");
    let account = state.installations.get(&id).map(|one| one.account.clone()).unwrap_or_default();
    for name in names.iter().flatten() {
        // One that is not there is refused as one that is not ours.
        chosen.insert(state.project_at(&format!("{account}/{name}")).map_or(0, |place| place.id));
    }
    Ok((numbers.is_some() || names.is_some()).then_some(chosen))
}

fn permissions(call: &Call) -> Option<Permissions> {
    let asked = call.value("permissions")?;
    let fields = asked.as_object()?.iter();
    Some(fields.filter_map(|(name, level)| Some((name.clone(), level.as_str()?.to_owned()))).collect())
}

pub(super) fn described(state: &State, app: &App) -> Value {
    let owner = shape::user_of(state, app.bot);
    let time = shape::time(state.now());
    json!({
        "id": app.id,
        "slug": app.slug,
        "node_id": shape::node("A", app.id),
        "client_id": format!("Iv23sandbox{}", app.id),
        "owner": owner,
        "name": app.slug,
        "description": null,
        "external_url": state.url,
        "html_url": format!("{}/apps/{}", state.url, app.slug),
        "created_at": time,
        "updated_at": time,
        "permissions": app.permissions,
        "events": app.hook.as_ref().map(|hook| &hook.events),
        "installations_count": state.installations.values().filter(|one| one.app == app.id).count(),
    })
}

/// An installation as answers and deliveries show it.
pub(crate) fn installation(state: &State, app: &App, one: &Installation) -> Value {
    let mut account = shape::user(state, &Person::organisation(&one.account, one.id));
    if let Value::Object(fields) = &mut account {
        fields.insert("type".to_owned(), json!("Organization"));
    }
    let url = format!("{}/app/installations/{}", api(state), one.id);
    json!({
        "id": one.id,
        "account": account,
        "repository_selection": if one.only.is_some() { "selected" } else { "all" },
        "access_tokens_url": format!("{url}/access_tokens"),
        "repositories_url": format!("{}/installation/repositories", api(state)),
        "html_url": format!("{}/organizations/{}/settings/installations/{}", state.url, one.account, one.id),
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": one.id.saturating_add(1_000_000),
        "target_type": "Organization",
        "permissions": one.permissions,
        "events": app.hook.as_ref().map(|hook| &hook.events),
        "created_at": shape::time(one.at),
        "updated_at": shape::time(one.at),
        "single_file_name": null,
        "has_multiple_single_files": false,
        "single_file_paths": [],
        "suspended_by": null,
        "suspended_at": shape::maybe(one.suspended),
    })
}
