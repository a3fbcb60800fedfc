//! What is looked up by a forge's number or a name: meanings, runs, reports, versions, comments.

use super::{Connection, decode, encode, number_from, owner_from, query};
use crate::domain::{
    CommentId, JobId, MergeRequestId, ModelName, Owner, RepoId, Report, RunId, Timestamp, VersionRecord,
};
use crate::storage::StoreError;

/// Notes that an event of this meaning is decided; false where that is noted already.
pub(in crate::storage) async fn add_meaning(
    connection: &mut Connection,
    meaning: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let added =
        query("INSERT INTO meaning (meaning, seen_at) VALUES ($1, $2) ON CONFLICT (meaning) DO NOTHING")
            .bind(meaning)
            .bind(now.0)
            .execute(connection)
            .await?;
    Ok(added.rows_affected() == 1)
}

/// Whether an event of this meaning is decided.
pub(in crate::storage) async fn has_meaning(
    connection: &mut Connection,
    meaning: &str,
) -> Result<bool, StoreError> {
    let row =
        query("SELECT 1 FROM meaning WHERE meaning = $1").bind(meaning).fetch_optional(connection).await?;
    Ok(row.is_some())
}

/// Notes whose a run is.
pub(in crate::storage) async fn set_run(
    connection: &mut Connection,
    owner: &Owner,
    run: RunId,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO run (repo, run, merge_request) VALUES ($1, $2, $3)
         ON CONFLICT (repo, run) DO UPDATE SET merge_request = excluded.merge_request
         WHERE run.merge_request <> excluded.merge_request",
    )
    .bind(owner.repo().to_string())
    .bind(run.to_string())
    .bind(owner.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose a run is.
pub(in crate::storage) async fn run_owner(
    connection: &mut Connection,
    repo: RepoId,
    run: RunId,
) -> Result<Option<Owner>, StoreError> {
    let row = query("SELECT merge_request FROM run WHERE repo = $1 AND run = $2")
        .bind(repo.to_string())
        .bind(run.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(|row| owner_from(row.try_get(0)?)).transpose()
}

/// Stores a job's report. The first one stays: approvals are bound to its digest.
pub(in crate::storage) async fn add_report(
    connection: &mut Connection,
    repo: RepoId,
    job: JobId,
    report: &Report,
) -> Result<(), StoreError> {
    query("INSERT INTO report (repo, job, report) VALUES ($1, $2, $3) ON CONFLICT (repo, job) DO NOTHING")
        .bind(repo.to_string())
        .bind(job.to_string())
        .bind(encode("a report", report)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// A job's report.
pub(in crate::storage) async fn report(
    connection: &mut Connection,
    repo: RepoId,
    job: JobId,
) -> Result<Option<Report>, StoreError> {
    let row = query("SELECT report FROM report WHERE repo = $1 AND job = $2")
        .bind(repo.to_string())
        .bind(job.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(|row| decode(&format!("the report of job {job} of {repo}"), row.try_get(0)?)).transpose()
}

/// Records a version. The same record again changes nothing; another one under its number or tag
/// is a contradiction.
pub(in crate::storage) async fn add_version(
    connection: &mut Connection,
    record: &VersionRecord,
) -> Result<(), StoreError> {
    let text = encode("a version", record)?;
    let added = query(
        "INSERT INTO version (repo, model, version, tag, published_at, record) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT DO NOTHING",
    )
    .bind(record.repo.to_string())
    .bind(record.model.as_str())
    .bind(record.version.as_str())
    .bind(&record.tag)
    .bind(record.published_at.0)
    .bind(&text)
    .execute(&mut *connection)
    .await?;
    if added.rows_affected() == 1 {
        return Ok(());
    }
    let same = query("SELECT 1 FROM version WHERE repo = $1 AND model = $2 AND version = $3 AND record = $4")
        .bind(record.repo.to_string())
        .bind(record.model.as_str())
        .bind(record.version.as_str())
        .bind(&text)
        .fetch_optional(connection)
        .await?;
    match same {
        Some(_row) => Ok(()),
        None => Err(StoreError::Contradiction(format!(
            "version {} of {} in {} or its tag {} is recorded with other content",
            record.version, record.model, record.repo, record.tag
        ))),
    }
}

/// Versions of a model, the oldest first.
pub(in crate::storage) async fn versions(
    connection: &mut Connection,
    repo: RepoId,
    model: &ModelName,
) -> Result<Vec<VersionRecord>, StoreError> {
    let rows = query("SELECT record FROM version WHERE repo = $1 AND model = $2 ORDER BY id")
        .bind(repo.to_string())
        .bind(model.as_str())
        .fetch_all(connection)
        .await?;
    let what = format!("a version of {model} in {repo}");
    rows.into_iter().map(|row| decode(&what, row.try_get(0)?)).collect()
}

/// Versions of all models, or of those of one name; the oldest first.
pub(in crate::storage) async fn all_versions(
    connection: &mut Connection,
    model: Option<&ModelName>,
) -> Result<Vec<VersionRecord>, StoreError> {
    let rows = query("SELECT record FROM version WHERE $1 IS NULL OR model = $1 ORDER BY id")
        .bind(model.map(ModelName::as_str))
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(|row| decode("a version", row.try_get(0)?)).collect()
}

/// Notes which comment carries a marker.
pub(in crate::storage) async fn set_comment(
    connection: &mut Connection,
    id: MergeRequestId,
    marker: &str,
    comment: CommentId,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO comment (merge_request, marker, comment) VALUES ($1, $2, $3)
         ON CONFLICT (merge_request, marker) DO UPDATE SET comment = excluded.comment",
    )
    .bind(id.to_string())
    .bind(marker)
    .bind(comment.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// The comment that carries a marker.
pub(in crate::storage) async fn comment_with(
    connection: &mut Connection,
    id: MergeRequestId,
    marker: &str,
) -> Result<Option<CommentId>, StoreError> {
    let row = query("SELECT comment FROM comment WHERE merge_request = $1 AND marker = $2")
        .bind(id.to_string())
        .bind(marker)
        .fetch_optional(connection)
        .await?;
    row.map(|row| number_from(row.try_get(0)?).map(CommentId)).transpose()
}
