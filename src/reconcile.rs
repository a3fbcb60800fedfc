//! Asks the forge what we were not told: at the start, and every so often.
//!
//! A sweep compares what the forge lists with what was decided, and puts a look (or a comment to be
//! read) into the lanes of the merge requests that differ. It decides nothing by itself: what it found
//! goes the way of every delivery. One process sweeps; where several share a database, one of them
//! has to be chosen first.

mod healing;
mod patience;
mod repository;
mod served;

pub use served::Served;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use healing::Healing;
use patience::Patience;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::domain::{Clock, ForgeKind, RepoId, Timestamp};
use crate::forge::{Forge, ForgeError, Forges, OurHook};
use crate::storage::{Store, StoreError};

/// How much further back than the last sweep we look: the forge's clock may differ from ours, and what
/// it lists may lag behind what it did.
const OVERLAP: Duration = Duration::from_secs(60);

/// Sweeps over everything that is served.
#[derive(Clone, Debug)]
pub struct Reconcile {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    forges: Forges,
    clock: Arc<dyn Clock>,
    served: Served,
    heals: Heals,
    /// What this process has compared before: until then it cannot know what it was not there for.
    begun: Mutex<BTreeSet<RepoId>>,
    /// Where the last sweep of a forge gave up, so that the next one begins behind it.
    given_up: Mutex<BTreeMap<ForgeKind, RepoId>>,
}

/// Whether deliveries that failed are asked for again.
#[derive(Clone, Debug)]
enum Heals {
    /// They are not.
    No,
    /// They are; our hooks at repositories are known by this address, where we know it.
    Yes(Option<String>),
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Repositories that were compared.
    pub repositories: usize,
    /// Repositories that the forge would not tell about now; the next sweep goes back as far for them.
    pub failed: usize,
    /// Merge requests, and models on their way between environments, that are to be looked at again.
    pub looks: usize,
    /// Comments that are to be read.
    pub comments: usize,
    /// Deliveries that the forge could not hand over.
    pub lost: u64,
    /// Those that were asked for again.
    pub asked: u64,
}

/// Why something could not be compared.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Forge(#[from] ForgeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reconcile {
    /// Sweeps over this store and these forges.
    #[must_use]
    pub fn new(store: Store, forges: Forges, clock: Arc<dyn Clock>, served: Served) -> Self {
        Self::of(store, forges, clock, served, Heals::No)
    }

    /// The same; deliveries that the forge could not hand over are asked for again. `public_url` is how forges
    /// reach us: without it only an App knows which hook is ours.
    #[must_use]
    pub fn healing(self, public_url: Option<String>) -> Self {
        let Inner { store, forges, clock, served, .. } = &*self.inner;
        let (store, forges, clock, served) =
            (store.clone(), forges.clone(), Arc::clone(clock), served.clone());
        Self::of(store, forges, clock, served, Heals::Yes(public_url))
    }

    fn of(store: Store, forges: Forges, clock: Arc<dyn Clock>, served: Served, heals: Heals) -> Self {
        let (begun, given_up) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { store, forges, clock, served, heals, begun, given_up }) }
    }

    /// Sweeps now and every `every`, until `shutdown`.
    pub async fn run(&self, every: Duration, shutdown: CancellationToken) {
        // Stopping in the middle loses nothing: a repository is noted as swept after all of it was.
        let swept = shutdown.run_until_cancelled(async {
            loop {
                if let Err(error) = self.sweep().await {
                    tracing::warn!(%error, "the forge was not asked for what was missed: the database cannot be used");
                }
                tokio::time::sleep(every).await;
            }
        });
        let _stopped: Option<()> = swept.await;
    }

    /// Compares everything once.
    ///
    /// # Errors
    /// When the database cannot be used. A forge that does not answer is logged and asked next time.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        for forge in [ForgeKind::GitHub, ForgeKind::GitLab] {
            if let Some(adapter) = self.inner.forges.get(forge) {
                self.inner.forge(adapter.as_ref(), &mut swept).await?;
            }
        }
        if swept.looks + swept.comments > 0 {
            tracing::info!(
                sweep.repositories = swept.repositories,
                sweep.looks = swept.looks,
                sweep.comments = swept.comments,
                "asked the forge what was missed"
            );
        }
        Ok(swept)
    }
}

