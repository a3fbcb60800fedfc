//! Everything we know, kept through crashes.
//!
//! One task writes and commits in groups (`writer`), a few connections read. The methods of
//! [`Store`] are grouped by who needs them: `inbox` and `commit` (the worker), `outbox`, `state`
//! (facts) and `views` (pages, metrics, checks). The SQL itself is free functions over a connection
//! (`sql`), written so that another database can take the same text.

mod audit;
mod body;
mod commit;
mod connect;
mod environments;
mod error;
mod held;
mod inbox;
mod letters;
mod migrate;
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
pub use letters::{DeliveryFilter, DeliveryLine, DeliveryRecord, DeliveryStep, LetterName, Replayed};
pub use records::{
    AuditEnd, AuditRow, BrokenAudit, Claimed, ClaimedEffect, Decision, DeliveryOutcome, EffectEnd, Job,
    KnownMergeRequest, Lease, MOST_INTERRUPTIONS, NewDelivery, NewEnvironments, NewJob, NewState, Recorded,
    StoredEnvironments, StoredState,
};
pub use sole::Sole;

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use sqlx::{Connection as _, SqliteConnection, SqlitePool};

use connect::Address;
use writer::{Wakes, Writer};

/// The database. Cheap to clone; every method is one short transaction.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Writer,
    /// None in memory: there only the writing connection sees the data.
    readers: Option<SqlitePool>,
    /// None in memory.
    file: Option<PathBuf>,
}

impl Store {
    /// Opens (creates, migrates) the database at `sqlite://PATH` or `sqlite::memory:`.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the address is wrong or the database belongs to another version
    /// of the program; [`StoreError::Unavailable`] when it cannot be opened now.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let options = address.writer()?;
        let mut connection = SqliteConnection::connect_with(&options).await?;
        migrate::run(&mut connection).await?;
        let readers = address.readers();
        let file = match address {
            Address::File(path) => Some(path),
            Address::Memory => None,
        };
        let reopen = file.is_some().then_some(options);
        Ok(Self { writer: Writer::start(connection, reopen), readers, file })
    }

    /// Opens a database that is there, for reading only: nothing is created, migrated or written.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the address is wrong, names no file, or the file's tables are not
    /// those of this version of the program; [`StoreError::Unavailable`] when it cannot be opened now.
    pub async fn inspect(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let mut connection = SqliteConnection::connect_with(&address.reader()?).await?;
        migrate::check(&mut connection).await?;
        Ok(Self { writer: Writer::start(connection, None), readers: address.readers(), file: None })
    }

    /// Opens a database that is there beside the process that works on it, for a short write of its own:
    /// nothing is created or migrated, and whoever uses it must take no lease.
    ///
    /// # Errors
    /// Those of [`Store::inspect`].
    pub async fn beside(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        migrate::check(&mut SqliteConnection::connect_with(&address.reader()?).await?).await?;
        let connection = SqliteConnection::connect_with(&address.writer()?).await?;
        Ok(Self { writer: Writer::start(connection, None), readers: address.readers(), file: None })
    }

    /// Ends the database after everything asked for so far, for this handle and all its clones.
    /// Dropping the last handle does the same without waiting for it.
    pub async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        self.writer.close().await;
    }

    /// Resolves after the next commit of this process that may have made work (a job, an effect, a
    /// timer). It is registered by this call, not by the first poll: call it, then look for work,
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
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.writer.write(wakes, work).await
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        match &self.readers {
            Some(readers) => work(&mut *readers.acquire().await?).await,
            None => self.writer.write(Wakes::Nobody, work).await,
        }
    }
}
