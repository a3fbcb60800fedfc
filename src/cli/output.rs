//! The two streams of the command line. A closed pipe ends nothing: there is nobody left to tell. What cannot be
//! written for another reason, such as a full disk, is no answer.

use std::io::{self, Write as _};

use super::Answer;

/// A line for the person who watches.
pub(super) fn say(line: impl std::fmt::Display) {
    let _closed_pipe = writeln!(io::stdout().lock(), "{line}");
}

/// A line for the person who waits, beside the answer that is still to come.
pub(super) fn tell(line: impl std::fmt::Display) {
    let _closed_pipe = writeln!(io::stderr().lock(), "{line}");
}

/// Part of an answer that is too long to be held.
///
/// # Errors
/// When it cannot be written, although somebody may still read.
pub(super) fn write_line(line: impl std::fmt::Display) -> io::Result<()> {
    unless_closed(writeln!(io::stdout().lock(), "{line}"))
}

/// An answer, each part on its stream, both ending with a line's end.
///
/// # Errors
/// When what was asked for cannot be written, although somebody may still read.
pub(super) fn print(answer: &Answer) -> io::Result<()> {
    let ended = |text: &str| if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut out = io::stdout().lock();
    let written = write!(out, "{}{}", answer.out, ended(&answer.out)).and_then(|()| out.flush());
    let _closed_pipe = write!(io::stderr().lock(), "{}{}", answer.err, ended(&answer.err));
    unless_closed(written)
}

fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}
