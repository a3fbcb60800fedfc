//! What has to change so that the files of a repository are those that its configuration generates.

use std::collections::BTreeMap;

use crate::config::valid::RepositoryConfig;
use crate::domain::{FileChange, Generated};

use super::{
    Dialect, Existing, GenerateError, GeneratedFile, HEADER, generate, is_generated, kept_lines, stale,
};

/// What has to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files to be written or taken away, by path.
    pub changes: Vec<FileChange>,
    /// Files that people wrote where ours would lie, or in which they wrote lines of their own and behind which
    /// no model stands any more; they are never replaced or taken away.
    pub foreign: Vec<String>,
}

/// Compares the files that stand in a repository with those that its configuration generates.
///
/// # Errors
/// As [`generate`].
pub fn plan(config: &RepositoryConfig, dialect: Dialect, existing: &Existing) -> Result<Plan, GenerateError> {
    let files = generate(config, dialect, existing)?;
    let mut plan = Plan::default();
    for path in stale(dialect, &files, existing) {
        if existing.get(path).is_some_and(|text| kept_lines(text).is_some()) {
            plan.foreign.push(path.to_owned());
            continue;
        }
        plan.changes.push(FileChange { path: path.to_owned(), content: None, exists: true });
    }
    for GeneratedFile { path, content } in files {
        match existing.get(&path) {
            Some(text) if *text == content => {}
            Some(text) if !is_generated(text) => plan.foreign.push(path),
            found => {
                let exists = found.is_some();
                plan.changes.push(FileChange { path, content: Some(content), exists });
            }
        }
    }
    plan.changes.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(plan)
}

/// How the files that stand in a repository compare with those that its configuration generates. Another
/// version of this program in the header alone is no difference: it says the same.
#[must_use]
pub fn stands(config: &RepositoryConfig, dialect: Dialect, existing: &Existing) -> Generated {
    if !existing.values().any(|text| is_generated(text)) {
        return Generated::Absent;
    }
    let plan = match plan(config, dialect, existing) {
        Ok(plan) => plan,
        Err(error) => return Generated::Differs { why: error.to_string() },
    };
    let same = |change: &&FileChange| {
        let found = existing.get(&change.path);
        found.zip(change.content.as_ref()).is_some_and(|(one, other)| unversioned(one) == unversioned(other))
    };
    let changed = plan.changes.iter().filter(|change| !same(change)).map(|change| {
        let how = match (&change.content, change.exists) {
            (None, _) => "belongs to no model of `.mergewright.yml`",
            (Some(_), false) => "is missing",
            (Some(_), true) => "is not what `.mergewright.yml` generates",
        };
        (change.path.as_str(), how)
    });
    let foreign = plan.foreign.iter().map(|path| match existing.get(path) {
        Some(text) if is_generated(text) => {
            (path.as_str(), "belongs to no model of `.mergewright.yml`, and people's own lines stand in it")
        }
        _ => (path.as_str(), "was not written by mergewright"),
    });
    let found: BTreeMap<_, _> = changed.chain(foreign).collect();
    match found.first_key_value() {
        Some((path, how)) => Generated::Differs { why: format!("`{path}` {how}") },
        None => Generated::Current,
    }
}

/// A text of ours without the version of the program that wrote it.
fn unversioned(text: &str) -> Option<&str> {
    let (_version, rest) = text.trim_start_matches('\u{feff}').strip_prefix(HEADER)?.split_once(' ')?;
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::repository;

    const IRIS: &str = "version: 1\nmodels:\n  iris:\n    build: {run: [\"python3 train.py\"]}\n    test: {reports: \
                        {metrics: metrics.json}}\n    version: {strategy: sequence}\n";

    fn config(text: &str) -> RepositoryConfig {
        repository::parse(text).unwrap()
    }

    fn written(text: &str, dialect: Dialect) -> Existing {
        let files = generate(&config(text), dialect, &Existing::new()).unwrap();
        files.into_iter().map(|file| (file.path, file.content)).collect()
    }

    fn why(config: &RepositoryConfig, dialect: Dialect, existing: &Existing) -> String {
        match stands(config, dialect, existing) {
            Generated::Differs { why } => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_generated_is_current_whichever_version_wrote_it_and_with_peoples_own_lines() {
        let config = config(IRIS);
        for dialect in Dialect::ALL {
            let mut existing = written(IRIS, dialect);
            assert_eq!(stands(&config, dialect, &Existing::new()), Generated::Absent);
            assert_eq!(stands(&config, dialect, &existing), Generated::Current);
            let text = existing.values_mut().next().unwrap();
            text.push_str("\n# mergewright:keep own\n# mine\n# mergewright:end own\n");
            *text = text.replacen(env!("CARGO_PKG_VERSION"), "99.0.0", 1);
            assert_eq!(stands(&config, dialect, &existing), Generated::Current);
            // Written anew, it names the version that wrote it.
            let plan = plan(&config, dialect, &existing).unwrap();
            assert!(plan.changes[0].content.as_ref().unwrap().contains("# mine"));
        }
    }

    #[test]
    fn every_difference_is_named_by_its_first_file() {
        let two = config(&format!("{IRIS}  rose:{}", IRIS.split_once("iris:").unwrap().1));
        let dialect = Dialect::GitHub;
        let mut existing = written(IRIS, dialect);
        assert!(why(&two, dialect, &existing).starts_with("`.github/workflows/model-iris.yml` is not what"));
        assert!(
            why(&config(&IRIS.replace("train.py", "learn.py")), dialect, &existing).contains("is not what")
        );
        let gone = config(&IRIS.replace("iris", "rose"));
        assert!(why(&gone, dialect, &existing).contains("belongs to no model"));
        let changes = plan(&gone, dialect, &existing).unwrap().changes;
        assert_eq!(
            changes
                .iter()
                .map(|one| (one.path.as_str(), one.content.is_some(), one.exists))
                .collect::<Vec<_>>(),
            [
                (".github/workflows/model-iris.yml", false, true),
                (".github/workflows/model-rose.yml", true, false)
            ]
        );
        existing.insert(".github/workflows/model-rose.yml".to_owned(), "on: push\n".to_owned());
        assert_eq!(plan(&gone, dialect, &existing).unwrap().foreign, [".github/workflows/model-rose.yml"]);
        let broken = existing.values_mut().next().unwrap();
        broken.push_str("# mergewright:keep own\n");
        assert!(why(&config(IRIS), dialect, &existing).contains("has no end"));
    }
}
