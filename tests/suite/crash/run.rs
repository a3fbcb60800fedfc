//! One play with kills in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mergewright::app::App;
use mergewright::config::server::ServerConfig;
use mergewright::domain::{Clock, SystemClock, Timestamp};
use mergewright::sandbox::{
    Delivery, Fault, File, Person, Sandbox, SandboxApp, SandboxOptions, SandboxProject,
};
use mergewright::telemetry;

use super::bot::{Bot, Log, Starting};
use super::point::{As, Kill, Point};
use crate::flow::IRIS;
use crate::flow::forges::{call, door, server_lines, subscribe};
use crate::flow::outcome::{End, GOOD, alike};
use crate::flow::play::{
    ALL_GOOD, AUTHOR, HUB_SECRET, OWNER, app_config, app_lines, founded, founded_for_app, server_config,
};
use crate::flow::queue::{others_say, queued_branch};

/// A step that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);
const LINES: &str = "repositories: [\"group/models\"]\nlog: {format: json, level: info}\nworkers: 1\n";

/// Where the bot's key lies.
const KEY: &str = "app.pem";

/// What a play came to.
#[derive(Clone)]
pub(super) struct Run {
    /// Requests of the process by kind.
    pub(super) requests: BTreeMap<String, usize>,
    /// Deliveries that it took.
    pub(super) deliveries: usize,
    /// How often it was killed.
    pub(super) kills: usize,
    /// Points that it did not come by.
    pub(super) left: Vec<Point>,
}

/// Counts what passes by and says where the process ends.
#[derive(Default)]
struct Counter {
    requests: BTreeMap<String, usize>,
    deliveries: usize,
    points: Vec<Point>,
}

impl Counter {
    fn request(&mut self, method: &str, path: &str) -> Option<Fault> {
        let kind = alike(method, path);
        let place = self.requests.entry(kind.clone()).or_default();
        let here = *place;
        *place += 1;
        // In a play with many points the count begins anew with every kill: any of the kind will do.
        let found = self.points.iter().position(|point| {
            matches!(point, Point::Request { kind: wanted, place, .. } if *wanted == kind && *place <= here)
        })?;
        match self.points.remove(found) {
            Point::Request { kill: Kill::Before, .. } => Some(Fault::HoldBefore),
            _ => Some(Fault::HoldAfter),
        }
    }

    fn delivery(&mut self, pressed: bool) -> Option<Kill> {
        if pressed {
            return self.at(&Point::Press).then_some(Kill::After);
        }
        let here = self.deliveries;
        self.deliveries += 1;
        let found = self
            .points
            .iter()
            .position(|point| matches!(point, Point::Delivery { place, .. } if *place <= here))?;
        match self.points.remove(found) {
            Point::Delivery { kill, .. } => Some(kill),
            _ => None,
        }
    }

    /// Takes a point out, if it is there.
    fn at(&mut self, wanted: &Point) -> bool {
        let found = self.points.iter().position(|point| point == wanted);
        found.map(|place| self.points.remove(place)).is_some()
    }
}

/// The clock of this machine, until whatever was put off is due.
#[derive(Debug, Default)]
struct Wall(AtomicI64);

impl Wall {
    fn an_hour_later(&self) {
        self.0.store(3600, Ordering::SeqCst);
    }
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        SystemClock.now().after(Duration::from_secs(self.0.load(Ordering::SeqCst).unsigned_abs()))
    }
}

pub(super) struct Stage {
    signed_in: As,
    queued: bool,
    app: Option<SandboxApp>,
    clock: Arc<Wall>,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) project: SandboxProject,
    account: Person,
    folder: tempfile::TempDir,
    config: PathBuf,
    counter: Arc<Mutex<Counter>>,
    log: Log,
    pub(super) bot: Option<Bot>,
    kills: usize,
}

/// What three undisturbed plays pass by: hints of one moment are one look, and how many are of one moment
/// depends on the machine.
pub(super) struct Undisturbed {
    /// Each of the three.
    pub(super) least: Run,
    /// At least one of them.
    pub(super) most: Run,
}

impl Undisturbed {
    pub(super) async fn of(signed_in: As, steps: &[End]) -> Self {
        let first = Run::play(signed_in, steps, Vec::new()).await;
        let mut seen = Self { least: first.clone(), most: first };
        for _ in 0..2 {
            let again = Run::play(signed_in, steps, Vec::new()).await;
            seen.least.deliveries = seen.least.deliveries.min(again.deliveries);
            seen.most.deliveries = seen.most.deliveries.max(again.deliveries);
            for (kind, count) in &mut seen.least.requests {
                *count = (*count).min(again.requests.get(kind).copied().unwrap_or(0));
            }
            for (kind, count) in again.requests {
                let most = seen.most.requests.entry(kind).or_insert(0);
                *most = (*most).max(count);
            }
        }
        seen.least.requests.retain(|_kind, count| *count > 0);
        seen
    }
}

