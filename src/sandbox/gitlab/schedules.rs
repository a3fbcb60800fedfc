//! Pipeline schedules.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Role, Schedule, ScheduleWish, State};

use super::paging::page;
use super::{Answer, number, required, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    state.require(project, by, Role::Developer)?;
    match (call.method.as_str(), rest) {
        ("GET", ["pipeline_schedules"]) => {
            let all = state.project(project)?.schedules.values().map(|one| shown(state, one));
            Ok(page(state, call, all.collect()))
        }
        ("POST", ["pipeline_schedules"]) => {
            for name in ["description", "ref", "cron"] {
                required(call, name)?;
            }
            let id = state.add_schedule(project, by, wish(call))?;
            whole(state, project, by, id, 201)
        }
        (method, ["pipeline_schedules", id, below @ ..]) => {
            let id = number(id)?;
            state.schedule(project, id)?;
            one(state, call, (method, below), project, by, id)
        }
        _ => unknown(),
    }
}

fn one(state: &mut State, call: &Call, asked: (&str, &[&str]), project: u64, by: u64, id: u64) -> Answer {
    match asked {
        ("GET", []) => whole(state, project, by, id, 200),
        ("PUT", []) => {
            state.change_schedule(project, by, id, wish(call))?;
            whole(state, project, by, id, 200)
        }
        ("DELETE", []) => {
            state.remove_schedule(project, by, id)?;
            Ok(Reply::empty(204))
        }
        ("POST", ["take_ownership"]) => {
            state.take_schedule(project, by, id)?;
            whole(state, project, by, id, 201)
        }
        ("POST", ["play"]) => {
            state.fire_schedule(project, id)?;
            Ok(Reply::json(201, &json!({"message": "201 Created"})))
        }
        ("POST", ["variables"]) => {
            let (name, value) = (required(call, "key")?, required(call, "value")?);
            state.tell_schedule((project, by), id, &name, Some(value.clone()), false)?;
            Ok(Reply::json(201, &variable(&name, &value)))
        }
        ("PUT", ["variables", name]) => {
            let value = required(call, "value")?;
            state.tell_schedule((project, by), id, name, Some(value.clone()), true)?;
            Ok(Reply::json(200, &variable(name, &value)))
        }
        ("DELETE", ["variables", name]) => {
            state.tell_schedule((project, by), id, name, None, true)?;
            Ok(Reply::json(202, &variable(name, "")))
        }
        _ => unknown(),
    }
}

fn wish(call: &Call) -> ScheduleWish {
    let reference = call.text("ref");
    let short = |name: String| name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name);
    ScheduleWish {
        description: call.text("description"),
        reference: reference.map(short),
        cron: call.text("cron"),
        timezone: call.text("cron_timezone"),
        active: call.value("active").is_some().then(|| call.flag("active")),
    }
}

/// One by itself, with its variables for who may change it.
fn whole(state: &State, project: u64, by: u64, id: u64, status: u16) -> Answer {
    let one = state.schedule(project, id)?;
    let mut body = shown(state, one);
    if state.may_change_schedule(project, by, id)?
        && let Value::Object(fields) = &mut body
    {
        let told = one.variables.iter().map(|(name, value)| variable(name, value));
        fields.insert("variables".to_owned(), told.collect());
    }
    Ok(Reply::json(status, &body))
}

fn shown(state: &State, one: &Schedule) -> Value {
    json!({
        "id": one.id,
        "description": one.description,
        "ref": format!("refs/heads/{}", one.reference),
        "cron": one.cron,
        "cron_timezone": one.timezone,
        "next_run_at": null,
        "active": one.active,
        "created_at": shape::time(one.created_at),
        "updated_at": shape::time(one.updated_at),
        "owner": shape::user_of(state, one.owner),
    })
}

fn variable(name: &str, value: &str) -> Value {
    json!({"key": name, "variable_type": "env_var", "value": value, "raw": false})
}
