//! What runs, as it is valid: toolchain, build, test, scan, publish, deploy, schedules.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::MergeMethod;

/// Identity tokens of a job: the audience of each by the name of the variable that holds the token.
pub type IdTokens = BTreeMap<String, String>;

/// What jobs run with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// Which family.
    pub kind: ToolchainKind,
    /// Its version, such as `3.12`.
    pub version: Option<String>,
    /// Container image that overrides the family's own.
    pub image: Option<String>,
}

/// The families of toolchains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolchainKind {
    /// Python with pip or uv.
    Python,
    /// Apache Maven.
    Maven,
    /// Gradle.
    Gradle,
    /// Node.js with npm.
    Node,
    /// Whatever the image brings.
    Custom,
}

/// The build job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Shell lines.
    pub run: Vec<String>,
    /// Files of the model, relative to `root`; globs allowed.
    pub artifacts: Vec<String>,
    /// The longest it may take.
    pub timeout: Duration,
    /// Names of secrets it gets.
    pub secrets: Vec<String>,
}

/// The test job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// Shell lines.
    pub run: Vec<String>,
    /// JUnit files, as globs relative to `root`.
    pub junit: Vec<String>,
    /// Metrics files (JSON or YAML numbers), relative to `root`; at least one.
    pub metrics: Vec<String>,
    /// The held-out data, a file or folder relative to `root`.
    pub dataset: Option<String>,
    /// Globs relative to `root` of what measures; the dataset is among them.
    pub protect: Vec<String>,
    /// The longest it may take.
    pub timeout: Duration,
    /// Names of secrets it gets.
    pub secrets: Vec<String>,
}

/// The job that scans the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Shell lines; none of them = the tool that the generator names.
    pub run: Vec<String>,
    /// The longest it may take.
    pub timeout: Duration,
}

/// How a version gets out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// What starts it.
    pub when: PublishWhen,
    /// How the merge request is merged.
    pub merge: MergeMethod,
    /// Shell lines of the publish job; may be empty.
    pub run: Vec<String>,
    /// Where it goes.
    pub to: Vec<PublishTarget>,
    /// Names of secrets it gets.
    pub secrets: Vec<String>,
    /// Identity tokens that its lines get.
    #[serde(default, skip_serializing_if = "IdTokens::is_empty")]
    pub id_tokens: IdTokens,
    /// The longest it may take.
    pub timeout: Duration,
    /// Its line in the file it was read from, from 1; none where it is not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// What starts publishing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublishWhen {
    /// The merge, by the bot or by a person.
    #[default]
    Merge,
    /// `/model publish` after the merge.
    Command,
}

/// Where a version goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishTarget {
    /// The forge's release.
    Release,
    /// GitLab's generic package registry.
    GitlabPackage,
}

/// The deploy job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Deploy {
    /// Own scripts.
    Scripts {
        /// Shell lines that deploy.
        run: Vec<String>,
        /// Shell lines that go back; `run` where empty.
        rollback: Vec<String>,
        /// Shell lines that check the result.
        verify: Vec<String>,
        /// Names of secrets the job gets.
        secrets: Vec<String>,
        /// Identity tokens that its lines get.
        #[serde(default, skip_serializing_if = "IdTokens::is_empty")]
        id_tokens: IdTokens,
        /// The longest it may take.
        timeout: Duration,
    },
    /// A `KServe` manifest kept in the repository.
    Kserve {
        /// Its path, relative to `root`.
        manifest: String,
    },
}

/// Scheduled work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Five fields.
    pub cron: String,
    /// An IANA time zone; UTC unless written.
    pub timezone: String,
    /// What is done.
    pub task: ScheduleTask,
    /// Shell lines, for `run`.
    pub run: Vec<String>,
}

/// What a schedule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleTask {
    /// Builds and tests anew and opens a merge request.
    Retrain,
    /// Measures the live version.
    Evaluate,
    /// Looks for drift.
    Monitor,
    /// Applies the retention.
    Cleanup,
    /// Own shell lines.
    Run,
}
