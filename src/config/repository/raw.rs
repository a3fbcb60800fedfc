//! The file as people wrote it: a tree of texts, lists and sections, each with its place.
//!
//! Nothing is converted here: `yes`, `0755` and `1e3` stay the text they are until a reader asks
//! for a type. Size, depth and aliases are limited before the tree is built.

use std::collections::BTreeMap;

use serde_saphyr::Budget;
use serde_saphyr::budget::{EnforcingPolicy, check_yaml_budget};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::problems::{Place, Sink};
use super::secrets;

/// The largest file that is read; a hundred models with every key stay far below.
pub const MOST_BYTES: usize = 256 * 1024;
/// The most texts, lists and sections, counted after aliases are followed.
pub(super) const MOST_NODES: usize = 20_000;
/// The deepest nesting; the format itself needs eight levels.
const MOST_DEPTH: usize = 24;
/// The most aliases (`*name`).
const MOST_ALIASES: usize = 200;

/// Whether a text of so many bytes is too large to be read, which is then told.
pub(super) fn is_too_large(bytes: usize, sink: &Sink) -> bool {
    let larger = bytes > MOST_BYTES;
    if larger {
        let message = format!("the file has more than {MOST_BYTES} bytes; a larger one is not read");
        sink.report(Place::START, message, "keep data and long scripts in files of their own");
    }
    larger
}

/// Something written, and where.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What is written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text; `plain` is one without quotes, which may also mean a number, a truth value or nothing.
    Text { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A section: keys with their places, in the order written, no key twice.
    Section(Vec<(Key, Node)>),
}

/// A key of a section.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Node {
    /// Whether nothing stands where a value could.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(&self.value, Value::Text { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// `self` with the keys of `own` on top; sections are merged key by key, everything else is replaced.
    pub(super) fn overlaid(&self, own: &Self) -> Self {
        let (Value::Section(below), Value::Section(above)) = (&self.value, &own.value) else {
            return own.clone();
        };
        let mut entries = above.clone();
        for (key, node) in below {
            match entries.iter_mut().find(|(own_key, _)| own_key.text == key.text) {
                Some((_, own_node)) => *own_node = node.overlaid(own_node),
                None => entries.push((key.clone(), node.clone())),
            }
        }
        Self { place: own.place, value: Value::Section(entries) }
    }

    /// How many nodes there are from here, and how many levels deep.
    pub(super) fn extent(&self) -> (usize, usize) {
        let below: Vec<_> = match &self.value {
            Value::Text { .. } => Vec::new(),
            Value::List(items) => items.iter().map(Self::extent).collect(),
            Value::Section(entries) => entries.iter().map(|(_, node)| node.extent()).collect(),
        };
        let (nodes, levels): (Vec<_>, Vec<_>) = below.into_iter().unzip();
        (1 + nodes.iter().sum::<usize>(), 1 + levels.into_iter().max().unwrap_or(0))
    }
}

/// Reads `text` into a tree; none where it is no single YAML document within the limits. Problems
/// that leave the tree readable (a key twice, a secret in the open) are reported and passed over.
pub(super) fn read(text: &str, sink: &Sink) -> Option<Node> {
    if is_too_large(text.len(), sink) {
        return None;
    }
    if let Some(at) = text.find('\0') {
        let message = "a NUL character stands here".to_owned();
        sink.report(Place::of(text, at), message, "write the file as text, in UTF-8");
        return None;
    }
    let mut budget = Budget::default();
    budget.max_depth = MOST_DEPTH;
    budget.max_nodes = MOST_NODES;
    budget.max_aliases = MOST_ALIASES;
    match check_yaml_budget(text, budget, EnforcingPolicy::AllContent) {
        Ok(report) if report.breached.is_some() => {
            report_limits(sink, Place::START);
            return None;
        }
        Ok(_) => {}
        Err(error) => {
            report_syntax(&error, text, sink);
            return None;
        }
    }
    let mut builder = Builder { sink, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.take(event, place(span))?,
            Err(error) => {
                report_syntax(&error, text, sink);
                return None;
            }
        }
    }
    if builder.root.is_none() {
        sink.report(
            Place::START,
            "the file is empty".to_owned(),
            "`mergewright init` writes one to start from",
        );
    }
    builder.root
}

/// A list or section that is not closed yet.
struct Open {
    place: Place,
    anchor: usize,
    items: Vec<Node>,
    entries: Option<Entries>,
}

/// The entries of an open section, and the key whose value comes next.
#[derive(Default)]
struct Entries {
    done: Vec<(Key, Node)>,
    key: Option<Key>,
}

