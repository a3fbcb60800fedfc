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
