//! One SQL text, two drivers: a connection to SQLite or to Postgres, and the rows that it answers with.
//!
//! An enum of our own, so that everything above names one type and says which database it means only where
//! the two differ (how a transaction begins and ends).

mod query;

pub(super) use query::{query, without_nul};

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{
    ColumnIndex, Connection as _, Decode, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, Type,
};

use super::StoreError;

/// How long we wait for a server that does not answer at all.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A connection, our own or one of a pool.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    SqlitePooled(PoolConnection<Sqlite>),
    Postgres(PgConnection),
    PostgresPooled(PoolConnection<Postgres>),
}

/// The driver below a connection.
pub(super) enum Driver<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Connection {
    /// The driver below.
    pub(super) fn driver(&mut self) -> Driver<'_> {
        match self {
            Self::Sqlite(connection) => Driver::Sqlite(connection),
            Self::SqlitePooled(connection) => Driver::Sqlite(&mut *connection),
            Self::Postgres(connection) => Driver::Postgres(connection),
            Self::PostgresPooled(connection) => Driver::Postgres(&mut *connection),
        }
    }

    /// Whether other processes may write too.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_) | Self::PostgresPooled(_))
    }

    /// Statements without values or answers, sent together.
    pub(super) async fn control(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::AssertSqlSafe(sql);
        match self.driver() {
            Driver::Sqlite(connection) => sqlx::query(sql).execute(connection).await.map(|_done| ()),
            Driver::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(|_done| ()),
        }
    }

    /// Ends it well: SQLite folds its write-ahead log back.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::SqlitePooled(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
            Self::PostgresPooled(connection) => connection.close().await,
        }
    }

    /// Never to be used again by anybody: it may be in the middle of something.
    pub(super) fn condemn(&mut self) {
        match self {
            Self::Sqlite(_) | Self::Postgres(_) => {}
            Self::SqlitePooled(connection) => connection.close_on_drop(),
            Self::PostgresPooled(connection) => connection.close_on_drop(),
        }
    }
}

/// How to get a connection.
#[derive(Clone)]
pub(super) enum Opening {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Opening {
    /// A new connection.
    pub(super) async fn open(&self) -> Result<Connection, sqlx::Error> {
        match self {
            Self::Sqlite(options) => {
                Box::pin(SqliteConnection::connect_with(options)).await.map(Connection::Sqlite)
            }
            Self::Postgres(options) => {
                let connecting = Box::pin(durable(options));
                let connected = tokio::time::timeout(CONNECT_LIMIT, connecting).await;
                connected.map_err(|_elapsed| silent())?.map(Connection::Postgres)
            }
        }
    }
}

/// A connection whose commits are answered once they are on disk, whatever the server does for others.
async fn durable(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    let on = "SELECT set_config('synchronous_commit', 'on', false)
              WHERE current_setting('synchronous_commit') = 'off'";
    sqlx::raw_sql(on).execute(&mut connection).await?;
    Ok(connection)
}

/// The server was asked and said nothing.
pub(super) fn silent() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the database server does not answer"))
}

/// Whether the error is one of the way to the server, or of a server that is ending.
pub(super) fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
        }
        _ => false,
    }
}

/// A row of an answer.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of a column, by its place or name.
    pub(super) fn try_get<'r, T, I>(&'r self, index: I) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(index),
            Self::Postgres(row) => row.try_get(index),
        }
    }
}

/// What is wrong with an address whose server answered but does not let us in, or is not as it says.
pub(super) fn refused(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    let refused = code.as_deref().is_some_and(|code| {
        // No such database, no such role, a wrong password, no right to come in or to make tables.
        code == "3D000" || code.starts_with("28") || code == "42501"
    });
    match error {
        error @ (sqlx::Error::Configuration(_) | sqlx::Error::Tls(_)) => {
            StoreError::Address(error.to_string())
        }
        error if refused => StoreError::Address(error.to_string()),
        error => error.into(),
    }
}
