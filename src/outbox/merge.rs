//! The merge call: guarded by the head, and its answer may be lost.

use crate::domain::{Done, MergeMethod, MergeRequestId, MergeRequestStatus, Outcome, Sha};
use crate::forge::{ErrorKind, Forge, ForgeError, Merge};
use crate::storage::ClaimedEffect;

use super::OutboxError;
use super::perform::Performed;

/// Merges at exactly `head`, or finds that it was done before.
pub(crate) async fn perform(
    forge: &dyn Forge,
    claimed: &ClaimedEffect,
    id: MergeRequestId,
    (target, head): (&str, &Sha),
    method: MergeMethod,
) -> Result<Performed, OutboxError> {
    if claimed.attempts > 0
        && let Some(found) = already(forge, id, head).await?
    {
        return Ok(found);
    }
    match forge.merge(id, target, head, method).await {
        Ok(Merge::Merged(commit)) => Ok(Performed::done(Done::Merged { commit })),
        Ok(Merge::Queued) => Ok(Performed::done(Done::Queued)),
        Err(error) if error.kind == ErrorKind::Unauthorized => Err(error.into()),
        // Whatever the forge says, the merge may have happened: by this call or by a person.
        Err(error) => match already(forge, id, head).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(error.into()),
        },
    }
}

/// The outcome, where the merge request is merged already.
async fn already(forge: &dyn Forge, id: MergeRequestId, head: &Sha) -> Result<Option<Performed>, ForgeError> {
    let now = forge.merge_request(id).await?;
    let MergeRequestStatus::Merged { commit, .. } = now.status else { return Ok(None) };
    if now.head == *head {
        return Ok(Some(Performed::done(Done::Merged { commit })));
    }
    let reason = format!(
        "it was merged at {}, but {} was gated and meant; look at what was merged",
        now.head.short(),
        head.short()
    );
    Ok(Some(Performed { outcome: Outcome::Conflict { reason }, comment: None }))
}
