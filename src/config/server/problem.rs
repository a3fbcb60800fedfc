//! What is wrong with a configuration file, told all at once and without ever repeating a value that
//! might be a secret.

use std::fmt;
use std::path::PathBuf;

use super::read::is_key;
use super::tree::Place;

/// Everything that is wrong with the server's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfigError {
    file: PathBuf,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line and column from 1; none when the file itself cannot be read.
    pub place: Option<(u64, u64)>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
    excerpt: Option<Excerpt>,
}

/// The end of a line's beginning and the word that is wrong; the rest of the line is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    lead: String,
    word: String,
}

impl ServerConfigError {
    /// One problem with the file as a whole.
    pub(super) fn whole(file: PathBuf, what: String, remedy: &str) -> Self {
        let problem = Problem { place: None, what, remedy: remedy.to_owned(), excerpt: None };
        Self { file, problems: vec![problem] }
    }

    /// The problems in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ServerConfigError {}

impl fmt::Display for ServerConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some((line, column)) = problem.place {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": {}", problem.what)?;
            if let (Some(excerpt), Some((line, _))) = (&problem.excerpt, problem.place) {
                let number = line.to_string();
                let margin = " ".repeat(number.len());
                let indent = " ".repeat(excerpt.lead.chars().count());
                let marks = "^".repeat(excerpt.word.chars().count().max(1));
                let shown = format!("{}{}", excerpt.lead, excerpt.word);
                write!(f, "\n  {number} | {}\n  {margin} | {indent}{marks}", shown.trim_end())?;
            }
            if !problem.remedy.is_empty() {
                write!(f, "\n  {}", problem.remedy)?;
            }
        }
        Ok(())
    }
}

/// Collects problems while a file is read.
pub(super) struct Problems<'t> {
    text: &'t str,
    list: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, list: Vec::new() }
    }

    /// Adds a problem; `word` is shown in the excerpt and must not be a secret.
    pub(super) fn add(
        &mut self,
        place: Place,
        word: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let excerpt = Some(Excerpt { lead: self.lead(place), word: word.chars().take(60).collect() });
        self.list.push(Problem {
            place: Some((place.line, place.column)),
            what: what.into(),
            remedy: remedy.into(),
            excerpt,
        });
    }

    /// What stands before the place on its line: spaces, dashes and one of our keys; anything else
    /// might be a secret and becomes an ellipsis.
    fn lead(&self, place: Place) -> String {
        let count = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        let line = self.text.lines().nth(count(place.line)).unwrap_or_default();
        let before: String = line.chars().take(count(place.column)).collect();
        let bare = before.trim_start_matches([' ', '-']);
        if bare.is_empty() || bare.trim_end().strip_suffix(':').is_some_and(is_key) {
            return before;
        }
        let word =
            bare.trim_end().strip_suffix(':').and_then(|rest| rest.rsplit([' ', '{', ',', '[']).next());
        match word {
            Some(key) if is_key(key) => format!("… {key}: "),
            _ => "… ".to_owned(),
        }
    }

    /// The file's verdict: all problems in the order of the file, or the value.
    pub(super) fn verdict<T>(mut self, file: PathBuf, value: Option<T>) -> Result<T, ServerConfigError> {
        self.list.sort_by_key(|problem| problem.place);
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ if self.list.is_empty() => Err(ServerConfigError::whole(
                file,
                "the configuration is incomplete".to_owned(),
                "compare it with the example in the documentation",
            )),
            _ => Err(ServerConfigError { file, problems: self.list }),
        }
    }
}
