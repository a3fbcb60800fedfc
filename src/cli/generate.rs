//! `mergewright generate`: writes the CI files, or says how they differ.

mod forges;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Answer;
use super::check::load;
use crate::config::repository::FILE_NAME;
use crate::generator::{self, Dialect, Existing, GenerateError, GeneratedFile, Templates};

/// For which forge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forges {
    /// That of the files we wrote before, else that of the remote, else that of other CI files, else both.
    #[default]
    Detected,
    /// GitLab alone.
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
    /// Also replace a file that we did not write, and remove one in which people wrote lines of their own.
    pub force: bool,
}

/// Writes the CI files of a repository, or says how they differ.
#[must_use]
pub fn generate(arguments: &Arguments) -> Answer {
    let config = match load(&arguments.dir) {
        Ok(config) => config,
        Err(failure) => return failure.into_answer(),
    };
    let templates = match arguments.templates.as_deref().map_or_else(|| Ok(Templates::embedded()), templates)
    {
        Ok(templates) => templates,
        Err(why) => return Answer::usage(why),
    };
    // Everything is known before the first file is touched.
    let mut plans = Vec::new();
    for dialect in forges::chosen(arguments.forges, &arguments.dir) {
        let existing = match existing(&arguments.dir, dialect) {
            Ok(existing) => existing,
            Err(why) => return Answer::no(why),
        };
        match generator::generate_with(&config, dialect, &existing, &templates) {
            Ok(files) => plans.push((dialect, files, existing)),
            Err(error @ (GenerateError::Template { .. } | GenerateError::UnknownTemplate { .. })) => {
                return Answer::usage(format!("{error}\n"));
            }
            Err(error @ GenerateError::InFile { .. }) => return Answer::no(format!("{error}\n")),
            Err(error) => return Answer::no(format!("{FILE_NAME}: {error}\n")),
        }
    }
    let mut answer = Answer::default();
    for (dialect, files, existing) in &plans {
        for file in files {
            settle(arguments, file, existing.get(&file.path).map(String::as_str), &mut answer);
        }
        for path in generator::stale(*dialect, files, existing) {
            let old = existing.get(path).map(String::as_str).unwrap_or_default();
            remove(arguments, path, old, &mut answer);
        }
    }
    answer
}

/// The files that lie where the dialect writes, with the line ends that we write.
fn existing(dir: &Path, dialect: Dialect) -> Result<Existing, String> {
    let mut found = Existing::new();
    for folder in dialect.folders() {
        let place = dir.join(folder);
        let unreadable = |error: io::Error| format!("{} cannot be read: {error}\n", place.display());
        let entries = match fs::read_dir(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(unreadable)?,
        };
        for entry in entries {
            let name = entry.map_err(unreadable)?.file_name();
            let path = format!("{folder}{}", name.to_string_lossy());
            if dialect.writes(&path) {
                let text = fs::read_to_string(dir.join(&path))
                    .map_err(|error| format!("{} cannot be read: {error}\n", dir.join(&path).display()))?;
                found.insert(path, text.replace("\r\n", "\n"));
            }
        }
    }
    Ok(found)
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
        let from = if existing.is_some() { format!("a/{name}") } else { "/dev/null".to_owned() };
        show(answer, (&from, existing.unwrap_or_default()), (&format!("b/{name}"), &file.content));
    }
    let path = arguments.dir.join(name);
    if arguments.check {
        refuse(answer, &format!("{name} is not what {FILE_NAME} says; run: mergewright generate"));
    } else if arguments.diff {
        // The difference was asked for, not the file.
    } else if existing.is_some_and(|text| !generator::is_generated(text)) && !arguments.force {
        refuse(
            answer,
            &format!(
                "{name} was not written by mergewright and is left as it is; compare with `mergewright generate --diff`, move your own jobs between the keep marks, then run: mergewright generate --force"
            ),
        );
    } else if let Err(error) = write(&path, &file.content) {
        refuse(answer, &format!("{} cannot be written: {error}", path.display()));
    } else {
        let _infallible = writeln!(answer.out, "wrote {name}");
    }
}

/// Removes a file whose model is gone, or tells about it.
fn remove(arguments: &Arguments, name: &str, old: &str, answer: &mut Answer) {
    if arguments.diff {
        show(answer, (&format!("a/{name}"), old), ("/dev/null", ""));
    }
    let path = arguments.dir.join(name);
    if arguments.check {
        refuse(answer, &format!("{name} belongs to no model of {FILE_NAME}; run: mergewright generate"));
    } else if arguments.diff {
        // The difference was asked for.
    } else if let Some(block) = generator::kept_lines(old).filter(|_| !arguments.force) {
        refuse(
            answer,
            &format!(
                "{name} belongs to no model of {FILE_NAME}, but lines of your own stand in it (`{block}`) and are left as they are; move them elsewhere, then run: mergewright generate --force"
            ),
        );
    } else if let Err(error) = fs::remove_file(&path) {
        refuse(answer, &format!("{} cannot be removed: {error}", path.display()));
    } else {
        let _infallible = writeln!(answer.out, "removed {name}");
    }
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}

/// Prints the difference between two texts with these names.
fn show(answer: &mut Answer, (from, old): (&str, &str), (to, new): (&str, &str)) {
    let diff = similar::TextDiff::from_lines(old, new);
    let _infallible = write!(answer.out, "{}", diff.unified_diff().header(from, to));
}

fn refuse(answer: &mut Answer, why: &str) {
    answer.status = 1;
    answer.err.push_str(why);
    answer.err.push('\n');
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
