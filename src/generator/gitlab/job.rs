//! One job in GitLab's words.

use std::time::Duration;

use serde::Serialize;

use super::cache::CacheView;
use super::conditions::{self, ASKED_ENVIRONMENT, RuleView};
use crate::generator::pipeline::{Action, Job, Kept, Part, Step, Trigger};
use crate::generator::proof::{self, Bytes};
use crate::generator::templates::Renderer;
use crate::generator::{GenerateError, quoting};

/// Faults of runners and of GitLab itself; a script that fails is never tried again.
const RUNNER_FAULTS: &[&str] =
    &["runner_system_failure", "stuck_or_timeout_failure", "scheduler_failure", "api_failure"];
/// The environment that guards the secrets of publish jobs.
const PUBLISH_ENVIRONMENT: &str = "mergewright-publish";
/// A pipeline begins where its branch is, perhaps beyond the commit that is asked for. Without `--force`:
/// what the build left is not overwritten unseen.
const CHECKOUT: &str = r#"[ "$MERGEWRIGHT_COMMIT" = "$CI_COMMIT_SHA" ] || { git -c 'safe.directory=*' fetch --quiet --no-tags --depth=1 origin "$MERGEWRIGHT_COMMIT" && git -c 'safe.directory=*' checkout --quiet --detach "$MERGEWRIGHT_COMMIT"; } || { echo "mergewright: the branch has moved on, and $MERGEWRIGHT_COMMIT cannot be checked out; does the image of this job have git?" >&2; exit 1; }"#;

#[derive(Debug, Serialize)]
pub(super) struct JobView {
    pub(super) name: String,
    pub(super) stage: &'static str,
    pub(super) image: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) rules: Vec<RuleView>,
    pub(super) needs: Vec<String>,
    pub(super) interruptible: bool,
    pub(super) resource_group: Option<String>,
    pub(super) environment: Option<EnvironmentView>,
    /// Variable and audience.
    pub(super) id_tokens: Vec<(String, String)>,
    pub(super) timeout: String,
    pub(super) retry: Vec<&'static str>,
    pub(super) cache: Option<CacheView>,
    pub(super) script: Vec<String>,
    pub(super) artifacts: Option<ArtifactsView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct EnvironmentView {
    pub(super) name: &'static str,
    /// What GitLab makes of it; none = a deployment.
    pub(super) action: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct ArtifactsView {
    pub(super) always: bool,
    pub(super) paths: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) junit: Vec<String>,
    pub(super) coverage: Option<CoverageView>,
    pub(super) expire_in: String,
}

#[derive(Debug, Serialize)]
pub(super) struct CoverageView {
    pub(super) format: &'static str,
    pub(super) path: String,
}

impl JobView {
    pub(super) fn of(job: &Job, templates: &Renderer<'_>) -> Result<Self, GenerateError> {
        let cache = job.cache.as_ref().map(|cache| CacheView::of(job, cache));
        Ok(Self {
            name: format!("{}:{}", job.model, job.name),
            stage: job.step.stage(),
            image: job.image.clone(),
            tags: job.gitlab_runners.clone(),
            rules: conditions::of(job),
            needs: job.needs.iter().map(|step| format!("{}:{step}", job.model)).collect(),
            interruptible: matches!(job.step, Step::Build | Step::Test | Step::Scan),
            resource_group: match job.step {
                Step::Build | Step::Test | Step::Scan | Step::Evaluate => None,
                Step::Publish => Some(job.model.to_string()),
                Step::Deploy => Some(format!("{}/{ASKED_ENVIRONMENT}", job.model)),
                Step::Schedule => Some(format!("{}:{}", job.model, job.name)),
            },
            environment: match job.step {
                Step::Publish if job.is_guarded() => {
                    Some(EnvironmentView { name: PUBLISH_ENVIRONMENT, action: Some("access") })
                }
                Step::Deploy => Some(EnvironmentView { name: ASKED_ENVIRONMENT, action: None }),
                _ => None,
            },
            id_tokens: job.id_tokens().into_iter().collect(),
            timeout: words(job.timeout),
            // The bot decides about a second try of what brings a version out.
            retry: if job.brings_out() { Vec::new() } else { RUNNER_FAULTS.to_vec() },
            script: script(job, templates)?,
            artifacts: artifacts(&job.keeps, cache.is_some()),
            cache,
        })
    }
}

