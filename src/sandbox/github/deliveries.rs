//! What was delivered to a hook or an App: a list whose pages follow a cursor, and another attempt.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Attempt, Log, State};

use super::{Answer, missing, number, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, log: Log, method: &str, rest: &[&str]) -> Answer {
    match (method, rest) {
        _ if state.keeps_no_log => Err(missing()),
        ("GET", []) => Ok(page(state, call, log)),
        ("POST", [attempt, "attempts"]) => {
            let delivery = state.once_more(log, number(attempt)?).ok_or_else(missing)?;
            state.queue_again(delivery);
            Ok(Reply::json(202, &json!({})))
        }
        _ => unknown(),
    }
}

/// One page, the newest first; only the header tells where the next one begins.
fn page(state: &State, call: &Call, log: Log) -> Reply {
    let asked = call.number("per_page").unwrap_or(30).clamp(1, 100);
    let held = if state.short_pages && asked > 1 { asked - 1 } else { asked };
    let from = call.number("cursor").unwrap_or(u64::MAX);
    let mut rest = state.attempts(log).into_iter().filter(|one| one.number <= from).peekable();
    let taken = usize::try_from(held).unwrap_or(usize::MAX);
    let shown: Vec<Value> = rest.by_ref().take(taken).map(|one| shown(state, &one)).collect();
    let reply = Reply::json(200, &Value::Array(shown));
    match rest.peek() {
        None => reply,
        Some(next) => {
            let to = format!("{}{}?per_page={asked}&cursor={}", state.url, call.path(), next.number);
            reply.with("link", format!("<{to}>; rel=\"next\""))
        }
    }
}

fn shown(state: &State, attempt: &Attempt) -> Value {
    let one = &attempt.delivery;
    let body: Value = serde_json::from_str(&one.body).unwrap_or_default();
    let installation = body.pointer("/installation/id").and_then(Value::as_u64);
    let status = match attempt.status() {
        Some(200..300) => "OK",
        Some(_) => "Invalid HTTP Response",
        None => "failed to connect to host",
    };
    json!({
        "id": attempt.number,
        "guid": one.id,
        "delivered_at": shape::maybe(one.sent_at),
        "redelivery": one.again,
        "duration": 0.03,
        "status": status,
        "status_code": attempt.status().unwrap_or(0),
        "event": one.event,
        "action": body.get("action").and_then(Value::as_str),
        "installation_id": installation,
        "repository_id": state.projects.get(&one.project).map(|place| place.id),
        "throttled_at": null,
    })
}
