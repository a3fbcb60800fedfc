//! The receiver over real HTTP with a real store: a server, a forge that sends, and a clock that only
//! the test moves.

mod alarms;
mod answers;
mod content;
mod corpus;
mod health;
mod identity;
mod limits;
mod origin;
mod wire;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use mergewright::config::server::ServerConfig;
use mergewright::domain::{Clock, ForgeKind, Timestamp};
use mergewright::http::{self, Drain, Limits};
use mergewright::inbox::Inbox;
use mergewright::storage::{Claimed, Decision, Job, Store};
use mergewright::telemetry;
use metrics_exporter_prometheus::PrometheusRecorder;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use wire::{Answer, Wire};

const HUB_SECRET: &str = "hub-webhook-secret";
const HUB_SECRET_NEW: &str = "hub-webhook-secret-after-rotation";
const LAB_TOKEN: &str = "lab-webhook-token";
const LAB_KEY: [u8; 32] = [7; 32];
const NOW: i64 = 1_760_000_000;

/// Both forges with every kind of proof; GitLab's signing key is left out where a test wants tokens.
const GITHUB: &str = "github: {webhook_secrets: [{env: HUB}, {env: HUB_NEW}], token: {env: API}}\n";
const GITLAB_TOKENS: &str =
    "gitlab: {url: 'https://lab.example.com', webhook_tokens: [{env: LAB}], token: {env: API}}\n";
const GITLAB_SIGNED: &str = "gitlab: {url: 'https://lab.example.com', webhook_signing_tokens: [{env: KEY}], webhook_tokens: [{env: LAB}], token: {env: API}}\n";

