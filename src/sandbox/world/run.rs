//! What becomes of workflow runs: how far they came, again, permitted, and what they leave.

use std::collections::BTreeSet;

use super::{Job, JobState, Occurrence, PipelineState, Project, Refusal, Role, State};

/// Which jobs of a run begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rerun {
    /// All.
    All,
    /// Those that were not good, and what needs them.
    Failed,
    /// One, and what needs it.
    Job(u64),
}

impl State {
    /// Tells that a pipeline may have changed, and of a workflow run how far it came. A run that has
    /// ended lets the next one of its group begin.
    pub(crate) fn pipeline_moved(&mut self, project: u64, pipeline: u64) {
        self.tell(&Occurrence::Pipeline { project, pipeline });
        let Ok(place) = self.project_mut(project) else { return };
        let Some(run) = place.pipelines.get(&pipeline) else { return };
        if run.workflow.is_none() {
            return;
        }
        let (before, state) = (run.told, place.pipeline_state(run));
        let now = match state {
            _ if run.held => 1,
            state if state.is_final() => 3,
            PipelineState::Running => 2,
            _ => 1,
        };
        if now <= before {
            return;
        }
        if let Some(run) = place.pipelines.get_mut(&pipeline) {
            run.told = now;
        }
        let steps = [(1, "requested"), (2, "in_progress"), (3, "completed")];
        for (step, action) in steps {
            // A run that ended before it began was never in progress.
            let skipped = step == 2 && now == 3;
            if step > before && step <= now && !skipped {
                self.tell(&Occurrence::Run { project, pipeline, action });
            }
        }
        if now == 3 {
            self.release_next(project, pipeline);
        }
    }

    /// Lets the oldest run that waits for this one's group begin.
    fn release_next(&mut self, project: u64, ended: u64) {
        let Ok(place) = self.project_mut(project) else { return };
        let Some(group) = place.pipelines.get(&ended).and_then(|run| run.concurrency.clone()) else { return };
        let waits = |run: &&mut super::Pipeline| {
            run.held && run.concurrency.as_ref().is_some_and(|own| own.group == group.group)
        };
        let Some(next) = place.pipelines.values_mut().find(waits) else { return };
        next.held = false;
        let next = next.id;
        // It fails only for a run that is not there.
        let _known = self.advance(project, next);
        self.pipeline_moved(project, next);
    }

    /// Lets the job begin that waits for what another job has now given free.
    pub(crate) fn free_group(&mut self, project: u64, ended: u64) -> Result<(), Refusal> {
        let place = self.project(project)?;
        let Some(group) = place.group_of(place.job(ended)?) else { return Ok(()) };
        let waits = |job: &&Job| job.state == JobState::Created && place.group_of(job) == Some(group);
        let runs: BTreeSet<u64> = place.jobs.values().filter(waits).map(|job| job.pipeline).collect();
        for run in runs {
            self.advance(project, run)?;
            self.pipeline_moved(project, run);
        }
        Ok(())
    }

    /// Of the jobs that wait for one group only the newest stays: those of older runs are cancelled.
    pub(crate) fn crowd_out(&mut self, project: u64, run: u64) -> Result<(), Refusal> {
        let place = self.project(project)?;
        let mut older = Vec::new();
        for job in place.jobs_of(run).filter(|job| place.is_kept_waiting(job)) {
            let same = |other: &&Job| other.pipeline != run && place.group_of(other) == place.group_of(job);
            let waiting = place.jobs.values().filter(same).filter(|other| place.is_kept_waiting(other));
            older.extend(waiting.map(|other| other.id));
        }
        for job in older {
            self.set_job(project, job, JobState::Canceled)?;
        }
        Ok(())
    }

