//! Asks the tree for types: every answer that is no answer becomes a problem with its place.

use rust_decimal::Decimal;

use super::problems::{Place, Sink};
use super::raw::{Key, Node, Value};
use super::secrets;
use super::shape::{Names, Object, Presence, Shape};
use super::words::Words;

/// A section whose keys are known.
pub(super) struct Section<'a> {
    entries: &'a [(Key, Node)],
    place: Place,
    path: String,
    object: &'static Object,
    pub(super) sink: &'a Sink,
}

/// A name that people chose, where it stands, and what it names.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) place: Place,
    pub(super) field: Field<'a>,
}

/// One value with the form that it should have and the path by which messages call it.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) node: &'a Node,
    pub(super) shape: &'static Shape,
    pub(super) path: String,
    pub(super) sink: &'a Sink,
}

impl<'a> Section<'a> {
    /// The value of `key`, where it is written.
    pub(super) fn field(&self, key: &str) -> Option<Field<'a>> {
        let shape = &self.object.key(key)?.shape;
        let (_, node) = self.entries.iter().find(|(known, _)| known.text == key)?;
        Some(Field { node, shape, path: join(&self.path, key), sink: self.sink })
    }

    /// The value of every known key that is written.
    pub(super) fn fields(&self) -> Vec<Field<'a>> {
        self.object.keys.iter().filter_map(|key| self.field(key.name)).collect()
    }

    /// The value of `key`; its absence is a problem.
    pub(super) fn required(&self, key: &str) -> Option<Field<'a>> {
        let field = self.field(key);
        if field.is_none() {
            let example = match self.object.key(key).map(|key| key.presence) {
                Some(Presence::Required(example)) => example.to_owned(),
                _ => format!("{key}: …"),
            };
            self.missing(key, &example);
        }
        field
    }

    /// Notes that `key` is not there.
    pub(super) fn missing(&self, key: &str, example: &str) {
        let path = join(&self.path, key);
        let start = Place { end_line: self.place.line, end_column: self.place.column + 1, ..self.place };
        self.sink.report(start, format!("`{path}` is missing"), format!("write `{example}`"));
    }

    /// Notes every key that means nothing here.
    fn refuse_unknown(&self) {
        let known = self.object.names();
        for (key, node) in self.entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            hide_secrets(&key.text, node, self.sink);
            let path = &self.path;
            let inside = if path.is_empty() { "at the top level".to_owned() } else { format!("in `{path}`") };
            let homes = self.object.homes_of(&key.text);
            let remedy = match self.sink.nearest(&key.text, &known) {
                _ if key.text == "<<" => {
                    "merge keys are not read: put what the models share into `defaults`".to_owned()
                }
                _ if !homes.is_empty() => format!("it belongs into `{}`", homes.join("` or `")),
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            self.sink.report(key.place, format!("unknown key `{}` {inside}", cut(&key.text)), remedy);
        }
    }
}

impl<'a> Field<'a> {
    /// Notes a problem at this value.
    pub(super) fn refuse(&self, what: &str, remedy: impl Into<String>) {
        let name = if self.path.is_empty() { "the file".to_owned() } else { format!("`{}`", self.path) };
        self.sink.report(self.node.place, format!("{name} {what}"), remedy);
    }

