//! The publish run on the target branch.

use crate::domain::{
    Effect, FailureCause, Job, JobStatus, ModelName, ModelState, Publication, Report, Run, RunId, Version,
    WorkOrder,
};

use super::{Next, ask};
use crate::engine::infra;
use crate::engine::judge::log_of;
use crate::engine::turn::Turn;

/// Starts the run or follows it; none once its job ended well.
pub(super) fn follow(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    publication: &mut Publication,
    report: &Report,
    version: &Version,
) -> Option<Next> {
    let Some(id) = publication.run else {
        let effect = order(turn, name, publication, report, version);
        ask(turn, publication, effect);
        return Some(Next::Wait(None));
    };
    let Some(run) = known(turn, id) else { return Some(Next::Wait(None)) };
    match publish_job(run, name) {
        Some(job) => unfinished(turn, model, run, job),
        None if run.jobs.iter().all(|job| !job.status.is_final()) => Some(Next::Wait(None)),
        None => Some(Next::Failed(format!("the run has no publish job for `{name}`: {}", run.web_url))),
    }
}

/// Shows the end of the publish job's log where it failed.
pub(super) fn show_logs(turn: &mut Turn<'_>, name: &ModelName, model: &ModelState) {
    let id = model.publication.as_ref().and_then(|publication| publication.run);
    let log = id.and_then(|id| known(turn, id)).and_then(|run| publish_job(run, name)).and_then(log_of);
    turn.findings.entry(name.clone()).or_default().logs = log.into_iter().collect();
}

fn known<'a>(turn: &Turn<'a>, id: RunId) -> Option<&'a Run> {
    turn.facts.merged.as_ref()?.runs.get(&id.0)
}

fn publish_job<'a>(run: &'a Run, name: &ModelName) -> Option<&'a Job> {
    run.jobs.iter().find(|job| job.task == "publish" && job.model.as_ref() == Some(name))
}

/// What a publish job that has not succeeded means; none for one that has.
fn unfinished(turn: &mut Turn<'_>, model: &mut ModelState, run: &Run, job: &Job) -> Option<Next> {
    Some(match &job.status {
        JobStatus::Succeeded => return None,
        JobStatus::Waiting | JobStatus::Running => Next::Wait(None),
        JobStatus::Manual => Next::Wait(Some(format!(
            "The publish job waits for somebody to start it by hand: {}",
            job.web_url
        ))),
        JobStatus::Cancelled => Next::Failed(format!("the publish job was cancelled: {}", job.web_url)),
        JobStatus::Skipped => {
            Next::Failed(format!("the publish job was left out of its run: {}", job.web_url))
        }
        JobStatus::Failed(FailureCause::Script) => {
            Next::Failed(format!("the publish job failed: {}", job.web_url))
        }
        JobStatus::Failed(FailureCause::Infrastructure(word)) => {
            let said = infra::retry(turn, model, run, job, word);
            if infra::exhausted(model, job) { Next::Failed(said) } else { Next::Wait(Some(said)) }
        }
    })
}

fn order(
    turn: &Turn<'_>,
    name: &ModelName,
    publication: &Publication,
    report: &Report,
    version: &Version,
) -> Effect {
    Effect::Dispatch {
        branch: turn.merge_request().target_branch.clone(),
        order: WorkOrder {
            action: "publish".to_owned(),
            model: name.clone(),
            version: version.clone(),
            commit: publication.commit.clone(),
            environment: None,
            traffic: None,
            source: report.source.clone(),
        },
        attempt: publication.run_attempt,
    }
}
