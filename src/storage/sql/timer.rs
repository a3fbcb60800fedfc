//! Timers: one a lane.

use super::{Connection, query};
use crate::domain::Timestamp;
use crate::storage::StoreError;

/// Sets the lane's timer; an earlier one is replaced.
pub(in crate::storage) async fn set(
    connection: &mut Connection,
    lane: i64,
    due: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO timer (lane, due) VALUES ($1, $2) ON CONFLICT (lane) DO UPDATE SET due = excluded.due",
    )
    .bind(lane)
    .bind(due.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the timers that are due: names of their lanes, the longest due first.
pub(in crate::storage) async fn take_due(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let rows = query(
        "SELECT lane.name FROM timer JOIN lane ON lane.id = timer.lane WHERE timer.due <= $1 ORDER BY timer.due, lane.id",
    )
    .bind(now.0)
    .fetch_all(&mut *connection)
    .await?;
    if !rows.is_empty() {
        query("DELETE FROM timer WHERE due <= $1").bind(now.0).execute(connection).await?;
    }
    rows.into_iter().map(|row| row.try_get(0).map_err(Into::into)).collect()
}

/// When the next timer is due.
pub(in crate::storage) async fn next_due(
    connection: &mut Connection,
) -> Result<Option<Timestamp>, StoreError> {
    let row = query("SELECT MIN(due) FROM timer").fetch_one(connection).await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.map(Timestamp))
}
