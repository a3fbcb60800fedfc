//! Repositories by number: GitHub's routes want names, and names change.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Response};
use serde::de::DeserializeOwned;

use super::{GitHub, answers};
use crate::domain::{ForgeKind, RepoId, Repository, Timestamp};
use crate::forge::ForgeError;
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::{Payload, Transport};

pub(super) const REPOSITORY: Operation =
    Operation { name: "repository", does: "read the repository", needs: "read access to its metadata" };

/// How long a name is taken for right without being looked up again.
const NAME_LASTS: Duration = Duration::from_secs(300);
/// How old a name must be before "not found" is blamed on it.
const NAME_IS_FRESH: Duration = Duration::from_secs(30);

/// What a repository was called when we last looked.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// `/repos/owner/name`
    path: String,
    /// Whether merging by a merge commit, by squashing and by rebasing is allowed, where GitHub tells.
    pub(super) allows: [Option<bool>; 3],
    read_at: Timestamp,
}

impl GitHub {
    /// The number of the repository with this full path, if we may see one there.
    pub(super) async fn number_of(&self, path: &str) -> Result<Option<RepoId>, ForgeError> {
        let Some((owner, name)) = path.split_once('/') else { return Ok(None) };
        let path = format!("/repos/{}/{}", segment(owner), segment(name));
        let Some(http) = self.at_name(owner, name).await? else { return Ok(None) };
        match http.get::<answers::Repository>(&REPOSITORY, &path).await {
            Ok(found) => Ok(Some(RepoId { forge: ForgeKind::GitHub, number: found.id })),
            Err(failure) if failure.is(404) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) async fn read_repository(&self, repo: RepoId) -> Result<Repository, ForgeError> {
        let found = self.raw_repository(repo).await?;
        let Some(default_branch) = found.default_branch.filter(|branch| !branch.is_empty()) else {
            return Err(self
                .http
                .refused(&REPOSITORY, "it has no default branch yet; push a first commit")
                .into());
        };
        Ok(Repository { id: repo, path: found.full_name, default_branch, web_url: found.html_url })
    }

    /// The repository as it is now; its name is kept.
    pub(super) async fn raw_repository(&self, repo: RepoId) -> Result<answers::Repository, Failure> {
        let path = &format!("/repositories/{}", repo.number);
        let found: answers::Repository =
            self.signed_anew(repo, |http| async move { http.get(&REPOSITORY, path).await }).await?;
        let (owner, name) = found.full_name.split_once('/').unwrap_or_default();
        if found.id != repo.number || owner.is_empty() || name.is_empty() {
            return Err(self.http.refused(&REPOSITORY, "another one was shown instead"));
        }
        let path = format!("/repos/{}/{}", segment(owner), segment(name));
        let allows = [found.allow_merge_commit, found.allow_squash_merge, found.allow_rebase_merge];
        self.names.put(repo, Name { path, allows, read_at: self.http.now() });
        Ok(found)
    }

    /// What it is called and how it may be merged, as it was not long ago.
    pub(super) async fn name(&self, repo: RepoId) -> Result<Name, Failure> {
        let lasts = |name: &Name| self.http.now().since(name.read_at) < NAME_LASTS;
        if let Some(known) = self.names.get(&repo).filter(lasts) {
            return Ok(known);
        }
        self.raw_repository(repo).await?;
        self.names.get(&repo).ok_or_else(|| self.http.refused(&REPOSITORY, "its name was not kept"))
    }

    /// Asks below the repository's name, and once more where the name has changed meanwhile, or where we
    /// were let in. An answer that blames the address says that nothing was done, so that a write may be
    /// repeated too.
    pub(super) async fn below<T, Asking>(
        &self,
        repo: RepoId,
        rest: &str,
        ask: impl Fn(Arc<Transport>, String) -> Asking,
    ) -> Result<T, Failure>
    where
        Asking: Future<Output = Result<T, Failure>>,
    {
        let ask = &ask;
        let under = |path: String| self.signed(repo, move |http| ask(http, path.clone()));
        let name = self.name(repo).await?;
        let before = self.at(repo).await?;
        let failure = match under(format!("{}{rest}", name.path)).await {
            Err(failure) => failure,
            done => return done,
        };
        let stale = self.http.now().since(name.read_at) >= NAME_IS_FRESH;
        let moved = matches!(failure.status, Some(301 | 302 | 307 | 308));
        if !(moved || failure.is(404) && stale) {
            return Err(failure);
        }
        self.raw_repository(repo).await?;
        let let_in_anew = !Arc::ptr_eq(&before, &self.at(repo).await?);
        match self.names.get(&repo) {
            Some(now) if let_in_anew || now.path != name.path => under(format!("{}{rest}", now.path)).await,
            _ => Err(failure),
        }
    }

    /// Reads one JSON answer below the repository.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        repo: RepoId,
        rest: &str,
    ) -> Result<T, Failure> {
        self.below(repo, rest, |http, path| async move { http.get(operation, &path).await }).await
    }

