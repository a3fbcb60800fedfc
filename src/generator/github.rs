//! The pipeline in GitHub's notation: one workflow for each model.

mod check;
mod conditions;
mod globs;
mod id_tokens;
mod job;
mod schedules;
mod steps;
mod tools;

use serde::Serialize;

use super::pipeline::{Job, Trigger};
use super::templates::{GITHUB_WORKFLOW, Renderer};
use super::{Dialect, GenerateError};
use job::JobView;
use schedules::ScheduleView;

/// What makes a run of a pull request, besides its paths.
const PULL_REQUEST: &[&str] = &["opened", "synchronize", "reopened"];
/// Names that default branches have; jobs look again whether it is the default branch.
const BRANCHES: &[&str] = &["main", "master"];
/// The title of a run that the bot started tells what it was started with; that is how it is found again.
const RUN_NAME: &str = "${{ inputs.action && format('mergewright {0} {1} {2} {3} {4} {5}', inputs.action, inputs.version || '-', inputs.commit || '-', inputs.environment || '-', inputs.traffic || '-', inputs.source || '-') || '' }}";

/// What the bot may give when it starts a run.
const INPUTS: &[(&str, &str)] = &[
    (
        "action",
        "run, publish, deploy, rollback, evaluate or a schedule's name; the bot starts this, not a person",
    ),
    ("version", "the version to bring out or to measure, such as v42"),
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
    schedules: Vec<ScheduleView>,
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

impl Workflow {
    /// The workflow of a model with these jobs.
    pub(super) fn of(model: &str, jobs: &[&Job], templates: &Renderer<'_>) -> Result<Self, GenerateError> {
        let triggers = || jobs.iter().flat_map(|job| &job.triggers);
        let pushed = triggers().any(|trigger| matches!(trigger, Trigger::Push { .. }));
        let paths = triggers().find_map(|trigger| match trigger {
            Trigger::MergeRequest { paths } => Some(paths.as_slice()),
            _ => None,
        });
        let schedules = ScheduleView::all(jobs);
        let mut views = jobs
            .iter()
            .map(|job| JobView::of(job, jobs, &schedules, templates))
            .collect::<Result<Vec<_>, _>>()?;
        views.push(JobView::of_merge_queue(model));
        Ok(Self {
            name: model.to_owned(),
            run_name: RUN_NAME,
            pull_request: PULL_REQUEST,
            push: if pushed { BRANCHES } else { &[] },
            paths: paths.unwrap_or_default().iter().map(|path| globs::filter(path)).collect(),
            schedules: ScheduleView::distinct(&schedules),
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
            jobs: views,
        })
    }

    /// Where the file lies in the repository.
    pub(super) fn path(&self) -> String {
        Dialect::workflow_path(&self.name)
    }

    /// The file's text after its header.
    pub(super) fn render(&self, templates: &Renderer<'_>) -> Result<String, GenerateError> {
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

/// People's text in a place where GitHub evaluates expressions: it arrives as it was written.
fn literal(text: &str) -> String {
    text.replace("${{", "${{ '${{' }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_in_people_s_text_stays_text() {
        assert_eq!(literal("echo ${{ secrets.X }}"), "echo ${{ '${{' }} secrets.X }}");
        assert_eq!(literal("echo ${X} $[[ y ]]"), "echo ${X} $[[ y ]]");
    }
}
