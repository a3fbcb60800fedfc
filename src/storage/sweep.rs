//! What the sweeps over the forge have to compare, and how far they came.

use super::records::KnownMergeRequest;
use super::writer::Wakes;
use super::{Store, StoreError, sql};
use crate::domain::{MergeRequestId, ModelName, RepoId, Timestamp};

impl Store {
    /// Since when the bot serves with this database; the first call decides it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn serving_since(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.write(Wakes::Nobody, move |connection| Box::pin(sql::sweep::serving_since(connection, now)))
            .await
    }

    /// Repositories of which anything was ever kept, in no order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn repositories(&self) -> Result<Vec<RepoId>, StoreError> {
        self.read(|connection| Box::pin(sql::sweep::repositories(connection))).await
    }

    /// Models of a repository that are on their way to an environment or back, by name.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a stored name cannot be read; [`StoreError::Unavailable`].
    pub async fn moving_models(&self, repo: RepoId) -> Result<Vec<ModelName>, StoreError> {
        self.read(move |connection| Box::pin(sql::sweep::moving_models(connection, repo))).await
    }

    /// Up to when a repository was swept; none when it never was.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn swept_at(&self, repo: RepoId) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |connection| Box::pin(sql::sweep::swept_at(connection, repo))).await
    }

    /// Notes that everything of a repository up to `at` was compared.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn swept(&self, repo: RepoId, at: Timestamp) -> Result<(), StoreError> {
        self.write(Wakes::Nobody, move |connection| Box::pin(sql::sweep::set_swept_at(connection, repo, at)))
            .await
    }

    /// A merge request as it was last decided; none when it never was.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn known(&self, id: MergeRequestId) -> Result<Option<KnownMergeRequest>, StoreError> {
        self.read(move |connection| Box::pin(sql::sweep::known(connection, id))).await
    }

    /// Merge requests of a repository about which something may still happen by itself: the open
    /// ones, and those being merged or published.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn unfinished(&self, repo: RepoId) -> Result<Vec<KnownMergeRequest>, StoreError> {
        self.read(move |connection| Box::pin(sql::sweep::unfinished(connection, repo))).await
    }
}
