//! Which forge a repository lives on, where nobody says.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Forges, existing};
use crate::generator::{self, Dialect};

/// The dialects to write, in their order.
pub(super) fn chosen(forges: Forges, dir: &Path) -> Vec<Dialect> {
    match forges {
        Forges::GitLab => vec![Dialect::GitLab],
        Forges::GitHub => vec![Dialect::GitHub],
        Forges::All => Dialect::ALL.to_vec(),
        Forges::Detected => detected(dir),
    }
}

fn detected(dir: &Path) -> Vec<Dialect> {
    let files = |dialect| existing(dir, dialect).unwrap_or_default();
    // Files that cannot be read may be ours: they are told of when their turn comes.
    let ours = |dialect: &Dialect| {
        existing(dir, *dialect).map_or(true, |files| files.values().any(|text| generator::is_generated(text)))
    };
    let remote = || remote(dir).map(|host| host.to_lowercase()).unwrap_or_default();
    let foreign = |dialect: &Dialect| match dialect {
        Dialect::GitLab => !files(*dialect).is_empty(),
        Dialect::GitHub => dialect.folders().iter().any(|folder| dir.join(folder).is_dir()),
    };
    let only = |so: &dyn Fn(&Dialect) -> bool| Dialect::ALL.into_iter().filter(so).collect::<Vec<_>>();
    let found = only(&ours);
    if !found.is_empty() {
        return found;
    }
    match remote() {
        host if host.contains("github") => return vec![Dialect::GitHub],
        host if host.contains("gitlab") => return vec![Dialect::GitLab],
        _ => {}
    }
    let found = only(&foreign);
    if found.is_empty() { Dialect::ALL.to_vec() } else { found }
}

/// The host of the remote `origin`; none without git, repository or remote.
fn remote(dir: &Path) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(dir).args(["config", "--get", "remote.origin.url"]);
    let done = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let url = String::from_utf8(done.stdout).ok()?;
    // `https://host/path`, `ssh://git@host/path` or `git@host:path`.
    let rest = url.trim().split_once("://").map_or(url.trim(), |(_scheme, rest)| rest);
    let authority = rest.split(['/', ':']).next().filter(|part| !part.is_empty())?;
    Some(authority.rsplit('@').next().unwrap_or(authority).to_owned())
}
