//! A second bot in `mode: observe` beside the one that acts: it has a database, a door and a credential of
//! its own, hears whatever the first one heard, and must not write a single time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hmac::{Hmac, Mac as _};
use mergewright::app::App;
use mergewright::config::server::ServerConfig;
use mergewright::domain::{ForgeKind, MergeRequestId, ModelState, Phase, RepoId, State};
use mergewright::sandbox::{Delivery, Recorded, Role, Sandbox, SandboxProject};
use mergewright::telemetry;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use super::clock::TestClock;
use super::forges::{door, server_lines};
use super::play::HUB_SECRET;

const OBSERVER: &str = "observing-bot";
const HOOK_TOKEN: &str = "token of the observer's hook";

pub(crate) struct Observer {
    forge: ForgeKind,
    app: App,
    door: String,
    http: reqwest::Client,
    /// How many of the forge's deliveries were passed on.
    heard: AtomicUsize,
    /// Whether it must decide as the acting bot does. In a play that is about something else the two may
    /// look at another moment, or meet other failures.
    agreeing: bool,
    /// Whether the acting bot meets what the observer does not.
    parted: AtomicBool,
    _folder: tempfile::TempDir,
}

impl Observer {
    /// Whether every play has one; it need not agree.
    pub(crate) fn wanted() -> Option<bool> {
        std::env::var_os("MERGEWRIGHT_OBSERVER").filter(|value| value == "1").map(|_wanted| false)
    }

