//! A model with versions, a forge that deploys, and one engine turn at a time.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::commands::Refusal;
use crate::engine::environments::{
    Ask, Begun, EnvironmentEvent, EnvironmentFacts, RolloutFacts, abort, promote, retire, rollback, step,
};
use crate::engine::tests::scene::{iris, job, record, sha, user};
use crate::{config::repository, config::valid::Model, domain::*};

pub(super) const POLICY: &str = "
version: 1
models:
  iris:
    test: {reports: {metrics: metrics.json}}
    version: {strategy: sequence}
    environments:
      staging: {}
      production: {requires: staging}
    deploy: {run: ['sh deploy.sh']}
";

/// What the forge is, as far as deployments go.
#[derive(Clone, Default)]
pub(super) struct World {
    /// Runs that were dispatched, by the slot of the dispatch.
    pub(super) started: BTreeMap<String, (u64, WorkOrder)>,
    /// How the deploy job of each run stands.
    pub(super) jobs: BTreeMap<u64, JobStatus>,
    /// The deployment of each run.
    pub(super) deployments: BTreeMap<u64, Deployment>,
    /// Version and stage tags.
    pub(super) tags: BTreeMap<String, Tag>,
    /// Whether files are still kept.
    pub(super) kept: bool,
}

pub(super) struct Scene {
    pub(super) policy: Model,
    pub(super) versions: Vec<VersionRecord>,
    pub(super) state: Environments,
    pub(super) world: World,
    pub(super) now: Timestamp,
    /// Calls that nobody performed yet.
    pub(super) calls: Vec<Effect>,
    /// Every rollout as it was last stored.
    pub(super) stored: BTreeMap<u64, Rollout>,
    pub(super) audit: Vec<Audit>,
    pub(super) wake_at: Option<Timestamp>,
    /// Tags that a command named, beside versions.
    pub(super) named: Vec<Tag>,
    /// Who wrote the commits of a version, where that was asked.
    pub(super) wrote: BTreeMap<Version, BTreeSet<CommitAuthor>>,
}

impl Scene {
    /// Three published versions; nothing is live.
    pub(super) fn new() -> Self {
        Self::with(POLICY)
    }

    pub(super) fn with(policy: &str) -> Self {
        let config = repository::parse(policy).unwrap();
        let mut scene = Self {
            policy: config.models[&iris()].clone(),
            versions: Vec::new(),
            state: Environments::default(),
            world: World { kept: true, ..World::default() },
            now: Timestamp(1_800_000_000_000),
            calls: Vec::new(),
            stored: BTreeMap::new(),
            audit: Vec::new(),
            wake_at: None,
            named: Vec::new(),
            wrote: BTreeMap::new(),
        };
        for number in 1..=3 {
            let mut version = record(number, &[]);
            version.commit = sha(['a', 'b', 'c'][usize::try_from(number).unwrap() - 1]);
            version.published_at = Timestamp(scene.now.0 + i64::try_from(number).unwrap());
            scene.tag(&version.tag, &version.commit.clone(), "");
            scene.versions.push(version);
        }
        scene
    }

    pub(super) fn tag(&mut self, name: &str, commit: &Sha, message: &str) {
        let tag = Tag { name: name.to_owned(), commit: commit.clone(), message: message.to_owned() };
        self.world.tags.insert(name.to_owned(), tag);
    }

    /// Somebody asks for something: `promote v1 staging`, `rollback staging [to v1]`, `abort staging`.
    pub(super) fn says(&mut self, login: &str, line: &str) -> Result<Begun, Refusal> {
        self.now = self.now.after(std::time::Duration::from_secs(1));
        let by = user(login);
        let emails = [format!("{login}@example.com")].into();
        let (model, repo) = (iris(), RepoId { forge: ForgeKind::GitLab, number: 5 });
        let ask = Ask {
            model: &model,
            policy: &self.policy,
            versions: &self.versions,
            tags: &self.named,
            wrote: &self.wrote,
            by: &by,
            emails: &emails,
            on: MergeRequestId { repo, number: 1 },
            now: self.now,
            prefix: "/model",
        };
        let words = line.split(' ').collect::<Vec<_>>();
        let mut state = self.state.clone();
        let begun = match words.as_slice() {
            ["promote", reference, environment] => promote(&mut state, &ask, reference, environment)?,
            ["rollback", environment] => rollback(&mut state, &ask, environment, None)?,
            ["rollback", environment, "to", reference] => {
                rollback(&mut state, &ask, environment, Some(reference))?
            }
            ["abort", environment] => {
                let (begun, ended) = abort(&mut state, &ask, environment)?;
                self.stored.extend(ended.map(|rollout| (rollout.number, rollout)));
                begun
            }
            ["retire", reference, reason @ ..] => {
                let sheet = retire(&mut state, &ask, reference, &reason.join(" "))?;
                Begun::Freed(sheet.title)
            }
            other => panic!("{other:?}"),
        };
        self.state = state;
        Ok(begun)
    }

