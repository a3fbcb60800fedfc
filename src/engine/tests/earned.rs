//! Whatever happens to a merge request, in whatever order: a success stands only on a commit that was
//! reported about, and an approval counts only for what it was given for. Both are judged here by a book of
//! our own, which knows what was given when and counts every change since, not by what the engine keeps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::domain::*;

use super::scene::*;

const OWNERS: [&str; 2] = ["mia", "olga"];
const GOOD: &str = "0.95";

#[derive(Clone, Copy, Debug)]
enum Happens {
    /// The branch is set to this commit, perhaps one that it was at before. `c` changes what measures.
    Push(char),
    /// The head's next run ends with this accuracy, measured on this data.
    Test {
        accuracy: &'static str,
        data: char,
    },
    /// The numbers of the head's newest run are gone from the forge.
    Vanish,
    Base {
        touching: bool,
    },
    Retarget(&'static str),
    Policy(u8),
    Draft(bool),
    /// Somebody gets or loses the rights of an owner.
    Rights(&'static str, bool),
    Says(&'static str, &'static str),
    /// The forge's own approval, given or taken back.
    Approves(&'static str),
    Withdraws(&'static str),
    MergeIsPutOff,
    TimePasses,
}

fn happens() -> impl Strategy<Value = Happens> {
    use proptest::sample::select;
    let people = || select(vec!["mia", "olga", "bob", "alice"]);
    let words = select(vec![
        "/model approve",
        "/model unapprove",
        "/model publish",
        "/model publish --when-ready",
        "/model run",
        "/model hold",
        "/model unhold",
    ]);
    prop_oneof![
        3 => select(vec!['a', 'b', 'c']).prop_map(Happens::Push),
        8 => (select(vec![GOOD, GOOD, "0.85"]), select(vec!['d', 'd', 'e']))
            .prop_map(|(accuracy, data)| Happens::Test { accuracy, data }),
        1 => Just(Happens::Vanish),
        2 => any::<bool>().prop_map(|touching| Happens::Base { touching }),
        1 => select(vec!["main", "release"]).prop_map(Happens::Retarget),
        1 => (0..3_u8).prop_map(Happens::Policy),
        1 => any::<bool>().prop_map(Happens::Draft),
        1 => (people(), any::<bool>()).prop_map(|(login, owner)| Happens::Rights(login, owner)),
        8 => (people(), words).prop_map(|(login, words)| Happens::Says(login, words)),
        3 => people().prop_map(Happens::Approves),
        1 => people().prop_map(Happens::Withdraws),
        1 => Just(Happens::MergeIsPutOff),
        1 => Just(Happens::TimePasses),
    ]
}

/// What an approval is given for, as far as the forge shows it: commit, target, policy, and how often the
/// target branch changed the model.
type Ground = (Sha, String, u8, usize);

/// What a report says.
type Said = (&'static str, char);

#[derive(Clone, Debug)]
struct Given {
    by: &'static str,
    /// Counts what was different before: what comes back is something else.
    ground: u32,
    /// Which report the bot had shown, or had to show first afterwards, if any.
    report: Option<u32>,
    /// Whether it had shown it by then.
    saw: bool,
    by_command: bool,
}

struct World {
    scene: Scene,
    policy: u8,
    /// One a move of the target branch: did it change the model?
    moves: Vec<bool>,
    /// What stands now, and its number.
    ground: (u32, Ground),
    /// The newest report that the bot has read of it, and its number.
    report: (u32, Option<Said>),
    /// What the reports say, by the jobs that left them.
    left_by: BTreeMap<JobId, Said>,
    given: Vec<Given>,
    /// Commits of which a report was ever there to be read.
    reported: BTreeSet<Sha>,
}

fn policy(step: u8) -> String {
    let owners = POLICY.replace(", owners: ['@alice']", "");
    assert_ne!(owners, POLICY);
    owners.replace("min: 0.90", &format!("min: 0.9{step}"))
}

impl World {
    fn new() -> Self {
        let scene = Scene::new().config(&policy(0));
        let scene = scene.person("olga", Permission::Maintain).person("bob", Permission::Maintain);
        let mut world = Self {
            ground: (0, (sha('a'), "main".to_owned(), 0, 0)),
            scene,
            policy: 0,
            moves: Vec::new(),
            report: (0, None),
            left_by: BTreeMap::new(),
            given: Vec::new(),
            reported: BTreeSet::new(),
        };
        world.look();
        world
    }

    /// The engine looks at the facts as the worker would read them, or hears a comment besides.
    fn turns(&mut self, turn: impl FnOnce(&mut Scene)) {
        let head = self.scene.facts.merge_request.head.clone();
        let since = self
            .scene
            .state
            .last_bound(&head)
            .map_or(self.moves.len(), |bound| usize::from_str_radix(bound.base.as_str(), 16).unwrap());
        let touching = self.moves.iter().skip(since).any(|touching| *touching);
        let path = if touching { "models/iris/data.py" } else { "README.md" };
        self.scene.facts.base = format!("{:040x}", self.moves.len()).parse().unwrap();
        self.scene.facts.base_moved = (since < self.moves.len()).then(|| paths(&[path]));
        let merging = self.scene.state.models.get(&iris()).is_some_and(|model| model.phase == Phase::Merging);
        turn(&mut self.scene);
        // While the forge is merging, what was decided stands: the call has the head as its guard.
        if !(merging && self.scene.phase() == Phase::Merging) {
            self.observes();
        }
    }

    fn look(&mut self) {
        self.turns(|scene| {
            scene.look();
        });
    }

    fn observes(&mut self) {
        let request = &self.scene.facts.merge_request;
        let changes = self.moves.iter().filter(|touching| **touching).count();
        let ground = (request.head.clone(), request.target_branch.clone(), self.policy, changes);
        if self.ground.1 != ground {
            self.ground = (self.ground.0 + 1, ground);
            self.report = (self.report.0 + 1, None);
        }
        let said = self.scene.model().report.as_ref().map(|report| self.left_by[&report.job]);
        if said.is_some() && self.report.1 != said {
            self.report = (self.report.0 + 1, said);
        }
        // What was given before there was a report is for the first one that comes.
        let (ground, report) = (self.ground.0, self.report);
        for given in self.given.iter_mut().filter(|given| given.ground == ground && report.1.is_some()) {
            given.report.get_or_insert(report.0);
        }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Push(name) if self.scene.facts.merge_request.head != sha(name) => {
                self.scene.push(name);
                let measures = if name == 'c' { "models/iris/evaluate.py" } else { "models/iris/train.py" };
                self.scene.facts.changed_paths = Some(paths(&[measures]));
                self.look();
            }
            Happens::Test { accuracy, data } => self.tests((accuracy, data)),
            Happens::Vanish => {
                self.scene.open().reports.clear();
                self.look();
            }
            Happens::Base { touching } => {
                self.moves.push(touching);
                self.look();
            }
            Happens::Retarget(branch) => {
                self.scene.facts.merge_request.target_branch = branch.to_owned();
                self.look();
            }
            Happens::Policy(step) => {
                self.policy = step;
                self.scene.facts.policy = config(&policy(step));
                self.look();
            }
            Happens::Draft(draft) => {
                self.scene.facts.merge_request.draft = draft;
                self.look();
            }
            Happens::Rights(login, owner) => {
                let permission = if owner { Permission::Maintain } else { Permission::Write };
                let (teams, emails) = (BTreeSet::new(), [format!("{login}@acme.test")].into());
                let standing = Standing::Known { permission, teams, emails };
                self.scene.facts.people.insert(user(login).id, standing);
                self.look();
            }
            Happens::Says(login, words) => {
                self.turns(|scene| {
                    scene.says(login, words);
                });
                match words {
                    "/model approve" => self.gives(login, true),
                    "/model unapprove" => self.given.retain(|given| !(given.by == login && given.by_command)),
                    _ => {}
                }
            }
            Happens::Approves(login) => {
                self.scene.approves(login);
                self.look();
                self.gives(login, false);
            }
            Happens::Withdraws(login) => {
                self.scene.open().approvals.retain(|approval| approval.by.login != login);
                self.given.retain(|given| given.by != login || given.by_command);
                self.look();
            }
            Happens::MergeIsPutOff => {
                if let Some(slot) =
                    self.scene.state.merging.as_ref().and_then(|merging| merging.asked.clone())
                {
                    let outcome = Outcome::Conflict { reason: "checking".to_owned() };
                    self.turns(|scene| {
                        scene.outcome(&slot, outcome);
                    });
                }
            }
            Happens::TimePasses => {
                self.scene.now = Timestamp(self.scene.now.0 + 600_000);
                self.look();
            }
            Happens::Push(_) => {}
        }
    }

    /// The newest run ends with these numbers, or the next one where it cannot any more.
    fn tests(&mut self, said: Said) {
        let newest =
            self.scene.open().runs.first().and_then(|run| run.jobs.iter().find(|job| job.task == "test"));
        let other = newest.and_then(|test| self.left_by.get(&test.id)).is_some_and(|before| *before != said);
        if other || !self.scene.model().stale.is_empty() {
            self.scene.run();
        }
        self.scene.tested(&[("accuracy", said.0)]);
        self.scene.report().dataset = Some(sha(said.1));
        self.left_by.insert(self.scene.report().job, said);
        self.reported.insert(self.scene.facts.merge_request.head.clone());
        self.look();
    }

    fn gives(&mut self, by: &'static str, by_command: bool) {
        let report = self.report.1.map(|_| self.report.0);
        self.given.push(Given { by, ground: self.ground.0, report, saw: report.is_some(), by_command });
    }

    /// Whether somebody who is an owner now, and wrote nothing of it, approved exactly what is judged now.
    fn approved(&self) -> bool {
        let owner = |login: &str| {
            let standing = self.scene.facts.people.get(&user(login).id);
            matches!(standing, Some(Standing::Known { permission: Permission::Maintain, .. }))
        };
        // What measures was changed: only who saw the numbers may approve.
        let measures = self.ground.1.0 == sha('c');
        self.given.iter().any(|given| {
            owner(given.by)
                && given.by != "bob"
                && given.ground == self.ground.0
                && given.report == Some(self.report.0)
                && (given.saw || !measures)
        })
    }

    fn is_honest(&self) -> Result<(), TestCaseError> {
        let good = self.report.1.is_some_and(|(accuracy, _)| accuracy == GOOD);
        for effect in &self.scene.effects {
            match effect {
                Effect::Status { sha, status, .. } if status.state == StatusState::Success => {
                    let earned = status.context.ends_with("/build") || self.reported.contains(sha);
                    prop_assert!(earned, "{status:?} on {sha}");
                }
                Effect::Merge { head, .. } => {
                    prop_assert_eq!(head, &self.ground.1.0);
                    prop_assert!(self.approved(), "merged without an approval of it: {:?}", self.given);
                    prop_assert!(good, "merged with {:?}", self.report);
                }
                _ => {}
            }
        }
        let shown = &self.scene.state.shown;
        let head = shown.statuses_on.as_ref().map(|(sha, _)| sha);
        let phase = self.scene.phase();
        let judged = phase != Phase::Merging && head == Some(&self.ground.1.0);
        for (context, _) in shown.statuses.iter().filter(|(_, one)| one.state == StatusState::Success) {
            let earned = context.ends_with("/build") || head.is_some_and(|sha| self.reported.contains(sha));
            prop_assert!(earned, "{context} on {head:?}");
            let reviewed = !(judged && context.ends_with("/review")) || self.approved();
            prop_assert!(reviewed, "reviewed without an approval of it: {:?}", self.given);
        }
        if phase == Phase::Ready {
            prop_assert!(self.approved(), "ready without an approval of it: {:?}", self.given);
            prop_assert!(good, "ready with {:?}", self.report);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn success_is_reported_and_no_approval_outlives_what_it_was_given_for(
        history in proptest::collection::vec(happens(), 0..48)
    ) {
        let mut world = World::new();
        for what in history {
            world.happens(what);
            world.is_honest()?;
        }
    }
}

/// The book itself lets a good one through: else the property would hold of a bot that does nothing.
#[test]
fn what_was_earned_is_merged() {
    for owner in OWNERS {
        let mut world = World::new();
        for what in [
            Happens::Push('c'),
            Happens::Test { accuracy: GOOD, data: 'd' },
            Happens::Says(owner, "/model approve"),
            Happens::Says(owner, "/model publish"),
        ] {
            world.happens(what);
            world.is_honest().unwrap();
        }
        assert!(world.scene.effects.iter().any(|effect| matches!(effect, Effect::Merge { .. })), "{owner}");
    }
}

/// A measurement that fails in between is another one, even where the next says what the first said.
#[test]
fn numbers_that_were_bad_in_between_are_approved_anew() {
    let mut world = World::new();
    let good = Happens::Test { accuracy: GOOD, data: 'd' };
    for what in [good, Happens::Says("mia", "/model approve")] {
        world.happens(what);
    }
    assert_eq!(world.scene.phase(), Phase::Ready);
    for what in [Happens::Test { accuracy: "0.85", data: 'd' }, good] {
        world.happens(what);
        world.is_honest().unwrap();
    }
    assert_eq!(world.scene.phase(), Phase::AwaitingApproval);
}
