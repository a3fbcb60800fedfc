//! Failures on demand, and the record of every request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::exchange::{Call, Reply};

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This answer, and no effect.
    Answer {
        /// Status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// Body.
        body: String,
    },
    /// The connection breaks before anything happened.
    BreakBefore,
    /// The connection breaks after it happened: the asker cannot know.
    BreakAfter,
    /// The answer takes so long.
    Slow(Duration),
    /// Nothing happens and nothing is answered until [`Sandbox::let_go`]; then the connection breaks.
    ///
    /// [`Sandbox::let_go`]: super::Sandbox::let_go
    HoldBefore,
    /// It happens, but nothing is answered until [`Sandbox::let_go`]; then the connection breaks.
    ///
    /// [`Sandbox::let_go`]: super::Sandbox::let_go
    HoldAfter,
}

/// Decides by method and path what goes wrong with each request.
pub type Chooser = Arc<dyn Fn(&str, &str) -> Option<Fault> + Send + Sync>;

impl Fault {
    /// A JSON error with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: json!({ "message": format!("{status} played by the sandbox") }).to_string(),
        }
    }

    /// A proxy's HTML page with this status.
    #[must_use]
    pub fn html(status: u16) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: "<html><body><h1>Whoops, something went wrong on our end.</h1></body></html>".to_owned(),
        }
    }

    /// 403 as GitHub answers who writes too fast, without any header that says for how long.
    #[must_use]
    pub fn too_fast() -> Self {
        Self::Answer {
            status: 403,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body:
                json!({ "message": "You have exceeded a secondary rate limit. Please wait a few minutes." })
                    .to_string(),
        }
    }

    /// 429 with this `Retry-After`: seconds or a date.
    #[must_use]
    pub fn too_many(retry_after: &str) -> Self {
        Self::Answer {
            status: 429,
            headers: vec![
                ("content-type".to_owned(), "text/plain".to_owned()),
                ("retry-after".to_owned(), retry_after.to_owned()),
            ],
            body: "Retry later\n".to_owned(),
        }
    }
}

#[derive(Debug)]
struct Planned {
    method: String,
    path: GlobMatcher,
    fault: Fault,
    left: u32,
}

/// One request as it came, without its credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Method.
    pub method: String,
    /// Path and query as sent.
    pub url: String,
    /// Login of who asked; none for strangers and jobs.
    pub by: Option<String>,
    /// Headers, those with credentials left out.
    pub headers: Vec<(String, String)>,
    /// JSON, else the text, else null for other bytes.
    pub body: Value,
    /// The status answered; none when the connection was broken.
    pub status: Option<u16>,
    /// Whether there is no such route here.
    pub unknown: bool,
}

/// Failures planned and requests seen.
#[derive(Default)]
pub(crate) struct Switches {
    planned: Mutex<Vec<Planned>>,
    chooser: Mutex<Option<Chooser>>,
    seen: Mutex<Vec<Recorded>>,
    /// Rung for every request that is held.
    held: Notify,
    let_go: Notify,
    /// Rung whenever a request was recorded.
    moved: Notify,
}

impl std::fmt::Debug for Switches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Switches").field("planned", &self.planned).finish_non_exhaustive()
    }
}

const SECRET: [&str; 4] = ["private-token", "authorization", "job-token", "cookie"];

impl Switches {
    pub(crate) fn plan(
        &self,
        times: u32,
        method: &str,
        path: &str,
        fault: Fault,
    ) -> Result<(), globset::Error> {
        let path = GlobBuilder::new(path).literal_separator(false).build()?.compile_matcher();
        let planned = Planned { method: method.to_owned(), path, fault, left: times };
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).push(planned);
        Ok(())
    }

    /// The failure that this request meets, if one is planned.
    pub(crate) fn next(&self, call: &Call) -> Option<Fault> {
        let chooser = self.chooser.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(fault) = chooser.and_then(|choose| choose(&call.method, call.path())) {
            return Some(fault);
        }
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let found = planned.iter_mut().find(|one| {
            one.left > 0 && (one.method == "*" || one.method == call.method) && one.path.is_match(call.path())
        })?;
        found.left -= 1;
        Some(found.fault.clone())
    }

    pub(crate) fn choose(&self, chooser: Option<Chooser>) {
        *self.chooser.lock().unwrap_or_else(PoisonError::into_inner) = chooser;
    }

    /// Keeps one request until it is let go.
    pub(crate) async fn hold(&self) {
        let mut let_go = std::pin::pin!(self.let_go.notified());
        let_go.as_mut().enable();
        self.held.notify_one();
        let_go.await;
    }

    /// Resolves when a request is held.
    pub(crate) async fn held(&self) {
        self.held.notified().await;
    }

    pub(crate) fn let_go(&self) {
        self.let_go.notify_waiters();
    }

    /// Resolves after the next request was recorded.
    pub(crate) async fn moved(&self) {
        self.moved.notified().await;
    }

    /// How many planned failures were not met yet.
    pub(crate) fn left(&self) -> u32 {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.iter().map(|one| one.left).sum()
    }

    pub(crate) fn record(&self, call: &Call, by: Option<String>, reply: Option<&Reply>) {
        let open = call.headers.iter().filter(|(name, _value)| !SECRET.contains(&name.as_str()));
        let kind = call.header("content-type").unwrap_or_default();
        let text = std::str::from_utf8(&call.body).ok().filter(|text| !text.is_empty());
        let body = match text {
            Some(text) if kind.starts_with("application/json") => {
                serde_json::from_str(text).unwrap_or_else(|_error| Value::String(text.to_owned()))
            }
            Some(text) => Value::String(text.to_owned()),
            None => Value::Null,
        };
        let recorded = Recorded {
            method: call.method.clone(),
            url: call.target.clone(),
            by,
            headers: open.cloned().collect(),
            body,
            status: reply.map(|reply| reply.status),
            unknown: reply.is_some_and(|reply| reply.unknown),
        };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
        self.moved.notify_one();
    }

    pub(crate) fn seen(&self) -> Vec<Recorded> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Recorded {
    /// One line for the judge of captured requests.
    #[must_use]
    pub fn json_line(&self) -> String {
        let headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "method": self.method,
            "url": self.url,
            "headers": headers,
            "body": self.body,
            "status": self.status,
        })
        .to_string()
    }
}
