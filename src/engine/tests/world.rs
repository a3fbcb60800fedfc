//! A small world of people, jobs and a forge, and what must hold in every one of its histories.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::domain::*;
use crate::engine::{Facts, ToldComment, step, transitions};
use crate::event::{Event, ReviewAct};

use super::scene::{Scene, iris, job, sha, user};

/// What may happen at the forge.
#[derive(Clone, Debug)]
enum Act {
    Push,
    NewRun,
    Build(End),
    Test(End),
    Review(&'static str),
    Withdraw(&'static str),
    Approve(&'static str),
    Unapprove(&'static str),
    Say(&'static str, &'static str),
    Draft(bool),
    Close,
    Reopen,
    Merge,
}

/// How a job ends, and how good the numbers are that it leaves.
#[derive(Clone, Copy, Debug)]
enum End {
    Running,
    Good,
    Poor,
    Script,
    Fault,
    Cancelled,
}

/// How deliveries travel.
#[derive(Clone, Copy, Debug)]
enum Travel {
    Now,
    Twice,
    Lost,
    Late,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        1 => Just(End::Running),
        6 => Just(End::Good),
        1 => Just(End::Poor),
        1 => Just(End::Script),
        1 => Just(End::Fault),
        1 => Just(End::Cancelled),
    ]
}

fn person() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("alice"), 1 => Just("bob"), 1 => Just("eve")]
}

/// What people and jobs do whatever the bot thinks of it.
fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Push),
        1 => Just(Act::NewRun),
        4 => end().prop_map(Act::Build),
        5 => end().prop_map(Act::Test),
        3 => person().prop_map(Act::Review),
        1 => person().prop_map(Act::Withdraw),
        3 => person().prop_map(Act::Approve),
        1 => person().prop_map(Act::Unapprove),
        1 => any::<bool>().prop_map(Act::Draft),
        1 => Just(Act::Close),
        1 => Just(Act::Reopen),
        1 => Just(Act::Merge),
    ]
}

/// The same, and what people ask the bot to do.
fn busy_act() -> impl Strategy<Value = Act> {
    let words = prop_oneof![
        Just("publish"),
        Just("publish --when-ready"),
        Just("publish --dry-run"),
        Just("approve"),
        Just("run"),
        Just("retry"),
        Just("cancel"),
        Just("status"),
        Just("nonsense"),
    ];
    prop_oneof![3 => act(), 2 => (person(), words).prop_map(|(who, word)| Act::Say(who, word))]
}

fn travel() -> impl Strategy<Value = Travel> {
    prop_oneof![Just(Travel::Now), Just(Travel::Twice), Just(Travel::Lost), Just(Travel::Late)]
}

/// The forge's side of a scene, and the bot's.
struct World {
    scene: Scene,
    heads: u32,
    comments: Vec<ToldComment>,
    /// Who approved which head, by whatever means.
    given: BTreeSet<(String, Sha)>,
    /// Calls that were asked for and not made yet.
    outbox: Vec<Effect>,
    /// One-shot calls that were asked for, ever.
    asked: BTreeSet<String>,
    published: usize,
}

impl World {
    fn new() -> Self {
        Self {
            scene: Scene::new(),
            heads: 0,
            comments: Vec::new(),
            given: BTreeSet::new(),
            outbox: Vec::new(),
            asked: BTreeSet::new(),
            published: 0,
        }
    }

    fn is_open(&self) -> bool {
        self.scene.facts.merge_request.status == MergeRequestStatus::Open
    }

