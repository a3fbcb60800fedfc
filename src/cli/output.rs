//! The two streams of the command line. A closed pipe ends nothing: there is nobody left to tell.

use std::io::Write as _;

use super::Answer;

/// A line for the person who asked.
pub(super) fn say(line: impl std::fmt::Display) {
    let _closed_pipe = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line for the person who waits, beside the answer that is still to come.
pub(super) fn tell(line: impl std::fmt::Display) {
    let _closed_pipe = writeln!(std::io::stderr().lock(), "{line}");
}

/// An answer, each part on its stream, both ending with a line's end.
pub(super) fn print(answer: &Answer) {
    let ended = |text: &str| if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let _closed_pipe = write!(std::io::stdout().lock(), "{}{}", answer.out, ended(&answer.out));
    let _closed_pipe = write!(std::io::stderr().lock(), "{}{}", answer.err, ended(&answer.err));
}
