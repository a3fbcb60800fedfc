//! Versions, tags, and what is known of each.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::InvalidName;
use super::{Digest, MergeRequestId, ModelName, RepoId, Sha, Timestamp, Waived};

/// A version as people write it (`v42`, `v1.4.0`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

impl Version {
    /// The version of the `sequence` strategy with this number.
    #[must_use]
    pub fn sequence(number: u64) -> Self {
        Self(format!("v{number}"))
    }

    /// The text with its leading `v`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, for a version of the `sequence` strategy.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.0.strip_prefix('v')?.parse().ok()
    }

    /// The git tag: `iris@v42.0.0` for the sequence, else `iris@` and the version.
    #[must_use]
    pub fn tag(&self, model: &ModelName) -> String {
        match self.number() {
            Some(number) => format!("{model}@v{number}.0.0"),
            None => format!("{model}@{}", self.0),
        }
    }

    /// The git tag that takes the version out of use: `iris@v42.0.0!`.
    #[must_use]
    pub fn retired_tag(&self, model: &ModelName) -> String {
        format!("{}!", self.tag(model))
    }
}

impl FromStr for Version {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        match text.strip_prefix('v') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) && rest.chars().all(allowed) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidName::new("version", text, "`v` and a number, such as v42 or v1.4.0")),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag as the forge tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The name without `refs/tags/`.
    pub name: String,
    /// The commit it points to (annotated tags followed).
    pub commit: Sha,
    /// The message of an annotated tag; empty for a lightweight one.
    pub message: String,
}

/// One version that we numbered, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// The repository.
    pub repo: RepoId,
    /// The model.
    pub model: ModelName,
    /// The version.
    pub version: Version,
    /// The tag that holds the number.
    pub tag: String,
    /// The commit it is tagged on.
    pub commit: Sha,
    /// The merge request that brought it.
    pub merge_request: MergeRequestId,
    /// Digest of its manifest.
    pub model_digest: Digest,
    /// The gated numbers.
    pub metrics: BTreeMap<String, Decimal>,
    /// The dataset they were measured on.
    pub dataset: Option<Sha>,
    /// When it was published.
    pub published_at: Timestamp,
    /// The record that the tag and the release carry.
    pub lineage: Lineage,
}

/// Where a version comes from: stored as canonical JSON in the tag's message and the release.
///
/// Field order is the JSON's key order; it is sorted so that the text is canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Who approved, by login.
    pub approved_by: Vec<String>,
    /// One `<sha256>  <path>` a file, as `sha256sum --check` reads it.
    pub artifacts: Vec<String>,
    /// Author of the merge request, by login.
    pub author: String,
    /// The target branch's commit that the gates were bound to.
    pub base: Sha,
    /// What it was compared with, where that was scored anew on the candidate's data. Without that the record
    /// has no such key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// The candidate's id during the merge request.
    pub candidate: String,
    /// The commit that is tagged.
    pub commit: Sha,
    /// Digest of the normalised configuration that ruled.
    pub configuration: Digest,
    /// Dataset object at the tested commit.
    pub dataset: Option<Sha>,
    /// The head that was gated.
    pub head: Sha,
    /// Number of the merge request.
    pub merge_request: u64,
    /// The gated numbers.
    pub metrics: BTreeMap<String, Decimal>,
    /// The model.
    pub model: ModelName,
    /// Digest of the manifest.
    pub model_digest: Digest,
    /// The published version before this one.
    pub predecessor: Option<Version>,
    /// Digest of the report that was judged.
    pub report: Digest,
    /// The job or run whose bytes were gated.
    pub source: String,
    /// The version.
    pub version: Version,
    /// Rules that were not met and that an owner excused. Without any the record has no such key, so
    /// that records of before stay as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waived>,
}

impl Lineage {
    /// The canonical JSON: sorted keys, no white space.
    #[must_use]
    pub fn canonical(&self) -> String {
        // Every map key is a string, so the JSON form always exists.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_version_is_tagged_as_semver_for_other_tools() {
        let iris: ModelName = "iris".parse().unwrap();
        assert_eq!(Version::sequence(42).tag(&iris), "iris@v42.0.0");
        assert_eq!("v1.4.0".parse::<Version>().unwrap().tag(&iris), "iris@v1.4.0");
        assert_eq!("v42".parse::<Version>().unwrap().number(), Some(42));
        for text in ["42", "v", "vx", "v1 2", "v1/2"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
