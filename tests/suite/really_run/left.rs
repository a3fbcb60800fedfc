//! What a job left behind, and how the programs that run jobs are called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest as _, Sha256};

use super::project::gather;

/// What became of a run.
pub(crate) struct Ran {
    /// What the program that ran it says of the whole.
    pub(crate) succeeded: bool,
    /// Its jobs by their task.
    pub(crate) jobs: BTreeMap<&'static str, Left>,
}

/// What one job left.
pub(crate) struct Left {
    pub(crate) succeeded: bool,
    pub(crate) log: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Left {
    /// The files below this folder, if it is there.
    pub(crate) fn new(succeeded: bool, log: String, folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        if folder.is_dir() {
            gather(folder, folder, &mut files);
        }
        Self { succeeded, log, files }
    }

    /// The SHA-256 of every file, by path.
    pub(crate) fn digests(&self) -> impl Iterator<Item = (&str, String)> {
        self.files.iter().map(|(path, bytes)| {
            let digest = Sha256::digest(bytes);
            (path.as_str(), digest.iter().map(|byte| format!("{byte:02x}")).collect())
        })
    }
}

/// Where the programs are.
pub(crate) fn tools() -> PathBuf {
    let folder = std::env::var_os("MERGEWRIGHT_CI_TOOLS").map(PathBuf::from);
    folder.expect("MERGEWRIGHT_CI_TOOLS must name the folder of gitlab-ci-local and act: see .ci/really-run")
}

/// Runs a program to its end, which comes in five minutes at the latest.
pub(crate) fn run(program: &Path, arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "300"]).arg(program).args(arguments);
    command.current_dir(folder).envs(variables.iter().copied()).stdin(Stdio::null());
    command.output().unwrap()
}

/// Runs git, which must succeed; its answer.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = run(Path::new("git"), arguments, folder, &[]);
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A clone of the repository at the branch of the merge request.
pub(crate) fn check_out(repository: &Path, folder: &Path) -> String {
    let [from, to] = [repository, folder].map(|path| path.to_str().unwrap());
    git(Path::new("/"), &["-c", "safe.directory=*", "clone", "-q", "-b", "change", from, to]);
    git(folder, &["rev-parse", "HEAD"])
}
