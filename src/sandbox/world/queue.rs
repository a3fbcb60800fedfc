//! Merge requests that wait to be merged one after the other, each tried upon those before it: GitHub's
//! merge queue, GitLab's merge train.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Sha;

use super::{
    Hand, MergeRequest, MergeRequestState, Occurrence, PipelineState, Project, Refusal, Role, State,
};

/// What waits at a project, where merging goes by a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    /// Statuses or checks that must be good on what is tried, on GitHub; on GitLab its pipeline decides.
    pub(crate) requires: BTreeSet<String>,
    /// The next one first.
    pub(crate) entries: Vec<Queued>,
}

/// A merge request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number.
    pub number: u64,
    /// Who put it there.
    pub by: u64,
    /// Its head then.
    pub head: Sha,
    /// How it is tried; not yet while its turn has not come.
    pub trial: Option<Trial>,
}

/// What would come of the target branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What it is put upon: the target branch, or the trial of the one before it.
    pub base: Sha,
    /// The commit.
    pub commit: Sha,
    /// Where it lies.
    pub reference: String,
    /// The pipeline that tries it, on GitLab.
    pub pipeline: Option<u64>,
}

impl Project {
    fn queued(&self) -> &[Queued] {
        self.queue.as_ref().map_or(&[], |queue| &queue.entries)
    }

    /// The place of a merge request in the queue.
    pub(crate) fn queued_as(&self, number: u64) -> Option<&Queued> {
        self.queued().iter().find(|entry| entry.number == number)
    }

    /// Whether what is tried may be merged; none while that is not decided.
    fn passes(&self, trial: &Trial, github: bool) -> Option<bool> {
        if !github {
            let Some(run) = trial.pipeline.and_then(|id| self.pipelines.get(&id)) else { return Some(true) };
            return match self.pipeline_state(run) {
                PipelineState::Success => Some(true),
                PipelineState::Failed | PipelineState::Canceled => Some(false),
                _ => None,
            };
        }
        let required = self.queue.as_ref().map(|queue| &queue.requires).into_iter().flatten();
        let verdicts: Vec<_> = required.map(|name| self.said_of(&trial.commit, name)).collect();
        if verdicts.contains(&Some(false)) {
            return Some(false);
        }
        verdicts.iter().all(|verdict| *verdict == Some(true)).then_some(true)
    }

    /// What the newest status or check of a name says of a commit.
    fn said_of(&self, commit: &Sha, name: &str) -> Option<bool> {
        let check = self.checks.values().rev().find(|check| check.sha == *commit && check.name == name);
        if let Some(check) = check {
            return check.conclusion.as_ref().map(|word| word == "success");
        }
        let status = self.statuses.iter().rev().find(|one| one.sha == *commit && one.name == name)?;
        match status.state.as_str() {
            "success" => Some(true),
            "failed" | "error" => Some(false),
            _ => None,
        }
    }
}

impl State {
    /// Puts a merge request at the end of the queue.
    pub(crate) fn enqueue(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        head: Option<&str>,
    ) -> Result<(), Refusal> {
        let github = self.dialect.is_github();
        let place = self.project(project)?;
        let one = place.merge_request(number)?.clone();
        let protected = !github && place.protected.contains(&one.target_branch);
        self.require(project, person, if protected { Role::Maintainer } else { Role::Developer })?;
        if place.queue.is_none() {
            return Err(Refusal::Forbidden("403 Forbidden".to_owned()));
        }
        if !one.is_open() {
            return Err(Refusal::Unprocessable("Pull request is closed".to_owned()));
        }
        if head.is_some_and(|head| head != one.head.as_str()) {
            return Err(Refusal::Conflict("SHA does not match HEAD of source branch".to_owned()));
        }
        if place.queued_as(number).is_some() {
            return Err(Refusal::Unprocessable("Pull request is already in the queue".to_owned()));
        }
        if let Some(obstacle) = self.merge_obstacle(project, number)? {
            return Err(Refusal::Unprocessable(format!("Pull request is not mergeable: {obstacle}")));
        }
        let entry = Queued { number, by: person, head: one.head, trial: None };
        if let Some(queue) = &mut self.project_mut(project)?.queue {
            queue.entries.push(entry);
        }
        if github {
            self.tell_of(project, person, number, "enqueued", None);
        }
        self.turn_queues()
    }

