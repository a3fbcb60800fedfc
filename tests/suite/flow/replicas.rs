//! Two whole bots on one database file take thousands of webhooks at once, shuffled, a fifth of them twice,
//! commands also under two ids, each by whichever door: everything is done once.
//!
//! Each has its own door, workers, outbox, memory and connections to the forge; what keeps the two apart are
//! the leases alone. They share the one writer of the file, since SQLite has one process at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use mergewright::domain::ForgeKind;
use mergewright::forge::{Forges, GitHub, GitLab};
use mergewright::http::{self, Drain, Limits};
use mergewright::inbox::Inbox;
use mergewright::outbox::Outbox;
use mergewright::sandbox::{Delivery, File, MergeRequestState, Recorded};
use mergewright::telemetry;
use mergewright::worker::{Settings, Worker};
use tokio_util::sync::CancellationToken;

use super::Play;
use super::forges::{door, on_both_forges};
use super::outcome::{GOOD, sent};
use super::play::{AUTHOR, BOT, OWNER, server_config};

on_both_forges! {
    two threads:
    a_thousand_shuffled_and_doubled_webhooks_at_two_replicas_do_everything_once,
    #[ignore = "takes minutes: ten thousand webhooks"]
    ten_thousand_shuffled_and_doubled_webhooks_at_two_replicas_do_everything_once,
}

/// Webhooks under way at once.
const AT_ONCE: usize = 16;

/// Jobs that one replica works at once.
const WORKERS: usize = 2;

/// What draws everything.
const SEED: u64 = 20_261_123;

async fn a_thousand_shuffled_and_doubled_webhooks_at_two_replicas_do_everything_once(forge: ForgeKind) {
    Box::pin(storm(forge, 1_000)).await;
}

async fn ten_thousand_shuffled_and_doubled_webhooks_at_two_replicas_do_everything_once(forge: ForgeKind) {
    Box::pin(storm(forge, 10_000)).await;
}

/// A second bot on the database of a play.
pub(super) struct Replica {
    pub(super) worker: Worker,
    pub(super) outbox: Outbox,
    door: String,
}

impl Replica {
    pub(super) async fn beside(play: &Play) -> Self {
        let file = play.folder.path().join("mergewright.yml");
        let lines = "repositories: [\"group/*\"]\n";
        let config = server_config(play.forge, &file, lines, &play.sandbox, &play.bot);
        let clock = play.clock.clone();
        let store = play.app.store.clone();
        let gitlab = config.gitlab.as_ref().map(|one| GitLab::new(one, clock.clone()).unwrap());
        let github = config.github.as_ref().map(|one| GitHub::new(one, clock.clone()).unwrap());
        let forges = Forges {
            github: github.map(|one| std::sync::Arc::new(one) as _),
            gitlab: gitlab.map(|one| std::sync::Arc::new(one) as _),
        };
        let settings = Settings {
            prefix: config.command_prefix.clone(),
            repositories: config.repositories.clone(),
            redactor: config.redactor(),
        };
        let worker = Worker::new(store.clone(), forges.clone(), clock.clone(), settings);
        let outbox =
            Outbox::new(store.clone(), forges, clock.clone(), config.mode, config.redactor()).unwrap();
        let inbox = Inbox::new(store, clock, &config);
        let metrics = telemetry::recorder().unwrap().handle();
        let router = http::router(inbox, metrics, Drain::default(), Limits::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(http::serve(listener, router, std::future::pending()));
        Self { worker, outbox, door }
    }
}

/// Does all that is due; whether there was anything.
pub(super) async fn does_all(worker: &Worker, outbox: &Outbox) -> bool {
    let mut moved = false;
    while worker.work_one().await.unwrap() || outbox.perform_one().await.unwrap() {
        moved = true;
    }
    moved
}

struct Storm {
    play: Play,
    second: Replica,
    random: fastrand::Rng,
    /// How long each answer took.
    waits: Vec<Duration>,
    /// What each delivery was answered, by its id.
    answers: BTreeMap<String, Vec<u16>>,
}

impl Storm {
    /// These and copies of some, in any order: a fifth of the whole are copies.
    fn drawn(&mut self, waiting: &[Delivery]) -> Vec<Delivery> {
        let copies = waiting.len() / 4;
        let mut all = waiting.to_vec();
        for _ in 0..copies {
            let index = self.random.usize(..waiting.len());
            all.push(waiting[index].clone());
        }
        self.random.shuffle(&mut all);
        all
    }

