//! A repository with one model, as a team keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mergewright::config::repository;

/// What a team has written, besides the generated files.
#[derive(Clone)]
pub(super) struct Project {
    /// The name of its model.
    pub(super) model: String,
    /// Its `.mergewright.yml`.
    pub(super) policy: String,
    /// Its other files, by path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl Project {
    /// The example of the README.
    pub(super) fn example() -> Self {
        Self::read("examples/iris")
    }

    /// The project in this folder, seen from the repository's root.
    pub(super) fn read(folder: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut files = BTreeMap::new();
        gather(&root, &root, &mut files);
        let policy = String::from_utf8(files.remove(".mergewright.yml").unwrap()).unwrap();
        let config = repository::parse(&policy).unwrap_or_else(|problems| panic!("{problems}"));
        let model = config.models.keys().next().unwrap().to_string();
        Self { model, policy, files }
    }

    /// The same with another text in one file.
    pub(super) fn with(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.as_bytes().to_vec());
        self
    }
}

/// Every file below `folder`, by its path from `root`.
pub(super) fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            gather(root, &entry.path(), files);
        } else {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}
