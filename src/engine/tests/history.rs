//! Histories of one merge request: heads that come, go and come back, a target branch that moves below,
//! jobs, approvals; and deliveries of it that are lost or doubled. Whatever was missed, one last look ends
//! where hearing everything ends, and what was measured on another base never counts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::*;
use crate::engine::{OpenFacts, ReportFact};

use super::scene::*;

/// What happens at the forge.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// The branch is set to this commit, perhaps one that it was at before.
    Push(char),
    /// The forge starts the run that the last push deserves.
    Run,
    /// The newest run's next job ends well.
    Job,
    /// Somebody merges something else: does it change the model?
    Base {
        touching: bool,
    },
    Draft(bool),
    Close,
    Reopen,
    /// Alice comments; she reads what the bot wrote last.
    Approve,
}

/// How many deliveries of it arrive: none is a loss, two are a repetition.
type Heard = u8;

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => proptest::sample::select(vec!['a', 'b', 'c']).prop_map(Happens::Push),
        3 => Just(Happens::Run),
        5 => Just(Happens::Job),
        2 => any::<bool>().prop_map(|touching| Happens::Base { touching }),
        1 => any::<bool>().prop_map(Happens::Draft),
        1 => Just(Happens::Close),
        1 => Just(Happens::Reopen),
        2 => Just(Happens::Approve),
    ]
}

/// The forge, as far as this merge request goes, and the bot that looks at it now and then.
struct World {
    scene: Scene,
    /// Every run with the number of changes to the model on the target branch before it began.
    runs: Vec<(Run, usize)>,
    /// One a move of the target branch: did it change the model?
    moves: Vec<bool>,
    /// How many of those changes there were when the bot first saw a head.
    first_seen: BTreeMap<Sha, usize>,
    owes_run: bool,
}

impl World {
    /// An opened merge request that the bot has heard of.
    fn new() -> Self {
        let mut world = Self {
            scene: Scene::new(),
            runs: Vec::new(),
            moves: Vec::new(),
            first_seen: BTreeMap::new(),
            owes_run: true,
        };
        world.look();
        world
    }

    fn changes(&self) -> usize {
        self.moves.iter().filter(|touching| **touching).count()
    }

    fn head(&self) -> Sha {
        self.scene.facts.merge_request.head.clone()
    }

    fn start(&mut self) {
        let now = self.scene.now;
        let [build, test, run] = [(); 3].map(|()| self.scene.number());
        let jobs =
            [(build, "build"), (test, "test")].map(|(id, task)| job(JobId(id), task, JobStatus::Waiting));
        let web_url = "https://forge.test/run".to_owned();
        let run = Run {
            id: RunId(run),
            sha: self.head(),
            web_url,
            created_at: now,
            first_at: None,
            jobs: jobs.into(),
        };
        self.runs.push((run, self.changes()));
    }

    /// The newest run of the head goes on by one job.
    fn work(&mut self) -> bool {
        let head = self.head();
        let newest = self.runs.iter_mut().rev().find(|(run, _)| run.sha == head);
        let job = newest.and_then(|(run, _)| run.jobs.iter_mut().find(|job| !job.status.is_final()));
        job.is_some_and(|job| {
            job.status = JobStatus::Succeeded;
            true
        })
    }

    /// Alice and what she does are no hint: her comment is its own delivery.
    fn happens(&mut self, what: Happens, heard: Heard) {
        self.scene.tick();
        let request = &mut self.scene.facts.merge_request;
        let open = request.status == MergeRequestStatus::Open;
        match what {
            Happens::Push(name) if request.head != sha(name) => {
                request.head = sha(name);
                request.head_since = Some(self.scene.now);
                self.owes_run = true;
            }
            Happens::Run if self.owes_run && open => {
                self.owes_run = false;
                self.start();
            }
            Happens::Job => {
                let _worked = self.work();
            }
            Happens::Base { touching } => self.moves.push(touching),
            Happens::Draft(draft) => request.draft = draft,
            Happens::Close if open => request.status = MergeRequestStatus::Closed,
            Happens::Reopen => request.status = MergeRequestStatus::Open,
            Happens::Approve if heard > 0 => self.says("alice", "/model approve"),
            _ => {}
        }
        for _delivery in 0..heard {
            self.look();
        }
    }

