//! Pipelines: what they run on, and how they stand.

use std::collections::BTreeMap;

use crate::domain::{Sha, Timestamp};
use crate::sandbox::ci::workflow::Concurrency;

use super::{Job, JobState, Project, Refusal, Role, State};

/// A run of CI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Number.
    pub id: u64,
    /// Number within the project.
    pub number: u64,
    /// The commit.
    pub sha: Sha,
    /// Branch, tag, `refs/merge-requests/N/head`, or `…/train`.
    pub reference: String,
    /// What started it.
    pub source: PipelineSource,
    /// Who started it.
    pub by: u64,
    /// The merge request that it belongs to.
    pub merge_request: Option<u64>,
    /// The project that the merge request is in, where the pipeline is a fork's own.
    pub fork_of: Option<u64>,
    /// Variables given when it was started.
    pub variables: BTreeMap<String, String>,
    /// Every variable that its jobs share, the file's and the given ones included.
    pub environment: BTreeMap<String, String>,
    /// Stages in order.
    pub stages: Vec<String>,
    /// Why it has no jobs: the file could not be used.
    pub error: Option<String>,
    /// The workflow's file, on GitHub.
    pub workflow: Option<String>,
    /// The workflow's name, on GitHub.
    pub name: String,
    /// What it is called in lists, on GitHub.
    pub title: String,
    /// How many times it was begun.
    pub attempt: u32,
    /// Archives by artifact name, on GitHub; on GitLab each job has its own.
    pub uploads: BTreeMap<String, Vec<u8>>,
    /// Numbers of artifacts by name; of those that are gone as well.
    pub(crate) upload_ids: BTreeMap<String, u64>,
    /// Whether somebody has to permit it first.
    pub awaits_approval: bool,
    /// Which runs it excludes.
    pub(crate) concurrency: Option<Concurrency>,
    /// Whether it waits for another run of its group.
    pub(crate) held: bool,
    /// How far hooks were told of this attempt: 1 requested, 2 in progress, 3 completed.
    pub(crate) told: u8,
    /// When the newest attempt began.
    pub(crate) began_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When anything in it last changed.
    pub updated_at: Timestamp,
}

/// What started a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipelineSource {
    /// A branch moved.
    Push {
        /// From here.
        before: Option<Sha>,
    },
    /// A tag.
    Tag,
    /// A merge request.
    MergeRequest,
    /// A merge queue.
    MergeGroup,
    /// A call of the API.
    Api,
    /// A clock.
    Schedule,
    /// A status for a commit without a pipeline.
    External,
}

impl Pipeline {
    /// A pipeline without anything in it.
    pub(crate) const fn new(sha: Sha, source: PipelineSource, by: u64, now: Timestamp) -> Self {
        Self {
            id: 0,
            number: 0,
            sha,
            reference: String::new(),
            source,
            by,
            merge_request: None,
            fork_of: None,
            variables: BTreeMap::new(),
            environment: BTreeMap::new(),
            stages: Vec::new(),
            error: None,
            workflow: None,
            name: String::new(),
            title: String::new(),
            attempt: 1,
            uploads: BTreeMap::new(),
            upload_ids: BTreeMap::new(),
            awaits_approval: false,
            concurrency: None,
            held: false,
            told: 0,
            began_at: now,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it belongs to the merge request of this number in its own project.
    #[must_use]
    pub fn is_of(&self, number: u64) -> bool {
        self.merge_request == Some(number) && self.fork_of.is_none()
    }

    /// Whether it builds and tests its own commit, and was not started for anything else.
    #[must_use]
    pub fn judges(&self) -> bool {
        let given = |name: &str, wanted: &str| self.variables.get(name).is_none_or(|one| one == wanted);
        match self.source {
            PipelineSource::Schedule => false,
            PipelineSource::Api => given("action", "run") && given("commit", self.sha.as_str()),
            _ => true,
        }
    }

    /// The model that a workflow is for, by its file.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        let file = self.workflow.as_deref()?.strip_prefix(".github/workflows/model-")?;
        file.strip_suffix(".yml")
    }
}

impl PipelineSource {
    /// GitLab's word, as in `CI_PIPELINE_SOURCE`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Push { .. } | Self::Tag => "push",
            Self::MergeRequest => "merge_request_event",
            Self::MergeGroup => "merge_group",
            Self::Api => "api",
            Self::Schedule => "schedule",
            Self::External => "external",
        }
    }
}

/// How a pipeline stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineState {
    /// Nothing has begun.
    Pending,
    /// At work.
    Running,
    /// All good.
    Success,
    /// Something failed.
    Failed,
    /// Cancelled.
    Canceled,
    /// Waits for a person.
    Manual,
    /// Nothing ran.
    Skipped,
}

impl PipelineState {
    /// The forge's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Manual => "manual",
            Self::Skipped => "skipped",
        }
    }

    /// Whether nothing in it will move by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

impl Project {
    /// The newest pipeline of a merge request's head.
    pub(crate) fn head_pipeline(&self, number: u64) -> Option<&Pipeline> {
        let head = &self.merge_requests.get(&number)?.head;
        let newest_first = self.pipelines.values().rev();
        let mut on_head = newest_first.filter(|pipeline| pipeline.sha == *head);
        on_head.find(|pipeline| (pipeline.workflow.is_some() && pipeline.judges()) || pipeline.is_of(number))
    }

