//! A baseline measured anew, on the data of a candidate that is compared with it.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Digest, JobId, RunId, Sha, Version};

/// Whose bytes they are, and what proves that they are those: written `v42` or `sha256:<64 hex>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Subject {
    /// Those of a published version; its tag names each file.
    Version(Version),
    /// Those of a build that is no version; this is the digest of their manifest.
    Bytes(Digest),
}

impl Subject {
    /// What people are told of it; a digest as its first twelve digits.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Version(version) => version.to_string(),
            Self::Bytes(manifest) => format!("model {}", manifest.short()),
        }
    }
}

impl From<Version> for Subject {
    fn from(version: Version) -> Self {
        Self::Version(version)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Bytes(manifest) => manifest.fmt(f),
        }
    }
}

/// One baseline measured anew for one head: there is never a second one of the same three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescoring {
    /// What is measured.
    #[serde(rename = "version")]
    pub subject: Subject,
    /// The head whose code measures them, and whose data they are measured on.
    pub head: Sha,
    /// The git object name of that data.
    pub dataset: Sha,
    /// The slot of the call that starts the run, while it is under way.
    pub asked: Option<String>,
    /// The run.
    pub run: Option<RunId>,
    /// Why no run was started, safe to show.
    pub refused: Option<String>,
    /// What it came to; none as long as it came to nothing.
    pub scores: Option<Scores>,
}

/// The numbers of a baseline on other data than it was measured on first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scores {
    /// The job that measured.
    pub job: JobId,
    /// Its address for people.
    pub page: String,
    /// Numbers by name; nested keys joined by `.`.
    pub metrics: BTreeMap<String, Decimal>,
}
