//! What CI does.

use std::collections::{BTreeMap, BTreeSet};

use crate::sandbox::world::{Deployment, Job, JobState, Pipeline, PipelineState};

use super::{Done, Refusal, SandboxProject, packed};

#[expect(clippy::missing_errors_doc, reason = "every verb fails alike: with the forge's own refusal")]
impl SandboxProject {
    /// The newest pipeline of a merge request's head.
    pub fn head_pipeline(&self, number: u64) -> Done<Pipeline> {
        self.read(|project| {
            let found = project.head_pipeline(number).cloned();
            found.ok_or_else(|| Refusal::NotFound(format!("a pipeline for the head of !{number}")))
        })
    }

    /// The newest pipeline of a merge request's head that has a model's jobs: on GitHub the run of that
    /// model's workflow.
    pub fn head_run(&self, number: u64, model: &str) -> Done<Pipeline> {
        self.read(|project| {
            let found = project.head_run(number, model).cloned();
            found.ok_or_else(|| Refusal::NotFound(format!("a run of {model} for the head of !{number}")))
        })
    }

    /// Every pipeline, the oldest first.
    pub fn pipelines(&self) -> Done<Vec<Pipeline>> {
        self.read(|project| Ok(project.pipelines.values().cloned().collect()))
    }

    /// How a pipeline stands.
    pub fn pipeline_state(&self, pipeline: u64) -> Done<PipelineState> {
        self.read(|project| Ok(project.pipeline_state(project.pipeline(pipeline)?)))
    }

    /// The jobs of a pipeline, those that were retried included, the oldest first.
    pub fn jobs(&self, pipeline: u64) -> Done<Vec<Job>> {
        self.read(|project| {
            let own = project.jobs.values().filter(|job| job.pipeline == pipeline);
            Ok(own.cloned().collect())
        })
    }

    /// The jobs of a pipeline, once none of them has anything left to do.
    pub async fn ended(&self, pipeline: u64) -> Done<Vec<Job>> {
        let mut told = self.world.told.subscribe();
        while !self.pipeline_state(pipeline)?.is_final() {
            // Its sender lives as long as the world does, and the world as long as this handle.
            let _told = told.changed().await;
        }
        self.jobs(pipeline)
    }

    /// The newest job of this name in a pipeline; `model:task` on both forges.
    pub fn job(&self, pipeline: u64, name: &str) -> Done<Job> {
        self.read(|project| {
            let found = project.find_job(pipeline, name).cloned();
            found.ok_or_else(|| Refusal::NotFound(format!("job {name} in pipeline {pipeline}")))
        })
    }

    /// Every deployment, the oldest first.
    pub fn deployments(&self) -> Done<Vec<Deployment>> {
        self.read(|project| Ok(project.deployments.values().cloned().collect()))
    }

    /// Everything that the scripts of a job find in their environment, its steps' own variables included.
    pub fn job_sees(&self, pipeline: u64, name: &str) -> Done<BTreeMap<String, String>> {
        let job = self.job(pipeline, name)?;
        let steps = job.plan.steps.iter().flat_map(|step| step.environment.clone());
        Ok(job.variables.into_iter().chain(steps).collect())
    }

    /// Jobs that wait for a runner, over all pipelines, the oldest first; named `model:task` on both forges.
    pub fn waiting_jobs(&self) -> Done<Vec<Job>> {
        self.read(|project| {
            let waiting = project.jobs.values().filter(|job| job.state == JobState::Pending);
            let named = waiting.cloned().map(|job| {
                match project.pipelines.get(&job.pipeline).and_then(Pipeline::model) {
                    Some(model) => Job { name: format!("{model}:{}", job.name), ..job },
                    None => job,
                }
            });
            Ok(named.collect())
        })
    }

    /// A runner takes the job.
    pub fn job_starts(&self, pipeline: u64, name: &str) -> Done<u64> {
        let job = self.job(pipeline, name)?;
        if job.state != JobState::Pending {
            let state = job.state.word();
            return Err(Refusal::NotAllowed(format!("job {name} is {state}, not waiting for a runner")));
        }
        self.world.lock().set_job(self.id, job.id, JobState::Running)?;
        Ok(job.id)
    }

    /// The job ends well, with this log and these files (paths from the repository's root).
    pub fn job_succeeds(&self, pipeline: u64, name: &str, log: &str, files: &[(&str, &[u8])]) -> Done<u64> {
        self.job_ends(pipeline, name, log, files, JobState::Success)
    }

