//! One short sentence about where a model stands: the descriptions of statuses.

use std::collections::BTreeSet;

use crate::domain::{Judged, ModelState, Phase, Stage};
use crate::engine::approvals;
use crate::engine::setting::Rules;
use crate::engine::turn::Finding;

/// A model with what is known about it now.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) model: &'a ModelState,
    pub(super) rules: Option<&'a Rules<'a>>,
    pub(super) finding: Option<&'a Finding>,
}

impl Told<'_> {
    /// Where the model stands, and what it waits for.
    pub(super) fn stands(&self) -> String {
        match self.model.phase {
            Phase::Untracked => "not judged yet".to_owned(),
            Phase::Draft => "a draft is not judged".to_owned(),
            Phase::AwaitingRun => "waiting for a maintainer to start the jobs".to_owned(),
            Phase::Building => "waiting for the build job".to_owned(),
            Phase::Testing => "waiting for the test job".to_owned(),
            Phase::GateFailed => self.failed(),
            Phase::Inconclusive => "the rules cannot be judged: see the report".to_owned(),
            Phase::InfraError => "a runner failed, which says nothing about the model".to_owned(),
            Phase::AwaitingApproval if self.model.incomplete_card().is_some() => {
                "the model card is incomplete: see the report".to_owned()
            }
            Phase::AwaitingApproval => self.missing_approval(),
            Phase::Ready => "ready to publish".to_owned(),
            Phase::Held => "held by an owner".to_owned(),
            Phase::Merging => "the merge is under way".to_owned(),
            Phase::Merged if self.model.publication.is_none() => {
                "merged, and nothing is published".to_owned()
            }
            Phase::Merged => "merged, but not published yet".to_owned(),
            Phase::Publishing => format!("publishing{}", self.version(" ")),
            Phase::Published => format!("published{}", self.version(" as ")),
            Phase::PublishFailed => "publishing failed: see the report".to_owned(),
            Phase::Unblessed => "merged, but not published: see the report".to_owned(),
            Phase::Closed => "closed".to_owned(),
        }
    }

    /// What a stage that is over came to.
    pub(super) fn passed(&self, stage: Stage) -> String {
        let (met, rules) = self.rules_met();
        let waived = self.waived();
        match stage {
            // The merge request removes the model.
            Stage::Build | Stage::Test if self.rules.is_some_and(|rules| rules.proposal.is_none()) => {
                "not needed".to_owned()
            }
            Stage::Build => "the build job ended well".to_owned(),
            Stage::Test if rules == 0 => "the test job ended well".to_owned(),
            Stage::Test => {
                let verb = if rules == 1 { "rule is" } else { "rules are" };
                let waived = if waived == 0 { String::new() } else { format!(", {waived} waived") };
                format!("{met} of {rules} {verb} met{waived}")
            }
            Stage::Review => match self.model.approved_by.len() {
                0 => "no approval is needed".to_owned(),
                1 => "1 approval by an owner".to_owned(),
                more => format!("{more} approvals by owners"),
            },
            Stage::Publish => self.stands(),
        }
    }

    /// How many rules are met, and how many there are; a rule over slices has several rows.
    fn rules_met(&self) -> (usize, usize) {
        let rules = self.ids(|_judged| true);
        (rules - self.ids(|judged| judged.verdict.blocks()), rules)
    }

    /// How many rules are not met and waived.
    fn waived(&self) -> usize {
        self.ids(|judged| judged.waived.is_some())
    }

    fn ids(&self, of: impl Fn(&Judged) -> bool) -> usize {
        let rows = self.model.judged.iter().filter(|judged| of(judged));
        rows.map(|judged| judged.rule.as_str()).collect::<BTreeSet<_>>().len()
    }

    fn failed(&self) -> String {
        let (met, rules) = self.rules_met();
        let unmet = rules - met - self.waived();
        let tests = self.finding.map_or(0, |finding| finding.failing_tests.len() + finding.more_failing);
        if self.finding.is_some_and(|finding| finding.withheld) {
            return "its jobs need secrets, and a run of a fork gets none".to_owned();
        }
        match (self.model.stage, tests, unmet) {
            (Stage::Build, ..) => "the build job failed".to_owned(),
            (_, 1, _) => "1 test fails".to_owned(),
            (_, 2.., _) => format!("{tests} tests fail"),
            (.., 1) => format!("1 of {rules} rules is not met"),
            (.., 2..) => format!("{unmet} of {rules} rules are not met"),
            _ => "the test job failed: see the report".to_owned(),
        }
    }

    fn missing_approval(&self) -> String {
        if let Some((first, others)) = self.finding.and_then(|finding| finding.objections.split_first()) {
            let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
            return format!("changes requested by @{first}{more}");
        }
        let needed = self.rules.map_or(0, approvals::needed);
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        match needed.saturating_sub(self.model.approved_by.len()) {
            0 => "needs an approval of another kind: see the report".to_owned(),
            1 => "needs 1 more approval by an owner".to_owned(),
            more => format!("needs {more} more approvals by owners"),
        }
    }

    fn version(&self, before: &str) -> String {
        let version = self.model.publication.as_ref().and_then(|publication| publication.version.as_ref());
        version.map(|version| format!("{before}{version}")).unwrap_or_default()
    }
}
