//! Jobs: put into a lane, ended, counted.

use super::{Connection, lane_from, query};
use crate::domain::{Digest, Lane, Timestamp};
use crate::storage::StoreError;

/// Puts an event of our own into a lane, unless an equal one waits there. One that somebody works
/// on does not count: he may have read the facts before they changed.
pub(in crate::storage) async fn add_event(
    connection: &mut Connection,
    lane: i64,
    event: &str,
    cause: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO job (lane, event, event_key, created_at, attempts, status, cause)
         SELECT $1, $2, $3, $4, 0, 'waiting', $5
         WHERE NOT EXISTS (
             SELECT 1 FROM job
             WHERE lane = $1 AND event_key = $3 AND event = $2 AND status = 'waiting'
               AND id <> COALESCE((SELECT leased FROM lane WHERE lane.id = $1), 0))",
    )
    .bind(lane)
    .bind(event)
    .bind(key_of(event))
    .bind(now.0)
    .bind(cause)
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a delivery into a lane.
pub(in crate::storage) async fn add_delivery(
    connection: &mut Connection,
    lane: i64,
    delivery: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO job (lane, delivery, created_at, attempts, status) VALUES ($1, $2, $3, 0, 'waiting')")
        .bind(lane)
        .bind(delivery)
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// A short stand-in for the event in the index; equality is decided on the text.
fn key_of(event: &str) -> i64 {
    let hex = Digest::of(event).hex();
    let first = hex.get(..15).unwrap_or_default();
    i64::from_str_radix(first, 16).unwrap_or_default()
}

/// A job that is done.
pub(in crate::storage) struct Done {
    /// The delivery that it was, if any.
    pub(in crate::storage) delivery: Option<i64>,
    /// The delivery that it came from, over any number of steps.
    pub(in crate::storage) cause: Option<i64>,
}

/// Removes a job that is done.
pub(in crate::storage) async fn done(connection: &mut Connection, job: i64) -> Result<Done, StoreError> {
    let row = query("DELETE FROM job WHERE id = $1 RETURNING delivery, COALESCE(delivery, cause)")
        .bind(job)
        .fetch_one(connection)
        .await?;
    Ok(Done { delivery: row.try_get(0)?, cause: row.try_get(1)? })
}

/// Notes why the last try failed.
pub(in crate::storage) async fn failed(
    connection: &mut Connection,
    job: i64,
    error: &str,
) -> Result<(), StoreError> {
    query("UPDATE job SET error = $2 WHERE id = $1").bind(job).bind(error).execute(connection).await?;
    Ok(())
}

/// Makes a job a dead letter; the delivery it came from, if any.
pub(in crate::storage) async fn bury(
    connection: &mut Connection,
    job: i64,
    error: &str,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let row =
        query("UPDATE job SET status = 'dead', error = $2, ended_at = $3 WHERE id = $1 RETURNING delivery")
            .bind(job)
            .bind(error)
            .bind(now.0)
            .fetch_one(connection)
            .await?;
    Ok(row.try_get(0)?)
}

/// How many jobs are not ended, and since when the oldest is there.
pub(in crate::storage) async fn waiting(
    connection: &mut Connection,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let row = query("SELECT COUNT(*), MIN(created_at) FROM job WHERE status = 'waiting'")
        .fetch_one(connection)
        .await?;
    let count: i64 = row.try_get(0)?;
    Ok((count.unsigned_abs(), row.try_get::<Option<i64>, _>(1)?.map(Timestamp)))
}

/// Dead letters, the newest first.
pub(in crate::storage) async fn dead(
    connection: &mut Connection,
    limit: u32,
) -> Result<Vec<(Lane, String, Timestamp)>, StoreError> {
    let rows = query(
        "SELECT lane.name, job.error, job.ended_at FROM job JOIN lane ON lane.id = job.lane
         WHERE job.status = 'dead' ORDER BY job.ended_at DESC, job.id DESC LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let read = |row: super::Row| {
        let lane: String = row.try_get(0)?;
        Ok((lane_from(&lane)?, row.try_get(1)?, Timestamp(row.try_get(2)?)))
    };
    rows.into_iter().map(read).collect()
}

/// Forgets dead letters that ended before `before`.
pub(in crate::storage) async fn prune(
    connection: &mut Connection,
    before: Timestamp,
) -> Result<(), StoreError> {
    query("DELETE FROM job WHERE status = 'dead' AND ended_at < $1")
        .bind(before.0)
        .execute(connection)
        .await?;
    Ok(())
}