impl Run {
    /// Plays a merge request from its opening to its release, ends the process at each of `points`
    /// that it comes by, and compares what is to be seen after each step of people and CI.
    pub(super) async fn play(signed_in: As, steps: &[End], points: Vec<Point>) -> Self {
        let named = format!("{points:?}");
        let mut stage = Stage::set(signed_in, points).await;
        let number = stage.opens();
        for (step, expected) in steps.iter().enumerate() {
            match step {
                0 => {}
                1 => stage.job_ends("iris:build", &[("models/iris/model.json", b"weights")]),
                2 => stage.job_ends(
                    "iris:test",
                    &[
                        ("models/iris/metrics.json", GOOD.as_bytes()),
                        ("models/iris/junit.xml", ALL_GOOD.as_bytes()),
                    ],
                ),
                3 => stage.owner_says(number, "approve"),
                4 => stage.owner_says(number, "publish"),
                5 if stage.queued => stage.queue_passes(number),
                _ => stage.job_ends("iris:publish", &[]),
            }
            stage.reaches(number, expected, step, &named).await;
        }
        stage.concludes(number, steps.last().unwrap(), &named).await
    }
}

impl Stage {
    pub(super) async fn set(signed_in: As, points: Vec<Point>) -> Self {
        let (forge, clock) = (signed_in.forge(), Arc::<Wall>::default());
        let options = SandboxOptions { forge, ..SandboxOptions::by_hand(Arc::<Wall>::clone(&clock)) };
        let sandbox = Sandbox::start(options).await.unwrap();
        let (account, project, app) = match signed_in {
            As::Account(_) | As::AccountWithQueue(_) => {
                let (account, project) = founded(forge, &sandbox, IRIS);
                (account, project, None)
            }
            As::App => founded_for_app(&sandbox),
        };
        let queued = matches!(signed_in, As::AccountWithQueue(_));
        if queued {
            queued_branch(&project);
        }
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("mergewright.yml");
        // Nobody listens there: this play carries every delivery itself.
        let nowhere = "http://127.0.0.1:9";
        let lines = match &app {
            None => {
                subscribe(forge, &project, nowhere);
                server_lines(forge, LINES, &sandbox)
            }
            Some(app) => {
                app.hook(&format!("{nowhere}{}", door(forge)), HUB_SECRET);
                std::fs::write(folder.path().join(KEY), app.private_key()).unwrap();
                app_lines(LINES, &sandbox, app, &format!("{{file: {KEY}}}"))
            }
        };
        std::fs::write(&config, lines).unwrap();
        let counter = Arc::new(Mutex::new(Counter { points, ..Counter::default() }));
        let counts = Arc::clone(&counter);
        sandbox.choose_failures(Some(Arc::new(move |method: &str, path: &str| {
            counts.lock().unwrap().request(method, path)
        })));
        let sandbox = Arc::new(sandbox);
        let log = Log::default();
        let mut stage = Self {
            signed_in,
            queued,
            app,
            clock,
            sandbox,
            project,
            account,
            folder,
            config,
            counter,
            log,
            bot: None,
            kills: 0,
        };
        stage.start().await;
        stage
    }

    /// Starts the process, as a supervisor does; it may end at once.
    pub(super) async fn start(&mut self) {
        let new = |stage: &Self| Starting::new(&stage.config, stage.account.token(), &stage.log);
        if self.counter.lock().unwrap().at(&Point::Starting) {
            new(self).kill().await;
            self.kills += 1;
        }
        if self.counter.lock().unwrap().at(&Point::Started) {
            new(self).listening().await.kill().await;
            self.kills += 1;
        }
        self.bot = Some(new(self).listening().await);
    }

    /// SIGKILL, and another process.
    async fn crash(&mut self) {
        if let Some(bot) = self.bot.take() {
            bot.kill().await;
        }
        self.kills += 1;
        self.sandbox.let_go();
        self.start().await;
    }

    /// The author opens a merge request.
    pub(super) fn opens(&self) -> u64 {
        let main = self.project.branch("main").unwrap();
        let change = [File::write("models/iris/params.json", "{\"title\": \"Train longer\"}\n")];
        self.project.branch_off(AUTHOR, "train-longer", &main, &change, "Train longer").unwrap();
        self.project.open_merge_request(AUTHOR, "train-longer", "Train longer").unwrap()
    }

    /// Delivers until the process reads the merge request, and holds that read.
    pub(super) async fn holds_first_request(&mut self) {
        let once = Mutex::new(true);
        let (_, pattern) = call(self.signed_in.forge(), "merge request");
        self.sandbox.choose_failures(Some(Arc::new(move |_: &str, path: &str| {
            let read = path.ends_with(pattern.trim_start_matches('*'));
            (read && std::mem::take(&mut *once.lock().unwrap())).then_some(Fault::HoldAfter)
        })));
        let sandbox = Arc::clone(&self.sandbox);
        loop {
            tokio::select! {
                biased;
                () = sandbox.held() => return,
                delivery = sandbox.next_delivery() => self.delivers(&delivery).await,
            }
        }
    }

