//! What is wrong with a file: collected in one run, shown with place, excerpt and remedy.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use super::reader::nearest;
use super::secrets;

/// The most problems that are shown; a file with more of them is something else altogether.
const SHOWN: usize = 50;
/// The most problems for which the word that was meant is looked for: each look compares with every
/// known word, and the known words may be thousands of names in a hostile file.
const GUESSED: usize = SHOWN;
/// The most characters of a line that an excerpt shows.
const EXCERPT_WIDTH: usize = 100;

/// Where something stands in the file, in characters; lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) end_line: u32,
    pub(super) end_column: u32,
}

impl Place {
    /// The first character of the file.
    pub(super) const START: Self = Self { line: 1, column: 1, end_line: 1, end_column: 1 };

    /// The character that begins at a byte of a text with `\n` between its lines.
    pub(super) fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or_default();
        let (lines, last) = (before.matches('\n').count(), before.rsplit('\n').next().unwrap_or_default());
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        let (line, column) = (small(lines), small(last.chars().count()));
        Self { line, column, end_line: line, end_column: column.saturating_add(1) }
    }

    /// The same, or the end of the last line where it lies behind it.
    fn within(self, lines: &[&str]) -> Self {
        let last = u32::try_from(lines.len()).unwrap_or(u32::MAX).max(1);
        if self.line <= last {
            return Self { end_line: self.end_line.min(last), ..self };
        }
        let width = lines.last().map_or(0, |line| line.chars().count());
        let column = u32::try_from(width).unwrap_or(u32::MAX).saturating_add(1);
        Self { line: last, column, end_line: last, end_column: column.saturating_add(1) }
    }
}

/// One problem of a `.mergewright.yml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The line with a caret under the place, secrets starred out; none where there is no such line, and
    /// where there are so many problems that this one is not shown.
    pub excerpt: Option<String>,
}

/// Everything that is wrong with a `.mergewright.yml`, in the order of the file; never empty.
///
/// Its text is what `check` prints and what a merge request shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    file: String,
    found: Vec<Problem>,
}

impl Problems {
    /// A file that cannot even be looked into from `place` on.
    pub(super) fn unreadable(place: Place, message: &str, remedy: &str) -> Self {
        let problem = Problem {
            line: place.line,
            column: place.column,
            message: message.to_owned(),
            remedy: remedy.to_owned(),
            excerpt: None,
        };
        Self { file: ".mergewright.yml".to_owned(), found: vec![problem] }
    }

    /// The same problems under the name by which somebody called the file.
    #[must_use]
    pub fn named(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }

    /// Each problem.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.found.iter().take(SHOWN).enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{}:{}:{}: {}", self.file, problem.line, problem.column, problem.message)?;
            if let Some(excerpt) = &problem.excerpt {
                write!(f, "\n{excerpt}")?;
            }
            write!(f, "\n  = {}", problem.remedy)?;
        }
        match self.found.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n\n… and {more} more problems"),
        }
    }
}

/// Collects problems while the file is read.
#[derive(Debug, Default)]
pub(super) struct Sink {
    found: RefCell<Vec<(Place, String, String)>>,
    told: RefCell<BTreeSet<(Place, String)>>,
    hidden: RefCell<Vec<Place>>,
    shared: RefCell<Option<Place>>,
}

impl Sink {
    /// Notes one problem; of what several models share, each once and not for every model.
    pub(super) fn report(&self, place: Place, message: String, remedy: impl Into<String>) {
        let inside = |shared: &Place| {
            let (from, to) = ((shared.line, shared.column), (shared.end_line, shared.end_column));
            (from..to).contains(&(place.line, place.column))
        };
        let shared = self.shared.borrow().as_ref().is_some_and(inside);
        let told = if shared { of_any_model(&message) } else { message.clone() };
        if self.told.borrow_mut().insert((place, told)) {
            self.found.borrow_mut().push((place, message, remedy.into()));
        }
    }

