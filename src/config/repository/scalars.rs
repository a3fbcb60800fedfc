//! The small notations: durations, tolerances, paths, globs, names, times.

use std::time::Duration;

use rust_decimal::Decimal;

use super::reader::{Entry, Field, cut, exact};
use super::secrets;
use super::shape::Shape;
use crate::config::valid::Tolerance;
use crate::domain::ModelName;

/// How the names of the variables begin that the bot gives to jobs.
pub(super) const OWN_VARIABLES: &str = "MERGEWRIGHT_";
/// The longest duration that makes sense anywhere.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl<'a> Field<'a> {
    /// A length of time such as `20m`, `1h30m` or `14d`.
    pub(super) fn duration(&self) -> Option<Duration> {
        let text = self.text()?;
        let duration = read_duration(text).filter(|length| !length.is_zero() && *length <= LONGEST);
        if duration.is_none() {
            let what = format!("is no length of time: `{}`", cut(text));
            self.refuse(&what, "write days, hours, minutes and seconds like `20m`, `1h30m` or `14d`");
        }
        duration
    }

    /// How much may be lost: `0.01`, `10%` or `2pp`.
    pub(super) fn tolerance(&self) -> Option<Tolerance> {
        type Make = fn(Decimal) -> Tolerance;
        let units: [(&str, Make); 2] = [("%", Tolerance::Percent), ("pp", Tolerance::Points)];
        let written = match &self.node.value {
            super::raw::Value::Text { text, plain } => units
                .iter()
                .find_map(|(unit, make)| exact(text.strip_suffix(unit)?).map(make))
                .or_else(|| plain.then(|| exact(text).map(Tolerance::Absolute)).flatten()),
            _ => None,
        };
        let negative = match &written {
            Some(Tolerance::Absolute(size)) => size.is_sign_negative() && !size.is_zero(),
            // `-0%` is a text, not a number that could be a nought with a sign.
            Some(Tolerance::Percent(_) | Tolerance::Points(_)) => {
                matches!(&self.node.value, super::raw::Value::Text { text, .. } if text.starts_with('-'))
            }
            None => return self.expected("a number (0.01), percent (10%) or percentage points (2pp)"),
        };
        if negative {
            self.refuse("is negative", "write how much may be lost, as a number from 0");
        }
        written.filter(|_| !negative)
    }

    /// A path inside the repository, in its shortest form; `.` is the folder itself.
    pub(super) fn relative_path(&self) -> Option<String> {
        let text = self.line()?;
        let escapes =
            text.starts_with(['/', '~']) || text.split('/').any(|part| part == ".." || part == ".git");
        if escapes {
            self.refuse(
                "leads out of the repository",
                "write a path below it, without `..` or a leading `/`",
            );
            return None;
        }
        if let Some(bad) = text.chars().find(|c| matches!(c, '$' | '\\' | '*' | '?' | '[' | ']' | '{' | '}'))
        {
            self.refuse(
                &format!("has the character `{bad}`, which shells and forges read as more than itself"),
                "rename the file",
            );
            return None;
        }
        Some(shortest(text))
    }

    /// A glob of paths inside the repository.
    pub(super) fn glob(&self) -> Option<String> {
        let text = self.line()?;
        if text.starts_with('/') || text.split('/').any(|part| part == "..") {
            self.refuse(
                "leads out of the repository",
                "write a pattern below it, without `..` or a leading `/`",
            );
            return None;
        }
        if text.starts_with('!') {
            self.refuse("begins with `!`, and nothing is left out here", "name what belongs to it");
            return None;
        }
        if text.contains(['$', '\\']) {
            self.refuse("has a `$` or `\\`, which forges read as more than itself", "use `?` in its place");
            return None;
        }
        match globset::GlobBuilder::new(text).literal_separator(true).build() {
            Ok(_) => Some(shortest(text)),
            Err(error) => {
                let remedy = "`*` stays in a folder, `**` crosses folders, `{a,b}` is a choice";
                self.refuse(&format!("is no glob: {}", error.kind()), remedy);
                None
            }
        }
    }

    /// Names of secrets, each of them declared where `declared` is given. A value that looks like a
    /// secret is refused and never repeated.
    pub(super) fn secret_names(&self, declared: Option<&[String]>) -> Vec<String> {
        let remedy = "store the value in the forge's CI variables and write only the variable's name here";
        if !matches!(self.node.value, super::raw::Value::List(_)) {
            self.sink.hide(self.node.place);
            self.expected::<()>("a list of names");
            return Vec::new();
        }
        let mut names: Vec<String> = Vec::new();
        for item in self.items() {
            let super::raw::Value::Text { text, .. } = &item.node.value else {
                self.sink.hide(item.node.place);
                item.expected::<()>("the name of a secret");
                continue;
            };
            if !secrets::is_name(text) || item.is_no_text() {
                self.sink.hide(item.node.place);
                item.refuse("is not the name of a secret; it may be one itself", remedy);
            } else if text.starts_with(OWN_VARIABLES) {
                item.refuse(
                    &format!("begins with `{OWN_VARIABLES}`, as the bot's own variables do"),
                    "rename it",
                );
            } else if names.contains(text) {
                item.refuse("is listed twice", "keep one of the two");
            } else if declared.is_some_and(|declared| !declared.contains(text)) {
                let known: Vec<&str> = declared.unwrap_or_default().iter().map(String::as_str).collect();
                let meant = self.sink.nearest(text, &known);
                let remedy = match meant {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => "add it to `secrets` at the top of the file".to_owned(),
                };
                // What is neither written like a variable nor like a declared name may be the secret itself.
                if meant.is_none() && !secrets::is_variable(text) {
                    self.sink.hide(item.node.place);
                    item.refuse("names a secret that is not declared; it may be one itself", remedy);
                } else {
                    item.refuse(&format!("names the secret `{}`, which is not declared", cut(text)), remedy);
                }
            } else {
                names.push(text.clone());
            }
        }
        names
    }

    /// Texts, each on one line.
    pub(super) fn lines(&self) -> Vec<String> {
        self.items().iter().filter_map(|item| item.line().map(str::to_owned)).collect()
    }

    /// Shell lines; one item may hold several.
    pub(super) fn scripts(&self) -> Vec<String> {
        let mut scripts = Vec::new();
        for item in self.items() {
            let Some(text) = item.text() else { continue };
            if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                item.refuse("has an invisible character", "remove it");
            } else {
                scripts.push(text.to_owned());
            }
        }
        scripts
    }
}

