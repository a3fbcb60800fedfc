//! The published schema and the page of every key follow the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mergewright::cli::schema::schema;
use mergewright::config::repository;
use serde_json::Value;

fn here(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn the_published_schema_is_the_one_of_this_program() {
    assert!(
        here("docs/mergewright.schema.json") == schema().out,
        "run: mergewright schema > docs/mergewright.schema.json"
    );
}

/// How a value of this schema is written, in a word.
fn form(value: &Value) -> String {
    if let Some(words) = value["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return format!("`{}`", words.join("`, `"));
    }
    let pattern = |value: &Value| match value["pattern"].as_str() {
        Some(pattern) if pattern.contains("d)?([0-9]+h") => "duration",
        Some(pattern) if pattern.contains("pp)") => "number, percent or points",
        _ => "text",
    };
    match &value["type"] {
        _ if value["const"] == 1 => "`1`".to_owned(),
        _ if value["$ref"].is_string() => "section".to_owned(),
        _ if value["anyOf"].is_array() => "list of texts".to_owned(),
        Value::String(kind) if kind == "array" => match &value["items"] {
            items if items["$ref"].is_string() => "list of sections".to_owned(),
            items if items["type"] == "integer" => "list of whole numbers".to_owned(),
            _ => "list of texts".to_owned(),
        },
        Value::String(kind) if kind == "integer" => {
            format!("whole number, {} to {}", value["minimum"], value["maximum"])
        }
        Value::String(kind) if kind == "boolean" => "`true` or `false`".to_owned(),
        Value::String(kind) if kind == "number" => "number".to_owned(),
        Value::Array(kinds) if kinds.contains(&"object".into()) => {
            let texts = value["additionalProperties"]["type"] == "string";
            if texts { "texts by name" } else { "sections by name" }.to_owned()
        }
        _ => pattern(value).to_owned(),
    }
}

/// The rows that the page must have: section, and one line for each of its keys.
fn rows() -> Vec<(String, String)> {
    let schema = repository::schema();
    let complete = &schema["$defs"]["complete_model"];
    let mut sections = vec![("file".to_owned(), &schema)];
    let definitions = schema["$defs"].as_object().unwrap();
    sections.extend(definitions.iter().map(|(name, section)| (name.clone(), section)));
    sections.retain(|(name, _)| name != "complete_model");
    let must: BTreeSet<String> = required(&schema, complete);
    let mut rows = Vec::new();
    for (name, section) in sections {
        for (key, value) in section["properties"].as_object().unwrap() {
            let default = match &value["default"] {
                Value::Null if must.contains(&format!("{name}.{key}")) => "required".to_owned(),
                Value::Null => String::new(),
                default => format!("`{default}`"),
            };
            let about = value["description"].as_str().unwrap();
            rows.push((name.clone(), format!("| `{key}` | {} | {default} | {about} |", form(value))));
        }
    }
    rows
}

/// Keys that must be written, as `section.key`.
fn required(schema: &Value, complete: &Value) -> BTreeSet<String> {
    let names = |section: &str, value: &Value| -> Vec<String> {
        let keys = value["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        keys.map(|key| format!("{section}.{key}")).collect()
    };
    let mut found: BTreeSet<String> = names("file", schema).into_iter().collect();
    for (name, section) in schema["$defs"].as_object().unwrap() {
        found.extend(names(name, section));
    }
    found.extend(names("model", complete));
    let inner = |path: &str, section: &str| names(section, complete.pointer(path).unwrap());
    found.extend(inner("/properties/toolchain", "toolchain"));
    found.extend(inner("/properties/test", "test"));
    found.extend(inner("/properties/test/properties/reports", "reports"));
    found.extend(inner("/properties/version", "version"));
    found.extend(inner("/properties/schedules/additionalProperties", "schedule"));
    found.extend(inner("/properties/environments/additionalProperties/properties/canary", "canary"));
    found
}

#[test]
fn the_page_of_keys_has_every_key_and_no_other() {
    let page = here("docs/configuration.md");
    let rows = rows();
    let missing: Vec<_> = rows.iter().filter(|(_, row)| !page.lines().any(|line| line == row)).collect();
    let text: Vec<_> = missing.iter().map(|(section, row)| format!("{section}: {row}")).collect();
    assert!(missing.is_empty(), "docs/configuration.md lacks:\n{}", text.join("\n"));
    let known: BTreeSet<&str> = rows.iter().map(|(_, row)| row.as_str()).collect();
    let stale: Vec<_> =
        page.lines().filter(|line| line.starts_with("| `") && !known.contains(line)).collect();
    assert!(
        stale.is_empty(),
        "docs/configuration.md has rows that the schema does not know:\n{}",
        stale.join("\n")
    );
}

#[test]
fn every_example_of_the_page_is_valid() {
    let page = here("docs/configuration.md");
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        repository::parse(block).unwrap_or_else(|problems| panic!("{problems}\n{block}"));
    }
}
