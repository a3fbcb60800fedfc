//! Deliveries that the forge could not hand over: read in its log, and asked for once.
//!
//! What they told was found by comparing already. They are asked for all the same, so that nothing rests on
//! what a comparison happens to look at.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::{ForgeKind, Lane, RepoId, Timestamp};
use crate::forge::{Again, FailedDelivery, Forge, Log, OurHook, ReadUpTo};
use crate::storage::{HookRead, LostDelivery, Store, StoreError};

use super::{OVERLAP, warn};

/// Deliveries by forge and what became of them.
const LOST: &str = "mergewright_lost_deliveries_total";

const MINUTE: Duration = Duration::from_secs(60);

/// Makes up for what one hook could not deliver.
pub(super) struct Healing<'a> {
    pub(super) store: &'a Store,
    pub(super) forge: &'a dyn Forge,
    pub(super) hook: OurHook,
    /// Repositories that are served.
    pub(super) served: &'a BTreeSet<RepoId>,
    /// What failed before is history, where the hook was never asked about.
    pub(super) from: Timestamp,
    pub(super) now: Timestamp,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Healed {
    pub(super) lost: u64,
    pub(super) asked: u64,
}

impl Healing<'_> {
    pub(super) async fn heal(&self) -> Result<Healed, StoreError> {
        let lane = self.lane();
        let known = self.store.hook_read(&lane).await?;
        let lost = self.find(&lane, known.as_ref()).await?;
        Ok(Healed { lost, asked: self.ask(&lane).await? })
    }

    fn lane(&self) -> Lane {
        match &self.hook {
            OurHook::Repository(repo, _) => Lane::Repository(*repo),
            OurHook::App => Lane::Forge(self.forge.kind()),
        }
    }

    /// Notes what failed since the log was read; how many deliveries that are.
    async fn find(&self, lane: &Lane, known: Option<&HookRead>) -> Result<u64, StoreError> {
        let since = ReadUpTo {
            at: known.map_or(self.from, |known| known.at.before(OVERLAP)),
            newest: known.and_then(|known| known.newest),
        };
        let (failed, newest, cut) = match self.forge.failed_deliveries(&self.hook, &since).await {
            Ok(Log::Read { failed, newest, cut }) => (failed, newest, cut),
            Ok(Log::Closed(why)) => {
                if known.and_then(|known| known.hindrance.as_ref()) != Some(&why) {
                    tracing::warn!(hook = %lane, why, "failed webhooks cannot be asked for again; what they told is looked up");
                    self.store.hook_closed(lane, self.from, &why).await?;
                }
                return Ok(0);
            }
            Err(error) => {
                warn(self.forge.kind(), None, &error);
                return Ok(0);
            }
        };
        if cut {
            tracing::warn!(hook = %lane, "the forge's log is longer than what is read of it: older webhooks are not asked for again");
        }
        let lost: Vec<LostDelivery> = failed.into_iter().filter_map(|one| self.served(one)).collect();
        let noted = self.store.note_lost(lane, self.now, newest, lost).await?;
        count(self.forge.kind(), "found", noted);
        if noted > 0 {
            tracing::info!(hook = %lane, deliveries.lost = noted, "the forge could not hand over webhooks");
        }
        Ok(noted)
    }

    /// What is about no repository, or about one that is not served, would tell us nothing.
    fn served(&self, one: FailedDelivery) -> Option<LostDelivery> {
        let repo = one.repo.filter(|repo| self.served.contains(repo))?;
        let FailedDelivery { id, also, attempt, event, at, .. } = one;
        Some(LostDelivery { repo, id, also, attempt, event, failed_at: at.unwrap_or(self.now) })
    }

    /// Asks for what waits, as many as the forge lets us; the rest waits for the next sweep.
    async fn ask(&self, lane: &Lane) -> Result<u64, StoreError> {
        let forge = self.forge.kind();
        let most = (self.forge.again_a_minute(), self.now.before(MINUTE));
        let mut asked = 0;
        for _ in 0..most.0 {
            // Committed before it is done: whoever is killed in between, or is not answered, asks no second time.
            let Some(lost) = self.store.ask_for_lost(lane, self.now, most).await? else { break };
            let (repository, delivery, event) = (lost.repo.to_string(), &lost.id, &lost.event);
            match self.forge.deliver_again(&self.hook, lost.attempt).await {
                Again::Asked => {
                    tracing::info!(
                        repository,
                        delivery.id = delivery,
                        event,
                        "asked for a lost webhook again"
                    );
                    count(forge, "asked", 1);
                    asked += 1;
                }
                Again::Later(error) => {
                    self.store.ask_later(&lost).await?;
                    tracing::info!(repository, %error, "lost webhooks are asked for again later");
                    count(forge, "postponed", 1);
                    break;
                }
                Again::Refused(error) => {
                    self.store.lost_for_good(&lost).await?;
                    tracing::warn!(repository, delivery.id = delivery, event, %error, "a lost webhook is not sent again");
                    count(forge, "refused", 1);
                }
                Again::Unknown(error) => {
                    tracing::warn!(repository, delivery.id = delivery, event, %error, "a lost webhook may have been sent again");
                    count(forge, "unknown", 1);
                    // Whatever is wrong there would meet the next one too.
                    break;
                }
            }
        }
        Ok(asked)
    }
}

fn count(forge: ForgeKind, outcome: &'static str, deliveries: u64) {
    metrics::counter!(LOST, "forge" => forge.as_str(), "outcome" => outcome).increment(deliveries);
}
