//! Committing files, and reading those that generated CI consists of.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::runs::model_of;
use super::{GitHub, answers};
use crate::domain::{FileChange, NewCommit, RepoId, Sha};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segments;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const LIST: Operation =
    Operation { name: "ci_files", does: "list the workflows", needs: "read access to contents" };
const COMMIT: Operation = Operation {
    name: "commit_files",
    does: "commit the files",
    needs: "write access to contents and to workflows (a classic token: the scope `workflow`), and what \
            the branch's protection or rulesets say",
};

/// Where workflows lie.
const FOLDER: &str = ".github/workflows";

impl GitHub {
    /// Those named like ours. What lies in the folder is told with its name in git, so that a file that
    /// did not change is not read again.
    pub(super) async fn read_ci_files(
        &self,
        repo: RepoId,
        at: &Sha,
        limit: u64,
    ) -> Result<BTreeMap<String, String>, ForgeError> {
        let rest = format!("/contents/{FOLDER}?ref={at}");
        let entries = match self.find::<Vec<answers::FolderEntry>>(&LIST, repo, &rest).await? {
            Some(entries) => entries,
            // Nothing there is only true where the commit itself is.
            None => return Ok(self.read_parents(repo, at).await.map(|_| BTreeMap::new())?),
        };
        let mut files = BTreeMap::new();
        for entry in entries {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            if model_of(name).is_none() {
                continue;
            }
            let key = (repo, entry.sha.clone());
            if let Some(known) = self.remembered.workflows.get(&key) {
                files.insert(entry.path, known);
                continue;
            }
            let Some(bytes) = self.read_file(repo, &entry.path, at, limit).await? else { continue };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.remembered.workflows.put(key, text.clone());
            files.insert(entry.path, text);
        }
        Ok(files)
    }

    /// Tree and commit are made first, which nobody sees; then the branch is moved, and only forward.
    pub(super) async fn commit(&self, repo: RepoId, new: &NewCommit) -> Result<Sha, ForgeError> {
        let parent: answers::GitCommit =
            self.get(&COMMIT, repo, &format!("/git/commits/{}", new.parent)).await?;
        let entries = new.files.iter().map(entry).collect::<Vec<_>>();
        let body = json!({ "base_tree": parent.tree.map(|tree| tree.sha), "tree": entries });
        let tree = self.new_object(repo, "/git/trees", body).await?;
        let body = json!({ "message": new.message, "tree": tree, "parents": [new.parent] });
        let made = self.new_object(repo, "/git/commits", body).await?;
        let (method, rest, body) = if new.begins {
            let body = json!({ "ref": format!("refs/heads/{}", new.branch), "sha": made });
            (Method::POST, "/git/refs".to_owned(), body)
        } else {
            let rest = format!("/git/refs/heads/{}", segments(&new.branch));
            (Method::PATCH, rest, json!({ "sha": made, "force": false }))
        };
        match self.write_only(&COMMIT, method, repo, &rest, Payload::Json(body)).await {
            Ok(_) => Ok(made),
            Err(failure) if is_moved(&failure) => {
                let text = format!("the branch `{}` moved meanwhile, so nothing was committed", new.branch);
                Err(failure.meaning(ErrorKind::Conflict, text))
            }
            Err(failure) => Err(forbidden(failure)),
        }
    }

    /// The name of an object that was made.
    async fn new_object(&self, repo: RepoId, rest: &str, body: Value) -> Result<Sha, ForgeError> {
        let made = self.write::<answers::Named>(&COMMIT, Method::POST, repo, rest, Payload::Json(body)).await;
        made.map(|(_, made)| made.sha).map_err(forbidden)
    }
}

fn entry(file: &FileChange) -> Value {
    let mut entry = json!({ "path": file.path, "mode": "100644", "type": "blob" });
    if let Some(fields) = entry.as_object_mut() {
        match &file.content {
            Some(content) => fields.insert("content".to_owned(), json!(content)),
            None => fields.insert("sha".to_owned(), Value::Null),
        };
    }
    entry
}

fn is_moved(failure: &Failure) -> bool {
    let words = ["fast forward", "already exists", "does not exist"];
    failure.is(422) && words.iter().any(|words| failure.says(words))
}

/// A token that may not write workflows is told that there is no such thing.
fn forbidden(failure: Failure) -> ForgeError {
    if failure.is(404) {
        let text = format!("GitHub does not let the bot commit the files: it needs {}", COMMIT.needs);
        return failure.meaning(ErrorKind::Refused, text);
    }
    failure.into()
}
