//! `mergewright init`: writes a `.mergewright.yml` to start from.
//!
//! What the folder's files show is written down; what they do not show is marked in the file and
//! named in the answer. Nothing is guessed in silence, and what is written passes `check`.

mod existing;
mod folder;
mod jobs;
mod measures;
mod plan;
mod taken;
mod toolchain;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Answer;
use crate::config::repository::{self, FILE_NAME};
use crate::config::valid::ToolchainKind;
use existing::Existing;
use folder::Folder;
use plan::Plan;

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// The repository's folder.
    pub dir: PathBuf,
    /// What the jobs run with; none = what the files show.
    pub toolchain: Option<ToolchainKind>,
    /// Also replace a file that is there.
    pub force: bool,
    /// Answer for programs.
    pub json: bool,
}

/// Writes the file, and says what it chose, why, and what to do next.
#[must_use]
pub fn init(arguments: &Arguments) -> Answer {
    let dir = &arguments.dir;
    let Ok(whole) = dir.canonicalize().and_then(|whole| whole.read_dir().map(|_entries| whole)) else {
        return Answer::no(format!("{} is no folder that can be read\n", dir.display()));
    };
    let folder_name = whole.file_name().unwrap_or_default().to_string_lossy();
    let (folder, existing) = (Folder::look(dir), Existing::look(dir));
    let planned = |existing: &Existing| {
        let plan = Plan::of(&folder, &folder_name, arguments.toolchain, existing);
        plan.render().map(|text| (plan, text))
    };
    let (plan, text) = match planned(&existing) {
        // A line that the file cannot hold, such as one with a password in it, keeps all of them out.
        Ok((_, text)) if !existing.files.is_empty() && repository::parse(&text).is_err() => {
            match planned(&Existing::default()) {
                Ok((mut plan, text)) => {
                    let files = existing.files.join(", ");
                    plan.reasons.push(format!("what {files} runs could not be taken over: look through it"));
                    (plan, text)
                }
                Err(error) => return Answer::no(format!("the file could not be written down: {error}\n")),
            }
        }
        Ok(planned) => planned,
        Err(error) => return Answer::no(format!("the file could not be written down: {error}\n")),
    };
    if let Err(problems) = repository::parse(&text) {
        return Answer::no(format!("what would be written is not valid; please report this:\n{problems}\n"));
    }
    let file = dir.join(FILE_NAME);
    match write(&file, &text, arguments.force) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Answer::no(format!(
                "{} is there and left as it is; `mergewright check` judges it, `mergewright init --force` replaces it\n",
                file.display()
            ));
        }
        Err(error) => return Answer::no(format!("{} cannot be written: {error}\n", file.display())),
    }
    let outside = outside_of_root(&whole);
    Answer::good(if arguments.json { as_json(&plan) } else { as_text(&plan, dir, outside.as_deref()) })
}

/// Writes a file as a whole or not at all.
fn write(file: &Path, text: &str, replace: bool) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    readable_by_all(temporary.as_file())?;
    let persisted = if replace { temporary.persist(file) } else { temporary.persist_noclobber(file) };
    persisted.map(drop).map_err(|error| error.error)
}

/// Temporary files are for their owner alone; this one is to be committed.
#[cfg(unix)]
fn readable_by_all(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_file: &std::fs::File) -> io::Result<()> {
    Ok(())
}

/// The root of the repository, where the folder lies somewhere below it.
fn outside_of_root(folder: &Path) -> Option<PathBuf> {
    let root = folder.ancestors().find(|folder| folder.join(".git").exists())?;
    (root != folder).then(|| root.to_owned())
}

fn as_json(plan: &Plan) -> String {
    let value = json!({
        "file": FILE_NAME,
        "model": plan.name,
        "root": plan.root,
        "toolchain": plan.kind,
        "reasons": plan.reasons,
        "to_fill_in": plan.to_fill_in(),
    });
    format!("{value}\n")
}

fn as_text(plan: &Plan, dir: &Path, outside: Option<&Path>) -> String {
    let mut out = format!("wrote {}\n\n", dir.join(FILE_NAME).display());
    let mut line = |text: &str| {
        let _infallible = writeln!(out, "{text}");
    };
    for reason in &plan.reasons {
        line(&format!("  {reason}"));
    }
    if let Some(root) = outside {
        line(&format!(
            "\nThis is not the root of the repository, and only there is the file read: {}",
            root.display()
        ));
    }
    let unknown = plan.to_fill_in();
    line("\nNext:");
    if unknown.is_empty() {
        line("  1. read the file: what stands there was taken from your files");
    } else {
        line(&format!("  1. fill in what no file shows, marked in it: {}", unknown.join(", ")));
    }
    let folder = if dir == Path::new(".") { String::new() } else { format!(" {}", dir.display()) };
    line(&format!("  2. mergewright check{folder}"));
    line(&format!("  3. mergewright generate{folder}"));
    line("  4. commit both to the default branch");
    out
}
