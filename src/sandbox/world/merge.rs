//! Merging, with the guards that a forge has.

use crate::domain::Sha;

use super::git::Hand;
use super::{
    MergeRequest, MergeRequestState, MergeStyle, Occurrence, PipelineState, Project, Refusal, Role, State,
};

/// How somebody wants a merge request merged.
#[derive(Clone, Debug, Default)]
pub(crate) struct MergeWish {
    /// Only if this is the head.
    pub(crate) head: Option<String>,
    /// All commits as one.
    pub(crate) squash: bool,
    /// The commits anew on top of the target.
    pub(crate) rebase: bool,
    /// Remove the source branch afterwards.
    pub(crate) remove_source: bool,
    /// The merge commit's message, where it is not the forge's own.
    pub(crate) message: Option<String>,
}

impl State {
    /// How pull requests become commits: by merge, squash or rebase, as the repository allows.
    fn merged_pull_request(
        &self,
        project: u64,
        person: u64,
        one: &MergeRequest,
        wish: &MergeWish,
    ) -> Result<(Sha, Option<Sha>, Option<Sha>), Refusal> {
        let place = self.project(project)?;
        let allowed = place.merge_methods;
        let (fits, word) = match wish {
            MergeWish { rebase: true, .. } => (allowed.rebase, "Rebase merges"),
            MergeWish { squash: true, .. } => (allowed.squash, "Squash merges"),
            _ => (allowed.merge, "Merge commits"),
        };
        if !fits {
            return Err(Refusal::NotAllowed(format!("{word} are not allowed on this repository.")));
        }
        let conflict = || Refusal::NotAllowed("Pull Request is not mergeable".to_owned());
        let target = place.git.branch(&one.target_branch).ok_or_else(conflict)?;
        if wish.rebase {
            let top = self.on_top(place, person, one, target)?;
            return Ok((top, None, None));
        }
        let tree = place.git.merged_tree(&target, &one.head).ok_or_else(conflict)?;
        let hand = Hand { person: self.person(person)?, at: self.now() };
        if wish.squash {
            let own = format!("{} (#{})", one.title, one.number);
            let message = wish.message.as_deref().unwrap_or(&own);
            let squash = place.git.commit_tree(hand, &tree, &[&target], message)?;
            return Ok((squash.clone(), Some(squash), None));
        }
        let owner = self.project(one.source_project).map_or("unknown repository", Project::namespace);
        let from = format!("{owner}/{}", one.source_branch);
        let own = format!("Merge pull request #{} from {from}\n\n{}", one.number, one.title);
        let message = wish.message.as_deref().unwrap_or(&own);
        let merged = place.git.commit_tree(hand, &tree, &[&target, &one.head], message)?;
        Ok((merged.clone(), None, Some(merged)))
    }

