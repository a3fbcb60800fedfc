//! Deployments: a job that names an environment makes one by itself.

use crate::domain::{Sha, Timestamp};
use crate::sandbox::ci::expand;

use super::{Job, JobState, Occurrence, Project, State};

/// A place that jobs deploy to; it comes into being with its first deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Number.
    pub id: u64,
    /// Name.
    pub name: String,
    /// When it was first named.
    pub created_at: Timestamp,
}

/// What one job brought to one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Number.
    pub id: u64,
    /// Number within the project.
    pub number: u64,
    /// The environment's name.
    pub environment: String,
    /// The commit.
    pub sha: Sha,
    /// The branch or tag of the pipeline.
    pub reference: String,
    /// The job.
    pub job: u64,
    /// Who started the pipeline.
    pub by: u64,
    /// Every state that it had and when it began, the oldest first.
    pub history: Vec<(DeploymentState, Timestamp)>,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentState {
    /// Its job waits.
    Created,
    /// Its job is at work.
    Running,
    /// Its job was good.
    Success,
    /// Its job was bad.
    Failed,
    /// Its job was cancelled.
    Canceled,
    /// Its job was left out.
    Skipped,
}

impl DeploymentState {
    /// GitLab's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Created | Self::Running)
    }

    const fn of(job: &JobState) -> Self {
        match job {
            JobState::Created | JobState::Pending | JobState::Manual => Self::Created,
            JobState::Running => Self::Running,
            JobState::Success => Self::Success,
            JobState::Failed(_) => Self::Failed,
            JobState::Canceled => Self::Canceled,
            JobState::Skipped => Self::Skipped,
        }
    }
}

impl Deployment {
    /// How it stands.
    #[must_use]
    pub fn state(&self) -> DeploymentState {
        self.history.last().map_or(DeploymentState::Created, |(state, _at)| *state)
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.history.first().map_or(Timestamp(0), |(_state, at)| *at)
    }

    /// When its state last changed.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.history.last().map_or(Timestamp(0), |(_state, at)| *at)
    }
}

impl Job {
    /// The environment that the job deploys to; none when it names none, or only uses what is kept for it.
    #[must_use]
    pub fn deploys_to(&self) -> Option<String> {
        let named = self.plan.environment.as_ref().filter(|_name| !self.plan.accesses_only)?;
        Some(expand(named, &self.variables)).filter(|name| !name.is_empty())
    }
}

impl Project {
    /// The deployment that a job made.
    pub(crate) fn deployment_of(&self, job: u64) -> Option<&Deployment> {
        self.deployments.values().find(|one| one.job == job)
    }
}

impl State {
    /// Follows a job with its deployment, where it makes one.
    pub(crate) fn follow_with_deployment(&mut self, project: u64, job: u64) {
        let Ok(place) = self.project(project) else { return };
        let Some(job) = place.jobs.get(&job) else { return };
        let Some(name) = job.deploys_to() else { return };
        let state = DeploymentState::of(&job.state);
        let known = place.deployment_of(job.id).map(|one| (one.id, one.state()));
        let (id, begins) = match known {
            Some((_id, before)) if before == state => return,
            Some((id, _before)) => (id, false),
            // A forge that knows of deployments only from the job's start has none for a job left out.
            None if self.dialect.deploys_from_start && !matches!(state, DeploymentState::Running) => return,
            None => {
                let Some(run) = place.pipelines.get(&job.pipeline) else { return };
                let number = u64::try_from(place.deployments.len()).unwrap_or(u64::MAX).saturating_add(1);
                let one = Deployment {
                    id: 0,
                    number,
                    environment: name,
                    sha: run.sha.clone(),
                    reference: run.reference.clone(),
                    job: job.id,
                    by: run.by,
                    history: Vec::new(),
                };
                (self.add_deployment(project, one), true)
            }
        };
        let now = self.now();
        if let Ok(place) = self.project_mut(project)
            && let Some(one) = place.deployments.get_mut(&id)
        {
            one.history.push((state, now));
        }
        if begins {
            self.tell(&Occurrence::Deployment { project, deployment: id, begins: true });
        }
        self.tell(&Occurrence::Deployment { project, deployment: id, begins: false });
    }

    fn add_deployment(&mut self, project: u64, mut one: Deployment) -> u64 {
        let (id, now) = (self.next("deployment", 1201), self.now());
        let fresh = self.next("environment", 1301);
        one.id = id;
        if let Ok(place) = self.project_mut(project) {
            let name = one.environment.clone();
            let first = Environment { id: fresh, name: name.clone(), created_at: now };
            place.environments.entry(name).or_insert(first);
            place.deployments.insert(id, one);
        }
        id
    }
}
