//! The pipeline in GitLab's notation.

mod check;

use std::time::Duration;

use serde::Serialize;

use super::pipeline::{Action, Deployment, Job, Pipeline, Step, Trigger};
use super::proof::{self, Bytes};
use super::templates::GITLAB_PIPELINE;
use super::{GenerateError, Templates, quoting};

/// Faults of runners and of GitLab itself; a script that fails is never tried again.
const RUNNER_FAULTS: &[&str] =
    &["runner_system_failure", "stuck_or_timeout_failure", "scheduler_failure", "api_failure"];
/// The most models that one file takes.
const MOST_MODELS: usize = 20;
/// GitLab takes at most 50 patterns in one `changes`.
const MOST_CHANGES: usize = 50;
/// The environment that guards the secrets of publish jobs.
const PUBLISH_ENVIRONMENT: &str = "mergewright-publish";
/// The environment that the bot asked for.
const ASKED_ENVIRONMENT: &str = "$MERGEWRIGHT_ENVIRONMENT";
/// A pipeline begins where its branch is, perhaps beyond the commit that is asked for. Without `--force`:
/// what the build left is not overwritten unseen.
const CHECKOUT: &str = r#"[ "$MERGEWRIGHT_COMMIT" = "$CI_COMMIT_SHA" ] || { git -c 'safe.directory=*' fetch --quiet --no-tags --depth=1 origin "$MERGEWRIGHT_COMMIT" && git -c 'safe.directory=*' checkout --quiet --detach "$MERGEWRIGHT_COMMIT"; } || { echo "mergewright: the branch has moved on, and $MERGEWRIGHT_COMMIT cannot be checked out; does the image of this job have git?" >&2; exit 1; }"#;
const IS_MERGE_REQUEST: &str = r#"$CI_PIPELINE_SOURCE == "merge_request_event""#;
const IS_DEFAULT_BRANCH: &str = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH";

/// `.gitlab-ci.yml` as the template sees it.
#[derive(Debug, Serialize)]
pub(super) struct File {
    workflow: Vec<String>,
    stages: Vec<&'static str>,
    jobs: Vec<JobView>,
}

