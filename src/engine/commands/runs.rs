//! `run`, `retry` and `cancel`.

use crate::domain::{Job, JobStatus, ModelName, Phase, Run};
use crate::engine::turn::Turn;
use crate::engine::{infra, publication};

use super::asked::{self, Asked, Done, Refusal};

/// Starts CI for the head.
pub(super) fn run(turn: &mut Turn<'_>, name: &ModelName, stage: Option<&str>, sha: Option<&str>) -> Done {
    asked::open(turn)?;
    runnable(turn, sha)?;
    if stage == Some("test")
        && let Some((run, job)) = ended(turn, name, "test")
    {
        turn.with(name, |turn, model| infra::again(turn, model, &run, &job));
        return Ok(None);
    }
    stop(turn, name);
    turn.state.let_run = Some(turn.merge_request().head.clone());
    turn.start_run();
    Ok(None)
}

/// Code from outside runs only at a commit that somebody looked at and named.
fn runnable(turn: &Turn<'_>, sha: Option<&str>) -> Result<(), Refusal> {
    if turn.merge_request().from_fork && sha.is_none() {
        let (prefix, head) = (&turn.facts.bot.addressing.prefix, turn.merge_request().head.short());
        return Err(Refusal::new(
            "sha-required",
            "A merge request from a fork runs only at a commit that is named.",
            format!("Read the change at {head}, then comment `{prefix} run {head}`."),
        ));
    }
    asked::named(turn, sha)
}

/// Runs again what failed: the job of the head, or the publication.
pub(super) fn retry(turn: &mut Turn<'_>, asked: &Asked<'_>, name: &ModelName, sha: Option<&str>) -> Done {
    if asked::phase(turn, name) == Phase::PublishFailed {
        asked::named(turn, sha)?;
        turn.with(name, |turn, model| publication::resume(turn, name, model, asked.by));
        return Ok(None);
    }
    asked::open(turn)?;
    runnable(turn, sha)?;
    let ended = ["build", "test"]
        .into_iter()
        .find_map(|task| ended(turn, name, task).filter(|(_, job)| job.status != JobStatus::Succeeded));
    let Some((run, job)) = ended else {
        return Err(Refusal::new(
            "nothing-to-retry",
            "No job of the head has failed or was cancelled.",
            format!("Comment `{} run` to start everything again.", turn.facts.bot.addressing.prefix),
        ));
    };
    turn.with(name, |turn, model| {
        model.infra_retries = 0;
        infra::again(turn, model, &run, &job);
    });
    Ok(None)
}

/// Stops the head's run.
pub(super) fn cancel(turn: &mut Turn<'_>, name: &ModelName) -> Done {
    asked::open(turn)?;
    if stop(turn, name) {
        return Ok(None);
    }
    Err(Refusal::new(
        "nothing-to-cancel",
        "No run of the head is at work.",
        "There is nothing to do; a run that has ended cannot be cancelled.",
    ))
}

/// Cancels the run of the model if it may still be at work.
fn stop(turn: &mut Turn<'_>, name: &ModelName) -> bool {
    let run = turn.state.models.get(name).filter(|model| model.run_live).and_then(|model| model.run);
    run.inspect(|run| turn.cancel(*run)).is_some()
}

/// The job of the model's current run with this task, once it has ended.
fn ended(turn: &Turn<'_>, name: &ModelName, task: &str) -> Option<(Run, Job)> {
    let current = turn.state.models.get(name)?.run?;
    let run = turn.open()?.runs.iter().find(|run| run.id == current)?;
    let job = run.jobs.iter().find(|job| job.model.as_ref() == Some(name) && job.task == task)?;
    job.status.is_final().then(|| (run.clone(), job.clone()))
}
