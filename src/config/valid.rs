//! The validated repository configuration: impossible combinations cannot be written down here.

mod jobs;

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::{Digest, ModelName};
pub use jobs::{
    Build, Deploy, IdTokens, Publish, PublishTarget, PublishWhen, Scan, Schedule, ScheduleTask, Test,
    Toolchain, ToolchainKind,
};

/// A whole `.mergewright.yml`, judged and with every default filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryConfig {
    /// Digest of the normalised content: white space, comments, key order and line numbers of the
    /// file do not change it.
    pub digest: Digest,
    /// Names of the secrets that jobs may list.
    pub secrets: Vec<String>,
    /// The models by name.
    pub models: BTreeMap<ModelName, Model>,
    /// Public half of the key that signs version tags, `ed25519:<base64>`.
    pub registry_key: Option<String>,
}

impl RepositoryConfig {
    /// The model and whatever it is made from: itself first, then all that it depends on, also through others.
    #[must_use]
    pub fn inputs<'a>(&'a self, model: &'a Model) -> Vec<&'a Model> {
        let mut all = vec![model];
        let mut next = 0;
        while let Some(one) = all.get(next).copied() {
            let upstream = one.depends_on.iter().filter_map(|name| self.models.get(name));
            for other in upstream.collect::<Vec<_>>() {
                if !all.iter().any(|known| known.name == other.name) {
                    all.push(other);
                }
            }
            next += 1;
        }
        all
    }
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: ModelName,
    /// Digest of this model's normalised section alone.
    pub digest: Digest,
    /// Globs of the paths that belong to it; `**` crosses folders, `*` does not.
    pub paths: Vec<String>,
    /// Working directory of its jobs, relative to the repository root; `.` is the root.
    pub root: String,
    /// What its jobs run with.
    pub toolchain: Toolchain,
    /// GitLab runner tags.
    pub gitlab_runners: Vec<String>,
    /// GitHub runner labels.
    pub github_runners: Vec<String>,
    /// The build job.
    pub build: Build,
    /// The test job.
    pub test: Test,
    /// The job that scans the code; none where nobody asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<Scan>,
    /// The rules.
    pub gates: Gates,
    /// Who must approve.
    pub review: Review,
    /// How versions are numbered.
    pub version: VersionStrategy,
    /// How a version gets out.
    pub publish: Publish,
    /// Environments by name, in the order written.
    pub environments: Vec<Environment>,
    /// The deploy job.
    pub deploy: Option<Deploy>,
    /// Schedules by name.
    pub schedules: BTreeMap<String, Schedule>,
    /// Models that it is made from: a change of theirs has it built, judged and published after them.
    pub depends_on: Vec<ModelName>,
    /// What is kept.
    pub retention: Retention,
}

/// The rules, and what the candidate is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// What the candidate is compared with.
    pub baseline: BaselineChoice,
    /// In the order written; ids are unique.
    pub rules: Vec<Rule>,
}

/// What the candidate is compared with; each falls back to the next, then to none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineChoice {
    /// The version live in production.
    #[default]
    Production,
    /// The last published version.
    Previous,
    /// The newest run of the target branch.
    TargetBranch,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id; the metric's name unless written.
    pub id: String,
    /// The metric.
    pub metric: String,
    /// Which way is better.
    pub direction: Direction,
    /// Smallest allowed value, inclusive.
    pub min: Option<Decimal>,
    /// Largest allowed value, inclusive.
    pub max: Option<Decimal>,
    /// How much may be lost against the baseline, inclusive.
    pub max_regression: Option<Tolerance>,
    /// Whether breaking it blocks.
    pub level: Level,
    /// Cannot be waived.
    pub required: bool,
    /// Looks at one slice only.
    pub slice: Option<String>,
    /// Fewest samples that say anything.
    pub min_samples: Option<u64>,
    /// How much may be lost against the best version ever.
    pub cumulative: Option<Tolerance>,
    /// One-sided confidence in percent for repeated measurements.
    pub confidence: Option<Decimal>,
    /// Its line in the file it was read from, from 1.
    pub line: Option<u32>,
}

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// The nearer to this value the better, from either side.
    Target(Decimal),
}

/// How much may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// In the metric's own unit.
    Absolute(Decimal),
    /// In percent of the baseline's value (`10%` is 10).
    Percent(Decimal),
    /// In percentage points of a metric that is a share of 1 (`2pp` is 0.02 of it, stored as 2).
    Points(Decimal),
}

/// Whether breaking a rule blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It blocks.
    #[default]
    Block,
    /// It is only shown.
    Warn,
}

/// Who must approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// How many owners.
    pub approvals: u32,
    /// `login` or `group/team`, without the leading `@`; empty = maintainers of the repository.
    pub owners: Vec<String>,
    /// The model card's path, relative to `root`.
    pub card: Option<String>,
    /// Headings the card must have.
    pub card_sections: Vec<String>,
    /// Its line in the file it was read from, from 1; none where it is not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// How versions are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionStrategy {
    /// UTC second and commit.
    Timestamp,
    /// 1, 2, 3, …
    Sequence,
    /// From conventional commits.
    Semver,
    /// Year, month, counter.
    Calver,
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name, same shape as a model's.
    pub name: String,
    /// The environment that must run the version first.
    pub requires: Option<String>,
    /// How many owners must approve a promotion.
    pub approvals: u32,
    /// Traffic steps, where it is not all at once.
    pub canary: Option<Canary>,
    /// Windows in which nothing is promoted, as written: `Fri 16:00 - Mon 08:00 Asia/Shanghai`.
    pub freeze: Vec<String>,
}

/// Traffic steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Percentages, rising, the last one 100.
    pub steps: Vec<u8>,
    /// How long each is watched.
    pub hold: Duration,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How many of the last versions keep their bytes.
    pub last: u32,
    /// How long candidates keep theirs.
    pub candidates: Duration,
}
