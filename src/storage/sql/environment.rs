//! Environments of models: the document, and every rollout by number, by place and by time.

use super::{Connection, Row, decode, encode, query};
use crate::domain::{ModelId, ModelName, RepoId, Rollout, Timestamp};
use crate::storage::StoreError;
use crate::storage::records::{NewEnvironments, StoredEnvironments};

/// The rollout that was in effect in an environment at a time, by the index alone.
pub(in crate::storage) const LIVE_AT: &str = "
    SELECT record FROM rollout
    WHERE repo = $1 AND model = $2 AND environment = $3 AND live_at <= $4 AND live_at IS NOT NULL
    ORDER BY live_at DESC, number DESC LIMIT 1";

/// Models with something on its way to an environment.
pub(in crate::storage) const OPEN_IN: &str =
    "SELECT DISTINCT model FROM rollout WHERE repo = $1 AND environment = $2 AND open ORDER BY model";

/// The document and its version; the default with version 0 where nothing is stored.
pub(in crate::storage) async fn load(
    connection: &mut Connection,
    id: &ModelId,
) -> Result<StoredEnvironments, StoreError> {
    let row = query("SELECT state, version FROM environments WHERE repo = $1 AND model = $2")
        .bind(id.repo.to_string())
        .bind(id.model.as_str())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(StoredEnvironments::default()) };
    let state = decode(&format!("the environments of {id}"), row.try_get(0)?)?;
    Ok(StoredEnvironments { state, version: row.try_get(1)? })
}

/// The documents of a repository's models, by model.
pub(in crate::storage) async fn of_repository(
    connection: &mut Connection,
    repo: RepoId,
) -> Result<Vec<(ModelName, StoredEnvironments)>, StoreError> {
    let rows = query("SELECT model, state, version FROM environments WHERE repo = $1 ORDER BY model")
        .bind(repo.to_string())
        .fetch_all(connection)
        .await?;
    let read = |row: Row| {
        let model = model_from(row.try_get(0)?)?;
        let state = decode(&format!("the environments of {repo}/{model}"), row.try_get(1)?)?;
        Ok((model, StoredEnvironments { state, version: row.try_get(2)? }))
    };
    rows.into_iter().map(read).collect()
}

/// Stores a document over the version that was read, and the rollouts that moved;
/// [`StoreError::Stale`] where that version is not the newest any more.
pub(in crate::storage) async fn save(
    connection: &mut Connection,
    new: &NewEnvironments,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Version 0 means that there was no row: then only an insert may succeed, else only an update.
    let text = if new.expected == 0 {
        "INSERT INTO environments (repo, model, version, state, updated_at) VALUES ($1, $2, $3 + 1, $4, $5)
         ON CONFLICT (repo, model) DO NOTHING"
    } else {
        "UPDATE environments SET version = $3 + 1, state = $4, updated_at = $5
         WHERE repo = $1 AND model = $2 AND version = $3"
    };
    let stored = query(text)
        .bind(new.id.repo.to_string())
        .bind(new.id.model.as_str())
        .bind(new.expected)
        .bind(encode("environments", &new.state)?)
        .bind(now.0)
        .execute(&mut *connection)
        .await?;
    if stored.rows_affected() != 1 {
        return Err(StoreError::Stale);
    }
    for rollout in &new.rollouts {
        save_rollout(connection, &new.id, rollout).await?;
    }
    Ok(())
}

async fn save_rollout(
    connection: &mut Connection,
    id: &ModelId,
    rollout: &Rollout,
) -> Result<(), StoreError> {
    // A rollout is in effect for good only once git says so too.
    let live_at = rollout.live_at.filter(|_| rollout.step == crate::domain::RolloutStep::Live);
    query(
        "INSERT INTO rollout (repo, model, number, environment, open, live_at, record)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (repo, model, number) DO UPDATE
         SET open = excluded.open, live_at = excluded.live_at, record = excluded.record",
    )
    .bind(id.repo.to_string())
    .bind(id.model.as_str())
    .bind(i64::try_from(rollout.number).unwrap_or(i64::MAX))
    .bind(&rollout.environment)
    .bind(!rollout.is_over())
    .bind(live_at.map(|at| at.0))
    .bind(encode("a rollout", rollout)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// One rollout.
pub(in crate::storage) async fn rollout(
    connection: &mut Connection,
    id: &ModelId,
    number: u64,
) -> Result<Option<Rollout>, StoreError> {
    let row = query("SELECT record FROM rollout WHERE repo = $1 AND model = $2 AND number = $3")
        .bind(id.repo.to_string())
        .bind(id.model.as_str())
        .bind(i64::try_from(number).unwrap_or(i64::MAX))
        .fetch_optional(connection)
        .await?;
    row.map(|row| read(id, &row)).transpose()
}

/// The rollout whose version was live in an environment at a time.
pub(in crate::storage) async fn live_at(
    connection: &mut Connection,
    id: &ModelId,
    environment: &str,
    at: Timestamp,
) -> Result<Option<Rollout>, StoreError> {
    let row = query(LIVE_AT)
        .bind(id.repo.to_string())
        .bind(id.model.as_str())
        .bind(environment)
        .bind(at.0)
        .fetch_optional(connection)
        .await?;
    row.map(|row| read(id, &row)).transpose()
}

/// Names of models of a repository that have something on its way to this environment.
pub(in crate::storage) async fn open_in(
    connection: &mut Connection,
    repo: RepoId,
    environment: &str,
) -> Result<Vec<ModelId>, StoreError> {
    let rows = query(OPEN_IN).bind(repo.to_string()).bind(environment).fetch_all(connection).await?;
    let read = |row: Row| Ok(ModelId { repo, model: model_from(row.try_get(0)?)? });
    rows.into_iter().map(read).collect()
}

fn model_from(name: &str) -> Result<ModelName, StoreError> {
    name.parse().map_err(|error| StoreError::Damaged(format!("the name of a model: {error}")))
}

fn read(id: &ModelId, row: &Row) -> Result<Rollout, StoreError> {
    decode(&format!("a rollout of {id}"), row.try_get(0)?)
}
