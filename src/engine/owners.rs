//! Who owns which paths by a CODEOWNERS file, in GitHub's or GitLab's syntax.
//!
//! It widens who may approve, so nothing in it is guessed: a line that the forge would not understand
//! names nobody, and a file over a limit is not used at all.

mod lines;
mod pattern;

use std::collections::BTreeSet;

use crate::domain::{CodeOwners, ForgeKind, ModelName};

use super::Configuration;
use super::setting::changed_of;
use pattern::Pattern;

/// The largest file that is read, in bytes.
pub const LARGEST: u64 = 1024 * 1024;
/// The most entries.
const MOST_ENTRIES: usize = 10_000;
/// The most comparisons of an entry with a path.
const MOST_COMPARISONS: usize = 5_000_000;

/// Where the forge looks for the file; the first that is there counts.
#[must_use]
pub const fn places(forge: ForgeKind) -> [&'static str; 3] {
    match forge {
        ForgeKind::GitHub => [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"],
        ForgeKind::GitLab => ["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"],
    }
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnersFile {
    sections: Vec<Section>,
}

/// A part of the file in which the last entry that matches a path counts; GitHub has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Section {
    /// In small letters: two of the same name are one.
    name: String,
    /// Owners of entries that name none.
    defaults: BTreeSet<String>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    pattern: Pattern,
    /// None = the paths are left out of the section.
    owners: Option<BTreeSet<String>>,
}

impl OwnersFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it cannot be used, safe to show.
    pub fn parse(forge: ForgeKind, bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > LARGEST {
            return Err(format!("it is larger than {LARGEST} bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_error| "it is no UTF-8 text".to_owned())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let sections = match forge {
            ForgeKind::GitHub => lines::github(text),
            ForgeKind::GitLab => lines::gitlab(text),
        };
        let entries = sections.iter().map(|section| section.entries.len()).sum::<usize>();
        if entries > MOST_ENTRIES {
            return Err(format!("it has more than {MOST_ENTRIES} entries"));
        }
        Ok(Self { sections })
    }

    /// Whom it names for one path: all of the sections' owners together.
    fn owners(&self, path: &str) -> BTreeSet<String> {
        let parts: Vec<&str> = path.split('/').collect();
        self.sections.iter().flat_map(|section| section.owners(&parts)).flatten().cloned().collect()
    }

    /// Whom it names for the paths that a merge request changes of a model.
    #[must_use]
    pub fn of_model(
        &self,
        name: &ModelName,
        (policy, proposal): (&Configuration, &Configuration),
        changed: &BTreeSet<String>,
    ) -> CodeOwners {
        let paths = changed_of(name, policy, proposal, changed);
        let entries = self.sections.iter().map(|section| section.entries.len()).sum::<usize>();
        if entries.saturating_mul(paths.len()) > MOST_COMPARISONS {
            let why = format!("it has {entries} entries, too many for {} changed paths", paths.len());
            return CodeOwners::unusable(why);
        }
        let sets: BTreeSet<_> = paths.into_iter().map(|path| self.owners(path)).collect();
        // A path that nobody owns is owned by nobody who owns the others.
        let owned = !sets.iter().any(BTreeSet::is_empty);
        CodeOwners { sets: if owned { sets.into_iter().collect() } else { Vec::new() }, unusable: None }
    }
}

impl Section {
    fn owners(&self, parts: &[&str]) -> Option<&BTreeSet<String>> {
        let mut matching = self.entries.iter().rev().filter(|entry| entry.pattern.matches(parts));
        let last = matching.next()?;
        // What is left out stays out, wherever in the section that is said.
        if last.owners.is_none() || matching.any(|entry| entry.owners.is_none()) {
            return None;
        }
        last.owners.as_ref()
    }
}

#[cfg(test)]
mod tests;