    /// The rule that refuses it.
    pub(super) fn refused(&mut self, login: &str, line: &str) -> &'static str {
        let before = self.state.clone();
        let refusal = self.says(login, line).expect_err(line);
        assert_eq!(self.state, before, "a refused command leaves nothing behind");
        assert!(!refusal.message.is_empty() && !refusal.remedy.is_empty());
        refusal.rule
    }

    fn facts(&self) -> EnvironmentFacts {
        let active = self.state.stands.values().filter_map(|stand| stand.active.as_ref());
        let rollouts = active.map(|rollout| {
            let run = rollout.run.and_then(|run| self.run(run.0));
            let deployment = rollout.run.and_then(|run| self.world.deployments.get(&run.0).cloned());
            let tag = self.world.tags.get(&rollout.version.tag(&iris())).cloned();
            (rollout.number, RolloutFacts { start: Some((tag, self.world.kept)), run, deployment })
        });
        let id = ModelId { repo: RepoId { forge: ForgeKind::GitLab, number: 5 }, model: iris() };
        let stage = self.world.tags.values().filter(|tag| tag.name.starts_with("iris#")).cloned();
        EnvironmentFacts {
            id,
            branch: "main".to_owned(),
            rollouts: rollouts.collect(),
            stage_tags: Some(stage.collect()),
        }
    }

    fn run(&self, number: u64) -> Option<Run> {
        let status = self.world.jobs.get(&number)?.clone();
        let jobs = vec![job(JobId(number * 10), "deploy", status)];
        let (id, web_url) = (RunId(number), "https://forge.test/run".to_owned());
        Some(Run { id, sha: sha('0'), web_url, created_at: self.now, first_at: None, jobs })
    }

    /// One turn.
    pub(super) fn turn(&mut self, event: &EnvironmentEvent) {
        self.now = self.now.after(std::time::Duration::from_secs(1));
        let next = step(&self.state, &self.facts(), event, self.now);
        let again = step(&self.state, &self.facts(), event, self.now);
        assert_eq!(next, again, "the same arguments give the same transition");
        for rollout in &next.rollouts {
            assert!(next.tell.contains(&rollout.asked_on), "who asked is told");
            self.stored.insert(rollout.number, rollout.clone());
        }
        self.state = next.environments;
        self.calls.extend(next.effects);
        self.audit.extend(next.audit);
        self.wake_at = next.wake_at;
    }

    pub(super) fn look(&mut self) {
        self.turn(&EnvironmentEvent::Refresh);
    }

    /// What the forge makes of a call, as often as it is made.
    pub(super) fn perform(&mut self, effect: &Effect) -> Outcome {
        let slot = effect.slot();
        match effect {
            Effect::Dispatch { order, .. } => {
                let fresh = 100 + self.world.started.len() as u64;
                let entry = self.world.started.entry(slot);
                let (run, _) = entry.or_insert_with(|| (fresh, order.clone()));
                let run = *run;
                self.world.jobs.entry(run).or_insert(JobStatus::Running);
                Outcome::Done(Done::Run { run: RunId(run) })
            }
            Effect::CancelRun { run } => {
                if let Some(job) = self.world.jobs.get_mut(&run.0)
                    && !job.is_final()
                {
                    *job = JobStatus::Cancelled;
                }
                Outcome::Done(Done::Plain)
            }
            Effect::AssignStage { assignment } => {
                self.make_tag(&assignment.tag(), &assignment.commit, &assignment.canonical())
            }
            Effect::Retire { note } => self.make_tag(&note.tag(), &note.commit, &note.canonical()),
            other => panic!("environments do not ask for {other:?}"),
        }
    }

    fn make_tag(&mut self, name: &str, commit: &Sha, message: &str) -> Outcome {
        match self.world.tags.get(name) {
            Some(tag) if tag.message != message => {
                return Outcome::Conflict { reason: "exists".to_owned() };
            }
            Some(_) => {}
            None => self.tag(name, commit, message),
        }
        Outcome::Done(Done::Tagged { tag: self.world.tags[name].clone() })
    }

    /// Performs every waiting call and hears what became of it, until nothing is asked for.
    pub(super) fn settle(&mut self) {
        self.look();
        while !self.calls.is_empty() {
            for effect in std::mem::take(&mut self.calls) {
                let outcome = self.perform(&effect);
                if effect.reports_back() {
                    self.turn(&EnvironmentEvent::Effect { slot: effect.slot(), outcome });
                }
            }
            self.look();
        }
    }

    /// The newest deploy job ends so; where it ended well, the forge has its deployment.
    pub(super) fn ends(&mut self, status: JobStatus) {
        let run = *self.world.jobs.keys().next_back().expect("a run");
        self.ends_of(run, status);
    }

    pub(super) fn ends_of(&mut self, run: u64, status: JobStatus) {
        let state = match status {
            JobStatus::Succeeded => DeploymentState::Succeeded,
            _ => DeploymentState::Failed,
        };
        self.world.jobs.insert(run, status);
        self.world.deployments.insert(run, Deployment { id: run + 1000, state, at: self.now });
    }

    /// A whole rollout that goes well.
    pub(super) fn goes_well(&mut self, line: &str) {
        self.says("alice", line).unwrap_or_else(|refusal| panic!("{line}: {}", refusal.message));
        self.settle();
        self.ends(JobStatus::Succeeded);
        self.settle();
    }

    pub(super) fn live(&self, environment: &str) -> Option<&str> {
        self.state.live(environment).map(|live| live.version.as_str())
    }

    /// Names of the stage tags, sorted by number.
    pub(super) fn stages(&self) -> Vec<String> {
        let read = |name: &String| Some((Assignment::read_tag(&iris(), name)?.1, name.clone()));
        let mut all = self.world.tags.keys().filter_map(read).collect::<Vec<_>>();
        all.sort();
        all.into_iter().map(|(_, name)| name).collect()
    }

    pub(super) fn rollout(&self, number: u64) -> &Rollout {
        &self.stored[&number]
    }
}
