//! JUnit files.

use roxmltree::{Document, Node, ParsingOptions};

use crate::domain::{TestFailure, TestSummary};

/// The largest file, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;
/// The most nodes of a document.
const MOST_NODES: u32 = 1_000_000;
/// The most failures that are kept word for word.
const MOST_FAILURES: usize = 100;
/// Where a failure's message is cut, in characters.
const LONGEST_MESSAGE: usize = 2_000;
/// A longer path is none of a file in a repository, in characters.
const LONGEST_PATH: usize = 500;
/// Where a test's name is cut, in characters.
const LONGEST_NAME: usize = 300;

/// A file that is no JUnit report, or not one that we are willing to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableTests {
    /// It is too large.
    #[error("the JUnit file is larger than {LARGEST} bytes")]
    TooLarge,
    /// It is not UTF-8.
    #[error("the JUnit file is not UTF-8 text")]
    NotText,
    /// It is not XML, has a document type, or has too many nodes.
    #[error("the JUnit file is not XML that we read: {0}")]
    NotXml(String),
    /// Its first element is another one.
    #[error("the JUnit file begins with another element than `testsuites` or `testsuite`")]
    NotJunit,
}

/// Reads one JUnit file.
///
/// # Errors
/// When the file is no JUnit report or over a limit; the message says which, and is safe to show.
pub fn junit(bytes: &[u8]) -> Result<TestSummary, UnreadableTests> {
    if bytes.len() > LARGEST {
        return Err(UnreadableTests::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_error| UnreadableTests::NotText)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
        .map_err(|error| UnreadableTests::NotXml(error.to_string()))?;
    let root = document.root_element();
    if !matches!(root.tag_name().name(), "testsuites" | "testsuite") {
        return Err(UnreadableTests::NotJunit);
    }
    let mut summary = TestSummary::default();
    for case in root.descendants().filter(|node| node.has_tag_name("testcase")) {
        summary.total = summary.total.saturating_add(1);
        let outcome = |name| case.children().find(|child| child.has_tag_name(name));
        if let Some(failure) = outcome("failure").or_else(|| outcome("error")) {
            if summary.failed.len() < MOST_FAILURES {
                summary.failed.push(described(case, failure));
            } else {
                summary.failed_more += 1;
            }
        } else if outcome("skipped").is_some() {
            summary.skipped = summary.skipped.saturating_add(1);
        }
    }
    Ok(summary)
}

fn described(case: Node<'_, '_>, failure: Node<'_, '_>) -> TestFailure {
    let name = case.attribute("name").unwrap_or("(without a name)");
    let name = match case.attribute("classname").filter(|class| !class.is_empty()) {
        Some(class) => format!("{class}.{name}"),
        None => name.to_owned(),
    };
    let message = failure.attribute("message").unwrap_or_default();
    let text = failure.text().unwrap_or_default().trim();
    let message = match (message.is_empty(), text.is_empty()) {
        (true, _) => text.to_owned(),
        (false, true) => message.to_owned(),
        (false, false) if text.contains(message) => text.to_owned(),
        (false, false) => format!("{message}\n{text}"),
    };
    let (file, line) = place(case);
    TestFailure { name: cut(&name, LONGEST_NAME), message: cut(&message, LONGEST_MESSAGE), file, line }
}

/// Where the test stands, as far as the file says: many runners write it beside the test, some beside the
/// suite. Lines of some are counted from 0.
fn place(case: Node<'_, '_>) -> (Option<String>, Option<u32>) {
    let suites = case.ancestors().filter(|node| node.has_tag_name("testsuite"));
    let mut named = std::iter::once(case).chain(suites);
    let file = named.find_map(|node| node.attribute("file")).map(str::trim);
    let file = file.filter(|file| !file.is_empty() && file.chars().count() <= LONGEST_PATH);
    let line = case.attribute("line").and_then(|line| line.trim().parse::<u32>().ok());
    (file.map(str::to_owned), line.filter(|_| file.is_some()).map(|line| line.max(1)))
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

#[cfg(test)]
mod tests;
