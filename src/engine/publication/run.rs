//! The publish run on the target branch.

use crate::domain::{
    Effect, FailureCause, Job, JobStatus, LogTail, ModelName, ModelState, Publication, Report, Run, Version,
    WorkOrder,
};

use super::{Next, ask};
use crate::engine::infra;
use crate::engine::judge::shown;
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
    let Some(merged) = turn.facts.merged.as_ref() else { return Some(Next::Wait(None)) };
    if merged.gone.contains(&id.0) {
        return Some(Next::Failed("the publish run was deleted before its end was seen".to_owned()));
    }
    let Some(run) = merged.runs.get(&id.0) else { return Some(Next::Wait(None)) };
    let job = publish_job(run, name);
    match job {
        Some(job) => unfinished(turn, name, model, run, job),
        None if run.jobs.is_empty() || run.jobs.iter().any(is_under_way) => Some(Next::Wait(None)),
        None => {
            let link =
                LogTail { job: "publish".to_owned(), web_url: run.web_url.clone(), text: String::new() };
            turn.findings.entry(name.clone()).or_default().logs = vec![link];
            Some(Next::Failed(format!("the run has no publish job for `{name}`")))
        }
    }
}

/// Shows the publish job that failed as long as its failure stands.
pub(super) fn show_failed(turn: &mut Turn<'_>, name: &ModelName, model: &ModelState) {
    let run = model.publication.as_ref().and_then(|publication| publication.run);
    let runs = turn.facts.merged.as_ref().map(|merged| &merged.runs);
    let job = run.and_then(|run| publish_job(runs?.get(&run.0)?, name));
    if let Some(job) = job.filter(|job| job.status.is_final() && job.status != JobStatus::Succeeded) {
        show(turn, name, job);
    }
}

fn publish_job<'r>(run: &'r Run, name: &ModelName) -> Option<&'r Job> {
    run.jobs.iter().find(|job| job.task == "publish" && job.model.as_ref() == Some(name))
}

/// Whether the run goes on by itself: a forge shows a job only when what it needs has ended.
const fn is_under_way(job: &Job) -> bool {
    matches!(job.status, JobStatus::Waiting | JobStatus::Running)
}

/// The job's log, once however often it is looked at.
fn show(turn: &mut Turn<'_>, name: &ModelName, job: &Job) {
    turn.findings.entry(name.clone()).or_default().logs = vec![shown(job)];
}

/// What a publish job that has not succeeded means; none for one that has.
fn unfinished(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    run: &Run,
    job: &Job,
) -> Option<Next> {
    if !matches!(job.status, JobStatus::Succeeded | JobStatus::Waiting | JobStatus::Running) {
        show(turn, name, job);
    }
    Some(match &job.status {
        JobStatus::Succeeded => return None,
        JobStatus::Waiting | JobStatus::Running => Next::Wait(None),
        JobStatus::Manual => {
            Next::Wait(Some("The publish job waits for somebody to start it by hand.".to_owned()))
        }
        JobStatus::Cancelled => Next::Failed("the publish job was cancelled".to_owned()),
        JobStatus::Skipped => Next::Failed("the publish job was left out of its run".to_owned()),
        JobStatus::Failed(FailureCause::Script) => Next::Failed("the publish job failed".to_owned()),
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
            version: Some(version.clone().into()),
            commit: publication.commit.clone(),
            environment: None,
            traffic: None,
            source: report.source.clone(),
        },
        attempt: publication.run_attempt,
    }
}
