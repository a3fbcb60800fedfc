//! Work under a lease: in a task of its own, with the lease kept alive until it ends.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Lease, Store, StoreError};
use crate::domain::Clock;

/// Why leased work did not end.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// It panicked; the message is for the log.
    #[error("it panicked: {0}")]
    Panicked(String),
    /// The lease was lost: somebody else has the work now, and ours was stopped.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Runs `work` and extends the lease by `span` again and again until it ends. A panic in it stays
    /// in it, and dropping the future stops the work.
    ///
    /// # Errors
    /// When the work panics, or when the lease was lost.
    pub async fn held<T: Send + 'static>(
        &self,
        lease: &Lease,
        span: Duration,
        clock: &dyn Clock,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, HeldError> {
        let mut task = JoinSet::new();
        task.spawn(work);
        loop {
            tokio::select! {
                ended = task.join_next() => {
                    return match ended {
                        Some(Ok(value)) => Ok(value),
                        Some(Err(error)) => Err(HeldError::Panicked(message(error))),
                        None => Err(HeldError::Panicked("the work vanished".to_owned())),
                    };
                }
                () = tokio::time::sleep(span / 3) => {
                    // Any other error may pass before the lease ends: the next beat may get through.
                    if let Err(StoreError::LeaseLost) = self.extend(lease, clock.now().after(span)).await {
                        return Err(StoreError::LeaseLost.into());
                    }
                }
            }
        }
    }
}

fn message(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "the work was stopped".to_owned() };
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ForgeKind, InternalEvent, Lane, SystemClock};
    use crate::storage::NewJob;

    async fn leased(span: Duration) -> (Store, Lease) {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let job = NewJob { lane: Lane::Forge(ForgeKind::GitLab), event: InternalEvent::Refresh.to_json() };
        store.enqueue(vec![job], SystemClock.now()).await.unwrap();
        let claimed = store.claim(SystemClock.now(), span).await.unwrap().unwrap();
        (store, claimed.lease)
    }

    #[tokio::test]
    async fn a_panic_stays_in_the_work_that_panicked() {
        let span = Duration::from_secs(60);
        let (store, lease) = leased(span).await;
        let ended: Result<(), _> = store.held(&lease, span, &SystemClock, async { panic!("a defect") }).await;
        assert!(matches!(ended, Err(HeldError::Panicked(message)) if message == "a defect"));
        assert_eq!(store.held(&lease, span, &SystemClock, async { 7 }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_lost_lease_stops_the_work() {
        let span = Duration::from_millis(30);
        let (store, lease) = leased(span).await;
        // Somebody whose clock is ahead finds the lease ended and takes over.
        let later = SystemClock.now().after(Duration::from_secs(60));
        store.claim(later, Duration::from_secs(60)).await.unwrap().unwrap();
        let endless = std::future::pending::<()>();
        let ended = store.held(&lease, span, &SystemClock, endless).await;
        assert!(matches!(ended, Err(HeldError::Store(StoreError::LeaseLost))), "{ended:?}");
    }
}
