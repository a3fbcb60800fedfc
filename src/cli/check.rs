//! `mergewright check`: judges a `.mergewright.yml`.

use std::fmt::Write as _;
use std::path::Path;

use super::Answer;
use crate::config::repository::{self, FILE_NAME, Problems};
use crate::config::valid::RepositoryConfig;

/// Judges the file of a folder, or a file.
#[must_use]
pub fn check(target: &Path, json: bool) -> Answer {
    match load(target) {
        Ok(config) if json => Answer::good(format!(
            "{}\n",
            serde_json::json!({
                "valid": true,
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
        Err(Failure::Problems(problems)) if json => {
            let list: Vec<_> = problems
                .iter()
                .map(|problem| {
                    serde_json::json!({
                        "line": problem.line,
                        "column": problem.column,
                        "message": problem.message,
                        "remedy": problem.remedy,
                    })
                })
                .collect();
            let out = format!("{}\n", serde_json::json!({"valid": false, "problems": list}));
            Answer { status: 1, out, err: String::new() }
        }
        Err(Failure::Unreadable(why)) if json => {
            let out = format!("{}\n", serde_json::json!({"valid": false, "problems": [{"message": why}]}));
            Answer { status: 1, out, err: String::new() }
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
}

/// Reads and judges the file of a folder, or a file.
pub(super) fn load(target: &Path) -> Result<RepositoryConfig, Failure> {
    let file = if target.is_dir() { target.join(FILE_NAME) } else { target.to_owned() };
    let bytes = std::fs::read(&file).map_err(|error| {
        Failure::Unreadable(match error.kind() {
            std::io::ErrorKind::NotFound => {
                format!(
                    "there is no {}; `mergewright init` writes a {FILE_NAME} to start from",
                    file.display()
                )
            }
            _ => format!("{} cannot be read: {error}", file.display()),
        })
    })?;
    repository::parse_bytes(&bytes).map_err(|problems| Failure::Problems(problems.named(&shown(target))))
}

/// The name by which messages call the file: as it was called, and in a folder by its own name, so
/// that the text is the one that a merge request shows.
fn shown(target: &Path) -> String {
    if target.is_dir() { FILE_NAME.to_owned() } else { target.display().to_string() }
}
