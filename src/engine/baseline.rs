//! What a candidate is compared with.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::config::valid::BaselineChoice;
use crate::domain::{BaselineName, ModelState, Sha, TargetCommit, Version, VersionRecord};

use super::facts::TargetFact;

/// Numbers to compare with, and why these.
#[derive(Debug)]
pub(super) struct Chosen<'v> {
    pub(super) name: BaselineName,
    pub(super) metrics: &'v BTreeMap<String, Decimal>,
    pub(super) dataset: Option<&'v Sha>,
}

impl<'v> Chosen<'v> {
    fn version(record: &'v VersionRecord, why: impl Into<String>) -> Self {
        let version = Some(record.version.clone());
        let name = BaselineName { version, target: None, why: why.into(), rescored: None };
        Self { name, metrics: &record.metrics, dataset: record.dataset.as_ref() }
    }
}

/// What to compare with, and why it; none when nothing is published, nor measured on the target branch where
/// that is asked for.
pub(super) fn choose<'v>(
    choice: BaselineChoice,
    versions: &'v [VersionRecord],
    production: Option<&Version>,
    target: Option<(&str, &'v TargetFact)>,
) -> Option<Chosen<'v>> {
    let live = versions.iter().rev().find(|record| Some(&record.version) == production);
    match (choice, live, target) {
        (BaselineChoice::Production, Some(live), _) => {
            return Some(Chosen::version(live, "which is live in production"));
        }
        (BaselineChoice::TargetBranch, _, Some((branch, TargetFact::Measured(report)))) => {
            let manifest = Some(report.model_digest());
            let target = TargetCommit { branch: branch.to_owned(), commit: report.head.clone(), manifest };
            let name = BaselineName {
                version: None,
                target: Some(target),
                why: "its newest commit with a report of this model".to_owned(),
                rescored: None,
            };
            return Some(Chosen { name, metrics: &report.metrics, dataset: report.dataset.as_ref() });
        }
        _ => {}
    }
    let why = match choice {
        BaselineChoice::Previous => "the last published version",
        BaselineChoice::Production => "the last published version: nothing is live in production",
        BaselineChoice::TargetBranch => {
            "the last published version: no run of the target branch has left a report of this model"
        }
    };
    versions.last().map(|previous| Chosen::version(previous, why))
}

/// What the report says about it.
pub(super) fn says(baseline: Option<&BaselineName>, choice: BaselineChoice) -> String {
    match (baseline, choice) {
        (Some(BaselineName { rescored: Some(dataset), why, .. }), _) => {
            let name = baseline.map(ToString::to_string).unwrap_or_default();
            format!("Compared with {name} (scored anew on this head's dataset {}), {why}.", dataset.short())
        }
        (Some(baseline), _) => format!("Compared with {baseline}, {}.", baseline.why),
        (None, BaselineChoice::TargetBranch) => {
            "Thresholds apply, and there is nothing to lose against: no run of the target branch has left a report \
             of this model, and no version is published."
                .to_owned()
        }
        (None, _) => "First version: thresholds apply; there is nothing to lose against.".to_owned(),
    }
}

/// What the lineage says of a baseline whose numbers are others than it was published with.
pub(super) fn scored_anew(model: &ModelState) -> Option<String> {
    let baseline = model.baseline.as_ref()?;
    let dataset = baseline.rescored.as_ref()?;
    let subject = baseline.subject()?;
    let known = |one: &&crate::domain::Rescoring| one.subject == subject && one.dataset == *dataset;
    let job = model.rescorings.iter().find(known)?.scores.as_ref()?.job;
    Some(format!("{baseline}, scored anew on dataset {dataset} by job {job}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::scene::{record, report_of, sha};

    /// What is compared with by each choice, and why.
    fn chosen(production: Option<&Version>, choice: BaselineChoice, target: Option<&TargetFact>) -> String {
        let versions = [record(1, &[]), record(2, &[]), record(3, &[])];
        let target = target.map(|fact| ("main", fact));
        says(choose(choice, &versions, production, target).map(|chosen| chosen.name).as_ref(), choice)
    }

    #[test]
    fn the_report_says_which_version_is_compared_with_and_why() {
        let live = Version::sequence(2);
        let measured = TargetFact::Measured(Box::new(report_of(sha('t'), &[])));
        for (production, choice, target, expected) in [
            (
                Some(&live),
                BaselineChoice::Production,
                Some(&measured),
                "Compared with v2, which is live in production.",
            ),
            (
                None,
                BaselineChoice::Production,
                None,
                "Compared with v3, the last published version: nothing is live in production.",
            ),
            (Some(&live), BaselineChoice::Previous, None, "Compared with v3, the last published version."),
            (
                Some(&live),
                BaselineChoice::TargetBranch,
                Some(&measured),
                "Compared with target branch `main` at 74747474, its newest commit with a report of this model.",
            ),
            (
                Some(&live),
                BaselineChoice::TargetBranch,
                Some(&TargetFact::Nothing),
                "Compared with v3, the last published version: no run of the target branch has left a report of \
                 this model.",
            ),
        ] {
            assert_eq!(chosen(production, choice, target), expected);
        }
        let gone = Version::sequence(9);
        let gone = chosen(Some(&gone), BaselineChoice::Production, None);
        assert!(gone.contains("v3"), "live, but not of our versions");
        assert!(says(None, BaselineChoice::Production).contains("First version"));
        let nothing = says(None, BaselineChoice::TargetBranch);
        assert!(nothing.contains("no run of the target branch"), "{nothing}");
        assert!(choose(BaselineChoice::Previous, &[], None, None).is_none());
    }
}