    /// The newest pipeline of a merge request's head that has a model's jobs.
    pub(crate) fn head_run(&self, number: u64, model: &str) -> Option<&Pipeline> {
        let head = &self.merge_requests.get(&number)?.head;
        let mut on_head = self.pipelines.values().rev().filter(|pipeline| pipeline.sha == *head);
        on_head.find(|run| match run.workflow {
            Some(_) => run.model() == Some(model) && run.judges(),
            None => run.is_of(number),
        })
    }

    /// The newest job of this name: of the pipeline itself, or, where each model has a workflow of its
    /// own, `model:task` of the newest run of that model on the same commit.
    pub(crate) fn find_job(&self, pipeline: u64, name: &str) -> Option<&Job> {
        let run = self.pipelines.get(&pipeline)?;
        let (run, name) = match (&run.workflow, name.split_once(':')) {
            (Some(_), Some((model, task))) if run.model() == Some(model) => (run, task),
            (Some(_), Some((model, task))) => {
                let mut same = self.pipelines.values().rev().filter(|other| other.sha == run.sha);
                (same.find(|other| other.model() == Some(model))?, task)
            }
            _ => (run, name),
        };
        self.jobs_of(run.id).find(|job| job.name == name)
    }

    /// How a pipeline stands, judged by its jobs and the statuses that joined it.
    pub(crate) fn pipeline_state(&self, pipeline: &Pipeline) -> PipelineState {
        if pipeline.error.is_some() {
            return PipelineState::Failed;
        }
        if pipeline.awaits_approval {
            return PipelineState::Manual;
        }
        let jobs: Vec<_> = self.jobs_of(pipeline.id).collect();
        let statuses: Vec<_> =
            self.statuses.iter().filter(|status| status.pipeline == Some(pipeline.id)).collect();
        let job_is = |state: &JobState| jobs.iter().any(|job| job.state == *state);
        let status_is = |word: &str| statuses.iter().any(|status| status.state == word);
        let begun = jobs.iter().any(|job| job.state.is_final() && job.state != JobState::Skipped);
        if job_is(&JobState::Running) || status_is("running") {
            return PipelineState::Running;
        }
        if job_is(&JobState::Pending) || job_is(&JobState::Created) || status_is("pending") {
            return if begun { PipelineState::Running } else { PipelineState::Pending };
        }
        let failed =
            jobs.iter().any(|job| job.state.has_failed() && !job.allow_failure) || status_is("failed");
        if failed {
            PipelineState::Failed
        } else if job_is(&JobState::Canceled) || status_is("canceled") {
            PipelineState::Canceled
        } else if jobs.iter().any(|job| job.state == JobState::Manual && !job.allow_failure) {
            PipelineState::Manual
        } else if job_is(&JobState::Success) || status_is("success") {
            PipelineState::Success
        } else {
            PipelineState::Skipped
        }
    }
}

impl State {
    /// A number for a new pipeline and the one within its project.
    pub(crate) fn pipeline_numbers(&mut self, project: u64) -> Result<(u64, u64), Refusal> {
        let within = self.project(project)?.pipelines.len();
        Ok((self.next("pipeline", 501), u64::try_from(within).unwrap_or(u64::MAX).saturating_add(1)))
    }

    /// The pipeline that a forge makes for a status without one.
    pub(crate) fn external_pipeline(
        &mut self,
        project: u64,
        by: u64,
        sha: &Sha,
        reference: Option<&str>,
    ) -> Result<u64, Refusal> {
        let (id, number) = self.pipeline_numbers(project)?;
        let now = self.now();
        let place = self.project_mut(project)?;
        let reference = reference.unwrap_or(&place.default_branch).to_owned();
        let pipeline = Pipeline {
            id,
            number,
            reference,
            stages: vec!["external".to_owned()],
            ..Pipeline::new(sha.clone(), PipelineSource::External, by, now)
        };
        place.pipelines.insert(id, pipeline);
        Ok(id)
    }

    /// Cancels what has not ended.
    pub(crate) fn cancel_pipeline(&mut self, project: u64, person: u64, id: u64) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        let place = self.project(project)?;
        let run = place.pipeline(id)?;
        if run.workflow.is_some() && place.pipeline_state(run).is_final() {
            return Err(Refusal::Conflict("Cannot cancel a workflow run that is completed.".to_owned()));
        }
        if place.ends_slowly {
            self.project_mut(project)?.ending.insert(id);
            return Ok(());
        }
        self.end_run(project, id)
    }

    /// Ends what has not ended, for whatever reason.
    pub(crate) fn end_run(&mut self, project: u64, id: u64) -> Result<(), Refusal> {
        if let Some(run) = self.project_mut(project)?.pipelines.get_mut(&id) {
            run.held = false;
            run.awaits_approval = false;
        }
        let open: Vec<u64> = self
            .project(project)?
            .jobs_of(id)
            .filter(|job| !job.state.is_final())
            .map(|job| job.id)
            .collect();
        for job in open {
            self.set_job(project, job, JobState::Canceled)?;
        }
        self.pipeline_moved(project, id);
        Ok(())
    }
}