    /// The same where "not found" means that there is none.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        repo: RepoId,
        rest: &str,
    ) -> Result<Option<T>, Failure> {
        match self.get(operation, repo, rest).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.is(404) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads a whole list below the repository.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        repo: RepoId,
        rest: &str,
    ) -> Result<Vec<T>, Failure> {
        self.list_in(operation, repo, rest, |page: Vec<T>| page).await
    }

    /// Reads a whole list that GitHub does not let us cut into pages.
    pub(super) async fn list_uncut<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        repo: RepoId,
        rest: &str,
    ) -> Result<Vec<T>, Failure> {
        self.below(repo, rest, |http, path| async move { http.list_until(operation, &path, |_| false).await })
            .await
    }

    /// Reads a whole list whose pages hold it in a field.
    pub(super) async fn list_in<P: DeserializeOwned, T>(
        &self,
        operation: &Operation,
        repo: RepoId,
        rest: &str,
        open: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, Failure> {
        let open = &open;
        self.below(repo, rest, |http, path| async move { http.list_in(operation, &path, open).await }).await
    }

    /// Opens a file below the repository.
    pub(super) async fn download(
        &self,
        operation: &Operation,
        repo: RepoId,
        rest: &str,
        form: Option<&'static str>,
    ) -> Result<Response, Failure> {
        self.below(repo, rest, |http, path| async move { http.download_as(operation, &path, form).await })
            .await
    }

    /// Writes below the repository and reads the JSON answer with its status.
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        method: Method,
        repo: RepoId,
        rest: &str,
        payload: Payload,
    ) -> Result<(u16, T), Failure> {
        let (method, payload) = (&method, &payload);
        let ask = |http: Arc<Transport>, path: String| async move {
            http.write(operation, method.clone(), &path, payload.clone()).await
        };
        self.below(repo, rest, ask).await
    }

    /// The same where an answer may be empty.
    pub(super) async fn write_maybe<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        method: Method,
        repo: RepoId,
        rest: &str,
        payload: Payload,
    ) -> Result<(u16, Option<T>), Failure> {
        let (method, payload) = (&method, &payload);
        let ask = |http: Arc<Transport>, path: String| async move {
            http.write_maybe(operation, method.clone(), &path, payload.clone()).await
        };
        self.below(repo, rest, ask).await
    }

    /// Writes below the repository; what a successful answer holds does not matter.
    pub(super) async fn write_only(
        &self,
        operation: &Operation,
        method: Method,
        repo: RepoId,
        rest: &str,
        payload: Payload,
    ) -> Result<u16, Failure> {
        let (method, payload) = (&method, &payload);
        let ask = |http: Arc<Transport>, path: String| async move {
            http.write_only(operation, method.clone(), &path, payload.clone()).await
        };
        self.below(repo, rest, ask).await
    }

    /// The full path of something below the repository, for the hosts beside the API.
    pub(super) async fn path(&self, repo: RepoId, rest: &str) -> Result<String, Failure> {
        Ok(format!("{}{rest}", self.name(repo).await?.path))
    }
}
