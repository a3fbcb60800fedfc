//! The merge queue: that there is one is told by a branch's rules, everything else by GraphQL, of which
//! nothing but this is played.

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{MergeRequest, Project, State};

use super::asker::{self, Asker};
use super::paging::page;
use super::{Answer, missing};

/// What begins the global id of a pull request.
const ID: &str = "PR_";

/// The rules of a branch.
pub(super) fn rules(state: &State, call: &Call, project: u64, branch: &str) -> Answer {
    let place = state.project(project)?;
    let queued = place.queue.is_some() && place.protected.contains(branch);
    let rule = json!({
        "type": "merge_queue",
        "ruleset_source_type": "Repository",
        "ruleset_source": place.path,
        "ruleset_id": 1,
        "parameters": {"merge_method": "MERGE", "grouping_strategy": "ALLGREEN"},
    });
    Ok(page(state, call, queued.then_some(rule).into_iter().collect()))
}

/// Answers a call of the GraphQL API: its errors come with 200 too.
pub(super) fn graphql(state: &mut State, call: &Call, asker: &Asker) -> Reply {
    let query = call.text("query").unwrap_or_default();
    let variables = call.value("variables").unwrap_or_default();
    let field = ["enqueuePullRequest", "dequeuePullRequest"].into_iter().find(|name| query.contains(name));
    let done = match field {
        Some("enqueuePullRequest") => enqueue(state, asker, &variables),
        Some(_) => dequeue(state, asker, &variables),
        None if query.contains("mergeQueueEntry") => entry(state, asker, &variables),
        None => return Reply::unknown(&json!({"message": "this query is not played here"})),
    };
    let answer = match done {
        Ok(value) => match field {
            Some(field) => json!({"data": {field: value}}),
            None => json!({"data": {"repository": {"pullRequest": value}}}),
        },
        Err(refusal) => {
            let (kind, message) = match refusal {
                Refusal::NotFound(_) => ("NOT_FOUND", "Could not resolve to a node".to_owned()),
                Refusal::Forbidden(_) => ("FORBIDDEN", "Resource not accessible by integration".to_owned()),
                Refusal::Unprocessable(text) | Refusal::Conflict(text) => ("UNPROCESSABLE", text),
                other => ("UNPROCESSABLE", other.to_string()),
            };
            let path = field.unwrap_or("repository");
            json!({"data": {path: null}, "errors": [{"type": kind, "path": [path], "message": message}]})
        }
    };
    Reply::json(200, &answer)
}

fn enqueue(state: &mut State, asker: &Asker, variables: &Value) -> Result<Value, Refusal> {
    let (project, number) = meant(state, variables)?;
    let by = writer(state, asker, project)?;
    let head = variables.get("head").and_then(Value::as_str);
    state.enqueue(project, by, number, head)?;
    let place = state.project(project)?;
    Ok(json!({"mergeQueueEntry": shown(place, place.merge_request(number)?)}))
}

fn dequeue(state: &mut State, asker: &Asker, variables: &Value) -> Result<Value, Refusal> {
    let (project, number) = meant(state, variables)?;
    let by = writer(state, asker, project)?;
    state.dequeue(project, by, number)?;
    Ok(json!({"mergeQueueEntry": null}))
}

fn entry(state: &State, asker: &Asker, variables: &Value) -> Result<Value, Refusal> {
    let text = |name: &str| variables.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = variables.get("number").and_then(Value::as_u64).ok_or_else(missing)?;
    let path = format!("{}/{}", text("owner"), text("name"));
    let place = state.project_at(&path).ok_or_else(missing)?;
    may(state, asker, place.id, "GET", &["pulls"])?;
    let one = place.merge_request(number)?;
    Ok(json!({"id": format!("{ID}{}", one.id), "mergeQueueEntry": shown(place, one)}))
}

fn shown(place: &Project, one: &MergeRequest) -> Value {
    let Some(entry) = place.queued_as(one.number) else { return Value::Null };
    let oid = |commit| json!({"oid": commit});
    let trial = entry.trial.as_ref();
    json!({
        "state": if trial.is_some() { "AWAITING_CHECKS" } else { "QUEUED" },
        "baseCommit": trial.map(|trial| oid(&trial.base)),
        "headCommit": trial.map(|trial| oid(&trial.commit)),
    })
}

/// The pull request that a global id names.
fn meant(state: &State, variables: &Value) -> Result<(u64, u64), Refusal> {
    let id = variables.get("id").and_then(Value::as_str).and_then(|id| id.strip_prefix(ID)?.parse().ok());
    let id: u64 = id.ok_or_else(missing)?;
    let all =
        state.projects.values().flat_map(|place| place.merge_requests.values().map(move |one| (place, one)));
    let found = all.into_iter().find(|(_place, one)| one.id == id);
    found.map(|(place, one)| (place.id, one.number)).ok_or_else(missing)
}

/// Who asks, if that account may change the queue.
fn writer(state: &State, asker: &Asker, project: u64) -> Result<u64, Refusal> {
    may(state, asker, project, "PUT", &["pulls", "0", "merge"])
}

fn may(state: &State, asker: &Asker, project: u64, method: &str, rest: &[&str]) -> Result<u64, Refusal> {
    match asker {
        Asker::Person(by) => super::member(state, project, *by).map(|_project| *by),
        Asker::Installation(by, token) => {
            asker::within(state, token, project, method, rest)?;
            Ok(*by)
        }
        Asker::Job(_) | Asker::App(_) => Err(asker::lacking()),
    }
}
