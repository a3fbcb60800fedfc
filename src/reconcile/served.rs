//! Which repositories there are to compare.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::patience::Patience;
use crate::domain::{ForgeKind, RepoId, Timestamp};
use crate::forge::{ErrorKind, Forge, ForgeError};

/// How long a repository's path is taken to be as it was.
const PATH_LASTS: Duration = Duration::from_secs(3600);

/// The operator's list: patterns cannot be asked for, names can.
#[derive(Clone)]
pub struct Served {
    /// Full paths that stand in the list as they are.
    names: Vec<String>,
    /// Whether a full path is served.
    allows: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// Names that were found; they are asked for once, as long as the repository is there under its name.
    found: Arc<Mutex<BTreeMap<(ForgeKind, String), RepoId>>>,
    /// Whether a repository is served, with the time that was read.
    judged: Arc<Mutex<BTreeMap<RepoId, (bool, Timestamp)>>>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Served {
    /// `names` are full paths without any pattern, `allows` judges every full path.
    #[must_use]
    pub fn new(names: Vec<String>, allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { names, allows: Arc::new(allows), found: Arc::default(), judged: Arc::default() }
    }

    /// The repositories of a forge that are served by name, and why others could not be looked for. One
    /// that is not there (yet) is asked for again next time.
    pub(super) async fn named(&self, forge: &dyn Forge) -> (Vec<RepoId>, Vec<ForgeError>) {
        let (mut all, mut failed) = (Vec::new(), Vec::new());
        let (mut patience, mut given_up) = (Patience::default(), false);
        for name in &self.names {
            let key = (forge.kind(), name.clone());
            let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
            let repo = match known {
                Some(repo) => Some(repo),
                None if given_up => None,
                None => match forge.repository_at(name).await {
                    Ok(found) => {
                        patience.renewed();
                        found
                    }
                    Err(error) => {
                        given_up = patience.ends(forge, &error);
                        failed.push(error);
                        None
                    }
                },
            };
            if let Some(repo) = repo {
                self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(key, repo);
                all.push(repo);
            }
        }
        (all, failed)
    }

    /// Whether a repository that we know by number is served: its path may have changed since, and so
    /// may the list.
    pub(super) async fn serves(
        &self,
        forge: &dyn Forge,
        repo: RepoId,
        now: Timestamp,
    ) -> Result<bool, ForgeError> {
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner).get(&repo).copied();
        if let Some((serves, at)) = judged
            && now.since(at) < PATH_LASTS
        {
            return Ok(serves);
        }
        let serves = match forge.repository(repo).await {
            Ok(found) => {
                self.forget(repo, Some(&found.path));
                (self.allows)(&found.path)
            }
            // Gone, or nothing to be seen in it: no merge requests either way. Whoever was not let in may be
            // by the next time.
            Err(error) if matches!(error.kind, ErrorKind::Gone | ErrorKind::Refused) => {
                tracing::debug!(repository = %repo, %error, "a repository is left out of the sweep");
                if error.kind == ErrorKind::Refused {
                    return Ok(false);
                }
                self.forget(repo, None);
                false
            }
            Err(error) => return Err(error),
        };
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).insert(repo, (serves, now));
        Ok(serves)
    }

    /// A name that led to this repository may lead to another one by now.
    fn forget(&self, repo: RepoId, path: Option<&str>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let still = |name: &str| path.is_some_and(|path| path.eq_ignore_ascii_case(name));
        found.retain(|(_, name), known| *known != repo || still(name));
    }
}
