//! Files and folders at a commit.

use super::{GitHub, answers};
use crate::domain::{RepoId, Sha};
use crate::forge::ForgeError;
use crate::forge::classify::{Operation, header, named};
use crate::forge::text::{plain, segments};

const FILE: Operation = Operation { name: "file", does: "read a file", needs: "read access to contents" };
const OBJECT: Operation =
    Operation { name: "object", does: "look up a file or folder", needs: "read access to contents" };

/// The most entries that GitHub lists of a folder.
const MOST_LISTED: usize = 1000;

/// A file's bytes instead of their description.
const RAW: &str = "application/vnd.github.raw+json";

impl GitHub {
    pub(super) async fn read_file(
        &self,
        repo: RepoId,
        path: &str,
        at: &Sha,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ForgeError> {
        let Some(path) = plain(path).filter(|path| !path.is_empty()) else { return Ok(None) };
        let rest = format!("/contents/{}?ref={at}", segments(path));
        match self.download(&FILE, repo, &rest, Some(RAW)).await {
            // A folder has no bytes of its own: GitHub lists it, whatever was asked for.
            Ok(response)
                if header(response.headers(), "content-type")
                    .is_some_and(|kind| kind.starts_with("application/json")) =>
            {
                Ok(None)
            }
            Ok(response) => {
                let content = self.http.bytes(&FILE, response, limit).await;
                content.map(Some).map_err(|failure| named(failure, path))
            }
            // Nothing at that path is only true where the commit itself is there: one that GitHub does
            // not know (yet) must not look like one without the file.
            Err(failure) if failure.is(404) => Ok(self.read_parents(repo, at).await.map(|_| None)?),
            Err(failure) => Err(named(failure, path)),
        }
    }

    /// The folder above names what lies in it. Where that is not all, or nothing, GitHub is asked for the
    /// folders one by one.
    pub(super) async fn read_object(
        &self,
        repo: RepoId,
        path: &str,
        at: &Sha,
    ) -> Result<Option<Sha>, ForgeError> {
        let Some(path) = plain(path) else { return Ok(None) };
        if path.is_empty() {
            let why = "the repository's root has no name; name a folder inside it";
            return Err(self.http.refused(&OBJECT, why).into());
        }
        if let Some((above, _)) = path.rsplit_once('/') {
            let rest = format!("/contents/{}?ref={at}", segments(above));
            match self.find(&OBJECT, repo, &rest).await? {
                Some(answers::Contents::Folder(entries)) => {
                    if let Some(entry) = entries.iter().find(|entry| entry.path == path) {
                        return self.object_name(&entry.sha).map(Some);
                    }
                    if entries.len() < MOST_LISTED {
                        return Ok(None);
                    }
                }
                // A file holds nothing.
                Some(answers::Contents::Other(_)) => return Ok(None),
                None => {}
            }
        }
        let mut folder = at.clone();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let tree: answers::Tree = self.get(&OBJECT, repo, &format!("/git/trees/{folder}")).await?;
            let truncated = tree.truncated;
            let Some(entry) = tree.tree.into_iter().find(|entry| entry.path == part) else {
                return if truncated {
                    Err(named(self.http.refused(&OBJECT, "its folder holds more than GitHub lists"), path))
                } else {
                    Ok(None)
                };
            };
            let name = self.object_name(&entry.sha)?;
            if parts.peek().is_none() {
                return Ok(Some(name));
            }
            if entry.kind != "tree" {
                return Ok(None);
            }
            folder = name;
        }
        Ok(None)
    }

    fn object_name(&self, text: &str) -> Result<Sha, ForgeError> {
        let why = "GitHub named it by something that is no object name";
        text.parse().map_err(|_error| self.http.refused(&OBJECT, why).into())
    }
}
