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

    /// Asks, and once more where GitHub does not accept any longer what we were signed in with. An answer
    /// that blames the signature says that nothing was done, so that a write may be repeated too.
    pub(super) async fn signed<T, Asking>(
        &self,
        repo: RepoId,
        ask: impl Fn(Arc<Transport>) -> Asking,
    ) -> Result<T, Failure>
    where
        Asking: Future<Output = Result<T, Failure>>,
    {
        let http = self.at(repo).await?;
        let failure = match ask(Arc::clone(&http)).await {
            Err(failure) => failure,
            done => return done,
        };
        match &self.app {
            Some(app) if app.is_over(repo, &http, &failure).await => ask(self.at(repo).await?).await,
            _ => Err(failure),
        }
    }

    /// The same for the repository itself: where it is not to be seen, it may have moved to another
    /// installation, or been taken out of the one that let us in.
    pub(super) async fn signed_anew<T, Asking>(
        &self,
        repo: RepoId,
        ask: impl Fn(Arc<Transport>) -> Asking,
    ) -> Result<T, Failure>
    where
        Asking: Future<Output = Result<T, Failure>>,
    {
        let http = self.at(repo).await?;
        match (self.signed(repo, &ask).await, &self.app) {
            (Err(failure), Some(app)) if failure.is(404) => {
                app.leave(repo, &http).await;
                self.signed(repo, &ask).await
            }
            (done, _) => done,
        }
    }
}
