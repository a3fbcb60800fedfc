//! GitHub's workflow files: read strictly, their triggers and conditions judged, planned as jobs.
//!
//! As with GitLab's file, only what the generator emits is known. Expressions are evaluated where
//! the real forge does it: conditions of jobs and the settings of steps when the run is planned,
//! since nothing that they may name changes later but whether the steps before were good.

mod expression;
mod file;
mod job;
mod names;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use globset::GlobSet;

use super::{CiError, JobPlan};

pub(crate) use plan::plan;

/// A workflow file, read and checked but not yet judged for an event.
#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    /// Where it lies in the repository.
    pub(crate) path: String,
    /// Its own name.
    pub(crate) name: String,
    run_name: Option<String>,
    on: On,
    concurrency: Option<job::Group>,
    environment: BTreeMap<String, String>,
    jobs: Vec<job::JobFile>,
}

impl Workflow {
    /// Cron lines of its clock.
    pub(crate) fn times(&self) -> &[String] {
        &self.on.times
    }
}

/// What starts a run.
#[derive(Clone, Debug, Default)]
struct On {
    pull_request: Option<PullRequest>,
    push: Option<Push>,
    /// Whether a merge queue's group does.
    merge_group: bool,
    /// Inputs of a dispatch, and whether each must be given.
    dispatch: Option<BTreeMap<String, bool>>,
    /// Cron lines of its clock.
    times: Vec<String>,
}

#[derive(Clone, Debug)]
struct PullRequest {
    types: Vec<String>,
    paths: Option<GlobSet>,
}

#[derive(Clone, Debug)]
struct Push {
    branches: Vec<String>,
    paths: Option<GlobSet>,
}

/// What happened, as Actions looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Something about a pull request.
    PullRequest {
        /// `opened`, `synchronize`, …
        action: String,
        /// The branch that it is for.
        base: String,
        /// Paths that differ from the base.
        changed: Vec<String>,
        /// Whether it comes from another repository: such runs see no secrets.
        fork: bool,
    },
    /// A branch or tag moved.
    Push {
        /// The branch.
        branch: Option<String>,
        /// The tag.
        tag: Option<String>,
        /// Paths that differ from before; none where the forge takes every filter as met.
        changed: Option<Vec<String>>,
    },
    /// Somebody started it.
    Dispatch {
        /// What they gave.
        inputs: BTreeMap<String, String>,
    },
    /// A merge queue tries a group.
    MergeGroup,
    /// A time has come.
    Schedule {
        /// The line that says which.
        cron: String,
    },
}

impl Trigger {
    /// GitHub's word, as in `github.event_name`.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::PullRequest { .. } => "pull_request",
            Self::Push { .. } => "push",
            Self::Dispatch { .. } => "workflow_dispatch",
            Self::MergeGroup => "merge_group",
            Self::Schedule { .. } => "schedule",
        }
    }
}

/// What expressions may name, flattened: `github.sha`, `github.event.pull_request.head.sha`,
/// `secrets.NAME`. The names that are known, and those that a run cannot do without, stand in
/// `names`; `github.event_name` and the inputs come from the trigger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// By name.
    pub(crate) context: BTreeMap<String, String>,
}

/// A run to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunPlan {
    /// Its title; empty = the forge's own.
    pub(crate) title: String,
    /// Which runs it excludes.
    pub(crate) concurrency: Option<Concurrency>,
    /// Variables of all its jobs.
    pub(crate) environment: BTreeMap<String, String>,
    /// All jobs of the file; those whose condition does not hold are never run.
    pub(crate) jobs: Vec<JobPlan>,
}

/// A group of which one at a time runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Concurrency {
    /// Its name.
    pub(crate) group: String,
    /// Whether a newer one ends the one that runs.
    pub(crate) cancel_in_progress: bool,
}

/// One step of a job, its expressions evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionStep {
    /// What the log calls it.
    pub(crate) name: String,
    /// Whether it runs after steps that were all good.
    pub(crate) after_success: bool,
    /// Whether it runs after a step that failed.
    pub(crate) after_failure: bool,
    /// Variables of this step alone.
    pub(crate) environment: BTreeMap<String, String>,
    /// What it does.
    pub(crate) work: Work,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Shell lines, in a folder relative to the repository root.
    Run {
        /// The lines.
        script: String,
        /// The folder.
        directory: String,
    },
    /// `actions/checkout`: a clean checkout of exactly this commit or reference.
    Checkout {
        /// None = the commit that the run is for.
        reference: Option<String>,
    },
    /// An action that brings a tool: the machine's own stands in for the version.
    SetUp {
        /// The line that shows which it is.
        look: &'static str,
    },
    /// `actions/cache`: nothing is kept here.
    Cache,
    /// `actions/upload-artifact`.
    Upload {
        /// The artifact's name.
        name: String,
        /// A folder relative to the repository root.
        folder: String,
        /// Whether no file is a failure.
        required: bool,
    },
    /// `actions/download-artifact`.
    Download {
        /// The artifact's name.
        name: String,
        /// Where it is unpacked, relative to the repository root.
        folder: String,
        /// Of another run than this one.
        run: Option<u64>,
    },
}
