//! Workflow runs, their jobs, and what these left.

use serde::Deserialize;

use crate::domain::Sha;

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct Runs {
    #[serde(default)]
    pub(in crate::forge::github) workflow_runs: Vec<WorkflowRun>,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct WorkflowRun {
    pub(in crate::forge::github) id: u64,
    /// The workflow's file, `@` and a reference behind it where it is not the default branch's.
    #[serde(default)]
    pub(in crate::forge::github) path: String,
    pub(in crate::forge::github) head_sha: Sha,
    #[serde(default)]
    pub(in crate::forge::github) head_branch: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) event: String,
    #[serde(default)]
    pub(in crate::forge::github) status: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) conclusion: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) display_title: String,
    #[serde(default)]
    pub(in crate::forge::github) html_url: String,
    #[serde(default)]
    pub(in crate::forge::github) created_at: Option<String>,
    /// When the newest attempt began.
    #[serde(default)]
    pub(in crate::forge::github) run_started_at: Option<String>,
    /// Empty for forks.
    #[serde(default)]
    pub(in crate::forge::github) pull_requests: Option<Vec<PullOfRun>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct PullOfRun {
    pub(in crate::forge::github) number: u64,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct Jobs {
    #[serde(default)]
    pub(in crate::forge::github) jobs: Vec<Job>,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct Job {
    #[serde(default)]
    pub(in crate::forge::github) started_at: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) completed_at: Option<String>,
    pub(in crate::forge::github) id: u64,
    #[serde(default)]
    pub(in crate::forge::github) name: String,
    #[serde(default)]
    pub(in crate::forge::github) status: String,
    #[serde(default)]
    pub(in crate::forge::github) conclusion: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) html_url: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) runner_id: Option<u64>,
    #[serde(default)]
    pub(in crate::forge::github) steps: Option<Vec<Step>>,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct Step {
    #[serde(default)]
    pub(in crate::forge::github) name: String,
    #[serde(default)]
    pub(in crate::forge::github) conclusion: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct Dispatched {
    pub(in crate::forge::github) workflow_run_id: u64,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct Artifacts {
    #[serde(default)]
    pub(in crate::forge::github) artifacts: Vec<Artifact>,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct Artifact {
    pub(in crate::forge::github) id: u64,
    #[serde(default)]
    pub(in crate::forge::github) name: String,
    #[serde(default)]
    pub(in crate::forge::github) expired: bool,
}
