//! Globs over repository paths, and the models that a change touches.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::config::valid::{Model, RepositoryConfig};
use crate::domain::ModelName;

use super::Configuration;
use super::setting::CONFIGURATION_FILE;

/// A set of globs; `**` crosses folders, `*` does not.
pub(super) struct Globs(GlobSet);

impl Globs {
    /// Compiles patterns. The configuration was validated, so that each of them is a good glob; one
    /// that is not matches nothing.
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() {
                set.add(glob);
            }
        }
        Self(set.build().unwrap_or_else(|_too_large| GlobSet::empty()))
    }

    /// Whether one of the globs matches the path.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }

    /// The first of these paths that one of the globs matches.
    pub(super) fn first<'p>(&self, paths: &'p BTreeSet<String>) -> Option<&'p str> {
        paths.iter().map(String::as_str).find(|path| self.0.is_match(path))
    }
}

/// A path relative to a model's root, as seen from the repository's root.
pub(super) fn below(root: &str, path: &str) -> String {
    let root = root.trim_start_matches("./").trim_end_matches('/');
    let path = path.trim_start_matches("./");
    if root.is_empty() || root == "." { path.to_owned() } else { format!("{root}/{path}") }
}

/// The models that a change of these paths touches, by the target's or the head's configuration, those whose
/// section changed or vanished, and those that depend on one of them.
#[must_use]
pub fn touched(
    policy: &Configuration,
    proposal: &Configuration,
    changed: &BTreeSet<String>,
) -> BTreeSet<ModelName> {
    // What the target branch changed in the file since the head parted from it is none of the head's doing.
    let configured = changed.contains(CONFIGURATION_FILE);
    let names = models(policy).chain(models(proposal)).map(|model| &model.name).collect::<BTreeSet<_>>();
    let changes = |name: &ModelName| {
        let (before, after) = (policy.model(name), proposal.model(name));
        let section = before.map(|model| model.digest) != after.map(|model| model.digest);
        (configured && section)
            || [before, after].into_iter().flatten().any(|model| owns(model, changed).is_some())
    };
    let own = names.iter().copied().filter(|name| changes(name)).collect::<BTreeSet<_>>();
    let depends = |name: &ModelName| {
        [policy, proposal].into_iter().any(|side| {
            let model = side.model(name);
            model.is_some_and(|model| side.inputs(model).iter().any(|input| own.contains(&input.name)))
        })
    };
    names.into_iter().filter(|name| own.contains(name) || depends(name)).cloned().collect()
}

/// The first of these paths that belongs to the model.
pub(super) fn owns<'p>(model: &Model, paths: &'p BTreeSet<String>) -> Option<&'p str> {
    Globs::new(model.paths.iter().map(String::as_str)).first(paths)
}

/// The paths that belong to one of these.
pub(super) fn owns_any(models: &[&Model]) -> Globs {
    Globs::new(models.iter().flat_map(|model| &model.paths).map(String::as_str))
}

fn models(configuration: &Configuration) -> impl Iterator<Item = &Model> {
    configuration.valid().into_iter().flat_map(|config| config.models.values())
}

/// The first of these paths that belongs to the model or to something that it depends on.
pub(super) fn made_from<'p>(
    side: &Configuration,
    model: &Model,
    paths: &'p BTreeSet<String>,
) -> Option<&'p str> {
    let inputs = side.inputs(model);
    Globs::new(inputs.iter().flat_map(|input| &input.paths).map(String::as_str)).first(paths)
}

impl Configuration {
    /// The model and all that it depends on; at least itself.
    pub(super) fn inputs<'a>(&'a self, model: &'a Model) -> Vec<&'a Model> {
        self.valid().map_or_else(|| vec![model], |config| config.inputs(model))
    }

    /// The configuration, where there is a good one.
    pub(super) fn valid(&self) -> Option<&RepositoryConfig> {
        match self {
            Self::Valid(config) => Some(config),
            Self::Absent | Self::Invalid { .. } => None,
        }
    }

    /// One model of it.
    pub(super) fn model(&self, name: &ModelName) -> Option<&Model> {
        self.valid()?.models.get(name)
    }
}
