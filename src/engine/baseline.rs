//! What a candidate is compared with.

use crate::config::valid::BaselineChoice;
use crate::domain::{BaselineName, Version, VersionRecord};

/// The version to compare with, and why it; none when nothing is published.
pub(super) fn choose<'v>(
    choice: BaselineChoice,
    versions: &'v [VersionRecord],
    production: Option<&Version>,
) -> Option<(&'v VersionRecord, BaselineName)> {
    let live = versions.iter().rev().find(|record| Some(&record.version) == production);
    if let (BaselineChoice::Production, Some(live)) = (choice, live) {
        let why = "which is live in production".to_owned();
        return Some((live, BaselineName { version: live.version.clone(), why }));
    }
    let previous = versions.last()?;
    let why = match choice {
        BaselineChoice::Previous => "the last published version",
        BaselineChoice::Production => "the last published version: nothing is live in production",
        BaselineChoice::TargetBranch => "the last published version: no report of the target branch is known",
    };
    Some((previous, BaselineName { version: previous.version.clone(), why: why.to_owned() }))
}

/// What the report says about it.
pub(super) fn says(baseline: Option<&BaselineName>) -> String {
    match baseline {
        Some(baseline) => format!("Compared with {}, {}.", baseline.version, baseline.why),
        None => "First version: thresholds apply; there is nothing to lose against.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::scene::record;

    /// What is compared with by each choice, and why.
    fn chosen(production: Option<&Version>, choice: BaselineChoice) -> String {
        let versions = [record(1, &[]), record(2, &[]), record(3, &[])];
        says(choose(choice, &versions, production).map(|(_, name)| name).as_ref())
    }

    #[test]
    fn the_report_says_which_version_is_compared_with_and_why() {
        let live = Version::sequence(2);
        for (production, choice, expected) in [
            (Some(&live), BaselineChoice::Production, "Compared with v2, which is live in production."),
            (
                None,
                BaselineChoice::Production,
                "Compared with v3, the last published version: nothing is live in production.",
            ),
            (Some(&live), BaselineChoice::Previous, "Compared with v3, the last published version."),
            (
                None,
                BaselineChoice::TargetBranch,
                "Compared with v3, the last published version: no report of the target branch is known.",
            ),
        ] {
            assert_eq!(chosen(production, choice), expected);
        }
        let gone = Version::sequence(9);
        assert!(
            chosen(Some(&gone), BaselineChoice::Production).contains("v3"),
            "live, but not of our versions"
        );
        assert!(says(None).contains("First version"));
        assert_eq!(choose(BaselineChoice::Previous, &[], None), None);
    }
}
