//! The lines that prove, before anything is done with them, that the bytes are those that were judged.

use serde::Serialize;

use super::GenerateError;
use super::pipeline::{Proof, Proven, Step};
use super::templates::{Renderer, VERIFY_CUSTOM, VERIFY_LIVE, VERIFY_PYTHON};

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
    /// Whether the version's tag may stand on another commit than the one that is asked for.
    elsewhere: bool,
    /// Whether they may be bytes that are no version.
    unreleased: bool,
}

#[derive(Debug, Serialize)]
struct LiveView<'p> {
    github: bool,
    environment: Option<&'p str>,
}

/// The script for a job of `step`.
pub(super) fn script(
    (proof, proven): &(Proof, Proven),
    step: Step,
    bytes: Bytes,
    templates: &Renderer<'_>,
) -> Result<String, GenerateError> {
    let name = match proof {
        Proof::Python => VERIFY_PYTHON,
        Proof::Shell => VERIFY_CUSTOM,
    };
    let done = match step {
        Step::Deploy => "deployed",
        Step::Evaluate | Step::Schedule => "measured",
        Step::Build | Step::Test | Step::Scan | Step::Publish => "published",
    };
    let (github, source) = match bytes {
        Bytes::OfGitLab => (false, "job"),
        Bytes::OfGitHub => (true, "run"),
    };
    let (elsewhere, unreleased) = (*proven != Proven::Version, *proven == Proven::Elsewhere);
    templates.render(name, View { done, github, source, elsewhere, unreleased })
}

/// The script that finds out what is live, for a job that a clock has started; none for others.
pub(super) fn live(
    (_, proven): &(Proof, Proven),
    bytes: Bytes,
    templates: &Renderer<'_>,
) -> Result<Option<String>, GenerateError> {
    let Proven::Live { environment } = proven else { return Ok(None) };
    let view = LiveView { github: bytes == Bytes::OfGitHub, environment: environment.as_deref() };
    templates.render(VERIFY_LIVE, view).map(Some)
}
