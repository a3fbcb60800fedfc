//! Check runs.

use serde::Deserialize;

use crate::domain::Sha;

/// The check runs of a commit.
#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct CheckRuns {
    #[serde(default)]
    pub(in crate::forge::github) check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct CheckRun {
    pub(in crate::forge::github) id: u64,
    #[serde(default)]
    pub(in crate::forge::github) name: String,
    pub(in crate::forge::github) head_sha: Sha,
    #[serde(default)]
    pub(in crate::forge::github) external_id: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) status: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) app: Option<CheckApp>,
    #[serde(default)]
    pub(in crate::forge::github) output: Option<CheckOutput>,
}

/// The App that made a check run.
#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct CheckApp {
    #[serde(default)]
    pub(in crate::forge::github) slug: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct CheckOutput {
    #[serde(default)]
    pub(in crate::forge::github) annotations_count: Option<usize>,
}
