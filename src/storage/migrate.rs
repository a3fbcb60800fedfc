//! Brings a database to the tables that this program knows.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::StoreError;
use super::connect::unopened;
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
    let (all, shared) = (of(connection), connection.is_shared());
    let row = query("SELECT MAX(version) FROM _sqlx_migrations WHERE success").fetch_one(connection).await;
    let newest: Option<i64> = row.map_err(|error| no_tables(error, shared))?.try_get(0)?;
    let known = all.last().map(|(number, ..)| *number);
    match newest.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(StoreError::Unusable(
            "its tables are of an older mergewright; `mergewright serve` of this version brings them up to date"
                .to_owned(),
        )),
        std::cmp::Ordering::Greater => {
            Err(StoreError::Unusable("it was written by a newer mergewright; use that version".to_owned()))
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

/// There are databases without our tables, and files that are no database.
fn no_tables(error: sqlx::Error, shared: bool) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    if matches!(code.as_deref(), Some("1" | "42P01")) {
        return StoreError::Unusable(
            "there are no tables of ours in it; `mergewright serve` makes them".to_owned(),
        );
    }
    if shared { error.into() } else { unopened(error) }
}

fn explain(error: &MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(number) => StoreError::Unusable(format!(
            "it was written by a newer mergewright (migration {number} is unknown here); \
             start that version or a newer one, or restore the copy made before the upgrade"
        )),
        MigrateError::VersionMismatch(number) => StoreError::Unusable(format!(
            "migration {number} was applied with another text than this program holds; \
             start the version that wrote the database, or restore a copy"
        )),
        MigrateError::Execute(why) | MigrateError::ExecuteMigration(why, _) if is_taken(why) => {
            StoreError::Unusable(format!(
                "there are tables in it that are not ours ({why}); give the bot a database of its own"
            ))
        }
        other => StoreError::Unavailable(format!("its tables cannot be brought up to date: {other}")),
    }
}

/// Whether a table that we would make is there already, or is another one: SQLite tells both as 1.
fn is_taken(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("1" | "42P07"))
}
