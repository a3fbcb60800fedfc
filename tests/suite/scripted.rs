//! A server that gives each scripted answer once, keeps what it was asked, and knows nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::StreamExt as _;
use mergewright::domain::{Clock, Sha, Timestamp};
use mergewright::forge::{ErrorKind, ForgeError};
use serde_json::{Value, json};

/// Where an API lies, in which file its requests are kept, and whether under their whole path.
const APIS: [(&str, &str, bool); 3] =
    [("/api/v4", "gitlab", true), ("/api/v3", "github", false), ("/api/uploads", "github", false)];

/// Tells the time that the test says.
#[derive(Debug, Default)]
pub(crate) struct Hand(AtomicI64);

impl Hand {
    pub(crate) fn set(&self, seconds: i64) {
        self.0.store(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A commit name of one repeated digit.
pub(crate) fn sha(digit: char) -> Sha {
    digit.to_string().repeat(40).parse().unwrap()
}

pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, ForgeError>) -> ErrorKind {
    result.unwrap_err().kind
}

/// One answer, given to one request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    method: &'static str,
    target: String,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    end: End,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Well,
    BrokenOff,
    Never,
    /// In so many parts, each so many milliseconds after the one before.
    InParts(usize, u64),
}

impl Answer {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The connection breaks after the body's first half.
    pub(crate) fn broken_off(mut self) -> Self {
        self.end = End::BrokenOff;
        self
    }

    /// The body comes in so many parts, each so many milliseconds after the one before.
    pub(crate) fn in_parts(mut self, parts: usize, pause: u64) -> Self {
        self.end = End::InParts(parts, pause);
        self
    }

    /// Nothing is ever answered.
    pub(crate) fn silent(mut self) -> Self {
        self.end = End::Never;
        self
    }
}

/// Answers `method` on a path of the API (with its query) with JSON.
pub(crate) fn on(
    method: &'static str,
    target: impl Into<String>,
    status: u16,
    body: impl Into<Value>,
) -> Answer {
    raw(method, target, status, body.into().to_string()).header("content-type", "application/json")
}

/// Answers with any bytes.
pub(crate) fn raw(
    method: &'static str,
    target: impl Into<String>,
    status: u16,
    body: impl Into<Vec<u8>>,
) -> Answer {
    Answer { method, target: target.into(), status, headers: Vec::new(), body: body.into(), end: End::Well }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query below the API's own path, or as they are.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
    unknown: Vec<String>,
}

/// A place where nobody answers: nobody else can open a door there while it is kept.
pub(crate) fn closed_door() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl Server {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script =
            Arc::new(Mutex::new(Script { answers: answers.into_iter().collect(), ..Script::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, script }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn add(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().answers.extend(answers);
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// All requests; every scripted answer was used, and nothing else was asked.
    pub(crate) fn finished(&self) -> Vec<Asked> {
        let script = self.script.lock().unwrap();
        assert!(script.unknown.is_empty(), "asked beside the script: {:#?}", script.unknown);
        let left: Vec<_> =
            script.answers.iter().map(|answer| format!("{} {}", answer.method, answer.target)).collect();
        assert!(left.is_empty(), "never asked for: {left:#?}");
        script.asked.clone()
    }

    /// The only request there was.
    pub(crate) fn only(&self) -> Asked {
        let asked = self.finished();
        assert_eq!(asked.len(), 1, "{asked:#?}");
        asked.into_iter().next().unwrap()
    }
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = uri.path_and_query().unwrap().as_str();
    let api = APIS.iter().find(|(base, _, _)| target.starts_with(base));
    let short = api.map_or(target, |(base, _, _)| &target[base.len()..]).to_owned();
    let found = {
        let mut script = script.lock().unwrap();
        let place = script
            .answers
            .iter()
            .position(|answer| answer.method == method.as_str() && answer.target == short);
        let found = place.and_then(|place| script.answers.remove(place));
        if found.is_none() {
            script.unknown.push(format!("{method} {short}"));
        }
        script.asked.push(Asked {
            method: method.clone(),
            target: short.clone(),
            headers: headers.clone(),
            body: body.to_vec(),
        });
        found
    };
    let status = found.as_ref().map_or(418, |answer| answer.status);
    if let Some((_, forge, whole)) = api {
        record(forge, &method, if *whole { target } else { &short }, &headers, &body, status);
    }
    let Some(found) = found else {
        return Response::builder()
            .status(418)
            .body(Body::from("{\"message\":\"not in the script\"}"))
            .unwrap();
    };
    if found.end == End::Never {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(StatusCode::from_u16(found.status).unwrap());
    for (name, value) in found.headers {
        response = response.header(name, value);
    }
    let body = if found.end == End::BrokenOff {
        let half = found.body[..found.body.len() / 2].to_vec();
        let parts = [Ok(half), Err(std::io::Error::other("broken off"))];
        Body::from_stream(futures_util::stream::iter(parts))
    } else if let End::InParts(parts, pause) = found.end {
        let size = found.body.len().div_ceil(parts);
        let parts: Vec<_> = found.body.chunks(size).map(<[u8]>::to_vec).collect();
        Body::from_stream(futures_util::stream::iter(parts).then(move |part| async move {
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            Ok::<_, std::io::Error>(part)
        }))
    } else {
        Body::from(found.body)
    };
    response.body(body).unwrap()
}

/// Keeps every request for the judge of requests, where a folder for that is named.
fn record(forge: &str, method: &Method, url: &str, headers: &HeaderMap, body: &[u8], status: u16) {
    static CAPTURES: OnceLock<Option<BTreeMap<&str, Mutex<File>>>> = OnceLock::new();
    let captures = CAPTURES.get_or_init(|| {
        let folder = PathBuf::from(std::env::var_os("MERGEWRIGHT_RECORD_REQUESTS")?);
        std::fs::create_dir_all(&folder).unwrap();
        let file = |forge| File::create(folder.join(format!("{forge}-adapter.jsonl"))).unwrap();
        Some(["gitlab", "github"].map(|forge| (forge, Mutex::new(file(forge)))).into())
    });
    let Some(captures) = captures else { return };
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok());
    let line = json!({
        "method": method.as_str(),
        "url": url,
        "headers": kind.map_or_else(|| json!({}), |kind| json!({ "content-type": kind })),
        "body": serde_json::from_slice::<Value>(body).ok(),
        "status": status,
    });
    writeln!(captures[forge].lock().unwrap(), "{line}").unwrap();
}
