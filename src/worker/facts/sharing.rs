//! Other merge requests with the same head: a status stands on the commit, and so speaks for them all.

use crate::domain::{Sha, Sharing};
use crate::storage::StoreError;

use super::Gatherer;

impl Gatherer<'_> {
    /// What the others were last decided to say.
    pub(super) async fn sharing(&self, head: &Sha) -> Result<Vec<Sharing>, StoreError> {
        let mut sharing = Vec::new();
        for id in self.store.with_head(self.id.repo, head).await?.into_iter().filter(|id| *id != self.id) {
            let shown = self.store.state(id).await?.state.shown;
            sharing.push(Sharing { number: id.number, on: shown.statuses_on, said: shown.said });
        }
        Ok(sharing)
    }
}
