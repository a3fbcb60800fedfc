//! Deliveries: kept once by the forge's id, whoever comes first.

use sqlx::AssertSqlSafe;

use super::{Connection, SLICE, encode, query};
use crate::domain::{ForgeKind, Timestamp};
use crate::storage::records::NewDelivery;
use crate::storage::{StoreError, body};

/// Stores a delivery: its row; none where the forge's id is stored already.
pub(in crate::storage) async fn insert(
    connection: &mut Connection,
    delivery: &NewDelivery,
    packed: &[u8],
) -> Result<Option<i64>, StoreError> {
    let row = query(
        "INSERT INTO delivery (forge, external_id, event, received_at, outcome, headers, body)
         VALUES ($1, $2, $3, $4, 'waiting', $5, $6)
         ON CONFLICT (forge, external_id) DO NOTHING
         RETURNING id",
    )
    .bind(delivery.forge.as_str())
    .bind(&delivery.id)
    .bind(&delivery.event)
    .bind(delivery.received_at.0)
    .bind(encode("the headers of a delivery", &delivery.headers)?)
    .bind(packed)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Stores that a delivery came and was ignored, without its content; false where the forge's id is
/// stored already.
pub(in crate::storage) async fn insert_ignored(
    connection: &mut Connection,
    delivery: &NewDelivery,
) -> Result<bool, StoreError> {
    let stored = query(
        "INSERT INTO delivery (forge, external_id, event, received_at, outcome, reason, headers)
         VALUES ($1, $2, $3, $4, 'ignored', $5, '[]')
         ON CONFLICT (forge, external_id) DO NOTHING",
    )
    .bind(delivery.forge.as_str())
    .bind(&delivery.id)
    .bind(&delivery.event)
    .bind(delivery.received_at.0)
    .bind(&delivery.ignored)
    .execute(connection)
    .await?;
    Ok(stored.rows_affected() > 0)
}

/// Whether a delivery of this id is stored.
pub(in crate::storage) async fn is_kept(
    connection: &mut Connection,
    forge: ForgeKind,
    id: &str,
) -> Result<bool, StoreError> {
    let row = query("SELECT 1 FROM delivery WHERE forge = $1 AND external_id = $2")
        .bind(forge.as_str())
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Whether the stored delivery of this id has this body. Where either was kept without its body, because
/// its repository is (or was) not served, nothing speaks against it.
pub(in crate::storage) async fn has_body(
    connection: &mut Connection,
    forge: ForgeKind,
    id: &str,
    body: Option<&[u8]>,
) -> Result<bool, StoreError> {
    let Some(body) = body else { return Ok(true) };
    let row = query("SELECT body FROM delivery WHERE forge = $1 AND external_id = $2")
        .bind(forge.as_str())
        .bind(id)
        .fetch_one(connection)
        .await?;
    match row.try_get::<Option<&[u8]>, _>("body")? {
        Some(packed) => Ok(body::unpack(packed)? == body),
        None => Ok(true),
    }
}

/// Notes how a delivery ended.
pub(in crate::storage) async fn end(
    connection: &mut Connection,
    row: i64,
    outcome: &str,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    query("UPDATE delivery SET outcome = $2, reason = $3 WHERE id = $1")
        .bind(row)
        .bind(outcome)
        .bind(reason)
        .execute(connection)
        .await?;
    Ok(())
}

/// The oldest deliveries that came before `$1` and are ended, at most `$2`.
const EXPIRED: &str = "
    SELECT id FROM delivery
    WHERE received_at < $1
      AND (outcome IN ('done', 'ignored')
           OR (outcome = 'dead' AND NOT EXISTS (
               SELECT 1 FROM job WHERE job.delivery = delivery.id AND job.status = 'dead')))
    ORDER BY received_at, id LIMIT $2";

/// Forgets some of the deliveries that came before `before` and are ended; how many. One that waits stays,
/// and a dead letter stays as long as its job is kept.
pub(in crate::storage) async fn prune(
    connection: &mut Connection,
    before: Timestamp,
) -> Result<u64, StoreError> {
    let mut pruned = 0;
    // A row's number may be given to another delivery later, so nothing keeps it.
    for forgets in [
        "UPDATE job SET cause = NULL WHERE cause IN",
        "UPDATE outbox SET cause = NULL WHERE cause IN",
        "DELETE FROM delivery WHERE id IN",
    ] {
        let done = query(AssertSqlSafe(format!("{forgets} ({EXPIRED})")))
            .bind(before.0)
            .bind(SLICE)
            .execute(&mut *connection)
            .await?;
        pruned = done.rows_affected();
    }
    Ok(pruned)
}
