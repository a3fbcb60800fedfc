//! What people do with forks.

use std::sync::Arc;

use crate::domain::Sha;
use crate::sandbox::world::NewMergeRequest;

use super::{Done, SandboxProject};

#[expect(clippy::missing_errors_doc, reason = "every verb fails alike: with the forge's own refusal")]
impl SandboxProject {
    /// Lets everybody read, fork and comment, or members only.
    pub fn public(&self, public: bool) -> Done<()> {
        self.set(|project| project.public = public)
    }

    /// A person's own copy of the project, at this path.
    pub fn fork(&self, login: &str, path: &str) -> Done<Self> {
        let id = self.by(login, |state, project, person| state.fork(project, person, path))?;
        Ok(Self::new(Arc::clone(&self.world), id))
    }

    /// Opens a merge request into this project's default branch from a branch of a fork; its number.
    pub fn open_from_fork(&self, login: &str, fork: &Self, branch: &str, title: &str) -> Done<u64> {
        let target = self.read(|project| Ok(project.default_branch.clone()))?;
        self.by(login, |state, project, person| {
            let new = NewMergeRequest {
                fork: Some(fork.id),
                source: branch,
                target: &target,
                title,
                description: "",
                draft: false,
            };
            state.open_merge_request(project, person, new)
        })
    }

    /// Removes the project with everything in it.
    pub fn delete(&self, login: &str) -> Done<()> {
        self.by(login, |state, project, person| state.delete_project(project, person))
    }

    /// Merges the target branch into the merge request's branch, as GitHub's button "Update branch" does and
    /// people on GitLab do with git; the new head.
    pub fn update_branch(&self, login: &str, number: u64) -> Done<Sha> {
        self.by(login, |state, project, person| state.update_branch(project, person, number))
    }
}
