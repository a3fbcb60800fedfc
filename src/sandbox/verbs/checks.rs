//! Check runs, and people who press their buttons.

use std::collections::BTreeMap;

use crate::domain::Sha;
use crate::sandbox::Refusal;
use crate::sandbox::world::CheckRun;

use super::{Done, SandboxProject};

#[expect(clippy::missing_errors_doc, reason = "every verb fails alike: with the forge's own refusal")]
impl SandboxProject {
    /// The newest check run of each name on a commit.
    pub fn checks(&self, sha: &Sha) -> Done<BTreeMap<String, CheckRun>> {
        self.read(|project| {
            let on_it = project.checks.values().filter(|check| check.sha == *sha);
            Ok(on_it.map(|check| (check.name.clone(), check.clone())).collect())
        })
    }

    /// Every check run that there ever was, the oldest first.
    pub fn all_checks(&self) -> Done<Vec<CheckRun>> {
        self.read(|project| Ok(project.checks.values().cloned().collect()))
    }

    /// Somebody presses a button of the newest check run of this name on the merge request's head.
    pub fn presses(&self, login: &str, number: u64, check: &str, button: &str) -> Done<()> {
        let check = self.newest_check(number, check)?;
        self.presses_on(login, check.id, button)
    }

    /// The same on any check run, as from a page that was opened before.
    pub fn presses_on(&self, login: &str, check: u64, button: &str) -> Done<()> {
        self.by(login, |state, project, person| state.press(project, person, check, Some(button)))
    }

    /// Somebody has the newest check run of this name made again, by the forge's own button.
    pub fn rerequests(&self, login: &str, number: u64, check: &str) -> Done<()> {
        let check = self.newest_check(number, check)?;
        self.by(login, |state, project, person| state.press(project, person, check.id, None))
    }

    fn newest_check(&self, number: u64, name: &str) -> Done<CheckRun> {
        let head = self.merge_request(number)?.head;
        self.checks(&head)?.remove(name).ok_or_else(|| Refusal::NotFound(format!("check {name}")))
    }
}
