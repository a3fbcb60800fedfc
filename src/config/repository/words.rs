//! The words that people choose from, and what each of them means.

use crate::config::valid::{
    BaselineChoice, Level, PublishTarget, PublishWhen, ScheduleTask, ToolchainKind, VersionStrategy,
};
use crate::domain::MergeMethod;

/// A type whose values are written as one of a few words.
pub(super) trait Words: Copy + 'static {
    /// Each word with its value.
    const WORDS: &'static [(&'static str, Self)];
}

/// How versions are brought to an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DeployKind {
    /// Own scripts.
    #[default]
    Scripts,
    /// A manifest of `KServe`.
    Kserve,
}

impl Words for DeployKind {
    const WORDS: &'static [(&'static str, Self)] = &[("scripts", Self::Scripts), ("kserve", Self::Kserve)];
}

impl Words for ToolchainKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("python", Self::Python),
        ("maven", Self::Maven),
        ("gradle", Self::Gradle),
        ("node", Self::Node),
        ("custom", Self::Custom),
    ];
}

impl Words for BaselineChoice {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("production", Self::Production),
        ("previous", Self::Previous),
        ("target_branch", Self::TargetBranch),
    ];
}

/// Which way a metric is better, as it is written; a target has its value beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DirectionWord {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Nearer to a value is better.
    Target,
}

impl Words for DirectionWord {
    const WORDS: &'static [(&'static str, Self)] =
        &[("higher", Self::Higher), ("lower", Self::Lower), ("target", Self::Target)];
}

impl Words for Level {
    const WORDS: &'static [(&'static str, Self)] = &[("block", Self::Block), ("warn", Self::Warn)];
}

impl Words for VersionStrategy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("timestamp", Self::Timestamp),
        ("sequence", Self::Sequence),
        ("semver", Self::Semver),
        ("calver", Self::Calver),
    ];
}

impl Words for PublishWhen {
    const WORDS: &'static [(&'static str, Self)] = &[("merge", Self::Merge), ("command", Self::Command)];
}

impl Words for MergeMethod {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("merge", Self::Merge), ("squash", Self::Squash), ("rebase", Self::Rebase)];
}

impl Words for PublishTarget {
    const WORDS: &'static [(&'static str, Self)] =
        &[("release", Self::Release), ("gitlab-package", Self::GitlabPackage)];
}

impl Words for ScheduleTask {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("retrain", Self::Retrain),
        ("evaluate", Self::Evaluate),
        ("monitor", Self::Monitor),
        ("cleanup", Self::Cleanup),
        ("run", Self::Run),
    ];
}
