//! A sandbox forge, the real adapter, a real store, and a clock that moves only when told.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mergewright::config::server::{AllowList, GitlabConfig, Mode};
use mergewright::domain::{
    Clock, Effect, ForgeKind, InternalEvent, Lane, MergeRequestId, Outcome, Redactor, RepoId, Sha, Timestamp,
};
use mergewright::forge::Forges;
use mergewright::forge::GitLab;
use mergewright::outbox::Outbox;
use mergewright::sandbox::{Comment, File, Role, Sandbox, SandboxOptions, SandboxProject};
use mergewright::storage::{Decision, Job, NewDelivery, NewJob, Store};
use mergewright::worker::{Settings, Worker};

/// 2026-11-23 13:30:09 UTC.
const NOON: i64 = 1_795_440_609_000;

/// The bot's login.
pub(crate) const BOT: &str = "mergewright-bot";

/// Something that the bot knows and must not say.
pub(crate) const SECRET: &str = "hunter2-under_score";

/// A clock that moves only when told.
#[derive(Debug)]
pub(crate) struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct Stand {
    pub(crate) forge: Sandbox,
    pub(crate) project: SandboxProject,
    pub(crate) store: Store,
    pub(crate) clock: Arc<Hands>,
    pub(crate) id: MergeRequestId,
    pub(crate) head: Sha,
    pub(crate) main: Sha,
    pub(crate) forges: Forges,
}

impl Stand {
    /// A project with these files on main, and an open merge request that changes `params.json`.
    pub(crate) async fn with(files: &[File]) -> Self {
        let clock = Arc::new(Hands(AtomicI64::new(NOON)));
        let forge = Sandbox::start(SandboxOptions::by_hand(clock.clone())).await.unwrap();
        let project = forge.create_project("acme/iris").unwrap();
        for (login, role) in [("ada", Role::Developer), ("mia", Role::Maintainer), (BOT, Role::Maintainer)] {
            project.member(login, role).unwrap();
        }
        let bot = forge.bot(BOT);
        project.hook("http://127.0.0.1:9/hook", None, Some("token")).unwrap();
        let main = project.push("mia", "main", files, "Begin").unwrap();
        let change = [File::write("params.json", "{\"depth\": 3}\n")];
        let head = project.push("ada", "deeper", &change, "Go deeper").unwrap();
        let number = project.open_merge_request("ada", "deeper", "Go deeper").unwrap();
        let config = GitlabConfig {
            url: forge.url().to_owned(),
            signing_keys: vec![],
            webhook_tokens: vec![],
            token: bot.token().to_owned().into(),
            write_interval: Duration::ZERO,
        };
        let gitlab = GitLab::new(&config, clock.clone()).unwrap();
        let forges = Forges { github: None, gitlab: Some(Arc::new(gitlab)) };
        let repo = RepoId { forge: ForgeKind::GitLab, number: project.id() };
        let id = MergeRequestId { repo, number };
        let store = Store::open("sqlite::memory:").await.unwrap();
        Self { forge, project, store, clock, id, head, main, forges }
    }

    pub(crate) async fn open() -> Self {
        Self::with(&[File::write("params.json", "{}\n")]).await
    }

