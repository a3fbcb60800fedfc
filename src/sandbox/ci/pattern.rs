//! Globs over repository paths, as `rules:changes` and `artifacts:paths` mean them.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::CiError;

/// One matcher for several globs; `*` stays within a folder, `**` does not.
pub(crate) fn globs(patterns: &[String], place: &str) -> Result<GlobSet, CiError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let wrong = |error| CiError(format!("{place}: `{pattern}` is not a glob: {error}"));
        let glob = GlobBuilder::new(pattern).literal_separator(true).build().map_err(wrong)?;
        set.add(glob);
    }
    set.build().map_err(|error| CiError(format!("{place}: {error}")))
}
