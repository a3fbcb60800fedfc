//! The pipeline as it is meant, before any forge's notation: jobs, what starts them, what they need,
//! run and keep.

use std::fmt;
use std::time::Duration;

use super::GenerateError;
use crate::config::valid::{BaselineChoice, Deploy, Model, RepositoryConfig, ToolchainKind};
use crate::domain::ModelName;

/// What `python` means where no version is written.
const DEFAULT_PYTHON: &str = "3.12";
/// The file whose change concerns every model.
const CONFIGURATION: &str = ".mergewright.yml";

/// All jobs of a repository, in the order of the models and of the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// The jobs.
    pub jobs: Vec<Job>,
}

/// The steps that have a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Makes the model.
    Build,
    /// Measures it.
    Test,
    /// Brings it out.
    Publish,
    /// Puts a version into an environment, or an older one back.
    Deploy,
}

impl Step {
    /// The word in job names and stages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Test => "test",
            Self::Publish => "publish",
            Self::Deploy => "deploy",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the bot asks for when it starts a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Build and test.
    Run,
    /// Publish a version.
    Publish,
    /// Put a version into an environment.
    Deploy,
    /// Put an older version back.
    Rollback,
}

impl Action {
    /// The word in `MERGEWRIGHT_ACTION`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Publish => "publish",
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The model it works for.
    pub model: ModelName,
    /// Which of its jobs.
    pub step: Step,
    /// The container image that it runs in; none = the runner itself.
    pub image: Option<String>,
    /// The image that people wrote, for a forge whose runners bring the toolchain otherwise.
    pub container: Option<String>,
    /// The version of Python that it needs.
    pub python: Option<String>,
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
    /// The people's own shell lines.
    pub run: Vec<String>,
    /// How the judged bytes are proved before the first of these lines, for a job that brings them out.
    pub proof: Option<Proof>,
    /// What a deploy job does besides.
    pub deployment: Option<Deployment>,
    /// Names of the secrets it gets.
    pub secrets: Vec<String>,
    /// What is left when it has ended.
    pub keeps: Option<Kept>,
}

/// Where a deploy job may act, and what it does instead of its lines or after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Names of the environments.
    pub environments: Vec<String>,
    /// Shell lines that put an older version back; the job's own lines where empty.
    pub rollback: Vec<String>,
    /// Shell lines that look at the result.
    pub verify: Vec<String>,
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
}

/// What a job can prove digests with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Python's standard library.
    Python,
    /// git, curl, unzip, sha256sum.
    Shell,
}

/// Files that a job leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Relative to the repository root; globs allowed.
    pub paths: Vec<String>,
    /// JUnit files among them.
    pub junit: Vec<String>,
    /// Also when the job has failed.
    pub always: bool,
    /// How long.
    pub keep_for: Duration,
}

impl Pipeline {
    /// The pipeline of a repository.
    ///
    /// # Errors
    /// When a toolchain or a way to deploy has no templates yet.
    pub fn of(config: &RepositoryConfig) -> Result<Self, GenerateError> {
        let mut jobs = Vec::new();
        for model in config.models.values() {
            jobs.extend(jobs_of(model, changes_of(config, model))?);
        }
        let pipeline = Self { jobs };
        pipeline.check_needs()?;
        Ok(pipeline)
    }

    /// A job must never start where a job that it needs does not: forges refuse such a pipeline.
    fn check_needs(&self) -> Result<(), GenerateError> {
        let find = |model: &ModelName, step: Step| {
            self.jobs.iter().find(|job| job.model == *model && job.step == step)
        };
        let broken: Vec<String> = self
            .jobs
            .iter()
            .flat_map(|job| job.needs.iter().map(move |need| (job, *need)))
            .filter(|(job, need)| {
                find(&job.model, *need).is_none_or(|needed| {
                    !job.triggers.iter().all(|trigger| needed.triggers.contains(trigger))
                })
            })
            .map(|(job, need)| format!("{}:{} can start without {need}, which it needs", job.model, job.step))
            .collect();
        if broken.is_empty() { Ok(()) } else { Err(GenerateError::Meaning(broken)) }
    }
}

