//! Jobs: their states, their ends, and what a job's end lets begin.

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::sandbox::ci::{JobPlan, Need, When};

use super::{Occurrence, Pipeline, Refusal, Role, State};

/// One job of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Number.
    pub id: u64,
    /// Its pipeline.
    pub pipeline: u64,
    /// In which attempt of the pipeline it was made.
    pub attempt: u32,
    /// Name.
    pub name: String,
    /// Stage.
    pub stage: String,
    /// How it stands.
    pub state: JobState,
    /// Whether its failure counts.
    pub allow_failure: bool,
    /// Whether a newer job of the same name took its place.
    pub retried: bool,
    /// What it printed.
    pub log: String,
    /// The archive of its files, a real zip file.
    pub artifacts: Option<Vec<u8>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its variables: the pipeline's and its own.
    pub variables: BTreeMap<String, String>,
    /// What the file says about it.
    pub(crate) plan: JobPlan,
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Waits for other jobs.
    Created,
    /// Waits for a runner.
    Pending,
    /// At work.
    Running,
    /// Good.
    Success,
    /// Bad, with the forge's word for the reason (`script_failure`, `runner_system_failure`, …).
    Failed(String),
    /// Cancelled.
    Canceled,
    /// Left out.
    Skipped,
    /// Waits for a person.
    Manual,
}

impl JobState {
    /// The forge's word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed(_) => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
            Self::Manual => "manual",
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Success | Self::Failed(_) | Self::Canceled | Self::Skipped)
    }

    pub(crate) const fn has_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl Job {
    /// A new job as the file plans it.
    pub(crate) fn planned(id: u64, pipeline: &Pipeline, plan: JobPlan, now: Timestamp) -> Self {
        // What the starter gave wins over what the file says.
        let mut variables = pipeline.environment.clone();
        variables.extend(plan.variables.clone());
        if pipeline.workflow.is_none() {
            variables.extend(pipeline.variables.clone());
        }
        Self {
            id,
            pipeline: pipeline.id,
            attempt: pipeline.attempt,
            name: plan.name.clone(),
            stage: plan.stage.clone(),
            state: match plan.when {
                When::Manual => JobState::Manual,
                When::Never => JobState::Skipped,
                _ => JobState::Created,
            },
            allow_failure: plan.allow_failure,
            retried: false,
            log: String::new(),
            artifacts: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            variables,
            plan,
        }
    }

    /// The credential that the job has while it runs.
    pub(crate) fn token(&self) -> String {
        format!("sandbox-job-token-{}", self.id)
    }

    fn blocks(&self) -> bool {
        match self.state {
            JobState::Success | JobState::Skipped => false,
            JobState::Failed(_) => !self.allow_failure,
            JobState::Manual => !self.allow_failure,
            _ => true,
        }
    }
}

impl State {
    /// Puts a job into a state, tells of it, and lets begin what waited for it.
    pub(crate) fn set_job(&mut self, project: u64, id: u64, state: JobState) -> Result<(), Refusal> {
        let now = self.now();
        let place = self.project_mut(project)?;
        let job = place.jobs.get_mut(&id).ok_or_else(|| Refusal::NotFound("404".to_owned()))?;
        if job.state == state {
            return Ok(());
        }
        if state == JobState::Running {
            job.started_at = Some(now);
        }
        let over = state.is_final();
        if over {
            job.finished_at = Some(now);
        }
        job.state = state;
        let pipeline = job.pipeline;
        if let Some(pipeline) = place.pipelines.get_mut(&pipeline) {
            pipeline.updated_at = now;
        }
        self.job_moved(project, id);
        if self.runs_again_by_itself(project, id)? {
            return self.replace_job(project, id).map(drop);
        }
        self.advance(project, pipeline)?;
        self.pipeline_moved(project, pipeline);
        if over {
            self.free_group(project, id)?;
        }
        self.turn_queues()
    }

    /// Tells of a job's new state, and of what its deployment makes of it.
    fn job_moved(&mut self, project: u64, job: u64) {
        self.tell(&Occurrence::Job { project, job });
        self.follow_with_deployment(project, job);
    }

    /// Ends a job with what it left; one that was cancelled meanwhile stays cancelled.
    pub(crate) fn end_job(
        &mut self,
        project: u64,
        id: u64,
        log: String,
        artifacts: Option<Vec<u8>>,
        end: JobState,
    ) -> Result<(), Refusal> {
        let place = self.project_mut(project)?;
        let job = place.jobs.get_mut(&id).ok_or_else(|| Refusal::NotFound("404".to_owned()))?;
        job.log = log;
        if job.state.is_final() {
            return Ok(());
        }
        job.artifacts = artifacts;
        self.set_job(project, id, end)
    }

    /// Whether the file's `retry` covers this failure and is not used up.
    fn runs_again_by_itself(&self, project: u64, id: u64) -> Result<bool, Refusal> {
        let place = self.project(project)?;
        let job = place.job(id)?;
        let JobState::Failed(reason) = &job.state else { return Ok(false) };
        let same = |other: &&Job| other.pipeline == job.pipeline && other.name == job.name && other.retried;
        let tries = u64::try_from(place.jobs.values().filter(same).count()).unwrap_or(u64::MAX);
        Ok(job.plan.retry.applies(reason) && tries < job.plan.retry.max)
    }

