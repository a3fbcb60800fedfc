//! A job to look at: the end of its log, and where the whole of it is.

use serde::Serialize;

use super::budget;
use crate::domain::LogTail;

#[derive(Debug, Serialize)]
pub(super) struct Log {
    job: String,
    pub(super) text: String,
    cut: bool,
    pub(super) url: String,
}

impl Log {
    /// At most `most` characters of the log's end.
    pub(super) fn new(log: &LogTail, most: usize) -> Self {
        let (text, cut) = budget::tail(&log.text, most);
        // The job's name stands inside HTML and the address inside a link: neither is escaped there.
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        Self { job: log.job.chars().filter(plain).collect(), text, cut, url: web_address(&log.web_url) }
    }
}

/// An address that may stand in a link as it is; empty for everything else.
pub(super) fn web_address(url: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    let web = url.starts_with("https://") || url.starts_with("http://");
    if web && url.chars().all(fits) { url.to_owned() } else { String::new() }
}
