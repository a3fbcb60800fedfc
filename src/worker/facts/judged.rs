//! What there is to judge about a head: its runs, reports, approvals and authors.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::{ForgeKind, MergeRequest, MergeRequestStatus, ModelName, Run, Sha};
use crate::engine::OpenFacts;
use crate::event::Event;
use crate::forge::HeadRuns;
use crate::worker::failure::Failure;
use crate::worker::logs;

use super::{Found, Gatherer};

/// How long a merge call may take for what it was decided by to stand.
const MERGE_LASTS: Duration = Duration::from_secs(60);

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
            (open.runs, found.tried) = self.runs(&found.facts.merge_request).await?;
        }
        for run in &mut open.runs {
            logs::read(self.forge, self.memory, self.id.repo, run).await;
        }
        found.runs.extend(open.runs.iter().map(|run| run.id));
        found.facts.open = Some(open);
        if self.may_be_forged() {
            let run = found.facts.open.as_ref().and_then(|open| open.runs.first()).map(|run| run.id);
            let forged = self.forge.forged_statuses(self.id.repo, &head, run).await?;
            found.facts.open.get_or_insert_default().forged = forged;
        }
        for name in touched {
            self.read_report(name, &head, found).await?;
            self.read_card(name, &head, found).await?;
            self.read_target(name, found).await?;
        }
        self.read_rescorings(found).await?;
        if self.review(touched, found).await? {
            let reviews = self.forge.reviews(self.id, &found.facts.merge_request.reviewers).await?;
            let open = found.facts.open.get_or_insert_default();
            open.approvals = reviews.approvals;
            open.changes_requested = reviews.changes_requested;
        }
        Ok(())
    }

    /// The runs of the head, and whether a newer one tries it in a queue. Of one that we had merged a moment ago they are those that the merge was
    /// decided by; approvals and holds are looked at once more.
    async fn runs(&self, request: &MergeRequest) -> Result<(Vec<Run>, bool), Failure> {
        let key = (self.id, request.head.clone());
        let merging = self.state.merging.as_ref().filter(|merging| merging.head == request.head);
        let ours = merging.is_some_and(|merging| merging.asked.is_some());
        if ours
            && matches!(request.status, MergeRequestStatus::Merged { .. })
            && let Some((runs, read_at)) = self.memory.runs.get(&key)
            && self.now.since(read_at) < MERGE_LASTS
        {
            return Ok((runs, false));
        }
        let HeadRuns { runs, tried } = self.forge.runs(self.id, &request.head).await?;
        self.memory.runs.put(key, (runs.clone(), self.now));
        Ok((runs, tried))
    }

    /// What there is of merge commits that are judged anew; nothing where there are none.
    pub(super) async fn judge_anew(&self, found: &mut Found) -> Result<(), Failure> {
        let models = self.state.models.iter();
        let anew = models.filter_map(|(name, model)| Some((name.clone(), model.judged_anew()?.clone())));
        let anew: BTreeMap<_, _> = anew.collect();
        if anew.is_empty() {
            return Ok(());
        }
        let known = found.facts.merged.iter().flat_map(|merged| merged.runs.values());
        let runs = known.filter(|run| anew.values().any(|anew| anew.run == Some(run.id))).cloned().collect();
        found.facts.open = Some(OpenFacts { runs, ..OpenFacts::default() });
        for (name, anew) in &anew {
            self.read_report(name, &anew.bound.head, found).await?;
            self.read_card(name, &anew.bound.head, found).await?;
            self.read_target(name, found).await?;
        }
        self.read_rescorings(found).await?;
        self.review(&anew.into_keys().collect(), found).await.map(drop)
    }

    /// Reads who wrote it where approvals are counted; whether they are.
    async fn review(&self, touched: &BTreeSet<ModelName>, found: &mut Found) -> Result<bool, Failure> {
        let asked = matches!(self.event, Event::Comment { .. } | Event::Pressed(_));
        if !touched.is_empty() && (asked || self.approvals_matter(touched, &found.facts)) {
            let authors = self.authors(&found.facts.merge_request, &found.facts.base).await?;
            found.facts.open.get_or_insert_default().authors = authors;
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether to look for statuses of ours that somebody else set: GitHub tells of each, GitLab of none, so
    /// that there it is looked when somebody wants something.
    fn may_be_forged(&self) -> bool {
        match self.event {
            Event::StatusForged => true,
            Event::Comment { .. } => {
                self.id.repo.forge == ForgeKind::GitLab && !self.state.shown.statuses.is_empty()
            }
            _ => false,
        }
    }

    fn shown_on(&self, head: &Sha) -> bool {
        let shown = &self.state.shown;
        let statuses = shown.statuses_on.as_ref().filter(|_| !shown.statuses.is_empty()).map(|(sha, _)| sha);
        let checks = shown.checks_on.as_ref().filter(|_| !shown.checks.is_empty());
        statuses == Some(head) || checks == Some(head)
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
