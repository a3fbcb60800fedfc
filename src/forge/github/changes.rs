//! Commits, branches, and what lies between two commits.

use std::collections::{BTreeMap, BTreeSet};

use super::{GitHub, answers, pulls};
use crate::domain::{CommitAuthor, MergeRequestId, RepoId, Sha};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::{co_authors, segments};
use crate::forge::{ErrorKind, ForgeError};

const CHANGES: Operation = Operation {
    name: "changed_paths",
    does: "list what the pull request changes",
    needs: "read access to pull requests",
};
const AUTHORS: Operation = Operation {
    name: "commit_authors",
    does: "list the commits of the pull request",
    needs: "read access to pull requests",
};
const COMPARE: Operation =
    Operation { name: "paths_between", does: "compare two commits", needs: "read access to contents" };
const TREE: Operation =
    Operation { name: "tree", does: "list the files of a commit", needs: "read access to contents" };
const BRANCH: Operation =
    Operation { name: "branch_head", does: "read the branch", needs: "read access to contents" };
const COMMIT: Operation =
    Operation { name: "parents", does: "read the commit", needs: "read access to contents" };

/// The most files that GitHub lists of a pull request.
const MOST_FILES: usize = 3000;
/// The most files that GitHub lists of a comparison.
const MOST_COMPARED: usize = 300;
/// The most commits that GitHub lists of a pull request.
const MOST_COMMITS: usize = 250;
/// The account that stands as committer under what was made in GitHub's own pages.
const WEB_FLOW: &str = "web-flow";

impl GitHub {
    pub(super) async fn read_changed_paths(
        &self,
        id: MergeRequestId,
    ) -> Result<BTreeSet<String>, ForgeError> {
        let rest = format!("/pulls/{}/files", id.number);
        let files: Vec<answers::ChangedFile> = self.list(&CHANGES, id.repo, &rest).await?;
        if files.len() < MOST_FILES {
            return Ok(paths(files));
        }
        // The list may be cut; the trees know all of it.
        let pull = self.raw_pull(id).await?;
        let compared = self.comparison(id.repo, &pull.base.sha, &pull.head.sha).await?;
        Ok(self.compare_trees(id.repo, &compared.merge_base_commit.sha, &pull.head.sha).await?)
    }

    /// GitHub compares with the commit from which both sides come: that is what is asked for where it is
    /// `from` itself. Elsewhere, and where the list may be cut, the trees tell.
    pub(super) async fn compare(
        &self,
        repo: RepoId,
        from: &Sha,
        to: &Sha,
    ) -> Result<BTreeSet<String>, ForgeError> {
        if from == to {
            return Ok(BTreeSet::new());
        }
        let compared = self.comparison(repo, from, to).await?;
        match compared.files {
            Some(files) if compared.merge_base_commit.sha == *from && files.len() < MOST_COMPARED => {
                Ok(paths(files))
            }
            _ => Ok(self.compare_trees(repo, from, to).await?),
        }
    }

    /// The files stand on the first page; one commit is enough of the rest.
    async fn comparison(&self, repo: RepoId, from: &Sha, to: &Sha) -> Result<answers::Comparison, Failure> {
        self.get(&COMPARE, repo, &format!("/compare/{from}...{to}?per_page=1")).await
    }

    /// Every path whose object or mode differs between two commits.
    async fn compare_trees(&self, repo: RepoId, from: &Sha, to: &Sha) -> Result<BTreeSet<String>, Failure> {
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
        let tree: answers::Tree = self.get(&TREE, repo, &format!("/git/trees/{at}?recursive=1")).await?;
        if tree.truncated {
            let why = "the repository holds more files than GitHub lists at once";
            return Err(self.http.refused(&TREE, why));
        }
        let files = tree.tree.into_iter().filter(|entry| entry.kind != "tree");
        Ok(files.map(|entry| (entry.path, (entry.sha, entry.mode))).collect())
    }