impl Inner {
    /// Compares everything of one forge.
    async fn forge(&self, forge: &dyn Forge, swept: &mut Swept) -> Result<(), StoreError> {
        let kind = forge.kind();
        let now = self.clock.now();
        let since = self.store.serving_since(now).await?;
        let mut repositories = self.store.repositories().await?;
        repositories.retain(|repo| repo.forge == kind);
        let (named, failed) = self.served.named(forge).await;
        repositories.extend(named);
        failed.iter().for_each(|error| warn(kind, None, error));
        repositories.sort_unstable();
        repositories.dedup();
        // Many broken ones in a row would else stand before the others for ever.
        if let Some(last) = lock(&self.given_up).remove(&kind) {
            let behind = repositories.partition_point(|repo| *repo <= last);
            repositories.rotate_left(behind);
        }
        let mut patience = Patience::default();
        // Those too that could not be compared now: what failed of them is not passed over.
        let mut served = BTreeSet::new();
        for repo in repositories {
            let span = tracing::info_span!("sweep", repository = %repo);
            match self.repository(forge, repo, since, now, swept).instrument(span).await {
                Ok(true) => {
                    patience.renewed();
                    served.insert(repo);
                    self.heal(forge, Some(repo), &BTreeSet::from([repo]), (since, now), swept).await?;
                }
                Ok(false) => patience.renewed(),
                Err(SweepError::Store(error)) => return Err(error),
                Err(SweepError::Forge(error)) => {
                    warn(kind, Some(repo), &error);
                    served.insert(repo);
                    swept.failed += 1;
                    if patience.ends(forge, &error) {
                        lock(&self.given_up).insert(kind, repo);
                        return Ok(());
                    }
                }
            }
        }
        self.heal(forge, None, &served, (since, now), swept).await
    }

    /// Asks for what could not be delivered: of the repository's own hook, or (where there is none to name) of
    /// the one that tells of all.
    async fn heal(
        &self,
        forge: &dyn Forge,
        repo: Option<RepoId>,
        served: &BTreeSet<RepoId>,
        (since, now): (Timestamp, Timestamp),
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let Heals::Yes(public_url) = &self.heals else { return Ok(()) };
        let hook = match (repo, forge.has_one_hook(), public_url) {
            (None, true, _) if !served.is_empty() => OurHook::App,
            (Some(repo), false, Some(url)) => {
                OurHook::Repository(repo, format!("{url}/webhooks/{}", forge.kind()))
            }
            _ => return Ok(()),
        };
        let from = since.before(OVERLAP);
        let healed = Healing { store: &self.store, forge, hook, served, from, now }.heal().await?;
        swept.lost += healed.lost;
        swept.asked += healed.asked;
        Ok(())
    }

    /// Whether it is served; then it was compared.
    async fn repository(
        &self,
        forge: &dyn Forge,
        repo: RepoId,
        since: Timestamp,
        now: Timestamp,
        swept: &mut Swept,
    ) -> Result<bool, SweepError> {
        if !self.served.serves(forge, repo, now).await? {
            return Ok(false);
        }
        let before = self.store.swept_at(repo).await?;
        let from = before.unwrap_or(since).before(OVERLAP);
        let awake = lock(&self.begun).contains(&repo);
        let comparison = repository::Comparison {
            store: &self.store,
            forge,
            repo,
            from,
            now,
            first: before.is_none(),
            awake,
        };
        let found = comparison.compare().await?;
        self.store.enqueue(found.jobs, now).await?;
        self.store.swept(repo, now).await?;
        lock(&self.begun).insert(repo);
        swept.repositories += 1;
        swept.looks += found.looks;
        swept.comments += found.comments;
        Ok(true)
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn warn(forge: ForgeKind, repo: Option<RepoId>, error: &ForgeError) {
    let repository = repo.map(|repo| repo.to_string());
    tracing::warn!(%forge, repository, %error, "the forge could not be asked for what was missed");
}
