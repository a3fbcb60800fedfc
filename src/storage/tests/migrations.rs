//! Databases of earlier versions are brought up to date with what is in them.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _};

use super::base::Base;
use super::{Fresh, on_postgres, url};
use crate::domain::Timestamp;
use crate::storage::driver::{Connection, query};
use crate::storage::migrate::{self, POSTGRES, SQLITE};
use crate::storage::{Store, StoreError};

/// The sample rows of a migration: the same on both databases.
fn samples(base: &Base, number: i64) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/migrations/sqlite/{number:04}.sql"));
    let rows = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: every migration has sample rows: {error}", path.display()));
    base.words(&rows)
}

async fn texts(connection: &mut Connection, sql: &str) -> Vec<String> {
    let rows = query(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.try_get(0).unwrap()).collect()
}

#[tokio::test]
async fn every_migration_runs_over_a_database_filled_so_far() {
    let base = Base::new().await;
    let mut connection = base.by_hand().await;
    let all = migrate::of(&connection);
    for upto in 1..=all.len() {
        migrate::apply(&mut connection, &all[..upto]).await.unwrap();
        connection.control(&samples(&base, all[upto - 1].0)).await.unwrap();
    }
    let tables = match &base {
        Base::File(_) => {
            let broken = texts(&mut connection, "SELECT \"table\" FROM pragma_foreign_key_check").await;
            assert!(broken.is_empty(), "rows that refer to nothing: {broken:?}");
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlx%'"
        }
        Base::Server { .. } => {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%sqlx%'"
        }
    };
    let tables = texts(&mut connection, tables).await;
    assert!(tables.len() > 10, "{tables:?}");
    for table in tables {
        let first =
            query(AssertSqlSafe(format!("SELECT 1 FROM {table}"))).fetch_optional(&mut connection).await;
        assert!(
            first.unwrap().is_some(),
            "`{table}` has no sample row: a later migration would not be tried on it"
        );
    }
}

#[tokio::test]
async fn both_databases_have_the_same_migrations() {
    let names =
        |all: &[(i64, &'static str, &str)]| all.iter().map(|&(n, name, _)| (n, name)).collect::<Vec<_>>();
    assert_eq!(names(SQLITE), names(POSTGRES));
}

#[tokio::test]
async fn the_sample_database_is_one_that_the_store_can_work_with() {
    let base = Base::new().await;
    Store::open(&base.url()).await.unwrap().close().await;
    let fresh = Fresh { store: Store::open(&base.url()).await.unwrap(), base };
    for (number, _, _) in SQLITE {
        fresh.by_hand().await.control(&samples(&fresh.base, *number)).await.unwrap();
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
    for (number, name, text) in SQLITE.iter().chain(POSTGRES) {
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
    for (database, all) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage/migrations").join(database);
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let known: Vec<String> =
            all.iter().map(|(number, name, _)| format!("{number:04}_{name}.sql")).collect();
        assert_eq!(files, known);
    }
}

#[tokio::test]
async fn a_second_start_changes_nothing() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    store.close().await;
    let again = Store::open(&store.url()).await.unwrap();
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
    let error = Store::open(&store.url()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)));
    let text = error.to_string();
    assert!(text.contains("newer") && text.contains("9999") && text.contains("start that version"), "{text}");
}

#[tokio::test]
async fn an_applied_migration_that_was_changed_is_an_error() {
    let store = Fresh::new().await;
    store.execute("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await.unwrap();
    let error = Store::open(&store.url()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)));
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
    assert!(matches!(error, StoreError::Unusable(_)), "{error}");
    is_told_with_the_file_and(&error, &folder, "no SQLite database");
    let error = Store::inspect(&url(&folder)).await.unwrap_err();
    is_told_with_the_file_and(&error, &folder, "`database_url`");
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_told_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("m.db")).unwrap();
    let error = Store::open(&url(&folder)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error}");
    is_told_with_the_file_and(&error, &folder, "may read and write");
}

#[tokio::test]
async fn somebody_elses_database_is_told_with_the_remedy_and_keeps_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("m.db"));
    let mut theirs = Connection::Sqlite(
        sqlx::SqliteConnection::connect_with(&options.create_if_missing(true)).await.unwrap(),
    );
    theirs.control("CREATE TABLE delivery (parcel TEXT)").await.unwrap();
    let error = Store::open(&url(&folder)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error}");
    is_told_with_the_file_and(&error, &folder, "a database of its own");
    theirs.control("INSERT INTO delivery (parcel) VALUES ('a book')").await.unwrap();
}

fn is_told_with_the_file_and(error: &StoreError, folder: &tempfile::TempDir, remedy: &str) {
    let text = error.to_string();
    assert!(text.contains(&folder.path().join("m.db").display().to_string()), "{text}");
    assert!(text.contains(remedy) && !text.contains("address is wrong"), "{text}");
}

on_postgres! {
    every_migration_runs_over_a_database_filled_so_far,
    the_sample_database_is_one_that_the_store_can_work_with,
    a_second_start_changes_nothing,
    a_database_of_a_newer_program_is_left_alone_with_the_remedy,
    an_applied_migration_that_was_changed_is_an_error,
}
