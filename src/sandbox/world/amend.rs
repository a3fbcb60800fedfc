//! What people change about a merge request: title, description, target, mark, labels.

use super::merge_request::says_draft;
use super::{Occurrence, Refusal, Role, State};

impl State {
    /// Gives it another title.
    pub(crate) fn retitle(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        title: &str,
    ) -> Result<(), Refusal> {
        self.author_or(project, person, number, Role::Developer)?;
        let by_title = !self.dialect.is_github();
        self.change(project, person, number, "update", |one| {
            let changed = one.title != title;
            title.clone_into(&mut one.title);
            if by_title {
                one.draft = says_draft(title);
            }
            Ok(changed)
        })
    }

    /// Gives it another description.
    pub(crate) fn redescribe(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        text: &str,
    ) -> Result<(), Refusal> {
        self.author_or(project, person, number, Role::Developer)?;
        self.change(project, person, number, "update", |one| {
            let changed = one.description != text;
            text.clone_into(&mut one.description);
            Ok(changed)
        })
    }

    /// Marks it as not ready, or takes the mark off.
    pub(crate) fn set_draft(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        draft: bool,
    ) -> Result<(), Refusal> {
        if !self.dialect.is_github() {
            let title = self.project(project)?.merge_request(number)?.title.clone();
            let bare = title.strip_prefix("Draft: ").unwrap_or(&title);
            let title = if draft { format!("Draft: {bare}") } else { bare.to_owned() };
            return self.retitle(project, person, number, &title);
        }
        self.author_or(project, person, number, Role::Developer)?;
        let action = if draft { "draft" } else { "ready" };
        self.change(project, person, number, action, |one| {
            let changed = one.draft != draft;
            one.draft = draft;
            Ok(changed)
        })
    }

    /// Aims it at another branch.
    pub(crate) fn retarget(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        target: &str,
    ) -> Result<(), Refusal> {
        self.author_or(project, person, number, Role::Developer)?;
        if self.project(project)?.git.branch(target).is_none() {
            return Err(Refusal::Invalid(format!("branch {target} does not exist")));
        }
        self.change(project, person, number, "retarget", |one| {
            let before = std::mem::replace(&mut one.target_branch, target.to_owned());
            let changed = before != target;
            one.aimed_before = Some(before);
            Ok(changed)
        })
    }

    /// Puts labels on and takes labels off; unknown ones come into being.
    pub(crate) fn change_labels(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        add: &[String],
        remove: &[String],
    ) -> Result<(), Refusal> {
        self.require(project, person, Role::Reporter)?;
        self.project_mut(project)?.labels.extend(add.iter().cloned());
        let now = self.now();
        let one = self.project_mut(project)?.merge_request_mut(number)?;
        let before = one.labels.clone();
        one.labels.retain(|label| !remove.contains(label));
        one.labels.extend(add.iter().cloned());
        if before != one.labels {
            one.updated_at = now;
            self.tell(&Occurrence::Labelled { project, by: person, number, before });
        }
        Ok(())
    }
}