    /// What stands at `place` is read once for every model.
    pub(super) fn share(&self, place: Place) {
        *self.shared.borrow_mut() = Some(place);
    }

    /// Keeps what stands at `place` out of every excerpt.
    pub(super) fn hide(&self, place: Place) {
        self.hidden.borrow_mut().push(place);
    }

    /// The lines of which something is kept out of every excerpt.
    pub(super) fn hidden_lines(&self) -> BTreeSet<u32> {
        self.hidden.borrow().iter().flat_map(|place| place.line..=place.end_line).collect()
    }

    /// The word that was probably meant by `text`.
    pub(super) fn nearest<'w>(&self, text: &str, words: &[&'w str]) -> Option<&'w str> {
        if self.found.borrow().len() < GUESSED { nearest(text, words) } else { None }
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The problems with excerpts of `text`.
    pub(super) fn judge(self, text: &str) -> Problems {
        let hidden = self.hidden.into_inner();
        let mut found = self.found.into_inner();
        let lines: Vec<&str> = text.lines().collect();
        for (place, ..) in &mut found {
            *place = place.within(&lines);
        }
        found.sort_by_key(|(place, ..)| *place);
        let show = |(index, (place, message, remedy)): (usize, (Place, String, String))| {
            let source = usize::try_from(place.line).ok().and_then(|line| lines.get(line.checked_sub(1)?));
            // What is not shown needs no excerpt: thousands of problems may stand on one long line.
            let source = source.filter(|_line| index < SHOWN);
            let excerpt = source.map(|line| excerpt(line, place, &hidden));
            Problem { line: place.line, column: place.column, message, remedy, excerpt }
        };
        let found = found.into_iter().enumerate().map(show).collect();
        Problems { file: ".mergewright.yml".to_owned(), found }
    }
}

/// A message about `defaults` or about what they mean for a model, without the model's name.
fn of_any_model(message: &str) -> String {
    let mut parts = message.split('`');
    let mut same = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let below = |path: &'_ str| path.split_once('.').map(|(_name, below)| below.to_owned());
        let path = match (part.strip_prefix("models."), part.strip_prefix("defaults.")) {
            (Some(path), _) => below(path).unwrap_or_default(),
            (None, Some(path)) => path.to_owned(),
            (None, None) if part == "defaults" => String::new(),
            (None, None) => part.to_owned(),
        };
        same.push('`');
        same.push_str(&path);
    }
    same
}

/// The line with a caret under the place; secrets are starred out, long lines cut around the place.
fn excerpt(line: &str, place: Place, hidden: &[Place]) -> String {
    let mut letters: Vec<char> =
        secrets::masked(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    for secret in hidden.iter().filter(|secret| (secret.line..=secret.end_line).contains(&place.line)) {
        let from = if secret.line == place.line { secret.column } else { 1 };
        let to = if secret.end_line == place.line { secret.end_column } else { u32::MAX };
        for letter in letters.iter_mut().take(index(to)).skip(index(from)) {
            *letter = '*';
        }
    }
    let column = index(place.column).min(letters.len());
    let end = if place.end_line == place.line { index(place.end_column) } else { letters.len() };
    let first = if letters.len() > EXCERPT_WIDTH { column.saturating_sub(EXCERPT_WIDTH / 2) } else { 0 };
    let shown: String = letters.iter().skip(first).take(EXCERPT_WIDTH).collect();
    let width = end.saturating_sub(column).clamp(1, (EXCERPT_WIDTH + first).saturating_sub(column).max(1));
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let cut = if first > 0 { "…" } else { "" };
    let under = " ".repeat(column - first + cut.chars().count()) + &"^".repeat(width);
    format!(" {margin} |\n {number} | {cut}{}\n {margin} | {under}", shown.trim_end())
}

/// A column as an index into the line.
fn index(column: u32) -> usize {
    usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1)
}
