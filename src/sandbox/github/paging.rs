//! Lists in pages, with GitHub's `Link` header.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::State;

/// One page of a list.
pub(super) fn page(state: &State, call: &Call, items: Vec<Value>) -> Reply {
    let (shown, links, _total) = cut(state, call, items);
    linked(Reply::json(200, &Value::Array(shown)), &links)
}

/// One page of a list that stands under a name, beside how many there are in all.
pub(super) fn named(state: &State, call: &Call, name: &str, items: Vec<Value>) -> Reply {
    let (shown, links, total) = cut(state, call, items);
    linked(Reply::json(200, &json!({"total_count": total, name: shown})), &links)
}

fn linked(reply: Reply, links: &str) -> Reply {
    if links.is_empty() { reply } else { reply.with("link", links) }
}

/// The entries of the page that is asked for, the header, and the number of all entries. Pages may be
/// one entry short on purpose: only the header tells the end.
pub(super) fn cut(state: &State, call: &Call, items: Vec<Value>) -> (Vec<Value>, String, usize) {
    let asked = call.number("per_page").unwrap_or(30).clamp(1, 100);
    let held = if state.short_pages && asked > 1 { asked - 1 } else { asked };
    let current = call.number("page").unwrap_or(1).max(1);
    let count = items.len();
    let pages = u64::try_from(count).unwrap_or(u64::MAX).div_ceil(held).max(1);
    let skipped = usize::try_from(held.saturating_mul(current - 1)).unwrap_or(usize::MAX);
    let taken = usize::try_from(held).unwrap_or(usize::MAX);
    let shown = items.into_iter().skip(skipped).take(taken).collect();
    let link = |number: u64, relation: &str| {
        let kept = call.query.iter().filter(|(known, _value)| known != "page");
        let query: String =
            kept.map(|(known, value)| format!("{}={}&", encode(known), encode(value))).collect();
        format!("<{}{}?{query}page={number}>; rel=\"{relation}\"", state.url, call.path())
    };
    let mut links = Vec::new();
    if current > 1 {
        links.extend([link(current - 1, "prev"), link(1, "first")]);
    }
    if current < pages {
        links.extend([link(current + 1, "next"), link(pages, "last")]);
    }
    (shown, links.join(", "), count)
}

pub(in crate::sandbox) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
