//! Connections that only read.

use sqlx::{PgPool, SqlitePool};

use super::GOODBYE;
use crate::storage::driver::Connection;

/// A few connections that only read.
#[derive(Clone, Debug)]
pub(in crate::storage) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Readers {
    /// One of them; it goes back when it is dropped.
    pub(in crate::storage) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        // Boxed: everything that reads would be as large as the making of a connection.
        match self {
            Self::Sqlite(pool) => Box::pin(pool.acquire()).await.map(Connection::SqlitePooled),
            Self::Postgres(pool) => Box::pin(pool.acquire()).await.map(Connection::PostgresPooled),
        }
    }

    /// Closes all of them.
    pub(in crate::storage) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            // A server that says nothing is not waited for.
            Self::Postgres(pool) => {
                let _silent = tokio::time::timeout(GOODBYE, pool.close()).await;
            }
        }
    }
}
