//! Deliveries with what they led to, as an operator asks for them, and dead letters put back to work.

use sqlx::AssertSqlSafe;

use super::trial::FORGE as TRIAL;
use super::{Connection, Row, decode, lane_from, outbox_lane, owner_from, query};
use crate::domain::{Effect, ForgeKind, InternalEvent, Lane, Timestamp};
use crate::storage::letters::{DeliveryFilter, DeliveryLine, DeliveryRecord, DeliveryStep};
use crate::storage::{StoreError, body};

/// A line of the list. The dead ones are few, and each has an index of its own.
const LINE: &str = "
    SELECT delivery.id, forge, external_id, event, received_at, outcome, reason,
           (SELECT COUNT(*) FROM job
            WHERE job.status = 'dead' AND (job.delivery = delivery.id OR job.cause = delivery.id))
           + (SELECT COUNT(*) FROM outbox WHERE outbox.cause = delivery.id AND outbox.status = 'dead') AS dead";

/// Where something was given up.
const IS_DEAD: &str = "delivery.id IN (
    SELECT COALESCE(delivery, cause) FROM job WHERE status = 'dead'
    UNION SELECT cause FROM outbox WHERE status = 'dead'
    UNION SELECT id FROM delivery WHERE outcome = 'dead')";

const JOB: &str = "
    SELECT job.id, lane.name, job.event, job.status, job.attempts, job.error, job.created_at, job.ended_at
    FROM job JOIN lane ON lane.id = job.lane";

const CALL: &str = "
    SELECT id, merge_request, slot, status, attempts, error, created_at, ended_at FROM outbox";

/// Deliveries that fit, the newest first.
pub(in crate::storage) async fn list(
    connection: &mut Connection,
    wanted: &DeliveryFilter,
) -> Result<Vec<DeliveryLine>, StoreError> {
    let dead = if wanted.dead { IS_DEAD } else { "TRUE" };
    let rows = query(AssertSqlSafe(format!(
        "{LINE} FROM delivery
         WHERE ($1 IS NULL OR forge = $1) AND ($2 IS NULL OR outcome = $2) AND ($3 IS NULL OR event = $3) AND {dead}
           AND forge <> '{TRIAL}'
         ORDER BY received_at DESC, delivery.id DESC LIMIT $4"
    )))
    .bind(wanted.forge.map(ForgeKind::as_str))
    .bind(wanted.outcome)
    .bind(&wanted.event)
    .bind(wanted.limit)
    .fetch_all(&mut *connection)
    .await?;
    let mut lines = rows.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    if wanted.dead {
        let orphans = orphans(connection).await?.into_iter().filter(|line| {
            wanted.forge.is_none_or(|forge| forge == line.forge)
                && wanted.outcome.is_none_or(|outcome| outcome == line.outcome)
                && wanted.event.as_ref().is_none_or(|event| *event == line.event)
        });
        lines.extend(orphans);
        lines.sort_by_key(|line| std::cmp::Reverse(line.received_at));
        lines.truncate(usize::try_from(wanted.limit).unwrap_or(usize::MAX));
    }
    Ok(lines)
}

fn listed(row: &Row) -> Result<DeliveryLine, StoreError> {
    let forge: &str = row.try_get("forge")?;
    Ok(DeliveryLine {
        id: row.try_get("external_id")?,
        forge: forge.parse().map_err(|error| StoreError::Damaged(format!("a delivery's forge: {error}")))?,
        event: row.try_get("event")?,
        received_at: Timestamp(row.try_get("received_at")?),
        outcome: row.try_get("outcome")?,
        reason: row.try_get("reason")?,
        dead: row.try_get::<i64, _>("dead")?.unsigned_abs(),
    })
}

