//! Commits, branches, and what lies between two commits.

use std::collections::{BTreeMap, BTreeSet};

use super::merge_requests::paths;
use super::{GitLab, answers, project};
use crate::domain::{RepoId, Sha};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::{ErrorKind, ForgeError};

const COMPARE: Operation = Operation {
    name: "paths_between",
    does: "compare two commits",
    needs: "the scope `api` and at least Reporter",
};
const TREE: Operation = Operation {
    name: "tree",
    does: "list the files of a commit",
    needs: "the scope `api` and at least Reporter",
};
const BRANCH: Operation = Operation {
    name: "branch_head",
    does: "read the branch",
    needs: "the scope `api` and at least Reporter",
};
const COMMIT: Operation =
    Operation { name: "parents", does: "read the commit", needs: "the scope `api` and at least Reporter" };

impl GitLab {
    pub(super) async fn compare(
        &self,
        repo: RepoId,
        from: &Sha,
        to: &Sha,
    ) -> Result<BTreeSet<String>, ForgeError> {
        if from == to {
            return Ok(BTreeSet::new());
        }
        let path = project(repo, &format!("/repository/compare?from={from}&to={to}&straight=true"));
        let found: answers::Comparison = self.http.get(&COMPARE, &path).await?;
        if found.compare_timeout == Some(true) {
            // The list may be cut; the trees know all of it.
            return Ok(self.compare_trees(repo, from, to).await?);
        }
        Ok(paths(found.diffs))
    }

    /// Every path whose object or mode differs between two commits.
    pub(super) async fn compare_trees(
        &self,
        repo: RepoId,
        from: &Sha,
        to: &Sha,
    ) -> Result<BTreeSet<String>, Failure> {
        let before = self.whole_tree(repo, from).await?;
        let after = self.whole_tree(repo, to).await?;
        let differs = |path: &&String| before.get(*path) != after.get(*path);
        Ok(before.keys().chain(after.keys()).filter(differs).cloned().collect())
    }

    async fn whole_tree(
        &self,
        repo: RepoId,
        at: &Sha,
    ) -> Result<BTreeMap<String, (String, String)>, Failure> {
        let path = project(repo, &format!("/repository/tree?ref={at}&recursive=true&pagination=keyset"));
        let entries: Vec<answers::TreeEntry> = self.http.list(&TREE, &path).await?;
        let files = entries.into_iter().filter(|entry| entry.kind != "tree");
        Ok(files.map(|entry| (entry.path, (entry.id, entry.mode))).collect())
    }

    /// Looks the branch up by its exact name in the list: asked for as a revision, a tag of the same
    /// name would stand in its way.
    pub(super) async fn read_branch_head(&self, repo: RepoId, branch: &str) -> Result<Sha, ForgeError> {
        let begin = segment(&format!("^{branch}"));
        let path = project(repo, &format!("/repository/branches?search={begin}&per_page=100"));
        let found = |page: &[answers::Branch]| page.iter().any(|one| one.name == branch);
        let branches: Vec<answers::Branch> = self.http.list_until(&BRANCH, &path, found).await?;
        match branches.into_iter().find(|one| one.name == branch) {
            Some(found) => Ok(found.commit.id),
            None => Err(ForgeError {
                kind: ErrorKind::Gone,
                external: format!("GitLab has no branch `{branch}` in this project"),
                internal: format!("{}: not in the list", BRANCH.name),
            }),
        }
    }

    pub(super) async fn read_parents(&self, repo: RepoId, commit: &Sha) -> Result<Vec<Sha>, Failure> {
        let key = (repo, commit.clone());
        if let Some(parents) = self.remembered.parents.get(&key) {
            return Ok(parents);
        }
        let path = project(repo, &format!("/repository/commits/{commit}"));
        let found: answers::Commit = self.http.get(&COMMIT, &path).await?;
        self.remembered.parents.put(key, found.parent_ids.clone());
        Ok(found.parent_ids)
    }
}