    /// Lets jobs begin, or skips them, as their needs and stages allow; until nothing moves.
    pub(crate) fn advance(&mut self, project: u64, pipeline: u64) -> Result<(), Refusal> {
        loop {
            let place = self.project(project)?;
            let run = place.pipeline(pipeline)?;
            if run.held || run.awaits_approval {
                return Ok(());
            }
            // A workflow's job does not run after one that was left out.
            let strict = run.workflow.is_some();
            let stages = &run.stages;
            let jobs: Vec<&Job> = place.jobs_of(pipeline).collect();
            let moved = jobs.iter().filter(|job| job.state == JobState::Created).find_map(|job| {
                let before: Vec<&&Job> = match &job.plan.needs {
                    Some(needs) => {
                        jobs.iter().filter(|other| needs.iter().any(|need| need.job == other.name)).collect()
                    }
                    None => {
                        let position = |name: &str| stages.iter().position(|stage| stage == name);
                        jobs.iter().filter(|other| position(&other.stage) < position(&job.stage)).collect()
                    }
                };
                let ended = before.iter().all(|other| {
                    other.state.is_final() || (other.state == JobState::Manual && other.allow_failure)
                });
                let left_out = |other: &Job| strict && other.state == JobState::Skipped;
                let good = !before.iter().any(|other| other.blocks() || left_out(other));
                let go = match job.plan.when {
                    When::OnFailure => !good,
                    When::Always => true,
                    _ => good,
                };
                match (ended, go) {
                    (true, true) if place.waits_for_group(job) => None,
                    (true, true) => Some((job.id, JobState::Pending)),
                    (true, false) => Some((job.id, JobState::Skipped)),
                    (false, _) => None,
                }
            });
            let Some((id, state)) = moved else { return Ok(()) };
            if let Some(job) = self.project_mut(project)?.jobs.get_mut(&id) {
                job.state = state;
            }
            self.job_moved(project, id);
        }
    }

    /// Runs a job that has ended again, as a new job of the same name.
    pub(crate) fn retry_job(&mut self, project: u64, person: u64, id: u64) -> Result<u64, Refusal> {
        self.require(project, person, Role::Developer)?;
        if self.dialect.is_github() {
            return self.rerun_job(project, person, id);
        }
        let old = self.project(project)?.job(id)?.clone();
        if old.retried || !old.state.is_final() || old.state == JobState::Skipped {
            return Err(Refusal::Forbidden("403 Forbidden - Job is not retryable".to_owned()));
        }
        self.replace_job(project, id)
    }

    /// A new job in the place of one that ended.
    fn replace_job(&mut self, project: u64, id: u64) -> Result<u64, Refusal> {
        let old = self.project(project)?.job(id)?.clone();
        let new = self.next("job", 9001);
        let now = self.now();
        let place = self.project_mut(project)?;
        let mut fresh = Job::planned(new, place.pipeline(old.pipeline)?, old.plan, now);
        fresh.state = JobState::Created;
        if let Some(job) = place.jobs.get_mut(&id) {
            job.retried = true;
        }
        // What was skipped because of the old job waits for the new one.
        for job in place.jobs.values_mut() {
            if job.pipeline == old.pipeline && job.state == JobState::Skipped && !job.retried {
                job.state = JobState::Created;
                job.finished_at = None;
            }
        }
        place.jobs.insert(new, fresh);
        self.advance(project, old.pipeline)?;
        self.job_moved(project, new);
        self.pipeline_moved(project, old.pipeline);
        Ok(new)
    }

    /// Starts a job that waits for a person.
    pub(crate) fn play_job(&mut self, project: u64, person: u64, id: u64) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        if self.project(project)?.job(id)?.state != JobState::Manual {
            return Err(Refusal::Invalid("400 Bad request - Unplayable Job".to_owned()));
        }
        self.set_job(project, id, JobState::Pending)
    }

    /// The names of the jobs whose artifacts a job gets, in order.
    pub(crate) fn artifact_sources(&self, project: u64, id: u64) -> Result<Vec<u64>, Refusal> {
        let place = self.project(project)?;
        let job = place.job(id)?;
        let stages = &place.pipeline(job.pipeline)?.stages;
        let position = |name: &str| stages.iter().position(|stage| stage == name);
        let mine = position(&job.stage);
        let wanted = |other: &&Job| match (&job.plan.dependencies, &job.plan.needs) {
            (Some(names), _) => names.contains(&other.name),
            (None, Some(needs)) => needs.iter().any(|need: &Need| need.job == other.name && need.artifacts),
            (None, None) => position(&other.stage) < mine,
        };
        let sources = place.jobs_of(job.pipeline).filter(wanted);
        Ok(sources.filter(|other| other.artifacts.is_some()).map(|other| other.id).collect())
    }
}