/// Dead letters that no stored delivery led to.
async fn orphans(connection: &mut Connection) -> Result<Vec<DeliveryLine>, StoreError> {
    let jobs = query(AssertSqlSafe(format!(
        "{JOB} WHERE job.status = 'dead' AND job.delivery IS NULL AND job.cause IS NULL"
    )))
    .fetch_all(&mut *connection)
    .await?;
    let calls = query(AssertSqlSafe(format!("{CALL} WHERE status = 'dead' AND cause IS NULL")))
        .fetch_all(connection)
        .await?;
    let jobs = jobs.iter().map(|row| Ok(("job", job_step(row)?)));
    let calls = calls.iter().map(|row| Ok(("call", call_step(row)?)));
    let line = |found: Result<(&str, DeliveryStep), StoreError>| {
        let (kind, step) = found?;
        let forge = match lane_from(&step.of)? {
            Lane::MergeRequest(id) => id.repo.forge,
            Lane::Model(id) => id.repo.forge,
            Lane::Repository(repo) => repo.forge,
            Lane::Forge(forge) => forge,
        };
        Ok(DeliveryLine {
            id: format!("{kind}-{}", step.row),
            forge,
            event: step.what,
            received_at: step.since,
            outcome: step.status,
            reason: step.error,
            dead: 1,
        })
    };
    jobs.chain(calls).map(line).collect()
}

/// Deliveries of this id with their rows; what they led to is not filled in.
pub(in crate::storage) async fn deliveries(
    connection: &mut Connection,
    forge: Option<ForgeKind>,
    id: &str,
) -> Result<Vec<(i64, DeliveryRecord)>, StoreError> {
    let rows = query(AssertSqlSafe(format!(
        "{LINE}, headers, body FROM delivery WHERE external_id = $1 AND ($2 IS NULL OR forge = $2)
         AND forge IN ('github', 'gitlab')"
    )))
    .bind(id)
    .bind(forge.map(ForgeKind::as_str))
    .fetch_all(connection)
    .await?;
    let read = |row: &Row| {
        let packed: Option<&[u8]> = row.try_get("body")?;
        let record = DeliveryRecord {
            delivery: Some(listed(row)?),
            headers: decode("the headers of a delivery", row.try_get("headers")?)?,
            body: packed.map(body::unpack).transpose()?,
            jobs: Vec::new(),
            calls: Vec::new(),
        };
        Ok((row.try_get("id")?, record))
    };
    rows.iter().map(read).collect()
}

/// Jobs that a delivery is or led to and that are not done.
pub(in crate::storage) async fn jobs_of(
    connection: &mut Connection,
    delivery: i64,
) -> Result<Vec<DeliveryStep>, StoreError> {
    let sql = format!("{JOB} WHERE job.delivery = $1 OR job.cause = $1 ORDER BY job.id");
    let rows = query(AssertSqlSafe(sql)).bind(delivery).fetch_all(connection).await?;
    rows.iter().map(job_step).collect()
}

/// Forge calls that a delivery led to.
pub(in crate::storage) async fn calls_of(
    connection: &mut Connection,
    delivery: i64,
) -> Result<Vec<DeliveryStep>, StoreError> {
    let sql = format!("{CALL} WHERE cause = $1 ORDER BY id");
    let rows = query(AssertSqlSafe(sql)).bind(delivery).fetch_all(connection).await?;
    rows.iter().map(call_step).collect()
}

/// One job.
pub(in crate::storage) async fn job(
    connection: &mut Connection,
    row: i64,
) -> Result<Option<DeliveryStep>, StoreError> {
    let found = query(AssertSqlSafe(format!("{JOB} WHERE job.id = $1"))).bind(row);
    found.fetch_optional(connection).await?.as_ref().map(job_step).transpose()
}

/// One forge call.
pub(in crate::storage) async fn call(
    connection: &mut Connection,
    row: i64,
) -> Result<Option<DeliveryStep>, StoreError> {
    let found = query(AssertSqlSafe(format!("{CALL} WHERE id = $1"))).bind(row);
    found.fetch_optional(connection).await?.as_ref().map(call_step).transpose()
}

fn job_step(row: &Row) -> Result<DeliveryStep, StoreError> {
    let own: Option<&str> = row.try_get("event")?;
    step(row, row.try_get("name")?, own.map_or_else(|| "delivery".to_owned(), own_name))
}

