//! One turn of the engine: what it reads, what it changes, and what it wants done.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::domain::{
    Audit, Bound, Effect, Environments, LogTail, MergeRequest, ModelName, ModelState, Phase, Rollout, RunId,
    Sha, Stage, Stand, Starting, State, TestFailure, Timestamp, Transition, VersionRecord,
};

use super::{Facts, OpenFacts, transitions};

/// How long a run that was asked for is taken to be about to begin.
const A_START_LASTS: Duration = Duration::from_secs(10 * 60);

/// Everything of one call of [`super::step`]. The rules work on it one after another.
pub(super) struct Turn<'a> {
    pub(super) facts: &'a Facts,
    pub(super) now: Timestamp,
    pub(super) state: State,
    /// What was found out about each model in this turn: shown, but not kept.
    pub(super) findings: BTreeMap<ModelName, Finding>,
    /// Whether the event told of runs that were begun for another target branch.
    pub(super) retargeted: bool,
    /// Environments, with what commands of this turn changed.
    pub(super) environments: BTreeMap<ModelName, Environments>,
    /// Rollouts that commands of this turn ended.
    pub(super) ended: Vec<(ModelName, Rollout)>,
    effects: Vec<Effect>,
    audit: Vec<Audit>,
    wake_at: Option<Timestamp>,
    published: Vec<VersionRecord>,
}

/// What one look at a model found, beyond its phase.
#[derive(Default)]
pub(super) struct Finding {
    /// The model cannot be served at all, and why.
    pub(super) error: Option<String>,
    /// Who asked for changes, by login.
    pub(super) objections: Vec<String>,
    /// What keeps it where it is, and what to do.
    pub(super) diagnosis: Option<String>,
    /// Tests that failed.
    pub(super) failing_tests: Vec<TestFailure>,
    /// How many more failed than are named.
    pub(super) more_failing: usize,
    /// Ends of logs of failed jobs.
    pub(super) logs: Vec<LogTail>,
    /// Its jobs need secrets that they do not get.
    pub(super) withheld: bool,
    /// There is nothing to merge it into.
    pub(super) target_gone: bool,
    /// Remarkable, but not worth keeping.
    pub(super) notices: Vec<String>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(state: State, facts: &'a Facts, now: Timestamp) -> Self {
        let known = facts.environments.iter();
        Self {
            facts,
            now,
            state,
            findings: BTreeMap::new(),
            retargeted: false,
            environments: known.map(|(name, known)| (name.clone(), known.state.clone())).collect(),
            ended: Vec::new(),
            effects: Vec::new(),
            audit: Vec::new(),
            wake_at: None,
            published: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Transition {
        let known = &self.facts.environments;
        self.environments.retain(|name, state| {
            known.get(name).map_or_else(|| *state != Environments::default(), |known| known.state != *state)
        });
        let mut rollouts = self.ended;
        for (name, state) in &self.environments {
            let active = |stand: &Stand| stand.active.clone();
            let before = known.get(name).into_iter().flat_map(|known| known.state.stands.values());
            let before = before.filter_map(active).collect::<Vec<_>>();
            let moved = state.stands.values().filter_map(active).filter(|rollout| !before.contains(rollout));
            rollouts.extend(moved.map(|rollout| (name.clone(), rollout)));
        }
        Transition {
            environments: self.environments,
            rollouts,
            state: self.state,
            effects: self.effects,
            audit: self.audit,
            wake_at: self.wake_at,
            published: self.published,
        }
    }

    /// The merge request as the forge tells of it; borrowed from the facts, not from the turn.
    pub(super) fn merge_request(&self) -> &'a MergeRequest {
        &self.facts.merge_request
    }

    /// What there is to judge, where it was read.
    pub(super) fn open(&self) -> Option<&'a OpenFacts> {
        self.facts.open.as_ref()
    }

