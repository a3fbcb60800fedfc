//! The ends of the logs of failed jobs, read once a job.

use crate::domain::{JobStatus, RepoId, Run};
use crate::forge::{ErrorKind, Forge, ForgeError};

use super::memory::Memory;

/// How much of a failed job's log is kept, in bytes.
const LOG_TAIL: usize = 16 * 1024;

/// Reads them into `run`. A log helps people and decides nothing, so that one which cannot be read is
/// left out.
pub(super) async fn read(forge: &dyn Forge, memory: &Memory, repo: RepoId, run: &mut Run) {
    for job in &mut run.jobs {
        if !matches!(job.status, JobStatus::Failed(_)) || job.model.is_none() || job.log_tail.is_some() {
            continue;
        }
        let key = (repo, job.id);
        job.log_tail = match memory.logs.get(&key) {
            Some(known) => Some(known),
            None => match forge.log_tail(repo, job.id, LOG_TAIL).await {
                Ok(text) => {
                    memory.logs.put(key, text.clone());
                    Some(text)
                }
                Err(error) => {
                    tracing::warn!(%error, job.id = job.id.0, "a log could not be read");
                    // One that is gone or too large stays so: it is not asked for at every look.
                    let none = is_final(&error).then(String::new);
                    none.inspect(|none| memory.logs.put(key, none.clone()))
                }
            },
        };
    }
}

/// Whether an error says that the thing itself cannot be had, and asking again at once is no use.
pub(super) const fn is_final(error: &ForgeError) -> bool {
    matches!(error.kind, ErrorKind::Refused | ErrorKind::Gone)
}
