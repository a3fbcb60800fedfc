//! How a run stands that measures a version anew.

use std::time::Duration;

use crate::domain::{FailureCause, Job, JobStatus, ModelName, ModelState, Rescoring, Run};
use crate::engine::facts::ScoresFact;
use crate::engine::infra;
use crate::engine::turn::Turn;

/// When to look again, in case no hook tells of its end.
const LOOK_AGAIN: Duration = Duration::from_secs(5 * 60);
/// What the generated script says before the reason for which it measures nothing.
const NOTHING_MEASURED: &str = "mergewright: nothing was measured: ";
/// The most characters of that reason.
const MOST_OF_A_REASON: usize = 300;

/// How it stands.
pub(super) enum Standing {
    /// It is waited for; what for, and where to look.
    Awaited { said: String, page: Option<String> },
    /// It is never even tried.
    Forbidden(&'static str),
    /// It came to nothing; why, where to look, and the end of the log.
    Failed { why: String, page: Option<String>, text: String },
}

impl Standing {
    fn failed(why: impl Into<String>, page: Option<String>) -> Self {
        Self::Failed { why: why.into(), page, text: String::new() }
    }
}

/// The job of a run that measures a version anew.
pub(in crate::engine) fn evaluation<'r>(run: &'r Run, name: &ModelName) -> Option<&'r Job> {
    run.jobs.iter().find(|job| job.task == "evaluate" && job.model.as_ref() == Some(name))
}

/// Whether running the job again could come to something else.
pub(super) const fn may_run_again(job: &Job) -> bool {
    matches!(job.status, JobStatus::Failed(_) | JobStatus::Cancelled)
}

/// How this one stands.
pub(super) fn of(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    known: &Rescoring,
) -> Standing {
    if let Some(why) = &known.refused {
        return Standing::failed(why.clone(), None);
    }
    turn.wake_in(LOOK_AGAIN);
    let fact = known.run.and_then(|run| turn.open()?.rescorings.get(&run.0));
    let Some(fact) = fact else {
        return Standing::Awaited { said: "its run is about to begin".to_owned(), page: None };
    };
    let Some(run) = &fact.run else {
        return Standing::failed("its run was deleted before its end was seen", None);
    };
    let page = Some(run.web_url.clone());
    if run.sha != known.head {
        return Standing::failed("its run was of another commit", page);
    }
    let job = match evaluation(run, name) {
        Some(job) => job,
        None if run.jobs.iter().all(|job| !job.status.is_final()) => {
            return Standing::Awaited { said: "its run is about to begin".to_owned(), page };
        }
        None => return Standing::failed(left_out(name), page),
    };
    let page = Some(job.web_url.clone());
    match &job.status {
        JobStatus::Waiting | JobStatus::Running => {
            Standing::Awaited { said: "the evaluate job is awaited".to_owned(), page }
        }
        JobStatus::Manual => {
            Standing::Awaited { said: "the evaluate job waits for somebody to start it".to_owned(), page }
        }
        JobStatus::Cancelled => Standing::failed("the evaluate job was cancelled", page),
        JobStatus::Skipped => Standing::failed(left_out(name), page),
        JobStatus::Succeeded => match &fact.scores {
            Some(ScoresFact::Unreadable { why }) => Standing::failed(why.clone(), page),
            Some(ScoresFact::Read(_)) | None => {
                Standing::Awaited { said: "its numbers are about to be read".to_owned(), page }
            }
        },
        JobStatus::Failed(FailureCause::Script) => {
            let text = job.log_tail.clone().unwrap_or_default();
            let why = match text.lines().rev().find_map(|line| line.split_once(NOTHING_MEASURED)) {
                Some((_, why)) => why.trim().chars().take(MOST_OF_A_REASON).collect(),
                None => "the evaluate job failed".to_owned(),
            };
            Standing::Failed { why, page, text }
        }
        JobStatus::Failed(FailureCause::Infrastructure(word)) => {
            let said = infra::retry(turn, model, run, job, word);
            let said = said.trim_end_matches('.').to_owned();
            if infra::exhausted(model, job) {
                Standing::failed(said, page)
            } else {
                Standing::Awaited { said, page }
            }
        }
    }
}

fn left_out(name: &ModelName) -> String {
    format!(
        "the head's generated files have no job that measures a version of `{name}` on its branch; commit what \
         `mergewright generate` writes"
    )
}
