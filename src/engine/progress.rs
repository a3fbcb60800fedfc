//! How far the jobs of the head are, for one model.

use std::time::Duration;

use crate::domain::{FailureCause, Job, JobStatus, ModelName, ModelState, Run, Stage};

use super::fork;
use super::turn::Turn;

/// How long a run or a runner is waited for before people are told where to look.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// How far the jobs are.
pub(super) enum Progress<'a> {
    /// A fork: nothing runs until a maintainer names the head.
    AwaitingRun,
    /// A stage is at work or waits; perhaps it waits for something that a person must do. Idle: it waits
    /// for a run to appear or for a runner to take the job.
    Pending { stage: Stage, diagnosis: Option<String>, by_hand: Option<&'a Job>, idle: bool },
    /// A script ended badly: that says something about the model.
    ScriptFailed { stage: Stage, job: &'a Job },
    /// A runner, queue or network failed: that says nothing about the model.
    Fault { stage: Stage, run: &'a Run, job: &'a Job, word: &'a str },
    /// The build was run again after the test had begun: whatever that test says, it says of another build.
    Outrun { run: &'a Run, test: &'a Job },
    /// Built and tested.
    Tested { job: &'a Job },
}

/// Reads the newest run that has jobs of the model, and remembers which one that is.
pub(super) fn read<'a>(turn: &Turn<'a>, name: &ModelName, model: &mut ModelState) -> Progress<'a> {
    let ours = |run: &&Run| match &model.anew {
        Some(anew) => anew.run == Some(run.id),
        None => !turn.state.other_target.contains(&run.id),
    };
    let runs: Vec<&Run> = turn.open().into_iter().flat_map(|open| &open.runs).filter(ours).collect();
    let unnamed = turn.merge_request().from_fork && model.anew.is_none() && !fork::is_let_run(turn);
    // What was called off of a head that nobody named says nothing of it.
    let counts = |run: &&&Run| !(unnamed && is_called_off(run, name));
    let Some((run, jobs)) = runs.iter().filter(counts).find_map(|run| current(run, name, model)) else {
        model.run = None;
        model.run_live = false;
        // GitHub shows no job of a run before somebody permits it.
        let runs_not = |run: &&Run| run.jobs.is_empty() || is_stale(run, model) || is_called_off(run, name);
        if unnamed && runs.iter().all(runs_not) {
            return Progress::AwaitingRun;
        }
        let diagnosis = missing(turn, &runs, name, model);
        return Progress::Pending { stage: Stage::Build, diagnosis, by_hand: None, idle: true };
    };
    model.run = Some(run.id);
    model.run_live = jobs.iter().any(|job| !job.status.is_final());
    let of = |task: &str| jobs.iter().copied().find(|job| job.task == task);
    for (stage, task) in [(Stage::Build, "build"), (Stage::Test, "test")] {
        let job = of(task);
        if let (Stage::Test, Some(build), Some(test)) = (stage, of("build"), job)
            && !build.ended_before(test)
            && has_begun(test)
        {
            return Progress::Outrun { run, test };
        }
        if let Some(progress) = unfinished(turn, run, stage, job) {
            return progress;
        }
        if let (Stage::Test, Some(job)) = (stage, job) {
            return Progress::Tested { job };
        }
    }
    Progress::Pending { stage: Stage::Test, diagnosis: Some(no_test_job(name)), by_hand: None, idle: false }
}

/// The jobs of a run that count for the model, if there are any.
fn current<'a>(run: &'a Run, name: &ModelName, model: &ModelState) -> Option<(&'a Run, Vec<&'a Job>)> {
    let ours = |job: &&Job| job.model.as_ref() == Some(name) && matches!(job.task.as_str(), "build" | "test");
    let jobs = run.jobs.iter().filter(ours).filter(|job| !model.stale.contains(&job.id)).collect::<Vec<_>>();
    (!jobs.is_empty()).then_some((run, jobs))
}

