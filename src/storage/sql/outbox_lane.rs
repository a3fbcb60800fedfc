//! One repository's forge calls go one at a time: whose turn it is, and who holds it.

use std::time::Duration;

use super::{Connection, query};
use crate::domain::{RepoId, Timestamp};
use crate::storage::StoreError;
use crate::storage::records::{Lease, Leased};

/// The repository that is ready longest.
pub(in crate::storage) const NEXT: &str =
    "SELECT id, leased FROM outbox_lane WHERE ready_at <= $1 ORDER BY ready_at, id LIMIT 1";

/// Makes a repository with a new effect ready, not later than it is already: its row. While one of
/// its effects is out, only the end of the lease counts.
pub(in crate::storage) async fn wake(
    connection: &mut Connection,
    repo: RepoId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let row = query(
        "INSERT INTO outbox_lane (repo, ready_at, token) VALUES ($1, $2, 0)
         ON CONFLICT (repo) DO UPDATE SET ready_at = CASE
             WHEN outbox_lane.leased IS NOT NULL THEN outbox_lane.ready_at
             WHEN outbox_lane.ready_at < excluded.ready_at THEN outbox_lane.ready_at
             ELSE excluded.ready_at
         END
         RETURNING id",
    )
    .bind(repo.to_string())
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// The repository that is ready longest, and the effect whose lease ran out there, if any.
pub(in crate::storage) async fn next(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Option<(i64, Option<i64>)>, StoreError> {
    let row = query(NEXT).bind(now.0).fetch_optional(connection).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

/// Gives the repository's turn to one effect.
pub(in crate::storage) async fn take(
    connection: &mut Connection,
    lane: i64,
    effect: i64,
    now: Timestamp,
    lease: Duration,
) -> Result<Lease, StoreError> {
    let taken = query(
        "UPDATE outbox_lane SET token = token + 1, ready_at = $2, leased = $3, claimed_at = $4
         WHERE id = $1 RETURNING token",
    )
    .bind(lane)
    .bind(now.after(lease).0)
    .bind(effect)
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(Lease { on: Leased::Effect, lane, row: effect, token: taken.try_get(0)? })
}

/// When the repository was claimed, if the lease still holds.
pub(in crate::storage) async fn held(
    connection: &mut Connection,
    lease: &Lease,
) -> Result<Timestamp, StoreError> {
    if lease.on != Leased::Effect {
        return Err(StoreError::LeaseLost);
    }
    let held = query("SELECT claimed_at FROM outbox_lane WHERE id = $1 AND token = $2 AND leased = $3")
        .bind(lease.lane)
        .bind(lease.token)
        .bind(lease.row)
        .fetch_optional(connection)
        .await?;
    Ok(Timestamp(held.ok_or(StoreError::LeaseLost)?.try_get(0)?))
}

/// Moves the end of the lease, if it still holds.
pub(in crate::storage) async fn extend(
    connection: &mut Connection,
    lease: &Lease,
    until: Timestamp,
) -> Result<(), StoreError> {
    let extended = query("UPDATE outbox_lane SET ready_at = $4 WHERE id = $1 AND token = $2 AND leased = $3")
        .bind(lease.lane)
        .bind(lease.token)
        .bind(lease.row)
        .bind(until.0)
        .execute(connection)
        .await?;
    if extended.rows_affected() == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// Ends the turn. The repository is ready again when its next effect is due, but not before
/// `earliest`: behind every repository that is ready longer.
pub(in crate::storage) async fn release(
    connection: &mut Connection,
    lane: i64,
    earliest: Timestamp,
) -> Result<(), StoreError> {
    let row = query("SELECT MIN(due) FROM outbox WHERE lane = $1 AND status = 'waiting'")
        .bind(lane)
        .fetch_one(&mut *connection)
        .await?;
    let due: Option<i64> = row.try_get(0)?;
    query("UPDATE outbox_lane SET leased = NULL, ready_at = $2 WHERE id = $1")
        .bind(lane)
        .bind(due.map(|due| due.max(earliest.0)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends every turn: those repositories are ready at `now`. How many. The claim that follows finds the
/// effect among the waiting, tried once more than before.
pub(in crate::storage) async fn release_all(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<u64, StoreError> {
    query(
        "UPDATE outbox SET status = 'waiting', interruptions = interruptions + 1
         WHERE status = 'running' AND id IN (SELECT leased FROM outbox_lane WHERE leased IS NOT NULL)",
    )
    .execute(&mut *connection)
    .await?;
    let released = query(
        "UPDATE outbox_lane SET leased = NULL, token = token + 1, ready_at = $1 WHERE leased IS NOT NULL",
    )
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(released.rows_affected())
}

/// Ends one turn, if it still holds; how many did.
pub(in crate::storage) async fn give_back(
    connection: &mut Connection,
    lease: &Lease,
    now: Timestamp,
) -> Result<u64, StoreError> {
    query(
        "UPDATE outbox SET status = 'waiting', interruptions = interruptions + 1
         WHERE id = $2 AND status = 'running'
           AND EXISTS (SELECT 1 FROM outbox_lane WHERE outbox_lane.id = $1 AND token = $3 AND leased = $2)",
    )
    .bind(lease.lane)
    .bind(lease.row)
    .bind(lease.token)
    .execute(&mut *connection)
    .await?;
    let released = query(
        "UPDATE outbox_lane SET leased = NULL, token = token + 1, ready_at = $4
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

/// When the next repository becomes ready.
pub(in crate::storage) async fn next_ready(
    connection: &mut Connection,
) -> Result<Option<Timestamp>, StoreError> {
    let row = query("SELECT MIN(ready_at) FROM outbox_lane WHERE ready_at IS NOT NULL")
        .fetch_one(connection)
        .await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.map(Timestamp))
}
