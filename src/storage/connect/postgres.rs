//! A Postgres server that several processes share.

use std::fmt;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgPool};

use crate::storage::StoreError;
use crate::storage::driver::{Connection, Opening, refused};

/// How long a transaction or a question may take: forges wait ten seconds for an answer.
pub(in crate::storage) const ANSWER_LIMIT: Duration = Duration::from_secs(8);
/// How long a connection may take to end well.
pub(in crate::storage) const GOODBYE: Duration = Duration::from_secs(1);
/// How long a connection of the pool is waited for.
const POOL_LIMIT: Duration = Duration::from_secs(5);
/// Connections that only read.
const READERS: u32 = 4;
/// How long a server that cannot be reached is waited for at the start: databases are started together with us.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often we look meanwhile.
const LOOK: Duration = Duration::from_millis(250);

/// The channel on which commits that made work are told.
pub(in crate::storage) const CHANNEL: &str = "mergewright";
/// The lock of the one process that sweeps: `mergewri` and a number.
pub(in crate::storage) const SWEEP_LOCK: i64 = 0x6d65_7267_6577_0002;

/// Begins a transaction that writes, behind all others: the lock is its own and ends with it. Whoever is silent
/// in the middle, because his machine or the way to it is gone, is ended by the server.
pub(in crate::storage) const WRITING: &str = "BEGIN;
    SET LOCAL lock_timeout = '5s';
    SET LOCAL statement_timeout = '8s';
    SET LOCAL idle_in_transaction_session_timeout = '8s';
    SELECT pg_advisory_xact_lock(7882832511191416833)";

/// Ends a transaction that writes, and tells the others if there is work. A COMMIT alone would undo without an
/// error what a statement broke; the statement before it fails then.
pub(in crate::storage) fn announced(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("SELECT pg_notify('{CHANNEL}', '{name}'); COMMIT"),
        None => "SELECT 1; COMMIT".to_owned(),
    }
}

/// Where the server is and how we sign in.
#[derive(Clone)]
pub(in crate::storage) struct Server {
    options: PgConnectOptions,
    /// Its place without what signs us in.
    place: String,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.place).finish()
    }
}

impl Server {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        // What is wrong is told by its kind alone: any part of the text may be the password.
        let options: PgConnectOptions = url.parse().map_err(|_error: sqlx::Error| {
            StoreError::Address(
                "what follows postgres:// cannot be read; expected \
                 postgres://user:password@host:5432/database, with other characters than letters and digits in \
                 the password written as %40 and the like, and sslmode one of disable, prefer, require, verify-ca \
                 and verify-full"
                    .to_owned(),
            )
        })?;
        let host = options.get_socket().map_or_else(
            || format!("{}:{}", options.get_host(), options.get_port()),
            |socket| socket.display().to_string(),
        );
        let place = format!("{} at {host}", options.get_database().unwrap_or("the user's database"));
        let options = options
            .application_name("mergewright")
            // A connection that is gone is found out by the server too.
            .options([
                ("tcp_keepalives_idle", "15"),
                ("tcp_keepalives_interval", "5"),
                ("tcp_keepalives_count", "3"),
            ])
            .disable_statement_logging();
        Ok(Self { options, place })
    }

    /// How connections are opened that write.
    pub(in crate::storage) fn writer(&self) -> Opening {
        Opening::Postgres(Box::new(self.options.clone()))
    }

    /// How connections are opened that only read.
    pub(super) fn reader(&self) -> Opening {
        Opening::Postgres(Box::new(self.read_only()))
    }

    fn read_only(&self) -> PgConnectOptions {
        self.options.clone().options([("default_transaction_read_only", "on"), ("statement_timeout", "8s")])
    }

    /// Connections that only read.
    pub(super) fn readers(&self) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(READERS).acquire_timeout(POOL_LIMIT);
        pool.connect_lazy_with(self.read_only())
    }

    /// The first connection; waits a while for a server that cannot be reached.
    pub(super) async fn connect(&self, opening: &Opening) -> Result<Connection, StoreError> {
        let started = tokio::time::Instant::now();
        let mut told = false;
        loop {
            match opening.open().await.map_err(refused) {
                Ok(connection) => return Ok(connection),
                Err(StoreError::Unavailable(_)) if started.elapsed() < PATIENCE => {
                    if !told {
                        tracing::info!(
                            database = self.place,
                            "the database cannot be reached: waiting for it"
                        );
                        told = true;
                    }
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => return Err(self.told(error)),
            }
        }
    }

    /// The error with the place at which it was met.
    pub(super) fn told(&self, error: StoreError) -> StoreError {
        error.at(&self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_signs_us_in_is_shown_by_nothing() {
        let server = Server::parse("postgres://bot:hunter2@db.example:6432/mergewright").unwrap();
        let told = server.told(StoreError::Unavailable("no answer".to_owned()));
        assert_eq!(
            told.to_string(),
            "the database cannot be used now: mergewright at db.example:6432: no answer"
        );
        assert_eq!(format!("{server:?}"), r#"Server("mergewright at db.example:6432")"#);
        for wrong in ["postgres://bot:hunter2@db:port/m", "postgres://bot:hunter2@db/m?sslmode=hunter2"] {
            let error = Server::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("verify-full") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn both_locks_are_neighbours() {
        assert!(WRITING.contains(&format!("({})", SWEEP_LOCK - 1)));
    }
}
