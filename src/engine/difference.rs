//! What a merge request changes of its own policy, in the words of the configuration file.

use serde_json::Value;

use crate::config::valid::Model;

/// The most differences that are named one by one.
const MOST: usize = 20;
/// The longest value that is shown, in characters.
const LONGEST: usize = 80;
/// Keys that are the head's own business, or say where something stands and not what it is.
const NO_POLICY: [&str; 6] = ["digest", "root", "toolchain", "gitlab_runners", "github_runners", "line"];

/// One line a difference: the key, the value before and the value after.
pub(super) fn lines(before: &Model, after: &Model) -> Vec<String> {
    let sides = [before, after].map(|model| serde_json::to_value(model).unwrap_or_default());
    let [before, after] = &sides;
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    if more > 0 {
        found.push(format!("… and {more} more differences"));
    }
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added).filter(|key| !NO_POLICY.contains(&key.as_str())) {
                // What builds and measures is the head's, except who sees which secret.
                if path == "test" || path == "build" && key != "secrets" {
                    continue;
                }
                let nothing = &Value::Null;
                let (old, new) = (old.get(key).unwrap_or(nothing), new.get(key).unwrap_or(nothing));
                compare(&below(key), old, new, found);
            }
        }
        (Value::Array(old), Value::Array(new)) if named(old) && named(new) => {
            let ids = old.iter().chain(new).filter_map(id);
            for id in ids.collect::<std::collections::BTreeSet<_>>() {
                let nothing = Value::Null;
                let find = |side: &[Value]| side.iter().find(|rule| self::id(rule) == Some(id)).cloned();
                let (old, new) = (find(old), find(new));
                compare(
                    &below(id),
                    old.as_ref().unwrap_or(&nothing),
                    new.as_ref().unwrap_or(&nothing),
                    found,
                );
            }
        }
        _ => found.push(format!("`{path}`: {} → {}", shown(before), shown(after))),
    }
}

/// Whether a list is one of things with an id, such as rules.
fn named(list: &[Value]) -> bool {
    list.iter().all(|entry| id(entry).is_some())
}

fn id(entry: &Value) -> Option<&str> {
    entry.get("id").and_then(Value::as_str)
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(LONGEST).collect()
}
