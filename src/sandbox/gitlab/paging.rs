//! Lists in pages, with GitLab's headers.

use serde_json::Value;

use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::State;

/// One page of a list. Pages may be one entry short on purpose: only the headers tell the end.
pub(super) fn page(state: &State, call: &Call, items: Vec<Value>) -> Reply {
    let asked = call.number("per_page").unwrap_or(20).clamp(1, 100);
    let held = if state.short_pages && asked > 1 { asked - 1 } else { asked };
    // With keyset paging a token leads on, and nothing tells how much there is.
    let keyset = call.text("pagination").as_deref() == Some("keyset");
    let name = if keyset { "page_token" } else { "page" };
    let current = call.number(name).unwrap_or(1).max(1);
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    let pages = total.div_ceil(held).max(1);
    let skipped = usize::try_from(held.saturating_mul(current - 1)).unwrap_or(usize::MAX);
    let taken = usize::try_from(held).unwrap_or(usize::MAX);
    let shown: Vec<Value> = items.into_iter().skip(skipped).take(taken).collect();
    let next = (current < pages).then(|| current + 1);
    let link = |number: u64, relation: &str| {
        let kept = call.query.iter().filter(|(known, _value)| known != name);
        let query: String =
            kept.map(|(known, value)| format!("{}={}&", encode(known), encode(value))).collect();
        format!("<{}{}?{query}{name}={number}>; rel=\"{relation}\"", state.url, call.path())
    };
    let reply = Reply::json(200, &Value::Array(shown));
    if keyset {
        return match next {
            Some(next) => reply.with("link", link(next, "next")),
            None => reply,
        };
    }
    let mut links = vec![link(1, "first"), link(pages, "last")];
    if let Some(next) = next {
        links.insert(0, link(next, "next"));
    }
    if current > 1 {
        links.insert(0, link(current - 1, "prev"));
    }
    reply
        .with("link", links.join(", "))
        .with("x-next-page", next.map_or_else(String::new, |next| next.to_string()))
        .with("x-page", current.to_string())
        .with("x-per-page", asked.to_string())
        .with("x-total", total.to_string())
        .with("x-total-pages", pages.to_string())
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