/// What a job that has not succeeded means; none for one that has, and for a stage without a job.
fn unfinished<'a>(turn: &Turn<'a>, run: &'a Run, stage: Stage, job: Option<&'a Job>) -> Option<Progress<'a>> {
    let job = job?;
    let prefix = &turn.facts.bot.addressing.prefix;
    let idle = job.status == JobStatus::Waiting;
    let pending = |diagnosis| Some(Progress::Pending { stage, diagnosis, by_hand: None, idle });
    match &job.status {
        JobStatus::Succeeded => None,
        JobStatus::Waiting | JobStatus::Running => pending(None),
        JobStatus::Manual => Some(Progress::Pending {
            stage,
            diagnosis: Some(format!("The {stage} job waits for somebody to start it by hand.")),
            by_hand: Some(job),
            idle,
        }),
        JobStatus::Cancelled => {
            pending(Some(format!("The {stage} job was cancelled. Comment `{prefix} retry` to run it again.")))
        }
        JobStatus::Skipped => pending(Some(format!(
            "The {stage} job was left out of the run. Comment `{prefix} run` to start another run."
        ))),
        JobStatus::Failed(FailureCause::Script) => Some(Progress::ScriptFailed { stage, job }),
        JobStatus::Failed(FailureCause::Infrastructure(word)) => {
            Some(Progress::Fault { stage, run, job, word })
        }
    }
}

/// Whether a test job is at work or has said something by itself.
const fn has_begun(test: &Job) -> bool {
    let failed = matches!(test.status, JobStatus::Failed(FailureCause::Script));
    matches!(test.status, JobStatus::Running | JobStatus::Succeeded) || failed
}

/// Remembers since when nothing moves, and says where to look once that is too long.
pub(super) fn stalled(
    turn: &mut Turn<'_>,
    model: &mut ModelState,
    progress: &Progress<'_>,
) -> Option<String> {
    let Progress::Pending { stage, idle: true, .. } = progress else {
        model.idle_since = None;
        return None;
    };
    if model.stage != *stage {
        model.idle_since = None;
    }
    let since = *model.idle_since.get_or_insert(turn.now);
    let too_long = since.after(PATIENCE);
    if turn.now < too_long {
        turn.wake(too_long);
        return None;
    }
    let prefix = &turn.facts.bot.addressing.prefix;
    Some(match model.run {
        None => format!(
            "No run of this head has appeared since {since}. Look whether CI is switched on and the generated \
             files are committed, or comment `{prefix} run`."
        ),
        Some(_) => format!(
            "No runner has taken the {stage} job since {since}. Look whether a runner with its tags is online, \
             and whether minutes are left."
        ),
    })
}

/// Why no run has jobs of the model: it is not there yet, or it has none.
fn missing(turn: &Turn<'_>, runs: &[&Run], name: &ModelName, model: &ModelState) -> Option<String> {
    let settled = runs.iter().any(|run| !run.jobs.is_empty() && !is_stale(run, model));
    settled.then(|| {
        let prefix = &turn.facts.bot.addressing.prefix;
        format!(
            "The head's run has no job for `{name}`. Commit the files that `mergewright generate` writes, \
             or comment `{prefix} run` if the run is not of this configuration."
        )
    })
}

/// Whether somebody ended the model's jobs of a run, or the bot did.
fn is_called_off(run: &Run, name: &ModelName) -> bool {
    let mut ours = run.jobs.iter().filter(|job| job.model.as_ref() == Some(name));
    ours.any(|job| job.status == JobStatus::Cancelled)
}

/// Whether a run measured the model against a base or policy that is gone.
fn is_stale(run: &Run, model: &ModelState) -> bool {
    run.jobs.iter().any(|job| model.stale.contains(&job.id))
}

fn no_test_job(name: &ModelName) -> String {
    format!(
        "The head's run has no test job for `{name}`. Commit the files that `mergewright generate` writes."
    )
}
