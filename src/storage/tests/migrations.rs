//! Databases of earlier versions are brought up to date with what is in them.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::{Fresh, url};
use crate::domain::Timestamp;
use crate::storage::migrate::{self, SQLITE};
use crate::storage::{Store, StoreError};

fn samples(number: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/migrations/sqlite/{number:04}.sql"))
}

async fn count(connection: &mut SqliteConnection, sql: String) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn every_migration_runs_over_a_database_filled_so_far() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    for upto in 1..=SQLITE.len() {
        migrate::apply(&mut connection, &SQLITE[..upto]).await.unwrap();
        let number = SQLITE[upto - 1].0;
        let path = samples(number);
        let rows = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: every migration has sample rows: {error}", path.display()));
        sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
    }
    let broken: Vec<(String,)> = sqlx::query_as("SELECT \"table\" FROM pragma_foreign_key_check")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert!(broken.is_empty(), "rows that refer to nothing: {broken:?}");
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlx%'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    for table in tables {
        let rows = count(&mut connection, format!("SELECT COUNT(*) FROM {table}")).await;
        assert!(rows > 0, "`{table}` has no sample row: a later migration would not be tried on it");
    }
}

#[tokio::test]
async fn the_sample_database_is_one_that_the_store_can_work_with() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(&url(&folder)).await.unwrap().close().await;
    let fresh = Fresh { store: Store::open(&url(&folder)).await.unwrap(), folder };
    for (number, _, _) in SQLITE {
        let rows = std::fs::read_to_string(samples(*number)).unwrap();
        sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut fresh.by_hand().await).await.unwrap();
    }
    let claimed = fresh.next(2_000_000_000_000).await;
    fresh.commit(&claimed.lease, crate::storage::Decision::default(), Timestamp(1)).await.unwrap();
    let call = fresh.claim_effect(Timestamp(2_000_000_000_000), super::LEASE).await.unwrap().unwrap();
    assert_eq!((call.owner, call.effect.kind()), (super::merge_request(7).into(), "label"));
    assert!(fresh.meaning_seen("gitlab:12!7:comment:9:1800000060000").await.unwrap());
    assert_eq!(fresh.dead_jobs(9).await.unwrap().len(), 1);
    assert!(fresh.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_column_that_must_have_a_value_gets_one_where_rows_are_already() {
    for (number, name, text) in SQLITE {
        assert_eq!(additions_without_default(text), Vec::<String>::new(), "migration {number} {name}");
    }
    // The check itself.
    let bad = "ALTER TABLE job ADD COLUMN a TEXT\n NOT NULL;\nALTER TABLE job ADD b BIGINT not null;";
    assert_eq!(additions_without_default(bad).len(), 2);
    let good = "-- ALTER TABLE x ADD y TEXT NOT NULL;\nALTER TABLE job ADD COLUMN a TEXT NOT NULL DEFAULT '';
                ALTER TABLE job ADD COLUMN b TEXT; CREATE TABLE t (a TEXT NOT NULL);";
    assert_eq!(additions_without_default(good), Vec::<String>::new());
}

/// Statements that add a NOT NULL column without a DEFAULT.
fn additions_without_default(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let statements = code.join(" ").to_uppercase();
    let words = statements.split(';').map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    words
        .filter(|one| one.starts_with("ALTER TABLE") && one.contains(" ADD "))
        .filter(|one| one.contains("NOT NULL") && !one.contains("DEFAULT"))
        .collect()
}

#[test]
fn migrations_are_numbered_without_a_gap_and_none_is_left_out() {
    let numbers: Vec<i64> = SQLITE.iter().map(|(number, _, _)| *number).collect();
    assert_eq!(numbers, (1..=i64::try_from(SQLITE.len()).unwrap()).collect::<Vec<_>>());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage/migrations/sqlite");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let known: Vec<String> =
        SQLITE.iter().map(|(number, name, _)| format!("{number:04}_{name}.sql")).collect();
    assert_eq!(files, known);
}

#[tokio::test]
async fn a_second_start_changes_nothing() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    store.close().await;
    let again = Store::open(&url(&store.folder)).await.unwrap();
    assert_eq!(again.queue().await.unwrap().0, 1);
    assert!(again.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone_with_the_remedy() {
    let store = Fresh::new().await;
    store
        .execute(
            "INSERT INTO _sqlx_migrations SELECT 9999, 'future', installed_on, success, checksum, execution_time
             FROM _sqlx_migrations LIMIT 1",
        )
        .await
        .unwrap();
    let error = Store::open(&url(&store.folder)).await.unwrap_err();
    assert!(matches!(error, StoreError::Address(_)));
    let text = error.to_string();
    assert!(text.contains("newer") && text.contains("9999") && text.contains("start that version"), "{text}");
}

#[tokio::test]
async fn an_applied_migration_that_was_changed_is_an_error() {
    let store = Fresh::new().await;
    store.execute("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await.unwrap();
    let error = Store::open(&url(&store.folder)).await.unwrap_err();
    assert!(matches!(error, StoreError::Address(_)));
    assert!(error.to_string().contains("another text"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("m.db"),
        "this is a text, and a rather long one, but no database\n".repeat(99),
    )
    .unwrap();
    let error = Store::open(&url(&folder)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