#[derive(Debug, Serialize)]
struct JobView {
    name: String,
    stage: &'static str,
    image: Option<String>,
    tags: Vec<String>,
    rules: Vec<RuleView>,
    needs: Vec<String>,
    interruptible: bool,
    resource_group: Option<String>,
    environment: Option<EnvironmentView>,
    timeout: String,
    retry: Vec<&'static str>,
    script: Vec<String>,
    artifacts: Option<ArtifactsView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct RuleView {
    condition: String,
    changes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct EnvironmentView {
    name: &'static str,
    /// What GitLab makes of it; none = a deployment.
    action: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct ArtifactsView {
    always: bool,
    paths: Vec<String>,
    junit: Vec<String>,
    expire_in: String,
}

impl File {
    pub(super) fn of(pipeline: &Pipeline, templates: &Templates) -> Result<Self, GenerateError> {
        let count = pipeline.jobs.iter().filter(|job| job.step == Step::Build).count();
        if count > MOST_MODELS {
            return Err(GenerateError::TooManyModels { count, most: MOST_MODELS });
        }
        let any_push = pipeline
            .jobs
            .iter()
            .flat_map(|job| &job.triggers)
            .any(|trigger| matches!(trigger, Trigger::Push { .. }));
        let mut workflow =
            vec![IS_MERGE_REQUEST.to_owned(), format!("{IS_DEFAULT_BRANCH} && $MERGEWRIGHT_ACTION")];
        if any_push {
            workflow.push(push());
        }
        let stages = [Step::Build, Step::Test, Step::Publish, Step::Deploy]
            .into_iter()
            .filter(|step| pipeline.jobs.iter().any(|job| job.step == *step))
            .map(Step::as_str)
            .collect();
        let jobs = pipeline.jobs.iter().map(|job| view(job, templates)).collect::<Result<_, _>>()?;
        Ok(Self { workflow, stages, jobs })
    }

    /// The file's text after its header.
    pub(super) fn render(&self, templates: &Templates) -> Result<String, GenerateError> {
        templates.render(GITLAB_PIPELINE, self)
    }
}

fn view(job: &Job, templates: &Templates) -> Result<JobView, GenerateError> {
    let brings_out = matches!(job.step, Step::Publish | Step::Deploy);
    Ok(JobView {
        name: format!("{}:{}", job.model, job.step),
        stage: job.step.as_str(),
        image: job.image.clone(),
        tags: job.gitlab_runners.clone(),
        rules: job.triggers.iter().flat_map(|trigger| rules(trigger, job)).collect(),
        needs: job.needs.iter().map(|step| format!("{}:{step}", job.model)).collect(),
        interruptible: !brings_out,
        resource_group: match job.step {
            Step::Build | Step::Test => None,
            Step::Publish => Some(job.model.to_string()),
            Step::Deploy => Some(format!("{}/{ASKED_ENVIRONMENT}", job.model)),
        },
        environment: match job.step {
            Step::Publish if !job.secrets.is_empty() => {
                Some(EnvironmentView { name: PUBLISH_ENVIRONMENT, action: Some("access") })
            }
            Step::Deploy => Some(EnvironmentView { name: ASKED_ENVIRONMENT, action: None }),
            Step::Build | Step::Test | Step::Publish => None,
        },
        timeout: words(job.timeout),
        retry: if brings_out { Vec::new() } else { RUNNER_FAULTS.to_vec() },
        script: script(job, templates)?,
        artifacts: job.keeps.as_ref().map(|kept| ArtifactsView {
            always: kept.always,
            paths: kept.paths.clone(),
            junit: kept.junit.clone(),
            expire_in: words(kept.keep_for),
        }),
    })
}

fn rules(trigger: &Trigger, job: &Job) -> Vec<RuleView> {
    match trigger {
        Trigger::MergeRequest { paths } => {
            let unasked = r#"($MERGEWRIGHT_ACTION == null || $MERGEWRIGHT_ACTION == "run")"#;
            with_paths(&format!("{IS_MERGE_REQUEST} && {unasked}"), paths)
        }
        Trigger::Push { paths } => with_paths(&format!("{} && $MERGEWRIGHT_ACTION == null", push()), paths),
        Trigger::Asked { action, protected } => {
            let guard = if *protected { r#" && $CI_COMMIT_REF_PROTECTED == "true""# } else { "" };
            let model = &job.model;
            let asked = format!(r#"$MERGEWRIGHT_ACTION == "{action}" && $MERGEWRIGHT_MODEL == "{model}""#);
            let place = job.deployment.as_ref().map(environments).unwrap_or_default();
            vec![RuleView {
                condition: format!("{IS_DEFAULT_BRANCH}{guard} && {asked}{place}"),
                changes: Vec::new(),
            }]
        }
    }
}

fn with_paths(condition: &str, paths: &[String]) -> Vec<RuleView> {
    let changes: Vec<String> = paths.iter().map(|path| changes_pattern(path)).collect();
    changes
        .chunks(MOST_CHANGES)
        .map(|chunk| RuleView { condition: condition.to_owned(), changes: chunk.to_vec() })
        .collect()
}

/// The end of a condition that names the environments of the configuration: there are no others.
fn environments(deployment: &Deployment) -> String {
    let names: Vec<String> =
        deployment.environments.iter().map(|name| format!(r#"{ASKED_ENVIRONMENT} == "{name}""#)).collect();
    format!(" && ({})", names.join(" || "))
}

fn push() -> String {
    format!(r#"$CI_PIPELINE_SOURCE == "push" && {IS_DEFAULT_BRANCH}"#)
}

/// A path glob of ours in the words of `changes`: there a trailing `**` stays within one folder.
fn changes_pattern(path: &str) -> String {
    match path.strip_suffix("**") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{path}/*"),
        _ => path.to_owned(),
    }
}

fn script(job: &Job, templates: &Templates) -> Result<Vec<String>, GenerateError> {
    let mut lines = Vec::new();
    match job.proof {
        Some(proof) => lines.push(proof::script(proof, job.step, Bytes::OfGitLab, templates)?),
        None => {
            let model = quoting::shell(job.model.as_str());
            lines.push(format!(
                r#"export MERGEWRIGHT_ACTION=run MERGEWRIGHT_MODEL={model} MERGEWRIGHT_COMMIT="${{MERGEWRIGHT_COMMIT:-$CI_COMMIT_SHA}}""#
            ));
            lines.push(CHECKOUT.to_owned());
        }
    }
    if job.root != "." {
        lines.push(format!("cd {}", quoting::shell(&format!("./{}", job.root))));
    }
    match &job.deployment {
        Some(deployment) => {
            lines.extend(either(&job.run, &deployment.rollback));
            lines.extend(deployment.verify.iter().cloned());
        }
        None => lines.extend(job.run.iter().cloned()),
    }
    Ok(lines)
}

/// The lines that deploy, or those that go back where there are some, by what was asked.
fn either(run: &[String], rollback: &[String]) -> Vec<String> {
    if rollback.is_empty() || rollback == run {
        return run.to_vec();
    }
    let part = |lines: &[String]| -> String {
        lines.iter().map(|line| format!("{}\n", line.trim_end_matches('\n'))).collect()
    };
    let (back, forth) = (part(rollback), part(run));
    vec![format!("if [ \"$MERGEWRIGHT_ACTION\" = {} ]; then\n{back}else\n{forth}fi\n", Action::Rollback)]
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

    #[test]
    fn a_trailing_double_star_still_crosses_folders() {
        for (path, pattern) in [
            ("**", "**/*"),
            ("models/iris/**", "models/iris/**/*"),
            ("a/**/b", "a/**/b"),
            ("a**", "a**"),
            ("*", "*"),
        ] {
            assert_eq!(changes_pattern(path), pattern);
        }
    }

    #[test]
    fn more_patterns_than_one_rule_takes_become_several_rules() {
        let paths: Vec<String> = (0..120).map(|number| format!("p{number}")).collect();
        let rules = with_paths("x", &paths);
        assert_eq!(rules.iter().map(|rule| rule.changes.len()).collect::<Vec<_>>(), [50, 50, 20]);
        assert_eq!(rules.into_iter().flat_map(|rule| rule.changes).collect::<Vec<_>>(), paths);
    }
}
