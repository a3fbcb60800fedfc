//! One rollout, step by step: checked, deployed, read back, tagged, live.

use std::time::Duration;

use crate::domain::{
    DeploymentState, Effect, FailureCause, Job, JobStatus, Live, LogTail, Rollout, RolloutStep, Run,
    WorkOrder,
};
use crate::engine::judge::shown;

use super::{Turn, tagging};

/// When to look again while a job is at work, should every hook about it be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(120);
/// When to look again for a deployment that the forge has not recorded yet.
const LOOK_SOON: Duration = Duration::from_secs(10);
/// How long the forge may take to record the deployment of a job that ended well.
const PATIENCE: Duration = Duration::from_secs(600);

/// Moves a rollout on as far as facts allow.
pub(super) fn follow(turn: &mut Turn<'_>, rollout: &mut Rollout) {
    if rollout.step == RolloutStep::AwaitingApproval {
        return;
    }
    if let Some(why) = rollout.failure.take() {
        return fail(turn, rollout, why);
    }
    if rollout.step == RolloutStep::Starting {
        start(turn, rollout);
    }
    if rollout.step == RolloutStep::Deploying {
        deploy(turn, rollout);
    }
    if rollout.step == RolloutStep::Settling {
        read_back(turn, rollout);
    }
    if rollout.step == RolloutStep::Tagging {
        tagging::tag(turn, rollout);
    }
}

/// Checks tag and bytes of the version, then starts the job, once.
fn start(turn: &mut Turn<'_>, rollout: &mut Rollout) {
    if rollout.run.is_some() {
        rollout.step = RolloutStep::Deploying;
        return;
    }
    turn.wake_in(LOOK_AGAIN);
    if rollout.asked.is_some() {
        return;
    }
    let facts = turn.facts.rollouts.get(&rollout.number);
    let Some((tag, kept)) = facts.and_then(|facts| facts.start.as_ref()) else { return };
    let name = rollout.version.tag(turn.model());
    let trouble = match tag {
        None => {
            Some(format!("the tag `{name}` is gone; without it nobody can tell what {} is", rollout.version))
        }
        Some(tag) if tag.commit != rollout.commit => Some(format!(
            "the tag `{name}` points to {} now, but {} was published from {}",
            tag.commit.short(),
            rollout.version,
            rollout.commit.short()
        )),
        Some(_) if !kept => Some(format!(
            "the files of {} are not kept any more at {}: no job could fetch the bytes that were judged",
            rollout.version, rollout.source
        )),
        Some(_) => None,
    };
    if let Some(trouble) = trouble {
        return fail(turn, rollout, trouble);
    }
    let order = WorkOrder {
        action: rollout.action.order().to_owned(),
        model: turn.model().clone(),
        version: Some(rollout.version.clone().into()),
        commit: rollout.commit.clone(),
        environment: Some(rollout.environment.clone()),
        traffic: Some(100),
        source: rollout.source.clone(),
    };
    let attempt = u32::try_from(rollout.number).unwrap_or(u32::MAX);
    let branch = turn.facts.branch.clone();
    turn.ask(rollout, Effect::Dispatch { branch, order, attempt });
}

/// Follows the deploy job. It is never repeated by itself: what it did half-way only people can judge.
fn deploy(turn: &mut Turn<'_>, rollout: &mut Rollout) {
    let Some(run) = run(turn, rollout) else { return turn.wake_in(LOOK_AGAIN) };
    let Some(job) = deploy_job(turn, run) else {
        if run.jobs.iter().any(|job| job.status.is_final()) {
            let why = "its run has no deploy job; commit the files that `mergewright generate` writes";
            return fail(turn, rollout, why.to_owned());
        }
        return turn.wake_in(LOOK_AGAIN);
    };
    rollout.job = Some(LogTail { text: String::new(), ..shown(job) });
    rollout.notice = None;
    let failed = |why: &str| format!("the deploy job {why}");
    let why = match &job.status {
        JobStatus::Succeeded => {
            rollout.step = RolloutStep::Settling;
            rollout.deployed_at = Some(turn.now);
            return;
        }
        JobStatus::Waiting | JobStatus::Running => return turn.wake_in(LOOK_AGAIN),
        JobStatus::Manual => {
            rollout.notice = Some("The deploy job waits for somebody to start it by hand.".to_owned());
            return turn.wake_in(LOOK_AGAIN);
        }
        JobStatus::Cancelled => failed("was cancelled"),
        JobStatus::Skipped => failed("was left out of its run"),
        JobStatus::Failed(FailureCause::Script) => failed("failed"),
        JobStatus::Failed(FailureCause::Infrastructure(word)) => {
            failed(&format!("failed by `{word}`, not by its script"))
        }
    };
    rollout.job = Some(shown(job));
    fail(turn, rollout, why);
}

