//! What a merge request changes of its own policy and evaluation, in the words of the configuration file.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::valid::Model;
use crate::domain::PolicyChange;

/// The most differences that are kept; a comment shows fewer.
const MOST: usize = 200;
/// The longest value that is shown, in characters.
const LONGEST: usize = 80;
/// Keys that are the head's own business, or say where something stands and not what it is.
const NO_POLICY: [&str; 6] = ["digest", "root", "toolchain", "gitlab_runners", "github_runners", "line"];

/// Which part of a section is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The rules: all but what builds and measures, which are the head's (except who sees which secret).
    Policy,
    /// Everything that is handed in.
    Whole,
}

/// The keys of the policy that differ.
pub(super) fn policy(before: &Model, after: &Model) -> Vec<PolicyChange> {
    let [before, after] = [before, after].map(|model| serde_json::to_value(model).unwrap_or_default());
    let mut found = Vec::new();
    compare("", &before, &after, Part::Policy, &mut found);
    found.truncate(MOST);
    found
}

/// The keys of `test` that differ.
pub(super) fn test(before: &Model, after: &Model) -> Vec<String> {
    let [before, after] = [before, after].map(|model| serde_json::to_value(&model.test).unwrap_or_default());
    let mut found = Vec::new();
    compare("test", &before, &after, Part::Whole, &mut found);
    found.into_iter().take(MOST).map(|change| change.key).collect()
}

fn compare(path: &str, before: &Value, after: &Value, part: Part, found: &mut Vec<PolicyChange>) {
    if before == after {
        return;
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added).filter(|key| !NO_POLICY.contains(&key.as_str())) {
                if part == Part::Policy && (path == "test" || path == "build" && key != "secrets") {
                    continue;
                }
                let nothing = &Value::Null;
                let (old, new) = (old.get(key).unwrap_or(nothing), new.get(key).unwrap_or(nothing));
                compare(&below(key), old, new, part, found);
            }
        }
        (Value::Array(old), Value::Array(new)) if named(old) && named(new) => {
            let ids = old.iter().chain(new).filter_map(id);
            for id in ids.collect::<BTreeSet<_>>() {
                let nothing = Value::Null;
                let find = |side: &[Value]| side.iter().find(|rule| self::id(rule) == Some(id)).cloned();
                let (old, new) = (find(old), find(new));
                let (old, new) = (old.as_ref().unwrap_or(&nothing), new.as_ref().unwrap_or(&nothing));
                compare(&below(id), old, new, part, found);
            }
        }
        _ => found.push(PolicyChange { key: path.to_owned(), before: shown(before), after: shown(after) }),
    }
}

/// Whether a list is one of things with an id, such as rules.
fn named(list: &[Value]) -> bool {
    list.iter().all(|entry| id(entry).is_some())
}

fn id(entry: &Value) -> Option<&str> {
    entry.get("id").and_then(Value::as_str)
}

fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(text.chars().take(LONGEST).collect())
}
