//! What is known of environments, and what somebody asks about versions with the program in hand.

use super::records::StoredEnvironments;
use super::{Store, StoreError, sql};
use crate::domain::{MergeRequestId, ModelId, ModelName, RepoId, Rollout, Timestamp, VersionRecord};

impl Store {
    /// What is known of a model's environments; the default with version 0 when nothing is.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn environments(&self, id: &ModelId) -> Result<StoredEnvironments, StoreError> {
        let id = id.clone();
        self.read(move |connection| Box::pin(async move { sql::environment::load(connection, &id).await }))
            .await
    }

    /// What is known of the environments and schedules of a repository's models, by model.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn models(&self, repo: RepoId) -> Result<Vec<(ModelName, StoredEnvironments)>, StoreError> {
        self.read(move |connection| Box::pin(sql::environment::of_repository(connection, repo))).await
    }

    /// One rollout of a model.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn rollout(&self, id: &ModelId, number: u64) -> Result<Option<Rollout>, StoreError> {
        let id = id.clone();
        self.read(move |connection| {
            Box::pin(async move { sql::environment::rollout(connection, &id, number).await })
        })
        .await
    }

    /// The rollout whose version was live in an environment at a time; none when nothing was.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn live_at(
        &self,
        id: &ModelId,
        environment: &str,
        at: Timestamp,
    ) -> Result<Option<Rollout>, StoreError> {
        let (id, environment) = (id.clone(), environment.to_owned());
        self.read(move |connection| {
            Box::pin(async move { sql::environment::live_at(connection, &id, &environment, at).await })
        })
        .await
    }

    /// Models of a repository with something on its way to an environment of this name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn rolling_out(&self, repo: RepoId, environment: &str) -> Result<Vec<ModelId>, StoreError> {
        let environment = environment.to_owned();
        self.read(move |connection| {
            Box::pin(async move { sql::environment::open_in(connection, repo, &environment).await })
        })
        .await
    }

    /// Every version of every repository, or those of models of this name; the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn all_versions(&self, model: Option<&ModelName>) -> Result<Vec<VersionRecord>, StoreError> {
        let model = model.cloned();
        self.read(move |connection| {
            Box::pin(async move { sql::registry::all_versions(connection, model.as_ref()).await })
        })
        .await
    }

    /// The full path of the repository that a merge request belongs to, as last seen.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn repository_of(&self, id: MergeRequestId) -> Result<Option<String>, StoreError> {
        self.read(move |connection| Box::pin(sql::merge_request::repository(connection, id))).await
    }
}
