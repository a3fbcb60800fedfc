//! What the sweeps over the forge have to compare, and how far they came.

use sqlx::AssertSqlSafe;

use super::{Connection, Row, decode, lane_from, merge_request_from, query};
use crate::domain::{Lane, MergeRequestId, ModelName, RepoId, Timestamp};
use crate::storage::StoreError;
use crate::storage::records::KnownMergeRequest;

const KNOWN: &str = "SELECT id, open, state, updated_at FROM merge_request";

/// Since when we serve: told once, by the first who asks.
pub(in crate::storage) async fn serving_since(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    query("INSERT INTO service (id, since) VALUES (1, $1) ON CONFLICT (id) DO NOTHING")
        .bind(now.0)
        .execute(&mut *connection)
        .await?;
    let row = query("SELECT since FROM service").fetch_one(connection).await?;
    Ok(Timestamp(row.try_get(0)?))
}

/// Repositories of which anything was ever kept.
pub(in crate::storage) async fn repositories(connection: &mut Connection) -> Result<Vec<RepoId>, StoreError> {
    let rows = query(
        "SELECT repo FROM sweep
         UNION SELECT repo FROM merge_request WHERE open
         UNION SELECT name FROM lane WHERE name NOT LIKE '%!%'",
    )
    .fetch_all(connection)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        match lane_from(row.try_get(0)?)? {
            Lane::Repository(repo) => found.push(repo),
            Lane::MergeRequest(id) => found.push(id.repo),
            Lane::Model(id) => found.push(id.repo),
            // What names no repository is kept in a lane of its forge.
            Lane::Forge(_) => {}
        }
    }
    Ok(found)
}

/// Models of a repository that are on their way to an environment or back.
pub(in crate::storage) async fn moving_models(
    connection: &mut Connection,
    repo: RepoId,
) -> Result<Vec<ModelName>, StoreError> {
    let rows = query("SELECT DISTINCT model FROM rollout WHERE repo = $1 AND open ORDER BY model")
        .bind(repo.to_string())
        .fetch_all(connection)
        .await?;
    let read = |row: Row| {
        let name: &str = row.try_get(0)?;
        name.parse().map_err(|error| StoreError::Damaged(format!("the name of a model: {error}")))
    };
    rows.into_iter().map(read).collect()
}

/// Up to when a repository was swept.
pub(in crate::storage) async fn swept_at(
    connection: &mut Connection,
    repo: RepoId,
) -> Result<Option<Timestamp>, StoreError> {
    let row = query("SELECT swept_at FROM sweep WHERE repo = $1")
        .bind(repo.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(Timestamp(row.try_get(0)?))).transpose()
}

/// Notes up to when a repository was swept.
pub(in crate::storage) async fn set_swept_at(
    connection: &mut Connection,
    repo: RepoId,
    at: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO sweep (repo, swept_at) VALUES ($1, $2)
         ON CONFLICT (repo) DO UPDATE SET swept_at = excluded.swept_at",
    )
    .bind(repo.to_string())
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// One merge request, where it was ever decided.
pub(in crate::storage) async fn known(
    connection: &mut Connection,
    id: MergeRequestId,
) -> Result<Option<KnownMergeRequest>, StoreError> {
    let row = query(AssertSqlSafe(format!("{KNOWN} WHERE id = $1")))
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Merge requests of a repository about which something may still happen by itself: the open ones,
/// and those being merged, published or judged anew after the merge.
pub(in crate::storage) async fn unfinished(
    connection: &mut Connection,
    repo: RepoId,
) -> Result<Vec<KnownMergeRequest>, StoreError> {
    let rows = query(AssertSqlSafe(format!(
        "{KNOWN} WHERE repo = $1 AND open
         UNION {KNOWN} WHERE repo = $1 AND id IN (
             SELECT merge_request FROM merge_request_model
             WHERE phase IN ('Merging', 'Publishing', 'Building', 'Testing', 'InfraError', 'GateFailed'))"
    )))
    .bind(repo.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<KnownMergeRequest, StoreError> {
    let id = merge_request_from(row.try_get(0)?)?;
    Ok(KnownMergeRequest {
        id,
        open: row.try_get(1)?,
        state: decode(&format!("the state of {id}"), row.try_get(2)?)?,
        decided_at: Timestamp(row.try_get(3)?),
    })
}
