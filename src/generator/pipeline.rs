//! The pipeline as it is meant, before any forge's notation: jobs, what starts them, what they need,
//! run and keep.

mod jobs;
mod parts;
mod words;

use std::time::Duration;

use super::GenerateError;
use crate::config::valid::{IdTokens, RepositoryConfig};
use crate::domain::ModelName;
pub use parts::{Cache, CacheKind, Coverage, Deployment, Keeps, Kept, Part, Proof, Proven, Tool};
pub use words::{Action, Step};

/// All jobs of a repository, in the order of the models and of the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// The jobs.
    pub jobs: Vec<Job>,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The model it works for.
    pub model: ModelName,
    /// Which of its jobs.
    pub step: Step,
    /// What it is called: the step's word, or the name of the schedule.
    pub name: String,
    /// The container image that it runs in; none = the runner itself.
    pub image: Option<String>,
    /// The image that people wrote, for a forge whose runners bring the toolchain otherwise.
    pub container: Option<String>,
    /// What a runner without an image is given.
    pub tools: Vec<Tool>,
    /// What it keeps for the next job like it.
    pub cache: Option<Cache>,
    /// GitLab runner tags.
    pub gitlab_runners: Vec<String>,
    /// GitHub runner labels.
    pub github_runners: Vec<String>,
    /// What starts it; any one suffices.
    pub triggers: Vec<Trigger>,
    /// Jobs of the same model whose artifacts it takes.
    pub needs: Vec<Step>,
    /// The longest it may take.
    pub timeout: Duration,
    /// Where it works, relative to the repository root.
    pub root: String,
    /// The people's own shell lines, in their order.
    pub parts: Vec<Part>,
    /// What is proved before the first of these lines, for a job that takes judged bytes.
    pub proof: Option<(Proof, Proven)>,
    /// Where a deploy job may act.
    pub deployment: Option<Deployment>,
    /// What is left when it has ended.
    pub keeps: Vec<Kept>,
}

impl Job {
    /// Whether any of its lines gets a secret or an identity token, so that an environment guards it.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.parts.iter().any(|part| !part.secrets.is_empty() || !part.id_tokens.is_empty())
    }

    /// The identity tokens that its lines get: all of them get the same.
    #[must_use]
    pub fn id_tokens(&self) -> IdTokens {
        self.parts.iter().flat_map(|part| part.id_tokens.clone()).collect()
    }

    /// Whether it brings a version out, so that nothing may end it half-way.
    #[must_use]
    pub const fn brings_out(&self) -> bool {
        matches!(self.step, Step::Publish | Step::Deploy)
    }
}

/// What starts a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A merge request that changes one of these paths.
    MergeRequest {
        /// Globs; `**` crosses folders.
        paths: Vec<String>,
    },
    /// A push to the default branch that changes one of these paths.
    Push {
        /// Globs; `**` crosses folders.
        paths: Vec<String>,
    },
    /// The bot, on the default branch, for this model.
    Asked {
        /// What it asks for.
        action: Action,
        /// Only where the branch is protected.
        protected: bool,
    },
    /// The bot, on a merge request's own branch and for exactly its newest commit: what runs is nobody's
    /// code but the branch's, and gets nothing that the branch does not get anyway.
    AskedOfHead {
        /// What it asks for.
        action: Action,
    },
    /// A clock, on the default branch; the bot may ask for it too, by the schedule's name.
    Clock {
        /// The schedule's name.
        name: String,
        /// Five fields.
        cron: String,
        /// An IANA time zone.
        timezone: String,
    },
}

impl Pipeline {
    /// The pipeline of a repository.
    ///
    /// # Errors
    /// When a way to deploy has no templates yet.
    pub fn of(config: &RepositoryConfig) -> Result<Self, GenerateError> {
        let mut jobs = Vec::new();
        for model in config.models.values() {
            jobs.extend(jobs::of(config, model)?);
        }
        let pipeline = Self { jobs };
        pipeline.check_needs()?;
        Ok(pipeline)
    }

    /// The jobs of each model, in the models' order.
    pub(super) fn models(&self) -> Vec<(&ModelName, Vec<&Job>)> {
        let mut models: Vec<(&ModelName, Vec<&Job>)> = Vec::new();
        for job in &self.jobs {
            match models.last_mut() {
                Some((model, jobs)) if **model == job.model => jobs.push(job),
                _ => models.push((&job.model, vec![job])),
            }
        }
        models
    }

    /// A job must never start where a job that it needs does not: forges refuse such a pipeline.
    fn check_needs(&self) -> Result<(), GenerateError> {
        let mut broken = Vec::new();
        for (_, jobs) in self.models() {
            for job in &jobs {
                for need in &job.needs {
                    let needed = jobs.iter().find(|other| other.step == *need);
                    let implied = needed.is_some_and(|needed| {
                        job.triggers.iter().all(|trigger| needed.triggers.contains(trigger))
                    });
                    if !implied {
                        let (model, name) = (&job.model, &job.name);
                        broken.push(format!("{model}:{name} can start without {need}, which it needs"));
                    }
                }
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(GenerateError::Meaning(broken)) }
    }
}
