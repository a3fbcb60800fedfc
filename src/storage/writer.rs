//! The one writing connection, and group commit: everything queued while the last commit was on its
//! way to the disk goes into the next one, and nobody is answered before the commit that holds his
//! write. One commit alone costs an fdatasync; without this, so would every delivery.
//!
//! Where other processes write to the same server, each transaction begins by taking the one lock of all
//! writers, so that it sees what a write to a file of our own would see: docs/decisions/0034.

mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

use super::connect::ANSWER_LIMIT;
use super::driver::{Connection, Opening};
use super::{StoreError, listen};
use task::Task;

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
    /// How many transactions failed, or met a statement that did.
    failures: AtomicU64,
    /// How many of these had happened when a trial last showed that the database takes deliveries.
    proved: AtomicU64,
    woken: Arc<Notify>,
}

enum Message {
    Write(Box<dyn Queued>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task on an open connection. `reopen` says how to get another one should this one
    /// break; none where the data lives in the connection.
    pub(super) fn start(connection: Connection, reopen: Option<Opening>) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let signals = Arc::new(Signals::default());
        let name = format!("{:016x}", fastrand::u64(..));
        let mut listener = JoinSet::new();
        if let Some(Opening::Postgres(options)) = &reopen {
            listener.spawn(listen::run((**options).clone(), name.clone(), Arc::clone(&signals.woken)));
        }
        let limit = connection.is_shared().then_some(ANSWER_LIMIT);
        let connection = Some(connection);
        let task = Task { connection, reopen, limit, name, signals: Arc::clone(&signals), listener };
        tokio::spawn(task.run(messages));
        Self { queue, signals }
    }

    /// Runs `work` in the next transaction and answers once that is on disk.
    pub(super) async fn write<T, F>(&self, wakes: Wakes, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
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

    /// Whether nothing failed since a trial last showed that the database takes deliveries. A small write, or
    /// one that changes nothing, shows nothing: on a full disk it may well be done.
    pub(super) fn is_healthy(&self) -> bool {
        !self.queue.is_closed() && self.failures() == self.signals.proved.load(Ordering::Relaxed)
    }

    /// How many transactions failed.
    pub(super) fn failures(&self) -> u64 {
        self.signals.failures.load(Ordering::Relaxed)
    }

    /// A trial that was begun after this many failures went well.
    pub(super) fn proved(&self, failures: u64) {
        self.signals.proved.fetch_max(failures, Ordering::Relaxed);
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
    fn run<'c>(&'c mut self, connection: &'c mut Connection) -> BoxFuture<'c, bool>;
    /// Whether sleepers are to be woken once it is committed.
    fn wakes(&self) -> bool;
    /// Whether it failed because the database did not do what it was told.
    fn found_it_broken(&self) -> bool;
    /// Answers the caller: with its result, or with what went wrong for the whole transaction.
    fn answer(self: Box<Self>, failure: Option<&str>);
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
    F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run<'c>(&'c mut self, connection: &'c mut Connection) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let result = work(connection).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn wakes(&self) -> bool {
        self.wakes == Wakes::Sleepers && matches!(self.result, Some(Ok(_)))
    }

    fn found_it_broken(&self) -> bool {
        matches!(self.result, Some(Err(StoreError::Unavailable(_))))
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        // A write that failed by itself was undone alone: its own error says more than the batch's.
        let result = match (failure, self.result) {
            (_, Some(Err(own))) => Err(own),
            (None, Some(Ok(value))) => Ok(value),
            (Some(why), _) => Err(StoreError::Unavailable(why.to_owned())),
            (None, None) => Err(closed()),
        };
        // The caller may have gone; then nobody needs the answer.
        let _gone = self.reply.send(result);
    }
}
