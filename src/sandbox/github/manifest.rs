//! How an App comes into being: a person sends a manifest to a page, and is sent back with a code.

use serde_json::{Value, json};

use crate::domain::Digest;
use crate::sandbox::Refusal;
use crate::sandbox::apps::public_key;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{AppHook, Permissions, State};

use super::apps::{PRIVATE_KEY, described};
use super::{Answer, error, missing};

/// Answers the page to which the form is sent; none where it is another page.
pub(crate) fn page(state: &mut State, call: &Call) -> Option<Reply> {
    let parts: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), parts.as_slice()) {
        ("POST", ["settings", "apps", "new"] | ["organizations", _, "settings", "apps", "new"]) => {
            Some(sent(state, call).unwrap_or_else(|refusal| error(422, &refusal.to_string())))
        }
        _ => None,
    }
}

/// Keeps the manifest under a code, and sends whoever sent it back.
fn sent(state: &mut State, call: &Call) -> Answer {
    let broken = |what: &str| Refusal::Unprocessable(format!("the manifest {what}"));
    let text = call.text("manifest").ok_or_else(|| broken("is missing"))?;
    let manifest: Value = serde_json::from_str(&text).map_err(|_error| broken("is no JSON"))?;
    let field = |path: &str| manifest.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let back = field("/redirect_url").ok_or_else(|| broken("has no redirect_url"))?;
    for needed in ["/name", "/url", "/hook_attributes/url"] {
        field(needed).ok_or_else(|| broken(&format!("has no {needed}")))?;
    }
    let events = manifest.get("default_events").and_then(Value::as_array).into_iter().flatten();
    for event in events.filter_map(Value::as_str) {
        let right = right_for(event).ok_or_else(|| broken(&format!("names an unknown event, {event}")))?;
        if field(&format!("/default_permissions/{right}")).is_none() {
            return Err(broken(&format!("asks for events without the right to them: {event} needs {right}")));
        }
    }
    let number = state.manifests.len();
    let code = Digest::of(format!("manifest {number}")).hex().get(..40).unwrap_or_default().to_owned();
    state.manifests.insert(code.clone(), manifest);
    let given = call.query.iter().find(|(name, _value)| name == "state").map(|(_name, value)| value.as_str());
    let given = given.map(|state| format!("&state={}", super::encode(state))).unwrap_or_default();
    Ok(Reply::empty(302).with("location", format!("{back}?code={code}{given}")))
}

/// The right without which nobody is told of this.
fn right_for(event: &str) -> Option<&'static str> {
    Some(match event {
        "check_run" | "check_suite" => "checks",
        "deployment" | "deployment_status" => "deployments",
        "issue_comment" => "issues",
        "merge_group" => "merge_queues",
        "pull_request" | "pull_request_review" => "pull_requests",
        "create" | "delete" | "push" | "release" => "contents",
        "status" => "statuses",
        "workflow_job" | "workflow_run" => "actions",
        _ => return None,
    })
}

/// Makes the App; a code is good for once.
pub(super) fn convert(state: &mut State, code: &str) -> Answer {
    let manifest = state.manifests.remove(code).ok_or_else(missing)?;
    let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let slug = text("/name").to_lowercase().replace(' ', "-");
    let fields = manifest.get("default_permissions").and_then(Value::as_object);
    let permissions: Permissions = fields
        .into_iter()
        .flatten()
        .filter_map(|(name, level)| Some((name.clone(), level.as_str()?.to_owned())))
        .collect();
    let events = manifest.get("default_events").and_then(Value::as_array);
    let events = events.into_iter().flatten().filter_map(|event| event.as_str().map(str::to_owned));
    // Only this sandbox on this machine uses it, so it need not be random.
    let secret = format!("sandbox-secret-of-{slug}");
    let hook = AppHook {
        url: text("/hook_attributes/url").to_owned(),
        secret: secret.clone(),
        events: events.collect(),
    };
    let mut made = state.add_app(&slug, public_key()?, permissions);
    made.hook = Some(hook);
    state.apps.insert(made.id, made.clone());
    let mut shown = described(state, &made);
    if let Value::Object(fields) = &mut shown {
        fields.extend([
            ("client_secret".to_owned(), json!("sandbox-client-secret")),
            ("webhook_secret".to_owned(), json!(secret)),
            ("pem".to_owned(), json!(PRIVATE_KEY)),
        ]);
    }
    Ok(Reply::json(201, &shown))
}
