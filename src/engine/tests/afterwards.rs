//! Histories after a merge that was not published: people ask for runs, approve and publish at any time,
//! jobs end well or badly, and what the bot asked for is answered late, twice, or told by facts alone.
//! Whatever happened, only the merge commit's own good numbers are ever published, and no call is made twice.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::domain::*;
use crate::engine::{OpenFacts, ReportFact};

use super::anew::{measured, unblessed};
use super::scene::*;

#[derive(Clone, Copy, Debug)]
enum Happens {
    /// Bob wants a run.
    Run,
    /// The run's next job ends; a test leaves good numbers or bad ones.
    Job { well: bool, good: bool },
    /// Alice comments.
    Says(&'static str),
    /// An answer to what the bot asked for is told: the oldest that was not told, or one again.
    Told { again: bool },
}

/// How many times the bot looks then.
type Looks = u8;

fn happens() -> impl Strategy<Value = Happens> {
    let says = ["approve", "publish", "publish --when-ready", "unapprove", "retry", "cancel"];
    prop_oneof![
        3 => Just(Happens::Run),
        7 => (proptest::bool::weighted(0.85), proptest::bool::weighted(0.75))
            .prop_map(|(well, good)| Happens::Job { well, good }),
        4 => proptest::sample::select(says.to_vec()).prop_map(Happens::Says),
        5 => any::<bool>().prop_map(|again| Happens::Told { again }),
    ]
}

/// The forge after the merge, and the bot that looks at it now and then.
struct World {
    scene: Scene,
    runs: BTreeMap<u64, Run>,
    accuracy: BTreeMap<JobId, &'static str>,
    untold: Vec<(String, Outcome)>,
    told: Vec<(String, Outcome)>,
    slots: BTreeSet<String>,
    published: Vec<VersionRecord>,
}

impl World {
    fn new() -> Self {
        Self {
            scene: unblessed(),
            runs: BTreeMap::new(),
            accuracy: BTreeMap::new(),
            untold: Vec::new(),
            told: Vec::new(),
            slots: BTreeSet::new(),
            published: Vec::new(),
        }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Run => self.says("bob", "/model run"),
            Happens::Says(words) => self.says("alice", &format!("/model {words}")),
            Happens::Job { well, good } => drop(self.work(well, good)),
            Happens::Told { again: false } if !self.untold.is_empty() => {
                let (slot, outcome) = self.untold.remove(0);
                self.tell(&slot, &outcome);
            }
            Happens::Told { .. } => {
                if let Some((slot, outcome)) = self.told.first().cloned() {
                    self.tell(&slot, &outcome);
                }
            }
        }
    }

    /// The next job of the newest run that is not over ends.
    fn work(&mut self, well: bool, good: bool) -> bool {
        let live = |run: &&mut Run| run.jobs.iter().any(|job| !job.status.is_final());
        let Some(run) = self.runs.values_mut().rev().find(live) else { return false };
        let Some(job) = run.jobs.iter_mut().find(|job| !job.status.is_final()) else { return false };
        job.status = if well { JobStatus::Succeeded } else { JobStatus::Failed(FailureCause::Script) };
        self.accuracy.insert(job.id, if good { "0.95" } else { "0.5" });
        if !well {
            // Whatever needs it is left out.
            for job in run.jobs.iter_mut().filter(|job| !job.status.is_final()) {
                job.status = JobStatus::Skipped;
            }
        }
        true
    }

    fn tell(&mut self, slot: &str, outcome: &Outcome) {
        self.told.insert(0, (slot.to_owned(), outcome.clone()));
        self.read();
        self.scene.outcome(slot, outcome.clone());
        self.after();
    }

    fn says(&mut self, login: &str, words: &str) {
        self.read();
        self.scene.says(login, words);
        self.after();
    }

    fn look(&mut self) {
        self.read();
        self.scene.look();
        self.after();
    }

    /// Facts as the worker reads them now.
    fn read(&mut self) {
        let model = self.scene.model().clone();
        let anew = model.judged_anew().and_then(|anew| anew.run);
        let publishes = model.publication.as_ref().and_then(|publication| publication.run);
        let known = |run: &RunId| Some((run.0, self.runs.get(&run.0)?.clone()));
        let merged = self.scene.facts.merged.as_mut().unwrap();
        merged.runs = anew.or(publishes).iter().filter_map(known).collect();
        let runs: Vec<_> = anew.iter().filter_map(known).map(|(_, run)| run).collect();
        let test = runs.iter().flat_map(|run| &run.jobs).find(|job| job.task == "test");
        let test = test.filter(|job| job.status == JobStatus::Succeeded);
        let report =
            test.map(|job| (iris(), ReportFact::Read(Box::new(measured(job.id, self.accuracy[&job.id])))));
        let authors = [CommitAuthor { login: None, email: "bob@acme.test".to_owned() }].into();
        let reports = report.into_iter().collect();
        let open = OpenFacts { runs, reports, authors, approvals: Vec::new(), ..OpenFacts::default() };
        self.scene.facts.open = model.judged_anew().map(|_| open);
    }

