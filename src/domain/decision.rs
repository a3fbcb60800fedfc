//! What owners decide beside the gates (to hold, to waive), and what they were refused.

use serde::{Deserialize, Serialize};

use super::{Digest, ModelName, Sha, Timestamp, User, Verdict};

/// An owner keeps a model of a merge request from being published, and what it published from being
/// promoted. It belongs to both, not to a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who.
    pub by: User,
    /// When.
    pub at: Timestamp,
    /// Why, where that was said; foreign text.
    pub reason: Option<String>,
}

impl Hold {
    /// Who holds it since when, and why, as data.
    #[must_use]
    pub fn told(&self) -> String {
        // A stray backtick would turn what follows it into code.
        let reason = self.reason.iter().map(|reason| format!(": {}", reason.replace('`', "'")));
        format!("@{} since {}{}", self.by.login, self.at, reason.collect::<String>())
    }
}

/// An owner excused one rule, bound to exactly what was judged then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Who.
    pub by: User,
    /// What is shown and written down of it.
    pub waived: Waived,
    /// The head.
    pub head: Sha,
    /// The base.
    pub base: Sha,
    /// The model's section of the policy.
    pub policy: Option<Digest>,
    /// The report.
    pub report: Digest,
}

/// A rule that an owner excused, as people are shown it and as it stays in the lineage.
///
/// Field order is the JSON's key order; it is sorted so that the text is canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// When.
    pub at: Timestamp,
    /// Whether it was somebody who wrote the merge request or one of its commits.
    pub author: bool,
    /// By whom, by login.
    pub by: String,
    /// Why; foreign text.
    pub reason: String,
    /// The rule's id.
    pub rule: String,
    /// What the rule had said.
    pub verdict: Verdict,
}

impl Waived {
    /// By whom and why, as data.
    #[must_use]
    pub fn told(&self) -> String {
        let author = if self.author { "its author " } else { "" };
        format!("waived by {author}@{}: {}", self.by, self.reason.replace('`', "'"))
    }
}

/// A command that was refused, remembered for those who ask why nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// Whose command, by login.
    pub by: String,
    /// Its beginning as written; foreign text.
    pub command: String,
    /// The model that it named, where it did.
    pub model: Option<ModelName>,
    /// The rule that refused it.
    pub rule: String,
}
