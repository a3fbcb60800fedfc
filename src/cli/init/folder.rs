//! What lies in a folder: names that can be written into the file, and short texts.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How deep is looked: `models/iris/data/holdout.csv`.
const MOST_LEVELS: usize = 4;
/// The most files that are looked at.
const MOST_FILES: usize = 10_000;
/// The most bytes of a file that are read.
const MOST_BYTES: u64 = 256 * 1024;
/// Folders of tools, which hold nothing that people wrote.
const FOREIGN: &[&str] =
    &["node_modules", "target", "build", "dist", "venv", "env", "__pycache__", "site-packages"];

/// The files of a folder, by their paths from there.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    files: BTreeSet<String>,
}

impl Folder {
    /// Looks into a folder. What cannot be read, hidden folders and those of tools are passed over.
    pub(super) fn look(dir: &Path) -> Self {
        let mut files = BTreeSet::new();
        let mut open = vec![(String::new(), 1)];
        while let Some((below, level)) = open.pop() {
            let entries = fs::read_dir(dir.join(&below)).into_iter().flatten().flatten();
            for entry in entries {
                let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
                let Ok(kind) = entry.file_type() else { continue };
                let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
                if kind.is_dir() {
                    if level < MOST_LEVELS && !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) {
                        open.push((path, level + 1));
                    }
                } else if kind.is_file() && is_plain(&path) && files.len() < MOST_FILES {
                    files.insert(path);
                }
            }
        }
        Self { dir: dir.to_owned(), files }
    }

    /// The part of it below `root`; `.` is the whole.
    pub(super) fn below(&self, root: &str) -> Self {
        if root == "." {
            return Self { dir: self.dir.clone(), files: self.files.clone() };
        }
        let inside = |path: &String| Some(path.strip_prefix(root)?.strip_prefix('/')?.to_owned());
        Self { dir: self.dir.join(root), files: self.files.iter().filter_map(inside).collect() }
    }

    /// Whether there is a file at `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// Whether any file lies below `path`, however deep: packages are folders in folders in folders.
    pub(super) fn holds(&self, path: &str) -> bool {
        self.files_below(path).next().is_some()
    }

    /// The texts of the files below `path`, however deep.
    pub(super) fn texts_below(&self, path: &str) -> impl Iterator<Item = String> {
        self.files_below(path).map(|file| read(&file))
    }

    /// The files below `path`, however deep.
    fn files_below(&self, path: &str) -> impl Iterator<Item = PathBuf> {
        let mut open = vec![self.dir.join(path)];
        let mut found = Vec::new();
        let mut seen = 0;
        std::iter::from_fn(move || {
            loop {
                if let Some(file) = found.pop() {
                    return Some(file);
                }
                for entry in fs::read_dir(open.pop()?).into_iter().flatten().flatten() {
                    seen += 1;
                    match entry.file_type() {
                        Ok(kind) if kind.is_file() && seen < MOST_FILES => found.push(entry.path()),
                        Ok(kind) if kind.is_dir() && seen < MOST_FILES => open.push(entry.path()),
                        _ => {}
                    }
                }
            }
        })
    }

    /// The first of these that is there.
    pub(super) fn first<'p>(&self, paths: &[&'p str]) -> Option<&'p str> {
        paths.iter().copied().find(|path| self.has(path))
    }

    /// Every path.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// The names of the files directly in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.paths().filter(|path| !path.contains('/'))
    }

    /// Every folder that holds a file, up to `levels` below.
    pub(super) fn folders(&self, levels: usize) -> BTreeSet<&str> {
        let parents = self.paths().filter_map(|path| Some(path.rsplit_once('/')?.0));
        parents.filter(|folder| folder.matches('/').count() < levels).collect()
    }

    /// The text of a file; empty where there is none.
    pub(super) fn text(&self, path: &str) -> String {
        if self.has(path) { read(&self.dir.join(path)) } else { String::new() }
    }
}

/// The beginning of a file's text; empty where it is none.
fn read(path: &Path) -> String {
    let mut text = String::new();
    if let Ok(file) = File::open(path)
        && file.take(MOST_BYTES).read_to_string(&mut text).is_err()
    {
        text.clear();
    }
    text
}

/// Whether a name means itself in YAML, in a glob and in a shell, so that it can be written as it is.
pub(super) fn is_plain(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
        && name.chars().all(letter)
}