    /// The forge does what it was asked for, and what was asked for is checked.
    fn after(&mut self) {
        self.published.append(&mut self.scene.published);
        for effect in self.scene.effects.clone() {
            let (slot, number) = (effect.slot(), self.scene.number());
            let done = match effect {
                Effect::Dispatch { order, .. } => {
                    assert_eq!(order.commit, sha('m'));
                    let tasks: &[_] = if order.action == "run" { &["build", "test"] } else { &["publish"] };
                    let jobs = tasks.iter().zip(1..);
                    let jobs = jobs.map(|(task, n)| job(JobId(number * 100 + n), task, JobStatus::Waiting));
                    let (jobs, web_url) = (jobs.collect(), "https://forge.test/run".to_owned());
                    let run = Run {
                        id: RunId(number),
                        sha: sha('z'),
                        web_url,
                        created_at: self.scene.now,
                        first_at: None,
                        jobs,
                    };
                    self.runs.insert(number, run);
                    Done::Run { run: RunId(number) }
                }
                Effect::CancelRun { run } => {
                    let run = self.runs.get_mut(&run.0).expect("a run that is there");
                    let live = run.jobs.iter_mut().filter(|job| !job.status.is_final());
                    live.for_each(|job| job.status = JobStatus::Cancelled);
                    continue;
                }
                Effect::RetryJob { run, job: old } => {
                    let jobs = &mut self.runs.get_mut(&run.0).expect("a run that is there").jobs;
                    for job in jobs.iter_mut().filter(|job| job.id == old || job.status == JobStatus::Skipped)
                    {
                        (job.id, job.status) = (JobId(job.id.0 + 10), JobStatus::Waiting);
                    }
                    Done::Run { run }
                }
                Effect::CreateTag { lineage, .. } => {
                    self.is_earned(&lineage);
                    let (name, commit) = (lineage.version.tag(&iris()), lineage.commit.clone());
                    let tag = Tag { name, commit, message: lineage.canonical() };
                    self.scene.facts.registry.entry(iris()).or_default().tags.push(tag.clone());
                    Done::Tagged { tag }
                }
                Effect::Release { .. } => Done::Released { web_url: "https://forge.test/release".to_owned() },
                _ => continue,
            };
            assert!(self.slots.insert(slot.clone()), "{slot} was asked for twice");
            self.untold.push((slot, Outcome::Done(done)));
        }
        let model = self.scene.model();
        if let (Phase::AwaitingApproval | Phase::Ready, Some(report)) = (model.phase, &model.report) {
            let run = &self.runs[&model.anew.as_ref().unwrap().run.unwrap().0];
            assert!(run.jobs.iter().any(|job| job.id == report.job), "measured by another run");
        }
    }

    /// A number is taken for the merge commit alone, for good numbers of its own that alice approved.
    fn is_earned(&self, lineage: &Lineage) {
        assert_eq!((&lineage.commit, &lineage.head), (&sha('m'), &sha('m')));
        assert_eq!(lineage.metrics["accuracy"], "0.95".parse().unwrap());
        assert_eq!(lineage.approved_by, ["alice"]);
    }

    /// Everything is told and worked, and people do what the report asks them for.
    fn ends(mut self) -> (Scene, Vec<VersionRecord>) {
        for _round in 0..30 {
            while !self.untold.is_empty() {
                self.happens(Happens::Told { again: false });
            }
            while self.work(true, true) {}
            self.look();
            if !self.untold.is_empty() {
                continue;
            }
            match self.scene.phase() {
                Phase::AwaitingApproval => self.says("alice", "/model approve"),
                Phase::Ready => self.says("alice", "/model publish"),
                Phase::PublishFailed => self.says("alice", "/model retry"),
                Phase::Published => break,
                _ => self.says("bob", "/model run"),
            }
        }
        (self.scene, self.published)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_happened_it_can_still_be_published_once_and_only_by_what_it_earned(
        history in proptest::collection::vec((happens(), 0..3_u8), 0..40)
    ) {
        let mut world = World::new();
        for (what, looks) in history {
            let looks: Looks = looks;
            world.happens(what);
            for _look in 0..looks {
                world.look();
            }
        }
        let (scene, published) = world.ends();
        prop_assert_eq!(scene.phase(), Phase::Published);
        prop_assert_eq!(published.len(), 1);
        prop_assert_eq!(&published[0].commit, &sha('m'));
        prop_assert_eq!(scene.facts.registry[&iris()].tags.len(), 1);
    }
}
