//! The generated CI files of the head: read once a head, and when somebody asks for them.

use crate::command;
use crate::domain::{Generated, MergeRequestStatus, RepoId, Sha};
use crate::engine::{Configuration, Facts, Regeneration};
use crate::event::Event;
use crate::forge::{ErrorKind, Forge};
use crate::generator::{self, Dialect, Existing};
use crate::worker::failure::Failure;

use super::Gatherer;

/// The largest CI file, in bytes.
pub(crate) const LARGEST: u64 = 1024 * 1024;

impl Gatherer<'_> {
    /// Reads them into `facts`.
    pub(super) async fn generated(&self, facts: &mut Facts) -> Result<(), Failure> {
        let Configuration::Valid(config) = &facts.proposal else { return Ok(()) };
        let head = &facts.merge_request.head;
        let wanted = self.wants_them();
        let known = self.state.generated.as_ref().is_some_and(|known| known.head == *head);
        if facts.merge_request.status != MergeRequestStatus::Open || (known && !wanted) {
            return Ok(());
        }
        let dialect = Dialect::of(self.id.repo.forge);
        let existing = match existing(self.forge, self.id.repo, head).await {
            Ok(existing) => existing,
            // Not to be read, so nothing can be said about it.
            Err(Failure::Forge(error)) if error.kind == ErrorKind::Refused => {
                let trouble = Some(error.external);
                facts.regeneration = Some(Regeneration { trouble, ..Regeneration::default() });
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let stands = generator::stands(config, dialect, &existing);
        let brought =
            facts.changed_paths.as_ref().is_none_or(|all| all.iter().any(|one| dialect.writes(one)));
        let into_default = facts.merge_request.target_branch == facts.repository.default_branch;
        if stands != Generated::Absent && !brought && into_default {
            // What the merge request does not bring stands on its target branch: nobody has to ask there.
            self.memory.onboarded.put(self.id.repo, ());
        }
        facts.generated = Some(stands);
        if wanted {
            facts.regeneration = Some(match generator::plan(config, dialect, &existing) {
                Ok(plan) => Regeneration { files: plan.changes, foreign: plan.foreign, trouble: None },
                Err(error) => Regeneration { trouble: Some(error.to_string()), ..Regeneration::default() },
            });
        }
        Ok(())
    }

    /// Whether the comment asks for them.
    fn wants_them(&self) -> bool {
        let Event::Comment { body, .. } = self.event else { return false };
        let parsed = command::parse(body, &self.bot.addressing, &Default::default());
        parsed.iter().any(|one| one.line.to_ascii_lowercase().contains("regenerate"))
    }
}

/// The CI files at a commit, with the line ends that we write.
pub(crate) async fn existing(forge: &dyn Forge, repo: RepoId, at: &Sha) -> Result<Existing, Failure> {
    let files = forge.ci_files(repo, at, LARGEST).await?;
    Ok(files.into_iter().map(|(path, text)| (path, text.replace("\r\n", "\n"))).collect())
}
