//! Models, the stages they pass, and the phases of a merge request for one model.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ids::InvalidName;

/// A model's name: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, so that it can stand in tags, jobs and
/// branch names. Words reserved for commands are refused by the configuration, not here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

impl ModelName {
    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let edges = !text.starts_with('-') && !text.ends_with('-');
        if (1..=63).contains(&text.len()) && text.bytes().all(allowed) && edges {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::new("model name", text, "1 to 63 lower-case letters, digits and inner hyphens"))
        }
    }
}

impl TryFrom<String> for ModelName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The four stages between a merge request and a published model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The model is trained or assembled.
    #[default]
    Build,
    /// It is measured, and the gates judge.
    Test,
    /// People approve.
    Review,
    /// It is merged, numbered and released.
    Publish,
}

impl Stage {
    /// All stages in their order.
    pub const ALL: [Self; 4] = [Self::Build, Self::Test, Self::Review, Self::Publish];

    /// The word used in statuses and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Test => "test",
            Self::Review => "review",
            Self::Publish => "publish",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where one model of a merge request stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Seen, nothing judged yet.
    #[default]
    Untracked,
    /// The merge request is a draft.
    Draft,
    /// A fork (or runner) waits for a maintainer's `run <sha>`.
    AwaitingRun,
    /// The build job of the head is awaited.
    Building,
    /// Built; the test job is awaited.
    Testing,
    /// A script failed, or a blocking gate did.
    GateFailed,
    /// The gates can decide neither way.
    Inconclusive,
    /// Runner, network or queue failed; tried again by itself.
    InfraError,
    /// Gates passed; people must approve.
    AwaitingApproval,
    /// Build, test and review are green.
    Ready,
    /// An owner holds it.
    Held,
    /// The merge call is under way.
    Merging,
    /// Merged, and publishing waits for the command (`publish.when: command`).
    Merged,
    /// Merged; being tagged, published, released.
    Publishing,
    /// The version is out.
    Published,
    /// Publishing failed; the tag stays for the retry.
    PublishFailed,
    /// Merged without green gates, or into a base that moved under it: not published.
    Unblessed,
    /// Closed without a merge.
    Closed,
}

impl Phase {
    /// The phases in which something or somebody is still awaited.
    pub const UNDER_WAY: [Self; 13] = [
        Self::Draft,
        Self::AwaitingRun,
        Self::Building,
        Self::Testing,
        Self::GateFailed,
        Self::Inconclusive,
        Self::InfraError,
        Self::AwaitingApproval,
        Self::Ready,
        Self::Held,
        Self::Merging,
        Self::Publishing,
        Self::PublishFailed,
    ];

    /// The stage that a merge request in this phase has come to.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::Untracked | Self::Draft | Self::AwaitingRun | Self::Building | Self::Closed => Stage::Build,
            Self::Testing | Self::GateFailed | Self::Inconclusive | Self::InfraError => Stage::Test,
            Self::AwaitingApproval | Self::Ready | Self::Held => Stage::Review,
            Self::Merging
            | Self::Merged
            | Self::Publishing
            | Self::Published
            | Self::PublishFailed
            | Self::Unblessed => Stage::Publish,
        }
    }

    /// Whether the merge request was merged and this model's fate is not a matter of gates.
    #[must_use]
    pub const fn is_past_merge(self) -> bool {
        matches!(
            self,
            Self::Merged | Self::Publishing | Self::Published | Self::PublishFailed | Self::Unblessed
        )
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_under_way_belongs_to_the_stage_it_has_come_to() {
        let stages: Vec<Stage> = Phase::UNDER_WAY.into_iter().map(Phase::stage).collect();
        assert!(stages.is_sorted(), "{stages:?}");
        assert!(!Phase::UNDER_WAY.contains(&Phase::Published));
    }

    #[test]
    fn a_model_name_can_stand_in_tags_and_job_names() {
        for text in ["iris", "a", "iris-2", &"a".repeat(63)] {
            assert!(text.parse::<ModelName>().is_ok(), "{text}");
        }
        for text in ["", "Iris", "-iris", "iris-", "iris@v1", "a b", "ä", &"a".repeat(64)] {
            assert!(text.parse::<ModelName>().is_err(), "{text}");
        }
    }
}
