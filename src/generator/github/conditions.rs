//! When a job runs: a workflow is one file for everything that happens, so each job looks for itself.

use super::schedules::ScheduleView;
use crate::generator::pipeline::{Deployment, Job, Trigger};

const IS_DEFAULT_BRANCH: &str =
    "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)";
/// Any branch that ends at exactly the commit that the bot meant.
const IS_HEAD: &str = "github.event_name == 'workflow_dispatch' && github.sha == inputs.commit";
/// A merge queue tries a group of pull requests.
pub(super) const IS_MERGE_GROUP: &str = "github.event_name == 'merge_group'";
/// Where downloads are kept: nothing of a pull request is seen by another, nor by the default branch.
pub(super) const IS_PULL_REQUEST: &str = "github.event_name == 'pull_request'";

/// The `if` of a job: any of its triggers.
pub(super) fn of(job: &Job, schedules: &[ScheduleView]) -> String {
    let place = job.deployment.as_ref().map(environments).unwrap_or_default();
    let triggers: Vec<String> =
        job.triggers.iter().flat_map(|trigger| conditions(trigger, &place, schedules)).collect();
    match triggers.as_slice() {
        [one] => one.clone(),
        several => several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" || "),
    }
}

fn conditions(trigger: &Trigger, place: &str, schedules: &[ScheduleView]) -> Vec<String> {
    match trigger {
        Trigger::MergeRequest { .. } => vec![IS_PULL_REQUEST.to_owned()],
        Trigger::Push { .. } => vec![format!("github.event_name == 'push' && {IS_DEFAULT_BRANCH}")],
        Trigger::Asked { action, protected: false } => vec![format!("inputs.action == '{action}'")],
        Trigger::Asked { action, protected: true } => vec![asked(action.as_str(), place)],
        Trigger::AskedOfHead { action } => vec![format!("{IS_HEAD} && inputs.action == '{action}'")],
        Trigger::Clock { name, .. } => {
            let own = schedules.iter().filter(|schedule| schedule.job == *name);
            let by_clock = own.map(|schedule| {
                let cron = &schedule.cron;
                format!("github.event_name == 'schedule' && github.event.schedule == '{cron}'")
            });
            by_clock.chain([asked(name, place)]).collect()
        }
    }
}

fn asked(action: &str, place: &str) -> String {
    format!("{IS_DEFAULT_BRANCH} && github.ref_protected && inputs.action == '{action}'{place}")
}

/// The end of a condition that names the environments of the configuration: there are no others.
fn environments(deployment: &Deployment) -> String {
    let names: Vec<String> =
        deployment.environments.iter().map(|name| format!("inputs.environment == '{name}'")).collect();
    format!(" && ({})", names.join(" || "))
}
