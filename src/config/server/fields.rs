//! Reading single fields: what is missing, unknown, repeated or of the wrong kind becomes a problem
//! and reading goes on.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::problem::Problems;
use super::tree::{Key, Node, Place, Value};

/// The file under judgement.
pub(super) struct Reader<'a> {
    pub(super) problems: Problems<'a>,
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    pub(super) folder: &'a Path,
}

/// A block of keys that were compared with those we know.
pub(super) struct Section<'n> {
    name: &'static str,
    place: Place,
    entries: &'n [(Key, Node)],
}

/// A value with its full name, such as `gitlab.url`.
#[derive(Clone)]
pub(super) struct Field<'n> {
    pub(super) name: String,
    /// Where its key stands.
    pub(super) key: Place,
    pub(super) node: &'n Node,
}

impl<'n> Section<'n> {
    /// The field of this name, where it is written.
    pub(super) fn field(&self, name: &str) -> Option<Field<'n>> {
        let (key, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        Some(Field { name: self.full(name), key: key.place, node })
    }

    /// The field of this name; its absence is a problem.
    pub(super) fn required(&self, reader: &mut Reader<'_>, name: &str, remedy: &str) -> Option<Field<'n>> {
        let field = self.field(name);
        if field.is_none() {
            reader.problems.add(self.place, self.name, format!("`{}` is missing", self.full(name)), remedy);
        }
        field
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    fn full(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) }
    }
}

impl Reader<'_> {
    /// The block of keys that is the value of a field.
    pub(super) fn section<'n>(
        &mut self,
        field: &Field<'n>,
        name: &'static str,
        known: &[&str],
    ) -> Option<Section<'n>> {
        self.block(field.node, field.key, name, known)
    }

    /// A block of keys; unknown and repeated ones are problems.
    pub(super) fn block<'n>(
        &mut self,
        node: &'n Node,
        place: Place,
        name: &'static str,
        known: &[&str],
    ) -> Option<Section<'n>> {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            // A file without any content has no keys.
            Value::Null if name.is_empty() => &[],
            other => {
                let title =
                    if name.is_empty() { "the configuration".to_owned() } else { format!("`{name}`") };
                let what = format!("{title} must be a block of keys, not {}", other.kind());
                self.problems.add(node.place, "", what, format!("its keys are {}", listed(known)));
                return None;
            }
        };
        for (index, (key, _)) in entries.iter().enumerate() {
            if !known.contains(&key.name.as_str()) {
                let shown: String = key.name.chars().take(60).collect();
                let inside = if name.is_empty() { String::new() } else { format!(" in `{name}`") };
                let remedy = nearest(&key.name, known).map_or_else(
                    || format!("the keys here are {}", listed(known)),
                    |near| format!("did you mean `{near}`?"),
                );
                self.problems.add(key.place, &shown, format!("unknown key `{shown}`{inside}"), remedy);
            } else if let Some((first, _)) =
                entries.iter().take(index).find(|(first, _)| first.name == key.name)
            {
                let what = format!("the key `{}` was written before, in line {}", key.name, first.place.line);
                self.problems.add(key.place, &key.name, what, "keep one of the two");
            }
        }
        Some(Section { name, place, entries })
    }

    /// Says that a field holds something else than it should, without repeating what.
    pub(super) fn wrong(&mut self, field: &Field<'_>, expected: &str) {
        let what = format!("`{}` must be {expected}, not {}", field.name, field.node.value.kind());
        self.problems.add(field.node.place, "", what, format!("write {expected}"));
    }

    /// A text that is not empty.
    pub(super) fn text<'n>(&mut self, field: &Field<'n>, expected: &str) -> Option<&'n str> {
        match &field.node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text),
            Value::Text(_) => {
                self.problems.add(
                    field.node.place,
                    "",
                    format!("`{}` is empty", field.name),
                    format!("write {expected}, or remove the key"),
                );
                None
            }
            _ => {
                self.wrong(field, expected);
                None
            }
        }
    }

    /// One word of a list.
    pub(super) fn one_of<T: Copy>(&mut self, field: &Field<'_>, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of {}", listed(&names));
        let text = self.text(field, &expected)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let remedy = nearest(text, &names)
                .map_or_else(|| format!("write {expected}"), |near| format!("did you mean `{near}`?"));
            let what = format!("`{}` has an unknown value", field.name);
            self.problems.add(field.node.place, &written(field), what, remedy);
        }
        found
    }

    /// A whole number within bounds, inclusive.
    pub(super) fn number(&mut self, field: &Field<'_>, least: u64, most: u64) -> Option<u64> {
        if let Value::Integer(number) = field.node.value
            && let Ok(number) = u64::try_from(number)
            && (least..=most).contains(&number)
        {
            return Some(number);
        }
        let what = format!("`{}` must be a whole number from {least} to {most}", field.name);
        self.problems.add(
            field.node.place,
            &written(field),
            what,
            format!("write a number such as `{least}`"),
        );
        None
    }

    /// A span of time such as `30s`; `0s` only where it has a meaning.
    pub(super) fn duration(&mut self, field: &Field<'_>, zero_allowed: bool) -> Option<Duration> {
        let parsed = match &field.node.value {
            Value::Text(text) => duration(text),
            _ => None,
        };
        match parsed {
            Some(span) if zero_allowed || !span.is_zero() => Some(span),
            Some(_) => {
                let what = format!("`{}` must be longer than zero", field.name);
                self.problems.add(
                    field.node.place,
                    &written(field),
                    what,
                    "write a span of time such as `5m`",
                );
                None
            }
            None => {
                let what = format!("`{}` is not a span of time", field.name);
                let remedy = "write a whole number and its unit, such as `500ms`, `1s`, `5m`, `2h` or `30d`";
                self.problems.add(field.node.place, &written(field), what, remedy);
                None
            }
        }
    }

    /// The base of a web address, without its trailing slashes.
    pub(super) fn address(&mut self, field: &Field<'_>) -> Option<String> {
        let expected = "an address such as `https://gitlab.example.com`";
        let text = self.text(field, expected)?.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\');
        if host.is_empty() || host.starts_with(':') || text.contains(odd) {
            self.problems.add(
                field.node.place,
                "",
                format!("`{}` is not the base of a web address", field.name),
                format!("write {expected}, without query or fragment"),
            );
            return None;
        }
        if host.contains('@') {
            self.problems.add(
                field.node.place,
                "",
                format!("`{}` holds a user name or password", field.name),
                "leave them out: credentials have keys of their own, as {env: NAME} or {file: PATH}",
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// An IP address and port to listen on.
    pub(super) fn listen(&mut self, field: &Field<'_>) -> Option<SocketAddr> {
        let expected = "an address and port such as `127.0.0.1:8080` or `\"[::]:8080\"`";
        let parsed = self.text(field, expected)?.parse().ok();
        if parsed.is_none() {
            let what = format!("`{}` is not an IP address with a port", field.name);
            self.problems.add(field.node.place, &written(field), what, format!("write {expected}"));
        }
        parsed
    }

    /// Several values.
    pub(super) fn list<'n>(&mut self, field: &Field<'n>, expected: &str) -> Vec<Field<'n>> {
        let Value::List(nodes) = &field.node.value else {
            self.wrong(field, expected);
            return Vec::new();
        };
        let entry = |(index, node): (usize, &'n Node)| Field {
            name: format!("{}[{index}]", field.name),
            key: node.place,
            node,
        };
        nodes.iter().enumerate().map(entry).collect()
    }
}

