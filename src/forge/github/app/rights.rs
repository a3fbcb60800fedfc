//! What the bot asks to be allowed, and no more.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Every permission that the bot uses; who sets the App up grants the same.
const PERMISSIONS: [(&str, &str); 11] = [
    ("actions", "write"),
    ("checks", "write"),
    ("contents", "write"),
    ("deployments", "read"),
    ("issues", "write"),
    ("members", "read"),
    ("merge_queues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
    ("statuses", "write"),
    ("workflows", "write"),
];

/// There is no right to read them: they are files.
const ONLY_WRITTEN: &str = "workflows";

/// The permissions of a bot that acts, or of one that only watches.
pub(in crate::forge::github) fn used(watches: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = PERMISSIONS.into_iter().filter(move |(name, _)| !watches || *name != ONLY_WRITTEN);
    all.map(move |(name, level)| (name, if watches { "read" } else { level }))
}

/// What we ask for of what was granted: asking for more is refused as a whole. What is lacking is told by
/// GitHub where it is needed.
pub(super) fn asked(granted: &BTreeMap<String, String>, watches: bool) -> Value {
    let mut asked = Map::new();
    for (name, wanted) in used(watches) {
        let level = match (granted.get(name).map(String::as_str), wanted) {
            (Some("write" | "admin"), wanted) => wanted,
            (Some("read"), _) => "read",
            _ => continue,
        };
        asked.insert(name.to_owned(), level.into());
    }
    Value::Object(asked)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_more_is_asked_for_than_is_granted_or_used() {
        let granted = [
            ("actions", "read"),
            ("administration", "write"),
            ("contents", "write"),
            ("deployments", "write"),
            ("members", "a_word_of_tomorrow"),
            ("metadata", "read"),
            ("workflows", "write"),
        ];
        let granted = granted.map(|(name, level)| (name.to_owned(), level.to_owned())).into();
        let expected = json!({"actions": "read", "contents": "write", "deployments": "read", "metadata": "read", "workflows": "write"});
        assert_eq!(asked(&granted, false), expected);
        let expected =
            json!({"actions": "read", "contents": "read", "deployments": "read", "metadata": "read"});
        assert_eq!(asked(&granted, true), expected, "who only watches cannot write");
    }
}
