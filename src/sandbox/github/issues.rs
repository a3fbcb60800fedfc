//! What pull requests have as issues: comments, reactions, labels.

use serde_json::{Value, json};

use crate::domain::Timestamp;
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Comment, Commented, Reaction, Role, State};

use super::paging::page;
use super::{Answer, missing, number, required, shape, unknown};

/// GitHub stores at most so many characters.
const LIMIT: usize = 65_536;
/// The signs that there are.
const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        (_, ["issues", "comments", id, below @ ..]) => {
            let found = state.project(project)?.comments.get(&number(id)?).filter(|one| !one.system);
            let (pull, id) = found.map(|one| (one.merge_request, one.id)).ok_or_else(missing)?;
            comment(state, call, project, by, pull, id, below)
        }
        ("GET", ["issues", pull]) => {
            let place = state.project(project)?;
            let one = place.merge_request(number(pull)?)?;
            Ok(Reply::json(200, &shape::issue(state, place, one)))
        }
        ("GET", ["issues", pull, "comments"]) => {
            let pull = number(pull)?;
            let place = state.project(project)?;
            place.merge_request(pull)?;
            let since = call.text("since").and_then(|text| Timestamp::parse(&text));
            let fits = |one: &&Comment| {
                one.merge_request == pull && !one.system && since.is_none_or(|since| one.updated_at >= since)
            };
            let shown = place.comments.values().filter(fits).map(|one| shape::comment(state, place, one));
            Ok(page(state, call, shown.collect()))
        }
        ("POST", ["issues", pull, "comments"]) => {
            let pull = number(pull)?;
            state.project(project)?.merge_request(pull)?;
            match state.comment(project, by, pull, &body(call)?)? {
                Commented::Comment(id) => shown(state, project, pull, id, 201),
                Commented::OnlyCommands(_) => Err(missing()),
            }
        }
        (_, ["issues", pull, "labels", below @ ..]) => {
            let pull = number(pull)?;
            state.project(project)?.merge_request(pull)?;
            labels(state, call, project, by, pull, below)
        }
        _ => unknown(),
    }
}

fn body(call: &Call) -> Result<String, Refusal> {
    let body = required(call, "body")?;
    if body.trim().is_empty() {
        return Err(Refusal::Unprocessable("Body can not be blank".to_owned()));
    }
    if body.chars().count() > LIMIT {
        let text = format!("Body is too long (maximum is {LIMIT} characters)");
        return Err(Refusal::Unprocessable(text));
    }
    Ok(body)
}

fn shown(state: &State, project: u64, pull: u64, id: u64, status: u16) -> Answer {
    let place = state.project(project)?;
    Ok(Reply::json(status, &shape::comment(state, place, state.comment_of(project, pull, id)?)))
}

fn comment(
    state: &mut State,
    call: &Call,
    project: u64,
    by: u64,
    pull: u64,
    id: u64,
    rest: &[&str],
) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", []) => shown(state, project, pull, id, 200),
        ("PATCH", []) => {
            state.edit_comment(project, by, pull, id, &body(call)?)?;
            shown(state, project, pull, id, 200)
        }
        ("DELETE", []) => {
            state.delete_comment(project, by, pull, id)?;
            Ok(Reply::empty(204))
        }
        ("GET", ["reactions"]) => {
            let all = state.comment_of(project, pull, id)?.reactions.iter();
            Ok(page(state, call, all.map(|one| reaction(state, one)).collect()))
        }
        ("POST", ["reactions"]) => {
            let name = required(call, "content")?;
            if !REACTIONS.contains(&name.as_str()) {
                return Err(Refusal::Unprocessable(format!("{name} is not a reaction")));
            }
            let present = state.comment_of(project, pull, id)?.reactions.iter();
            let mut own = present.filter(|one| one.by == by && one.name == name);
            if let Some(there) = own.next() {
                return Ok(Reply::json(200, &reaction(state, there)));
            }
            let made = state.react(project, by, pull, id, &name)?;
            Ok(Reply::json(201, &reaction(state, &made)))
        }
        ("DELETE", ["reactions", sign]) => {
            let sign = number(sign)?;
            let mut all = state.comment_of(project, pull, id)?.reactions.iter();
            let owner = all.find(|one| one.id == sign).ok_or_else(missing)?.by;
            if owner != by {
                state.require(project, by, Role::Developer)?;
            }
            if let Some(comment) = state.project_mut(project)?.comments.get_mut(&id) {
                comment.reactions.retain(|one| one.id != sign);
            }
            Ok(Reply::empty(204))
        }
        _ => unknown(),
    }
}

fn reaction(state: &State, one: &Reaction) -> Value {
    json!({
        "id": one.id,
        "node_id": shape::node("REA", one.id),
        "user": shape::user_of(state, one.by),
        "content": one.name,
        "created_at": shape::time(one.at),
    })
}

fn labels(state: &mut State, call: &Call, project: u64, by: u64, pull: u64, rest: &[&str]) -> Answer {
    let standing: Vec<String> = state.project(project)?.merge_request(pull)?.labels.iter().cloned().collect();
    let wanted = call.words("labels").unwrap_or_default();
    match (call.method.as_str(), rest) {
        ("GET", []) => {}
        ("POST", []) => state.change_labels(project, by, pull, &wanted, &[])?,
        ("PUT", []) => {
            let gone: Vec<String> = standing.into_iter().filter(|name| !wanted.contains(name)).collect();
            state.change_labels(project, by, pull, &wanted, &gone)?;
        }
        ("DELETE", []) => {
            state.change_labels(project, by, pull, &[], &standing)?;
            return Ok(Reply::empty(204));
        }
        ("DELETE", [name]) => {
            if !standing.iter().any(|known| known == name) {
                return Err(Refusal::NotFound("Label does not exist".to_owned()));
            }
            state.change_labels(project, by, pull, &[], &[(*name).to_owned()])?;
        }
        _ => return unknown(),
    }
    let place = state.project(project)?;
    let all = place.merge_request(pull)?.labels.iter().map(|name| shape::label(state, place, name));
    let all: Vec<Value> = all.collect();
    if call.method == "GET" {
        return Ok(page(state, call, all));
    }
    Ok(Reply::json(200, &Value::Array(all)))
}