/// A clock that stands still until it is moved.
#[derive(Clone, Debug)]
struct Hands(Arc<AtomicI64>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A running server and everything that a test may look at.
struct Server {
    address: SocketAddr,
    store: Store,
    clock: Hands,
    drain: Drain,
    folder: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<std::io::Result<()>>,
    _numbers: metrics::LocalRecorderGuard<'static>,
}

impl Server {
    /// Serves both forges and every repository; GitLab proves itself by token.
    async fn start() -> Self {
        Self::with(&format!("{GITHUB}{GITLAB_TOKENS}")).await
    }

    async fn with(config: &str) -> Self {
        Self::with_limits(config, Limits::default()).await
    }

    async fn with_limits(config: &str, limits: Limits) -> Self {
        Self::open(tempfile::tempdir().unwrap(), config, limits).await
    }

    /// Everything that happens on this thread is measured by this server's own recorder.
    async fn open(folder: tempfile::TempDir, config: &str, limits: Limits) -> Self {
        let config = configured(config);
        let store = Store::open(&format!("sqlite://{}", folder.path().join("m.db").display())).await.unwrap();
        let clock = Hands(Arc::new(AtomicI64::new(NOW * 1000)));
        let recorder: &'static PrometheusRecorder = Box::leak(Box::new(telemetry::recorder().unwrap()));
        let numbers = metrics::set_default_local_recorder(recorder);
        let drain = Drain::default();
        let inbox = Inbox::new(store.clone(), Arc::new(clock.clone()), &config);
        let router = http::router(inbox, recorder.handle(), drain.clone(), limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(http::serve(listener, router, async move {
            let _stopped = stopped.await;
        }));
        Self { address, store, clock, drain, folder, stop: Some(stop), running, _numbers: numbers }
    }

    /// Ends the server and starts another one on the same data.
    async fn restarted(mut self, config: &str) -> Self {
        self.stop.take().unwrap().send(()).unwrap();
        self.running.await.unwrap().unwrap();
        self.store.close().await;
        drop(self._numbers);
        Self::open(self.folder, config, Limits::default()).await
    }

    async fn get(&self, path: &str) -> Answer {
        Wire::to(self).await.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
    }

    /// Takes the oldest job and ends it, so that the next one of its lane can be seen.
    async fn job(&self) -> Option<Claimed> {
        let claimed = self.store.claim(self.clock.now(), Duration::from_secs(60)).await.unwrap()?;
        self.store.commit(&claimed.lease, Decision::default(), self.clock.now()).await.unwrap();
        Some(claimed)
    }

    /// The delivery that waits: id, event, lane and body.
    async fn stored(&self) -> Option<Stored> {
        let claimed = self.job().await?;
        let Job::Delivery { id, event, headers, body, .. } = claimed.job else { panic!("not a delivery") };
        Some(Stored {
            id,
            event,
            headers,
            body: String::from_utf8(body).unwrap(),
            lane: claimed.lane.to_string(),
        })
    }
}

struct Stored {
    id: String,
    event: String,
    headers: Vec<(String, String)>,
    body: String,
    lane: String,
}

fn configured(text: &str) -> ServerConfig {
    let env = |name: &str| {
        Some(match name {
            "HUB" => HUB_SECRET.to_owned(),
            "HUB_NEW" => HUB_SECRET_NEW.to_owned(),
            "LAB" => LAB_TOKEN.to_owned(),
            "KEY" => format!("whsec_{}", STANDARD.encode(LAB_KEY)),
            "API" => "api-token-of-the-bot".to_owned(),
            _ => return None,
        })
    };
    ServerConfig::read(text, Path::new("server.yml"), &env).unwrap()
}

/// A delivery as a forge sends it; tests say what is different about theirs.
#[derive(Clone)]
struct Delivery {
    forge: ForgeKind,
    method: &'static str,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// A good delivery of a merge request's event, proved and with an id of its own.
fn good(forge: ForgeKind) -> Delivery {
    match forge {
        ForgeKind::GitHub => github().event("pull_request").id("d-1").signed(HUB_PULL_REQUEST),
        ForgeKind::GitLab => {
            gitlab().event("Merge Request Hook").id("d-1").body(LAB_MERGE_REQUEST).token(LAB_TOKEN)
        }
    }
}

const HUB_PULL_REQUEST: &str = r#"{"action":"opened","number":7,"pull_request":{"number":7},"repository":{"id":5,"full_name":"acme/models"}}"#;
const LAB_MERGE_REQUEST: &str = r#"{"object_kind":"merge_request","project":{"id":5,"path_with_namespace":"acme/models"},"object_attributes":{"iid":7,"action":"open"}}"#;

const BOTH: [ForgeKind; 2] = [ForgeKind::GitHub, ForgeKind::GitLab];

fn github() -> Delivery {
    Delivery::new(ForgeKind::GitHub)
}

fn gitlab() -> Delivery {
    Delivery::new(ForgeKind::GitLab)
}

impl Delivery {
    fn new(forge: ForgeKind) -> Self {
        let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
        Self { forge, method: "POST", headers, body: b"{}".to_vec() }
    }

    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(have, _)| have != name);
        self
    }

    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    fn event(self, event: &str) -> Self {
        let name = self.event_header();
        self.without(name).header(name, event)
    }

    fn event_header(&self) -> &'static str {
        match self.forge {
            ForgeKind::GitHub => "x-github-event",
            ForgeKind::GitLab => "x-gitlab-event",
        }
    }

    fn id(self, id: &str) -> Self {
        let name = self.id_header();
        self.without(name).header(name, id)
    }

    fn id_header(&self) -> &'static str {
        match self.forge {
            ForgeKind::GitHub => "x-github-delivery",
            ForgeKind::GitLab => "idempotency-key",
        }
    }

    fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Another body with the same kind of proof, made for it.
    fn proved(self, body: impl AsRef<[u8]>) -> Self {
        match self.forge {
            ForgeKind::GitHub => self.signed(body),
            ForgeKind::GitLab => self.body(body).token(LAB_TOKEN),
        }
    }

    /// GitHub's signature, or GitLab's with `webhook-id` `w-1` and the present time.
    fn signed(self, body: impl AsRef<[u8]>) -> Self {
        match self.forge {
            ForgeKind::GitHub => self.signed_with(HUB_SECRET, body),
            ForgeKind::GitLab => self.body(body).signed_at("w-1", NOW),
        }
    }

    fn signed_with(self, secret: &str, body: impl AsRef<[u8]>) -> Self {
        let signature = format!("sha256={}", hex::encode(mac(secret.as_bytes(), &[body.as_ref()])));
        self.body(body).without("x-hub-signature-256").header("x-hub-signature-256", signature)
    }

    fn signed_at(self, id: &str, time: i64) -> Self {
        let stamp = time.to_string();
        let digest = mac(&LAB_KEY, &[id.as_bytes(), b".", stamp.as_bytes(), b".", &self.body]);
        let bare = self.without("webhook-id").without("webhook-timestamp").without("webhook-signature");
        bare.header("webhook-id", id)
            .header("webhook-timestamp", stamp)
            .header("webhook-signature", format!("v1,{}", STANDARD.encode(digest)))
    }

    fn token(self, token: &str) -> Self {
        self.without("x-gitlab-token").header("x-gitlab-token", token)
    }

    /// Request line and headers, without a length and without the empty line.
    fn head(&self) -> Vec<u8> {
        let mut head =
            format!("{} /webhooks/{} HTTP/1.1\r\nhost: x\r\n", self.method, self.forge).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head
    }

    async fn sent_to(&self, server: &Server) -> Answer {
        self.sent(server.address).await
    }

    async fn sent(&self, address: SocketAddr) -> Answer {
        let mut request = self.head();
        request.extend_from_slice(format!("content-length: {}\r\n\r\n", self.body.len()).as_bytes());
        request.extend_from_slice(&self.body);
        Wire::connect(address).await.ask(request).await
    }

    /// The body in these pieces, each a chunk of its own.
    async fn sent_in_chunks(&self, server: &Server, pieces: &[&[u8]]) -> Answer {
        let mut request = self.head();
        request.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        for piece in pieces {
            request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            request.extend_from_slice(piece);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        Wire::to(server).await.ask(request).await
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// `name="…"` pairs of a metric line in the order of the exporter.
fn series(name: &str, labels: &[(&str, &str)]) -> String {
    let mut line = format!("{name}{{");
    for (index, (label, value)) in labels.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(line, "{comma}{label}=\"{value}\"").unwrap();
    }
    line + "}"
}
