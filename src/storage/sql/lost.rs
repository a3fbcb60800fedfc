//! Deliveries that never arrived, and how far the logs were read in which they were found.

use super::{Connection, lane_from, number_from, query};
use crate::domain::{Healing, Lane, RepoId, Timestamp};
use crate::storage::StoreError;
use crate::storage::lost::{HookRead, LostDelivery};

/// How far the log of a hook was read.
pub(in crate::storage) async fn hook_read(
    connection: &mut Connection,
    hook: &Lane,
) -> Result<Option<HookRead>, StoreError> {
    let row = query("SELECT read_at, newest, hindrance FROM hook WHERE name = $1")
        .bind(hook.to_string())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let newest: Option<&str> = row.try_get(1)?;
    Ok(Some(HookRead {
        at: Timestamp(row.try_get(0)?),
        newest: newest.map(number_from).transpose()?,
        hindrance: row.try_get(2)?,
    }))
}

/// Notes why a log cannot be read; how far it was read stays.
pub(in crate::storage) async fn hook_closed(
    connection: &mut Connection,
    hook: &Lane,
    from: Timestamp,
    why: &str,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO hook (name, read_at, hindrance) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET hindrance = excluded.hindrance",
    )
    .bind(hook.to_string())
    .bind(from.0)
    .bind(why)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes how far a log was read.
pub(in crate::storage) async fn set_hook_read(
    connection: &mut Connection,
    hook: &Lane,
    at: Timestamp,
    newest: u64,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO hook (name, read_at, newest) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE
         SET read_at = excluded.read_at, newest = excluded.newest, hindrance = NULL",
    )
    .bind(hook.to_string())
    .bind(at.0)
    .bind(newest.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes a delivery that is neither here nor noted already; how many rows that makes.
pub(in crate::storage) async fn insert(
    connection: &mut Connection,
    hook: &Lane,
    lost: &LostDelivery,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let done = query(
        "INSERT INTO lost (repo, id, also, hook, attempt, event, failed_at, found_at, status)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, 'waiting'
         WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE forge = $9 AND external_id IN ($2, $3))
         ON CONFLICT (repo, id) DO NOTHING",
    )
    .bind(lost.repo.to_string())
    .bind(&lost.id)
    .bind(&lost.also)
    .bind(hook.to_string())
    .bind(lost.attempt.to_string())
    .bind(&lost.event)
    .bind(lost.failed_at.0)
    .bind(now.0)
    .bind(lost.repo.forge.as_str())
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Marks the oldest one that waits and has not arrived by itself as asked for, and shows it; none when `most`
/// were asked for after `since`. Numbers of one length sort as numbers.
pub(in crate::storage) async fn take(
    connection: &mut Connection,
    hook: &Lane,
    now: Timestamp,
    (most, since): (u32, Timestamp),
) -> Result<Option<LostDelivery>, StoreError> {
    let forge = match hook {
        Lane::Forge(forge) => *forge,
        Lane::MergeRequest(id) => id.repo.forge,
        Lane::Model(id) => id.repo.forge,
        Lane::Repository(repo) => repo.forge,
    };
    let row = query(
        "UPDATE lost SET status = 'asked', asked_at = $2
         WHERE status = 'waiting' AND (repo, id) = (
             SELECT one.repo, one.id FROM lost AS one
             WHERE one.hook = $1 AND one.status = 'waiting'
               AND NOT EXISTS (SELECT 1 FROM delivery
                               WHERE forge = $5 AND external_id IN (one.id, one.also))
               AND (SELECT COUNT(*) FROM lost AS earlier
                    WHERE earlier.hook = $1 AND earlier.asked_at > $3) < $4
             ORDER BY one.failed_at, LENGTH(one.attempt), one.attempt LIMIT 1)
         RETURNING repo, id, also, attempt, event, failed_at",
    )
    .bind(hook.to_string())
    .bind(now.0)
    .bind(since.0)
    .bind(i64::from(most))
    .bind(forge.as_str())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let Lane::Repository(repo) = lane_from(row.try_get(0)?)? else {
        return Err(StoreError::Damaged("a lost delivery is of no repository".to_owned()));
    };
    Ok(Some(LostDelivery {
        repo,
        id: row.try_get(1)?,
        also: row.try_get(2)?,
        attempt: number_from(row.try_get(3)?)?,
        event: row.try_get(4)?,
        failed_at: Timestamp(row.try_get(5)?),
    }))
}

/// It waits again.
pub(in crate::storage) async fn give_back(
    connection: &mut Connection,
    repo: RepoId,
    id: &str,
) -> Result<(), StoreError> {
    query(
        "UPDATE lost SET status = 'waiting', asked_at = NULL
         WHERE repo = $1 AND id = $2 AND status = 'asked'",
    )
    .bind(repo.to_string())
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// It will not come.
pub(in crate::storage) async fn refuse(
    connection: &mut Connection,
    repo: RepoId,
    id: &str,
) -> Result<(), StoreError> {
    query("UPDATE lost SET status = 'refused' WHERE repo = $1 AND id = $2 AND status = 'asked'")
        .bind(repo.to_string())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// What was lost of a repository, and what became of it.
pub(in crate::storage) async fn healing(
    connection: &mut Connection,
    repo: RepoId,
) -> Result<Healing, StoreError> {
    let row = query(
        "SELECT MIN(failed_at), COUNT(*), COUNT(asked_at),
                COUNT(CASE WHEN EXISTS (SELECT 1 FROM delivery
                                        WHERE forge = $2 AND external_id IN (lost.id, lost.also)) THEN 1 END),
                COUNT(CASE WHEN status = 'refused' THEN 1 END)
         FROM lost WHERE repo = $1",
    )
    .bind(repo.to_string())
    .bind(repo.forge.as_str())
    .fetch_one(&mut *connection)
    .await?;
    let count = |column: usize| -> Result<u64, StoreError> {
        let number: i64 = row.try_get(column)?;
        Ok(u64::try_from(number).unwrap_or(0))
    };
    let since: Option<i64> = row.try_get(0)?;
    let (lost, asked, arrived, refused) = (count(1)?, count(2)?, count(3)?, count(4)?);
    let hindered = query("SELECT hindrance FROM hook WHERE name IN ($1, $2) AND hindrance IS NOT NULL")
        .bind(repo.to_string())
        .bind(repo.forge.as_str())
        .fetch_optional(connection)
        .await?;
    let hindrance = hindered.map(|row| row.try_get(0)).transpose()?;
    Ok(Healing { hindrance, since: since.map(Timestamp), lost, asked, arrived, refused })
}

/// Forgets what was found before `before`, with the deliveries of that time.
pub(in crate::storage) async fn prune(
    connection: &mut Connection,
    before: Timestamp,
) -> Result<(), StoreError> {
    query("DELETE FROM lost WHERE found_at < $1").bind(before.0).execute(connection).await?;
    Ok(())
}
