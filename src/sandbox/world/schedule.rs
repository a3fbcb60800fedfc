//! Work at fixed times: GitLab's pipeline schedules, and the clock of GitHub's workflows.
//!
//! The sandbox's own clock never rings by itself: whoever plays says when a time has come, and may let it pass.

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::sandbox::ci::When;
use crate::sandbox::ci::workflow::{Surroundings, Trigger, Workflow, plan};

use super::workflows::Happening;
use super::{PipelineSource, Refusal, Role, State};

/// A pipeline schedule of GitLab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Number.
    pub id: u64,
    /// What it is called.
    pub description: String,
    /// The branch.
    pub reference: String,
    /// Five fields.
    pub cron: String,
    /// Its time zone.
    pub timezone: String,
    /// Whether it fires.
    pub active: bool,
    /// As whom its pipelines run.
    pub owner: u64,
    /// What they are told.
    pub variables: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Whether the clock of a workflow goes, on GitHub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkflowState {
    /// It does.
    #[default]
    Active,
    /// Nothing happened in the repository for sixty days.
    Idle,
    /// A person switched it off.
    Disabled,
}

impl WorkflowState {
    /// GitHub's word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "disabled_inactivity",
            Self::Disabled => "disabled_manually",
        }
    }
}

/// What somebody wants a schedule to be; what is left out stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScheduleWish {
    pub(crate) description: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) cron: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) active: Option<bool>,
}

impl State {
    pub(crate) fn schedule(&self, project: u64, id: u64) -> Result<&Schedule, Refusal> {
        let found = self.project(project)?.schedules.get(&id);
        found.ok_or_else(|| Refusal::NotFound("404 Pipeline Schedule".to_owned()))
    }

    fn schedule_mut(&mut self, project: u64, id: u64) -> Result<&mut Schedule, Refusal> {
        let found = self.project_mut(project)?.schedules.get_mut(&id);
        found.ok_or_else(|| Refusal::NotFound("404 Pipeline Schedule".to_owned()))
    }

    /// Its owner and maintainers may change it, and see what it tells its pipelines.
    pub(crate) fn may_change_schedule(&self, project: u64, person: u64, id: u64) -> Result<bool, Refusal> {
        let own = self.schedule(project, id)?.owner == person;
        Ok(own || self.role(project, person).is_some_and(|role| role >= Role::Maintainer))
    }

    pub(crate) fn add_schedule(
        &mut self,
        project: u64,
        person: u64,
        wish: ScheduleWish,
    ) -> Result<u64, Refusal> {
        let reference = wish.reference.clone().unwrap_or_default();
        let protected = self.project(project)?.protected.contains(&reference);
        self.require(project, person, if protected { Role::Maintainer } else { Role::Developer })?;
        let (id, now) = (self.next("schedule", 31), self.now());
        let schedule = Schedule {
            id,
            description: String::new(),
            reference,
            cron: String::new(),
            timezone: "UTC".to_owned(),
            active: true,
            owner: person,
            variables: BTreeMap::new(),
            created_at: now,
            updated_at: now,
        };
        self.project_mut(project)?.schedules.insert(id, schedule);
        let changed = self.amend_schedule(project, id, wish);
        if changed.is_err() {
            self.project_mut(project)?.schedules.remove(&id);
        }
        changed.map(|()| id)
    }

    pub(crate) fn change_schedule(
        &mut self,
        project: u64,
        person: u64,
        id: u64,
        wish: ScheduleWish,
    ) -> Result<(), Refusal> {
        self.allow_schedule(project, person, id)?;
        self.amend_schedule(project, id, wish)
    }

    fn allow_schedule(&self, project: u64, person: u64, id: u64) -> Result<(), Refusal> {
        match self.may_change_schedule(project, person, id)? {
            true => Ok(()),
            false => Err(Refusal::Forbidden("403 Forbidden".to_owned())),
        }
    }