    /// Takes from the forge what it would send; what speaks of commands also under another id, as where two
    /// hooks tell the same.
    async fn taken(&self) -> Vec<Delivery> {
        let mut taken = Vec::new();
        for _ in self.play.sandbox.pending_deliveries() {
            let one = self.play.sandbox.next_delivery().await;
            if speaks(&one) {
                let mut other = one.clone();
                other.id.push_str("-again");
                taken.push(other);
            }
            taken.push(one);
        }
        taken
    }

    /// Both replicas receive and work at once, until everything is answered and done.
    async fn blows(&mut self) {
        let waiting = self.taken().await;
        let all = self.drawn(&waiting);
        let doors = [self.play.door.clone(), self.second.door.clone()];
        let path = door(self.play.forge);
        let stop = CancellationToken::new();
        let mut working = Vec::new();
        for (worker, outbox) in [
            (self.play.app.worker.clone(), self.play.app.outbox.clone()),
            (self.second.worker.clone(), self.second.outbox.clone()),
        ] {
            let (one, other) = (stop.clone(), stop.clone());
            working.push(tokio::spawn(async move { worker.run(WORKERS, one).await }));
            working.push(tokio::spawn(async move { outbox.run(other).await }));
        }
        let sandbox = &self.play.sandbox;
        let targets: Vec<_> = all.iter().map(|_| &doors[self.random.usize(..2)]).collect();
        let sending = futures_util::stream::iter(all.iter().zip(targets)).map(async |(delivery, door)| {
            let began = Instant::now();
            let answer = sandbox.send_to(delivery, &format!("{door}{path}")).await.unwrap();
            (delivery.id.clone(), answer, began.elapsed())
        });
        let answered: Vec<_> = sending.buffer_unordered(AT_ONCE).collect().await;
        for (id, answer, wait) in answered {
            self.answers.entry(id).or_default().push(answer);
            self.waits.push(wait);
        }
        stop.cancel();
        for task in working {
            task.await.unwrap();
        }
        self.rests().await;
    }

    /// Both work, side by side, until nothing is due.
    async fn rests(&self) {
        let Self { play, second, .. } = self;
        loop {
            let (one, other) = tokio::join!(
                Box::pin(does_all(&play.app.worker, &play.app.outbox)),
                Box::pin(does_all(&second.worker, &second.outbox))
            );
            if !one && !other {
                return;
            }
        }
    }