    /// Facts as the worker reads them now.
    fn read(&mut self) {
        let head = self.head();
        let last = self.scene.state.last_bound(&head);
        let since =
            last.map_or(self.moves.len(), |last| usize::from_str_radix(last.base.as_str(), 16).unwrap());
        let moved = since < self.moves.len();
        let touching = self.moves.iter().skip(since).any(|touching| *touching);
        let path = if touching { "models/iris/data.py" } else { "README.md" };
        let facts = &mut self.scene.facts;
        facts.base = format!("{:040x}", self.moves.len()).parse().unwrap();
        facts.base_moved = moved.then(|| paths(&[path]));
        let runs: Vec<_> =
            self.runs.iter().rev().map(|(run, _)| run.clone()).filter(|run| run.sha == head).collect();
        let closed = facts.merge_request.status == MergeRequestStatus::Closed;
        let report =
            runs.first().and_then(|run| run.jobs.get(1)).filter(|test| test.status == JobStatus::Succeeded);
        let report = report.map(|test| Report {
            model: iris(),
            head: head.clone(),
            job: test.id,
            source: "42".to_owned(),
            metrics: [("accuracy".to_owned(), "0.95".parse().unwrap())].into(),
            repeated: Default::default(),
            unusable: BTreeMap::new(),
            tests: None,
            artifacts: Vec::new(),
            dataset: Some(sha('d')),
        });
        let reports = report.map(|report| (iris(), ReportFact::Read(Box::new(report))));
        let authors = [CommitAuthor { login: None, email: "bob@acme.test".to_owned() }].into();
        let open = OpenFacts {
            runs,
            reports: reports.into_iter().collect(),
            authors,
            approvals: Vec::new(),
            ..OpenFacts::default()
        };
        self.scene.facts.open = (!closed).then_some(open);
    }

    fn look(&mut self) {
        self.read();
        self.scene.look();
        self.after();
    }

    fn says(&mut self, login: &str, words: &str) {
        self.read();
        self.scene.says(login, words);
        self.after();
    }

    /// The forge does what the bot asked for, and what the bot believes is checked.
    fn after(&mut self) {
        let (head, changes) = (self.head(), self.changes());
        self.first_seen.entry(head.clone()).or_insert(changes);
        for effect in self.scene.effects.clone() {
            match effect {
                Effect::StartRun { head, .. } => {
                    assert_eq!(head, self.head());
                    self.start();
                }
                Effect::CancelRun { run } => {
                    let known =
                        self.runs.iter_mut().find(|(known, _)| known.id == run).expect("a run that is there");
                    let live = known.0.jobs.iter_mut().filter(|job| !job.status.is_final());
                    live.for_each(|job| job.status = JobStatus::Cancelled);
                }
                _ => {}
            }
        }
        let model = self.scene.model();
        if let (Phase::AwaitingApproval | Phase::Ready, Some(report)) = (model.phase, &model.report) {
            let of = |(run, _): &&(Run, usize)| run.jobs.iter().any(|job| job.id == report.job);
            let (_, measured_at) = self.runs.iter().find(of).expect("a run that is there");
            let since = changes.min(self.first_seen[&head].max(*measured_at));
            assert_eq!(since, changes, "measured on a base that is gone");
        }
    }

    /// All work ends, and the bot looks one last time; then people do what is left to do.
    fn ends(mut self) -> Scene {
        self.happens(Happens::Reopen, 0);
        self.happens(Happens::Draft(false), 0);
        self.happens(Happens::Run, 1);
        for _round in 0..5 {
            while self.work() {}
            self.look();
            match self.scene.phase() {
                Phase::AwaitingApproval | Phase::Ready => break,
                // A commit that the branch was at before: the forge has no reason to run it again.
                _ if self.scene.acts().is_empty() => self.says("bob", "/model run"),
                _ => {}
            }
        }
        if self.scene.phase() == Phase::AwaitingApproval {
            self.says("alice", "/model approve");
        }
        self.scene
    }
}

fn lived(history: &[(Happens, Heard)], hears: impl Fn(Heard) -> Heard) -> Scene {
    let mut world = World::new();
    for (what, heard) in history {
        // A comment that nobody hears of is no part of the history.
        let always = matches!(what, Happens::Approve);
        world.happens(*what, if always { 1 } else { hears(*heard) });
    }
    world.ends()
}

/// What people see of the end.
#[derive(Debug, PartialEq)]
struct End {
    phase: Phase,
    bound: Option<Bound>,
    judged: Vec<Judged>,
    approved_by: Vec<String>,
    label: Option<Label>,
    statuses: Vec<(String, StatusState)>,
}

fn seen(scene: &Scene) -> End {
    let (model, shown) = (scene.model(), &scene.state.shown);
    End {
        phase: model.phase,
        bound: scene.state.bound.clone(),
        judged: model.judged.clone(),
        approved_by: model.approved_by.clone(),
        label: shown.label,
        statuses: shown.statuses.iter().map(|(name, status)| (name.clone(), status.state)).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_was_missed_does_not_matter(history in proptest::collection::vec((happens(), 0..3_u8), 0..24)) {
        let orderly = lived(&history, |_heard| 1);
        prop_assert_eq!(orderly.phase(), Phase::Ready);
        let told = lived(&history, |heard| heard);
        prop_assert_eq!(seen(&told), seen(&orderly));
        let silent = lived(&history, |_heard| 0);
        prop_assert_eq!(seen(&silent), seen(&orderly));
    }
}
