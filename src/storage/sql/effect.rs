//! Effects: put into the outbox by slot, taken by urgency, ended.

use super::{Connection, Row, SLICE, decode, encode, owner_from, query};
use crate::domain::{Effect, MergeRequestId, Outcome, Owner, Timestamp};
use crate::storage::StoreError;

/// The most urgent effect of one repository that is due.
///
/// The `+` keeps SQLite from the index on `due`, which would make it sort everything that is due.
pub(in crate::storage) const NEXT: &str = "
    SELECT id, merge_request, effect, attempts, interruptions, created_at FROM outbox
    WHERE lane = $1 AND status = 'waiting' AND +due <= $2
    ORDER BY priority, id LIMIT 1";

/// An effect and whether a second one of its slot is a repetition: what happens once has a slot that
/// holds everything by which a wanted repetition differs.
fn happens_once(effect: &Effect) -> bool {
    // Those that do not are named in `prune` too: our comments are known by their markers, not by these rows.
    match effect {
        Effect::Report { .. }
        | Effect::Reply { .. }
        | Effect::Status { .. }
        | Effect::Check { .. }
        | Effect::Answer { .. }
        | Effect::Label { .. }
        | Effect::KeepSchedules { .. }
        | Effect::StartClock { .. }
        | Effect::Propose { .. }
        | Effect::CancelRun { .. } => false,
        Effect::Acknowledge { .. }
        | Effect::RequestReviews { .. }
        | Effect::StartRun { .. }
        | Effect::RetryJob { .. }
        | Effect::Merge { .. }
        | Effect::LeaveQueue { .. }
        | Effect::CreateTag { .. }
        | Effect::AssignStage { .. }
        | Effect::Retire { .. }
        | Effect::Dispatch { .. }
        | Effect::Evaluate { .. }
        | Effect::CommitFiles { .. }
        | Effect::Release { .. } => true,
    }
}

