//! What the jobs of one head produced: numbers, tests and bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Digest, JobId, ModelName, Sha};

/// The result of the test job of exactly one head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The model that was measured.
    pub model: ModelName,
    /// The head that was measured.
    pub head: Sha,
    /// The test job the numbers come from.
    pub job: JobId,
    /// The build job or run whose bytes were measured; publish takes them from there.
    pub source: String,
    /// Numbers by name; nested keys joined by `.`.
    pub metrics: BTreeMap<String, Decimal>,
    /// The single runs of metrics that were measured more than once, by name; `metrics` has their mean.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repeated: BTreeMap<String, Vec<Decimal>>,
    /// Metrics that are there but no number, by name: NaN, infinity, text, a name given twice.
    pub unusable: BTreeMap<String, String>,
    /// Test results, where a JUnit file was declared.
    pub tests: Option<TestSummary>,
    /// The model's files, sorted by path.
    pub artifacts: Vec<Artifact>,
    /// The git object name of the dataset at the tested commit; none = not declared or absent.
    pub dataset: Option<Sha>,
}

impl Report {
    /// The digest that approvals and lineage are bound to: of what was found, not of which job found
    /// it, so that a rerun with the same result voids nothing.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let found = (
            &self.model,
            &self.head,
            &self.metrics,
            &self.unusable,
            &self.tests,
            &self.artifacts,
            &self.dataset,
        );
        // Every map key here is a string, so the JSON form always exists. A report without repeated runs
        // keeps the digest that it always had.
        let text = if self.repeated.is_empty() {
            serde_json::to_vec(&found)
        } else {
            serde_json::to_vec(&(found, &self.repeated))
        };
        Digest::of(text.unwrap_or_default())
    }

    /// The manifest that a release carries: one line `sha256  size  path` a file, sorted by path.
    #[must_use]
    pub fn manifest(&self) -> String {
        self.artifacts.iter().fold(String::new(), |mut text, file| {
            let _infallible = writeln!(text, "{}  {}  {}", file.sha256.hex(), file.size, file.path);
            text
        })
    }

    /// The model's identity: the digest of its manifest.
    #[must_use]
    pub fn model_digest(&self) -> Digest {
        Digest::of(self.manifest())
    }
}

/// One file of the model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Artifact {
    /// Path relative to the repository root.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Digest of the content.
    pub sha256: Digest,
}

/// What the JUnit files say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestSummary {
    /// Tests that ran or were skipped.
    pub total: u32,
    /// Tests that were skipped.
    pub skipped: u32,
    /// Tests that failed or erred, the first of them by name.
    pub failed: Vec<TestFailure>,
    /// How many more did.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_more: usize,
}

/// Serde hands over a reference.
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl TestSummary {
    /// Both summaries as one, for reports that are spread over several files.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.total = self.total.saturating_add(other.total);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.failed.extend(other.failed);
        self.failed_more = self.failed_more.saturating_add(other.failed_more);
        self
    }
}

/// One failed test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestFailure {
    /// Class and name as in the file.
    pub name: String,
    /// The failure's message, cut at 2,000 characters.
    pub message: String,
    /// The file that the test stands in, where the JUnit file says so, as it says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}