    /// Lets it happen at the forge; what the forge would deliver about it.
    fn happen(&mut self, act: &Act) -> Event {
        self.scene.tick();
        match act {
            Act::Push if self.is_open() => {
                self.heads += 1;
                self.scene.push(char::from_u32(u32::from('\u{a1}') % 90 + self.heads).unwrap());
                self.scene.run();
            }
            Act::NewRun if self.is_open() => {
                self.scene.run();
            }
            Act::Build(end) if self.is_open() => self.ends("build", *end),
            Act::Test(end) if self.is_open() => self.ends("test", *end),
            Act::Review(login) if self.is_open() => {
                let head = self.scene.facts.merge_request.head.clone();
                self.given.insert(((*login).to_owned(), head.clone()));
                self.scene.open().approvals.retain(|approval| approval.by.login != *login);
                self.scene.approves(login);
                return Event::Review { by: user(login), act: ReviewAct::Approved, head: Some(head) };
            }
            Act::Withdraw(login) => {
                self.scene.open().approvals.retain(|approval| approval.by.login != *login);
                return Event::Review { by: user(login), act: ReviewAct::Withdrawn, head: None };
            }
            // Whoever speaks after the end is refused, and when the bot hears of it decides what was first.
            Act::Approve(_) | Act::Unapprove(_) if !self.is_open() => {}
            Act::Approve(login) => {
                let head = self.scene.facts.merge_request.head.clone();
                let text = format!("/model approve {head}");
                self.given.insert(((*login).to_owned(), head));
                return self.comment(login, &text);
            }
            Act::Unapprove(login) => return self.comment(login, "/model unapprove"),
            Act::Say(login, word) => {
                let head = self.scene.facts.merge_request.head.clone();
                if *word == "approve" {
                    self.given.insert(((*login).to_owned(), head));
                }
                return self.comment(login, &format!("/model {word}"));
            }
            Act::Draft(draft) if self.is_open() => self.scene.facts.merge_request.draft = *draft,
            Act::Close if self.is_open() => {
                self.scene.facts.merge_request.status = MergeRequestStatus::Closed;
            }
            Act::Reopen if self.scene.facts.merge_request.status == MergeRequestStatus::Closed => {
                self.scene.facts.merge_request.status = MergeRequestStatus::Open;
            }
            Act::Merge if self.is_open() => {
                self.scene.merged("mia");
            }
            _ => {}
        }
        Event::Refresh
    }

    fn ends(&mut self, task: &str, end: End) {
        let status = match end {
            End::Running => JobStatus::Running,
            End::Good | End::Poor => JobStatus::Succeeded,
            End::Script => JobStatus::Failed(FailureCause::Script),
            End::Fault => JobStatus::Failed(FailureCause::Infrastructure("lost".to_owned())),
            End::Cancelled => JobStatus::Cancelled,
        };
        if self.scene.open().runs.is_empty() {
            self.scene.run();
        }
        self.scene.rerun(task, status);
        if task == "test" {
            self.scene.open().reports.clear();
            let value = if matches!(end, End::Poor) { "0.5" } else { "0.95" };
            if matches!(end, End::Good | End::Poor) {
                self.scene.reported(&[("accuracy", value)]);
            }
        }
    }

    fn comment(&mut self, login: &str, text: &str) -> Event {
        let told = self.scene.comment(login, text);
        let event = Event::Comment {
            id: told.id,
            author: told.author.clone(),
            body: told.body.clone(),
            updated_at: Some(self.scene.now),
        };
        self.comments.push(told);
        event
    }

    /// Facts as the worker would read them for this event.
    fn read(&self, event: &Event) -> Facts {
        let mut facts = self.scene.facts.clone();
        let merged = matches!(facts.merge_request.status, MergeRequestStatus::Merged { .. });
        if merged && self.scene.state.past_merge() {
            facts.open = None;
        }
        let told = |told: &&ToldComment| match event {
            Event::Comment { id, .. } => told.id == *id,
            _ => false,
        };
        let all = merged && !self.scene.state.past_merge();
        facts.comments = self.comments.iter().filter(|comment| all || told(comment)).cloned().collect();
        facts
    }

    /// One turn, and everything that must hold after any turn.
    fn deliver(&mut self, event: &Event) {
        self.scene.tick();
        let facts = self.read(event);
        self.decide(&facts, event);
    }

    fn decide(&mut self, facts: &Facts, event: &Event) {
        let transition = step(&self.scene.state, facts, event, self.scene.now);
        let again = step(&transition.state, facts, &Event::Refresh, self.scene.now);
        assert_eq!(again.effects, [], "the same facts ask for nothing twice");
        assert_eq!(again.state, transition.state, "the same facts change nothing twice");
        assert_eq!(again.audit, [], "nothing happened twice");

        for entry in transition.audit.iter().filter(|entry| entry.kind == "phase") {
            let phase = |key: &str| serde_json::from_value::<Phase>(entry.detail[key].clone()).unwrap();
            assert!(transitions::allowed(phase("from"), phase("to")), "{}", entry.what);
        }
        for effect in &transition.effects {
            let shows =
                matches!(effect, Effect::Report { .. } | Effect::Status { .. } | Effect::Label { .. });
            assert!(shows || self.asked.insert(effect.slot()), "asked for twice: {}", effect.slot());
            if let Effect::Status { sha, status, .. } = effect
                && (status.context.as_str(), status.state) == (Status::UMBRELLA, StatusState::Success)
            {
                assert_eq!(*sha, facts.merge_request.head);
                for model in transition.state.models.values() {
                    assert_eq!(model.report.as_ref().map(|report| &report.head), Some(sha));
                    assert!(model.judged.iter().all(|judged| !judged.verdict.blocks()));
                }
            }
        }
        for model in transition.state.models.values() {
            let counts = matches!(model.phase, Phase::Ready | Phase::Merging | Phase::Publishing);
            for login in model.approved_by.iter().filter(|_| counts) {
                let given = (login.clone(), facts.merge_request.head.clone());
                assert!(self.given.contains(&given), "{given:?} was never given");
                assert_eq!(login, "alice", "nobody else may approve");
            }
            assert!(!counts || !model.approved_by.is_empty(), "{} without an approval", model.phase);
        }
        self.published += transition.published.len();
        self.scene.state = transition.state;
        self.scene.wake_at = transition.wake_at;
        self.outbox.extend(transition.effects);
    }

