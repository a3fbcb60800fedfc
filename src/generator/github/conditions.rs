//! When a job runs: a workflow is one file for everything that happens, so each job looks for itself.

use crate::generator::pipeline::{Deployment, Job, Trigger};

const IS_DEFAULT_BRANCH: &str =
    "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)";

/// The `if` of a job: any of its triggers.
pub(super) fn of(job: &Job) -> String {
    let place = job.deployment.as_ref().map(environments).unwrap_or_default();
    let triggers: Vec<String> = job.triggers.iter().map(|trigger| condition(trigger, &place)).collect();
    match triggers.as_slice() {
        [one] => one.clone(),
        several => several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" || "),
    }
}

fn condition(trigger: &Trigger, place: &str) -> String {
    match trigger {
        Trigger::MergeRequest { .. } => "github.event_name == 'pull_request'".to_owned(),
        Trigger::Push { .. } => format!("github.event_name == 'push' && {IS_DEFAULT_BRANCH}"),
        Trigger::Asked { action, protected: false } => format!("inputs.action == '{action}'"),
        Trigger::Asked { action, protected: true } => {
            format!("{IS_DEFAULT_BRANCH} && github.ref_protected && inputs.action == '{action}'{place}")
        }
    }
}

/// The end of a condition that names the environments of the configuration: there are no others.
fn environments(deployment: &Deployment) -> String {
    let names: Vec<String> =
        deployment.environments.iter().map(|name| format!("inputs.environment == '{name}'")).collect();
    format!(" && ({})", names.join(" || "))
}
