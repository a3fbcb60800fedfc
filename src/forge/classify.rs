//! One judgement of every answer that is not the one we hoped for, for both forges.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::HeaderMap;

use crate::domain::{ForgeKind, Timestamp};

use super::text::{cut, visible};
use super::{ErrorKind, ForgeError};

/// How long to wait when a forge asks us to slow down but does not say for how long.
pub(crate) const UNTOLD_PAUSE: Duration = Duration::from_secs(60);

/// The longest wait that is believed: a forge's wrong clock must not silence us for days.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The most characters of a forge's own words that we repeat.
const MOST_WORDS: usize = 300;

/// One thing we ask of a forge, in words for people.
#[derive(Debug)]
pub(crate) struct Operation {
    /// For metrics and logs: `merge_request`.
    pub(crate) name: &'static str,
    /// Completes "the forge did not …": `read the merge request`.
    pub(crate) does: &'static str,
    /// The right that it takes.
    pub(crate) needs: &'static str,
}

/// An answer that was not a success.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    /// Already freed of secrets.
    pub(crate) body: &'a str,
}

/// A call that failed: the classified error, and what an operation may want to judge by itself.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error: ForgeError,
    /// The status, where there was an answer.
    pub(crate) status: Option<u16>,
    /// The forge's own words, cut and freed of secrets.
    pub(crate) words: String,
    /// Whether the forge asked the whole credential to be silent.
    pub(crate) pause: Option<Duration>,
    /// Whether it asked to slow down without saying for how long.
    pub(crate) untold: bool,
}

impl From<Failure> for ForgeError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Failure {
    /// A failure that is no answer: network, time-out, limits of ours.
    pub(crate) fn new(kind: ErrorKind, external: String, internal: String) -> Self {
        Self {
            error: ForgeError { kind, external, internal },
            status: None,
            words: String::new(),
            pause: None,
            untold: false,
        }
    }

    /// Whether the answer had this status.
    pub(crate) fn is(&self, status: u16) -> bool {
        self.status == Some(status)
    }

    /// Whether the forge's words contain these, without regard to case.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.words.to_ascii_lowercase().contains(&words.to_ascii_lowercase())
    }

    /// The same failure judged otherwise by the operation that knows what it means.
    pub(crate) fn meaning(mut self, kind: ErrorKind, external: String) -> ForgeError {
        self.error.kind = kind;
        self.error.external = external;
        self.error
    }
}

/// Says which file it was about, where that is our own limit or the forge's refusal.
pub(crate) fn named(failure: Failure, path: &str) -> ForgeError {
    let mut error = ForgeError::from(failure);
    if error.kind == ErrorKind::Refused {
        error.external = format!("`{path}`: {}", error.external);
    }
    error
}

/// Judges an answer by the one table that both forges share.
pub(crate) fn classify(
    forge: ForgeKind,
    operation: &Operation,
    answer: &Answer<'_>,
    now: Timestamp,
) -> Failure {
    let name = display_name(forge);
    let does = operation.does;
    let html = is_html(answer);
    let words = if html { String::new() } else { words(answer.body) };
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    let (mut pause, mut untold) = (None, false);
    let retry = |after| ErrorKind::Retry { after };
    let (kind, external) = match answer.status {
        429 => (retry(slow_down(answer.headers, now, &mut pause, &mut untold)), slow_down_text(name)),
        403 if asks_to_slow_down(answer.headers, &words) => {
            (retry(slow_down(answer.headers, now, &mut pause, &mut untold)), slow_down_text(name))
        }
        401 => (
            ErrorKind::Unauthorized,
            format!(
                "{name} does not accept our API token: it may be wrong, expired or revoked; configure a valid one"
            ),
        ),
        500.. | 408 | 425 => (
            retry(asked_wait(answer.headers, now)),
            format!("{name} could not {does} (HTTP {}); this is tried again", answer.status),
        ),
        status if html => (
            retry(None),
            format!(
                "something in front of {name} answered with a page (HTTP {status}) when asked to {does}; this is tried again"
            ),
        ),
        403 => (
            ErrorKind::Refused,
            format!("{name} does not allow the bot to {does}: it needs {}{said}", operation.needs),
        ),
        404 | 410 => (
            ErrorKind::Gone,
            format!("{name} could not {does}: it is not there, or our API token may not see it{said}"),
        ),
        409 if words.to_ascii_lowercase().contains("lock") => {
            (retry(None), format!("{name} is busy and could not {does}; this is tried again"))
        }
        405 | 409 => (ErrorKind::Conflict, format!("{name} could not {does} as things stand now{said}")),
        301..=308 => (
            ErrorKind::Refused,
            format!(
                "{name} answers from another address when asked to {does}; correct its address in the configuration"
            ),
        ),
        status => (ErrorKind::Refused, format!("{name} refused to {does} (HTTP {status}){said}")),
    };
    let shown = if html { "an HTML page" } else { &words };
    let internal = format!("{}: HTTP {}: {shown}", operation.name, answer.status);
    Failure {
        error: ForgeError { kind, external, internal },
        status: Some(answer.status),
        words,
        pause,
        untold,
    }
}