/// The name of an event of our own.
fn own_name(event: &str) -> String {
    let Ok(known) = serde_json::from_str(event) else { return "unreadable".to_owned() };
    match known {
        InternalEvent::Refresh => "refresh".to_owned(),
        InternalEvent::StatusForged => "status_forged".to_owned(),
        InternalEvent::Comment { id } => format!("comment {}", id.0),
        InternalEvent::Pushed { branch } => format!("pushed {branch}"),
        InternalEvent::Effect { slot, .. } => format!("outcome of {slot}"),
    }
}

fn call_step(row: &Row) -> Result<DeliveryStep, StoreError> {
    step(row, row.try_get("merge_request")?, row.try_get("slot")?)
}

fn step(row: &Row, of: String, what: String) -> Result<DeliveryStep, StoreError> {
    Ok(DeliveryStep {
        row: row.try_get("id")?,
        of,
        what,
        status: row.try_get("status")?,
        tries: row.try_get::<i64, _>("attempts")?.unsigned_abs(),
        error: row.try_get("error")?,
        since: Timestamp(row.try_get("created_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Timestamp),
    })
}

/// Puts a dead job back into its lane, as if it had never been tried: due since it was given up, by the clock
/// of the process that did so, which need not be that of whoever asks.
pub(in crate::storage) async fn revive_job(connection: &mut Connection, job: i64) -> Result<(), StoreError> {
    for step in [
        "UPDATE delivery SET outcome = 'waiting', reason = NULL
         WHERE id = (SELECT delivery FROM job WHERE id = $1)",
        "UPDATE lane SET ready_at = COALESCE(ready_at, (SELECT ended_at FROM job WHERE id = $1))
         WHERE id = (SELECT lane FROM job WHERE id = $1)",
        "UPDATE job SET status = 'waiting', attempts = 0, interruptions = 0, ended_at = NULL WHERE id = $1",
    ] {
        query(step).bind(job).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Why a dead call is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) enum Left {
    /// A newer call of its slot says or said what is true now.
    Overtaken,
    /// Whoever decided it heard that it was given up, and decided anew.
    Told,
    /// It was given up because nobody can read it.
    Unreadable,
}

/// Puts a dead call back into the outbox with its tries counted anew: it was tried, so that whoever performs
/// it first looks for what it left behind. It is due as a dead job is.
pub(in crate::storage) async fn revive_call(
    connection: &mut Connection,
    call: i64,
) -> Result<Result<(), Left>, StoreError> {
    let row = query(
        "SELECT merge_request, effect, ended_at, EXISTS (
             SELECT 1 FROM outbox AS newer
             WHERE newer.merge_request = outbox.merge_request AND newer.slot = outbox.slot
               AND newer.id > outbox.id
               AND newer.status IN ('waiting', 'blocked', 'running', 'done', 'dead')) AS overtaken
         FROM outbox WHERE id = $1",
    )
    .bind(call)
    .fetch_one(&mut *connection)
    .await?;
    let Ok(effect) = decode::<Effect>("an effect", row.try_get("effect")?) else {
        return Ok(Err(Left::Unreadable));
    };
    if effect.reports_back() {
        return Ok(Err(Left::Told));
    }
    let owner = owner_from(row.try_get("merge_request")?)?;
    let (overtaken, due): (bool, i64) = (row.try_get("overtaken")?, row.try_get("ended_at")?);
    if overtaken {
        query("UPDATE outbox SET status = 'superseded' WHERE id = $1").bind(call).execute(connection).await?;
        return Ok(Err(Left::Overtaken));
    }
    query(
        "UPDATE outbox SET status = 'waiting', due = $2, ended_at = NULL,
                attempts = CASE WHEN attempts > 0 THEN 1 ELSE 0 END,
                interruptions = CASE WHEN attempts > 0 THEN 1 ELSE 0 END
         WHERE id = $1",
    )
    .bind(call)
    .bind(due)
    .execute(&mut *connection)
    .await?;
    outbox_lane::wake(connection, owner.repo(), Timestamp(due)).await?;
    Ok(Ok(()))
}
