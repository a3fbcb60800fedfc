//! The forge's schedules are brought to what is wanted: read, compared, written, and read again.

use std::collections::BTreeMap;

use crate::domain::{Done, RepoId, ScheduleStep, ScheduleWish, schedule_difference};
use crate::forge::{ErrorKind, Forge, ForgeError};

use super::OutboxError;
use super::perform::Performed;

/// How often they are written and read again. What is taken over shows only then what it tells its pipelines; more
/// rounds than these, and somebody else writes too.
const ROUNDS: usize = 3;

/// Writes what differs and nothing else, so that after an answer that was lost nothing is made twice.
pub(super) async fn keep(
    forge: &dyn Forge,
    repo: RepoId,
    wanted: &[ScheduleWish],
    known: &BTreeMap<String, u64>,
) -> Result<Performed, OutboxError> {
    let us = forge.whoami().await?.id;
    let numbers = known.values().copied().collect();
    for _round in 0..ROUNDS {
        let found = forge.schedules(repo, &numbers).await?;
        let difference = schedule_difference(wanted, &found, known, us);
        if difference.steps.is_empty() {
            let (kept, alike) = (difference.kept, difference.alike);
            return Ok(Performed::done(Done::Scheduled { kept, alike }));
        }
        for step in &difference.steps {
            write(forge, repo, step).await?;
        }
    }
    Err(OutboxError::Forge(ForgeError {
        kind: ErrorKind::Retry { after: None },
        external: "the schedules do not stay as they were written".to_owned(),
        internal: format!("{repo}: {ROUNDS} rounds"),
    }))
}

async fn write(forge: &dyn Forge, repo: RepoId, step: &ScheduleStep) -> Result<(), ForgeError> {
    match forge.change_schedule(repo, step).await {
        // Somebody removed it a moment ago: the next round sees that.
        Err(error) if error.kind == ErrorKind::Gone && !matches!(step, ScheduleStep::Create(_)) => Ok(()),
        other => other,
    }
}
