//! What the gates say.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Digest, Sha, Subject, Version, Waived};

/// The outcome of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within its bounds.
    Pass,
    /// Outside, but the rule only warns.
    Warn,
    /// The measurements are too few or too far apart to say which side of a bound they are on.
    Inconclusive,
    /// The two sides were measured on different data: never subtracted.
    Incomparable,
    /// No usable number: counts as a failure, never skipped.
    Missing,
    /// Outside its bounds.
    Fail,
}

impl Verdict {
    /// Whether this verdict keeps the merge request from going on.
    #[must_use]
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Inconclusive | Self::Incomparable | Self::Missing | Self::Fail)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Inconclusive => "inconclusive",
            Self::Incomparable => "incomparable",
            Self::Missing => "missing",
            Self::Fail => "fail",
        })
    }
}

/// One rule judged: everything that the report shows and `explain` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The rule's id.
    pub rule: String,
    /// The metric it reads.
    pub metric: String,
    /// The candidate's number.
    pub candidate: Option<Decimal>,
    /// The baseline's number.
    pub baseline: Option<Decimal>,
    /// The outcome.
    pub verdict: Verdict,
    /// Why, in one sentence with the numbers in it.
    pub reason: String,
    /// The rule in words, such as `≥ 0.90, may lose 0.01`.
    pub bounds: String,
    /// The rule's line in the configuration file of the target branch.
    pub line: Option<u32>,
    /// Nobody can waive the rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// How many runs the candidate's number is the mean of; none for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<usize>,
    /// How many slices this one row sums up; none for a row of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<usize>,
    /// An owner excused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
}

impl Judged {
    /// Whether the rule keeps the merge request from going on.
    #[must_use]
    pub const fn blocks(&self) -> bool {
        self.verdict.blocks() && self.waived.is_none()
    }
}

/// What the candidate is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineName {
    /// The published version; none for what stands on the target branch.
    pub version: Option<Version>,
    /// What stands on the target branch; none for a published version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetCommit>,
    /// Why this one: `production`, or the fall-back that was taken.
    pub why: String,
    /// The dataset of the candidate that it was scored anew on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescored: Option<Sha>,
}

/// A commit of a target branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetCommit {
    /// The branch.
    pub branch: String,
    /// The commit.
    pub commit: Sha,
    /// The digest of the manifest of what it was built to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
}

impl BaselineName {
    /// Whose bytes it is.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let bytes = || Some(Subject::Bytes(self.target.as_ref()?.manifest?));
        self.version.clone().map(Subject::Version).or_else(bytes)
    }
}

impl fmt::Display for BaselineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.version, &self.target) {
            (Some(version), _) => write!(f, "{version}"),
            (None, Some(TargetCommit { branch, commit, .. })) => {
                write!(f, "target branch `{branch}` at {}", commit.short())
            }
            (None, None) => f.write_str("nothing"),
        }
    }
}
