//! The tasks of the bot, under their names: none of them ends unseen.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Tasks that run until they are told to stop.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    stop: CancellationToken,
}

/// A task that ended while nobody had told it to, or not well.
#[derive(Debug, thiserror::Error)]
#[error("{task} {how}, and nothing does its work: start again; the log says more")]
pub struct Ended {
    /// Its name.
    pub task: &'static str,
    /// How it ended.
    pub how: How,
    /// What it said last: for the log.
    pub internal: String,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It returned.
    Returned,
    /// It met a defect.
    Panicked,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Returned => "ended",
            Self::Panicked => "panicked",
        })
    }
}

/// How tasks that were told to stop did so.
#[derive(Debug)]
pub(super) struct Stopped {
    /// Whether all of them did in time; the others were stopped in the middle.
    pub(super) in_time: bool,
    /// The first that did not end well.
    pub(super) broken: Option<Ended>,
}

impl Tasks {
    /// Runs what `task` makes of the signal to stop.
    pub fn add<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let running = self.running.spawn(task(self.stop.clone()));
        self.names.insert(running.id(), name);
    }

    /// The next task that ends; none when there is none left.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        let ended = self.running.join_next_with_id().await?;
        let (id, how, internal) = match ended {
            Ok((id, ())) => (id, How::Returned, String::new()),
            Err(error) => (error.id(), How::Panicked, last_words(error)),
        };
        let task = self.names.remove(&id).unwrap_or("a task");
        Some(Ended { task, how, internal })
    }

    /// Tells all of them to stop, and stops those in the middle that have not after `limit`.
    pub(super) async fn stop(&mut self, limit: Duration) -> Stopped {
        self.stop.cancel();
        let mut broken = None;
        let all = async {
            while let Some(ended) = self.next().await {
                if ended.how != How::Returned {
                    broken.get_or_insert(ended);
                }
            }
        };
        let in_time = tokio::time::timeout(limit, all).await.is_ok();
        self.running.shutdown().await;
        Stopped { in_time, broken }
    }
}

fn last_words(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was stopped".to_owned() };
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whatever_way_a_task_ends_it_is_told_by_its_name() {
        let mut tasks = Tasks::default();
        tasks.add("stays", async |stop| stop.cancelled().await);
        tasks.add("returns", async |_| {});
        tasks.add("panics", async |_| panic!("the defect"));
        let mut ended = Vec::new();
        for _ in 0..2 {
            let one = tasks.next().await.unwrap();
            ended.push((one.task, one.how, one.internal));
        }
        ended.sort_unstable_by_key(|(task, ..)| *task);
        let expected =
            [("panics", How::Panicked, "the defect".to_owned()), ("returns", How::Returned, String::new())];
        assert_eq!(ended, expected);
        let stopped = tasks.stop(Duration::MAX).await;
        assert!(stopped.in_time && stopped.broken.is_none(), "the one that was told to stop ended well");
        assert!(tasks.next().await.is_none());
    }

    #[tokio::test]
    async fn who_does_not_stop_in_time_is_stopped_and_who_breaks_at_it_is_told() {
        let mut tasks = Tasks::default();
        tasks.add("deaf", async |_| std::future::pending().await);
        tasks.add("breaks", async |stop| {
            stop.cancelled().await;
            panic!("while it was stopping")
        });
        let stopped = tasks.stop(Duration::from_millis(1)).await;
        assert!(!stopped.in_time);
        assert_eq!(stopped.broken.unwrap().task, "breaks");
        assert!(tasks.next().await.is_none());
    }
}