    /// The forge does what was asked, time passes, until nothing more is wanted.
    fn rest(&mut self) {
        for _ in 0..200 {
            if let Some(effect) = (!self.outbox.is_empty()).then(|| self.outbox.remove(0)) {
                self.perform(&effect);
            } else if let Some(at) = self.scene.wake_at.take() {
                self.scene.now = self.scene.now.max(at);
                self.deliver(&Event::Refresh);
            } else {
                self.deliver(&Event::Refresh);
                if self.outbox.is_empty() && self.scene.wake_at.is_none() {
                    return;
                }
            }
        }
        panic!("no rest: {:?}", self.scene.state);
    }

    fn perform(&mut self, effect: &Effect) {
        let outcome = match effect {
            Effect::StartRun { head, .. } if *head == self.scene.facts.merge_request.head => {
                Outcome::Done(Done::Run { run: self.scene.run() })
            }
            Effect::StartRun { .. } => Outcome::Conflict { reason: "the head moved".to_owned() },
            Effect::RetryJob { job, .. } => self.retry(*job),
            Effect::CancelRun { run } => return self.cancel(*run),
            Effect::Merge { head, .. } => {
                if self.is_open() && *head == self.scene.facts.merge_request.head {
                    self.scene.merged("mergewright");
                    Outcome::Done(Done::Merged { commit: sha('m') })
                } else {
                    Outcome::Conflict { reason: "the head moved or it is closed".to_owned() }
                }
            }
            Effect::CreateTag { model, version, lineage } => {
                let tag = Tag {
                    name: version.tag(model),
                    commit: lineage.commit.clone(),
                    message: lineage.canonical(),
                };
                self.scene.facts.registry.entry(iris()).or_default().tags.push(tag.clone());
                Outcome::Done(Done::Tagged { tag })
            }
            Effect::Dispatch { order, .. } => {
                let run = RunId(self.scene.number());
                let id = JobId(self.scene.number());
                let made = Run {
                    id: run,
                    sha: order.commit.clone(),
                    web_url: String::new(),
                    created_at: self.scene.now,
                    jobs: vec![job(id, "publish", JobStatus::Succeeded)],
                };
                self.scene.facts.merged.get_or_insert_default().runs.insert(run.0, made);
                Outcome::Done(Done::Run { run })
            }
            Effect::Release { .. } => {
                Outcome::Done(Done::Released { web_url: "https://forge.test/r".to_owned() })
            }
            _ => return,
        };
        if effect.reports_back() {
            let event = Event::Effect { slot: effect.slot(), outcome };
            self.deliver(&event);
            self.deliver(&event);
        }
    }

    fn retry(&mut self, id: JobId) -> Outcome {
        let runs = &self.scene.open().runs;
        let task = runs.iter().flat_map(|run| &run.jobs).find(|job| job.id == id).map(|job| job.task.clone());
        let Some(task) = task else { return Outcome::Refused { reason: "no such job".to_owned() } };
        if self.scene.open().runs[0].jobs.iter().any(|job| job.id == id) {
            self.ends(&task, End::Good);
        }
        Outcome::Done(Done::Plain)
    }

    fn cancel(&mut self, id: RunId) {
        let runs = self.scene.open().runs.iter_mut().filter(|run| run.id == id);
        for job in runs.flat_map(|run| &mut run.jobs).filter(|job| !job.status.is_final()) {
            job.status = JobStatus::Cancelled;
        }
    }

