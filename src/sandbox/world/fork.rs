//! Forks: repositories of their own, whose branches are brought into the project by merge requests.

use crate::domain::Sha;

use super::git::Hand;
use super::project::RunsWait;
use super::{MergeRequest, MergeRequestState, Project, Refusal, Role, State};

impl State {
    /// A copy of a project that belongs to a person, with all its branches and tags.
    pub(crate) fn fork(&mut self, project: u64, person: u64, path: &str) -> Result<u64, Refusal> {
        self.require(project, person, Role::Guest)?;
        let id = self.add_project(path)?;
        let (origin, copy) = (self.project(project)?, self.project(id)?);
        copy.git.mirror(&origin.git)?;
        let (public, branch) = (origin.public, origin.default_branch.clone());
        let copy = self.project_mut(id)?;
        copy.members.insert(person, Role::Owner);
        copy.default_branch = branch;
        copy.public = public;
        copy.forked_from = Some(project);
        Ok(id)
    }

    /// Removes a project with everything in it. Merge requests that come from it are closed on GitLab; on
    /// GitHub they stay as they are, from an unknown repository.
    pub(crate) fn delete_project(&mut self, project: u64, person: u64) -> Result<(), Refusal> {
        self.require(project, person, Role::Owner)?;
        let gone = self.projects.remove(&project);
        gone.ok_or_else(|| Refusal::NotFound("404 Project".to_owned()))?;
        if self.dialect.is_github() {
            return Ok(());
        }
        let from_it = |one: &&MergeRequest| one.is_open() && one.source_project == project;
        let of = |place: &Project| {
            place
                .merge_requests
                .values()
                .filter(from_it)
                .map(|one| (place.id, one.number))
                .collect::<Vec<_>>()
        };
        for (target, number) in self.projects.values().flat_map(of).collect::<Vec<_>>() {
            self.close_by_itself(target, person, number)?;
        }
        Ok(())
    }

    /// What a branch that is gone takes with it: on GitHub the pull requests from it and into it.
    pub(crate) fn branch_vanished(&mut self, project: u64, person: u64, branch: &str) -> Result<(), Refusal> {
        if !self.dialect.is_github() {
            return Ok(());
        }
        let mut closed = self.open_from(project, branch);
        let into = |one: &&MergeRequest| one.is_open() && one.target_branch == branch;
        let here = self.project(project)?.merge_requests.values().filter(into);
        closed.extend(here.map(|one| (project, one.number)));
        closed.sort_unstable();
        closed.dedup();
        for (target, number) in closed {
            self.close_by_itself(target, person, number)?;
        }
        Ok(())
    }

    /// Closes a merge request as a consequence of something else.
    fn close_by_itself(&mut self, project: u64, person: u64, number: u64) -> Result<(), Refusal> {
        self.change(project, person, number, "close", |one| {
            one.state = MergeRequestState::Closed;
            Ok(true)
        })
    }

    /// Makes a commit of one project known in another, as a forge does for merge requests.
    pub(crate) fn bring(&self, from: u64, to: u64, commit: &Sha) -> Result<(), Refusal> {
        if from == to {
            return Ok(());
        }
        self.project(to)?.git.fetch(&self.project(from)?.git, commit)
    }

    /// Where the source branch stands now; none when the branch or its project is gone.
    pub(crate) fn source_head(&self, one: &MergeRequest) -> Option<Sha> {
        self.project(one.source_project).ok()?.git.branch(&one.source_branch)
    }

    /// Merges the target branch into the source branch, as the button "Update branch" does.
    pub(crate) fn update_branch(&mut self, project: u64, person: u64, number: u64) -> Result<Sha, Refusal> {
        let one = self.project(project)?.merge_request(number)?.clone();
        self.require(one.source_project, person, Role::Developer)?;
        let place = self.project(project)?;
        let conflict = || Refusal::Unprocessable("merge conflict between base and head".to_owned());
        let target = place.git.branch(&one.target_branch).ok_or_else(conflict)?;
        self.bring(project, one.source_project, &target)?;
        let source = self.project(one.source_project)?;
        let tree = source.git.merged_tree(&one.head, &target).ok_or_else(conflict)?;
        let hand = Hand { person: self.person(person)?, at: self.now() };
        let message = format!("Merge branch '{}' into {}", one.target_branch, one.source_branch);
        let merged = source.git.commit_tree(hand, &tree, &[&one.head, &target], &message)?;
        source.git.move_branch(&one.source_branch, &merged, Some(&one.head))?;
        self.pushed(one.source_project, person, &one.source_branch, Some(one.head), Some(merged.clone()))?;
        Ok(merged)
    }

    /// Whether a run of this person's pull request waits for somebody's permission.
    pub(crate) fn run_waits(&self, place: &Project, author: u64) -> bool {
        let outside = self.require(place.id, author, Role::Developer).is_err();
        let merged = |one: &MergeRequest| one.author == author && one.merge_commit().is_some();
        match place.runs_wait {
            RunsWait::Never => false,
            RunsWait::ForNewcomers => outside && !place.merge_requests.values().any(merged),
            RunsWait::ForOutsiders => outside,
            RunsWait::Always => true,
        }
    }
}
