//! A run that measures a baseline by the code of a merge request's head, or of what its merge made. Nobody
//! has approved a head: it runs on the merge request's own branch, at exactly the head that was meant, and of a
//! fork not at all. What a merge made runs on the target branch, as long as it is what stands there.

use crate::domain::{
    Done, MergeRequest, MergeRequestId, MergeRequestStatus, Outcome, Subject, Timestamp, WorkOrder,
};
use crate::forge::ErrorKind;
use crate::storage::ClaimedEffect;

use super::OutboxError;
use super::perform::{Means, Performed};

/// Starts the run, or finds the one that an earlier try started at `since` or later.
pub(super) async fn perform(
    means: &Means<'_>,
    claimed: &ClaimedEffect,
    id: MergeRequestId,
    branch: &str,
    order: &WorkOrder,
    since: Timestamp,
) -> Result<Performed, OutboxError> {
    let (head, forge) = (&order.commit, means.forge);
    let run = match means.dispatched(claimed, branch, order, since).await? {
        Some(run) => run,
        None => {
            means.starts.may_start(claimed, means.clock.now())?;
            let now = forge.merge_request(id).await?;
            if let Some(outcome) = hindrance(&now, branch, order) {
                return Ok(Performed { outcome, comment: None });
            }
            if !forge.kept(id.repo, &order.model, &order.source).await? {
                let files = match &order.version {
                    Some(Subject::Version(version)) => format!("the files of {version}"),
                    Some(Subject::Bytes(_)) | None => "its files".to_owned(),
                };
                let reason = format!("{files} are not kept by the forge any more");
                return Ok(Performed { outcome: Outcome::Refused { reason }, comment: None });
            }
            means.starts.start(claimed, means.clock, forge.dispatch(id.repo, branch, order)).await?
        }
    };
    // A forge starts where the branch is by now, whatever was meant. What it does not show yet is no other run.
    let began = forge.run(id.repo, run).await?;
    if began.sha == *head {
        return Ok(Performed::done(Done::Run { run }));
    }
    match forge.cancel_run(id.repo, run).await {
        Err(error) if error.kind != ErrorKind::Gone => return Err(error.into()),
        _ => {}
    }
    let reason = format!(
        "the branch has moved from {}, and the run {run} that began on {} was cancelled",
        head.short(),
        began.sha.short()
    );
    Ok(Performed { outcome: Outcome::Conflict { reason }, comment: None })
}

/// Why nothing is started, if so: a moment ago all of it was as it should be.
fn hindrance(now: &MergeRequest, branch: &str, order: &WorkOrder) -> Option<Outcome> {
    if let MergeRequestStatus::Merged { commit, .. } = &now.status
        && *commit == order.commit
        && now.target_branch == branch
    {
        return None;
    }
    if now.from_fork || now.source_branch != branch {
        let reason = format!("`{branch}` is not the merge request's own branch in this repository");
        return Some(Outcome::Refused { reason });
    }
    if now.status != MergeRequestStatus::Open {
        return Some(Outcome::Conflict { reason: "it is not open any more".to_owned() });
    }
    (now.head != order.commit).then(|| Outcome::Conflict {
        reason: format!("the head has moved from {} to {}", order.commit.short(), now.head.short()),
    })
}