    /// The job's script fails.
    pub fn job_fails(&self, pipeline: u64, name: &str, log: &str, files: &[(&str, &[u8])]) -> Done<u64> {
        self.job_ends(pipeline, name, log, files, JobState::Failed("script_failure".to_owned()))
    }

    /// The job fails for another reason, such as `runner_system_failure`. Where the file says so, the
    /// forge itself runs it again as a new job, as a real one does.
    pub fn job_breaks(&self, pipeline: u64, name: &str, reason: &str) -> Done<u64> {
        self.job_ends(pipeline, name, "", &[], JobState::Failed(reason.to_owned()))
    }

    fn job_ends(
        &self,
        pipeline: u64,
        name: &str,
        log: &str,
        files: &[(&str, &[u8])],
        end: JobState,
    ) -> Done<u64> {
        let job = self.job(pipeline, name)?;
        if job.state != JobState::Running {
            self.job_starts(pipeline, name)?;
        }
        let zip = if files.is_empty() { None } else { Some(packed(files)?) };
        let mut state = self.world.lock();
        let kept_by_run = state.project(self.id)?.upload_name(&job);
        let zip = match (zip, kept_by_run) {
            (Some(zip), Some(name)) => {
                state.upload(self.id, job.pipeline, &name, zip)?;
                None
            }
            (zip, _) => zip,
        };
        state.end_job(self.id, job.id, log.to_owned(), zip, end)?;
        Ok(job.id)
    }

    /// A job's archive as raw bytes, for archives that no honest job would leave.
    pub fn set_artifacts(&self, job: u64, zip: Vec<u8>) -> Done<()> {
        let mut state = self.world.lock();
        let place = state.project(self.id)?;
        let job = place.job(job)?.clone();
        if let Some(name) = place.upload_name(&job) {
            return state.upload(self.id, job.pipeline, &name, zip);
        }
        if let Some(job) = state.project_mut(self.id)?.jobs.get_mut(&job.id) {
            job.artifacts = Some(zip);
        }
        Ok(())
    }

    /// The archive of a job is gone, as after its time.
    pub fn expire_artifacts(&self, job: u64) -> Done<()> {
        self.set(|project| {
            let Some(job) = project.jobs.get(&job).cloned() else { return };
            let name = project.upload_name(&job);
            if let (Some(run), Some(name)) = (project.pipelines.get_mut(&job.pipeline), name) {
                run.uploads.remove(&name);
            }
            if let Some(job) = project.jobs.get_mut(&job.id) {
                job.artifacts = None;
            }
        })
    }

    /// Somebody presses "Run pipeline" on the merge request; on GitHub, "Re-run all jobs".
    pub fn run_merge_request_pipeline(&self, login: &str, number: u64) -> Done<u64> {
        self.by(login, |state, project, person| state.start_merge_request_pipeline(project, person, number))
    }

    /// Somebody permits a run that waits for it, on GitHub.
    pub fn permit_run(&self, login: &str, run: u64) -> Done<()> {
        self.by(login, |state, project, person| state.approve_run(project, person, run))
    }

    /// Somebody starts a pipeline on a branch. On GitHub the variables become the inputs of the workflow
    /// of `MERGEWRIGHT_MODEL`.
    pub fn run_pipeline(&self, login: &str, branch: &str, variables: &[(&str, &str)]) -> Done<u64> {
        let given: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.by(login, |state, project, person| state.start_pipeline(project, person, branch, given))
    }

    /// Somebody cancels a pipeline.
    pub fn cancel(&self, login: &str, pipeline: u64) -> Done<()> {
        self.by(login, |state, project, person| state.cancel_pipeline(project, person, pipeline))
    }

    /// From now on what is cancelled goes on until [`Self::cancelled_ends`].
    pub fn cancels_slowly(&self) -> Done<()> {
        self.set(|project| project.ends_slowly = true)
    }

    /// What was cancelled and went on comes to its end; the runs.
    pub fn cancelled_ends(&self) -> Done<BTreeSet<u64>> {
        let mut state = self.world.lock();
        let ending = std::mem::take(&mut state.project_mut(self.id)?.ending);
        for run in &ending {
            state.end_run(self.id, *run)?;
        }
        Ok(ending)
    }

    /// Somebody runs a job again; the new job.
    pub fn retry(&self, login: &str, job: u64) -> Done<u64> {
        self.by(login, |state, project, person| state.retry_job(project, person, job))
    }
}
