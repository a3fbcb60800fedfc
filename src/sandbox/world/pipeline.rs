//! Pipelines: what they run on, and how they stand.

use std::collections::BTreeMap;

use crate::domain::{Sha, Timestamp};

use super::{JobState, Occurrence, Project, Refusal, Role, State};

/// A run of CI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Number.
    pub id: u64,
    /// Number within the project.
    pub number: u64,
    /// The commit.
    pub sha: Sha,
    /// Branch, tag, or `refs/merge-requests/N/head`.
    pub reference: String,
    /// What started it.
    pub source: PipelineSource,
    /// Who started it.
    pub by: u64,
    /// The merge request that it belongs to.
    pub merge_request: Option<u64>,
    /// Variables given when it was started.
    pub variables: BTreeMap<String, String>,
    /// Every variable that its jobs share, the file's and the given ones included.
    pub environment: BTreeMap<String, String>,
    /// Stages in order.
    pub stages: Vec<String>,
    /// Why it has no jobs: the file could not be used.
    pub error: Option<String>,
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
    /// A call of the API.
    Api,
    /// A status for a commit without a pipeline.
    External,
}

impl PipelineSource {
    /// GitLab's word, as in `CI_PIPELINE_SOURCE`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Push { .. } | Self::Tag => "push",
            Self::MergeRequest => "merge_request_event",
            Self::Api => "api",
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
        on_head.find(|pipeline| pipeline.merge_request == Some(number))
    }

    /// How a pipeline stands, judged by its jobs and the statuses that joined it.
    pub(crate) fn pipeline_state(&self, pipeline: &Pipeline) -> PipelineState {
        if pipeline.error.is_some() {
            return PipelineState::Failed;
        }
        let jobs: Vec<_> = self.jobs_of(pipeline.id).collect();
        let statuses: Vec<_> = self.statuses.iter().filter(|status| status.pipeline == pipeline.id).collect();
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
            sha: sha.clone(),
            reference,
            source: PipelineSource::External,
            by,
            merge_request: None,
            variables: BTreeMap::new(),
            environment: BTreeMap::new(),
            stages: vec!["external".to_owned()],
            error: None,
            created_at: now,
            updated_at: now,
        };
        place.pipelines.insert(id, pipeline);
        Ok(id)
    }

    /// Cancels what has not ended.
    pub(crate) fn cancel_pipeline(&mut self, project: u64, person: u64, id: u64) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        let place = self.project(project)?;
        place.pipeline(id)?;
        let open: Vec<u64> =
            place.jobs_of(id).filter(|job| !job.state.is_final()).map(|job| job.id).collect();
        for job in open {
            self.set_job(project, job, JobState::Canceled)?;
        }
        self.tell(&Occurrence::Pipeline { project, pipeline: id });
        Ok(())
    }
}
