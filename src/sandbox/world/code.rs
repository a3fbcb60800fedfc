//! Pushing, branching and tagging, as people and tokens do it.

use crate::domain::Sha;

use super::git::Hand;
use super::{Occurrence, PipelineSource, Refusal, Role, State, Tag};

/// One file of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path from the repository's root.
    pub path: String,
    /// New content; none removes the file.
    pub content: Option<Vec<u8>>,
    /// Whether the file may be executed.
    pub executable: bool,
}

impl File {
    /// A file written.
    #[must_use]
    pub fn write(path: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.to_owned(), content: Some(content.into()), executable: false }
    }

    /// A file removed.
    #[must_use]
    pub fn remove(path: &str) -> Self {
        Self { path: path.to_owned(), content: None, executable: false }
    }
}

impl State {
    /// Commits files on a branch (begun at `start`, else at the default branch) and tells of the push.
    pub(crate) fn push(
        &mut self,
        project: u64,
        person: u64,
        branch: &str,
        start: Option<&Sha>,
        files: &[File],
        message: &str,
    ) -> Result<Sha, Refusal> {
        self.may_push(project, person, branch)?;
        let hand = Hand { person: self.person(person)?, at: self.now() };
        let git = &self.project(project)?.git;
        let before = git.branch(branch);
        let default = git.branch(&self.project(project)?.default_branch);
        let base = start.cloned().or_else(|| before.clone()).or(default);
        let after = git.commit(hand, branch, base.as_ref(), files, message)?;
        self.pushed(project, person, branch, before, Some(after.clone()))?;
        Ok(after)
    }

    /// Sets a branch to a commit that exists, as a forced push or a new branch does.
    pub(crate) fn point_branch(
        &mut self,
        project: u64,
        person: u64,
        branch: &str,
        to: &Sha,
    ) -> Result<(), Refusal> {
        self.may_push(project, person, branch)?;
        let git = &self.project(project)?.git;
        let before = git.branch(branch);
        git.move_branch(branch, to, before.as_ref())?;
        self.pushed(project, person, branch, before, Some(to.clone()))
    }

    /// Removes a branch.
    pub(crate) fn delete_branch(&mut self, project: u64, person: u64, branch: &str) -> Result<(), Refusal> {
        self.may_push(project, person, branch)?;
        let git = &self.project(project)?.git;
        let before = git.branch(branch).ok_or_else(|| Refusal::NotFound("404 Branch".to_owned()))?;
        git.delete_branch(branch)?;
        self.pushed(project, person, branch, Some(before), None)
    }

    /// Names an object that exists as a tag, which makes an annotated tag visible.
    pub(crate) fn name_tag(
        &mut self,
        project: u64,
        person: u64,
        name: &str,
        object: &str,
    ) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        let git = &self.project(project)?.git;
        let full = format!("refs/tags/{name}");
        git.git(&["check-ref-format", &full])
            .map_err(|_error| Refusal::Unprocessable(format!("{full} is not a valid ref name.")))?;
        if git.git(&["rev-parse", "--verify", "--quiet", &full]).is_ok() {
            return Err(Refusal::Unprocessable("Reference already exists".to_owned()));
        }
        let unknown = || Refusal::Unprocessable("Object does not exist".to_owned());
        let commit = git.resolve(object).ok_or_else(unknown)?;
        git.git(&["update-ref", &full, object])?;
        self.tell(&Occurrence::Tagged { project, by: person, name: name.to_owned(), commit: commit.clone() });
        self.start_automatic(project, person, name, PipelineSource::Tag, &commit);
        Ok(())
    }

    fn may_push(&self, project: u64, person: u64, branch: &str) -> Result<(), Refusal> {
        let least = if self.project(project)?.protected.contains(branch) && self.has_commits(project) {
            Role::Maintainer
        } else {
            Role::Developer
        };
        self.require(project, person, least)?;
        let git = &self.project(project)?.git;
        git.git(&["check-ref-format", &format!("refs/heads/{branch}")])
            .map_err(|_error| Refusal::Invalid("Branch name is invalid".to_owned()))
            .map(drop)
    }

    fn has_commits(&self, project: u64) -> bool {
        self.project(project).is_ok_and(|project| project.git.branch(&project.default_branch).is_some())
    }

    /// What follows from a branch that moved: hooks, new heads of merge requests, pipelines.
    pub(crate) fn pushed(
        &mut self,
        project: u64,
        person: u64,
        branch: &str,
        before: Option<Sha>,
        after: Option<Sha>,
    ) -> Result<(), Refusal> {
        self.tell(&Occurrence::Pushed {
            project,
            by: person,
            branch: branch.to_owned(),
            before: before.clone(),
            after: after.clone(),
        });
        let Some(after) = after else { return self.branch_vanished(project, person, branch) };
        self.new_heads(project, person, branch, &after)?;
        self.start_automatic(project, person, branch, PipelineSource::Push { before }, &after);
        for (target, number) in self.open_from(project, branch) {
            self.start_merge_request_pipeline_if_any(target, person, number, "synchronize");
        }
        self.turn_queues()
    }

    /// Creates a tag; with a message it is annotated.
    pub(crate) fn create_tag(
        &mut self,
        project: u64,
        person: u64,
        name: &str,
        target: &str,
        message: Option<&str>,
    ) -> Result<Tag, Refusal> {
        self.require(project, person, Role::Developer)?;
        let git = &self.project(project)?.git;
        git.git(&["check-ref-format", &format!("refs/tags/{name}")])
            .map_err(|_error| Refusal::Invalid("Tag name invalid".to_owned()))?;
        if git.resolve(&format!("refs/tags/{name}")).is_some() {
            return Err(Refusal::Invalid(format!("Tag {name} already exists")));
        }
        let commit =
            git.resolve(target).ok_or_else(|| Refusal::Invalid(format!("Target {target} is invalid")))?;
        let hand = Hand { person: self.person(person)?, at: self.now() };
        let message = message.filter(|text| !text.is_empty());
        git.tag(hand, name, &commit, message)?;
        self.tell(&Occurrence::Tagged { project, by: person, name: name.to_owned(), commit: commit.clone() });
        self.start_automatic(project, person, name, PipelineSource::Tag, &commit);
        self.tag(project, name)
    }
}
