//! The bot while it runs, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::tasks::{Ended, Stopped, Tasks};
use crate::domain::Clock;
use crate::http::Drain;
use crate::storage::{Sole, Store};

/// How long the whole end may take: 20 s are promised, and threads that cannot be stopped are waited for too.
pub(super) const END_LIMIT: Duration = Duration::from_secs(18);
/// How long requests under way may take when nobody works any more.
const REQUEST_LIMIT: Duration = Duration::from_secs(3);

/// Everything that runs. Without [`Running::until`] nobody would see a task end.
#[derive(Debug)]
pub struct Running {
    /// Where the door is.
    pub address: SocketAddr,
    /// What receives.
    pub(super) door: Tasks,
    /// What acts on it. Whatever is added to it is looked after like the rest.
    pub work: Tasks,
    pub(super) drain: Drain,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sole: Sole,
    /// How long the end may take in all. What is left undone then is found by the next process as after a crash.
    pub limit: Duration,
}

impl Running {
    /// Lets everything run until `end` resolves. Then nothing more is claimed, and what is under way is
    /// finished or released. Meanwhile the door stays open to those who watch, and a delivery that comes is
    /// answered 503 and not kept: the next process asks the forge what it missed.
    ///
    /// A task that ends before is an alarm, and ends the others in the same way: half a bot would answer
    /// as if all were well, and who watches over it would never start it again.
    ///
    /// # Errors
    /// The first task that ended before it was told to, or not well.
    pub async fn until(mut self, end: impl Future<Output = ()>) -> Result<(), Ended> {
        let broken = tokio::select! {
            () = end => {
                tracing::info!("asked to end: finishing what is under way");
                None
            }
            Some(ended) = self.door.next() => Some(ended),
            Some(ended) = self.work.next() => Some(ended),
        };
        if let Some(ended) = &broken {
            alarm(ended);
        }
        // First of all: nothing is kept that this process will not look at.
        self.drain.begin();
        // Most of it is for work under way; some is left for releasing and for closing the database, which
        // somebody else may hold.
        let deadline = Instant::now() + self.limit;
        let work = told(self.work.stop(self.limit * 2 / 3).await);
        if !work.in_time || work.broken.is_some() || broken.is_some() {
            self.release(self.limit / 6).await;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let door = told(self.door.stop(REQUEST_LIMIT.min(left / 2)).await);
        if !door.in_time {
            tracing::warn!("connections that were still open are given up");
        }
        if tokio::time::timeout_at(deadline, self.store.close()).await.is_err() {
            tracing::warn!("the database is left open: somebody else holds it");
        }
        tracing::info!("ended");
        broken.or(work.broken).or(door.broken).map_or(Ok(()), Err)
    }

    /// Nobody works any more: what is still claimed is free for the next process.
    async fn release(&self, limit: Duration) {
        let releasing = self.store.release_all(&self.sole, self.clock.now());
        match tokio::time::timeout(limit, releasing).await {
            Err(_elapsed) => tracing::warn!("some work did not end, and could not be released in time"),
            Ok(Ok(0)) => {}
            Ok(Ok(left)) => tracing::warn!(leases.released = left, "some work did not end: it is done again"),
            Ok(Err(error)) => tracing::warn!(%error, "some work did not end, and could not be released"),
        }
    }
}

/// One that breaks while it is stopping is as good an alarm.
fn told(stopped: Stopped) -> Stopped {
    if let Some(ended) = &stopped.broken {
        alarm(ended);
    }
    stopped
}

fn alarm(ended: &Ended) {
    metrics::counter!("mergewright_alarms_total", "kind" => "task_ended").increment(1);
    tracing::error!(
        alarm.kind = "task_ended",
        task.name = ended.task,
        task.last_words = ended.internal,
        "{} {} while it was needed: everything else is finished, then the process ends",
        ended.task,
        ended.how
    );
}