    /// Webhooks and whatever was put off, until nothing moves any more.
    async fn settles(&mut self) {
        for seconds in [0, 5, 30, 60, 120] {
            self.play.clock.advance(Duration::from_secs(seconds));
            self.rests().await;
            while !self.play.sandbox.pending_deliveries().is_empty() {
                self.blows().await;
            }
        }
    }
}

/// Whether a comment in it has a command.
fn speaks(delivery: &Delivery) -> bool {
    delivery.body.contains("/model ")
}

/// What people asked, and where.
struct Asked {
    /// Comments that are answered by a reply of their own.
    answered: Vec<(u64, u64)>,
    /// Commands whose answer is in the sticky comment.
    silent: Vec<(u64, u64)>,
}

async fn storm(forge: ForgeKind, count: usize) {
    let mut play = Play::start(forge).await;
    let mut numbers = Vec::new();
    for title in ["Train longer", "Go deeper", "Drop noise", "Use more data"] {
        numbers.push(play.candidate(title, GOOD).await);
    }
    let second = Replica::beside(&play).await;
    let mut storm = Storm {
        play,
        second,
        random: fastrand::Rng::with_seed(SEED),
        waits: Vec::new(),
        answers: BTreeMap::new(),
    };
    let asked = happens(&storm, &numbers, count * 4 / 5);
    storm.blows().await;
    assert_eq!(storm.waits.len(), count);
    storm.settles().await;
    let waiting = storm.play.project.waiting_jobs().unwrap();
    for job in waiting.iter().filter(|job| job.name.ends_with(":publish")) {
        storm.play.project.job_succeeds(job.pipeline, &job.name, "published\n", &[]).unwrap();
    }
    storm.settles().await;
    judged(storm, &numbers, &asked, count).await;
}

/// People talk, command and push, and CI works, until so many webhooks wait.
fn happens(storm: &Storm, numbers: &[u64], count: usize) -> Asked {
    let project = &storm.play.project;
    let mut asked = Asked { answered: Vec::new(), silent: Vec::new() };
    storm.play.clock.advance(Duration::from_secs(1));
    let says = |login: &str, number: u64, text: &str| {
        (number, project.comment(login, number, text).unwrap().expect("a stored comment"))
    };
    for text in ["/model approve", "/model publish --when-ready"] {
        asked.silent.push(says(OWNER, numbers[0], text));
    }
    asked.silent.push(says(OWNER, numbers[1], "/model hold until the data is checked"));
    for number in numbers {
        for text in ["/model status", "/model help", "/model versions", "/model publsh"] {
            asked.answered.push(says(AUTHOR, *number, text));
        }
        // Who wrote it may not approve it.
        asked.answered.push(says(AUTHOR, *number, "/model approve"));
    }
    // A new head whose run ends while everything else is said, and branches that are nobody's business.
    let last = numbers[3];
    let branch = project.merge_request(last).unwrap().source_branch;
    project.push(AUTHOR, &branch, &[File::write("models/iris/more.json", "{}\n")], "Go on").unwrap();
    let run = storm.play.run(last, "iris");
    project.job_succeeds(run, "iris:build", "trained\n", &[("models/iris/model.json", b"more")]).unwrap();
    let files = [("models/iris/metrics.json", GOOD.as_bytes()), ("models/iris/junit.xml", b"<testsuite/>")];
    project.job_succeeds(run, "iris:test", "evaluated\n", &files).unwrap();
    let main = project.branch("main").unwrap();
    for side in 0..count / 100 {
        let file = [File::write("notes.md", format!("{side}\n"))];
        project.branch_off(AUTHOR, &format!("side-{side}"), &main, &file, "A note").unwrap();
    }
    let waiting = storm.play.sandbox.pending_deliveries();
    let twice = waiting.iter().filter(|one| speaks(one)).count();
    assert_eq!(twice, asked.answered.len() + asked.silent.len());
    for said in waiting.len() + twice..count {
        let login = if said % 3 == 0 { OWNER } else { AUTHOR };
        says(login, numbers[said % numbers.len()], &format!("Remark {said}: I agree."));
    }
    asked
}

async fn judged(mut storm: Storm, numbers: &[u64], asked: &Asked, count: usize) {
    for (id, answers) in &storm.answers {
        let accepted = answers.iter().filter(|status| **status == 202).count();
        let again = answers.iter().filter(|status| **status == 200).count();
        assert_eq!((accepted, again), (1, answers.len() - 1), "{id} was answered {answers:?}");
    }
    let play = &mut storm.play;
    assert_eq!(play.label(numbers[0]), "model::published", "{}", play.report(numbers[0]));
    assert_eq!(play.label(numbers[1]), "model::hold", "{}", play.report(numbers[1]));
    let calls = sent(play);
    for kind in ["merge", "tag", "release", "dispatch"] {
        assert_eq!(calls.get(kind), Some(&1), "{kind} in {calls:?}");
    }
    let is_merged = |number: u64| {
        let state = play.project.merge_request(number).unwrap().state;
        matches!(state, MergeRequestState::Merged { .. })
    };
    let merged: Vec<_> = numbers.iter().filter(|number| is_merged(**number)).collect();
    assert_eq!(merged, [&numbers[0]]);
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    for number in numbers {
        assert!(!play.report(*number).is_empty(), "!{number} has a report, and only one");
    }
    for (number, comment) in &asked.answered {
        assert_eq!(play.replies(*number, *comment).len(), 1, "answers to {comment} on !{number}");
    }
    for (number, comment) in &asked.silent {
        assert_eq!(play.replies(*number, *comment), Vec::<String>::new(), "{comment} on !{number}");
    }
    for (number, comment) in asked.answered.iter().chain(&asked.silent) {
        assert_eq!(play.reactions(*number, *comment), ["eyes"], "{comment} on !{number}");
    }
    let written = statuses(&play.sandbox.requests());
    assert!(written.len() > numbers.len() * 4, "{written:?}");
    for (of, values) in written {
        let repeated = values.windows(2).any(|pair| pair[0] == pair[1]);
        assert!(!repeated, "the status {of:?} was written as {values:?}");
    }
    storm.waits.sort_unstable();
    let place = |share: usize| storm.waits[storm.waits.len() * share / 1000];
    let said = format!(
        "{count} webhooks of {} at two replicas: answered in {:?} (median), {:?} (p99), {:?} (p99.9)\n",
        play.forge,
        place(500),
        place(990),
        place(999),
    );
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    storm.play.ends().await;
}

/// What the bot wrote, in order, by commit, name and (where the forge has one) run.
fn statuses(requests: &[Recorded]) -> BTreeMap<BTreeSet<String>, Vec<String>> {
    let mut written = BTreeMap::<_, Vec<_>>::new();
    let ours = requests.iter().filter(|one| one.by.as_deref() == Some(BOT) && one.method == "POST");
    for request in ours.filter(|one| one.url.contains("/statuses/")) {
        let field = |name: &str| request.body.get(name).map(ToString::to_string);
        let of = [Some(request.url.clone()), field("name"), field("context"), field("pipeline_id")];
        let state = field("state").expect("a status has a state");
        written.entry(of.into_iter().flatten().collect()).or_default().push(state);
    }
    written
}