    /// This value as a section whose keys are known; nothing at all is an empty one.
    pub(super) fn section(&self) -> Option<Section<'a>> {
        let Shape::Section(object) = self.shape else { return self.expected("another value") };
        let section = Section {
            entries: self.keys_and_values()?,
            place: self.node.place,
            path: self.path.clone(),
            object,
            sink: self.sink,
        };
        section.refuse_unknown();
        Some(section)
    }

    /// This value as a section whose keys are names that people choose.
    pub(super) fn named(&self) -> Vec<Entry<'a>> {
        let Shape::Named(Names { value, .. }) = self.shape else {
            return self.expected("another value").unwrap_or_default();
        };
        let entry = |(key, node): &'a (Key, Node)| {
            let path = join(&self.path, &key.text);
            let field = Field { node, shape: value, path, sink: self.sink };
            Entry { name: &key.text, place: key.place, field }
        };
        self.keys_and_values().unwrap_or_default().iter().map(entry).collect()
    }

    fn keys_and_values(&self) -> Option<&'a [(Key, Node)]> {
        match &self.node.value {
            Value::Section(entries) => Some(entries),
            _ if self.node.is_nothing() => Some(&[]),
            _ => self.expected("keys and values (a mapping)"),
        }
    }

    /// The items of a list; a value that is no list counts as a list of one.
    pub(super) fn items(&self) -> Vec<Self> {
        let shape = match self.shape {
            Shape::List(item) | Shape::Many(item) => item,
            single => single,
        };
        let item = |(index, node)| {
            let path = format!("{}[{index}]", self.path);
            Self { node, shape, path, sink: self.sink }
        };
        match &self.node.value {
            Value::List(items) => items.iter().enumerate().map(item).collect(),
            _ => vec![Self { shape, ..self.clone() }],
        }
    }

    /// The items of a list, which must be one.
    pub(super) fn list(&self) -> Vec<Self> {
        match &self.node.value {
            Value::List(_) => self.items(),
            _ => self.expected("a list").unwrap_or_default(),
        }
    }

    /// Whether what stands here without quotes means a number, a truth value or nothing.
    pub(super) fn is_no_text(&self) -> bool {
        self.node.is_nothing()
            || matches!(&self.node.value, Value::Text { text, plain: true } if reads_as_something_else(text))
    }

    /// A text that is not empty.
    pub(super) fn text(&self) -> Option<&'a str> {
        let Value::Text { text, plain } = &self.node.value else { return self.expected("a text") };
        if *plain && self.node.is_nothing() {
            return self.expected("a text");
        }
        if *plain && reads_as_something_else(text) {
            let remedy = format!("put it in quotes: \"{}\"", cut(text));
            self.refuse(&format!("expects a text, and `{}` reads as {}", cut(text), kind(self.node)), remedy);
            return None;
        }
        if text.trim().is_empty() {
            self.refuse("is empty", "write a value or remove the key");
            return None;
        }
        Some(text)
    }

    /// A text that stays on one line and holds nothing invisible.
    pub(super) fn line(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.chars().any(char::is_control) {
            self.refuse("has a line break or an invisible character", "write it on one line");
            return None;
        }
        Some(text)
    }

    /// One of some words.
    pub(super) fn choice<T: Words>(&self) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = T::WORDS.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        self.refuse_word(text, &known);
        None
    }

    /// Notes that `text` is none of the words that it could be.
    pub(super) fn refuse_word(&self, text: &str, known: &[&str]) {
        let remedy = match self.sink.nearest(text, known) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("write one of: {}", known.join(", ")),
        };
        self.refuse(&format!("cannot be `{}`", cut(text)), remedy);
    }

    /// `true` or `false`.
    pub(super) fn truth(&self) -> Option<bool> {
        match &self.node.value {
            Value::Text { text, plain: true } if text == "true" => Some(true),
            Value::Text { text, plain: true } if text == "false" => Some(false),
            Value::Text { text, plain: true } if is_truth(text) => {
                let small = text.to_lowercase();
                self.refuse(&format!("is written `{text}`"), format!("write it in small letters: `{small}`"));
                None
            }
            _ => self.expected("true or false"),
        }
    }

    /// A whole number within the bounds of its form.
    pub(super) fn integer<T: TryFrom<u32>>(&self) -> Option<T> {
        let Shape::Integer(least, most) = self.shape else { return self.expected("another value") };
        let Value::Text { text, plain: true } = &self.node.value else {
            return self.expected("a whole number");
        };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = text.len() > 1 && text.starts_with('0');
        match text.parse() {
            Ok(number) if digits && !leading_zero && (*least..=*most).contains(&number) => {
                T::try_from(number).ok()
            }
            _ => {
                let what = format!("is no whole number from {least} to {most}");
                self.refuse(&what, "write the digits alone, without a leading zero");
                None
            }
        }
    }

    /// A number, exactly as written.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        match &self.node.value {
            Value::Text { text, plain: true } => match exact(text) {
                Some(number) => Some(number),
                None if reads_as_something_else(text) => {
                    let what = format!("expects a number, and `{}` cannot be read as one", cut(text));
                    self.refuse(&what, "write at most 28 digits, such as 0.95, -2 or 1e-3");
                    None
                }
                None => self.expected("a number of at most 28 digits, such as 0.95"),
            },
            _ => self.expected("a number without quotes, such as 0.95"),
        }
    }

    /// Notes that something else was expected.
    pub(super) fn expected<T>(&self, what: &str) -> Option<T> {
        hide_secrets("", self.node, self.sink);
        let found = kind(self.node);
        self.refuse(&format!("expects {what}, and found {found}"), format!("write {what}"));
        None
    }
}

