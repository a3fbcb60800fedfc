//! Deliveries: kept once by the forge's id, whoever comes first.

use sqlx::Row as _;

use super::{Connection, encode};
use crate::domain::{Digest, ForgeKind, Timestamp};
use crate::storage::records::NewDelivery;
use crate::storage::{StoreError, body};

/// Stores a delivery; its row, or none where the forge's id is stored already.
pub(in crate::storage) async fn insert(
    connection: &mut Connection,
    delivery: &NewDelivery,
    packed: Option<&[u8]>,
) -> Result<Option<i64>, StoreError> {
    let headers = match packed {
        Some(_body) => encode("the headers of a delivery", &delivery.headers)?,
        None => "[]".to_owned(),
    };
    let (outcome, digest) = match packed {
        Some(_body) => ("waiting", None),
        None => ("ignored", Some(Digest::of(&delivery.body).to_string())),
    };
    let row = sqlx::query(
        "INSERT INTO delivery (forge, external_id, event, received_at, outcome, reason, headers, digest, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (forge, external_id) DO NOTHING
         RETURNING id",
    )
    .bind(delivery.forge.as_str())
    .bind(&delivery.id)
    .bind(&delivery.event)
    .bind(delivery.received_at.0)
    .bind(outcome)
    .bind(&delivery.ignored)
    .bind(headers)
    .bind(digest)
    .bind(packed)
    .fetch_optional(connection)
    .await?;
    row.map(|row| row.try_get(0)).transpose().map_err(Into::into)
}

/// Whether the stored delivery of this id has this body.
pub(in crate::storage) async fn has_body(
    connection: &mut Connection,
    forge: ForgeKind,
    id: &str,
    body: &[u8],
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT digest, body FROM delivery WHERE forge = $1 AND external_id = $2")
        .bind(forge.as_str())
        .bind(id)
        .fetch_one(connection)
        .await?;
    match row.try_get::<Option<String>, _>("digest")? {
        Some(digest) => Ok(digest == Digest::of(body).to_string()),
        None => Ok(body::unpack(row.try_get("body")?)? == body),
    }
}

/// Notes how a delivery ended.
pub(in crate::storage) async fn end(
    connection: &mut Connection,
    row: i64,
    outcome: &str,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE delivery SET outcome = $2, reason = $3 WHERE id = $1")
        .bind(row)
        .bind(outcome)
        .bind(reason)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets deliveries that came before `before` and are ended; how many. One that waits stays, and a
/// dead letter stays as long as its job is kept.
pub(in crate::storage) async fn prune(
    connection: &mut Connection,
    before: Timestamp,
) -> Result<u64, StoreError> {
    let pruned = sqlx::query(
        "DELETE FROM delivery
         WHERE received_at < $1
           AND (outcome IN ('done', 'ignored')
                OR (outcome = 'dead' AND NOT EXISTS (
                    SELECT 1 FROM job WHERE job.delivery = delivery.id AND job.status = 'dead')))",
    )
    .bind(before.0)
    .execute(connection)
    .await?;
    Ok(pruned.rows_affected())
}
