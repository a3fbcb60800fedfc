//! What is known: facts that the worker gathers before a decision.

use super::records::StoredState;
use super::{Store, StoreError, sql};
use crate::domain::{JobId, MergeRequestId, ModelName, Owner, RepoId, Report, RunId, Sha, VersionRecord};

impl Store {
    /// What is known of a merge request; the default state with version 0 when nothing is.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn state(&self, id: MergeRequestId) -> Result<StoredState, StoreError> {
        self.read(move |connection| Box::pin(sql::merge_request::load(connection, id))).await
    }

    /// Whether an event of this meaning was already decided.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn meaning_seen(&self, meaning: &str) -> Result<bool, StoreError> {
        let meaning = meaning.to_owned();
        self.read(move |connection| {
            Box::pin(async move { sql::registry::has_meaning(connection, &meaning).await })
        })
        .await
    }

    /// For whom a run was started, or who was last seen with it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn run_owner(&self, repo: RepoId, run: RunId) -> Result<Option<Owner>, StoreError> {
        self.read(move |connection| Box::pin(sql::registry::run_owner(connection, repo, run))).await
    }

    /// Open merge requests whose bound head is this commit.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn with_head(&self, repo: RepoId, head: &Sha) -> Result<Vec<MergeRequestId>, StoreError> {
        let head = head.clone();
        self.read(move |connection| {
            Box::pin(async move { sql::merge_request::with_head(connection, repo, &head).await })
        })
        .await
    }

    /// Open merge requests into this branch.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn into_branch(&self, repo: RepoId, branch: &str) -> Result<Vec<MergeRequestId>, StoreError> {
        let branch = branch.to_owned();
        self.read(move |connection| {
            Box::pin(async move { sql::merge_request::into_branch(connection, repo, &branch).await })
        })
        .await
    }

    /// The report read from a test job.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn report(&self, repo: RepoId, job: JobId) -> Result<Option<Report>, StoreError> {
        self.read(move |connection| Box::pin(sql::registry::report(connection, repo, job))).await
    }

    /// Our versions of a model, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a stored document cannot be read; [`StoreError::Unavailable`].
    pub async fn versions(&self, repo: RepoId, model: &ModelName) -> Result<Vec<VersionRecord>, StoreError> {
        let model = model.clone();
        self.read(move |connection| {
            Box::pin(async move { sql::registry::versions(connection, repo, &model).await })
        })
        .await
    }
}