    fn amend_schedule(&mut self, project: u64, id: u64, wish: ScheduleWish) -> Result<(), Refusal> {
        let now = self.now();
        let place = self.project(project)?;
        let wrong = |text: &str| Err(Refusal::Invalid(text.to_owned()));
        if wish.cron.as_ref().is_some_and(|cron| cron.split_ascii_whitespace().count() != 5) {
            return wrong("cron syntax is invalid");
        }
        if wish.timezone.as_ref().is_some_and(|zone| zone.parse::<chrono_tz::Tz>().is_err()) {
            return wrong("cron_timezone syntax is invalid");
        }
        if wish.reference.as_ref().is_some_and(|name| place.git.branch(name).is_none()) {
            return wrong("ref is invalid");
        }
        let one = self.schedule_mut(project, id)?;
        one.description = wish.description.unwrap_or_else(|| one.description.clone());
        one.reference = wish.reference.unwrap_or_else(|| one.reference.clone());
        one.cron = wish.cron.unwrap_or_else(|| one.cron.clone());
        one.timezone = wish.timezone.unwrap_or_else(|| one.timezone.clone());
        one.active = wish.active.unwrap_or(one.active);
        one.updated_at = now;
        Ok(())
    }

    pub(crate) fn take_schedule(&mut self, project: u64, person: u64, id: u64) -> Result<(), Refusal> {
        self.require(project, person, Role::Maintainer)?;
        self.schedule_mut(project, id)?.owner = person;
        Ok(())
    }

    pub(crate) fn remove_schedule(&mut self, project: u64, person: u64, id: u64) -> Result<(), Refusal> {
        self.allow_schedule(project, person, id)?;
        self.project_mut(project)?.schedules.remove(&id);
        Ok(())
    }

    /// Sets a variable (`known` says whether there must be one of the name), or removes it.
    pub(crate) fn tell_schedule(
        &mut self,
        (project, person): (u64, u64),
        id: u64,
        name: &str,
        value: Option<String>,
        known: bool,
    ) -> Result<(), Refusal> {
        self.allow_schedule(project, person, id)?;
        let variables = &mut self.schedule_mut(project, id)?.variables;
        match (variables.contains_key(name), known) {
            (false, true) => return Err(Refusal::NotFound("404 Pipeline Schedule Variable".to_owned())),
            (true, false) => return Err(Refusal::Invalid(format!("key ({name}) has already been taken"))),
            _ => {}
        }
        match value {
            Some(value) => drop(variables.insert(name.to_owned(), value)),
            None => drop(variables.remove(name)),
        }
        Ok(())
    }

    /// The time of a schedule has come, or somebody plays it; the pipeline, where the file wants one.
    pub(crate) fn fire_schedule(&mut self, project: u64, id: u64) -> Result<Option<u64>, Refusal> {
        let one = self.schedule(project, id)?.clone();
        if self.person(one.owner)?.blocked || self.role(project, one.owner).is_none() {
            return Ok(None);
        }
        self.start_scheduled(project, one.owner, &one.reference, one.variables)
    }

    /// The time of a job of a workflow has come, on GitHub: the runs that have it.
    pub(crate) fn fire_workflow(&mut self, project: u64, path: &str, job: &str) -> Result<Vec<u64>, Refusal> {
        let place = self.project(project)?;
        if place.workflow_states.get(path).is_some_and(|state| *state != WorkflowState::Active) {
            return Ok(Vec::new());
        }
        let missing = || Refusal::NotFound("404".to_owned());
        let branch = place.default_branch.clone();
        let sha = place.git.branch(&branch).ok_or_else(missing)?;
        let text = place.git.file(path, &sha).ok_or_else(missing)?;
        // Such a run is that of whoever changed the file last.
        let person = *place.members.keys().next().ok_or_else(missing)?;
        let invalid = |error: crate::sandbox::ci::CiError| Refusal::Invalid(error.to_string());
        let workflow = Workflow::read(path, &String::from_utf8_lossy(&text)).map_err(invalid)?;
        let mut started = Vec::new();
        for cron in workflow.times() {
            let happening = Happening {
                source: PipelineSource::Schedule,
                trigger: Trigger::Schedule { cron: cron.clone() },
                reference: branch.clone(),
                full_ref: format!("refs/heads/{branch}"),
                sha: sha.clone(),
                code: sha.clone(),
                merge_request: None,
            };
            let context = self.surroundings(project, person, 0, &happening)?;
            let planned = plan(&workflow, &happening.trigger, &Surroundings { context }).map_err(invalid)?;
            let jobs = planned.map(|planned| planned.jobs).unwrap_or_default();
            if jobs.iter().any(|one| one.name == job && one.when != When::Never) {
                started.extend(self.start_workflow(project, person, &happening, path)?);
            }
        }
        Ok(started)
    }
}
