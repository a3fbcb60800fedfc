//! A write that waited may be overtaken by what another merge request says of the same commit.

use crate::domain::{Conclusion, Effect, Owner, Progress, RunId, Sha, StatusState};
use crate::storage::{ClaimedEffect, Store, StoreError};

/// Whether merge requests with this head have come to something else since this was decided; then one of
/// them says it, before or after.
pub(crate) async fn is_overtaken(store: &Store, claimed: &ClaimedEffect) -> Result<bool, StoreError> {
    match &claimed.effect {
        Effect::Status { sha, run, status } => {
            let state = status.state;
            let now = together(store, claimed, (sha, *run), &status.context).await?;
            Ok(now.is_some_and(|now| now != state))
        }
        Effect::Check { sha, check } => {
            let now = together(store, claimed, (sha, None), &check.name).await?;
            Ok(now.is_some_and(|now| !shows(check.progress, now)))
        }
        _ => Ok(false),
    }
}

/// What all that have this head say; none where nobody else has it.
async fn together(
    store: &Store,
    claimed: &ClaimedEffect,
    (sha, run): (&Sha, Option<RunId>),
    name: &str,
) -> Result<Option<StatusState>, StoreError> {
    let sharing = store.with_head(claimed.owner.repo(), sha).await?;
    let owner = match &claimed.owner {
        Owner::MergeRequest(id) => Some(*id),
        Owner::Model(_) | Owner::Repository(_) => None,
    };
    if sharing.iter().all(|id| owner == Some(*id)) {
        return Ok(None);
    }
    let (mut worst, mut others) = (None, false);
    for id in sharing {
        let shown = store.state(id).await?.state.shown;
        let here = shown.statuses_on.as_ref().is_some_and(|(on, joined)| (on, *joined) == (sha, run));
        if let Some(state) = shown.said.own.get(name).copied().filter(|_| here) {
            others |= owner != Some(id);
            worst = worst.max(Some(state));
        }
    }
    Ok(worst.filter(|_| others))
}

const fn shows(progress: Progress, state: StatusState) -> bool {
    match progress {
        Progress::Queued | Progress::InProgress => matches!(state, StatusState::Pending),
        Progress::Completed(Conclusion::Success) => matches!(state, StatusState::Success),
        Progress::Completed(Conclusion::Failure) => {
            matches!(state, StatusState::Failure | StatusState::Error)
        }
        Progress::Completed(Conclusion::Cancelled) => false,
    }
}