    /// Why a merge request cannot be merged now, in GitLab's `detailed_merge_status`.
    pub(crate) fn merge_obstacle(&self, project: u64, number: u64) -> Result<Option<&'static str>, Refusal> {
        let place = self.project(project)?;
        let one = place.merge_request(number)?;
        if !one.is_open() {
            return Ok(Some("not_open"));
        }
        if one.checking > 0 {
            return Ok(Some("checking"));
        }
        if one.is_draft() {
            return Ok(Some("draft_status"));
        }
        let Some(target) = place.git.branch(&one.target_branch) else { return Ok(Some("broken_status")) };
        if !self.dialect.is_github() && self.source_head(one).is_none() {
            return Ok(Some("broken_status"));
        }
        if place.git.merged_tree(&target, &one.head).is_none() {
            return Ok(Some("conflict"));
        }
        if place.merge_style != MergeStyle::Merge && !place.git.is_ancestor(&target, &one.head) {
            return Ok(Some("need_rebase"));
        }
        if place.merge_needs_pipeline {
            let newest = place.head_pipeline(number);
            let green =
                newest.is_some_and(|pipeline| place.pipeline_state(pipeline) == PipelineState::Success);
            if !green {
                return Ok(Some("ci_must_pass"));
            }
        }
        Ok(None)
    }

    /// Merges; the commit on the target branch.
    pub(crate) fn merge(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        wish: &MergeWish,
    ) -> Result<Sha, Refusal> {
        self.require(project, person, Role::Developer)?;
        let place = self.project(project)?;
        let one = place.merge_request(number)?.clone();
        // On GitHub a protected branch takes the pull requests of whoever may write.
        let protected = !self.dialect.is_github() && place.protected.contains(&one.target_branch);
        if protected && self.require(project, person, Role::Maintainer).is_err() {
            return Err(Refusal::Forbidden("401 Unauthorized".to_owned()));
        }
        if !one.is_open() {
            return Err(Refusal::NotAllowed("405 Method Not Allowed".to_owned()));
        }
        if wish.head.as_deref().is_some_and(|head| head != one.head.as_str()) {
            return Err(Refusal::Conflict("SHA does not match HEAD of source branch".to_owned()));
        }
        // GitLab lets whoever may merge do so past the train.
        if self.dialect.is_github() && place.queue.is_some() {
            let text = "Repository rule violations found\n\nChanges must be made through the merge queue";
            return Err(Refusal::NotAllowed(text.to_owned()));
        }
        if self.merge_obstacle(project, number)?.is_some() {
            return Err(Refusal::NotAllowed("405 Method Not Allowed".to_owned()));
        }
        let (merged, squash, merge_commit) = self.merged_commit(project, person, &one, wish)?;
        let now = self.now();
        let place = self.project_mut(project)?;
        let target = place.git.branch(&one.target_branch);
        place.git.move_branch(&one.target_branch, &merged, target.as_ref())?;
        let changed = place.merge_request_mut(number)?;
        changed.state =
            MergeRequestState::Merged { commit: merged.clone(), squash, merge_commit, by: person, at: now };
        changed.updated_at = now;
        self.tell_of(project, person, number, "merge", None);
        self.pushed(project, person, &one.target_branch, target, Some(merged.clone()))?;
        let own = one.source_project == project;
        if wish.remove_source && own && !self.project(project)?.protected.contains(&one.source_branch) {
            let git = &self.project(project)?.git;
            let before = git.branch(&one.source_branch);
            git.delete_branch(&one.source_branch)?;
            self.tell(&Occurrence::Pushed {
                project,
                by: person,
                branch: one.source_branch,
                before,
                after: None,
            });
        }
        Ok(merged)
    }

    /// The commit that the target branch will stand on, with the squashed and the merge commit.
    fn merged_commit(
        &self,
        project: u64,
        person: u64,
        one: &MergeRequest,
        wish: &MergeWish,
    ) -> Result<(Sha, Option<Sha>, Option<Sha>), Refusal> {
        if self.dialect.is_github() {
            return self.merged_pull_request(project, person, one, wish);
        }
        let place = self.project(project)?;
        let conflict = || Refusal::NotAllowed("405 Method Not Allowed".to_owned());
        let target = place.git.branch(&one.target_branch).ok_or_else(conflict)?;
        let tree = place.git.merged_tree(&target, &one.head).ok_or_else(conflict)?;
        let hand = Hand { person: self.person(person)?, at: self.now() };
        let squash = if wish.squash {
            Some(place.git.commit_tree(hand, &tree, &[&target], &one.title)?)
        } else {
            None
        };
        let brought = squash.as_ref().unwrap_or(&one.head);
        if place.merge_style == MergeStyle::FastForward {
            return Ok((brought.clone(), squash, None));
        }
        let own = format!(
            "Merge branch '{}' into '{}'\n\n{}\n\nSee merge request {}!{}",
            one.source_branch, one.target_branch, one.title, place.path, one.number
        );
        let message = wish.message.as_deref().unwrap_or(&own);
        let merged = place.git.commit_tree(hand, &tree, &[&target, brought], message)?;
        Ok((merged.clone(), squash, Some(merged)))
    }

    /// Puts the source branch's commits on top of the target.
    pub(crate) fn rebase(&mut self, project: u64, person: u64, number: u64) -> Result<Sha, Refusal> {
        self.require(project, person, Role::Developer)?;
        let place = self.project(project)?;
        let one = place.merge_request(number)?.clone();
        let refused = || Refusal::NotAllowed("Rebase failed: please rebase locally".to_owned());
        let target = place.git.branch(&one.target_branch).ok_or_else(refused)?;
        // Into a fork only its owner writes.
        if !one.is_open() || one.source_project != project {
            return Err(refused());
        }
        if place.git.is_ancestor(&target, &one.head) {
            return Ok(one.head);
        }
        let top = self.on_top(place, person, &one, target)?;
        place.git.move_branch(&one.source_branch, &top, Some(&one.head))?;
        self.pushed(project, person, &one.source_branch, Some(one.head), Some(top.clone()))?;
        Ok(top)
    }

    /// The commits of a merge request made anew on top of a commit; the last of them.
    fn on_top(&self, place: &Project, person: u64, one: &MergeRequest, target: Sha) -> Result<Sha, Refusal> {
        let refused = || Refusal::NotAllowed("Rebase failed: please rebase locally".to_owned());
        let base = place.git.merge_base(&target, &one.head).ok_or_else(refused)?;
        let hand = Hand { person: self.person(person)?, at: self.now() };
        let mut top = target;
        for commit in place.git.commits(Some(&base), &one.head)?.iter().rev() {
            let Some(parent) = commit.parents.first() else { continue };
            let onto = format!("--merge-base={parent}");
            let args = ["merge-tree", "--write-tree", &onto, top.as_str(), commit.sha.as_str()];
            let printed = place.git.git(&args).map_err(|_error| refused())?;
            let tree = printed.lines().next().ok_or_else(refused)?;
            top = place.git.commit_tree(hand, tree, &[&top], &commit.message)?;
        }
        Ok(top)
    }
}
