//! Users, teams, and what belongs to no repository.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{InstallationToken, Person, State};

use super::paging::page;
use super::{Answer, api, asker, missing, number, shape, unknown};

pub(super) fn route(
    state: &State,
    call: &Call,
    by: u64,
    token: Option<&InstallationToken>,
    rest: &[&str],
) -> Answer {
    if call.method != "GET" {
        return unknown();
    }
    match (rest, token) {
        // An App is nobody, and its organization's teams are shown to whom that was granted.
        (["user"] | ["user", "repos"], Some(_)) => return Err(asker::lacking()),
        (["orgs", org, ..], Some(token)) => {
            let here = state.installations.get(&token.installation);
            here.filter(|one| one.account.eq_ignore_ascii_case(org)).ok_or_else(missing)?;
            if !token.grants("members", false) {
                return Err(asker::lacking());
            }
        }
        _ => {}
    }
    match rest {
        ["user"] => Ok(Reply::json(200, &described(state, state.person(by)?))),
        ["user", "repos"] => {
            let own = state.projects.values().filter(|place| place.members.contains_key(&by));
            Ok(page(state, call, own.map(|place| shape::repository(state, place)).collect()))
        }
        ["user", id] => {
            let id = number(id)?;
            Ok(Reply::json(200, &described(state, state.person(id)?)))
        }
        ["users", login] => {
            let person = state.people.values().find(|person| person.login.eq_ignore_ascii_case(login));
            Ok(Reply::json(200, &described(state, person.ok_or_else(missing)?)))
        }
        ["orgs", org, "teams", team, below @ ..] => {
            let members = state.groups.get(&format!("{org}/{team}")).ok_or_else(missing)?;
            match below {
                ["members"] => {
                    let shown = members.iter().map(|id| shape::user_of(state, *id));
                    Ok(page(state, call, shown.collect()))
                }
                ["memberships", login] => {
                    let person = state.named(login).map_err(|_unknown| missing())?.id;
                    members.get(&person).ok_or_else(missing)?;
                    let url = format!("{}/orgs/{org}/teams/{team}/memberships/{login}", api(state));
                    Ok(Reply::json(200, &json!({"url": url, "role": "member", "state": "active"})))
                }
                _ => unknown(),
            }
        }
        ["rate_limit"] => {
            let core = json!({"limit": 5000, "used": 1, "remaining": 4999, "reset": 0});
            Ok(Reply::json(200, &json!({"resources": {"core": core}, "rate": core})))
        }
        _ => unknown(),
    }
}

/// An account by itself, which tells more than within other objects.
fn described(state: &State, person: &Person) -> Value {
    let mut shown = shape::user(state, person);
    if let Value::Object(fields) = &mut shown {
        fields.insert("name".to_owned(), json!(person.name));
        if person.blocked {
            fields.insert("suspended_at".to_owned(), json!("2026-01-01T00:00:00Z"));
        }
        fields.insert("email".to_owned(), json!(person.email));
        fields.insert("created_at".to_owned(), json!("2020-01-01T00:00:00Z"));
        fields.insert("updated_at".to_owned(), json!("2020-01-01T00:00:00Z"));
    }
    shown
}
