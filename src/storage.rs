//! Everything we know, kept through crashes.
//!
//! One task writes and commits in groups (`writer`), a few connections read. The methods of
//! [`Store`] are grouped by who needs them: `inbox` and `commit` (the worker), `outbox`, `state`
//! (facts) and `views` (pages, metrics, checks). The SQL itself is free functions over a connection
//! (`sql`); one text serves SQLite and Postgres (`driver`).

mod audit;
mod body;
mod commit;
mod connect;
mod driver;
mod environments;
mod error;
mod held;
mod inbox;
mod lead;
mod letters;
mod listen;
mod lost;
mod migrate;
mod ours;
mod outbox;
mod records;
mod sole;
mod sql;
mod state;
mod sweep;
mod views;
mod writer;

#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use held::HeldError;
pub use lead::Lead;
pub use letters::{DeliveryFilter, DeliveryLine, DeliveryRecord, DeliveryStep, LetterName, Replayed};
pub use lost::{HookRead, LostDelivery};
pub use records::{
    AuditEnd, AuditRow, BrokenAudit, Claimed, ClaimedEffect, Decision, DeliveryOutcome, EffectEnd, Job,
    KnownMergeRequest, Lease, MOST_INTERRUPTIONS, NewDelivery, NewEnvironments, NewJob, NewState, Recorded,
    StoredEnvironments, StoredState,
};
pub use sole::Sole;

use std::path::PathBuf;

use crate::domain::Timestamp;
use connect::{ANSWER_LIMIT, Address, Readers, Server};
use driver::{Connection, silent};
use futures_util::future::BoxFuture;
use ours::Ours;
use writer::{Wakes, Writer};

/// The database. Cheap to clone; every method is one short transaction.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Writer,
    /// None in memory: there only the writing connection sees the data.
    readers: Option<Readers>,
    /// None in memory, and on a server.
    file: Option<PathBuf>,
    /// Where other processes work on the same database.
    server: Option<Box<Server>>,
    ours: Ours,
}

impl Store {
    /// Opens (creates, migrates) the database at `sqlite://PATH`, `sqlite::memory:` or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the address is wrong; [`StoreError::Unusable`] when the file is no database,
    /// not ours or of another version of the program; [`StoreError::Unavailable`] when it cannot be opened now.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let (mut connection, opening) = address.connect().await?;
        migrate::run(&mut connection).await.map_err(|error| address.told(error))?;
        let reopen = (!matches!(address, Address::Memory)).then_some(opening);
        Ok(Self::over(address, Writer::start(connection, reopen)))
    }

    /// Opens a database that is there, for reading only: nothing is created, migrated or written.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the address is wrong or names no database; [`StoreError::Unusable`] when its
    /// tables are not those of this version of the program; [`StoreError::Unavailable`] when it cannot be opened now.
    pub async fn inspect(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let mut connection = address.visit(false).await?;
        migrate::check(&mut connection).await.map_err(|error| address.told(error))?;
        Ok(Self::beside_others(&address, connection))
    }

    /// Opens a database that is there beside the process that works on it, for a short write of its own:
    /// nothing is created or migrated, and whoever uses it must take no lease.
    ///
    /// # Errors
    /// Those of [`Store::inspect`].
    pub async fn beside(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let mut reader = address.visit(false).await?;
        migrate::check(&mut reader).await.map_err(|error| address.told(error))?;
        drop(reader);
        let connection = address.visit(true).await?;
        Ok(Self::beside_others(&address, connection))
    }

    fn over(address: Address, writer: Writer) -> Self {
        let readers = address.readers();
        let (file, server) = match address {
            Address::Memory => (None, None),
            Address::File(path) => (Some(path), None),
            Address::Server(server) => (None, Some(server)),
        };
        Self { writer, readers, file, server, ours: Ours::default() }
    }

    fn beside_others(address: &Address, connection: Connection) -> Self {
        let (writer, readers) = (Writer::start(connection, None), address.readers());
        Self { writer, readers, file: None, server: None, ours: Ours::default() }
    }

    /// Whether other processes work on the database too.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.server.is_some()
    }

    /// Ends the database after everything asked for so far, for this handle and all its clones.
    /// Dropping the last handle does the same without waiting for it.
    pub async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        self.writer.close().await;
    }

    /// Resolves after the next commit that may have made work (a job, an effect, a timer), of this process
    /// or of one that shares the server with it. It is registered by this call, not by the first poll: call it, then look for work,
    /// then wait, and no wake-up is lost.
    pub fn woken(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.writer.woken()
    }

    /// Resolves when nothing can be written any more in this process: it was closed, or its task met a
    /// defect.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.writer.ended()
    }

    /// How many transactions were committed by this process; many writes share one.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    async fn write<T, F>(&self, wakes: Wakes, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.writer.write(wakes, work).await
    }

    /// Nobody works on what is leased any more, since the database failed in the middle: with the next claim
    /// of this process it is given back, counted as an interruption, instead of being waited for.
    pub fn abandon(&self, lease: &Lease) {
        self.ours.owe(lease);
    }

    /// A write that claims; before it, what this process owes is given back.
    async fn claiming<T, F>(&self, now: Timestamp, claim: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let owed = self.ours.owed();
        if owed.leases.is_empty() {
            return self.write(Wakes::Nobody, claim).await;
        }
        let leases = owed.leases.clone();
        let claimed = self
            .write(Wakes::Sleepers, move |connection| {
                Box::pin(async move {
                    ours::give_back(connection, &leases, now).await?;
                    claim(connection).await
                })
            })
            .await?;
        owed.paid();
        Ok(claimed)
    }

    /// A write that ends a lease, whatever else it does.
    async fn end<T, F>(&self, lease: &Lease, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let ended = self.write(Wakes::Sleepers, work).await;
        if matches!(ended, Ok(_) | Err(StoreError::LeaseLost)) {
            self.ours.remove(lease);
        }
        ended
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let Some(readers) = &self.readers else { return self.writer.write(Wakes::Nobody, work).await };
        let mut connection = Box::new(readers.acquire().await?);
        if !connection.is_shared() {
            return work(&mut connection).await;
        }
        match tokio::time::timeout(ANSWER_LIMIT, work(&mut connection)).await {
            Ok(answered) => answered,
            Err(_elapsed) => {
                connection.condemn();
                Err(silent().into())
            }
        }
    }
}
