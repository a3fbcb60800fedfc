//! Whatever people ask, and however calls, answers and hooks are late, doubled or lost: at most one version
//! is live in an environment, never before the forge showed its deployment, and git says all of it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::scene::Scene;
use crate::domain::*;
use crate::engine::environments::EnvironmentEvent;
use crate::engine::tests::scene::{iris, sha};

#[derive(Clone, Debug)]
enum Act {
    /// A person comments.
    Says(String),
    /// The worker looks, with or without reason.
    Look,
    /// The oldest waiting call is made and its answer heard.
    Call,
    /// It is made, but the answer is lost: it will be made again.
    CallWithoutAnswer,
    /// An old answer is heard once more.
    Again(usize),
    /// A deploy job ends; the forge may show its deployment later.
    Ends { which: usize, well: bool, shown: bool },
    /// The forge shows the deployments of jobs that ended well.
    Shows,
    /// Somebody else makes a stage tag.
    Foreign(u64),
    /// A long time passes.
    Waits,
}

fn act() -> impl Strategy<Value = Act> {
    let environment = prop_oneof![Just("staging"), Just("production")];
    let version = prop_oneof![Just("v1"), Just("v2"), Just("v3")];
    let promote = (version.clone(), environment.clone()).prop_map(|(v, e)| format!("promote {v} {e}"));
    let back = environment.clone().prop_map(|e| format!("rollback {e}"));
    let back_to = (version, environment.clone()).prop_map(|(v, e)| format!("rollback {e} to {v}"));
    let abort = environment.prop_map(|e| format!("abort {e}"));
    prop_oneof![
        6 => promote.prop_map(Act::Says),
        2 => prop_oneof![back, back_to].prop_map(Act::Says),
        1 => abort.prop_map(Act::Says),
        // One alone, so that the others go on moving.
        1 => Just(Act::Says("retire v3 no use".to_owned())),
        6 => Just(Act::Look),
        8 => Just(Act::Call),
        2 => Just(Act::CallWithoutAnswer),
        2 => (0_usize..8).prop_map(Act::Again),
        6 => (0_usize..4, prop::bool::weighted(0.8), prop::bool::weighted(0.7))
            .prop_map(|(which, well, shown)| Act::Ends { which, well, shown }),
        2 => Just(Act::Shows),
        1 => (1_u64..12).prop_map(Act::Foreign),
        1 => Just(Act::Waits),
    ]
}

/// The scene, and answers that were given.
struct Chance {
    scene: Scene,
    answers: Vec<(String, Outcome)>,
}

impl Chance {
    fn act(&mut self, act: &Act) {
        let scene = &mut self.scene;
        match act {
            Act::Says(line) => drop(scene.says("alice", line)),
            Act::Look => scene.look(),
            Act::Call if scene.calls.is_empty() => {}
            Act::Call => {
                let call = scene.calls.remove(0);
                let outcome = scene.perform(&call);
                if call.reports_back() {
                    self.answers.push((call.slot(), outcome.clone()));
                    scene.turn(&EnvironmentEvent::Effect { slot: call.slot(), outcome });
                }
            }
            Act::CallWithoutAnswer => {
                if let Some(call) = scene.calls.first().cloned() {
                    let _lost = scene.perform(&call);
                }
            }
            Act::Again(which) => {
                if let Some((slot, outcome)) = self.answers.get(*which).cloned() {
                    scene.turn(&EnvironmentEvent::Effect { slot, outcome });
                }
            }
            Act::Ends { which, well, shown } => {
                let running = scene.world.jobs.iter().filter(|(_, status)| !status.is_final());
                let Some(run) = running.map(|(run, _)| *run).nth(*which) else { return };
                match (well, shown) {
                    (true, false) => drop(scene.world.jobs.insert(run, JobStatus::Succeeded)),
                    (true, true) => scene.ends_of(run, JobStatus::Succeeded),
                    (false, _) => scene.ends_of(run, JobStatus::Failed(FailureCause::Script)),
                }
            }
            Act::Shows => self.show(),
            Act::Foreign(number) => {
                let name = format!("iris#staging#{number}");
                if !scene.world.tags.contains_key(&name) {
                    scene.tag(&name, &sha('f'), "by hand");
                }
            }
            Act::Waits => scene.now = scene.now.after(std::time::Duration::from_secs(700)),
        }
    }

    fn show(&mut self) {
        let jobs = self.scene.world.jobs.clone();
        for (run, _) in jobs.into_iter().filter(|(_, status)| *status == JobStatus::Succeeded) {
            if !self.scene.world.deployments.contains_key(&run) {
                self.scene.ends_of(run, JobStatus::Succeeded);
            }
        }
    }