struct Builder<'s> {
    sink: &'s Sink,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    /// Takes one event in; none where reading on makes no sense.
    fn take(&mut self, event: Event<'_>, place: Place) -> Option<()> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let message = "a second document begins here".to_owned();
                self.sink.report(
                    place,
                    message,
                    "the file holds one document: remove the `---` and what follows",
                );
                return None;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let forced = tag.as_deref().is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                if !forced {
                    self.refuse_tag(tag.as_deref(), place);
                }
                if secrets::has_token(&text) {
                    secrets::report(place, self.sink);
                }
                let plain = style == ScalarStyle::Plain && !forced;
                self.add(Node { place, value: Value::Text { text: text.into_owned(), plain } }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), place);
                self.open.push(Open { place, anchor, items: Vec::new(), entries: None });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), place);
                self.open.push(Open { place, anchor, items: Vec::new(), entries: Some(Entries::default()) });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { place: start, anchor, items, entries } = self.open.pop()?;
                let place = Place { end_line: place.end_line, end_column: place.end_column, ..start };
                let value = entries.map_or(Value::List(items), |entries| Value::Section(entries.done));
                self.add(Node { place, value }, anchor)?;
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let node = node.clone();
                    // Without this, a few lines of aliases to aliases would fill the memory.
                    let (nodes, levels) = node.extent();
                    self.nodes += nodes;
                    if self.nodes > MOST_NODES || self.open.len() + levels > MOST_DEPTH {
                        report_limits(self.sink, place);
                        return None;
                    }
                    self.add(node, 0)?;
                }
                None => {
                    let message = "this alias stands inside of what it refers to".to_owned();
                    self.sink.report(place, message, "write the value out");
                    return None;
                }
            },
            _ => {}
        }
        Some(())
    }

    /// Puts a finished node where it belongs: into the open list or section, or as the root.
    fn add(&mut self, node: Node, anchor: usize) -> Option<()> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        let Some(entries) = &mut open.entries else {
            open.items.push(node);
            return Some(());
        };
        match entries.key.take() {
            None => {
                let text = match node.value {
                    Value::Text { text, .. } => text,
                    Value::List(_) | Value::Section(_) => {
                        let message = "a list or section cannot be a key".to_owned();
                        self.sink.report(node.place, message, "write the key as one word");
                        return None;
                    }
                };
                entries.key = Some(Key { text, place: node.place });
            }
            Some(key) => match entries.done.iter().find(|(known, _)| known.text == key.text) {
                None => entries.done.push((key, node)),
                Some((first, _)) => {
                    if secrets::is_secretive(&key.text) {
                        self.sink.hide(node.place);
                    }
                    let shown = secrets::masked(&key.text);
                    let message = format!("the key `{shown}` was already given on line {}", first.place.line);
                    self.sink.report(key.place, message, "keep one of the two");
                }
            },
        }
        Some(())
    }

    fn refuse_tag(&self, tag: Option<&Tag>, place: Place) {
        if tag.is_some() {
            let message = "YAML tags (`!…`) have no meaning here".to_owned();
            self.sink.report(
                place,
                message,
                "remove the tag; a text that looks like a number is put in quotes",
            );
        }
    }
}

fn report_limits(sink: &Sink, place: Place) {
    let message = format!(
        "the file is nested deeper than {MOST_DEPTH} levels, or holds more than {MOST_NODES} values or {MOST_ALIASES} aliases"
    );
    sink.report(place, message, "use `defaults` for what the models share");
}

fn report_syntax(error: &ScanError, text: &str, sink: &Sink) {
    let marker = error.marker();
    let line = small(marker.line()).max(1);
    let column = small(marker.col()).saturating_add(1);
    let place = Place { line, column, end_line: line, end_column: column.saturating_add(1) };
    // Nothing tells keys from values here, so a line that speaks of secrets is not shown at all.
    if text.lines().nth(marker.line().saturating_sub(1)).is_some_and(secrets::is_secretive) {
        sink.hide(Place { column: 1, end_column: u32::MAX, ..place });
    }
    let remedy = "the rest of the file is judged once this can be read as YAML";
    sink.report(place, format!("this is not valid YAML: {}", error.info()), remedy);
}

fn place(span: Span) -> Place {
    Place {
        line: small(span.start.line()).max(1),
        column: small(span.start.col()).saturating_add(1),
        end_line: small(span.end.line()).max(1),
        end_column: small(span.end.col()).saturating_add(1),
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
