//! `run`, `retry` and `cancel`.

use crate::domain::{Job, JobStatus, MergeRequestStatus, ModelName, Phase, Run, Sha};
use crate::engine::fork;
use crate::engine::setting::Rules;
use crate::engine::turn::Turn;
use crate::engine::{Configuration, anew, default_branch, holds, infra, publication, rescoring};

use super::asked::{self, Asked, Done, Refusal};

/// Starts CI for the head, or for what the merge made of it where that was not published.
pub(super) fn run(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    name: &ModelName,
    rules: &Rules<'_>,
    (stage, sha): (Option<&str>, Option<&str>),
) -> Done {
    let merged = match &turn.merge_request().status {
        MergeRequestStatus::Merged { commit, .. } => Some(commit),
        MergeRequestStatus::Open | MergeRequestStatus::Closed => None,
    };
    match merged {
        Some(commit) => judgeable(turn, name, rules, commit, sha)?,
        None => {
            asked::open(turn)?;
            runnable(turn, name, sha)?;
            provided(turn, name, rules)?;
        }
    }
    if stage == Some("test")
        && let Some((run, job)) = ended(turn, name, "test")
    {
        turn.with(name, |turn, model| infra::again(turn, model, &run, &job));
        return Ok(None);
    }
    if let Some(commit) = merged {
        turn.with(name, |turn, model| anew::begin(turn, name, model, rules, commit, asked.by));
        return Ok(None);
    }
    turn.state.let_run = Some(turn.merge_request().head.clone());
    // Whoever says it once more before anything could begin means the same run.
    if turn.starting().is_none() {
        stop(turn, name);
        turn.start_run();
    }
    Ok(None)
}

/// A merge commit is judged where the merge was not published, and where a configuration says how.
fn judgeable(
    turn: &Turn<'_>,
    name: &ModelName,
    rules: &Rules<'_>,
    commit: &Sha,
    sha: Option<&str>,
) -> Result<(), Refusal> {
    let anew = turn.state.models.get(name).is_some_and(|model| model.judged_anew().is_some());
    if !anew && asked::phase(turn, name) != Phase::Unblessed {
        return asked::open(turn);
    }
    default_branch::refuse(turn)?;
    asked::begins(turn, commit, sha)?;
    let configuration = turn.facts.merged_configuration();
    if let [Configuration::Invalid { .. }, _] | [_, Configuration::Invalid { .. }] =
        [&turn.facts.policy, configuration]
    {
        return Err(Refusal::new(
            "invalid-configuration",
            "`.mergewright.yml` is invalid at the merge commit or at what the merge was put upon, so nothing says \
             how to judge it.",
            "Mend the file in another merge request that changes the model too; that one is judged and published.",
        ));
    }
    if configuration.model(name).is_none() {
        return Err(Refusal::new(
            "model-removed",
            "The merge commit does not have the model any more: there is nothing to judge.",
            "Publish a model from a merge request that changes it.",
        ));
    }
    match rules.unserved() {
        None => Ok(()),
        Some(why) => Err(Refusal::new("not-served", why, "Do that in another merge request.")),
    }
}

/// Code from outside runs only at a commit that somebody looked at and named.
fn runnable(turn: &Turn<'_>, name: &ModelName, sha: Option<&str>) -> Result<(), Refusal> {
    if fork::is_outside(turn) && sha.is_none() {
        let (prefix, head) = (&turn.facts.bot.addressing.prefix, turn.merge_request().head.short());
        return Err(Refusal::new(
            "sha-required",
            "A merge request from a fork runs only at a commit that is named.",
            format!("Read the change at {head}, then comment `{prefix} run {head}`."),
        ));
    }
    asked::named(turn, name, sha)
}

/// A run that would get none of the secrets that its jobs need is not even started. Where one has run all
/// the same, by the forge's own doing, it may run again.
fn provided(turn: &Turn<'_>, name: &ModelName, rules: &Rules<'_>) -> Result<(), Refusal> {
    let begun = turn.state.models.get(name).is_some_and(|model| model.run.is_some());
    match fork::secrets_withheld(turn, rules).filter(|_| !begun) {
        None => Ok(()),
        Some(why) => Err(Refusal::new("secrets-withheld", why, fork::WITH_SECRETS)),
    }
}

/// Runs again what failed: the job of the head, or the publication.
pub(super) fn retry(turn: &mut Turn<'_>, asked: &Asked<'_>, name: &ModelName, sha: Option<&str>) -> Done {
    if asked::phase(turn, name) == Phase::PublishFailed {
        asked::named(turn, name, sha)?;
        holds::refuse(turn, name)?;
        asked::not_given_up(turn, name)?;
        turn.with(name, |turn, model| publication::resume(turn, name, model, asked.by));
        return Ok(None);
    }
    asked::judged(turn, name)?;
    runnable(turn, name, sha)?;
    let ended = ["build", "test"]
        .into_iter()
        .find_map(|task| ended(turn, name, task).filter(|(_, job)| job.status != JobStatus::Succeeded));
    let Some((run, job)) = ended else {
        if turn.with(name, |turn, model| rescoring::again(turn, name, model)).unwrap_or(false) {
            return Ok(None);
        }
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
    asked::judged(turn, name)?;
    let measures = turn.with(name, |turn, model| rescoring::stop_live(turn, name, model)).unwrap_or(false);
    // What has not begun yet is stopped when it has; what it takes the place of was stopped for it.
    let called_off = turn.starting().map(|starting| starting.called_off = true).is_some();
    if called_off || stop(turn, name) || measures {
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

/// The job of the model's current run with this task, once it has ended; one that was skipped never began.
fn ended(turn: &Turn<'_>, name: &ModelName, task: &str) -> Option<(Run, Job)> {
    let current = turn.state.models.get(name)?.run?;
    let run = turn.open()?.runs.iter().find(|run| run.id == current)?;
    let job = run.jobs.iter().find(|job| job.model.as_ref() == Some(name) && job.task == task)?;
    (job.status.is_final() && job.status != JobStatus::Skipped).then(|| (run.clone(), job.clone()))
}
