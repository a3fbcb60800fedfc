//! A published version measured anew, on the data of a candidate that it is compared with.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{JobId, RunId, Sha, Version};

/// One version measured anew for one head: there is never a second one of the same three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescoring {
    /// The version whose files are measured.
    pub version: Version,
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

/// The numbers of a version on other data than it was published with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scores {
    /// The job that measured.
    pub job: JobId,
    /// Its address for people.
    pub page: String,
    /// Numbers by name; nested keys joined by `.`.
    pub metrics: BTreeMap<String, Decimal>,
}