/// All that a job leaves: here it is one archive.
fn artifacts(keeps: &[Kept], cached: bool) -> Option<ArtifactsView> {
    let longest = keeps.iter().map(|kept| kept.keep_for).max()?;
    let coverage = keeps.iter().find_map(|kept| kept.coverage.clone());
    Some(ArtifactsView {
        always: keeps.iter().any(Kept::always),
        paths: keeps.iter().flat_map(|kept| kept.paths.clone()).collect(),
        exclude: if cached { vec![CacheView::excluded()] } else { Vec::new() },
        junit: keeps.iter().flat_map(|kept| kept.junit.clone()).collect(),
        coverage: coverage.map(|(format, path)| CoverageView { format, path }),
        expire_in: words(longest),
    })
}

fn script(job: &Job, templates: &Renderer<'_>) -> Result<Vec<String>, GenerateError> {
    let mut lines = Vec::new();
    let by_clock = job.triggers.iter().any(|trigger| matches!(trigger, Trigger::Clock { .. }));
    if job.proof.is_none() || by_clock {
        let action = if by_clock { job.name.as_str() } else { Action::Run.as_str() };
        let (action, model) = (quoting::shell(action), quoting::shell(job.model.as_str()));
        lines.push(format!(
            r#"export MERGEWRIGHT_ACTION={action} MERGEWRIGHT_MODEL={model} MERGEWRIGHT_COMMIT="${{MERGEWRIGHT_COMMIT:-$CI_COMMIT_SHA}}""#
        ));
    }
    match &job.proof {
        Some(proof) => {
            lines.extend(proof::live(proof, Bytes::OfGitLab, templates)?);
            lines.push(proof::script(proof, job.step, Bytes::OfGitLab, templates)?);
        }
        None => lines.push(CHECKOUT.to_owned()),
    }
    if job.root != "." {
        lines.push(format!("cd {}", quoting::shell(&format!("./{}", job.root))));
    }
    lines.extend(own(&job.parts));
    Ok(lines)
}

/// The people's own lines; those for one action alone are chosen by what was asked.
fn own(parts: &[Part]) -> Vec<String> {
    let of = |action| parts.iter().find(|part| part.only == Some(action));
    let joined = |part: &Part| -> String {
        part.lines.iter().map(|line| format!("{}\n", line.trim_end_matches('\n'))).collect()
    };
    let mut lines = Vec::new();
    if let (Some(forth), Some(back)) = (of(Action::Deploy), of(Action::Rollback)) {
        let (forth, back, rollback) = (joined(forth), joined(back), Action::Rollback);
        lines.push(format!("if [ \"$MERGEWRIGHT_ACTION\" = {rollback} ]; then\n{back}else\n{forth}fi\n"));
    }
    lines.extend(parts.iter().filter(|part| part.only.is_none()).flat_map(|part| part.lines.clone()));
    lines
}

/// A length of time as GitLab reads it: `1 hour 30 minutes`.
fn words(length: Duration) -> String {
    let mut rest = length.as_secs();
    let mut parts = Vec::new();
    for (unit, size) in [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)] {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_words() {
        for (seconds, text) in [
            (1, "1 second"),
            (600, "10 minutes"),
            (5400, "1 hour 30 minutes"),
            (14 * 86_400, "14 days"),
            (90_061, "1 day 1 hour 1 minute 1 second"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), text);
        }
    }
}
