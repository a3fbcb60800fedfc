//! The file of facts: what the forge would answer, and what the bot knew before.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::asked::{Asked, Told};
use crate::domain::{State, Timestamp};

/// Everything that a file of facts may hold; docs/replay.md describes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Facts {
    /// The moment to decide at, as RFC 3339; else the payload's own.
    pub(super) now: Option<Moment>,
    /// The bot's account, as the forge shows it.
    pub(super) bot: Option<Value>,
    /// People's roles by login: `none`, `read`, `write` or `maintain`.
    pub(super) people: BTreeMap<String, Role>,
    /// What the bot's database held about the merge request.
    pub(super) state: Option<State>,
    /// Answers by method and path: `GET /projects/7/merge_requests/1`.
    pub(super) answers: BTreeMap<String, Value>,
}

/// A time as it is written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Moment(pub(super) Timestamp);

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = Timestamp::parse(&text).map(Self);
        time.ok_or_else(|| format!("`{text}` is no time; write it as 2026-11-23T03:00:00Z"))
    }
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    None,
    Read,
    Write,
    Maintain,
}

impl Facts {
    pub(super) fn read(file: &Path, text: &str) -> Result<Self, String> {
        let facts: Self = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let whole = error.to_string();
            let what = whole.split(" at line ").next().unwrap_or(&whole);
            format!(
                "{}:{line}:{column}: {what}; facts are written as docs/replay.md describes",
                file.display()
            )
        })?;
        for name in facts.answers.keys() {
            let good = name.split_once(' ').is_some_and(|(method, path)| {
                method.bytes().all(|byte| byte.is_ascii_uppercase()) && path.starts_with('/')
            });
            if !good {
                return Err(format!(
                    "{}: the answer `{name}` has no method and path; write it as `GET /projects/7`",
                    file.display()
                ));
            }
        }
        Ok(facts)
    }

    /// The answer that is written for a request: with its query, else without.
    pub(super) fn answer(&self, asked: &Asked) -> Option<Told> {
        let written = self.answers.get(&asked.name()).or_else(|| self.answers.get(&asked.plain_name()))?;
        Some(told(written))
    }
}

/// `{"status": 404, "body": …}` and `{"zip": {"path": "content"}}` are what they say, a text is a file, and
/// anything else is the JSON of a good answer.
fn told(written: &Value) -> Told {
    let Value::Object(fields) = written else {
        return match written {
            Value::String(text) => Told::bytes(text.clone()),
            other => Told::json(other),
        };
    };
    let only = |keys: &[&str]| fields.keys().all(|key| keys.contains(&key.as_str()));
    if let (Some(status), true) =
        (fields.get("status").and_then(Value::as_u64), only(&["status", "body", "headers"]))
    {
        let told = fields.get("body").map_or_else(|| Told::bytes(Vec::new()), told);
        let headers = fields.get("headers").and_then(Value::as_object).into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        return Told {
            status: u16::try_from(status).unwrap_or(500),
            headers: headers.collect(),
            body: told.body,
        };
    }
    match fields.get("zip").and_then(Value::as_object) {
        Some(files) if only(&["zip"]) => Told::bytes(zipped(files).unwrap_or_default()),
        _ => Told::json(written),
    }
}

fn zipped(files: &Map<String, Value>) -> Option<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        archive.start_file(path.as_str(), zip::write::SimpleFileOptions::default()).ok()?;
        let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
        archive.write_all(text.as_bytes()).ok()?;
    }
    archive.finish().ok().map(Cursor::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Facts, String> {
        Facts::read(Path::new("facts.json"), text)
    }

    #[test]
    fn a_wrong_fact_is_told_with_its_place() {
        let unknown = read("{\n  \"anwers\": {}\n}").unwrap_err();
        assert!(unknown.starts_with("facts.json:2:") && unknown.contains("anwers"), "{unknown}");
        let role = read(r#"{"people": {"alice": "boss"}}"#).unwrap_err();
        assert!(role.contains("boss") && role.contains("maintain"), "{role}");
        let path = read(r#"{"answers": {"/user": {}}}"#).unwrap_err();
        assert!(path.contains("`/user`") && path.contains("GET /projects/7"), "{path}");
        let time = read(r#"{"now": "noon"}"#).unwrap_err();
        assert!(time.contains("noon") && time.contains("2026-11-23T03:00:00Z"), "{time}");
    }

    #[test]
    fn an_answer_may_be_json_a_text_a_refusal_or_an_archive() {
        let shown = |value| {
            let told = told(&value);
            (told.status, String::from_utf8_lossy(&told.body).into_owned())
        };
        assert_eq!(shown(serde_json::json!([1])), (200, "[1]".to_owned()));
        assert_eq!(shown(serde_json::json!("version: 1\n")), (200, "version: 1\n".to_owned()));
        assert_eq!(
            shown(serde_json::json!({"status": 404, "body": {"message": "no"}})),
            (404, "{\"message\":\"no\"}".to_owned())
        );
        // A commit status has a word for its status: that is an answer like any other.
        assert_eq!(shown(serde_json::json!({"status": "running"})).0, 200);
        let archive = shown(serde_json::json!({"zip": {"a/metrics.json": {"accuracy": 0.9}}}));
        assert!(archive.1.starts_with("PK"), "{}", archive.1);
    }
}
