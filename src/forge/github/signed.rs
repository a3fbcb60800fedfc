//! Under which credential a repository is spoken to.

use std::sync::Arc;

use super::GitHub;
use crate::domain::RepoId;
use crate::forge::classify::Failure;
use crate::forge::transport::Transport;

impl GitHub {
    /// The connection for what lies in a repository.
    pub(super) async fn at(&self, repo: RepoId) -> Result<Arc<Transport>, Failure> {
        match &self.app {
            Some(app) => app.at(&self.http, repo).await,
            None => Ok(Arc::clone(&self.http)),
        }
    }

    /// The same for a repository of which only the name is known; none where we may not see it.
    pub(super) async fn at_name(&self, owner: &str, name: &str) -> Result<Option<Arc<Transport>>, Failure> {
        match &self.app {
            Some(app) => app.at_name(&self.http, owner, name).await,
            None => Ok(Some(Arc::clone(&self.http))),
        }
    }

    /// Reads, and once more where GitHub does not accept what we were signed in with any longer.
    pub(super) async fn reads<T, Asking>(
        &self,
        repo: RepoId,
        ask: impl Fn(Arc<Transport>) -> Asking,
    ) -> Result<T, Failure>
    where
        Asking: Future<Output = Result<T, Failure>>,
    {
        let http = self.at(repo).await?;
        match ask(Arc::clone(&http)).await {
            Err(failure) if self.is_over(repo, &http, &failure).await => ask(self.at(repo).await?).await,
            done => done,
        }
    }

    /// Writes; what was refused is not repeated here, but the next one is signed anew.
    pub(super) async fn writes<T, Asking>(
        &self,
        repo: RepoId,
        ask: impl Fn(Arc<Transport>) -> Asking,
    ) -> Result<T, Failure>
    where
        Asking: Future<Output = Result<T, Failure>>,
    {
        let http = self.at(repo).await?;
        let done = ask(Arc::clone(&http)).await;
        if let Err(failure) = &done {
            self.is_over(repo, &http, failure).await;
        }
        done
    }

    async fn is_over(&self, repo: RepoId, http: &Arc<Transport>, failure: &Failure) -> bool {
        match &self.app {
            Some(app) => app.is_over(repo, http, failure).await,
            None => false,
        }
    }
}
