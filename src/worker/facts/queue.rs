//! How the merge request waits in the queue of its target branch: asked only where there is reason to.

use crate::domain::MergeRequestStatus;
use crate::engine::QueueFact;
use crate::event::Event;
use crate::worker::failure::Failure;

use super::{Found, Gatherer};

impl Gatherer<'_> {
    /// Reads it into `found`, with what differs from the base that everything is judged against.
    pub(super) async fn queue(&self, found: &mut Found) -> Result<(), Failure> {
        let open = found.facts.merge_request.status == MergeRequestStatus::Open;
        if !open || !(*self.event == Event::Tried || found.tried || self.state.queue.waits) {
            return Ok(());
        }
        let queued = self.forge.queued(self.id).await?;
        let drift = match queued.as_ref().and_then(|queued| queued.trial.as_ref()) {
            Some(trial) => self.drift(&found.facts.base, &trial.base).await?,
            None => None,
        };
        found.facts.queue = Some(QueueFact { queued, drift });
        Ok(())
    }
}
