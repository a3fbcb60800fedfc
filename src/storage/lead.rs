//! One of the processes that share a server does what is done once for all: it asks the forge what was missed,
//! and drops what was kept long enough.
//!
//! The lead is a lock of a connection of its own, so that it ends with the process that has it, and with the
//! way to the server: then another one takes it within seconds. For a moment two may think that they lead;
//! what they do is safe to do twice.

use std::time::Duration;

use super::connect::{SWEEP_LOCK, Server};
use super::driver::{Connection, query, silent};
use super::{Store, StoreError};

/// How often who does not lead asks, and who leads makes sure.
const LOOK: Duration = Duration::from_secs(3);
/// How long an answer is waited for before the lead counts as lost.
const LIMIT: Duration = Duration::from_secs(5);

/// Being the one that leads, for as long as this is kept.
#[derive(Debug)]
pub struct Lead {
    /// None where nobody else can lead.
    connection: Option<Connection>,
}

impl Store {
    /// Resolves when this process leads: at once where the database is of one process alone.
    pub async fn lead(&self) -> Lead {
        let Some(server) = &self.server else { return Lead { connection: None } };
        let mut told = false;
        loop {
            match candidate(server).await {
                Ok(mut connection) => match until_elected(&mut connection).await {
                    Ok(()) => {
                        tracing::info!("this process asks the forge what was missed");
                        return Lead { connection: Some(connection) };
                    }
                    Err(error) if !told => tracing::warn!(%error, "nobody can be chosen to sweep now"),
                    Err(_) => {}
                },
                Err(error) if !told => tracing::warn!(%error, "nobody can be chosen to sweep now"),
                Err(_) => {}
            }
            told = true;
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Lead {
    /// Resolves when the lead may be another's.
    pub async fn lost(&mut self) {
        let Some(connection) = &mut self.connection else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK).await;
            let answered = tokio::time::timeout(LIMIT, query("SELECT 1").fetch_one(connection)).await;
            if !matches!(answered, Ok(Ok(_))) {
                tracing::warn!("this process leads no longer: the database does not answer");
                return;
            }
        }
    }
}

/// A connection that the server ends when nothing is heard of us.
async fn candidate(server: &Server) -> Result<Connection, StoreError> {
    let mut connection = server.writer().open().await?;
    connection.control("SET idle_session_timeout = '20s'").await?;
    Ok(connection)
}

async fn until_elected(connection: &mut Connection) -> Result<(), sqlx::Error> {
    loop {
        let asked = query("SELECT pg_try_advisory_lock($1)").bind(SWEEP_LOCK).fetch_one(connection);
        let row = tokio::time::timeout(LIMIT, asked).await.map_err(|_elapsed| silent())??;
        if row.try_get(0)? {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}