    /// Takes a merge request out of the queue, on somebody's wish.
    pub(crate) fn dequeue(&mut self, project: u64, person: u64, number: u64) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        if self.project(project)?.queued_as(number).is_none() {
            return Err(Refusal::NotFound("404".to_owned()));
        }
        self.leave_queue(project, person, number)?;
        self.turn_queues()
    }

    /// Merges what passed, lets go what did not, and tries the others anew; until nothing moves.
    pub(crate) fn turn_queues(&mut self) -> Result<(), Refusal> {
        // What is done here is told, and what is told may lead here again.
        if std::mem::replace(&mut self.queues_turn, true) {
            return Ok(());
        }
        let turned = self.turn_all();
        self.queues_turn = false;
        turned
    }

    fn turn_all(&mut self) -> Result<(), Refusal> {
        let waiting = self.projects.values().filter(|place| !place.queued().is_empty());
        for project in waiting.map(|place| place.id).collect::<Vec<_>>() {
            while self.turn_queue(project)? {}
        }
        Ok(())
    }

    /// Whether anything moved.
    fn turn_queue(&mut self, project: u64) -> Result<bool, Refusal> {
        let mut upon = BTreeMap::<String, Sha>::new();
        for entry in self.project(project)?.queued().to_vec() {
            let place = self.project(project)?;
            let one = place.merge_request(entry.number)?.clone();
            let first = !upon.contains_key(&one.target_branch);
            let base = upon.get(&one.target_branch).cloned();
            let base = base.or_else(|| place.git.branch(&one.target_branch));
            let tried = entry.trial.as_ref().filter(|trial| Some(&trial.base) == base.as_ref());
            if one.head != entry.head || !one.is_open() || one.is_draft() {
                self.leave_queue(project, one.author, entry.number)?;
                return Ok(true);
            }
            match tried {
                Some(trial) => match place.passes(trial, self.dialect.is_github()) {
                    Some(true) if first => {
                        self.merge_tried(project, &entry, &one, trial)?;
                        return Ok(true);
                    }
                    Some(false) => {
                        self.leave_queue(project, entry.by, entry.number)?;
                        return Ok(true);
                    }
                    _ => {
                        upon.insert(one.target_branch, trial.commit.clone());
                    }
                },
                None => {
                    match base {
                        Some(base) => self.try_upon(project, &entry, &one, &base)?,
                        None => self.leave_queue(project, entry.by, entry.number)?,
                    }
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Tries one upon what stands before it; one that conflicts with that is let go.
    fn try_upon(
        &mut self,
        project: u64,
        entry: &Queued,
        one: &MergeRequest,
        base: &Sha,
    ) -> Result<(), Refusal> {
        let github = self.dialect.is_github();
        self.drop_trial(project, entry)?;
        let place = self.project(project)?;
        let Some(tree) = place.git.merged_tree(base, &entry.head) else {
            return self.leave_queue(project, entry.by, entry.number);
        };
        let hand = Hand { person: self.person(entry.by)?, at: self.now() };
        let message = if github {
            format!("Merge pull request #{} from {}\n\n{}", one.number, one.source_branch, one.title)
        } else {
            format!("Merge branch '{}' into '{}'", one.source_branch, one.target_branch)
        };
        let commit = place.git.commit_tree(hand, &tree, &[base, &entry.head], &message)?;
        let reference = if github {
            format!("refs/heads/gh-readonly-queue/{}/pr-{}-{base}", one.target_branch, one.number)
        } else {
            format!("refs/merge-requests/{}/train", one.number)
        };
        place.git.set_ref(&reference, &commit)?;
        let pipeline = match github {
            true => None,
            false => self.start_train_pipeline(project, entry.by, one, &reference, &commit),
        };
        let trial = Trial { base: base.clone(), commit: commit.clone(), reference, pipeline };
        let mut entries = self.project_mut(project)?.queue.iter_mut().flat_map(|queue| &mut queue.entries);
        if let Some(entry) = entries.find(|known| known.number == entry.number) {
            entry.trial = Some(trial.clone());
        }
        if github {
            let target = one.target_branch.clone();
            self.tell(&Occurrence::Tried { project, by: entry.by, target, trial: trial.clone() });
            self.start_merge_group_workflows(project, entry.by, &trial)?;
        }
        Ok(())
    }

    /// The first of the queue, which passed: the target branch is what was tried.
    fn merge_tried(
        &mut self,
        project: u64,
        entry: &Queued,
        one: &MergeRequest,
        trial: &Trial,
    ) -> Result<(), Refusal> {
        let now = self.now();
        let place = self.project_mut(project)?;
        place.git.move_branch(&one.target_branch, &trial.commit, Some(&trial.base))?;
        let changed = place.merge_request_mut(entry.number)?;
        changed.state = MergeRequestState::Merged {
            commit: trial.commit.clone(),
            squash: None,
            merge_commit: Some(trial.commit.clone()),
            by: entry.by,
            at: now,
        };
        changed.updated_at = now;
        self.forget_queued(project, entry.number)?;
        self.tell_of(project, entry.by, entry.number, "merge", None);
        let (before, after) = (Some(trial.base.clone()), Some(trial.commit.clone()));
        self.pushed(project, entry.by, &one.target_branch, before, after)
    }

    fn leave_queue(&mut self, project: u64, person: u64, number: u64) -> Result<(), Refusal> {
        if let Some(entry) = self.project(project)?.queued_as(number).cloned() {
            self.drop_trial(project, &entry)?;
        }
        self.forget_queued(project, number)?;
        if self.dialect.is_github() {
            self.tell_of(project, person, number, "dequeued", None);
        }
        Ok(())
    }

    fn forget_queued(&mut self, project: u64, number: u64) -> Result<(), Refusal> {
        if let Some(queue) = &mut self.project_mut(project)?.queue {
            queue.entries.retain(|entry| entry.number != number);
        }
        Ok(())
    }

    /// What was tried is not tried any more.
    fn drop_trial(&mut self, project: u64, entry: &Queued) -> Result<(), Refusal> {
        let Some(trial) = &entry.trial else { return Ok(()) };
        let place = self.project(project)?;
        if self.dialect.is_github() {
            place.git.git(&["update-ref", "-d", &trial.reference])?;
        }
        match trial.pipeline.and_then(|id| place.pipelines.get(&id)) {
            Some(run) if !place.pipeline_state(run).is_final() => self.end_run(project, run.id),
            _ => Ok(()),
        }
    }
}
