//! What stands on a commit and on a merge request in our name: statuses and the one label.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ModelName, RunId, Sha, Stage, User};

/// A commit status: name and value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `mergewright` or `mergewright/<model>/<stage>`.
    pub context: String,
    /// The value.
    pub state: StatusState,
    /// One short sentence.
    pub description: String,
}

/// A status with one of our names that somebody else set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgedStatus {
    /// Its name.
    pub context: String,
    /// Who.
    pub by: User,
}

impl Status {
    /// Whether only we set statuses of this name.
    #[must_use]
    pub fn is_ours(context: &str) -> bool {
        context.strip_prefix(Self::UMBRELLA).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The name of the one status to mark as required.
    pub const UMBRELLA: &'static str = "mergewright";

    /// The name of the status about generated files.
    pub const GENERATED: &'static str = "mergewright/generated";

    /// The name of a stage's status.
    #[must_use]
    pub fn context_of(model: &ModelName, stage: Stage) -> String {
        format!("{}/{model}/{stage}", Self::UMBRELLA)
    }
}

/// The values that both forges know, from good to bad: where several speak at once the worst one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// Good.
    Success,
    /// Not decided.
    Pending,
    /// Judged and refused.
    Failure,
    /// Could not be judged.
    Error,
}

/// What one merge request says of its head, by the names of statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// By itself; nothing where it is not open.
    pub own: BTreeMap<String, StatusState>,
    /// Together with the others that had this head when it was last looked at.
    pub together: BTreeMap<String, StatusState>,
}

/// Another open merge request with the same head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// Its number.
    pub number: u64,
    /// Where its statuses stand: those of another run (GitLab) are beside ours.
    pub on: Option<(Sha, Option<RunId>)>,
    /// What it says.
    pub said: Said,
}

/// The labels `model::*`: a view, never read back. Ordered by which wins over several models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// `model::failed`
    Failed,
    /// `model::hold`
    Hold,
    /// `model::building`
    Building,
    /// `model::testing`
    Testing,
    /// `model::review`
    Review,
    /// `model::publishing`
    Publishing,
    /// `model::ready`
    Ready,
    /// `model::published`
    Published,
}

impl Label {
    /// All labels.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::Hold,
        Self::Building,
        Self::Testing,
        Self::Review,
        Self::Publishing,
        Self::Ready,
        Self::Published,
    ];

    /// The label's name at the forge.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "model::failed",
            Self::Hold => "model::hold",
            Self::Building => "model::building",
            Self::Testing => "model::testing",
            Self::Review => "model::review",
            Self::Publishing => "model::publishing",
            Self::Ready => "model::ready",
            Self::Published => "model::published",
        }
    }
}
