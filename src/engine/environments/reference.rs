//! Which version somebody means.

use std::collections::BTreeSet;

use crate::domain::{Environments, ModelName, Timestamp, Version, VersionRecord};

/// The fewest digits by which a commit or digest is named.
const FEWEST_DIGITS: usize = 7;

/// Why a reference names no version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// There is no such version.
    Unknown,
    /// It is a version of another model.
    OtherModel,
    /// Several versions begin like that.
    Ambiguous(Vec<Version>),
    /// The environment is there, but nothing is live in it.
    NothingLive,
    /// Nothing was published by that time.
    Before,
}

/// Finds the published version that `reference` names.
///
/// That may be `v42`, `iris@v42`, its tag, at least 7 hex digits of its commit, head or digest, an RFC
/// 3339 time (the newest version published by then), or an environment (what is live there).
///
/// # Errors
/// Why it names none.
pub fn resolve<'v>(
    model: &ModelName,
    versions: &'v [VersionRecord],
    environments: &Environments,
    reference: &str,
) -> Result<&'v VersionRecord, Miss> {
    let local = match reference.split_once('@') {
        Some((named, _)) if named != model.as_str() => return Err(Miss::OtherModel),
        Some((_, version)) => version,
        None => reference,
    };
    let tag = format!("{model}@{local}");
    if let Some(found) = versions.iter().find(|one| one.version.as_str() == local || one.tag == tag) {
        return Ok(found);
    }
    if environments.stands.contains_key(reference) {
        let live = environments.live(reference).ok_or(Miss::NothingLive)?;
        return versions.iter().find(|one| one.version == live.version).ok_or(Miss::Unknown);
    }
    if let Some(at) = Timestamp::parse(reference) {
        let newest = versions.iter().filter(|one| one.published_at <= at).max_by_key(|one| one.published_at);
        return newest.ok_or(Miss::Before);
    }
    by_digits(versions, reference)
}

fn by_digits<'v>(versions: &'v [VersionRecord], reference: &str) -> Result<&'v VersionRecord, Miss> {
    let digits = reference.strip_prefix("sha256:").unwrap_or(reference).to_ascii_lowercase();
    if digits.len() < FEWEST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Miss::Unknown);
    }
    let begins = |one: &&VersionRecord| {
        one.commit.as_str().starts_with(&digits)
            || one.lineage.head.as_str().starts_with(&digits)
            || one.model_digest.hex().starts_with(&digits)
    };
    let found = versions.iter().filter(begins).collect::<Vec<_>>();
    match found.as_slice() {
        [] => Err(Miss::Unknown),
        [only] => Ok(only),
        several => {
            let names: BTreeSet<_> = several.iter().map(|one| one.version.clone()).collect();
            Err(Miss::Ambiguous(names.into_iter().collect()))
        }
    }
}