/// Keeps out of every excerpt what stands below keys that speak of secrets. A section in a place where none is
/// understood may hold them under any name: `env: {DATABASE: …}`.
fn hide_secrets(key: &str, node: &Node, sink: &Sink) {
    match &node.value {
        Value::Section(_) => sink.hide(node.place),
        _ if secrets::is_secretive(key) => sink.hide(node.place),
        Value::List(items) => items.iter().for_each(|item| hide_secrets("", item, sink)),
        Value::Text { .. } => {}
    }
}

/// The number that `text` writes, without rounding; none where it writes none.
pub(super) fn exact(text: &str) -> Option<Decimal> {
    let shape = text.strip_prefix('-').unwrap_or(text);
    // `1_000` is a text to YAML, and a number only to some of its readers; `0755` is another one to some.
    let leading_zero = shape.starts_with('0') && shape[1..].starts_with(|c: char| c.is_ascii_digit());
    if !shape.starts_with(|c: char| c.is_ascii_digit()) || shape.contains('_') || leading_zero {
        return None;
    }
    let number = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text)
    } else {
        Decimal::from_str_exact(text)
    };
    number.ok().map(|number| number.normalize())
}

/// Whether a text without quotes means a number or truth value to YAML.
fn reads_as_something_else(text: &str) -> bool {
    let number =
        |text: &str| text.parse::<f64>().is_ok_and(|_| text.starts_with(|c: char| !c.is_ascii_alphabetic()));
    let based = |prefix: &str, radix: u32| {
        let digits = text.strip_prefix(prefix).unwrap_or_default();
        !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix))
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let special = matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN");
    is_truth(text) || number(text) || based("0x", 16) || based("0o", 8) || special
}

fn is_truth(text: &str) -> bool {
    matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE")
}

/// What a value is, for messages that never repeat it.
fn kind(node: &Node) -> &'static str {
    match &node.value {
        Value::List(_) => "a list",
        Value::Section(_) => "a mapping",
        _ if node.is_nothing() => "nothing",
        Value::Text { text, plain: true } if is_truth(text) => "a truth value",
        Value::Text { text, plain: true } if reads_as_something_else(text) => "a number",
        Value::Text { .. } => "a text",
    }
}

/// The word that was probably meant.
pub(super) fn nearest<'w>(text: &str, words: &[&'w str]) -> Option<&'w str> {
    // Nobody means a word by a whole page; comparing costs the product of both lengths.
    let text = cut(text).to_lowercase();
    let score = |word: &str| strsim::normalized_damerau_levenshtein(&text, &word.to_lowercase());
    let best = words.iter().map(|word| (score(word), *word)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.6).then_some(best.1)
}

/// At most 60 characters of a text that a message repeats, without control characters and tokens.
pub(super) fn cut(text: &str) -> String {
    let text = secrets::masked(text);
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}

fn join(path: &str, key: &str) -> String {
    let key = cut(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
