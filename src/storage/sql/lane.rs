//! Lanes: which of them can be claimed from when on, and who holds which.

use std::time::Duration;

use super::{Connection, Row, query};
use crate::domain::{Lane, Timestamp};
use crate::storage::StoreError;
use crate::storage::records::{Lease, Leased};

/// The claim: the lane that is ready longest and its oldest job. Two index look-ups, however many
/// jobs wait and however much is stored.
pub(in crate::storage) const NEXT: &str = "
    SELECT lane.id AS lane, lane.name, lane.token, job.id AS job, job.event AS own, job.attempts,
           job.interruptions, job.created_at,
           delivery.forge, delivery.external_id, delivery.event, delivery.headers, delivery.body
    FROM (SELECT id, name, token FROM lane WHERE ready_at <= $1 ORDER BY ready_at, id LIMIT 1) AS lane
    JOIN job ON job.id = (
        SELECT id FROM job WHERE job.lane = lane.id AND job.status = 'waiting' ORDER BY job.id LIMIT 1)
    LEFT JOIN delivery ON delivery.id = job.delivery";

/// The lane's row, made where there is none; nothing becomes ready by it.
pub(in crate::storage) async fn row_of(connection: &mut Connection, lane: &Lane) -> Result<i64, StoreError> {
    let row = query(
        "INSERT INTO lane (name, token) VALUES ($1, 0)
         ON CONFLICT (name) DO UPDATE SET token = lane.token
         RETURNING id",
    )
    .bind(lane.to_string())
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// Makes a lane with a new job ready, unless it is (or will be) already: its row.
pub(in crate::storage) async fn wake(
    connection: &mut Connection,
    lane: &Lane,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let row = query(
        "INSERT INTO lane (name, ready_at, token) VALUES ($1, $2, 0)
         ON CONFLICT (name) DO UPDATE SET ready_at = COALESCE(lane.ready_at, excluded.ready_at)
         RETURNING id",
    )
    .bind(lane.to_string())
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// Takes the oldest job of the lane that is ready longest; the row of [`NEXT`] and the lease on it.
pub(in crate::storage) async fn claim(
    connection: &mut Connection,
    now: Timestamp,
    lease: Duration,
) -> Result<Option<(Lease, Row)>, StoreError> {
    let Some(next) = query(NEXT).bind(now.0).fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    let (lane, job): (i64, i64) = (next.try_get("lane")?, next.try_get("job")?);
    let token = next.try_get::<i64, _>("token")? + 1;
    query("UPDATE lane SET token = $2, ready_at = $3, leased = $4 WHERE id = $1")
        .bind(lane)
        .bind(token)
        .bind(now.after(lease).0)
        .bind(job)
        .execute(&mut *connection)
        .await?;
    query("UPDATE job SET attempts = attempts + 1 WHERE id = $1").bind(job).execute(connection).await?;
    Ok(Some((Lease { on: Leased::Job, lane, row: job, token }, next)))
}

/// The name of the leased lane, if the lease still holds.
pub(in crate::storage) async fn held(
    connection: &mut Connection,
    lease: &Lease,
) -> Result<String, StoreError> {
    if lease.on != Leased::Job {
        return Err(StoreError::LeaseLost);
    }
    let held = query("SELECT name FROM lane WHERE id = $1 AND token = $2 AND leased = $3")
        .bind(lease.lane)
        .bind(lease.token)
        .bind(lease.row)
        .fetch_optional(connection)
        .await?;
    Ok(held.ok_or(StoreError::LeaseLost)?.try_get(0)?)
}

/// Moves the end of the lease, if it still holds.
pub(in crate::storage) async fn extend(
    connection: &mut Connection,
    lease: &Lease,
    until: Timestamp,
) -> Result<(), StoreError> {
    let extended = query("UPDATE lane SET ready_at = $4 WHERE id = $1 AND token = $2 AND leased = $3")
        .bind(lease.lane)
        .bind(lease.token)
        .bind(lease.row)
        .bind(until.0)
        .execute(connection)
        .await?;
    if extended.rows_affected() == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// Ends the lease. The lane is ready again at `at` if a job waits in it: behind every lane that is
/// ready longer, so that a busy one does not keep the others waiting.
pub(in crate::storage) async fn release(
    connection: &mut Connection,
    lane: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    query(
        "UPDATE lane SET leased = NULL, ready_at = CASE
             WHEN EXISTS (SELECT 1 FROM job WHERE job.lane = lane.id AND job.status = 'waiting') THEN $2
         END
         WHERE id = $1",
    )
    .bind(lane)
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts that a process ended while it held these jobs.
pub(in crate::storage) async fn interrupted(connection: &mut Connection) -> Result<(), StoreError> {
    query(
        "UPDATE job SET interruptions = interruptions + 1
         WHERE status = 'waiting' AND id IN (SELECT leased FROM lane WHERE leased IS NOT NULL)",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends every lease: those lanes are ready at `now`. How many.
pub(in crate::storage) async fn release_all(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let released = query(
        "UPDATE lane SET leased = NULL, token = token + 1, ready_at = CASE
             WHEN EXISTS (SELECT 1 FROM job WHERE job.lane = lane.id AND job.status = 'waiting') THEN $1
         END
         WHERE leased IS NOT NULL",
    )
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(released.rows_affected())
}

/// Ends one lease, if it still holds; how many did.
pub(in crate::storage) async fn give_back(
    connection: &mut Connection,
    lease: &Lease,
    now: Timestamp,
) -> Result<u64, StoreError> {
    query(
        "UPDATE job SET interruptions = interruptions + 1
         WHERE id = $2 AND status = 'waiting'
           AND EXISTS (SELECT 1 FROM lane WHERE lane.id = $1 AND token = $3 AND leased = $2)",
    )
    .bind(lease.lane)
    .bind(lease.row)
    .bind(lease.token)
    .execute(&mut *connection)
    .await?;
    let released = query(
        "UPDATE lane SET leased = NULL, token = token + 1, ready_at = $4
         WHERE id = $1 AND leased = $2 AND token = $3",
    )
    .bind(lease.lane)
    .bind(lease.row)
    .bind(lease.token)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(released.rows_affected())
}

/// When the next lane becomes ready.
pub(in crate::storage) async fn next_ready(
    connection: &mut Connection,
) -> Result<Option<Timestamp>, StoreError> {
    let row =
        query("SELECT MIN(ready_at) FROM lane WHERE ready_at IS NOT NULL").fetch_one(connection).await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.map(Timestamp))
}
