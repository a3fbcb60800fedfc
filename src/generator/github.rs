//! The pipeline in GitHub's notation: one workflow for each model.

mod check;
mod conditions;
mod globs;
mod steps;

use std::time::Duration;

use serde::Serialize;

use super::pipeline::{Job, Pipeline, Step, Trigger};
use super::templates::GITHUB_WORKFLOW;
use super::{GenerateError, Templates};
use crate::domain::ModelName;

/// Where jobs run whose model names no runner.
const DEFAULT_RUNNER: &str = "ubuntu-24.04";
/// What makes a run of a pull request, besides its paths.
const PULL_REQUEST: &[&str] = &["opened", "synchronize", "reopened"];
/// Names that default branches have; jobs look again whether it is the default branch.
const BRANCHES: &[&str] = &["main", "master"];
/// The title of a run that the bot started tells what it was started with; that is how it is found again.
const RUN_NAME: &str = "${{ inputs.action && format('mergewright {0} {1} {2} {3} {4} {5}', inputs.action, inputs.version || '-', inputs.commit || '-', inputs.environment || '-', inputs.traffic || '-', inputs.source || '-') || '' }}";

/// What the bot may give when it starts a run.
const INPUTS: &[(&str, &str)] = &[
    ("action", "run, publish, deploy or rollback; the bot starts this, not a person"),
    ("version", "the version to bring out, such as v42"),
    ("commit", "the commit to check out"),
    ("environment", "where to deploy"),
    ("traffic", "the share of requests that the version gets, in percent"),
    ("source", "the run whose artifacts were judged"),
];

/// A model's workflow as the template sees it.
#[derive(Debug, Serialize)]
pub(super) struct Workflow {
    name: String,
    run_name: &'static str,
    pull_request: &'static [&'static str],
    /// Branches whose pushes make a run; none = pushes make none.
    push: &'static [&'static str],
    paths: Vec<String>,
    inputs: Vec<InputView>,
    concurrency: ConcurrencyView,
    env: Vec<(&'static str, String)>,
    jobs: Vec<JobView>,
}

#[derive(Debug, Serialize)]
struct InputView {
    name: &'static str,
    description: &'static str,
    required: bool,
}

#[derive(Debug, Serialize)]
struct ConcurrencyView {
    group: String,
    /// An expression.
    cancel: &'static str,
}

#[derive(Debug, Serialize)]
struct JobView {
    id: &'static str,
    condition: String,
    needs: Vec<&'static str>,
    runs_on: Vec<String>,
    container: Option<String>,
    minutes: u64,
    permissions: Vec<PermissionView>,
    environment: Option<String>,
    group: Option<String>,
    steps: Vec<StepView>,
}

/// Something that the job's token may read; nothing of ours writes.
#[derive(Debug, Serialize)]
struct PermissionView {
    scope: &'static str,
    why: &'static str,
}

/// One step: an action with settings, or shell lines.
#[derive(Debug, Default, Serialize)]
struct StepView {
    name: &'static str,
    condition: Option<String>,
    uses: Option<Pin>,
    with: Vec<(&'static str, Setting)>,
    directory: Option<String>,
    env: Vec<(String, String)>,
    run: Option<String>,
}

/// An action at one commit.
#[derive(Clone, Copy, Debug, Serialize)]
struct Pin {
    pin: &'static str,
    version: &'static str,
}

/// What an action is told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Setting {
    Text(String),
    Flag(bool),
    Number(u64),
}

impl Workflow {
    /// The workflows of a pipeline, one for each model in their order.
    pub(super) fn all(pipeline: &Pipeline, templates: &Templates) -> Result<Vec<Self>, GenerateError> {
        let mut models: Vec<_> = pipeline.jobs.iter().map(|job| &job.model).collect();
        models.dedup();
        let of =
            |model: &ModelName| pipeline.jobs.iter().filter(|job| job.model == *model).collect::<Vec<_>>();
        models.into_iter().map(|model| Self::of(model.as_str(), &of(model), templates)).collect()
    }

