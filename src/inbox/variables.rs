//! Takes the values of CI variables out of a body before it is stored: people start pipelines with
//! credentials in them. Everything else stays as it was sent, byte for byte.

use std::borrow::Cow;

/// What stands in a value's place.
const MASK: &[u8] = b"\"[redacted]\"";

/// The key whose values are taken out, wherever it stands.
const VARIABLES: &str = "variables";

/// Of a variable written as an object, the fields that are no secret.
const HARMLESS: [&str; 3] = ["key", "name", "variable_type"];

/// The body with the value of every variable replaced: of `[{"key": …, "value": …}]` everything but
/// the name, of `{"NAME": …}` every value. The body must be well-formed JSON.
pub(super) fn redacted(body: &[u8]) -> Cow<'_, [u8]> {
    let mut scan = Scan { body, at: 0, open: Vec::new(), key: None, cuts: Vec::new() };
    scan.run();
    if scan.cuts.is_empty() {
        return Cow::Borrowed(body);
    }
    let mut clean = Vec::with_capacity(body.len());
    let mut from = 0;
    for (start, end) in scan.cuts {
        clean.extend_from_slice(body.get(from..start).unwrap_or_default());
        clean.extend_from_slice(MASK);
        from = end;
    }
    clean.extend_from_slice(body.get(from..).unwrap_or_default());
    Cow::Owned(clean)
}

/// What an open bracket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// Nothing of ours.
    Anything,
    /// The list of variables, or something nested in a variable's value.
    Values,
    /// One variable as an object with named fields.
    Variable,
}

struct Scan<'b> {
    body: &'b [u8],
    at: usize,
    open: Vec<(u8, Holds)>,
    /// The key that waits for its value.
    key: Option<(usize, usize)>,
    /// What is to be replaced, in order.
    cuts: Vec<(usize, usize)>,
}

impl Scan<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.body.get(self.at) {
            match byte {
                b'{' | b'[' => {
                    let holds = self.holds_of(byte);
                    self.open.push((byte, holds));
                    self.key = None;
                    self.at += 1;
                }
                b'}' | b']' => {
                    self.open.pop();
                    self.key = None;
                    self.at += 1;
                }
                b',' => {
                    self.key = None;
                    self.at += 1;
                }
                b'"' => {
                    let start = self.at;
                    self.skip_string();
                    if self.awaits_key() {
                        self.key = Some((start, self.at));
                    } else {
                        self.scalar(start);
                    }
                }
                b':' | b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => {
                    let start = self.at;
                    self.skip_bare();
                    self.scalar(start);
                }
            }
        }
    }

    /// In an object, a string is a key until one waits for its value.
    fn awaits_key(&self) -> bool {
        self.key.is_none() && self.open.last().is_some_and(|(bracket, _)| *bracket == b'{')
    }

    /// What the bracket that opens here holds.
    fn holds_of(&self, bracket: u8) -> Holds {
        match self.open.last() {
            Some((_, Holds::Variable)) => Holds::Values,
            Some((b'[', Holds::Values)) if bracket == b'{' => Holds::Variable,
            Some((_, Holds::Values)) => Holds::Values,
            _ if self.key_is(&[VARIABLES]) => Holds::Values,
            _ => Holds::Anything,
        }
    }

    /// A string, number or word that is no key ended here.
    fn scalar(&mut self, start: usize) {
        let secret = match self.open.last() {
            Some((_, Holds::Values)) => true,
            Some((_, Holds::Variable)) => !self.key_is(&HARMLESS),
            _ => self.key_is(&[VARIABLES]),
        };
        let empty = matches!(self.body.get(start..self.at), Some(b"null" | b"\"\""));
        if secret && !empty {
            self.cuts.push((start, self.at));
        }
    }

    fn key_is(&self, names: &[&str]) -> bool {
        let Some(raw) = self.key.and_then(|(start, end)| self.body.get(start..end)) else { return false };
        if raw.contains(&b'\\') {
            return serde_json::from_slice::<String>(raw).is_ok_and(|key| names.contains(&key.as_str()));
        }
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        names.iter().any(|name| name.as_bytes() == inner)
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(&byte) = self.body.get(self.at) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.at = self.at.min(self.body.len());
    }

    fn skip_bare(&mut self) {
        while let Some(&byte) = self.body.get(self.at) {
            if matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\n' | b'\r' | b'\t') {
                break;
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn clean(body: &str) -> String {
        String::from_utf8(redacted(body.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn the_value_of_a_pipeline_variable_is_taken_out_and_its_name_stays() {
        assert_eq!(
            clean(
                r#"{"object_attributes":{"id":31 ,"variables":[{"key":"TOKEN","value":"s3\"cret"},{"value": "x","key":"B"}]},"a":"s3"}"#
            ),
            r#"{"object_attributes":{"id":31 ,"variables":[{"key":"TOKEN","value":"[redacted]"},{"value": "[redacted]","key":"B"}]},"a":"s3"}"#
        );
    }

    #[test]
    fn every_way_of_writing_variables_is_known() {
        for (body, expected) in [
            (
                r#"{"variables":{"key":"a","B":1,"C":true}}"#,
                r#"{"variables":{"key":"[redacted]","B":"[redacted]","C":"[redacted]"}}"#,
            ),
            (r#"{"variables":["A=b",["c"]]}"#, r#"{"variables":["[redacted]",["[redacted]"]]}"#),
            (r#"{"variables":"A=b"}"#, r#"{"variables":"[redacted]"}"#),
            (r#"{"v\u0061riables":"A=b"}"#, r#"{"v\u0061riables":"[redacted]"}"#),
            (
                r#"{"builds":[{"variables":[{"name":"A","value":{"key":"x"}}]}]}"#,
                r#"{"builds":[{"variables":[{"name":"A","value":{"key":"[redacted]"}}]}]}"#,
            ),
            (
                r#"{"variables":[{"key":"A","raw":"x","secret_value":"y"}]}"#,
                r#"{"variables":[{"key":"A","raw":"[redacted]","secret_value":"[redacted]"}]}"#,
            ),
        ] {
            assert_eq!(clean(body), expected);
        }
    }

    #[test]
    fn bodies_without_values_are_not_even_copied() {
        for body in [
            r#"{"variables":[]}"#,
            r#"{"variables":null}"#,
            r#"{"variables":[{"key":"A","value":""}]}"#,
            r#"{"title":"variables","b":["variables","x"],"c":{"d":"variables"}}"#,
            r#"{"x":"{\"variables\":\"A\"}"}"#,
        ] {
            assert!(matches!(redacted(body.as_bytes()), Cow::Borrowed(_)), "{body}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z\"\\\\{}\\[\\],:é]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let key = prop_oneof![Just("variables".to_owned()), Just("key".to_owned()), "[a-z\"\\\\]{0,4}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(key, inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Everything outside of `variables`.
    fn without_variables(value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .filter(|(key, _)| key.as_str() != VARIABLES)
                .map(|(key, value)| (key.clone(), without_variables(value)))
                .collect(),
            Value::Array(list) => list.iter().map(without_variables).collect(),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn any_json_stays_json_and_changes_only_inside_of_variables(value in any_json(), secret in "[A-Z]{12}") {
            let value = json!({"rest": value, "variables": [{"key": "K", "value": secret}]});
            let clean: Value = serde_json::from_slice(&redacted(value.to_string().as_bytes())).unwrap();
            prop_assert_eq!(without_variables(&clean), without_variables(&value));
            prop_assert!(!clean.to_string().contains(&secret));
        }
    }
}
