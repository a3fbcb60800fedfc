//! Forge calls: who performs which, and how each ended.

use std::time::Duration;

use super::inbox::enqueue;
use super::records::{ClaimedEffect, EffectEnd, Lease};
use super::sql::effect::End;
use super::sql::{self, Connection, Row, decode, owner_from};
use super::writer::Wakes;
use super::{Store, StoreError};
use crate::domain::{CommentId, Effect, MergeRequestId, Outcome, Owner, Timestamp};

impl Store {
    /// Takes the most urgent due effect of a repository lane that nobody works on; of several
    /// repositories the one that is ready longest. One that backs off lets the others of its
    /// repository pass, but not a later one of its own slot.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn claim_effect(
        &self,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<ClaimedEffect>, StoreError> {
        loop {
            let claimed =
                self.claiming(now, move |connection| Box::pin(claim(connection, now, lease))).await?;
            let Some((lease, row)) = claimed else { return Ok(None) };
            self.ours.add(&lease);
            match read_claimed(lease.clone(), &row) {
                Ok(claimed) => return Ok(Some(claimed)),
                // Nobody can ever read it: a dead letter, so that the repository goes on.
                Err(error) => {
                    let end = EffectEnd::Dead { reason: error.to_string(), job: None };
                    self.finish_effect(&lease, end, now).await?;
                }
            }
        }
    }

    /// Ends an effect; where it reports back, the outcome becomes a job of whose it was. Run
    /// and comment are kept in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else took over; [`StoreError::Unavailable`].
    pub async fn finish_effect(
        &self,
        lease: &Lease,
        end: EffectEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let held = lease.clone();
        self.end(lease, move |connection| Box::pin(async move { finish(connection, &held, &end, now).await }))
            .await
    }

    /// Gives the effect back, to be tried again not before `at`.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else took over; [`StoreError::Unavailable`].
    pub async fn retry_effect(&self, lease: &Lease, at: Timestamp, error: &str) -> Result<(), StoreError> {
        let (held, error) = (lease.clone(), error.to_owned());
        self.end(lease, move |connection| {
            Box::pin(async move {
                let claimed_at = sql::outbox_lane::held(connection, &held).await?;
                sql::effect::put_back(connection, held.row, at, &error).await?;
                sql::outbox_lane::release(connection, held.lane, claimed_at).await
            })
        })
        .await
    }

    /// Whether a call of this slot was made before and did not succeed: it may have left something behind.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn failed_before(&self, owner: &Owner, slot: &str) -> Result<bool, StoreError> {
        let (owner, slot) = (owner.to_string(), slot.to_owned());
        self.read(move |connection| {
            Box::pin(async move { sql::effect::failed_before(connection, &owner, &slot).await })
        })
        .await
    }

    /// What a merge request's sticky comment was made to say, newest first, the last `most`, and since when
    /// it may have stood there: after a try of unknown outcome that is since it was wanted.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn reports_written(
        &self,
        id: MergeRequestId,
        most: u32,
    ) -> Result<Vec<(Timestamp, Effect)>, StoreError> {
        self.read(move |connection| {
            Box::pin(async move { sql::effect::reports_written(connection, id, most).await })
        })
        .await
    }

    /// The comment that carries `marker` on a merge request, as we stored it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn comment_with(
        &self,
        id: MergeRequestId,
        marker: &str,
    ) -> Result<Option<CommentId>, StoreError> {
        let marker = marker.to_owned();
        self.read(move |connection| {
            Box::pin(async move { sql::registry::comment_with(connection, id, &marker).await })
        })
        .await
    }

    /// Stores which comment carries `marker`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remember_comment(
        &self,
        id: MergeRequestId,
        marker: &str,
        comment: CommentId,
    ) -> Result<(), StoreError> {
        let marker = marker.to_owned();
        self.write(Wakes::Nobody, move |connection| {
            Box::pin(async move { sql::registry::set_comment(connection, id, &marker, comment).await })
        })
        .await
    }
}

async fn claim(
    connection: &mut Connection,
    now: Timestamp,
    lease: Duration,
) -> Result<Option<(Lease, Row)>, StoreError> {
    while let Some((lane, expired)) = sql::outbox_lane::next(connection, now).await? {
        if let Some(effect) = expired {
            sql::effect::reclaim(connection, effect).await?;
        }
        if let Some(row) = sql::effect::take(connection, lane, now).await? {
            let lease = sql::outbox_lane::take(connection, lane, row.try_get("id")?, now, lease).await?;
            return Ok(Some((lease, row)));
        }
        // What made it ready was superseded: the others of this repository are due later or not at all.
        sql::outbox_lane::release(connection, lane, now).await?;
    }
    Ok(None)
}

async fn finish(
    connection: &mut Connection,
    lease: &Lease,
    end: &EffectEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::outbox_lane::held(connection, lease).await?;
    let (owner, cause) = sql::effect::end(connection, lease.row, how(end), now).await?;
    let job = match end {
        EffectEnd::Outcome { job, run, comment, .. } => {
            if let Some(run) = run {
                sql::registry::set_run(connection, &owner, *run).await?;
            }
            if let (Some((marker, comment)), Owner::MergeRequest(id)) = (comment, &owner) {
                sql::registry::set_comment(connection, *id, marker, *comment).await?;
            }
            job
        }
        EffectEnd::Dead { job, .. } => job,
        EffectEnd::Observed => &None,
    };
    enqueue(connection, job.as_slice(), cause, now).await?;
    sql::outbox_lane::release(connection, lease.lane, now).await
}

fn how(end: &EffectEnd) -> End<'_> {
    match end {
        EffectEnd::Outcome { outcome, .. } => {
            let (status, error) = match outcome {
                Outcome::Done(_) => ("done", None),
                Outcome::Refused { reason } => ("refused", Some(reason.as_str())),
                Outcome::Conflict { reason } => ("conflict", Some(reason.as_str())),
            };
            End { status, error, outcome: Some(outcome) }
        }
        EffectEnd::Dead { reason, .. } => End { status: "dead", error: Some(reason), outcome: None },
        EffectEnd::Observed => End { status: "observed", error: None, outcome: None },
    }
}

fn read_claimed(lease: Lease, row: &Row) -> Result<ClaimedEffect, StoreError> {
    let (attempts, interruptions): (i64, i64) = (row.try_get("attempts")?, row.try_get("interruptions")?);
    Ok(ClaimedEffect {
        lease,
        owner: owner_from(row.try_get("merge_request")?)?,
        effect: decode("an effect", row.try_get("effect")?)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        interruptions: u32::try_from(interruptions).unwrap_or(u32::MAX),
        since: Timestamp(row.try_get("created_at")?),
    })
}
