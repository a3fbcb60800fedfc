//! Merge requests: the state document, and what pages and events look them up by.

use super::{Connection, decode, encode, merge_request_from, query};
use crate::domain::{MergeRequestId, Phase, RepoId, Sha, State, Timestamp};
use crate::storage::StoreError;
use crate::storage::records::{NewState, StoredState};

/// The state and its version; the default with version 0 where nothing is stored.
pub(in crate::storage) async fn load(
    connection: &mut Connection,
    id: MergeRequestId,
) -> Result<StoredState, StoreError> {
    let row = query("SELECT state, version FROM merge_request WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(StoredState::default()) };
    let state = decode(&format!("the state of {id}"), row.try_get(0)?)?;
    Ok(StoredState { state, version: row.try_get(1)? })
}

/// Stores a state over the version that was read; [`StoreError::Stale`] where that is not the
/// newest any more.
pub(in crate::storage) async fn save(
    connection: &mut Connection,
    new: &NewState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (bound, shown) = (new.state.bound.as_ref(), &new.state.shown);
    // What it speaks of may be ahead of what is bound: an invalid file binds nothing.
    let speaks_of = shown.statuses_on.as_ref().filter(|_| !shown.said.own.is_empty()).map(|(sha, _)| sha);
    let head = speaks_of.or(bound.map(|bound| &bound.head)).map(Sha::as_str);
    let target = bound.map(|bound| bound.target.as_str());
    // Version 0 means that there was no row: then only an insert may succeed, else only an update.
    let text = if new.expected == 0 {
        "INSERT INTO merge_request
             (id, repo, version, state, head, target, open, title, web_url, repository, updated_at)
         VALUES ($1, $2, $3 + 1, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO NOTHING"
    } else {
        "UPDATE merge_request
         SET repo = $2, version = $3 + 1, state = $4, head = $5, target = $6, open = $7, title = $8,
             web_url = $9, repository = $10, updated_at = $11
         WHERE id = $1 AND version = $3"
    };
    let stored = query(text)
        .bind(new.id.to_string())
        .bind(new.id.repo.to_string())
        .bind(new.expected)
        .bind(encode("a state", &new.state)?)
        .bind(head)
        .bind(target)
        .bind(new.open)
        .bind(&new.title)
        .bind(&new.web_url)
        .bind(&new.repository)
        .bind(now.0)
        .execute(&mut *connection)
        .await?;
    if stored.rows_affected() != 1 {
        return Err(StoreError::Stale);
    }
    save_models(connection, new.id, &new.state).await
}

/// Draws the models' rows from the state; rows that stay as they are are not written.
async fn save_models(
    connection: &mut Connection,
    id: MergeRequestId,
    state: &State,
) -> Result<(), StoreError> {
    for (name, model) in &state.models {
        query(
            "INSERT INTO merge_request_model (merge_request, model, phase, since, candidate)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (merge_request, model) DO UPDATE
             SET phase = excluded.phase, since = excluded.since, candidate = excluded.candidate
             WHERE merge_request_model.phase <> excluded.phase
                OR merge_request_model.since <> excluded.since
                OR merge_request_model.candidate <> excluded.candidate",
        )
        .bind(id.to_string())
        .bind(name.as_str())
        .bind(model.phase.to_string())
        .bind(model.since.0)
        .bind(i64::from(model.candidate))
        .execute(&mut *connection)
        .await?;
    }
    let stored = query("SELECT model FROM merge_request_model WHERE merge_request = $1")
        .bind(id.to_string())
        .fetch_all(&mut *connection)
        .await?;
    for row in stored {
        let name: &str = row.try_get(0)?;
        if !state.models.keys().any(|known| known.as_str() == name) {
            query("DELETE FROM merge_request_model WHERE merge_request = $1 AND model = $2")
                .bind(id.to_string())
                .bind(name)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// The full path of the repository that a merge request belongs to.
pub(in crate::storage) async fn repository(
    connection: &mut Connection,
    id: MergeRequestId,
) -> Result<Option<String>, StoreError> {
    let row = query("SELECT repository FROM merge_request WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Open merge requests whose bound head is this commit.
pub(in crate::storage) async fn with_head(
    connection: &mut Connection,
    repo: RepoId,
    head: &Sha,
) -> Result<Vec<MergeRequestId>, StoreError> {
    let rows = query("SELECT id FROM merge_request WHERE repo = $1 AND head = $2 AND open ORDER BY id")
        .bind(repo.to_string())
        .bind(head.as_str())
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(|row| merge_request_from(row.try_get(0)?)).collect()
}

/// Open merge requests into this branch.
pub(in crate::storage) async fn into_branch(
    connection: &mut Connection,
    repo: RepoId,
    branch: &str,
) -> Result<Vec<MergeRequestId>, StoreError> {
    let rows = query("SELECT id FROM merge_request WHERE repo = $1 AND target = $2 AND open ORDER BY id")
        .bind(repo.to_string())
        .bind(branch)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(|row| merge_request_from(row.try_get(0)?)).collect()
}

/// How many models of merge requests stand in each of `phases`.
pub(in crate::storage) async fn count_in(
    connection: &mut Connection,
    phases: &[Phase],
) -> Result<Vec<(Phase, u64)>, StoreError> {
    let mut counts = Vec::with_capacity(phases.len());
    for phase in phases {
        let row = query("SELECT COUNT(*) FROM merge_request_model WHERE phase = $1")
            .bind(phase.to_string())
            .fetch_one(&mut *connection)
            .await?;
        counts.push((*phase, row.try_get::<i64, _>(0)?.unsigned_abs()));
    }
    Ok(counts)
}
