//! CI runs and their jobs, as both forges tell of them.

use serde::{Deserialize, Serialize};

use super::{JobId, ModelName, RunId, Sha, Timestamp};

/// One run of the generated CI: a GitLab pipeline or a GitHub workflow run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The forge's number.
    pub id: RunId,
    /// The head it belongs to (never the merge commit of a merged-results pipeline).
    pub sha: Sha,
    /// Address for people.
    pub web_url: String,
    /// When it was created, or its newest attempt was.
    pub created_at: Timestamp,
    /// When its first attempt was, where it may have others: they keep the first one's files.
    #[serde(default)]
    pub first_at: Option<Timestamp>,
    /// The newest attempt of each job.
    pub jobs: Vec<Job>,
}

impl Run {
    /// When its first attempt was created.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        self.first_at.unwrap_or(self.created_at)
    }
}

/// One job of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The forge's number.
    pub id: JobId,
    /// The model the job belongs to, read from its name (GitLab) or its workflow file (GitHub).
    pub model: Option<ModelName>,
    /// What it does: `build`, `test`, `publish`, … or a schedule's name.
    pub task: String,
    /// How it stands.
    pub status: JobStatus,
    /// Address for people.
    pub web_url: String,
    /// What a publish job must name to get this job's artifacts: the job (GitLab) or run (GitHub).
    pub source: String,
    /// When it began, where the forge tells.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended, where the forge tells.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// The end of its log; read for failed jobs only, already freed of terminal codes.
    #[serde(default)]
    pub log_tail: Option<String>,
}

impl Job {
    /// Whether this build had ended when the test began, so that the test can have measured what it left.
    #[must_use]
    pub fn ended_before(&self, test: &Self) -> bool {
        self.finished_at.zip(test.started_at).is_none_or(|(ended, began)| ended <= began)
    }
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobStatus {
    /// Waits for other jobs or for a runner.
    Waiting,
    /// Runs.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed(FailureCause),
    /// Was cancelled.
    Cancelled,
    /// Was left out.
    Skipped,
    /// Waits for a person to press the button.
    Manual,
}

impl JobStatus {
    /// Whether nothing more will happen to the job by itself.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed(_) | Self::Cancelled | Self::Skipped)
    }
}

/// Why a job failed: only a script's own failure says something about the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureCause {
    /// A command of the job ended with a non-zero status, or ran out of its own time.
    Script,
    /// Runner, queue, network or quota; the forge's own word for it.
    Infrastructure(String),
}
