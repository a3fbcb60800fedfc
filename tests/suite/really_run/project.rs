//! A repository with one model, as a team keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mergewright::cli::init::{Arguments, init};
use mergewright::config::repository;

/// What a team has written, besides the generated files, and what its jobs find on their machine.
#[derive(Clone)]
pub(crate) struct Project {
    /// The name of its model.
    pub(crate) model: String,
    /// Its `.mergewright.yml`.
    pub(crate) policy: String,
    /// Its other files, by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Whether its code is scanned.
    pub(crate) scanned: bool,
    /// A folder of programs that its jobs find before all others.
    pub(crate) programs: Option<PathBuf>,
    /// Variables that its jobs see.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Project {
    /// The example of the README.
    pub(crate) fn example() -> Self {
        Self::read("examples/iris")
    }

    /// The project in this folder, seen from the repository's root.
    pub(crate) fn read(folder: &str) -> Self {
        let mut files = files(folder);
        let policy = String::from_utf8(files.remove(".mergewright.yml").unwrap()).unwrap();
        Self::of(policy, files)
    }

    /// The project in this folder with these files changed, described by `init` alone.
    pub(crate) fn initialised(folder: &str, changes: &[(&str, &str)]) -> Self {
        let mut files = files(folder);
        files.remove(".mergewright.yml");
        files.extend(changes.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
        let dir = tempfile::tempdir().unwrap();
        // A model at the root is called as its folder.
        let repository = dir.path().join(Path::new(folder).file_name().unwrap());
        for (path, bytes) in &files {
            let path = repository.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let answer = init(&Arguments { dir: repository.clone(), ..Arguments::default() });
        assert_eq!(answer.status, 0, "{}", answer.err);
        Self::of(fs::read_to_string(repository.join(".mergewright.yml")).unwrap(), files)
    }

    fn of(policy: String, files: BTreeMap<String, Vec<u8>>) -> Self {
        let config = repository::parse(&policy).unwrap_or_else(|problems| panic!("{problems}"));
        let (name, model) = config.models.iter().next().unwrap();
        let scanned = model.scan.is_some();
        Self { model: name.to_string(), policy, files, scanned, programs: None, variables: Vec::new() }
    }

    /// The same with another text in one file.
    pub(crate) fn with(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.as_bytes().to_vec());
        self
    }

    /// The same with a scan of its code.
    pub(crate) fn scanned_by(self, scan: &str) -> Self {
        let policy = self.policy.replacen("    test:\n", &format!("    scan: {scan}\n    test:\n"), 1);
        let Self { files, programs, variables, .. } = self;
        Self { programs, variables, ..Self::of(policy, files) }
    }

    /// The same on a machine that has these programs.
    pub(crate) fn finding(self, programs: PathBuf) -> Self {
        Self { programs: Some(programs), ..self }
    }

    /// The same with a variable that its jobs see.
    pub(crate) fn told(mut self, name: &'static str, value: String) -> Self {
        self.variables.push((name, value));
        self
    }

    /// The jobs that a merge request starts.
    pub(crate) fn jobs(&self) -> &'static [&'static str] {
        if self.scanned { &["build", "test", "scan"] } else { &["build", "test"] }
    }

    /// Where its jobs look for programs.
    pub(crate) fn path(&self) -> String {
        let usual = std::env::var("PATH").unwrap();
        self.programs.as_ref().map_or_else(|| usual.clone(), |own| format!("{}:{usual}", own.display()))
    }
}

/// Every file below a folder of this project, by its path from there.
fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = BTreeMap::new();
    gather(&root, &root, &mut files);
    files
}

/// Every file below `folder`, by its path from `root`.
pub(crate) fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
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
