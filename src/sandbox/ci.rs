//! The forge's CI file: read strictly, its rules evaluated, turned into a plan of jobs.
//!
//! Only what the generator emits is known; any other keyword is an error with its name, so that a
//! file which a real forge would treat otherwise never passes here in silence.

mod duration;
mod expression;
mod file;
mod job;
mod keys;
mod pattern;
mod plan;
pub(crate) mod workflow;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use file::{Cancels, CiFile};
pub(crate) use pattern::globs;
pub(crate) use plan::{Context, expand, plan};

/// Why a CI file makes no pipeline; the words stand in the pipeline as on the real forge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CiError(pub(crate) String);

/// When a job runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum When {
    /// After everything before it was good.
    #[default]
    OnSuccess,
    /// After something before it failed.
    OnFailure,
    /// In any case.
    Always,
    /// When a person says so.
    Manual,
    /// Not at all.
    Never,
}

/// A job that has to end first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Its name.
    pub(crate) job: String,
    /// Whether its files are unpacked.
    pub(crate) artifacts: bool,
    /// Whether it may be absent.
    pub(crate) optional: bool,
}

/// Which files a job leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Artifacts {
    /// Globs.
    pub(crate) paths: Vec<String>,
    /// Globs of files left out.
    pub(crate) exclude: Vec<String>,
    /// `junit`, `metrics`, … and their globs; kept in the archive as well.
    pub(crate) reports: BTreeMap<String, Vec<String>>,
    /// `on_success`, `on_failure` or `always`.
    pub(crate) when: When,
}

/// What a job does, after rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobPlan {
    pub(crate) name: String,
    pub(crate) stage: String,
    /// `before_script` and `script`, one shell.
    pub(crate) script: Vec<String>,
    /// A shell of its own afterwards.
    pub(crate) after_script: Vec<String>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) needs: Option<Vec<Need>>,
    pub(crate) dependencies: Option<Vec<String>>,
    pub(crate) when: When,
    pub(crate) allow_failure: bool,
    pub(crate) artifacts: Artifacts,
    pub(crate) timeout: Option<Duration>,
    /// How often, and for which reasons, the forge itself runs it again.
    pub(crate) retry: Retry,
    pub(crate) environment: Option<String>,
    /// Whether it only uses what is kept for its environment and deploys nothing.
    pub(crate) accesses_only: bool,
    pub(crate) resource_group: Option<String>,
    pub(crate) tags: Vec<String>,
    /// Whether a new commit may cancel it while it runs.
    pub(crate) interruptible: bool,
    /// The identity tokens that it is given: audience by variable. On GitLab alone.
    pub(crate) id_tokens: BTreeMap<String, String>,
    /// Whether it may ask for identity tokens itself, as jobs do on GitHub.
    pub(crate) may_identify: bool,
    /// What it does step by step instead of a script, on GitHub.
    pub(crate) steps: Vec<workflow::ActionStep>,
}

/// How often, and for which reasons, the forge itself runs a failed job again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) max: u64,
    pub(crate) when: Vec<String>,
}

impl Retry {
    pub(crate) fn applies(&self, reason: &str) -> bool {
        self.max > 0 && self.when.iter().any(|when| when == "always" || when == reason)
    }
}
