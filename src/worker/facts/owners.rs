//! CODEOWNERS at a commit: a commit never changes, so each file is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::{CodeOwners, ModelName, Sha};
use crate::engine::{Configuration, LARGEST_OWNERS_FILE, OwnersFile, owners_files};
use crate::forge::ErrorKind;
use crate::worker::failure::Failure;

use super::Gatherer;

/// What stands in the file; the text says why it cannot be used.
pub(crate) type Owners = Result<Arc<OwnersFile>, String>;

impl Gatherer<'_> {
    /// Whom the file names for what is changed of the touched models whose policy names nobody.
    pub(super) async fn code_owners(
        &self,
        touched: &BTreeSet<ModelName>,
        (policy, proposal): (&Configuration, &Configuration),
        base: &Sha,
        changed: &BTreeSet<String>,
    ) -> Result<BTreeMap<ModelName, CodeOwners>, Failure> {
        let written = |name: &ModelName| {
            let rules = section(policy, name).or_else(|| section(proposal, name));
            rules.is_some_and(|model| !model.review.owners.is_empty())
        };
        let silent: Vec<_> = touched.iter().filter(|name| !written(name)).collect();
        if silent.is_empty() {
            return Ok(BTreeMap::new());
        }
        let file = self.owners_file(base).await?;
        let named = |name: &ModelName| match &file {
            Ok(file) => file.of_model(name, (policy, proposal), changed),
            Err(why) => CodeOwners::unusable(why.clone()),
        };
        Ok(silent.into_iter().map(|name| (name.clone(), named(name))).collect())
    }

    /// The first of the forge's places that holds one; none of them = a file that names nobody.
    async fn owners_file(&self, at: &Sha) -> Result<Owners, Failure> {
        let repo = self.id.repo;
        let key = (repo, at.clone());
        if let Some(known) = self.memory.owners.get(&key) {
            return Ok(known);
        }
        let mut found: Owners = Ok(Arc::default());
        for path in owners_files(repo.forge) {
            let read = match self.forge.file(repo, path, at, LARGEST_OWNERS_FILE).await {
                Ok(None) => continue,
                Ok(Some(bytes)) => OwnersFile::parse(repo.forge, &bytes).map(Arc::new),
                // Too large, or not ours to read: said to people, and asked again next time.
                Err(error) if error.kind == ErrorKind::Refused => {
                    return Ok(Err(format!("`{path}`: {}", error.external)));
                }
                Err(error) => return Err(error.into()),
            };
            found = read.map_err(|why| format!("`{path}`: {why}"));
            break;
        }
        self.memory.owners.put(key, found.clone());
        Ok(found)
    }
}

fn section<'c>(side: &'c Configuration, name: &ModelName) -> Option<&'c crate::config::valid::Model> {
    match side {
        Configuration::Valid(config) => config.models.get(name),
        Configuration::Absent | Configuration::Invalid { .. } => None,
    }
}
