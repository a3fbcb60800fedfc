//! The audit log: append-only, each row chained to the one before it.

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::{Connection, Row, decode, encode, query, without_nul};
use crate::domain::{Audit, Timestamp};
use crate::storage::StoreError;
use crate::storage::records::{AuditEnd, AuditRow, BrokenAudit};

/// One row's content, as it is hashed.
struct Entry<'a> {
    id: i64,
    at: i64,
    lane: &'a str,
    kind: &'a str,
    actor: Option<&'a str>,
    what: &'a str,
    detail: &'a str,
}

impl Entry<'_> {
    /// Covers every field with its length, so that no two contents share one form.
    fn hash(&self, previous: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.id.to_le_bytes());
        hash.update(self.at.to_le_bytes());
        hash.update([u8::from(self.actor.is_some())]);
        let actor = self.actor.unwrap_or_default();
        for part in [previous, self.lane, self.kind, actor, self.what, self.detail] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }
}

/// Appends entries.
pub(in crate::storage) async fn append(
    connection: &mut Connection,
    lane: &str,
    entries: &[Audit],
    now: Timestamp,
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let Head { length: mut id, hash: mut previous, .. } = head(connection).await?;
    for entry in entries {
        id += 1;
        let detail = encode("the detail of an audit entry", &entry.detail)?;
        // Hashed as every database keeps it.
        let (actor, what) = (entry.actor.as_deref().map(without_nul), without_nul(&entry.what));
        let content = Entry {
            id,
            at: now.0,
            lane,
            kind: &entry.kind,
            actor: actor.as_deref(),
            what: &what,
            detail: &detail,
        };
        let hash = content.hash(&previous);
        query(
            "INSERT INTO audit (id, at, lane, kind, actor, what, detail, previous, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id)
        .bind(now.0)
        .bind(lane)
        .bind(&entry.kind)
        .bind(actor.as_deref())
        .bind(&*what)
        .bind(&detail)
        .bind(&previous)
        .bind(&hash)
        .execute(&mut *connection)
        .await?;
        previous = hash;
    }
    query("UPDATE audit_head SET length = $1, hash = $2 WHERE id = 1")
        .bind(id)
        .bind(previous)
        .execute(connection)
        .await?;
    Ok(())
}

/// Where the log ends.
struct Head {
    length: i64,
    hash: String,
    /// The highest number of any row.
    highest: i64,
}

async fn head(connection: &mut Connection) -> Result<Head, StoreError> {
    let row =
        query("SELECT length, hash, COALESCE((SELECT MAX(id) FROM audit), 0) FROM audit_head WHERE id = 1")
            .fetch_one(connection)
            .await?;
    Ok(Head { length: row.try_get(0)?, hash: row.try_get(1)?, highest: row.try_get(2)? })
}

/// At most `limit` rows behind row `after`, the oldest first.
pub(in crate::storage) async fn rows(
    connection: &mut Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let rows = query(
        "SELECT id, at, lane, kind, actor, what, detail, previous, hash FROM audit
         WHERE id > $1 ORDER BY id LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    let read = |row: &Row| {
        Ok(AuditRow {
            id: row.try_get("id")?,
            at: Timestamp(row.try_get("at")?),
            lane: row.try_get("lane")?,
            kind: row.try_get("kind")?,
            actor: row.try_get("actor")?,
            what: row.try_get("what")?,
            detail: decode("the detail of an audit entry", row.try_get("detail")?)?,
            previous: row.try_get("previous")?,
            hash: row.try_get("hash")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Where the log ends, or the first row that is not as it was written.
pub(in crate::storage) async fn verify(
    connection: &mut Connection,
) -> Result<Result<AuditEnd, BrokenAudit>, StoreError> {
    // The end is read first: what is appended meanwhile lies behind it.
    let end = head(connection).await?;
    let mut rows = query(
        "SELECT id, at, lane, kind, actor, what, detail, previous, hash FROM audit WHERE id <= $1 ORDER BY id",
    )
    .bind(end.length)
    .fetch(connection);
    let (mut last, mut previous) = (0, "0".repeat(64));
    while let Some(row) = rows.next().await {
        let (id, hash) = match check(&row?, last, &previous)? {
            Ok(found) => found,
            Err(broken) => return Ok(Err(broken)),
        };
        (last, previous) = (id, hash);
    }
    let broken = |why| Ok(Err(BrokenAudit { row: last + 1, why }));
    match () {
        () if last < end.length => broken("rows at the end are missing"),
        () if previous != end.hash => broken("the log does not end with the hash that was noted"),
        () if end.highest > end.length => broken("the row stands behind the noted end of the log"),
        () => Ok(Ok(AuditEnd { rows: end.length, hash: end.hash })),
    }
}

/// One row against the one before it: its number and hash.
fn check(row: &Row, last: i64, previous: &str) -> Result<Result<(i64, String), BrokenAudit>, StoreError> {
    let entry = Entry {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        lane: row.try_get("lane")?,
        kind: row.try_get("kind")?,
        actor: row.try_get("actor")?,
        what: row.try_get("what")?,
        detail: row.try_get("detail")?,
    };
    let hash: String = row.try_get("hash")?;
    let broken = |row, why| Ok(Err(BrokenAudit { row, why }));
    if entry.id != last + 1 {
        return broken(last + 1, "the row is missing");
    }
    if row.try_get::<&str, _>("previous")? != previous {
        return broken(entry.id, "the row does not follow the one before it");
    }
    if entry.hash(previous) != hash {
        return broken(entry.id, "the row's content is not what was written");
    }
    Ok(Ok((entry.id, hash)))
}
