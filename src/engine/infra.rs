//! Runner faults are tried again by themselves, a few times, ever more slowly.

use std::time::Duration;

use crate::domain::{Effect, Job, JobId, ModelState, Outcome, Run};

use super::fork;
use super::turn::Turn;

/// How often a runner fault is retried on one head before a person is asked.
const RETRIES: u32 = 3;
/// The pause before the first retry; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// Retries the job when its time has come. Says what is going on.
pub(super) fn retry(turn: &mut Turn<'_>, model: &mut ModelState, run: &Run, job: &Job, word: &str) -> String {
    let task = &job.task;
    if model.retried.contains(&job.id) {
        return format!("The {task} job failed by `{word}`, not by its script; it is being run again.");
    }
    if model.infra_retries >= RETRIES {
        let prefix = &turn.facts.bot.addressing.prefix;
        return format!(
            "The {task} job failed by `{word}`, not by its script, and is not tried again by itself any more. \
             Look at the runner, then comment `{prefix} retry`."
        );
    }
    if fork::would_leak(turn) {
        let (prefix, head) = (&turn.facts.bot.addressing.prefix, turn.merge_request().head.short());
        return format!(
            "The {task} job failed by `{word}`, not by its script. It is code from a fork that no maintainer has \
             let run at this head, so it is not tried again by itself: `{prefix} retry {head}`."
        );
    }
    let pause = FIRST_PAUSE.saturating_mul(1 << model.infra_retries);
    let at = *model.retry_at.get_or_insert(turn.now.after(pause));
    if turn.now < at {
        turn.wake(at);
        return format!("The {task} job failed by `{word}`, not by its script; it is run again at {at}.");
    }
    again(turn, model, run, job);
    model.infra_retries += 1;
    format!("The {task} job failed by `{word}`, not by its script; it is being run again.")
}

/// Runs a test again that began before its build was run again, once it has ended. Says what is going on.
pub(super) fn outrun(turn: &mut Turn<'_>, model: &mut ModelState, run: &Run, test: &Job) -> String {
    let said = "The build job was run again after the test job had begun, so the test does not measure what was built";
    if model.retried.contains(&test.id) {
        return format!("{said}; it is being run again.");
    }
    if !test.status.is_final() {
        return format!("{said}; it is run again once it has ended.");
    }
    if model.infra_retries >= RETRIES || fork::would_leak(turn) {
        let (prefix, head) = (&turn.facts.bot.addressing.prefix, turn.merge_request().head.short());
        return format!("{said}. Comment `{prefix} run {head}` to build and test it anew.");
    }
    again(turn, model, run, test);
    model.infra_retries += 1;
    format!("{said}; it is being run again.")
}

/// Hears that the forge would not run a job again: nobody must wait for a job that never comes.
pub(super) fn hear_not_retried(model: &mut ModelState, job: JobId, outcome: &Outcome) {
    model.retried.remove(&job);
    if matches!(outcome, Outcome::Refused { .. }) {
        model.infra_retries = RETRIES;
    }
}

/// Whether the retries of this job are used up.
pub(super) fn exhausted(model: &ModelState, job: &Job) -> bool {
    model.infra_retries >= RETRIES && !model.retried.contains(&job.id)
}

/// Runs a job again.
pub(super) fn again(turn: &mut Turn<'_>, model: &mut ModelState, run: &Run, job: &Job) {
    model.retry_at = None;
    model.retried.insert(job.id);
    turn.state.cancelled.remove(&run.id);
    turn.want(Effect::RetryJob { run: run.id, job: job.id });
}
