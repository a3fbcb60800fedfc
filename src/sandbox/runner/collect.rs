//! Which files a job leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use globset::GlobSet;

use crate::sandbox::archive;
use crate::sandbox::ci::{Artifacts, expand, globs};

/// Packs what matches; none when the job keeps nothing. Links are not followed, `.git` is left out.
pub(super) fn collect(
    checkout: &Path,
    wanted: &Artifacts,
    variables: &BTreeMap<String, String>,
    log: &mut String,
) -> io::Result<Option<Vec<u8>>> {
    let reports = wanted.reports.values().flatten();
    let patterns: Vec<String> =
        wanted.paths.iter().chain(reports).map(|one| plain(&expand(one, variables))).collect();
    if patterns.is_empty() {
        return Ok(None);
    }
    let keep = set(&patterns)?;
    let excluded: Vec<String> = wanted.exclude.iter().map(|one| plain(&expand(one, variables))).collect();
    let leave = set(&excluded)?;
    let mut found = BTreeSet::new();
    walk(checkout, checkout, &mut found)?;
    let matches = |path: &&PathBuf| {
        // A folder that is named brings everything below it.
        path.ancestors().any(|part| keep.is_match(part)) && !leave.is_match(path)
    };
    let kept: Vec<&PathBuf> = found.iter().filter(matches).collect();
    for pattern in &patterns {
        let one = set(std::slice::from_ref(pattern))?;
        let hits = kept.iter().filter(|path| path.ancestors().any(|part| one.is_match(part))).count();
        log.push_str(&match hits {
            0 => format!("WARNING: {pattern}: no matching files\n"),
            hits => format!("{pattern}: found {hits} matching artifact files\n"),
        });
    }
    if kept.is_empty() {
        log.push_str("ERROR: No files to upload\n");
        return Ok(None);
    }
    let mut files = Vec::new();
    for path in kept {
        let name = path.to_str().ok_or_else(|| io::Error::other("a file name is not UTF-8"))?.to_owned();
        files.push((name, std::fs::read(checkout.join(path))?));
    }
    let borrowed = files.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
    archive::pack(borrowed).map(Some)
}

/// A pattern as GitLab takes it: a leading `./` and a trailing slash mean nothing.
fn plain(pattern: &str) -> String {
    pattern.trim_start_matches("./").trim_end_matches('/').to_owned()
}

fn set(patterns: &[String]) -> io::Result<GlobSet> {
    globs(patterns, "artifacts").map_err(io::Error::other)
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            if entry.file_name() != ".git" {
                walk(root, &path, found)?;
            }
        } else if kind.is_file()
            && let Ok(inside) = path.strip_prefix(root)
        {
            found.insert(inside.to_owned());
        }
    }
    Ok(())
}
