//! Brings a database to the tables that this program knows.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr as _, SqliteConnection};

use super::StoreError;

/// Every migration in order: number, name, text. A released one is never changed again.
pub(super) const SQLITE: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("migrations/sqlite/0001_initial.sql")),
    (2, "environments", include_str!("migrations/sqlite/0002_environments.sql")),
    (3, "sweep", include_str!("migrations/sqlite/0003_sweep.sql")),
    (4, "interruptions", include_str!("migrations/sqlite/0004_interruptions.sql")),
    (5, "cause", include_str!("migrations/sqlite/0005_cause.sql")),
];

/// Applies what is missing.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    apply(connection, SQLITE).await
}

/// Makes sure that nothing is missing, without changing anything.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await?;
    let known = SQLITE.last().map(|(number, ..)| *number);
    match newest.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(StoreError::Address(
            "its tables are of an older mergewright; `mergewright serve` of this version brings them up to date"
                .to_owned(),
        )),
        std::cmp::Ordering::Greater => {
            Err(StoreError::Address("it was written by a newer mergewright; use that version".to_owned()))
        }
    }
}

/// Applies what is missing of `migrations`.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    migrations: &[(i64, &'static str, &'static str)],
) -> Result<(), StoreError> {
    let known = migrations.iter().map(|&(number, name, text)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    Migrator::with_migrations(known.collect()).run(connection).await.map_err(|error| explain(&error))
}

fn explain(error: &MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(number) => StoreError::Address(format!(
            "it was written by a newer mergewright (migration {number} is unknown here); \
             start that version or a newer one, or restore the copy made before the upgrade"
        )),
        MigrateError::VersionMismatch(number) => StoreError::Address(format!(
            "migration {number} was applied with another text than this program holds; \
             start the version that wrote the database, or restore a copy"
        )),
        other => StoreError::Unavailable(format!("its tables cannot be brought up to date: {other}")),
    }
}
