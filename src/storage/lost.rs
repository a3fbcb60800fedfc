//! Deliveries that the forge could not hand over: found in its log, and asked for once.

use super::writer::Wakes;
use super::{Store, StoreError, sql};
use crate::domain::{Healing, Lane, RepoId, Timestamp};

/// How far the log of a hook was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRead {
    /// Up to when.
    pub at: Timestamp,
    /// Up to which attempt; none before anything was read.
    pub newest: Option<u64>,
    /// Why it could not be read the last time.
    pub hindrance: Option<String>,
}

/// A delivery that never arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostDelivery {
    /// Whose it is.
    pub repo: RepoId,
    /// Its id.
    pub id: String,
    /// A second id that may have been taken for it.
    pub also: Option<String>,
    /// The attempt to be repeated, as the forge numbers it.
    pub attempt: u64,
    /// The event's name, as the forge lists it.
    pub event: String,
    /// When it failed, or was found to have.
    pub failed_at: Timestamp,
}

impl Store {
    /// How far the log of a hook was read; the hook is the lane of its repository, or of the forge whose App
    /// we are. None when it never was asked for.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a stored number cannot be read; [`StoreError::Unavailable`].
    pub async fn hook_read(&self, hook: &Lane) -> Result<Option<HookRead>, StoreError> {
        let hook = hook.clone();
        self.read(move |connection| Box::pin(async move { sql::lost::hook_read(connection, &hook).await }))
            .await
    }

    /// Notes that the log of a hook cannot be read, and why; `from` is where it would have begun. What was
    /// read before stays noted, so that nothing in between is passed over once it can be read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn hook_closed(&self, hook: &Lane, from: Timestamp, why: &str) -> Result<(), StoreError> {
        let (hook, why) = (hook.clone(), why.to_owned());
        self.write(Wakes::Nobody, move |connection| {
            Box::pin(async move { sql::lost::hook_closed(connection, &hook, from, &why).await })
        })
        .await
    }

    /// Notes what failed of a hook up to `at` and up to the attempt `newest`, as far as it has not arrived and
    /// was not noted before; how many that are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_lost(
        &self,
        hook: &Lane,
        at: Timestamp,
        newest: u64,
        lost: Vec<LostDelivery>,
    ) -> Result<u64, StoreError> {
        let hook = hook.clone();
        self.write(Wakes::Nobody, move |connection| {
            Box::pin(async move {
                sql::lost::set_hook_read(connection, &hook, at, newest).await?;
                let mut noted = 0;
                for one in &lost {
                    noted += sql::lost::insert(connection, &hook, one, at).await?;
                }
                Ok(noted)
            })
        })
        .await
    }

    /// The next delivery of a hook to be asked for: from now on it counts as asked for, whatever comes of it.
    /// None when nothing waits, or when `most` were asked for since `since`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a stored row cannot be read; [`StoreError::Unavailable`].
    pub async fn ask_for_lost(
        &self,
        hook: &Lane,
        now: Timestamp,
        (most, since): (u32, Timestamp),
    ) -> Result<Option<LostDelivery>, StoreError> {
        let hook = hook.clone();
        self.write(Wakes::Nobody, move |connection| {
            Box::pin(async move { sql::lost::take(connection, &hook, now, (most, since)).await })
        })
        .await
    }

    /// Nothing was done about a delivery that was asked for: it is to be asked for later.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ask_later(&self, lost: &LostDelivery) -> Result<(), StoreError> {
        let (repo, id) = (lost.repo, lost.id.clone());
        self.write(Wakes::Nobody, move |connection| {
            Box::pin(async move { sql::lost::give_back(connection, repo, &id).await })
        })
        .await
    }

    /// The forge will not send a delivery again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn lost_for_good(&self, lost: &LostDelivery) -> Result<(), StoreError> {
        let (repo, id) = (lost.repo, lost.id.clone());
        self.write(Wakes::Nobody, move |connection| {
            Box::pin(async move { sql::lost::refuse(connection, repo, &id).await })
        })
        .await
    }

    /// What was lost of a repository, as long as deliveries are kept, and what became of it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn healing(&self, repo: RepoId) -> Result<Healing, StoreError> {
        self.read(move |connection| Box::pin(sql::lost::healing(connection, repo))).await
    }
}
