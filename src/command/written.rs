//! Commands written out again, so that reading them gives the same command.

use std::fmt;

use super::arguments::QUOTES;
use super::{Command, Verb};
use crate::domain::ModelName;

/// What Markdown may take for more than itself.
const FORMATS: [char; 9] = ['\\', '`', '*', '_', '[', ']', '<', '&', '~'];

impl fmt::Display for Command {
    /// The line without its address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb.word())?;
        if let Some(model) = self.model.as_ref().filter(|model| !self.verb.names(model)) {
            write!(f, " {model}")?;
        }
        match &self.verb {
            Verb::Help
            | Verb::Status
            | Verb::Versions
            | Verb::Cancel
            | Verb::Unapprove
            | Verb::Unhold
            | Verb::Regenerate => Ok(()),
            Verb::Describe { reference } => write!(f, " {reference}"),
            Verb::Blame { environment, time } => {
                write!(f, " {environment}")?;
                optional(f, "", time.as_deref())
            }
            Verb::Explain { stage } => optional(f, "", stage.as_deref()),
            Verb::Run { stage, sha } => {
                optional(f, "", stage.as_deref())?;
                optional(f, "", sha.as_deref())
            }
            Verb::Retry { sha } | Verb::Approve { sha } => optional(f, "", sha.as_deref()),
            Verb::Hold { reason } => reason.as_deref().map_or(Ok(()), |reason| quoted(f, reason)),
            Verb::Waive { rule, reason } => {
                write!(f, " {}", escaped(rule))?;
                quoted(f, reason)
            }
            Verb::Publish { sha, dry_run, when_ready } => {
                optional(f, "", sha.as_deref())?;
                f.write_str(if *dry_run { " --dry-run" } else { "" })?;
                f.write_str(if *when_ready { " --when-ready" } else { "" })
            }
            Verb::Promote { reference, environment } => write!(f, " {reference} {environment}"),
            Verb::Rollback { environment, reference } => {
                write!(f, " {environment}")?;
                optional(f, " to", reference.as_deref())
            }
            Verb::Abort { environment } => write!(f, " {environment}"),
            Verb::Retire { reference, reason } => {
                write!(f, " {reference}")?;
                quoted(f, reason)
            }
        }
    }
}

impl Verb {
    /// Whether the command's REF says which model is meant, as `iris@v42` does.
    fn names(&self, model: &ModelName) -> bool {
        let (Self::Describe { reference }
        | Self::Promote { reference, .. }
        | Self::Retire { reference, .. }
        | Self::Rollback { reference: Some(reference), .. }) = self
        else {
            return false;
        };
        reference.split_once('@').is_some_and(|(named, _)| named == model.as_str())
    }
}

fn optional(f: &mut fmt::Formatter<'_>, before: &str, argument: Option<&str>) -> fmt::Result {
    argument.map_or(Ok(()), |argument| write!(f, "{before} {argument}"))
}

/// A reason in such quotes as it does not hold itself, so that its first word is never taken for a model.
fn quoted(f: &mut fmt::Formatter<'_>, reason: &str) -> fmt::Result {
    let plain = escaped(reason);
    match QUOTES.iter().find(|(open, close)| !reason.contains([*open, *close])) {
        Some((open, close)) => write!(f, " {open}{plain}{close}"),
        None => write!(f, " {plain}"),
    }
}

/// What is shown as this text: whatever Markdown would make something of is escaped.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let joins = |neighbour: Option<&char>| neighbour.is_some_and(|c| c.is_alphanumeric());
        let within_a_word = c == '_' && joins(before.as_ref()) && joins(rest.peek());
        if FORMATS.contains(&c) && !within_a_word {
            plain.push('\\');
        }
        plain.push(c);
        before = Some(c);
    }
    plain
}