    pub(super) async fn read_commit_authors(
        &self,
        id: MergeRequestId,
    ) -> Result<BTreeSet<CommitAuthor>, ForgeError> {
        let rest = format!("/pulls/{}/commits", id.number);
        let mut commits: Vec<answers::Commit> = self.list(&AUTHORS, id.repo, &rest).await?;
        if commits.len() >= MOST_COMMITS {
            let answers::Pull { base, head, .. } = self.raw_pull(id).await?;
            let rest = format!("/compare/{}...{}", base.sha, head.sha);
            let open = |page: answers::Comparison| page.commits;
            commits = self.list_in(&AUTHORS, id.repo, &rest, open).await?;
        }
        Ok(commits.into_iter().flat_map(|commit| self.authors(commit)).collect())
    }

    /// Author, committer and co-authors of a commit, each with the account where there is one.
    fn authors(&self, commit: answers::Commit) -> Vec<CommitAuthor> {
        let answers::Commit { commit: text, author, committer } = commit;
        let mut authors = Vec::new();
        // What is done in a browser is committed by GitHub itself; it is never the one who wrote it.
        for (signed, account, by_github) in [(text.author, author, false), (text.committer, committer, true)]
        {
            let login = account.and_then(|account| account.login);
            if !by_github || login.as_deref() != Some(WEB_FLOW) {
                let email = signed.and_then(|signed| signed.email).unwrap_or_default();
                authors.push(self.author(login, email.trim().to_lowercase()));
            }
        }
        authors.extend(co_authors(&text.message).map(|email| self.author(None, email)));
        authors.retain(|author| author.login.is_some() || !author.email.is_empty());
        authors
    }

    fn author(&self, login: Option<String>, email: String) -> CommitAuthor {
        let login = login.or_else(|| self.hidden_login(&email).map(str::to_owned));
        CommitAuthor { login, email }
    }

    /// `7+ann@users.noreply.github.com` and `ann@…` say whose they are.
    fn hidden_login<'a>(&self, email: &'a str) -> Option<&'a str> {
        let (name, domain) = email.split_once('@')?;
        let name = name.split_once('+').map_or(name, |(_, login)| login);
        (domain == self.noreply && !name.is_empty()).then_some(name)
    }

    pub(super) async fn read_branch_head(&self, repo: RepoId, branch: &str) -> Result<Sha, ForgeError> {
        let rest = format!("/git/ref/heads/{}", segments(branch));
        let found: Option<answers::Reference> = self.find(&BRANCH, repo, &rest).await?;
        match found.filter(|found| found.name == format!("refs/heads/{branch}")) {
            Some(found) => Ok(found.object.sha),
            None => Err(ForgeError {
                kind: ErrorKind::Gone,
                external: format!("GitHub has no branch `{branch}` in this repository"),
                internal: format!("{}: not there", BRANCH.name),
            }),
        }
    }

    pub(super) async fn read_parents(&self, repo: RepoId, commit: &Sha) -> Result<Vec<Sha>, Failure> {
        let key = (repo, commit.clone());
        if let Some(parents) = self.remembered.parents.get(&key) {
            return Ok(parents);
        }
        let found: answers::GitCommit = self.get(&COMMIT, repo, &format!("/git/commits/{commit}")).await?;
        let parents: Vec<Sha> = found.parents.into_iter().map(|parent| parent.sha).collect();
        self.remembered.parents.put(key, parents.clone());
        Ok(parents)
    }

    /// Where the pull request comes from, if the bot can write there.
    pub(super) async fn own_branch(
        &self,
        id: MergeRequestId,
        head: &Sha,
        operation: &Operation,
    ) -> Result<String, ForgeError> {
        let pull = self.raw_pull(id).await?;
        if pull.head.sha != *head {
            return Err(ForgeError {
                kind: ErrorKind::Conflict,
                external: format!(
                    "the head has moved from {} to {}, so nothing was started",
                    head.short(),
                    pull.head.sha.short()
                ),
                internal: format!("{}: not sent", pulls::READ.name),
            });
        }
        if pull.head.repo.is_some_and(|repo| repo.id == id.repo.number) {
            return Ok(pull.head.reference);
        }
        let why = "GitHub has started no run for this head of a fork, and only the fork can be asked for one: push to it again";
        Err(self.http.refused(operation, why).into())
    }
}

/// Old and new names of all changes.
fn paths(files: Vec<answers::ChangedFile>) -> BTreeSet<String> {
    files
        .into_iter()
        .flat_map(|file| [Some(file.filename), file.previous_filename])
        .flatten()
        .filter(|path| !path.is_empty())
        .collect()
}
