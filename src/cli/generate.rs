//! `mergewright generate`: writes the CI files, or says how they differ.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Answer;
use super::check::load;
use crate::generator::{self, Dialect, GenerateError, GeneratedFile, Templates};

/// For which forge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forges {
    /// GitLab alone.
    #[default]
    GitLab,
    /// GitHub alone.
    GitHub,
    /// Both.
    All,
}

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// The repository's folder.
    pub dir: PathBuf,
    /// For which forge.
    pub forges: Forges,
    /// Write nothing; drift is a no.
    pub check: bool,
    /// Write nothing; print the difference.
    pub diff: bool,
    /// Templates of one's own, by name below this folder.
    pub templates: Option<PathBuf>,
    /// Also replace a file that we did not write.
    pub force: bool,
}

/// Writes the CI files of a repository, or says how they differ.
#[must_use]
pub fn generate(arguments: &Arguments) -> Answer {
    if arguments.forges != Forges::GitLab {
        return Answer::usage(
            "files for GitHub are not generated yet; for GitLab: mergewright generate --forge gitlab\n",
        );
    }
    let config = match load(&arguments.dir) {
        Ok(config) => config,
        Err(failure) => return failure.into_answer(),
    };
    let templates = match arguments.templates.as_deref().map_or_else(|| Ok(Templates::embedded()), templates)
    {
        Ok(templates) => templates,
        Err(why) => return Answer::usage(why),
    };
    let dialect = Dialect::GitLab;
    let path = arguments.dir.join(dialect.path());
    let existing = match fs::read_to_string(&path) {
        Ok(text) => Some(text.replace("\r\n", "\n")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Answer::no(format!("{} cannot be read: {error}\n", path.display())),
    };
    let files = match generator::generate_with(&config, dialect, existing.as_deref(), &templates) {
        Ok(files) => files,
        Err(error @ (GenerateError::Template { .. } | GenerateError::UnknownTemplate { .. })) => {
            return Answer::usage(format!("{error}\n"));
        }
        Err(error) => return Answer::no(format!("{}: {error}\n", path.display())),
    };
    let mut answer = Answer::default();
    for file in &files {
        settle(arguments, file, existing.as_deref(), &mut answer);
    }
    answer
}

/// Writes one file or tells about it.
fn settle(arguments: &Arguments, file: &GeneratedFile, existing: Option<&str>, answer: &mut Answer) {
    let name = &file.path;
    if existing == Some(&file.content) {
        if !arguments.diff {
            let _infallible = writeln!(answer.out, "unchanged {name}");
        }
        return;
    }
    if arguments.diff {
        let old = existing.unwrap_or_default();
        let from = if existing.is_some() { format!("a/{name}") } else { "/dev/null".to_owned() };
        let diff = similar::TextDiff::from_lines(old, &file.content);
        let _infallible = write!(answer.out, "{}", diff.unified_diff().header(&from, &format!("b/{name}")));
    }
    let mut refuse = |why: String| {
        answer.status = 1;
        let _infallible = writeln!(answer.err, "{why}");
    };
    if arguments.check {
        refuse(format!("{name} is not what .mergewright.yml says; run: mergewright generate"));
    } else if arguments.diff {
        // The difference was asked for, not the file.
    } else if existing.is_some_and(|text| !generator::is_generated(text)) && !arguments.force {
        refuse(format!(
            "{name} was not written by mergewright and is left as it is; compare with `mergewright generate --diff`, move your own jobs between the keep marks, then run: mergewright generate --force"
        ));
    } else if let Err(error) = fs::write(arguments.dir.join(name), &file.content) {
        refuse(format!("{} cannot be written: {error}", arguments.dir.join(name).display()));
    } else {
        let _infallible = writeln!(answer.out, "wrote {name}");
    }
}

/// The program's templates with those of `folder` in their place.
fn templates(folder: &Path) -> Result<Templates, String> {
    let mut templates = Templates::embedded();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        let failed = |error: io::Error| format!("templates: {} cannot be read: {error}\n", current.display());
        for entry in fs::read_dir(&current).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let name = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            let text = fs::read_to_string(&path)
                .map_err(|error| format!("templates: {} cannot be read: {error}\n", path.display()))?;
            templates.replace(&name, &text).map_err(|error| format!("templates: {error}\n"))?;
        }
    }
    Ok(templates)
}
