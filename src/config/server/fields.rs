//! Reading single fields: what is missing, unknown, repeated or of the wrong kind becomes a problem
//! and reading goes on.

use std::path::Path;

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

/// The known word that a typing error would most likely come from.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase();
    let distance = |near: &str| strsim::damerau_levenshtein(&word, near);
    known
        .iter()
        .copied()
        .filter(|near| distance(near) <= near.len().div_ceil(3))
        .min_by_key(|near| distance(near))
}

/// Words for a message: `a`, `b` and `c`.
pub(super) fn listed(words: &[&str]) -> String {
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
    fn only_likely_words_are_offered() {
        let known = ["token", "url", "webhook_tokens"];
        assert_eq!(nearest("tokne", &known), Some("token"));
        assert_eq!(nearest("Token", &known), Some("token"));
        assert_eq!(nearest("webhook_token", &known), Some("webhook_tokens"));
        assert_eq!(nearest("uri", &known), Some("url"));
        assert_eq!(nearest("password", &known), None);
    }
}
