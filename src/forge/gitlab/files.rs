//! Files and folders at a commit.

use super::{GitLab, answers, project};
use crate::domain::{RepoId, Sha};
use crate::forge::ForgeError;
use crate::forge::classify::{Failure, Operation, header, named};
use crate::forge::text::{plain, segment};

const FILE: Operation =
    Operation { name: "file", does: "read a file", needs: "the scope `api` and at least Reporter" };
const OBJECT: Operation = Operation {
    name: "object",
    does: "look up a file or folder",
    needs: "the scope `api` and at least Reporter",
};

impl GitLab {
    pub(super) async fn read_file(
        &self,
        repo: RepoId,
        path: &str,
        at: &Sha,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ForgeError> {
        let Some(path) = plain(path).filter(|path| !path.is_empty()) else { return Ok(None) };
        let address = project(repo, &format!("/repository/files/{}/raw?ref={at}", segment(path)));
        match self.http.download(&FILE, &address).await {
            Ok(response) => {
                let content = self.http.bytes(&FILE, response, limit).await;
                content.map(Some).map_err(|failure| named(failure, path))
            }
            Err(failure) if failure.is(404) => self.absent(repo, at, failure).await,
            Err(failure) => Err(named(failure, path)),
        }
    }

    pub(super) async fn read_object(
        &self,
        repo: RepoId,
        path: &str,
        at: &Sha,
    ) -> Result<Option<Sha>, ForgeError> {
        let Some(path) = plain(path) else { return Ok(None) };
        if path.is_empty() {
            return Err(self
                .http
                .refused(&OBJECT, "the repository's root has no name; name a folder inside it")
                .into());
        }
        let address = project(repo, &format!("/repository/files/{}?ref={at}", segment(path)));
        match self.http.head(&OBJECT, &address).await {
            Ok(headers) => {
                if let Some(blob) = header(&headers, "x-gitlab-blob-id").and_then(|id| id.parse().ok()) {
                    return Ok(Some(blob));
                }
            }
            Err(failure) if failure.is(404) => {}
            Err(failure) => return Err(named(failure, path)),
        }
        self.tree_entry(repo, path, at).await
    }

    /// Finds a folder (or file) in the listing of the folder above it.
    async fn tree_entry(&self, repo: RepoId, path: &str, at: &Sha) -> Result<Option<Sha>, ForgeError> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let inside = if above.is_empty() { String::new() } else { format!("&path={}", segment(above)) };
        let address =
            project(repo, &format!("/repository/tree?ref={at}{inside}&pagination=keyset&per_page=100"));
        let found = |page: &[answers::TreeEntry]| page.iter().any(|entry| entry.name == name);
        let entries: Vec<answers::TreeEntry> = match self.http.list_until(&OBJECT, &address, found).await {
            Ok(entries) => entries,
            Err(failure) if failure.is(404) => return self.absent(repo, at, failure).await,
            Err(failure) => return Err(named(failure, path)),
        };
        let entry = entries.into_iter().find(|entry| entry.name == name);
        entry.map(|entry| entry.id.parse()).transpose().map_err(|_error| {
            self.http.refused(&OBJECT, "GitLab named it by something that is no object name").into()
        })
    }

    /// Nothing at that path is only true where the commit itself is there: a commit that GitLab does
    /// not know (yet) must not look like one without the file.
    async fn absent<T>(&self, repo: RepoId, at: &Sha, failure: Failure) -> Result<Option<T>, ForgeError> {
        if failure.says("file not found") {
            return Ok(None);
        }
        match self.read_parents(repo, at).await {
            Ok(_) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}
