//! Executes the steps of a GitHub job: shell lines in the local shell, and the four actions that
//! generated files use, done natively.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::checkout;
use super::shell::{self, End, Errand};
use crate::sandbox::archive;
use crate::sandbox::ci::workflow::{ActionStep, Work};

/// Where artifacts of runs are kept, by name.
pub(super) trait Uploads: Sync {
    /// Keeps an archive under a name of this run; a second one of the name replaces the first.
    fn put(&self, name: &str, zip: Vec<u8>);
    /// An archive of this run, or of another.
    fn get(&self, run: Option<u64>, name: &str) -> Option<Vec<u8>>;
}

/// A job's steps and everything that they need.
pub(super) struct Steps<'a> {
    /// What is done, in order.
    pub(super) steps: &'a [ActionStep],
    /// The repository on disk.
    pub(super) repository: &'a Path,
    /// The commit that the run is for.
    pub(super) sha: &'a str,
    /// Variables of all steps.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// What `GITHUB_TOKEN` is where a step asks for it.
    pub(super) token: &'a str,
    /// The workspace, an empty folder.
    pub(super) workspace: &'a Path,
    /// A folder beside it.
    pub(super) home: &'a Path,
    /// The longest that all steps together may take.
    pub(super) timeout: Duration,
    /// Where artifacts go to and come from.
    pub(super) uploads: &'a dyn Uploads,
    /// Whether somebody has cancelled the job.
    pub(super) cancelled: &'a (dyn Fn() -> bool + Sync),
    /// Shows the log so far.
    pub(super) show: &'a (dyn Fn(&str) + Sync),
}

impl Steps<'_> {
    /// Runs the steps to the end, those after a failure too that ask for it; the log and the end.
    pub(super) async fn run(&self) -> (String, End) {
        let (log, end) = self.run_all().await;
        (without_masked(&log), end)
    }

    async fn run_all(&self) -> (String, End) {
        let deadline = Instant::now() + self.timeout;
        let (mut log, mut outcome) = (String::new(), End::Good);
        for step in self.steps {
            let goes = if outcome == End::Good { step.after_success } else { step.after_failure };
            if !goes {
                continue;
            }
            log.push_str(&format!("##[group]{}\n", step.name));
            let end = match self.perform(step, deadline, &mut log).await {
                Ok(end) => end,
                Err(error) => {
                    log.push_str(&format!("##[error]{error}\n"));
                    End::Bad(1)
                }
            };
            (self.show)(&without_masked(&log));
            match end {
                End::Good => {}
                End::Bad(code) => {
                    log.push_str(&format!("##[error]Process completed with exit code {code}.\n"));
                    // The first failure is the job's.
                    if outcome == End::Good {
                        outcome = End::Bad(code);
                    }
                }
                End::TooLate | End::Cancelled | End::Broken(_) => return (log, end),
            }
        }
        (log, outcome)
    }

    async fn perform(&self, step: &ActionStep, deadline: Instant, log: &mut String) -> std::io::Result<End> {
        match &step.work {
            Work::Run { script, directory } => {
                let lines = std::slice::from_ref(script);
                self.shell(step, lines, self.inside(directory)?, deadline, log).await
            }
            Work::SetUp { look } => {
                let lines = [(*look).to_owned()];
                self.shell(step, &lines, self.workspace.to_owned(), deadline, log).await
            }
            Work::Cache => Ok(End::Good),
            Work::Checkout { reference } => {
                tokio::fs::remove_dir_all(self.workspace).await?;
                let reference = reference.as_deref().unwrap_or(self.sha);
                checkout::fetch(self.repository, reference, self.workspace, self.home).await?;
                log.push_str(&format!("HEAD is now at {reference}\n"));
                Ok(End::Good)
            }
            Work::Upload { name, folder, required } => {
                let files = files(&self.inside(folder)?)?;
                if files.is_empty() {
                    let level = if *required { "error" } else { "warning" };
                    log.push_str(&format!(
                        "##[{level}]No files were found with the provided path: {folder}. No artifacts will be uploaded.\n"
                    ));
                    return Ok(if *required { End::Bad(1) } else { End::Good });
                }
                let borrowed = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
                self.uploads.put(name, archive::pack(borrowed)?);
                log.push_str(&format!("Artifact {name} has {} file(s)\n", files.len()));
                Ok(End::Good)
            }
            Work::Download { name, folder, run } => {
                let Some(zip) = self.uploads.get(*run, name) else {
                    log.push_str(&format!(
                        "##[error]Unable to download artifact(s): Artifact not found for name: {name}\n"
                    ));
                    return Ok(End::Bad(1));
                };
                let folder = self.inside(folder)?;
                for (path, content) in archive::unpack(&zip)? {
                    let target = folder.join(path);
                    if let Some(parent) = target.parent() {
                        tokio::fs::create_dir_all(parent).await?;
                    }
                    tokio::fs::write(target, content).await?;
                }
                Ok(End::Good)
            }
        }
    }

    async fn shell(
        &self,
        step: &ActionStep,
        lines: &[String],
        folder: PathBuf,
        deadline: Instant,
        log: &mut String,
    ) -> std::io::Result<End> {
        let mut variables = self.variables.clone();
        variables.extend(step.environment.clone());
        // The planner knows no token: it is another one for each job.
        if let Some(token) = variables.get_mut("GITHUB_TOKEN") {
            self.token.clone_into(token);
        }
        variables.insert("GITHUB_WORKSPACE".to_owned(), self.workspace.display().to_string());
        let before = log.clone();
        let show = |part: &str| (self.show)(&without_masked(&format!("{before}{part}")));
        let errand = Errand {
            checkout: &folder,
            home: self.home,
            variables: &variables,
            timeout: deadline.saturating_duration_since(Instant::now()),
            cancelled: self.cancelled,
            show: &show,
        };
        let (part, end) = errand.run(lines).await;
        log.push_str(&part);
        Ok(end)
    }

    /// A folder of the workspace; one that leads out of it is refused.
    fn inside(&self, folder: &str) -> std::io::Result<PathBuf> {
        let path = Path::new(folder);
        let plain = |part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir);
        if path.components().all(plain) {
            Ok(self.workspace.join(path))
        } else {
            Err(std::io::Error::other(format!("`{folder}` leads out of the workspace")))
        }
    }
}

/// The log without what its lines ask to keep out of it.
fn without_masked(log: &str) -> String {
    let values: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("::add-mask::"))
        .filter(|value| !value.is_empty() && *value != "***")
        .collect();
    shell::masked(log, &values)
}

/// Every file below a folder with its path from there; links are not followed.
fn files(folder: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        let entries = match std::fs::read_dir(&current) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && current == folder => {
                return Ok(found);
            }
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && let Ok(inside) = path.strip_prefix(folder)
            {
                let name =
                    inside.to_str().ok_or_else(|| std::io::Error::other("a file name is not UTF-8"))?;
                found.push((name.to_owned(), std::fs::read(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}
