//! Where programs lie that the sandbox starts.

use std::path::PathBuf;
use std::sync::LazyLock;

/// The git program. By its whole path: a bare name beside a changed environment has the standard library copy
/// this process (`fork`) to look for it, and with many of them at once that costs more than all of git.
pub(super) fn git() -> &'static PathBuf {
    static GIT: LazyLock<PathBuf> = LazyLock::new(|| {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&folders).map(|folder| folder.join("git"));
        found.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("git"))
    });
    &GIT
}
