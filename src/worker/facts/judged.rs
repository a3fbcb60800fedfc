//! What there is to judge about a head: its runs, reports, approvals and authors.

use std::collections::BTreeSet;

use crate::domain::{JobStatus, MergeRequest, ModelName, Run, Sha};
use crate::engine::OpenFacts;
use crate::forge::{ErrorKind, ForgeError};
use crate::worker::failure::Failure;

use super::{Found, Gatherer};

/// How much of a failed job's log is kept, in bytes.
const LOG_TAIL: usize = 16 * 1024;

impl Gatherer<'_> {
    /// Reads it into `found`.
    pub(super) async fn judge(
        &self,
        touched: &BTreeSet<ModelName>,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let head = found.facts.merge_request.head.clone();
        let mut open = OpenFacts::default();
        // Where no model is touched, only the run is of use that the one status shall join.
        if !touched.is_empty() || !self.shown_on(&head) {
            open.runs = self.forge.runs(self.id, &head).await?;
        }
        for run in &mut open.runs {
            self.read_logs(run).await;
        }
        found.runs.extend(open.runs.iter().map(|run| run.id));
        found.facts.open = Some(open);
        for name in touched {
            self.read_report(name, found).await?;
        }
        let asked = matches!(self.event, crate::event::Event::Comment { .. });
        if !touched.is_empty() && (asked || self.approvals_matter(touched, &found.facts)) {
            let authors = self.authors(&found.facts.merge_request, &found.facts.base).await?;
            let approvals = self.forge.approvals(self.id).await?;
            if let Some(open) = &mut found.facts.open {
                open.authors = authors;
                open.approvals = approvals;
            }
        }
        Ok(())
    }

    fn shown_on(&self, head: &Sha) -> bool {
        let shown = &self.state.shown;
        !shown.statuses.is_empty() && shown.statuses_on.as_ref().is_some_and(|(sha, _)| sha == head)
    }

    async fn authors(
        &self,
        request: &MergeRequest,
        base: &Sha,
    ) -> Result<BTreeSet<crate::domain::CommitAuthor>, Failure> {
        let key = (self.id, request.head.clone(), base.clone());
        if let Some(known) = self.memory.authors.get(&key) {
            return Ok(known);
        }
        let authors = self.forge.commit_authors(self.id).await?;
        self.memory.authors.put(key, authors.clone());
        Ok(authors)
    }

    /// Reads the ends of the logs of failed jobs. A log helps people and decides nothing, so that one
    /// which cannot be read is left out.
    pub(super) async fn read_logs(&self, run: &mut Run) {
        for job in &mut run.jobs {
            if !matches!(job.status, JobStatus::Failed(_)) || job.model.is_none() || job.log_tail.is_some() {
                continue;
            }
            let key = (self.id.repo, job.id);
            job.log_tail = match self.memory.logs.get(&key) {
                Some(known) => Some(known),
                None => match self.forge.log_tail(self.id.repo, job.id, LOG_TAIL).await {
                    Ok(text) => {
                        self.memory.logs.put(key, text.clone());
                        Some(text)
                    }
                    Err(error) => {
                        tracing::warn!(%error, job.id = job.id.0, "a log could not be read");
                        // One that is gone or too large stays so: it is not asked for at every look.
                        let none = is_final(&error).then(String::new);
                        none.inspect(|none| self.memory.logs.put(key, none.clone()))
                    }
                },
            };
        }
    }
}

/// Whether an error says that the thing itself cannot be had, and asking again at once is no use.
pub(super) const fn is_final(error: &ForgeError) -> bool {
    matches!(error.kind, ErrorKind::Refused | ErrorKind::Gone)
}