/// Puts an effect into the outbox: an older one of its slot that has not started is superseded; one
/// under way is waited for; what happens once and did (or is under way) is not put in again. With its
/// repository's lane comes the delivery that it comes from, if any.
pub(in crate::storage) async fn add(
    connection: &mut Connection,
    (lane, cause): (i64, Option<i64>),
    owner: &Owner,
    effect: &Effect,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (owner, slot) = (owner.to_string(), effect.slot());
    let under_way = is_under_way(connection, &owner, &slot).await?;
    if happens_once(effect) && (under_way || is_done(connection, &owner, &slot).await?) {
        return Ok(());
    }
    query(
        "UPDATE outbox SET status = 'superseded', ended_at = $3
         WHERE merge_request = $1 AND slot = $2 AND status IN ('waiting', 'blocked', 'running')
           AND (status = 'blocked' OR (status = 'waiting' AND attempts = 0))",
    )
    .bind(&owner)
    .bind(&slot)
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    query(
        "INSERT INTO outbox (lane, merge_request, slot, kind, priority, status, due, attempts, created_at, effect, cause)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $7, $8, $9)",
    )
    .bind(lane)
    .bind(owner)
    .bind(slot)
    .bind(effect.kind())
    .bind(i64::from(effect.priority()))
    .bind(if under_way { "blocked" } else { "waiting" })
    .bind(now.0)
    .bind(encode("an effect", effect)?)
    .bind(cause)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether an effect of this slot was started and has not ended.
async fn is_under_way(connection: &mut Connection, owner: &str, slot: &str) -> Result<bool, StoreError> {
    let row = query(
        "SELECT 1 FROM outbox
         WHERE merge_request = $1 AND slot = $2 AND status IN ('waiting', 'blocked', 'running')
           AND status <> 'blocked' AND attempts > 0 LIMIT 1",
    )
    .bind(owner)
    .bind(slot)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

async fn is_done(connection: &mut Connection, owner: &str, slot: &str) -> Result<bool, StoreError> {
    let row =
        query("SELECT 1 FROM outbox WHERE merge_request = $1 AND slot = $2 AND status = 'done' LIMIT 1")
            .bind(owner)
            .bind(slot)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

/// Whether a call of this slot was made before and did not succeed: it may have left something behind. Asked
/// once a release, so that reading through the ended ones costs little.
pub(in crate::storage) async fn failed_before(
    connection: &mut Connection,
    owner: &str,
    slot: &str,
) -> Result<bool, StoreError> {
    let row = query(
        "SELECT 1 FROM outbox
         WHERE merge_request = $1 AND slot = $2 AND status IN ('refused', 'conflict', 'dead') LIMIT 1",
    )
    .bind(owner)
    .bind(slot)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// What a merge request's sticky comment was made to say, newest first, and since when it may have stood
/// there: after a try of unknown outcome that is since it was wanted.
pub(in crate::storage) async fn reports_written(
    connection: &mut Connection,
    id: MergeRequestId,
    most: u32,
) -> Result<Vec<(Timestamp, Effect)>, StoreError> {
    let rows = query(
        "SELECT CASE WHEN attempts > 1 THEN created_at ELSE ended_at END, effect FROM outbox
         WHERE merge_request = $1 AND slot = 'report' AND status = 'done' ORDER BY id DESC LIMIT $2",
    )
    .bind(id.to_string())
    .bind(i64::from(most))
    .fetch_all(connection)
    .await?;
    let read = |row: &Row| Ok((Timestamp(row.try_get(0)?), decode("an effect", row.try_get(1)?)?));
    rows.iter().map(read).collect()
}

/// Puts an effect whose lease ran out back among the waiting.
pub(in crate::storage) async fn reclaim(connection: &mut Connection, effect: i64) -> Result<(), StoreError> {
    query("UPDATE outbox SET status = 'waiting' WHERE id = $1 AND status = 'running'")
        .bind(effect)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes the most urgent due effect of a repository: the row of [`NEXT`].
pub(in crate::storage) async fn take(
    connection: &mut Connection,
    lane: i64,
    now: Timestamp,
) -> Result<Option<Row>, StoreError> {
    let next = query(NEXT).bind(lane).bind(now.0).fetch_optional(&mut *connection).await?;
    if let Some(next) = &next {
        query("UPDATE outbox SET status = 'running', attempts = attempts + 1 WHERE id = $1")
            .bind(next.try_get::<i64, _>("id")?)
            .execute(connection)
            .await?;
    }
    Ok(next)
}

/// How an effect leaves the outbox.
pub(in crate::storage) struct End<'a> {
    pub(in crate::storage) status: &'static str,
    pub(in crate::storage) error: Option<&'a str>,
    pub(in crate::storage) outcome: Option<&'a Outcome>,
}

/// Ends an effect and lets the next one of its slot go; whose it was, and the delivery that it came from.
pub(in crate::storage) async fn end(
    connection: &mut Connection,
    effect: i64,
    end: End<'_>,
    now: Timestamp,
) -> Result<(Owner, Option<i64>), StoreError> {
    let outcome = end.outcome.map(|outcome| encode("an outcome", outcome)).transpose()?;
    let row = query(
        "UPDATE outbox SET status = $2, error = COALESCE($3, error), outcome = $4, ended_at = $5
         WHERE id = $1 RETURNING merge_request, slot, cause",
    )
    .bind(effect)
    .bind(end.status)
    .bind(end.error)
    .bind(outcome)
    .bind(now.0)
    .fetch_one(&mut *connection)
    .await?;
    let (owner, slot, cause): (String, String, _) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    query(
        "UPDATE outbox SET status = 'waiting', due = $3
         WHERE merge_request = $1 AND slot = $2 AND status IN ('waiting', 'blocked', 'running')
           AND status = 'blocked'",
    )
    .bind(&owner)
    .bind(slot)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok((owner_from(&owner)?, cause))
}

/// Puts an effect back, to be tried again not before `at`.
pub(in crate::storage) async fn put_back(
    connection: &mut Connection,
    effect: i64,
    at: Timestamp,
    error: &str,
) -> Result<(), StoreError> {
    query("UPDATE outbox SET status = 'waiting', due = $2, error = $3 WHERE id = $1")
        .bind(effect)
        .bind(at.0)
        .bind(error)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many effects are not ended, and since when the oldest is there.
pub(in crate::storage) async fn open(
    connection: &mut Connection,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let row = query(
        "SELECT COUNT(*), MIN(created_at) FROM outbox WHERE status IN ('waiting', 'blocked', 'running')",
    )
    .fetch_one(connection)
    .await?;
    let count: i64 = row.try_get(0)?;
    Ok((count.unsigned_abs(), row.try_get::<Option<i64>, _>(1)?.map(Timestamp)))
}

/// Dead letters, the newest first: whose, kind, reason, time.
pub(in crate::storage) async fn dead(
    connection: &mut Connection,
    limit: u32,
) -> Result<Vec<(Owner, String, String, Timestamp)>, StoreError> {
    let rows = query(
        "SELECT merge_request, kind, error, ended_at FROM outbox
         WHERE status = 'dead' ORDER BY ended_at DESC, id DESC LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let read = |row: Row| {
        let owner = owner_from(row.try_get(0)?)?;
        Ok((owner, row.try_get(1)?, row.try_get(2)?, Timestamp(row.try_get(3)?)))
    };
    rows.into_iter().map(read).collect()
}

/// Forgets calls that ended before `before`, among some that were put in after row `after`; from which
/// row on the next ones are, if there are any. What is done once stays, since it tells a repetition.
pub(in crate::storage) async fn prune(
    connection: &mut Connection,
    before: Timestamp,
    after: i64,
) -> Result<Option<i64>, StoreError> {
    let row = query(
        "SELECT MAX(id), MIN(created_at) FROM (
             SELECT id, created_at FROM outbox WHERE id > $1 ORDER BY id LIMIT $2) AS slice",
    )
    .bind(after)
    .bind(SLICE)
    .fetch_one(&mut *connection)
    .await?;
    let (Some(last), Some(oldest)) = (row.try_get::<Option<i64>, _>(0)?, row.try_get::<Option<i64>, _>(1)?)
    else {
        return Ok(None);
    };
    if oldest >= before.0 {
        return Ok(None);
    }
    query(
        "DELETE FROM outbox
         WHERE id > $1 AND id <= $2 AND ended_at < $3
           AND (status <> 'done' OR kind IN ('report', 'reply', 'status', 'check', 'answer', 'label',
                                             'keep_schedules', 'start_clock', 'propose', 'cancel_run'))",
    )
    .bind(after)
    .bind(last)
    .bind(before.0)
    .execute(connection)
    .await?;
    Ok(Some(last))
}
