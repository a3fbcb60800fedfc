//! What is done once, however many processes share the database: the sweep and the pruning.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::reconcile::Reconcile;
use crate::storage::Store;

/// How often deliveries past their time are dropped.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// What the process does that leads.
pub(super) struct Leading {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) reconcile: Reconcile,
    pub(super) reconcile_every: Duration,
    pub(super) keep_deliveries: Duration,
}

impl Leading {
    /// Does it whenever this process leads, until `shutdown`. Stopping in the middle loses nothing.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let led = async {
            loop {
                let mut lead = self.store.lead().await;
                tokio::select! {
                    () = lead.lost() => {}
                    () = self.reconcile.run(self.reconcile_every, CancellationToken::new()) => {}
                    () = self.prune() => {}
                }
            }
        };
        let _stopped: Option<()> = shutdown.run_until_cancelled(Box::pin(led)).await;
    }

    /// Drops deliveries that were kept long enough, now and then.
    async fn prune(&self) {
        loop {
            tokio::time::sleep(PRUNE_EVERY).await;
            match self.store.prune(self.clock.now().before(self.keep_deliveries)).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(deliveries.pruned = count, "dropped deliveries past their time"),
                Err(error) => tracing::warn!(%error, "deliveries past their time could not be dropped"),
            }
        }
    }
}
