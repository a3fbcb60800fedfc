//! `mergewright check`: judges a `.mergewright.yml`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Answer;
use crate::config::repository::{self, FILE_NAME, MOST_BYTES, Problems};
use crate::config::valid::RepositoryConfig;

/// Judges the file of a folder, or a file.
#[must_use]
pub fn check(target: &Path, json: bool) -> Answer {
    match load(target) {
        Ok(config) if json => Answer::good(format!(
            "{}\n",
            json!({
                "valid": true,
                "file": shown(target),
                "digest": config.digest,
                "models": config.models.keys().collect::<Vec<_>>(),
            })
        )),
        Ok(config) => {
            let names: Vec<&str> = config.models.keys().map(crate::domain::ModelName::as_str).collect();
            let count = names.len();
            let plural = if count == 1 { "" } else { "s" };
            Answer::good(format!(
                "{} is valid: {count} model{plural} ({})\n",
                shown(target),
                names.join(", ")
            ))
        }
        Err(failure) if json => {
            let out = json!({"valid": false, "file": shown(target), "problems": failure.as_json()});
            Answer { status: 1, out: format!("{out}\n"), err: String::new() }
        }
        Err(failure) => failure.into_answer(),
    }
}

/// Why there is no configuration to work with.
#[derive(Debug)]
pub(super) enum Failure {
    /// The file cannot be read.
    Unreadable(String),
    /// It is not valid.
    Problems(Problems),
}

impl Failure {
    pub(super) fn into_answer(self) -> Answer {
        match self {
            Self::Unreadable(why) => Answer::no(format!("{why}\n")),
            Self::Problems(problems) => {
                let count = problems.iter().count();
                let mut err = format!("{problems}\n");
                if count > 1 {
                    let _infallible = write!(err, "\n{count} problems\n");
                }
                Answer::no(err)
            }
        }
    }

    fn as_json(&self) -> serde_json::Value {
        match self {
            Self::Unreadable(why) => json!([{"message": why}]),
            Self::Problems(problems) => problems
                .iter()
                .map(|problem| {
                    json!({
                        "line": problem.line,
                        "column": problem.column,
                        "message": problem.message,
                        "remedy": problem.remedy,
                        "excerpt": problem.excerpt,
                    })
                })
                .collect(),
        }
    }
}

/// Reads and judges the file of a folder, or a file.
pub(super) fn load(target: &Path) -> Result<RepositoryConfig, Failure> {
    let file = if target.is_dir() { target.join(FILE_NAME) } else { target.to_owned() };
    let bytes = read(&file).map_err(|error| {
        Failure::Unreadable(match error.kind() {
            io::ErrorKind::NotFound => absent(target, &file),
            _ => format!("{} cannot be read: {error}", file.display()),
        })
    })?;
    repository::parse_bytes(&bytes).map_err(|problems| Failure::Problems(problems.named(&shown(target))))
}

/// The bytes of a file; of one that is too large, just enough to see that it is.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(file)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where was looked, and what is nearest to what was meant.
fn absent(target: &Path, file: &Path) -> String {
    let folder = if target.is_dir() { target } else { file.parent().unwrap_or(file) };
    let other = folder.join(".mergewright.yaml");
    let mut why = format!("there is no {}", file.display());
    let _infallible = if other.is_file() {
        write!(why, "; the file is called {FILE_NAME}: rename {}", other.display())
    } else if let Some(above) = above(folder) {
        write!(why, "; there is {}: it belongs to the root of the repository", above.display())
    } else {
        write!(why, "; `mergewright init` writes a {FILE_NAME} to start from")
    };
    why
}

/// The nearest file in a folder above.
fn above(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    folder.ancestors().skip(1).map(|folder| folder.join(FILE_NAME)).find(|file| file.is_file())
}

/// The name by which messages call the file: as it was called, and in a folder by its own name, so
/// that the text is the one that a merge request shows.
fn shown(target: &Path) -> String {
    if target.is_dir() { FILE_NAME.to_owned() } else { target.display().to_string() }
}