    /// The commit that a model is judged at: the head, or what the merge made of it.
    pub(super) fn judged<'m>(&self, model: &'m ModelState) -> &'m Sha
    where
        'a: 'm,
    {
        model.anew.as_ref().map_or(&self.facts.merge_request.head, |anew| &anew.bound.head)
    }

    /// The same for a model by its name.
    pub(super) fn judged_of(&self, name: &ModelName) -> &Sha {
        self.state.models.get(name).map_or(&self.facts.merge_request.head, |model| self.judged(model))
    }

    /// What decisions about a model are bound to.
    pub(super) fn bound<'m>(&'m self, model: &'m ModelState) -> Option<&'m Bound> {
        model.anew.as_ref().map(|anew| &anew.bound).or(self.state.bound.as_ref())
    }

    /// Works on one model with the rest of the turn at hand.
    pub(super) fn with<T>(
        &mut self,
        name: &ModelName,
        work: impl FnOnce(&mut Self, &mut ModelState) -> T,
    ) -> Option<T> {
        let mut model = self.state.models.remove(name)?;
        let result = work(self, &mut model);
        self.state.models.insert(name.clone(), model);
        Some(result)
    }

    /// Asks the forge for something.
    pub(super) fn want(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Lets go of the runs of the head that were begun by then (of all where none is named): the forge took
    /// their files from another target branch, and begins them anew with those. Whether there were any.
    pub(super) fn aimed_elsewhere(&mut self, until: Option<Timestamp>) -> bool {
        let runs = self.open().into_iter().flat_map(|open| &open.runs);
        let begun = runs.filter(|run| until.is_none_or(|until| run.began_at() <= until)).map(|run| run.id);
        let before = self.state.other_target.len();
        self.state.other_target.extend(begun);
        self.state.other_target.len() > before
    }

    /// Whether the forge is asked in this turn for something of this kind.
    pub(super) fn wants(&self, kind: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(kind)
    }

    /// Looks again at this time, or earlier if somebody else wants that.
    pub(super) fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |other| other.min(at)));
    }

    /// Looks again after a while, in case the world does not tell.
    pub(super) fn wake_in(&mut self, span: Duration) {
        self.wake(self.now.after(span));
    }

    /// Writes down what happened and by whom.
    pub(super) fn record(&mut self, kind: &str, actor: Option<&str>, what: String, detail: Value) {
        self.audit.push(Audit { kind: kind.to_owned(), actor: actor.map(str::to_owned), what, detail });
    }

    /// A version is out.
    pub(super) fn publish(&mut self, record: VersionRecord) {
        self.published.push(record);
    }

    /// Moves a model into a phase; staying where it is is no event.
    pub(super) fn enter(&mut self, name: &ModelName, model: &mut ModelState, phase: Phase, stage: Stage) {
        model.stage = stage;
        if model.phase == phase {
            return;
        }
        debug_assert!(transitions::allowed(model.phase, phase), "{name}: {} → {phase}", model.phase);
        self.record(
            "phase",
            None,
            format!("{name}: {} → {phase}", model.phase),
            serde_json::json!({ "model": name, "from": model.phase, "to": phase }),
        );
        model.phase = phase;
        model.since = self.now;
    }

    /// Stops a run, once.
    pub(super) fn cancel(&mut self, run: RunId) {
        if self.state.cancelled.insert(run) {
            self.want(Effect::CancelRun { run });
        }
    }

    /// Asks for a run of the head. What was stopped may come back by it, and may be stopped again then.
    pub(super) fn start_run(&mut self) {
        self.state.runs_asked += 1;
        let head = self.merge_request().head.clone();
        let stopped = std::mem::take(&mut self.state.cancelled);
        let of_head = self.open().into_iter().flat_map(|open| &open.runs).map(|run| run.id);
        let other_target = of_head.filter(|run| self.state.other_target.contains(run)).collect();
        let (head_of, attempt) = (head.clone(), self.state.runs_asked);
        let effect = Effect::StartRun { head: head_of, attempt, stopped, other_target };
        let earlier = self.state.starting.take().filter(|earlier| earlier.head == head);
        let before = earlier.map(|earlier| earlier.before).unwrap_or_default();
        self.state.starting =
            Some(Starting { slot: effect.slot(), head, at: self.now, before, called_off: false });
        self.want(effect);
    }

    /// The run of the head that was asked for a moment ago, and of which nothing is known yet.
    pub(super) fn starting(&mut self) -> Option<&mut Starting> {
        let (head, now) = (&self.facts.merge_request.head, self.now);
        let starting = self.state.starting.as_mut();
        starting.filter(|one| one.head == *head && !one.called_off && now < one.at.after(A_START_LASTS))
    }
}

/// Adds a notice that is not there yet.
pub(super) fn note(notices: &mut Vec<String>, text: impl Into<String>) {
    let text = text.into();
    if !notices.contains(&text) {
        notices.push(text);
    }
}
