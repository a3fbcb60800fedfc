//! The task that writes: takes what is queued, commits it at once, and gets over a broken connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{BATCH, Message, Queued, Signals};
use crate::storage::connect::{GOODBYE, WRITING, announced};
use crate::storage::driver::{Connection, Opening, is_gone, silent};

pub(super) struct Task {
    pub(super) connection: Option<Connection>,
    pub(super) reopen: Option<Opening>,
    /// How long a transaction may take; none where nobody else can hold us up for ever.
    pub(super) limit: Option<Duration>,
    /// Who we are among those who are told of our commits.
    pub(super) name: String,
    pub(super) signals: Arc<Signals>,
    /// Hears of the commits of other processes; ends with us.
    pub(super) listener: JoinSet<()>,
}

impl Task {
    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut received = Vec::with_capacity(BATCH);
        let mut closing = Vec::new();
        while closing.is_empty() && messages.recv_many(&mut received, BATCH).await > 0 {
            let mut batch = Vec::with_capacity(received.len());
            for message in received.drain(..) {
                match message {
                    Message::Write(write) if !write.is_abandoned() => batch.push(write),
                    Message::Write(_abandoned) => {}
                    Message::Close(done) => closing.push(done),
                }
            }
            if !batch.is_empty() {
                self.commit(batch).await;
            }
        }
        messages.close();
        self.listener.shutdown().await;
        if let Some(connection) = self.connection.take() {
            // Closing folds the write-ahead log back; what was committed is safe without that. A server that
            // says nothing is not waited for.
            let goodbye = if connection.is_shared() { GOODBYE } else { Duration::MAX };
            let _unfolded = tokio::time::timeout(goodbye, connection.close()).await;
        }
        for done in closing {
            let _gone = done.send(());
        }
    }

    /// One transaction with every write of `batch`.
    async fn commit(&mut self, mut batch: Vec<Box<dyn Queued>>) {
        let done = match self.limit {
            // Whatever was on its way is dropped with its connection: nobody knows whether it arrived.
            Some(limit) => tokio::time::timeout(limit, self.transaction(&mut batch))
                .await
                .unwrap_or_else(|_elapsed| Err(silent())),
            None => self.transaction(&mut batch).await,
        };
        let failure = done.err().map(|error| error.to_string());
        // A disk that is full or gone is first met by a single statement.
        let broken = failure.is_some() || batch.iter().any(|write| write.found_it_broken());
        if broken {
            self.signals.failures.fetch_add(1, Ordering::Relaxed);
            self.recover().await;
        }
        let wake = failure.is_none() && batch.iter().any(|write| write.wakes());
        for write in batch {
            write.answer(failure.as_deref());
        }
        if wake {
            self.signals.woken.notify_waiters();
        }
    }

    async fn transaction(&mut self, batch: &mut [Box<dyn Queued>]) -> Result<(), sqlx::Error> {
        let mut connection = self.begin(batch.len() > 1).await?;
        let done = self.fill(&mut connection, batch).await;
        self.connection = Some(connection);
        if done? {
            self.signals.commits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// A connection on which a transaction has begun.
    async fn begin(&mut self, many: bool) -> Result<Connection, sqlx::Error> {
        if let Some(mut connection) = self.connection.take() {
            match connection.control(&beginning(&connection, many)).await {
                Ok(()) => return Ok(connection),
                // The server went away while nothing was under way, so nothing can be done twice.
                Err(error) if self.reopen.is_some() && is_gone(&error) => {}
                Err(error) => {
                    self.connection = Some(connection);
                    return Err(error);
                }
            }
        }
        let reopen = self.reopen.as_ref().ok_or(sqlx::Error::WorkerCrashed)?;
        let mut connection = reopen.open().await?;
        connection.control(&beginning(&connection, many)).await?;
        Ok(connection)
    }

    /// Does what `batch` wants within the transaction and ends that; whether anything was committed.
    async fn fill(
        &self,
        connection: &mut Connection,
        batch: &mut [Box<dyn Queued>],
    ) -> Result<bool, sqlx::Error> {
        if let [only] = batch {
            // Nobody else's write is in the way: it stands or falls with the transaction itself.
            if !only.run(connection).await {
                return connection.control("ROLLBACK").await.map(|()| false);
            }
        } else {
            for write in batch.iter_mut() {
                if write.run(connection).await {
                    connection.control("RELEASE SAVEPOINT one; SAVEPOINT one").await?;
                } else {
                    // Fails where the error ended the whole transaction (a full disk): then the batch
                    // fails, and nothing more is written outside a transaction.
                    connection.control("ROLLBACK TO SAVEPOINT one").await?;
                }
            }
        }
        if connection.is_shared() {
            let name = batch.iter().any(|write| write.wakes()).then_some(self.name.as_str());
            connection.control(&announced(name)).await?;
        } else {
            connection.control("COMMIT").await?;
        }
        Ok(true)
    }

    /// Leaves no transaction open after a failure. What can be opened anew is, so that whatever state the
    /// failure left behind is gone with its connection.
    async fn recover(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if connection.is_shared() && self.reopen.is_some() {
            // The server undoes what it was told when it finds us gone; a goodbye might wait for ever.
            return;
        }
        // Fails where the error ended the transaction already.
        let _ended = connection.control("ROLLBACK").await;
        if self.reopen.is_some() {
            let _broken = connection.close().await;
        } else {
            self.connection = Some(connection);
        }
    }
}

/// Statements that go together are sent together: each way to the connection's thread, or to the server, and
/// back costs as much as a small statement.
fn beginning(connection: &Connection, many: bool) -> String {
    let begin = if connection.is_shared() { WRITING } else { "BEGIN IMMEDIATE" };
    if many { format!("{begin}; SAVEPOINT one") } else { begin.to_owned() }
}