/// The forge's name as people write it.
pub(crate) const fn display_name(forge: ForgeKind) -> &'static str {
    match forge {
        ForgeKind::GitHub => "GitHub",
        ForgeKind::GitLab => "GitLab",
    }
}

/// When the whole credential may speak again, by whichever header says so.
fn slow_down(
    headers: &HeaderMap,
    now: Timestamp,
    pause: &mut Option<Duration>,
    untold: &mut bool,
) -> Option<Duration> {
    *pause = asked_wait(headers, now).or_else(|| reset(headers, now));
    *untold = pause.is_none();
    pause.or(Some(UNTOLD_PAUSE))
}

fn slow_down_text(name: &str) -> String {
    format!("{name} asks us to slow down; this is tried again by itself")
}

/// GitHub says it with 403 and an empty budget, a `retry-after`, or only in words.
fn asks_to_slow_down(headers: &HeaderMap, words: &str) -> bool {
    let exhausted = header(headers, "x-ratelimit-remaining") == Some("0");
    let words = words.to_ascii_lowercase();
    // The last one is what older Enterprise Servers say of a secondary limit.
    let said = ["secondary rate limit", "rate limit exceeded", "abuse detection"];
    exhausted || headers.contains_key("retry-after") || said.iter().any(|said| words.contains(said))
}

/// `Retry-After`, in seconds or as a date.
pub(crate) fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = header(headers, "retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp(date.timestamp_millis()).since(now).min(LONGEST_WAIT))
}

/// GitLab's `RateLimit-Reset`, GitHub's `x-ratelimit-reset`: seconds since 1970. GitHub's speaks of the
/// budget of the hour, also where that is not what is exhausted.
pub(crate) fn reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if header(headers, "x-ratelimit-remaining").is_some_and(|left| left.trim() != "0") {
        return None;
    }
    let text = header(headers, "ratelimit-reset").or_else(|| header(headers, "x-ratelimit-reset"))?;
    let seconds: i64 = text.trim().parse().ok()?;
    Some(Timestamp(seconds.saturating_mul(1000)).since(now).min(LONGEST_WAIT))
}

/// A header as text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_html(answer: &Answer<'_>) -> bool {
    header(answer.headers, "content-type").is_some_and(|kind| kind.starts_with("text/html"))
        || answer.body.trim_start().starts_with('<')
}

/// What a forge says in an error body: `message` and `error` in all their shapes, on one line.
fn words(body: &str) -> String {
    let text = match serde_json::from_str::<serde_json::Value>(body) {
        Ok(value) => {
            let mut parts = Vec::new();
            for key in ["message", "error", "error_description", "errors"] {
                collect(value.get(key), &mut parts);
            }
            parts.join("; ")
        }
        Err(_) => body.to_owned(),
    };
    let line = visible(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line, MOST_WORDS)
}

fn collect(value: Option<&serde_json::Value>, parts: &mut Vec<String>) {
    match value {
        Some(serde_json::Value::String(text)) => parts.push(text.clone()),
        Some(serde_json::Value::Array(items)) => items.iter().for_each(|item| collect(Some(item), parts)),
        Some(serde_json::Value::Object(fields)) => fields.iter().for_each(|(key, item)| {
            let mut inner = Vec::new();
            collect(Some(item), &mut inner);
            if !inner.is_empty() {
                let inner = inner.join(", ");
                parts.push(if key == "base" || key == "message" { inner } else { format!("{key} {inner}") });
            }
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
