//! The next number of a model.

use std::collections::BTreeSet;

use crate::domain::{ModelName, Sha, Version};

use super::Registry;

/// What the registry says about a commit that wants a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// This one is free; these names in between are taken by tags that are not our versions.
    Free { version: Version, skipped: Vec<Version> },
    /// The commit has a version already.
    Taken { version: Version },
}

/// The next number of the sequence: after our highest, past names that others occupy. Tags further up
/// do not move it.
pub(super) fn next(
    model: &ModelName,
    registry: &Registry,
    commit: &Sha,
    occupied: &BTreeSet<Version>,
) -> Number {
    if let Some(record) = registry.versions.iter().find(|record| record.commit == *commit) {
        return Number::Taken { version: record.version.clone() };
    }
    let highest = registry.versions.iter().filter_map(|record| record.version.number()).max().unwrap_or(0);
    let taken = |version: &Version| {
        let tag = version.tag(model);
        occupied.contains(version) || registry.tags.iter().any(|other| other.name == tag)
    };
    let mut number = highest.saturating_add(1);
    let mut skipped = Vec::new();
    while number < u64::MAX && taken(&Version::sequence(number)) {
        skipped.push(Version::sequence(number));
        number += 1;
    }
    Number::Free { version: Version::sequence(number), skipped }
}
