//! The one writing connection, and group commit: everything queued while the last commit was on its
//! way to the disk goes into the next one, and nobody is answered before the commit that holds his
//! write. One commit alone costs an fdatasync; without this, so would every delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};

use super::StoreError;

/// Writes that wait before callers are held back.
const QUEUE: usize = 1024;
/// Writes of one transaction: bounds how long the first of them waits for the last.
const BATCH: usize = 256;

/// Whether a write may have made work for somebody who sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wakes {
    /// Loops shall look again once it is committed.
    Sleepers,
    /// It only takes work or notes something.
    Nobody,
}

/// A handle on the writing task; the task ends with its last handle.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    signals: Arc<Signals>,
}

/// What the task tells everybody.
#[derive(Debug, Default)]
struct Signals {
    commits: AtomicU64,
    broken: AtomicBool,
    woken: Arc<Notify>,
}

enum Message {
    Write(Box<dyn Queued>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task on an open connection. `reopen` says how to get another one should this one
    /// break; none where the data lives in the connection.
    pub(super) fn start(connection: SqliteConnection, reopen: Option<SqliteConnectOptions>) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let signals = Arc::new(Signals::default());
        let task = Task { connection: Some(connection), reopen, signals: Arc::clone(&signals) };
        tokio::spawn(task.run(messages));
        Self { queue, signals }
    }

    /// Runs `work` in the next transaction and answers once that is on disk.
    pub(super) async fn write<T, F>(&self, wakes: Wakes, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let queued = Waiting { work: Some(work), result: None, reply, wakes };
        let message = Message::Write(Box::new(queued));
        self.queue.send(message).await.map_err(|_closed| closed())?;
        answer.await.map_err(|_closed| closed())?
    }

    /// Ends the task after everything queued so far; returns when the database is closed.
    pub(super) async fn close(&self) {
        let (done, ended) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            // An error means that the task is gone already, which is what was asked for.
            let _gone = ended.await;
        }
    }

    /// Resolves after the next commit that made work; registered from this call on.
    pub(super) fn woken(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        Arc::clone(&self.signals.woken).notified_owned()
    }

    /// Resolves when the task is gone; a handle until then.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let queue = self.queue.clone();
        async move { queue.closed().await }
    }

    /// How many transactions were committed.
    pub(super) fn commits(&self) -> u64 {
        self.signals.commits.load(Ordering::Relaxed)
    }

    /// Whether everything of the last transaction could be written and another one can be begun.
    pub(super) fn is_healthy(&self) -> bool {
        !self.queue.is_closed() && !self.signals.broken.load(Ordering::Relaxed)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("it was closed".to_owned())
}

/// One queued write, whatever it returns.
trait Queued: Send {
    /// Whether its caller went away before its turn.
    fn is_abandoned(&self) -> bool;
    /// Does the work; whether it is to be kept.
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, bool>;
    /// Whether it failed because the database did not do what it was told.
    fn found_it_broken(&self) -> bool;
    /// Answers the caller: with its result, or with what went wrong for the whole transaction.
    /// Whether sleepers are to be woken.
    fn answer(self: Box<Self>, failure: Option<&str>) -> bool;
}

struct Waiting<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    wakes: Wakes,
}

impl<T, F> Queued for Waiting<T, F>
where
    T: Send,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let result = work(connection).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn found_it_broken(&self) -> bool {
        matches!(self.result, Some(Err(StoreError::Unavailable(_))))
    }

    fn answer(self: Box<Self>, failure: Option<&str>) -> bool {
        // A write that failed by itself was undone alone: its own error says more than the batch's.
        let result = match (failure, self.result) {
            (_, Some(Err(own))) => Err(own),
            (None, Some(Ok(value))) => Ok(value),
            (Some(why), _) => Err(StoreError::Unavailable(why.to_owned())),
            (None, None) => Err(closed()),
        };
        let wakes = result.is_ok() && self.wakes == Wakes::Sleepers;
        // The caller may have gone; then nobody needs the answer.
        let _gone = self.reply.send(result);
        wakes
    }
}

struct Task {
    connection: Option<SqliteConnection>,
    reopen: Option<SqliteConnectOptions>,
    signals: Arc<Signals>,
}

impl Task {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
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
        if let Some(connection) = self.connection.take() {
            // Closing folds the write-ahead log back; what was committed is safe without that.
            let _unfolded = connection.close().await;
        }
        for done in closing {
            let _gone = done.send(());
        }
    }

    /// One transaction with every write of `batch`.
    async fn commit(&mut self, mut batch: Vec<Box<dyn Queued>>) {
        let failure = self.transaction(&mut batch).await.err().map(|error| error.to_string());
        // A disk that is full or gone is first met by a single statement.
        let broken = failure.is_some() || batch.iter().any(|write| write.found_it_broken());
        if broken {
            self.recover().await;
        }
        self.signals.broken.store(broken, Ordering::Relaxed);
        let mut wake = false;
        for write in batch {
            wake |= write.answer(failure.as_deref());
        }
        if wake {
            self.signals.woken.notify_waiters();
        }
    }

    async fn transaction(&mut self, batch: &mut [Box<dyn Queued>]) -> Result<(), sqlx::Error> {
        let connection = match (&mut self.connection, &self.reopen) {
            (Some(connection), _) => connection,
            (slot @ None, Some(options)) => slot.insert(SqliteConnection::connect_with(options).await?),
            (None, None) => return Err(sqlx::Error::WorkerCrashed),
        };
        if let [only] = batch {
            // Nobody else's write is in the way: it stands or falls with the transaction itself.
            execute(connection, "BEGIN IMMEDIATE").await?;
            if !only.run(connection).await {
                return execute(connection, "ROLLBACK").await;
            }
        } else {
            // Statements that go together are sent together: each way to the connection's thread and
            // back costs as much as a small statement.
            execute(connection, "BEGIN IMMEDIATE; SAVEPOINT one").await?;
            for write in batch {
                if write.run(connection).await {
                    execute(connection, "RELEASE SAVEPOINT one; SAVEPOINT one").await?;
                } else {
                    // Fails where the error ended the whole transaction (a full disk): then the batch
                    // fails, and nothing more is written outside a transaction.
                    execute(connection, "ROLLBACK TO SAVEPOINT one").await?;
                }
            }
        }
        execute(connection, "COMMIT").await?;
        self.signals.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Leaves no transaction open after a failure. A file is opened anew, so that whatever state the
    /// failure left behind is gone with its connection.
    async fn recover(&mut self) {
        if let Some(connection) = &mut self.connection {
            // Fails where the error ended the transaction already.
            let _ended = execute(connection, "ROLLBACK").await;
        }
        if self.reopen.is_some()
            && let Some(connection) = self.connection.take()
        {
            let _broken = connection.close().await;
        }
    }
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(connection).await.map(|_done| ())
}
