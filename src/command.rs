//! Chat commands: Markdown in, commands out.

mod grammar;

pub use grammar::{Addressing, Command, CommandError, Parsed, Verb};

/// The commands of a comment, in order; empty when none is addressed to us.
#[must_use]
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub fn parse(body: &str, addressing: &Addressing) -> Vec<Parsed> {
    todo!()
}

/// The help text as Markdown, made from the parser's own table.
#[must_use]
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub fn help(addressing: &Addressing) -> String {
    todo!()
}