    /// Everything that is under way comes to its end.
    fn rest(&mut self) {
        for _ in 0..10 {
            self.scene.settle();
            let running = self.scene.world.jobs.clone();
            for (run, _) in running.into_iter().filter(|(_, status)| !status.is_final()) {
                self.scene.ends_of(run, JobStatus::Succeeded);
            }
            self.show();
            self.scene.now = self.scene.now.after(std::time::Duration::from_secs(700));
        }
        self.scene.settle();
    }

    /// Our stage tags in the order of their numbers.
    fn assignments(&self) -> Vec<Assignment> {
        let tags = self.scene.world.tags.values();
        let mut ours: Vec<Assignment> =
            tags.filter_map(|tag| serde_json::from_str(&tag.message).ok()).collect();
        ours.sort_by_key(|assignment| assignment.number);
        ours
    }

    fn holds(&self) -> Result<(), TestCaseError> {
        let world = &self.scene.world;
        for (name, stand) in &self.scene.state.stands {
            for live in &stand.trail {
                let tag = &world.tags[&live.tag];
                let told: Assignment = serde_json::from_str(&tag.message).unwrap();
                prop_assert_eq!((&told.environment, &told.version), (name, &live.version));
                let run = told.run.unwrap().0;
                let deployment = &world.deployments[&run];
                prop_assert_eq!(deployment.state, DeploymentState::Succeeded);
                let (_, order) = world.started.values().find(|(started, _)| *started == run).unwrap();
                prop_assert_eq!(order.environment.as_ref(), Some(name));
                prop_assert_eq!(order.version.clone(), Some(live.version.clone().into()));
                prop_assert_eq!(&order.commit, &tag.commit);
            }
        }
        for version in self.scene.state.retired.keys() {
            for (name, stand) in &self.scene.state.stands {
                let live = stand.trail.last().map(|live| &live.version);
                let coming = stand.active.as_ref().map(|rollout| &rollout.version);
                prop_assert!(live != Some(version) && coming != Some(version), "{version} in {name}");
            }
        }
        Ok(())
    }

    /// The numbers of our tags, and those that others had before us, have no gap.
    fn contiguous(&self) -> Result<(), TestCaseError> {
        let ours = self.assignments();
        let taken: std::collections::BTreeSet<u64> = self
            .scene
            .world
            .tags
            .keys()
            .filter_map(|name| Assignment::read_tag(&iris(), name))
            .map(|(_, number)| number)
            .collect();
        let highest = ours.last().map_or(0, |last| last.number);
        for number in 1..=highest {
            prop_assert!(taken.contains(&number), "{number} of {highest} is missing: {taken:?}");
        }
        let mut numbers = ours.iter().map(|assignment| assignment.number).collect::<Vec<_>>();
        numbers.dedup();
        prop_assert_eq!(numbers.len(), ours.len(), "no number twice");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_one_version_is_live_and_git_says_which(acts in prop::collection::vec(act(), 1..120)) {
        let mut chance = Chance { scene: Scene::new(), answers: Vec::new() };
        for act in &acts {
            chance.act(act);
            chance.holds()?;
        }
        chance.rest();
        chance.holds()?;
        chance.contiguous()?;
        for (name, stand) in &chance.scene.state.stands {
            prop_assert!(stand.active.is_none(), "{name} is stuck: {:?}", stand.active);
        }
        prop_assert!(chance.scene.state.stops.is_empty());
        for (version, one) in &chance.scene.state.retired {
            let tag = chance.scene.world.tags.get(&version.retired_tag(&iris()));
            let told: Option<RetirementNote> = tag.and_then(|tag| serde_json::from_str(&tag.message).ok());
            prop_assert_eq!(told, Some(one.note(&iris(), version)), "git says it too");
        }
        // Losing the database loses nothing: the stage tags alone give the same trails.
        let mut rebuilt = BTreeMap::<String, Stand>::new();
        for told in chance.assignments() {
            let live = Live { version: told.version.clone(), since: told.live_at, tag: told.tag(), rollout: told.rollout };
            rebuilt.entry(told.environment.clone()).or_default().enter(told.action, live);
        }
        for (name, stand) in &chance.scene.state.stands {
            let again = rebuilt.remove(name).unwrap_or_default();
            prop_assert_eq!(&again.trail, &stand.trail, "{}", name);
            prop_assert_eq!(&again.known, &stand.known, "{}", name);
        }
        prop_assert!(rebuilt.is_empty());
    }
}
