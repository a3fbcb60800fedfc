//! What was delivered to a hook, and sending it once more.

use serde_json::{Map, Value, json};

use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Attempt, Log, State};

use super::paging::page;
use super::{Answer, missing, number, unknown};

/// The most entries of a page.
const MOST: u64 = 20;

pub(super) fn route(state: &mut State, call: &Call, (project, hook): (u64, u64), rest: &[&str]) -> Answer {
    let log = Log::Hook(project, hook);
    match (call.method.as_str(), rest) {
        _ if state.keeps_no_log => Err(missing("")),
        ("GET", []) => {
            if call.number("per_page").is_some_and(|asked| asked > MOST) {
                return Ok(Reply::json(400, &json!({"error": "per_page does not have a valid value"})));
            }
            let wanted = wanted(call);
            let all = state.attempts(log).into_iter();
            let shown = all.filter(|one| wanted.is_empty() || wanted.iter().any(|word| is(one, word)));
            Ok(page(state, call, shown.map(|one| shape(state, &one)).collect()))
        }
        ("POST", [attempt, "resend"]) => {
            let attempt = number(attempt)?;
            if !state.may_ask_again(hook) {
                let text = "This endpoint has been requested too many times. Try again later.";
                return Ok(Reply::json(429, &json!({"message": {"error": text}})));
            }
            let delivery = state.once_more(log, attempt).ok_or_else(|| missing("Webhook event"))?;
            Ok(Reply::delivering(delivery))
        }
        _ => unknown(),
    }
}

/// What `status` asks for: numbers, and words for kinds of numbers.
fn wanted(call: &Call) -> Vec<String> {
    let named = call.query.iter().filter(|(name, _)| name == "status" || name == "status[]");
    named.flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// What nobody answered is of none of these kinds.
fn is(attempt: &Attempt, word: &str) -> bool {
    let Some(status) = attempt.status() else { return false };
    match word {
        "successful" => (200..300).contains(&status),
        "client_failure" => (400..500).contains(&status),
        "server_failure" => (500..600).contains(&status),
        number => number == status.to_string(),
    }
}

fn shape(state: &State, attempt: &Attempt) -> Value {
    let one = &attempt.delivery;
    let status = attempt.status().map_or_else(|| "internal error".to_owned(), |status| status.to_string());
    let mut headers = Map::new();
    let mut put = |name: &str, value: &str| headers.insert(name.to_owned(), json!(value));
    put("Content-Type", "application/json");
    put("X-Gitlab-Instance", &state.url);
    put("X-Gitlab-Event", one.event);
    put("Idempotency-Key", &one.id);
    if one.token.is_some() {
        put("X-Gitlab-Token", "[REDACTED]");
    }
    if one.signing_key.is_some() {
        put("webhook-id", &one.id);
    }
    json!({
        "id": attempt.number,
        "url": one.url,
        "trigger": format!("{}s", one.event.to_lowercase().replace(' ', "_")),
        "request_headers": headers,
        "request_data": serde_json::from_str::<Value>(&one.body).unwrap_or_default(),
        "response_headers": {},
        "response_body": "",
        "execution_duration": 0.03,
        "response_status": status,
    })
}