    /// What must not depend on how deliveries travelled.
    fn end(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let state = &self.scene.state;
        let reviewed = |phase| matches!(phase, Phase::AwaitingApproval | Phase::Ready | Phase::Published);
        let models = state.models.iter().map(|(name, model)| {
            let publication = model.publication.as_ref();
            (
                name.clone(),
                model.phase,
                model.report.clone().filter(|_| model.phase != Phase::Closed),
                model.judged.clone().into_iter().filter(|_| model.phase != Phase::Closed).collect::<Vec<_>>(),
                model.approved_by.iter().filter(|_| reviewed(model.phase)).cloned().collect::<BTreeSet<_>>(),
                publication.map(|publication| (publication.version.clone(), publication.released.clone())),
            )
        });
        let open = self.is_open();
        (
            models.collect::<Vec<_>>(),
            state.bound.as_ref().map(|bound| bound.head.clone()),
            state.shown.label,
            open.then(|| state.shown.statuses.clone()),
            self.published,
        )
    }
}

/// Everything is delivered at once and in order.
fn orderly(acts: &[Act]) -> World {
    let mut world = World::new();
    for act in acts {
        let event = world.happen(act);
        world.deliver(&event);
    }
    world.finish();
    world
}

/// Deliveries are lost, doubled and late.
fn disorderly(acts: &[(Act, Travel)], shuffle: &[usize]) -> World {
    let mut world = World::new();
    let mut late = Vec::new();
    for (act, travel) in acts {
        let event = world.happen(act);
        match travel {
            Travel::Now => world.deliver(&event),
            Travel::Twice => {
                world.deliver(&event);
                world.deliver(&event);
            }
            Travel::Lost => {}
            Travel::Late => late.push(event),
        }
    }
    for index in shuffle {
        if !late.is_empty() {
            let event = late.remove(index % late.len());
            let closed = world.scene.facts.merge_request.status == MergeRequestStatus::Closed;
            if !(closed && matches!(event, Event::Comment { .. })) {
                world.deliver(&event);
            }
        }
    }
    world.finish();
    world
}

impl World {
    /// The sweep: all comments are told, oldest first, and everything comes to rest.
    fn finish(&mut self) {
        self.scene.tick();
        let mut facts = self.read(&Event::Refresh);
        facts.comments = self.comments.clone();
        self.decide(&facts, &Event::Refresh);
        self.rest();
    }
}

fn settled(world: &World) -> Option<Phase> {
    world.scene.state.models.get(&iris()).map(|model| model.phase)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_end_depends_on_the_forge_alone(
        acts in proptest::collection::vec((act(), travel()), 0..18),
        shuffle in proptest::collection::vec(0_usize..20, 0..20),
    ) {
        let in_order = acts.iter().map(|(act, _)| act.clone()).collect::<Vec<_>>();
        prop_assert_eq!(orderly(&in_order).end(), disorderly(&acts, &shuffle).end());
    }

    #[test]
    fn whatever_people_ask_a_merge_ends_well_or_says_why(
        acts in proptest::collection::vec((busy_act(), 0_usize..4), 0..25),
    ) {
        let mut world = World::new();
        for (act, calls) in &acts {
            let event = world.happen(act);
            world.deliver(&event);
            for _ in 0..*calls {
                if !world.outbox.is_empty() {
                    let effect = world.outbox.remove(0);
                    world.perform(&effect);
                }
            }
        }
        world.finish();
        let merged = matches!(world.scene.facts.merge_request.status, MergeRequestStatus::Merged { .. });
        let phase = settled(&world);
        if merged {
            prop_assert!(matches!(phase, Some(Phase::Published | Phase::Unblessed)), "{:?}", phase);
        } else {
            prop_assert!(!phase.is_some_and(Phase::is_past_merge), "{:?}", phase);
        }
        prop_assert_eq!(world.published, usize::from(phase == Some(Phase::Published)));
    }
}

#[test]
fn the_world_can_publish() {
    let acts = [Act::Build(End::Good), Act::Test(End::Good), Act::Approve("alice"), Act::Merge];
    assert_eq!(settled(&orderly(&acts)), Some(Phase::Published));
    let mut world = World::new();
    for act in [
        Act::Build(End::Good),
        Act::Test(End::Fault),
        Act::Approve("alice"),
        Act::Say("alice", "publish --when-ready"),
    ] {
        let event = world.happen(&act);
        world.deliver(&event);
    }
    world.rest();
    assert_eq!(settled(&world), Some(Phase::Published));
}