    pub(crate) fn later(&self, span: Duration) {
        self.clock.0.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn outbox(&self, mode: Mode) -> Outbox {
        let (forges, redactor) = (self.forges.clone(), Redactor::new([SECRET]));
        Outbox::new(self.store.clone(), forges, self.clock.clone(), mode, redactor).unwrap()
    }

    pub(crate) fn worker(&self) -> Worker {
        self.worker_for("**")
    }

    /// A worker that serves the repositories of this pattern alone.
    pub(crate) fn worker_for(&self, pattern: &str) -> Worker {
        let settings = Settings {
            prefix: "/model".to_owned(),
            repositories: AllowList::new([pattern]).unwrap(),
            redactor: Redactor::new([SECRET]),
        };
        Worker::new(self.store.clone(), self.forges.clone(), self.clock.clone(), settings)
    }

    /// Puts effects into the outbox, as a decision about the merge request does.
    pub(crate) async fn want(&self, effects: Vec<Effect>) {
        let lane = Lane::MergeRequest(self.id);
        let job = NewJob { lane, event: InternalEvent::Refresh.to_json() };
        self.store.enqueue(vec![job], self.clock.now()).await.unwrap();
        let claimed = self.store.claim(self.clock.now(), Duration::from_secs(60)).await.unwrap().unwrap();
        let decision = Decision { effects, ..Decision::default() };
        self.store.commit(&claimed.lease, decision, self.clock.now()).await.unwrap();
    }

    /// Performs all that is due, and what becomes due within a quarter of an hour; how many tries.
    pub(crate) async fn perform(&self, mode: Mode) -> u32 {
        let outbox = self.outbox(mode);
        let mut tries = 0;
        for _ in 0..30 {
            while outbox.perform_one().await.unwrap() {
                tries += 1;
            }
            self.later(Duration::from_secs(30));
        }
        tries
    }

    /// Wants one effect, performs it, and says what the engine would hear.
    pub(crate) async fn outcome(&self, effect: Effect) -> Outcome {
        let slot = effect.slot();
        self.want(vec![effect]).await;
        self.perform(Mode::Act).await;
        let told = self.heard().await;
        let found = told.into_iter().find(|(told, _)| *told == slot);
        found.unwrap_or_else(|| panic!("the engine heard nothing of {slot}")).1
    }

    /// Everything that waits to be told to the engine.
    pub(crate) async fn heard(&self) -> Vec<(String, Outcome)> {
        let mut heard = Vec::new();
        while let Some(claimed) = self.store.claim(self.clock.now(), Duration::from_secs(60)).await.unwrap() {
            let Job::Internal { event } = &claimed.job else { panic!("a delivery") };
            if let InternalEvent::Effect { slot, outcome } = serde_json::from_str(event).unwrap() {
                heard.push((slot, outcome));
            }
            self.store.commit(&claimed.lease, Decision::default(), self.clock.now()).await.unwrap();
        }
        heard
    }

    /// What the bot has written on the merge request, oldest first.
    pub(crate) fn bot_comments(&self) -> Vec<Comment> {
        let bot = self.forge.bot(BOT).id;
        let mut all = self.project.comments(self.id.number).unwrap();
        all.retain(|comment| comment.author == bot && !comment.system);
        all
    }

    /// How many requests of the bot match.
    pub(crate) fn asked(&self, method: &str, ending: &str) -> usize {
        let path = |url: &str| url.split('?').next().unwrap_or_default().to_owned();
        let all = self.forge.requests();
        all.iter().filter(|one| one.method == method && path(&one.url).ends_with(ending)).count()
    }

    /// Claims the effect that is due and lets the claim run out, as a process does that is killed.
    pub(crate) async fn die_while_performing(&self) {
        let claimed = self.store.claim_effect(self.clock.now(), Duration::from_secs(60)).await.unwrap();
        assert!(claimed.is_some(), "there was nothing to die of");
        self.later(Duration::from_secs(61));
    }

    /// Puts the deliveries of these events that the forge made so far into their lanes.
    pub(crate) async fn arrive(&self, events: &[&str]) {
        for delivery in self.forge.pending_deliveries() {
            if events.contains(&delivery.event) {
                let lane = self.lane_of(&delivery.body);
                self.arrives(lane, &delivery.id, delivery.event, &delivery.body).await;
            }
        }
    }

    /// One delivery arrives.
    pub(crate) async fn arrives(&self, lane: Lane, id: &str, event: &str, body: &str) {
        let delivery = NewDelivery {
            forge: ForgeKind::GitLab,
            id: id.to_owned(),
            event: event.to_owned(),
            received_at: self.clock.now(),
            lane: Some(lane),
            ignored: None,
            headers: vec![],
            body: body.to_owned().into(),
        };
        self.store.record(delivery).await.unwrap();
    }

    fn lane_of(&self, body: &str) -> Lane {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let request = match body["object_kind"].as_str() {
            Some("merge_request") => &body["object_attributes"],
            _ => &body["merge_request"],
        };
        match request["iid"].as_u64() {
            Some(number) => Lane::MergeRequest(MergeRequestId { number, ..self.id }),
            None => Lane::Repository(self.id.repo),
        }
    }

    /// The merge request is to be read again.
    pub(crate) async fn refresh(&self) {
        let job = NewJob { lane: Lane::MergeRequest(self.id), event: InternalEvent::Refresh.to_json() };
        self.store.enqueue(vec![job], self.clock.now()).await.unwrap();
    }

    /// Works all that is due; how many jobs.
    pub(crate) async fn work(&self) -> u32 {
        let worker = self.worker();
        let mut jobs = 0;
        while worker.work_one().await.unwrap() {
            jobs += 1;
            assert!(jobs < 1000, "the worker runs in circles");
        }
        jobs
    }

    /// Requests of the bot for anything but its own account since the first `before`.
    pub(crate) fn since(&self, before: usize) -> Vec<String> {
        let all = self.forge.requests();
        let new = all.iter().skip(before).filter(|one| !one.url.ends_with("/user"));
        new.map(|one| format!("{} {}", one.method, one.url)).collect()
    }
}