/// The job's own word is not enough: the forge must have recorded the deployment.
fn read_back(turn: &mut Turn<'_>, rollout: &mut Rollout) {
    let facts = turn.facts.rollouts.get(&rollout.number);
    let found = facts.and_then(|facts| facts.deployment.as_ref());
    let late = rollout.deployed_at.is_some_and(|at| turn.now.since(at) >= PATIENCE);
    match found {
        Some(deployment) if deployment.state == DeploymentState::Succeeded => {
            rollout.deployment = Some(deployment.id);
            rollout.live_at = Some(deployment.at);
            rollout.step = RolloutStep::Tagging;
        }
        Some(deployment) if deployment.state == DeploymentState::Failed => {
            fail(turn, rollout, "the forge says that the deployment did not succeed".to_owned());
        }
        _ if late => {
            let minutes = PATIENCE.as_secs() / 60;
            let why = format!(
                "the deploy job ended well, but after {minutes} minutes the forge shows no finished deployment \
                 of it in `{}`",
                rollout.environment
            );
            fail(turn, rollout, why);
        }
        _ => turn.wake_in(LOOK_SOON),
    }
}

/// The rollout stops; what was live stays what git says, and nothing else is claimed.
fn fail(turn: &mut Turn<'_>, rollout: &mut Rollout, why: String) {
    // Before a job ran, nothing can have happened to the environment.
    if rollout.run.is_some()
        && let Some(stand) = turn.state.stands.get_mut(&rollout.environment)
    {
        stand.unsettled = Some(rollout.number);
    }
    let what = format!(
        "{}: {} of {} to {} failed: {why}",
        turn.model(),
        rollout.action,
        rollout.version,
        rollout.environment
    );
    rollout.failure = Some(why);
    rollout.notice = None;
    rollout.asked = None;
    rollout.step = RolloutStep::Failed;
    rollout.ended_at = Some(turn.now);
    turn.record(what, rollout);
}

/// Makes the version the live one of its environment.
pub(super) fn enter(turn: &mut Turn<'_>, rollout: &mut Rollout, number: u64) {
    let tag = rollout.tag(turn.model(), number);
    let what = format!("{}: {} is live in {} ({tag})", turn.model(), rollout.version, rollout.environment);
    rollout.step = RolloutStep::Live;
    turn.state.numbered = turn.state.numbered.max(number);
    rollout.stage = Some(number);
    rollout.notice = None;
    rollout.retry_at = None;
    rollout.ended_at = Some(turn.now);
    let live = Live {
        version: rollout.version.clone(),
        since: rollout.live_at.unwrap_or(turn.now),
        tag,
        rollout: rollout.number,
    };
    if let Some(stand) = turn.state.stands.get_mut(&rollout.environment) {
        stand.enter(rollout.action, live);
    }
    turn.record(what, rollout);
}

fn run<'a>(turn: &Turn<'a>, rollout: &Rollout) -> Option<&'a Run> {
    turn.facts.rollouts.get(&rollout.number)?.run.as_ref()
}

/// The job of a run that deploys the model.
fn deploy_job<'r>(turn: &Turn<'_>, run: &'r Run) -> Option<&'r Job> {
    run.jobs.iter().find(|job| job.task == "deploy" && job.model.as_ref() == Some(turn.model()))
}