    /// To an account by a comment, to an App by a button.
    fn owner_says(&self, number: u64, verb: &str) {
        if self.signed_in == As::App {
            self.project.presses(OWNER, number, "mergewright", verb).unwrap();
        } else {
            self.project.comment(OWNER, number, &format!("/model {verb}")).unwrap();
        }
    }

    /// Everything but the bot's own word is good on what the queue tries.
    fn queue_passes(&self, number: u64) {
        let queued = self.project.queued(number).unwrap().expect("it waits in the queue");
        others_say(&self.project, &queued.trial.expect("it is tried"), "success");
    }

    fn job_ends(&self, name: &str, files: &[(&str, &[u8])]) {
        let waiting = self.project.waiting_jobs().unwrap();
        let job = waiting.iter().find(|job| job.name == name).unwrap();
        self.project.job_succeeds(job.pipeline, name, "done\n", files).unwrap();
    }

    /// Lets webhooks and the process run until everything that is expected is to be seen.
    pub(super) async fn reaches(&mut self, number: u64, expected: &End, step: usize, points: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let sandbox = Arc::clone(&self.sandbox);
        while End::of(&self.project, self.account.id, number) != *expected {
            tokio::select! {
                biased;
                () = sandbox.held() => self.crash().await,
                delivery = sandbox.next_delivery() => self.delivers(&delivery).await,
                () = sandbox.moved() => {}
                () = tokio::time::sleep_until(deadline) => {
                    let seen = End::of(&self.project, self.account.id, number);
                    assert_eq!(
                        seen, *expected,
                        "step {step} was not reached after a kill at {points}:\n{}",
                        self.log.lock().unwrap().join("\n")
                    );
                }
            }
        }
    }

    /// Sends a webhook to the process that is there; one that it does not take is lost.
    async fn delivers(&mut self, delivery: &Delivery) {
        let Some(bot) = &self.bot else { return };
        let url = format!("http://{}{}", bot.address, door(self.signed_in.forge()));
        let pressed = delivery.body.contains("\"requested_action\"");
        let kill = self.counter.lock().unwrap().delivery(pressed);
        let sandbox = Arc::clone(&self.sandbox);
        let (delivery, log) = (delivery.clone(), Arc::clone(&self.log));
        let sending = tokio::spawn(async move {
            let answer = sandbox.send_to(&delivery, &url).await;
            log.lock().unwrap().push(format!("--- {} was answered {answer:?}", delivery.event));
        });
        match kill {
            None => sending.await.unwrap(),
            Some(Kill::After) => {
                sending.await.unwrap();
                self.crash().await;
            }
            Some(Kill::Before) => {
                tokio::task::yield_now().await;
                self.crash().await;
                sending.await.unwrap();
            }
        }
    }

    /// What the process reads.
    fn configured(&self) -> ServerConfig {
        match &self.app {
            None => server_config(self.signed_in.forge(), &self.config, LINES, &self.sandbox, &self.account),
            Some(app) => app_config(&self.config, LINES, &self.sandbox, app),
        }
    }

    /// Ends the process as an operator does; nothing may be left to do, and doing it changes nothing.
    async fn concludes(mut self, number: u64, expected: &End, points: &str) -> Run {
        self.sandbox.choose_failures(None);
        self.sandbox.let_go();
        assert_eq!(self.bot.take().unwrap().end().await, Some(0), "SIGTERM ends well");
        self.clock.an_hour_later();
        let metrics = telemetry::recorder().unwrap().handle();
        let app = App::assemble(&self.configured(), Arc::<Wall>::clone(&self.clock), metrics).await.unwrap();
        app.reconcile.sweep().await.unwrap();
        loop {
            let mut moved = app.store.ring(self.clock.now()).await.unwrap() > 0;
            while app.worker.work_one().await.unwrap() || app.outbox.perform_one().await.unwrap() {
                moved = true;
            }
            if !moved {
                break;
            }
        }
        assert_eq!(End::of(&self.project, self.account.id, number), *expected, "after {points}");
        assert_eq!(app.store.queue().await.unwrap().0, 0, "jobs left after {points}");
        assert_eq!(app.store.outbox().await.unwrap().0, 0, "effects left after {points}");
        assert_eq!(app.store.dead_jobs(9).await.unwrap(), [], "dead jobs after {points}");
        assert_eq!(app.store.dead_effects(9).await.unwrap(), [], "dead effects after {points}");
        let verified = app.store.verify_audit().await.unwrap();
        assert!(verified.is_ok(), "the audit chain after {points}: {verified:?}");
        app.store.close().await;
        self.folder.close().unwrap();
        let Counter { requests, deliveries, points } = std::mem::take(&mut *self.counter.lock().unwrap());
        Run { requests, deliveries, kills: self.kills, left: points }
    }
}
