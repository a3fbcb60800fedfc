//! Chat commands: Markdown in, commands out.
//!
//! ```text
//! line    = address verb [MODEL] arguments        one plain-text line of a paragraph or list item
//! address = the prefix (`/model`) | `@login`      as the line's first word, in any case
//! verb    = a word of the table, in any case
//! MODEL   = a model of the repository             optional, always the first argument
//! ```
//!
//! Nothing in code, quotes, HTML, headings, tables, links or emphasis is a command, so that whatever
//! acts is there for everybody to see. A line that is addressed to us and cannot be understood is
//! answered, never guessed at: text after the arguments, formatting within the line and invisible
//! characters are errors. An address elsewhere than at the start of a line addresses nobody.

mod arguments;
mod grammar;
mod html;
mod markdown;
mod table;
mod written;

use std::collections::BTreeSet;
use std::fmt::Write as _;

pub(crate) use arguments::nearest;
pub use grammar::{Addressing, Command, CommandError, Parsed, Verb};
pub use table::{Entry, Who, table};

use crate::domain::ModelName;
use arguments::{Arguments, clipped};

/// Most commands taken from one comment; the rest are answered by one error.
pub const MOST_COMMANDS: usize = 20;
/// Longest command line, in characters.
pub const LONGEST_LINE: usize = 2_000;
/// Longest comment that is read, in bytes: four for each of the million characters that GitLab allows.
pub const LONGEST_COMMENT: usize = 4_000_000;
/// Longest part of a line that is repeated in an answer, in characters.
const LONGEST_ECHO: usize = 200;

/// The commands of a comment, in order; empty when none is addressed to us.
///
/// `models` are the models that the repository has: they tell MODEL from the verb's own arguments.
/// When they are not known (the set is empty) a word is taken as MODEL where its place and shape
/// leave nothing else.
#[must_use]
pub fn parse(body: &str, addressing: &Addressing, models: &BTreeSet<ModelName>) -> Vec<Parsed> {
    let address = Address::new(addressing);
    if !address.may_occur_in(body) {
        return Vec::new();
    }
    if body.len() > LONGEST_COMMENT {
        let message = format!("the comment is longer than {LONGEST_COMMENT} bytes and was not read");
        return vec![refused(body.lines().next().unwrap_or_default(), message, addressing)];
    }
    let mut lines = markdown::lines(body, |word| address.is(word));
    let surplus = lines.len() > MOST_COMMANDS;
    lines.truncate(MOST_COMMANDS.saturating_add(1));
    let mut parsed: Vec<Parsed> =
        lines.iter().take(MOST_COMMANDS).map(|line| understand(line, addressing, models)).collect();
    if let Some(first) = lines.last().filter(|_line| surplus) {
        let message =
            format!("a comment may hold {MOST_COMMANDS} commands; this line and those after it are not run");
        parsed.push(refused(&first.source, message, addressing));
    }
    parsed
}

/// The help text as Markdown, made from the parser's own table.
#[must_use]
pub fn help(addressing: &Addressing) -> String {
    let prefix = &addressing.prefix;
    let mut text = format!(
        "One command a line, beginning with `{prefix}` or `@{}`, as plain text. MODEL may be left out \
         where the merge request touches one model.\n\n",
        slug(addressing)
    );
    for entry in table() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "- `{prefix} {}` ({}): {}", entry.usage(), entry.who, entry.help);
    }
    text
}

/// What begins a command line.
struct Address {
    prefix: String,
    mention: String,
}

impl Address {
    fn new(addressing: &Addressing) -> Self {
        Self { prefix: addressing.prefix.clone(), mention: format!("@{}", slug(addressing)) }
    }

    fn is(&self, word: &str) -> bool {
        word.eq_ignore_ascii_case(&self.prefix) || word.eq_ignore_ascii_case(&self.mention)
    }

    /// Whether looking closer is worth it: most comments address nobody.
    fn may_occur_in(&self, body: &str) -> bool {
        let body = body.to_ascii_lowercase();
        [&self.prefix, &self.mention].iter().any(|address| body.contains(&address.to_ascii_lowercase()))
    }
}

/// The name by which people mention us: an App's login is its slug and `[bot]`.
fn slug(addressing: &Addressing) -> &str {
    addressing.login.strip_suffix("[bot]").unwrap_or(&addressing.login)
}

/// Makes a command of an addressed line.
fn understand(line: &markdown::Line, addressing: &Addressing, models: &BTreeSet<ModelName>) -> Parsed {
    if line.source.chars().count() > LONGEST_LINE {
        let message = format!("the line is longer than {LONGEST_LINE} characters");
        return refused(&line.source, message, addressing);
    }
    if line.formatted {
        let message = "a command is plain text: write the line without code, emphasis, links or HTML";
        return refused(&line.source, message.to_owned(), addressing);
    }
    let mut words = line.text.split_whitespace().skip(1);
    let Some(verb) = words.next() else {
        return refused(&line.source, "the command is missing".to_owned(), addressing);
    };
    let Some(entry) = table().iter().find(|entry| verb.eq_ignore_ascii_case(entry.word)) else {
        let guess = nearest(verb, table().iter().map(|entry| entry.word));
        let guess = guess.map_or_else(String::new, |word| format!("; did you mean `{word}`?"));
        let message = format!("there is no command `{}`{guess}", clipped(verb));
        return refused(&line.source, message, addressing);
    };
    let words: Vec<&str> = words.collect();
    let command = entry.read(Arguments::new(&words, models)).map_err(|message| CommandError {
        message,
        usage: format!("{} {}", addressing.prefix, entry.usage()),
    });
    Parsed { line: echo(&line.source), command }
}

fn refused(line: &str, message: String, addressing: &Addressing) -> Parsed {
    let usage = format!("{} help", addressing.prefix);
    Parsed { line: echo(line), command: Err(CommandError { message, usage }) }
}

fn echo(line: &str) -> String {
    line.trim().chars().take(LONGEST_ECHO).collect()
}

#[cfg(test)]
mod tests;
