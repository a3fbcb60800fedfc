//! The templates, and what they may do with a value.
//!
//! Delimiters are our own, because `{{ }}`, `${{ }}`, `$[[ ]]` and here-documents belong to the
//! files that are written. A value that a template prints is quoted unless a filter has already
//! made it safe, and one that is not there is an error.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use serde::Serialize;

use super::{GenerateError, quoting};

/// The templates by name.
#[derive(Clone, Debug)]
pub struct Templates(BTreeMap<&'static str, String>);

/// The template of `.gitlab-ci.yml`.
pub(super) const GITLAB_PIPELINE: &str = "gitlab/pipeline.yml.j2";
/// The template of a model's workflow.
pub(super) const GITHUB_WORKFLOW: &str = "github/workflow.yml.j2";
/// What lays files out for the upload.
pub(super) const GITHUB_STAGE: &str = "github/stage.sh.j2";
/// What proves the bytes in a job that has Python.
pub(super) const VERIFY_PYTHON: &str = "verify/python.sh.j2";
/// What proves the bytes in any other job.
pub(super) const VERIFY_CUSTOM: &str = "verify/custom.sh.j2";

impl Templates {
    /// The templates that the program brings.
    #[must_use]
    pub fn embedded() -> Self {
        Self(BTreeMap::from(
            [
                (GITLAB_PIPELINE, include_str!("../../templates/gitlab/pipeline.yml.j2")),
                (GITHUB_WORKFLOW, include_str!("../../templates/github/workflow.yml.j2")),
                (GITHUB_STAGE, include_str!("../../templates/github/stage.sh.j2")),
                (VERIFY_PYTHON, include_str!("../../templates/verify/python.sh.j2")),
                (VERIFY_CUSTOM, include_str!("../../templates/verify/custom.sh.j2")),
            ]
            .map(|(name, text)| (name, text.replace("\r\n", "\n"))),
        ))
    }

    /// The names of all templates, such as `gitlab/pipeline.yml.j2`.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }

    /// Puts another text in the place of the template `name`.
    ///
    /// # Errors
    /// When there is no template of that name: its text would be read by nothing.
    pub fn replace(&mut self, name: &str, text: &str) -> Result<(), GenerateError> {
        match self.0.iter_mut().find(|(known, _)| **known == name) {
            Some((_, old)) => {
                *old = text.replace("\r\n", "\n");
                Ok(())
            }
            None => {
                let known = self.names().collect::<Vec<_>>().join(", ");
                Err(GenerateError::UnknownTemplate { name: name.to_owned(), known })
            }
        }
    }

    /// Renders one template.
    pub(super) fn render(&self, name: &str, context: impl Serialize) -> Result<String, GenerateError> {
        let failed = |error: &Error| GenerateError::Template { name: name.to_owned(), why: describe(error) };
        let text = self.0.get(name).map(String::as_str).unwrap_or_default();
        let environment = environment().map_err(|error| failed(&error))?;
        environment.render_named_str(name, text, Value::from(Serde(context))).map_err(|error| failed(&error))
    }
}

fn describe(error: &Error) -> String {
    match (error.detail(), error.line()) {
        (Some(detail), Some(line)) => format!("{detail} (line {line})"),
        _ => error.to_string(),
    }
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .block_delimiters("<%", "%>")
            .variable_delimiters("<{", "}>")
            .comment_delimiters("<#", "#>")
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()?,
    );
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_name| AutoEscape::None);
    environment.set_formatter(|out, _state, value| {
        let unprintable =
            |what: &str| Err(Error::new(ErrorKind::InvalidOperation, format!("{what} cannot be printed")));
        match (value.kind(), value.as_str()) {
            (ValueKind::Undefined, _) => Err(Error::from(ErrorKind::UndefinedError)),
            (_, Some(text)) if value.is_safe() => out.write_str(text).map_err(Error::from),
            (_, Some(text)) => out.write_str(&quoting::quoted(text)).map_err(Error::from),
            (ValueKind::Bool, _) => write!(out, "{}", value.is_true()).map_err(Error::from),
            (ValueKind::Number, _) => write!(out, "{value}").map_err(Error::from),
            (kind, _) => unprintable(&kind.to_string()),
        }
    });
    environment.add_filter("block", |text: &str, indent: usize| {
        Value::from_safe_string(quoting::block(text, indent))
    });
    environment.add_filter("word", |text: &str| match quoting::word(text) {
        Some(word) => Ok(Value::from_safe_string(word.to_owned())),
        None => Err(Error::new(ErrorKind::InvalidOperation, format!("`{text}` is no plain word"))),
    });
    environment.add_filter("plain", |text: &str| match quoting::plain(text) {
        Some(text) => Ok(Value::from_safe_string(text.to_owned())),
        None => Err(Error::new(ErrorKind::InvalidOperation, format!("`{text}` is not plain"))),
    });
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str, context: impl Serialize) -> Result<String, GenerateError> {
        let mut templates = Templates::embedded();
        templates.replace(GITLAB_PIPELINE, text).unwrap();
        templates.render(GITLAB_PIPELINE, context)
    }

    #[test]
    fn a_printed_value_is_quoted_without_being_asked() {
        let context = BTreeMap::from([("a", "x: \"y\" # z")]);
        assert_eq!(render("k: <{ a }>\n", &context).unwrap(), "k: 'x: \"y\" # z'\n");
    }

    #[test]
    fn the_languages_of_the_forges_pass_through() {
        let text = "a: ${{ secrets.X }} $[[ inputs.y ]] {{ z }} {% w %} <<EOF\n$(( 1 << 2 ))\nEOF\n";
        assert_eq!(render(text, ()).unwrap(), text);
    }

    #[test]
    fn a_missing_value_is_an_error_and_no_empty_text() {
        let shown = render("one\n<{ nothing }>\n", ()).unwrap_err().to_string();
        assert!(shown.contains("gitlab/pipeline.yml.j2") && shown.contains("undefined"), "{shown}");
        assert!(render("<{ a.b }>", BTreeMap::from([("a", BTreeMap::<&str, &str>::new())])).is_err());
        assert!(
            render("<{ a }>", BTreeMap::from([("a", vec![1])])).is_err(),
            "a list has no form of its own"
        );
    }

    #[test]
    fn only_templates_that_exist_are_replaced() {
        let error = Templates::embedded().replace("gitlab/pipline.yml.j2", "").unwrap_err().to_string();
        assert!(error.contains("gitlab/pipeline.yml.j2"), "{error}");
    }
}
