//! Reads a zip that strangers made: every entry's digest and the wanted contents, within limits.

mod directory;
mod fetch;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::domain::Digest;

use super::{Archive, ArchiveEntry, ArchiveLimits};

/// How many times the room of one wanted entry all of them may take together: they are held in memory.
const WANTED_TOGETHER: u64 = 4;
/// Longest path of an entry.
const LONGEST_PATH: usize = 1024;

/// Why an archive was not read. None of these passes by itself: the same bytes fail again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error("the archive is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the archive has more than {0} entries")]
    TooManyEntries(usize),
    #[error("the archive unpacks to more than {0} bytes")]
    TooMuchContent(u64),
    #[error("`{path}` in the archive is larger than {limit} bytes")]
    EntryTooLarge { path: String, limit: u64 },
    #[error("the files to be read from the archive are together larger than {0} bytes")]
    TooMuchWanted(u64),
    #[error("the archive holds the path `{path}`, {why}")]
    BadPath { path: String, why: &'static str },
    #[error("`{0}` in the archive is a symbolic link or another special file")]
    SpecialFile(String),
    #[error("`{0}` in the archive is encrypted")]
    Encrypted(String),
    #[error("`{0}` stands twice in the archive")]
    Twice(String),
    #[error("this is not a readable zip archive: {0}")]
    Broken(String),
    #[error("the archive could not be read from the temporary file: {0}")]
    Disk(io::Error),
}

impl ArchiveError {
    /// Whether the fault lies with this machine, not with the archive.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::Disk(_))
    }
}

impl From<ZipError> for ArchiveError {
    fn from(error: ZipError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// An archive whose table of contents was judged, not yet its contents.
pub(crate) struct OpenArchive {
    zip: ZipArchive<File>,
    paths: Vec<Option<String>>,
    limits: ArchiveLimits,
}

/// Opens the archive and judges its table of contents. Blocks.
pub(crate) fn open(mut file: File, limits: ArchiveLimits) -> Result<OpenArchive, ArchiveError> {
    let size = file.seek(SeekFrom::End(0)).map_err(ArchiveError::Disk)?;
    if size > limits.compressed {
        return Err(ArchiveError::TooLarge(limits.compressed));
    }
    let declared = directory::entries(&mut file, size)?;
    if declared > limits.entries as u64 {
        return Err(ArchiveError::TooManyEntries(limits.entries));
    }
    let mut zip = ZipArchive::new(file)?;
    if zip.len() > limits.entries {
        return Err(ArchiveError::TooManyEntries(limits.entries));
    }
    if zip.has_duplicate_names() {
        return Err(ArchiveError::Twice("a path".to_owned()));
    }
    let mut paths = Vec::with_capacity(zip.len());
    let mut seen = BTreeSet::new();
    let mut promised: u64 = 0;
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index)?;
        let path = path_of(entry.name_raw())?;
        if entry.encrypted() {
            return Err(ArchiveError::Encrypted(path));
        }
        if entry.unix_mode().is_some_and(is_special) {
            return Err(ArchiveError::SpecialFile(path));
        }
        promised = promised.saturating_add(entry.size());
        if promised > limits.expanded {
            return Err(ArchiveError::TooMuchContent(limits.expanded));
        }
        let folder = entry.is_dir();
        drop(entry);
        if !folder && !seen.insert(path.clone()) {
            return Err(ArchiveError::Twice(path));
        }
        paths.push((!folder).then_some(path));
    }
    Ok(OpenArchive { zip, paths, limits })
}

impl OpenArchive {
    /// The paths of all files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().flatten().map(String::as_str)
    }

    /// Unpacks every file once: digests all, keeps the content of those `wanted`. Blocks.
    pub(crate) fn read(mut self, wanted: &BTreeSet<String>) -> Result<Archive, ArchiveError> {
        let mut entries = Vec::new();
        let mut files = BTreeMap::new();
        let mut left = self.limits.expanded;
        let together = self.limits.wanted.saturating_mul(WANTED_TOGETHER);
        let mut kept: u64 = 0;
        let mut buffer = vec![0; 64 * 1024];
        for (index, path) in self.paths.into_iter().enumerate() {
            let Some(path) = path else { continue };
            let mut entry = self.zip.by_index(index)?;
            let keep = wanted.contains(&path);
            let mut content = Vec::new();
            let mut digest = Sha256::new();
            let mut size: u64 = 0;
            loop {
                let read = match entry.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(ArchiveError::Broken(format!("`{path}`: {error}"))),
                };
                let chunk = buffer.get(..read).unwrap_or_default();
                left = left
                    .checked_sub(read as u64)
                    .ok_or(ArchiveError::TooMuchContent(self.limits.expanded))?;
                size += read as u64;
                digest.update(chunk);
                if keep {
                    if size > self.limits.wanted {
                        return Err(ArchiveError::EntryTooLarge { path, limit: self.limits.wanted });
                    }
                    kept += read as u64;
                    if kept > together {
                        return Err(ArchiveError::TooMuchWanted(together));
                    }
                    content.extend_from_slice(chunk);
                }
            }
            if keep {
                files.insert(path.clone(), content);
            }
            entries.push(ArchiveEntry { path, size, sha256: Digest::from_bytes(digest.finalize().into()) });
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Archive { entries, files })
    }
}

/// The path of an entry, relative and clean.
fn path_of(raw: &[u8]) -> Result<String, ArchiveError> {
    let shown = || String::from_utf8_lossy(raw).chars().take(80).collect::<String>();
    let bad = |why| ArchiveError::BadPath { path: shown(), why };
    let text = std::str::from_utf8(raw).map_err(|_error| bad("which is not UTF-8"))?;
    if text.len() > LONGEST_PATH {
        return Err(bad("which is too long"));
    }
    if text.contains('\\') || text.chars().any(char::is_control) {
        return Err(bad("which holds a backslash or a control character"));
    }
    if text.starts_with('/') || text.as_bytes().get(1) == Some(&b':') {
        return Err(bad("which is absolute"));
    }
    let text = text.strip_prefix("./").unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.split('/').any(|part| matches!(part, ".." | "." | "")) {
        return Err(bad("which leaves the archive or is not in its plain form"));
    }
    Ok(text.to_owned())
}

/// Whether a Unix mode tells of something else than a plain file or folder.
const fn is_special(mode: u32) -> bool {
    !matches!(mode & 0o170_000, 0 | 0o100_000 | 0o040_000)
}

#[cfg(test)]
mod tests;
