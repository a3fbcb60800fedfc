//! Merging by a queue.

use crate::sandbox::world::{Queue, Queued};

use super::{Done, SandboxProject};

#[expect(clippy::missing_errors_doc, reason = "every verb fails alike: with the forge's own refusal")]
impl SandboxProject {
    /// Has merge requests merged by a queue from now on. On GitHub these statuses or checks must be good on
    /// what it tries; on GitLab the pipeline of the train decides.
    pub fn merge_queue(&self, requires: &[&str]) -> Done<()> {
        let requires = requires.iter().map(|name| (*name).to_owned()).collect();
        self.set(|project| project.queue = Some(Queue { requires, entries: Vec::new() }))
    }

    /// How a merge request waits in the queue; none where it does not.
    pub fn queued(&self, number: u64) -> Done<Option<Queued>> {
        self.read(|project| Ok(project.queued_as(number).cloned()))
    }

    /// Puts a merge request at the end of the queue, as a person does.
    pub fn enqueue(&self, login: &str, number: u64) -> Done<()> {
        self.by(login, |state, project, person| state.enqueue(project, person, number, None))
    }

    /// Takes it out of the queue.
    pub fn dequeue(&self, login: &str, number: u64) -> Done<()> {
        self.by(login, |state, project, person| state.dequeue(project, person, number))
    }
}
