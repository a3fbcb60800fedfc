//! One job in GitHub's words.

use std::time::Duration;

use serde::Serialize;

use super::conditions::{self, IS_MERGE_GROUP};
use super::literal;
use super::schedules::ScheduleView;
use super::steps::{self, StepView};
use crate::generator::GenerateError;
use crate::generator::pipeline::{Job, Step};
use crate::generator::templates::Renderer;

/// Where jobs run whose model names no runner.
const DEFAULT_RUNNER: &str = "ubuntu-24.04";
/// The job that answers to a merge queue; no schedule can be called so.
const MERGE_QUEUE: &str = "merge_group";

#[derive(Debug, Serialize)]
pub(super) struct JobView {
    pub(super) id: String,
    /// What the forge's API calls it.
    pub(super) name: String,
    pub(super) condition: String,
    pub(super) needs: Vec<&'static str>,
    pub(super) runs_on: Vec<String>,
    pub(super) container: Option<String>,
    /// The shell that is named for its lines; none = what the forge finds in the image.
    pub(super) shell: Option<&'static str>,
    pub(super) minutes: u64,
    pub(super) permissions: Vec<PermissionView>,
    pub(super) environment: Option<String>,
    pub(super) group: Option<String>,
    pub(super) env: Vec<(&'static str, String)>,
    pub(super) steps: Vec<StepView>,
}

/// Something that the job's token may do.
#[derive(Debug, Serialize)]
pub(super) struct PermissionView {
    pub(super) scope: &'static str,
    pub(super) access: &'static str,
    pub(super) why: &'static str,
}

impl JobView {
    pub(super) fn of(
        job: &Job,
        all: &[&Job],
        schedules: &[ScheduleView],
        templates: &Renderer<'_>,
    ) -> Result<Self, GenerateError> {
        let model = &job.model;
        let runners = match job.github_runners.as_slice() {
            [] => vec![DEFAULT_RUNNER.to_owned()],
            labels => labels.iter().map(|label| literal(label)).collect(),
        };
        let reads = |scope, why| PermissionView { scope, access: "read", why };
        let mut permissions = vec![reads("contents", "to check out the code")];
        if job.proof.is_some() {
            permissions.push(reads("actions", "to fetch the bytes that were judged"));
        }
        if !job.id_tokens().is_empty() {
            // GitHub knows no other word for it: it lets the job say who it is, and writes nothing.
            let why = "to get the identity tokens of its lines";
            permissions.push(PermissionView { scope: "id-token", access: "write", why });
        }
        Ok(Self {
            id: id(&job.name),
            name: job.name.clone(),
            condition: conditions::of(job, schedules),
            needs: job.needs.iter().map(|step| step.as_str()).collect(),
            runs_on: runners,
            container: job.container.as_deref().map(literal),
            // Named, it gets `pipefail`: a command that fails before a pipe fails its line, as on GitLab.
            shell: job.container.is_none().then_some("bash"),
            minutes: rounded_up(job.timeout, 60),
            permissions,
            environment: match job.step {
                Step::Deploy => Some("${{ inputs.environment }}".to_owned()),
                // It guards the secrets and the identity tokens: who approves, and for which branches. That it should make no
                // deployment (`deployment: false`) would break the file on older servers.
                // It runs the same lines with the same secrets, on the same branches.
                Step::Evaluate => job.is_guarded().then(|| format!("mergewright-{}", Step::Test)),
                step => job.is_guarded().then(|| format!("mergewright-{step}")),
            },
            // One at a time. `queue: max`, by which several could wait, would break the file on older
            // servers too: of three at once the second is cancelled, and can be retried like any failed one.
            group: match job.step {
                Step::Build | Step::Test | Step::Scan | Step::Evaluate => None,
                Step::Publish => Some(format!("mergewright-{model}-publish")),
                Step::Deploy => Some(format!("mergewright-{model}-deploy-${{{{ inputs.environment }}}}")),
                Step::Schedule => Some(format!("mergewright-{model}-schedule-{}", job.name)),
            },
            // A clock gives no inputs.
            env: match job.step {
                Step::Schedule => vec![("MERGEWRIGHT_ACTION", job.name.clone())],
                _ => Vec::new(),
            },
            steps: steps::of(job, all, templates)?,
        })
    }

    /// A merge queue waits for the required checks of its group. The bot's own is one; this job lets every
    /// group have a run that reports, with no path filter in its way, so that it can be required too.
    pub(super) fn of_merge_queue(model: &str) -> Self {
        let run = format!(
            "echo \"mergewright: the pull requests of this group were judged for {model} one by one\""
        );
        Self {
            id: MERGE_QUEUE.to_owned(),
            name: MERGE_QUEUE.to_owned(),
            condition: IS_MERGE_GROUP.to_owned(),
            needs: Vec::new(),
            runs_on: vec![DEFAULT_RUNNER.to_owned()],
            container: None,
            shell: None,
            minutes: 5,
            permissions: Vec::new(),
            environment: None,
            group: None,
            env: Vec::new(),
            steps: vec![StepView { name: "Report", run: Some(run), ..StepView::default() }],
        }
    }
}

/// A job's id begins with a letter; names of schedules need not.
fn id(name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name.to_owned() }
}

pub(super) fn rounded_up(length: Duration, unit: u64) -> u64 {
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
    fn a_job_s_id_begins_with_a_letter() {
        assert_eq!((id("nightly").as_str(), id("2am").as_str()), ("nightly", "_2am"));
    }
}
