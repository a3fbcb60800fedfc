//! Committing files, and reading those that generated CI consists of.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::{GitLab, answers, project};
use crate::domain::{FileChange, NewCommit, RepoId, Sha};
use crate::forge::classify::{Failure, Operation};
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const COMMIT: Operation = Operation {
    name: "commit_files",
    does: "commit the files",
    needs: "Developer, and on a protected branch what `Allowed to push` says there",
};

/// The file that GitLab's pipelines begin with.
const CI_FILE: &str = ".gitlab-ci.yml";
/// Where those lie that ours includes.
const INCLUDED: &str = ".gitlab/mergewright/";

impl GitLab {
    pub(super) async fn read_ci_files(
        &self,
        repo: RepoId,
        at: &Sha,
        limit: u64,
    ) -> Result<BTreeMap<String, String>, ForgeError> {
        let mut files = BTreeMap::new();
        let mut wanted = vec![CI_FILE.to_owned()];
        while let Some(path) = wanted.pop() {
            let Some(bytes) = self.read_file(repo, &path, at, limit).await? else { continue };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if path == CI_FILE {
                wanted.extend(included(&text));
            }
            files.insert(path, text);
        }
        Ok(files)
    }

    /// GitLab commits upon whatever the branch is: it is looked at first, and each file that changes must
    /// be as it was in the parent.
    pub(super) async fn commit(&self, repo: RepoId, new: &NewCommit) -> Result<Sha, ForgeError> {
        if !new.begins {
            let now = self.read_branch_head(repo, &new.branch).await?;
            if now != new.parent {
                return Err(moved(&new.branch));
            }
        }
        let actions = new.files.iter().map(|file| action(file, &new.parent)).collect::<Vec<_>>();
        let mut body = json!({ "branch": new.branch, "commit_message": new.message, "actions": actions });
        if let (true, Some(fields)) = (new.begins, body.as_object_mut()) {
            fields.insert("start_sha".to_owned(), json!(new.parent));
        }
        let path = project(repo, "/repository/commits");
        match self.http.write::<answers::Commit>(&COMMIT, Method::POST, &path, Payload::Json(body)).await {
            Ok((_, made)) => Ok(made.id),
            Err(failure) if is_moved(&failure) => {
                Err(failure.meaning(ErrorKind::Conflict, moved(&new.branch).external))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Our files that the first one includes, each once, those that come first at the end.
fn included(text: &str) -> Vec<String> {
    let local = |line: &str| {
        let path = line.trim().strip_prefix("- local: ")?.trim_matches(['"', '\'']).trim_start_matches('/');
        let name = path.strip_prefix(INCLUDED)?.strip_suffix(".yml")?;
        (!name.is_empty() && !name.contains('/')).then(|| path.to_owned())
    };
    let paths: BTreeSet<String> = text.lines().filter_map(local).collect();
    paths.into_iter().rev().collect()
}

fn action(file: &FileChange, parent: &Sha) -> Value {
    let word = match (&file.content, file.exists) {
        (None, _) => "delete",
        (Some(_), true) => "update",
        (Some(_), false) => "create",
    };
    let mut action = json!({ "action": word, "file_path": file.path });
    if let Some(fields) = action.as_object_mut() {
        fields.extend(file.content.as_ref().map(|content| ("content".to_owned(), json!(content))));
        fields.extend(file.exists.then(|| ("last_commit_id".to_owned(), json!(parent))));
    }
    action
}

/// Whether the answer says that branch or files are not what they were.
fn is_moved(failure: &Failure) -> bool {
    let words = ["already exists", "has changed since", "doesn't exist", "does not exist"];
    matches!(failure.status, Some(400 | 409)) && words.iter().any(|words| failure.says(words))
}

fn moved(branch: &str) -> ForgeError {
    ForgeError {
        kind: ErrorKind::Conflict,
        external: format!("the branch `{branch}` moved meanwhile, so nothing was committed"),
        internal: format!("{}: not upon its parent", COMMIT.name),
    }
}
