//! The YAML block that a Markdown file may begin with.

use std::collections::BTreeSet;

use serde_saphyr::Budget;
use serde_saphyr::budget::{EnforcingPolicy, check_yaml_budget};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

/// The most texts, lists and sections in it.
const MOST_NODES: usize = 5_000;
/// The deepest nesting.
const MOST_DEPTH: usize = 24;
/// The most aliases (`*name`).
const MOST_ALIASES: usize = 50;

/// Splits a file into what is wrong with its front matter, and the Markdown after it. A file without front
/// matter is all Markdown.
pub(super) fn split(text: &str) -> (Option<String>, &str) {
    let Some(rest) = text.strip_prefix("---").and_then(after_line) else { return (None, text) };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            let body = rest.get(at + line.len()..).unwrap_or_default();
            return (problem(rest.get(..at).unwrap_or_default()), body);
        }
        at += line.len();
    }
    let why = "Its first line `---` begins front matter, and no later line `---` ends it: add one.";
    (Some(why.to_owned()), rest)
}

/// What follows the end of a line in which nothing more stands.
fn after_line(text: &str) -> Option<&str> {
    let (blank, rest) = text.split_once('\n')?;
    blank.trim().is_empty().then_some(rest)
}

/// Why this is no YAML mapping, if so. Nothing of it is kept, so that it is not built either.
fn problem(yaml: &str) -> Option<String> {
    let mut budget = Budget::default();
    budget.max_depth = MOST_DEPTH;
    budget.max_nodes = MOST_NODES;
    budget.max_aliases = MOST_ALIASES;
    budget.max_documents = 1;
    match check_yaml_budget(yaml, budget, EnforcingPolicy::AllContent) {
        Ok(report) if report.breached.is_some() => {
            return Some("Its front matter is larger or nested deeper than is read: shorten it.".to_owned());
        }
        Ok(_) => {}
        Err(error) => {
            // The block begins in the file's second line.
            let line = error.marker().line() + 1;
            return Some(format!(
                "Its front matter is no YAML, see line {line} (`{}`): mend it.",
                quote(&error.info())
            ));
        }
    }
    mapping(Parser::new_from_str(yaml).filter_map(Result::ok).map(|(event, _)| event))
}

/// Why the document is not one mapping in which every key stands once, if so.
fn mapping<'y>(events: impl Iterator<Item = Event<'y>>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut depth = 0_usize;
    let mut key_next = true;
    for event in events {
        let key = depth == 1 && key_next;
        match &event {
            Event::Scalar(text, style, ..) if depth == 0 => {
                // A block in which only comments stand is a mapping without keys.
                let nothing = *style == ScalarStyle::Plain && matches!(text.as_ref(), "" | "~");
                return (!nothing).then(no_mapping);
            }
            Event::SequenceStart(..) | Event::Alias(..) if depth == 0 => return Some(no_mapping()),
            Event::Scalar(text, ..) if key && !seen.insert(text.to_string()) => {
                return Some(format!("Its front matter has the key `{}` twice: keep one.", quote(text)));
            }
            _ => {}
        }
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                key_next = if depth == 1 { !key_next } else { key_next };
            }
            Event::Scalar(..) | Event::Alias(..) if depth == 1 => key_next = !key_next,
            _ => {}
        }
    }
    None
}

fn no_mapping() -> String {
    "Its front matter is no mapping: write one `key: value` a line.".to_owned()
}

/// At most 60 characters of a text of others, fit for a code span.
fn quote(text: &str) -> String {
    let safe = |c: char| if c == '`' || c.is_control() { ' ' } else { c };
    text.trim_end_matches('.').chars().take(60).map(safe).collect()
}