    pub(crate) async fn start(
        forge: ForgeKind,
        sandbox: &Sandbox,
        project: &SandboxProject,
        clock: Arc<TestClock>,
        lines: &str,
        agreeing: bool,
    ) -> Self {
        let account = sandbox.bot(OBSERVER);
        // Rights of others are shown to those who have some themselves.
        project.member(OBSERVER, Role::Maintainer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let env = |name: &str| match name {
            "TOKEN" => Some(account.token().to_owned()),
            "SIGNING" => Some(HOOK_TOKEN.to_owned()),
            "HUB_SECRET" => Some(HUB_SECRET.to_owned()),
            _ => None,
        };
        let text = server_lines(forge, &format!("{lines}mode: observe\n"), sandbox);
        let text = text.replace("webhook_signing_tokens", "webhook_tokens");
        let config = ServerConfig::read(&text, &folder.path().join("mergewright.yml"), &env).unwrap();
        let metrics = telemetry::recorder().unwrap().handle();
        let app = App::assemble(&config, clock, metrics).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = format!("http://{}{}", listener.local_addr().unwrap(), door(forge));
        tokio::spawn(mergewright::http::serve(listener, app.router.clone(), std::future::pending()));
        Self {
            forge,
            app,
            door,
            http: reqwest::Client::new(),
            heard: AtomicUsize::new(0),
            agreeing,
            parted: AtomicBool::new(false),
            _folder: folder,
        }
    }

    /// From now on it hears nothing more.
    pub(crate) fn part(&self) {
        self.parted.store(true, Ordering::Relaxed);
    }

    /// Takes in what the forge has sent since the last time, and works until nothing moves.
    pub(crate) async fn follow(&self, sandbox: &Sandbox) {
        if self.parted.load(Ordering::Relaxed) {
            return;
        }
        let all = sandbox.deliveries();
        let heard = self.heard.swap(all.len(), Ordering::Relaxed);
        for delivery in all.iter().skip(heard).filter(|one| matches!(one.answer, Some(Ok(200 | 202)))) {
            self.pass_on(delivery).await;
        }
        self.work().await;
    }

    async fn pass_on(&self, delivery: &Delivery) {
        let request = self.http.post(&self.door).header("content-type", "application/json");
        let request = match self.forge {
            ForgeKind::GitLab => request
                .header("x-gitlab-event", delivery.event)
                .header("idempotency-key", &delivery.id)
                .header("x-gitlab-token", HOOK_TOKEN),
            ForgeKind::GitHub => {
                let mut mac = Hmac::<sha2::Sha256>::new_from_slice(HUB_SECRET.as_bytes()).unwrap();
                mac.update(delivery.body.as_bytes());
                let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
                request
                    .header("x-github-event", delivery.event)
                    .header("x-github-delivery", &delivery.id)
                    .header("x-hub-signature-256", signature)
            }
        };
        let answer = request.body(delivery.body.clone()).send().await.unwrap();
        assert!(answer.status().is_success(), "the observer answered {}", answer.status());
    }

    async fn work(&self) {
        // What it would alarm about, the acting bot alarms about too: the test hears it once.
        async {
            while self.app.worker.work_one().await.unwrap() || self.app.outbox.perform_one().await.unwrap() {}
        }
        .with_subscriber(NoSubscriber::default())
        .await;
    }

    /// Nothing was written, and where it must agree, what was decided is what the acting bot decided.
    pub(crate) async fn agrees(&self, acting: &App, sandbox: &Sandbox, project: &SandboxProject) {
        let requests = sandbox.requests().into_iter().filter(|one| one.by.as_deref() == Some(OBSERVER));
        let writes: Vec<_> = requests
            .filter(|one| !matches!(one.method.as_str(), "GET" | "HEAD") && !asks(one))
            .map(|one| format!("{} {}", one.method, one.url))
            .collect();
        assert_eq!(writes, Vec::<String>::new(), "mode: observe wrote to the forge");
        if !self.agreeing || self.parted.load(Ordering::Relaxed) {
            return;
        }
        // What neither was told of, each finds out by its own sweep.
        self.app.reconcile.sweep().with_subscriber(NoSubscriber::default()).await.unwrap();
        self.work().await;
        assert_eq!(self.app.store.dead_jobs(10).await.unwrap(), [], "the observer's dead letters");
        assert_eq!(self.app.store.dead_effects(10).await.unwrap().len(), 0, "the observer's dead effects");
        for number in 1.. {
            if project.merge_request(number).is_err() {
                break;
            }
            let id = MergeRequestId { repo: RepoId { forge: self.forge, number: project.id() }, number };
            let (ours, theirs) =
                (acting.store.state(id).await.unwrap(), self.app.store.state(id).await.unwrap());
            same(number, &ours.state, &theirs.state);
        }
    }
}

/// Whether it asks by a document, which changes nothing.
fn asks(request: &Recorded) -> bool {
    let document = request.body.get("query").and_then(|query| query.as_str());
    request.url.ends_with("/graphql") && document.is_some_and(|document| document.starts_with("query"))
}

/// The observer stands where the acting bot stands, or waits for what it has not done itself.
fn same(number: u64, acting: &State, observing: &State) {
    let head = |state: &State| state.bound.as_ref().map(|bound| bound.head.clone());
    assert_eq!(head(acting), head(observing), "!{number}: bound to other heads");
    for (name, model) in &acting.models {
        let Some(seen) = observing.models.get(name) else {
            panic!("!{number}: the observer does not know of {name}, which is {}", model.phase);
        };
        let waits = waits(observing, seen) || waits_for_people(model, seen);
        assert!(model.phase == seen.phase || waits, "!{number} {name}: {} and {}", model.phase, seen.phase);
    }
}

/// Whether a call is under way: the observer made none, so that it waits for ever.
fn waits(state: &State, model: &ModelState) -> bool {
    let merging = state.merging.as_ref().is_some_and(|merging| merging.asked.is_some());
    let publishing = model.publication.as_ref().is_some_and(|publication| publication.asked.is_some());
    merging || publishing || model.anew.as_ref().is_some_and(|anew| anew.asked.is_some())
}

/// Whether the acting bot was told by the forge what the observer never asked it.
fn waits_for_people(acting: &ModelState, observing: &ModelState) -> bool {
    acting.phase == Phase::PublishFailed && observing.phase == Phase::Publishing
}
