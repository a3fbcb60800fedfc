//! `.mergewright.yml` at a commit: a commit never changes, so each is read once.

use crate::config::repository;
use crate::domain::{RepoId, Sha};
use crate::engine::Configuration;
use crate::forge::{ErrorKind, Forge};
use crate::worker::failure::Failure;
use crate::worker::memory::Memory;

use super::Gatherer;

/// The largest configuration file, in bytes.
const LARGEST: u64 = 1024 * 1024;

impl Gatherer<'_> {
    /// The configuration at a commit.
    pub(super) async fn configuration(&self, at: &Sha) -> Result<Configuration, Failure> {
        configuration_at(self.forge, self.memory, self.id.repo, at).await
    }
}

/// The configuration of a repository at a commit.
pub(crate) async fn configuration_at(
    forge: &dyn Forge,
    memory: &Memory,
    repo: RepoId,
    at: &Sha,
) -> Result<Configuration, Failure> {
    let key = (repo, at.clone());
    if let Some(known) = memory.configurations.get(&key) {
        return Ok(known);
    }
    let read = match forge.file(repo, repository::FILE_NAME, at, LARGEST).await {
        Ok(None) => Configuration::Absent,
        Ok(Some(bytes)) => match repository::parse_bytes(&bytes) {
            Ok(config) => Configuration::Valid(Box::new(config)),
            Err(problems) => Configuration::Invalid { problems: problems.to_string() },
        },
        // Too large, or not ours to read: said to people, and asked again next time.
        Err(error) if error.kind == ErrorKind::Refused => {
            return Ok(Configuration::Invalid { problems: error.external });
        }
        Err(error) => return Err(error.into()),
    };
    memory.configurations.put(key, read.clone());
    Ok(read)
}