/// Globs of whatever a model is made from: a change of it has the model built and tested.
fn changes_of(config: &RepositoryConfig, model: &Model) -> Vec<String> {
    let mut paths = vec![CONFIGURATION.to_owned()];
    for path in config.inputs(model).into_iter().flat_map(|input| &input.paths) {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths
}

fn jobs_of(model: &Model, paths: Vec<String>) -> Result<Vec<Job>, GenerateError> {
    let proof = match model.toolchain.kind {
        ToolchainKind::Python => Proof::Python,
        ToolchainKind::Custom => Proof::Shell,
        kind @ (ToolchainKind::Maven | ToolchainKind::Gradle | ToolchainKind::Node) => {
            let kind = format!("{kind:?}").to_lowercase();
            return Err(GenerateError::Toolchain { model: model.name.to_string(), kind });
        }
    };
    let python = (model.toolchain.kind == ToolchainKind::Python)
        .then(|| model.toolchain.version.as_deref().unwrap_or(DEFAULT_PYTHON).to_owned());
    let mut judged = vec![Trigger::MergeRequest { paths: paths.clone() }];
    if model.gates.baseline == BaselineChoice::TargetBranch {
        judged.push(Trigger::Push { paths });
    }
    judged.push(Trigger::Asked { action: Action::Run, protected: false });
    let job = |step, image, triggers, timeout, run: &[String], secrets: &[String]| Job {
        model: model.name.clone(),
        step,
        image,
        container: model.toolchain.image.clone(),
        python: python.clone(),
        gitlab_runners: model.gitlab_runners.clone(),
        github_runners: model.github_runners.clone(),
        triggers,
        needs: Vec::new(),
        timeout,
        root: model.root.clone(),
        run: run.to_vec(),
        proof: None,
        deployment: None,
        secrets: secrets.to_vec(),
        keeps: None,
    };
    let below_root = |files: &[String]| -> Vec<String> {
        files
            .iter()
            .map(|file| if model.root == "." { file.clone() } else { format!("{}/{file}", model.root) })
            .collect()
    };
    let kept = |paths: Vec<String>, junit, always| {
        let keep_for = model.retention.candidates;
        (!paths.is_empty()).then_some(Kept { paths, junit, always, keep_for })
    };

    let (build, test, publish) = (&model.build, &model.test, &model.publish);
    // One image for all jobs, and one with git: what is brought out is proved by the version's tag, and what
    // was merged is measured at its commit, wherever the branch is by then.
    let image = image(model);
    let mut building =
        job(Step::Build, image.clone(), judged.clone(), build.timeout, &build.run, &build.secrets);
    building.keeps = kept(below_root(&build.artifacts), Vec::new(), false);

    let mut testing = job(Step::Test, image.clone(), judged, test.timeout, &test.run, &test.secrets);
    testing.needs = vec![Step::Build];
    let junit = below_root(&test.junit);
    let mut reports = [junit.clone(), below_root(&test.metrics)].concat();
    reports.sort();
    reports.dedup();
    testing.keeps = kept(reports, junit, true);

    let asked = |action| Trigger::Asked { action, protected: true };
    let mut publishing = job(
        Step::Publish,
        image.clone(),
        vec![asked(Action::Publish)],
        publish.timeout,
        &publish.run,
        &publish.secrets,
    );
    publishing.proof = Some(proof);
    let mut jobs = vec![building, testing, publishing];

    if model.environments.is_empty() {
        return Ok(jobs);
    }
    match &model.deploy {
        None => {}
        Some(Deploy::Kserve { .. }) => {
            return Err(GenerateError::Deploy { model: model.name.to_string(), kind: "kserve" });
        }
        Some(Deploy::Scripts { run, rollback, verify, secrets, timeout }) => {
            let triggers = vec![asked(Action::Deploy), asked(Action::Rollback)];
            let mut deploying = job(Step::Deploy, image, triggers, *timeout, run, secrets);
            deploying.proof = Some(proof);
            deploying.deployment = Some(Deployment {
                environments: model.environments.iter().map(|one| one.name.clone()).collect(),
                rollback: rollback.clone(),
                verify: verify.clone(),
            });
            jobs.push(deploying);
        }
    }
    Ok(jobs)
}

fn image(model: &Model) -> Option<String> {
    let toolchain = &model.toolchain;
    match (&toolchain.image, toolchain.kind) {
        (Some(image), _) => Some(image.clone()),
        (None, ToolchainKind::Python) => {
            let version = toolchain.version.as_deref().unwrap_or(DEFAULT_PYTHON);
            Some(format!("python:{version}"))
        }
        (None, _) => None,
    }
}