    fn of(model: &str, jobs: &[&Job], templates: &Templates) -> Result<Self, GenerateError> {
        let triggers = || jobs.iter().flat_map(|job| &job.triggers);
        let pushed = triggers().any(|trigger| matches!(trigger, Trigger::Push { .. }));
        let paths = triggers().find_map(|trigger| match trigger {
            Trigger::MergeRequest { paths } => Some(paths.as_slice()),
            Trigger::Push { .. } | Trigger::Asked { .. } => None,
        });
        Ok(Self {
            name: model.to_owned(),
            run_name: RUN_NAME,
            pull_request: PULL_REQUEST,
            push: if pushed { BRANCHES } else { &[] },
            paths: paths.unwrap_or_default().iter().map(|path| globs::filter(path)).collect(),
            inputs: INPUTS
                .iter()
                .map(|&(name, description)| InputView { name, description, required: name == "action" })
                .collect(),
            concurrency: ConcurrencyView {
                // A run that is not a pull request's stands alone: nothing that publishes or deploys is cancelled.
                group: format!(
                    "mergewright-{model}-${{{{ github.event.pull_request.number || github.run_id }}}}"
                ),
                cancel: "${{ github.event_name == 'pull_request' }}",
            },
            env: environment(model),
            jobs: jobs.iter().map(|job| view(job, jobs, templates)).collect::<Result<_, _>>()?,
        })
    }

    /// Where the file lies in the repository.
    pub(super) fn path(&self) -> String {
        super::Dialect::workflow_path(&self.name)
    }

    /// The file's text after its header.
    pub(super) fn render(&self, templates: &Templates) -> Result<String, GenerateError> {
        templates.render(GITHUB_WORKFLOW, self)
    }
}

/// What scripts see, on GitHub as on GitLab.
fn environment(model: &str) -> Vec<(&'static str, String)> {
    let input = |name: &str| format!("${{{{ inputs.{name} }}}}");
    vec![
        ("MERGEWRIGHT_ACTION", "${{ inputs.action || 'run' }}".to_owned()),
        ("MERGEWRIGHT_MODEL", model.to_owned()),
        ("MERGEWRIGHT_VERSION", input("version")),
        (
            "MERGEWRIGHT_COMMIT",
            "${{ inputs.commit || github.event.pull_request.head.sha || github.sha }}".to_owned(),
        ),
        ("MERGEWRIGHT_ENVIRONMENT", input("environment")),
        ("MERGEWRIGHT_TRAFFIC", input("traffic")),
        ("MERGEWRIGHT_SOURCE", input("source")),
    ]
}

fn view(job: &Job, all: &[&Job], templates: &Templates) -> Result<JobView, GenerateError> {
    let model = &job.model;
    let runners = match job.github_runners.as_slice() {
        [] => vec![DEFAULT_RUNNER.to_owned()],
        labels => labels.iter().map(|label| literal(label)).collect(),
    };
    let mut permissions = vec![PermissionView { scope: "contents", why: "to check out the code" }];
    if job.proof.is_some() {
        permissions.push(PermissionView { scope: "actions", why: "to fetch the bytes that were judged" });
    }
    Ok(JobView {
        id: job.step.as_str(),
        condition: conditions::of(job),
        needs: job.needs.iter().map(|step| step.as_str()).collect(),
        runs_on: runners,
        container: job.container.as_deref().map(literal),
        minutes: rounded_up(job.timeout, 60),
        permissions,
        environment: match job.step {
            Step::Deploy => Some("${{ inputs.environment }}".to_owned()),
            // It guards the secrets: who approves, and for which branches. That it should make no
            // deployment (`deployment: false`) would break the file on older servers.
            step => (!job.secrets.is_empty()).then(|| format!("mergewright-{step}")),
        },
        // One at a time. `queue: max`, by which several could wait, would break the file on older
        // servers too: of three at once the second is cancelled, and can be retried like any failed one.
        group: match job.step {
            Step::Build | Step::Test => None,
            Step::Publish => Some(format!("mergewright-{model}-publish")),
            Step::Deploy => Some(format!("mergewright-{model}-deploy-${{{{ inputs.environment }}}}")),
        },
        steps: steps::of(job, all, templates)?,
    })
}

/// People's text in a place where GitHub evaluates expressions: it arrives as it was written.
fn literal(text: &str) -> String {
    text.replace("${{", "${{ '${{' }}")
}

fn rounded_up(length: Duration, unit: u64) -> u64 {
    length.as_secs().div_ceil(unit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_whole_units_and_never_shorter() {
        for (seconds, unit, expected) in [(1, 60, 1), (60, 60, 1), (61, 60, 2), (5400, 60, 90), (0, 60, 1)] {
            assert_eq!(rounded_up(Duration::from_secs(seconds), unit), expected);
        }
    }

    #[test]
    fn an_expression_in_people_s_text_stays_text() {
        assert_eq!(literal("echo ${{ secrets.X }}"), "echo ${{ '${{' }} secrets.X }}");
        assert_eq!(literal("echo ${X} $[[ y ]]"), "echo ${X} $[[ y ]]");
    }
}