/// The value as far as it may be repeated: for fields that never hold a secret.
fn written(field: &Field<'_>) -> String {
    match &field.node.value {
        Value::Text(text) => text.lines().next().unwrap_or_default().to_owned(),
        Value::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A whole number and a unit.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(digits)?;
    let count: u64 = count.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    // Longer spans would not fit into the times that we store.
    count.checked_mul(milliseconds).filter(|total| *total <= 36_500 * 86_400_000).map(Duration::from_millis)
}

/// The known word that a typing error would most likely come from.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase();
    let distance = |near: &str| strsim::damerau_levenshtein(&word, near);
    known
        .iter()
        .copied()
        .filter(|near| distance(near) <= near.len().div_ceil(3))
        .min_by_key(|near| distance(near))
}

/// Words for a message: `a`, `b` and `c`.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_number_and_a_unit() {
        for (text, seconds) in
            [("1s", 1.0), ("500ms", 0.5), ("5m", 300.0), ("2h", 7200.0), ("30d", 2_592_000.0), ("0s", 0.0)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in [
            "",
            "1",
            "s",
            "-1s",
            "1.5s",
            "1 s",
            "1S",
            "1w",
            "99999999999999999999s",
            "18446744073709551615d",
            "36501d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn only_likely_words_are_offered() {
        let known = ["token", "url", "webhook_tokens"];
        assert_eq!(nearest("tokne", &known), Some("token"));
        assert_eq!(nearest("Token", &known), Some("token"));
        assert_eq!(nearest("webhook_token", &known), Some("webhook_tokens"));
        assert_eq!(nearest("uri", &known), Some("url"));
        assert_eq!(nearest("password", &known), None);
    }
}
