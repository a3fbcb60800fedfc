//! What a run of the generated CI is told to do.

use serde::{Deserialize, Serialize};

use super::{ModelName, Sha, Subject};

/// What a dispatched run shall do; the `MERGEWRIGHT_*` variables or `workflow_dispatch` inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkOrder {
    /// `run`, `publish`, `deploy`, `rollback`, `evaluate` or a schedule's name.
    pub action: String,
    /// The model.
    pub model: ModelName,
    /// The version, or the bytes that are none; nothing for `run`, which comes before there is either.
    pub version: Option<Subject>,
    /// The commit that the job checks out.
    pub commit: Sha,
    /// The environment, for deploy and rollback.
    pub environment: Option<String>,
    /// Percent of traffic, for a canary step.
    pub traffic: Option<u8>,
    /// The job or run whose artifacts were gated; empty for `run`.
    pub source: String,
}

impl WorkOrder {
    /// Build and test this commit.
    #[must_use]
    pub fn run(model: &ModelName, commit: &Sha) -> Self {
        Self {
            action: "run".to_owned(),
            model: model.clone(),
            version: None,
            commit: commit.clone(),
            environment: None,
            traffic: None,
            source: String::new(),
        }
    }

    /// What a schedule does, at this commit.
    #[must_use]
    pub fn schedule(model: &ModelName, name: &str, commit: &Sha) -> Self {
        Self { action: name.to_owned(), ..Self::run(model, commit) }
    }

    /// Measure what the job or run `source` has built, by the code and on the data of this commit.
    #[must_use]
    pub fn evaluate(model: &ModelName, subject: Subject, source: &str, commit: &Sha) -> Self {
        Self {
            action: "evaluate".to_owned(),
            model: model.clone(),
            version: Some(subject),
            commit: commit.clone(),
            environment: None,
            traffic: None,
            source: source.to_owned(),
        }
    }
}
