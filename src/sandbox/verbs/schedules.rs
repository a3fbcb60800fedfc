//! What happens at fixed times.

use crate::sandbox::world::{Schedule, ScheduleWish, WorkflowState};

use super::{Done, SandboxProject};

#[expect(clippy::missing_errors_doc, reason = "every verb fails alike: with the forge's own refusal")]
impl SandboxProject {
    /// Every pipeline schedule, the oldest first; GitHub has none.
    pub fn schedules(&self) -> Done<Vec<Schedule>> {
        self.read(|project| Ok(project.schedules.values().cloned().collect()))
    }

    /// The time of a model's schedule has come: the pipelines that the forge starts.
    pub fn fires(&self, model: &str, name: &str) -> Done<Vec<u64>> {
        let mut state = self.world.lock();
        if state.dialect.is_github() {
            return state.fire_workflow(self.id, &workflow(model), name);
        }
        let told = |one: &&Schedule| {
            let has = |key: &str, value: &str| one.variables.get(key).is_some_and(|known| known == value);
            one.active && has("MERGEWRIGHT_MODEL", model) && has("MERGEWRIGHT_ACTION", name)
        };
        let due: Vec<u64> =
            state.project(self.id)?.schedules.values().filter(told).map(|one| one.id).collect();
        let mut started = Vec::new();
        for id in due {
            started.extend(state.fire_schedule(self.id, id)?);
        }
        Ok(started)
    }

    /// Somebody makes a schedule by hand.
    pub fn add_schedule(&self, login: &str, description: &str, cron: &str) -> Done<u64> {
        let wish = ScheduleWish {
            description: Some(description.to_owned()),
            reference: Some("main".to_owned()),
            cron: Some(cron.to_owned()),
            ..ScheduleWish::default()
        };
        self.by(login, |state, project, person| state.add_schedule(project, person, wish))
    }

    /// Somebody changes a schedule by hand: what it is called, when it is due, and whether it fires.
    pub fn change_schedule(
        &self,
        login: &str,
        id: u64,
        description: &str,
        cron: &str,
        active: bool,
    ) -> Done<()> {
        let wish = ScheduleWish {
            description: Some(description.to_owned()),
            cron: Some(cron.to_owned()),
            active: Some(active),
            ..ScheduleWish::default()
        };
        self.by(login, |state, project, person| state.change_schedule(project, person, id, wish))
    }

    /// Somebody sets what a schedule tells its pipelines.
    pub fn tell_schedule(&self, login: &str, id: u64, name: &str, value: &str) -> Done<()> {
        self.by(login, |state, project, person| {
            let known = state.schedule(project, id)?.variables.contains_key(name);
            state.tell_schedule((project, person), id, name, Some(value.to_owned()), known)
        })
    }

    /// Somebody presses "Take ownership".
    pub fn take_schedule(&self, login: &str, id: u64) -> Done<()> {
        self.by(login, |state, project, person| state.take_schedule(project, person, id))
    }

    /// Whether the clock of a model's workflow goes, on GitHub.
    pub fn clock(&self, model: &str) -> Done<WorkflowState> {
        self.read(|project| Ok(project.workflow_states.get(&workflow(model)).copied().unwrap_or_default()))
    }

    /// The clock of a model's workflow is switched off, or on again.
    pub fn set_clock(&self, model: &str, to: WorkflowState) -> Done<()> {
        self.set(|project| {
            project.workflow_states.insert(workflow(model), to);
        })
    }
}

fn workflow(model: &str) -> String {
    format!(".github/workflows/model-{model}.yml")
}