    /// Begins a run that has ended anew, as its next attempt.
    pub(crate) fn rerun(&mut self, project: u64, person: u64, id: u64, which: Rerun) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        let now = self.now();
        let place = self.project(project)?;
        let run = place.pipeline(id)?;
        if run.error.is_some() {
            let text =
                "Unable to retry this workflow run because it was created from an invalid workflow file";
            return Err(Refusal::Forbidden(text.to_owned()));
        }
        if run.awaits_approval || run.held || !place.pipeline_state(run).is_final() {
            return Err(Refusal::Forbidden("This workflow is already running".to_owned()));
        }
        let jobs: Vec<Job> = place.jobs_of(id).cloned().collect();
        let chosen = chosen(&jobs, which);
        if chosen.is_empty() {
            return Err(Refusal::Forbidden("There are no jobs to run again".to_owned()));
        }
        let place = self.project_mut(project)?;
        if let Some(run) = place.pipelines.get_mut(&id) {
            run.attempt = run.attempt.saturating_add(1);
            run.began_at = now;
            run.updated_at = now;
            run.told = 0;
            if which == Rerun::All {
                run.uploads.clear();
                run.upload_ids.clear();
            }
        }
        for old in jobs.into_iter().filter(|job| chosen.contains(&job.name)) {
            let number = self.next("job", 9001);
            let place = self.project_mut(project)?;
            let fresh = Job::planned(number, place.pipeline(id)?, old.plan, now);
            if let Some(job) = place.jobs.get_mut(&old.id) {
                job.retried = true;
            }
            place.jobs.insert(number, fresh);
        }
        self.advance(project, id)?;
        self.pipeline_moved(project, id);
        Ok(())
    }

    /// Begins one job anew with what needs it; the new job.
    pub(crate) fn rerun_job(&mut self, project: u64, person: u64, id: u64) -> Result<u64, Refusal> {
        let job = self.project(project)?.job(id)?.clone();
        if job.retried {
            return Err(Refusal::Forbidden("This job belongs to an older attempt".to_owned()));
        }
        self.rerun(project, person, job.pipeline, Rerun::Job(id))?;
        let mut fresh = self.project(project)?.jobs_of(job.pipeline);
        let found = fresh.find(|other| other.name == job.name).map(|other| other.id);
        found.ok_or_else(|| Refusal::NotFound("404".to_owned()))
    }

    /// Permits a run that waits for it.
    pub(crate) fn approve_run(&mut self, project: u64, person: u64, id: u64) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        let place = self.project_mut(project)?;
        let missing = || Refusal::NotFound("404".to_owned());
        let run = place.pipelines.get_mut(&id).ok_or_else(missing)?;
        if !run.awaits_approval {
            let text = "This run is not from a fork pull request or queued by the Copilot coding agent";
            return Err(Refusal::Forbidden(text.to_owned()));
        }
        run.awaits_approval = false;
        run.told = 0;
        self.advance(project, id)?;
        self.pipeline_moved(project, id);
        Ok(())
    }

    /// Keeps an archive of a run under a name; a second one takes the place of the first.
    pub(crate) fn upload(&mut self, project: u64, run: u64, name: &str, zip: Vec<u8>) -> Result<(), Refusal> {
        let number = self.next("artifact", 1701);
        let place = self.project_mut(project)?;
        let missing = || Refusal::NotFound("404".to_owned());
        let run = place.pipelines.get_mut(&run).ok_or_else(missing)?;
        run.uploads.insert(name.to_owned(), zip);
        run.upload_ids.insert(name.to_owned(), number);
        Ok(())
    }
}

impl Project {
    /// The group of which one job at a time runs, where a workflow says so.
    fn group_of<'j>(&self, job: &'j Job) -> Option<&'j str> {
        self.pipelines.get(&job.pipeline)?.workflow.as_ref()?;
        job.plan.resource_group.as_deref()
    }

    /// Whether another job of its group is at work or about to be.
    pub(crate) fn waits_for_group(&self, job: &Job) -> bool {
        let Some(group) = self.group_of(job) else { return false };
        let busy = |other: &Job| {
            let state = matches!(other.state, JobState::Pending | JobState::Running);
            other.id != job.id && state && self.group_of(other) == Some(group)
        };
        self.jobs.values().any(busy)
    }

    /// Whether nothing but its group keeps a job from a runner.
    pub(crate) fn is_kept_waiting(&self, job: &Job) -> bool {
        let needs = job.plan.needs.as_deref().unwrap_or_default();
        let mut needed =
            self.jobs_of(job.pipeline).filter(|one| needs.iter().any(|need| need.job == one.name));
        let held = self.pipelines.get(&job.pipeline).is_some_and(|run| run.held || run.awaits_approval);
        job.state == JobState::Created
            && !held
            && needed.all(|one| one.state.is_final())
            && self.waits_for_group(job)
    }

    /// Under which name a job's files are kept, where artifacts belong to the run.
    pub(crate) fn upload_name(&self, job: &Job) -> Option<String> {
        let model = self.pipelines.get(&job.pipeline)?.model()?;
        Some(match job.name.as_str() {
            "build" => format!("{model}-model"),
            "test" | "evaluate" => format!("{model}-reports"),
            other => format!("{model}-{other}"),
        })
    }
}

/// Names of the jobs that begin anew: those wished for, and whatever needs them.
fn chosen(jobs: &[Job], which: Rerun) -> BTreeSet<String> {
    let bad = |job: &Job| matches!(job.state, JobState::Failed(_) | JobState::Canceled);
    let wished = |job: &&Job| match which {
        Rerun::All => true,
        Rerun::Failed => bad(job),
        Rerun::Job(id) => job.id == id,
    };
    let mut names: BTreeSet<String> = jobs.iter().filter(wished).map(|job| job.name.clone()).collect();
    loop {
        let needs_one = |job: &&Job| {
            let needs = job.plan.needs.as_deref().unwrap_or_default();
            !names.contains(&job.name) && needs.iter().any(|need| names.contains(&need.job))
        };
        let more: Vec<String> = jobs.iter().filter(needs_one).map(|job| job.name.clone()).collect();
        if more.is_empty() {
            return names;
        }
        names.extend(more);
    }
}
