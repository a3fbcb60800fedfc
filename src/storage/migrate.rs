//! Brings a database to the tables that this program knows.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::StoreError;
use super::driver::{Connection, Driver, query};

/// A migration: number, name, text. A released one is never changed again.
type Step = (i64, &'static str, &'static str);

/// Every migration in order. Both databases have the same, with the same meaning.
pub(super) const SQLITE: &[Step] = &[
    (1, "initial", include_str!("migrations/sqlite/0001_initial.sql")),
    (2, "environments", include_str!("migrations/sqlite/0002_environments.sql")),
    (3, "sweep", include_str!("migrations/sqlite/0003_sweep.sql")),
    (4, "interruptions", include_str!("migrations/sqlite/0004_interruptions.sql")),
    (5, "cause", include_str!("migrations/sqlite/0005_cause.sql")),
    (6, "lost", include_str!("migrations/sqlite/0006_lost.sql")),
];

/// The same for Postgres.
pub(super) const POSTGRES: &[Step] = &[
    (1, "initial", include_str!("migrations/postgres/0001_initial.sql")),
    (2, "environments", include_str!("migrations/postgres/0002_environments.sql")),
    (3, "sweep", include_str!("migrations/postgres/0003_sweep.sql")),
    (4, "interruptions", include_str!("migrations/postgres/0004_interruptions.sql")),
    (5, "cause", include_str!("migrations/postgres/0005_cause.sql")),
    (6, "lost", include_str!("migrations/postgres/0006_lost.sql")),
];

/// Those of a connection's database.
pub(super) const fn of(connection: &Connection) -> &'static [Step] {
    if connection.is_shared() { POSTGRES } else { SQLITE }
}

/// Applies what is missing. Processes that start at once on one server take turns.
pub(super) async fn run(connection: &mut Connection) -> Result<(), StoreError> {
    let all = of(connection);
    apply(connection, all).await
}

/// Makes sure that nothing is missing, without changing anything.
pub(super) async fn check(connection: &mut Connection) -> Result<(), StoreError> {
    let all = of(connection);
    let row = query("SELECT MAX(version) FROM _sqlx_migrations WHERE success").fetch_one(connection).await;
    let newest: Option<i64> = row.map_err(no_tables)?.try_get(0)?;
    let known = all.last().map(|(number, ..)| *number);
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
pub(super) async fn apply(connection: &mut Connection, migrations: &[Step]) -> Result<(), StoreError> {
    let known = migrations.iter().map(|&(number, name, text)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(known.collect());
    let done = match connection.driver() {
        Driver::Sqlite(connection) => Box::pin(migrator.run(connection)).await,
        Driver::Postgres(connection) => Box::pin(migrator.run(connection)).await,
    };
    done.map_err(|error| explain(&error))
}

/// A server has databases without our tables.
fn no_tables(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some("42P01") {
        return StoreError::Address(
            "there are no tables of ours in it; `mergewright serve` makes them".to_owned(),
        );
    }
    error.into()
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
