//! The merge call: guarded by the head, and its answer may be lost.

use crate::domain::{Done, MergeMethod, MergeRequest, MergeRequestId, MergeRequestStatus, Outcome, Sha};
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
    if claimed.attempts > 0 {
        // The forge guards the head alone: since the call was decided the merge request may have been aimed
        // at a branch for which nothing was judged.
        let now = forge.merge_request(id).await?;
        if let Some(found) = already(&now, head).or_else(|| no_more(&now, target, head)) {
            return Ok(found);
        }
    }
    match forge.merge(id, target, head, method).await {
        Ok(Merge::Merged(commit)) => Ok(Performed::done(Done::Merged { commit })),
        Ok(Merge::Queued) => Ok(Performed::done(Done::Queued)),
        Err(error) if error.kind == ErrorKind::Unauthorized => Err(error.into()),
        // Whatever the forge says, the merge may have happened: by this call or by a person.
        Err(error) => match merged_meanwhile(forge, id, head).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(error.into()),
        },
    }
}

async fn merged_meanwhile(
    forge: &dyn Forge,
    id: MergeRequestId,
    head: &Sha,
) -> Result<Option<Performed>, ForgeError> {
    Ok(already(&forge.merge_request(id).await?, head))
}

/// The outcome, where the merge request is merged already.
fn already(now: &MergeRequest, head: &Sha) -> Option<Performed> {
    let MergeRequestStatus::Merged { commit, .. } = &now.status else { return None };
    if now.head == *head {
        return Some(Performed::done(Done::Merged { commit: commit.clone() }));
    }
    Some(conflict(format!(
        "it was merged at {}, but {} was gated and meant; look at what was merged",
        now.head.short(),
        head.short()
    )))
}

/// Why the merge that was decided is not to be asked for again, if so.
fn no_more(now: &MergeRequest, target: &str, head: &Sha) -> Option<Performed> {
    if now.status != MergeRequestStatus::Open {
        return Some(conflict("the merge request was closed before it could be merged".to_owned()));
    }
    if now.head != *head {
        let (now, meant) = (now.head.short(), head.short());
        return Some(conflict(format!("the head is {now}, but {meant} was gated and meant")));
    }
    if now.target_branch != target {
        let into = &now.target_branch;
        return Some(conflict(format!("it goes into `{into}` now, but it was judged for `{target}`")));
    }
    None
}

fn conflict(reason: String) -> Performed {
    Performed { outcome: Outcome::Conflict { reason }, comment: None }
}
