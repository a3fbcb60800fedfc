//! The publish run on the target branch.

use crate::domain::{
    Effect, FailureCause, Job, JobStatus, ModelName, ModelState, Publication, Report, Run, Version, WorkOrder,
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
    let runs = turn.facts.merged.as_ref().map(|merged| &merged.runs);
    let Some(run) = runs.and_then(|runs| runs.get(&id.0)) else { return Some(Next::Wait(None)) };
    let job = run.jobs.iter().find(|job| job.task == "publish" && job.model.as_ref() == Some(name));
    match job {
        Some(job) => unfinished(turn, name, model, run, job),
        None if run.jobs.iter().all(|job| !job.status.is_final()) => Some(Next::Wait(None)),
        None => Some(Next::Failed(format!("the run has no publish job for `{name}`: {}", run.web_url))),
    }
}

/// What a publish job that has not succeeded means; none for one that has.
fn unfinished(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    run: &Run,
    job: &Job,
) -> Option<Next> {
    let finding = turn.findings.entry(name.clone()).or_default();
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
            finding.logs.extend(log_of(job));
            Next::Failed(format!("the publish job failed: {}", job.web_url))
        }
        JobStatus::Failed(FailureCause::Infrastructure(word)) => {
            finding.logs.extend(log_of(job));
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
