//! What there is to judge about a head: its runs, reports, approvals and authors.

use std::collections::BTreeSet;

use crate::domain::{MergeRequest, ModelName, Sha};
use crate::engine::OpenFacts;
use crate::worker::failure::Failure;
use crate::worker::logs;

use super::{Found, Gatherer};

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
            logs::read(self.forge, self.memory, self.id.repo, run).await;
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
}