impl Field<'_> {
    /// Whether the names of the entries can be used; those that cannot are told.
    pub(super) fn sound_name(&self, entry: &Entry<'_>) -> bool {
        let Shape::Named(names) = self.shape else { return false };
        let why = if entry.name.parse::<ModelName>().is_err() {
            "expected 1 to 63 lower-case letters, digits and inner hyphens"
        } else if names.reserved.iter().any(|words| words.contains(&entry.name)) {
            "commands or jobs use the word"
        } else {
            return true;
        };
        let message = format!("`{}` cannot be the name of {}: {why}", cut(entry.name), article(names.of));
        self.sink.report(entry.place, message, "choose another name");
        false
    }
}

fn article(what: &str) -> String {
    if what.starts_with(['a', 'e', 'i', 'o', 'u']) { format!("an {what}") } else { format!("a {what}") }
}

/// `./a//b/` as `a/b`.
fn shortest(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Days, hours, minutes, seconds; each unit once, the larger first.
fn read_duration(text: &str) -> Option<Duration> {
    let units = [('d', 86_400_u64), ('h', 3_600), ('m', 60), ('s', 1)];
    let (mut rest, mut next, mut seconds) = (text, 0, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit = tail.chars().next()?;
        let position =
            units.iter().position(|(letter, _)| *letter == unit).filter(|position| *position >= next)?;
        let (_, size) = units.get(position)?;
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        next = position + 1;
        rest = tail.get(1..)?;
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, seconds) in
            [("20m", 1200), ("1h30m", 5400), ("14d", 1_209_600), ("90s", 90), ("1d2h3m4s", 93_784)]
        {
            assert_eq!(read_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["20", "m", "1.5h", "30m1h", "1h1h", "-1m", "1 h", "20m ", "99999999999999999999d", "1w"]
        {
            assert_eq!(read_duration(text), None, "{text}");
        }
    }

    #[test]
    fn paths_take_their_shortest_form() {
        for (text, shortest_form) in [("./a//b/", "a/b"), (".", "."), ("", "."), ("a", "a"), ("a/./b", "a/b")]
        {
            assert_eq!(shortest(text), shortest_form, "{text}");
        }
    }
}
