//! The JSON Schema of `.mergewright.yml`, written from the table that the reader asks.

use serde_json::{Map, Value, json};

use super::keys::{FILE_KEYS, MODEL};
use super::shape::{Names, Object, Presence, Shape};

/// A text that is not blank.
const NOT_BLANK: &str = r"\S";
/// A path that stays inside, of characters that mean themselves.
const PATH: &str = r"^(?=.*\S)(?![/~])(?!(.*/)?\.\.(/|$))[^$\\*?\[\]{}]+$";
/// A glob that stays inside.
const GLOB: &str = r"^(?=.*\S)(?![/!])(?!(.*/)?\.\.(/|$))[^$\\]+$";
/// Percent or percentage points.
const SHARE: &str = r"^[0-9][0-9.eE+-]*(%|pp)$";

/// The JSON Schema (2020-12) of a `.mergewright.yml`.
///
/// It knows keys, forms, words and bounds. What depends on other values (references, circles, rules
/// that contradict each other) is judged by [`parse`](super::parse) alone.
#[must_use]
pub fn schema() -> Value {
    let mut writer = Writer::default();
    let mut root = writer.object(&FILE_KEYS, true);
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".to_owned(), json!(".mergewright.yml"));
    root.insert(
        "description".to_owned(),
        json!(
            "What mergewright does with the models of a repository. `mergewright check` judges more than a schema can."
        ),
    );
    // What a model lacks may stand in `defaults`.
    root.insert("if".to_owned(), json!({"required": ["defaults"]}));
    let complete = json!({"additionalProperties": {"$ref": "#/$defs/complete_model"}});
    root.insert("else".to_owned(), json!({"properties": {"models": complete}}));
    let mut definitions = writer.definitions;
    let mut whole_model = required_within(&MODEL).unwrap_or_default();
    whole_model
        .insert("description".to_owned(), json!("What a model must say itself where there are no defaults."));
    definitions.insert("complete_model".to_owned(), Value::Object(whole_model));
    root.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(root)
}

/// Writes shapes down; sections become definitions.
#[derive(Default)]
struct Writer {
    definitions: Map<String, Value>,
}

impl Writer {
    /// A section; `alone` is one that nothing is merged into, so that it must be complete as it stands.
    fn object(&mut self, object: &'static Object, alone: bool) -> Map<String, Value> {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for key in object.keys {
            let mut value = self.shape(&key.shape, false);
            value.insert("description".to_owned(), json!(key.about));
            match key.presence {
                Presence::Required(_) => required.push(key.name),
                Presence::Default(default) => {
                    // The table's own test reads each of them.
                    let default = serde_json::from_str(default).unwrap_or_default();
                    value.insert("default".to_owned(), default);
                }
                Presence::Optional => {}
            }
            properties.insert(key.name.to_owned(), Value::Object(value));
        }
        let mut written = form(json!({
            "description": object.about,
            "properties": properties,
            "additionalProperties": false,
        }));
        if alone {
            written.insert("type".to_owned(), json!("object"));
            written.insert("required".to_owned(), json!(required));
        } else {
            written.insert("type".to_owned(), json!(["object", "null"]));
        }
        written
    }

    fn shape(&mut self, shape: &Shape, alone: bool) -> Map<String, Value> {
        let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
        form(match shape {
            Shape::FormatVersion => json!({"const": 1}),
            Shape::Line | Shape::Script => text(NOT_BLANK),
            Shape::Path => text(PATH),
            Shape::Glob => text(GLOB),
            Shape::Notation(pattern) => text(pattern),
            Shape::Number => json!({"type": "number"}),
            Shape::Tolerance => json!({"type": ["number", "string"], "minimum": 0, "pattern": SHARE}),
            Shape::Truth => json!({"type": "boolean"}),
            Shape::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Shape::Choice(words) => json!({"enum": words()}),
            Shape::List(item) => json!({"type": "array", "items": self.shape(item, true)}),
            Shape::Many(item) => {
                let item = self.shape(item, true);
                json!({"anyOf": [{"type": "array", "items": item}, item]})
            }
            Shape::Section(object) => {
                if !self.definitions.contains_key(object.name) {
                    let written = self.object(object, alone);
                    self.definitions.insert(object.name.to_owned(), Value::Object(written));
                }
                json!({"$ref": format!("#/$defs/{}", object.name)})
            }
            Shape::Named(Names { notation, reserved, value, .. }) => json!({
                "type": ["object", "null"],
                "propertyNames": names_of(notation, &reserved.concat()),
                "additionalProperties": self.shape(value, false),
            }),
        })
    }
}

/// Only what must be there, in the section and below it; none where nothing must. Lists are left out:
/// nothing is merged into them, so that their items say it themselves.
fn required_within(object: &Object) -> Option<Map<String, Value>> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in object.keys {
        if matches!(key.presence, Presence::Required(_)) {
            required.push(key.name);
        }
        let within = match &key.shape {
            Shape::Section(object) => required_within(object).map(Value::Object),
            Shape::Named(Names { value: Shape::Section(object), .. }) => {
                required_within(object).map(|within| json!({"additionalProperties": within}))
            }
            _ => None,
        };
        if let Some(within) = within {
            properties.insert(key.name.to_owned(), within);
        }
    }
    let mut written = Map::new();
    if !properties.is_empty() {
        written.insert("properties".to_owned(), Value::Object(properties));
    }
    if !required.is_empty() {
        written.insert("type".to_owned(), json!("object"));
        written.insert("required".to_owned(), json!(required));
    }
    (!written.is_empty()).then_some(written)
}

/// What people may choose as a name.
fn names_of(notation: &str, taken: &[&str]) -> Value {
    if taken.is_empty() {
        // An empty list of words is no schema.
        return json!({"pattern": notation});
    }
    json!({"pattern": notation, "not": {"enum": taken}})
}

/// The entries of a JSON object.
fn form(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(entries) => entries,
        _ => Map::new(),
    }
}
