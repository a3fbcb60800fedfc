//! The lines that prove, before anything is brought out, that the bytes are those that were judged.

use serde::Serialize;

use super::pipeline::{Proof, Step};
use super::templates::{VERIFY_CUSTOM, VERIFY_PYTHON};
use super::{GenerateError, Templates};

/// How a job comes by the judged bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bytes {
    /// The script downloads the archive of the job `MERGEWRIGHT_SOURCE` from GitLab.
    OfGitLab,
    /// A step before has laid the artifact of the run `MERGEWRIGHT_SOURCE` into `mergewright-judged`.
    OfGitHub,
}

#[derive(Debug, Serialize)]
struct View {
    /// What is not done unless the proof holds.
    done: &'static str,
    github: bool,
    /// What `MERGEWRIGHT_SOURCE` is a number of.
    source: &'static str,
}

/// The script for the job of `step`.
pub(super) fn script(
    proof: Proof,
    step: Step,
    bytes: Bytes,
    templates: &Templates,
) -> Result<String, GenerateError> {
    let name = match proof {
        Proof::Python => VERIFY_PYTHON,
        Proof::Shell => VERIFY_CUSTOM,
    };
    let done = if step == Step::Deploy { "deployed" } else { "published" };
    let (github, source) = match bytes {
        Bytes::OfGitLab => (false, "job"),
        Bytes::OfGitHub => (true, "run"),
    };
    templates.render(name, View { done, github, source })
}
