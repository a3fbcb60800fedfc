//! The model card at a commit: a commit never changes, so each is read once.

use crate::domain::{ModelName, Sha};
use crate::engine::card::{self, CardFact};
use crate::forge::ErrorKind;
use crate::worker::failure::Failure;

use super::{Found, Gatherer};

/// The largest model card, in bytes.
const LARGEST: u64 = 1024 * 1024;

impl Gatherer<'_> {
    /// Reads the card of one model at `commit` (the head, or the merge commit in its place) into `found`,
    /// where the policy asks for one.
    pub(super) async fn read_card(
        &self,
        name: &ModelName,
        commit: &Sha,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let facts = &found.facts;
        let anew = self.state.models.get(name).is_some_and(|model| model.anew.is_some());
        let proposal = if anew { facts.merged_configuration() } else { &facts.proposal };
        let Some(path) = card::path(&facts.policy, proposal, name) else { return Ok(()) };
        let fact = self.card(commit, path).await?;
        found.facts.open.get_or_insert_default().cards.insert(name.clone(), fact);
        Ok(())
    }

    async fn card(&self, at: &Sha, path: String) -> Result<CardFact, Failure> {
        let key = (self.id.repo, at.clone(), path);
        if let Some(known) = self.memory.cards.get(&key) {
            return Ok(known);
        }
        let read = match self.forge.file(self.id.repo, &key.2, at, LARGEST).await {
            Ok(None) => CardFact::Absent,
            Ok(Some(bytes)) => match card::outline(&bytes) {
                Ok(outline) => CardFact::Read(outline),
                Err(why) => CardFact::Unreadable { why },
            },
            // Too large, or not ours to read: said to people, and asked again next time.
            Err(error) if error.kind == ErrorKind::Refused => {
                return Ok(CardFact::Unreadable { why: error.external });
            }
            Err(error) => return Err(error.into()),
        };
        self.memory.cards.put(key, read.clone());
        Ok(read)
    }
}
