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
        let address = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
        let web = log.web_url.starts_with("https://") || log.web_url.starts_with("http://");
        let url = if web && log.web_url.chars().all(address) { log.web_url.clone() } else { String::new() };
        Self { job: log.job.chars().filter(plain).collect(), text, cut, url }
    }
}
