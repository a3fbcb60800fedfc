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

/// The templates, read once and ready to be rendered.
#[derive(Debug)]
pub(super) struct Renderer<'t>(Environment<'t>);

/// `.gitlab-ci.yml`.
pub(super) const GITLAB_PIPELINE: &str = "gitlab/pipeline.yml.j2";
/// The jobs of one model in a file of their own.
pub(super) const GITLAB_MODEL: &str = "gitlab/model.yml.j2";
/// A model's workflow.
pub(super) const GITHUB_WORKFLOW: &str = "github/workflow.yml.j2";
/// What lays files out for the upload.
pub(super) const GITHUB_STAGE: &str = "github/stage.sh.j2";
/// What fetches the identity tokens of a step's lines.
pub(super) const GITHUB_ID_TOKENS: &str = "github/id_tokens.sh.j2";
/// What proves the bytes in a job that has Python.
pub(super) const VERIFY_PYTHON: &str = "verify/python.sh.j2";
/// What proves the bytes in any other job.
pub(super) const VERIFY_CUSTOM: &str = "verify/custom.sh.j2";
/// What finds out which version is live.
pub(super) const VERIFY_LIVE: &str = "verify/live.sh.j2";

/// The program's own templates: those above, and the parts that they are made of.
const EMBEDDED: &[(&str, &str)] = &[
    (GITLAB_PIPELINE, include_str!("../../templates/gitlab/pipeline.yml.j2")),
    (GITLAB_MODEL, include_str!("../../templates/gitlab/model.yml.j2")),
    ("gitlab/job.yml.j2", include_str!("../../templates/gitlab/job.yml.j2")),
    ("gitlab/rules.yml.j2", include_str!("../../templates/gitlab/rules.yml.j2")),
    ("gitlab/environment.yml.j2", include_str!("../../templates/gitlab/environment.yml.j2")),
    ("gitlab/retry.yml.j2", include_str!("../../templates/gitlab/retry.yml.j2")),
    ("gitlab/cache.yml.j2", include_str!("../../templates/gitlab/cache.yml.j2")),
    ("gitlab/artifacts.yml.j2", include_str!("../../templates/gitlab/artifacts.yml.j2")),
    (GITHUB_WORKFLOW, include_str!("../../templates/github/workflow.yml.j2")),
    ("github/triggers.yml.j2", include_str!("../../templates/github/triggers.yml.j2")),
    ("github/job.yml.j2", include_str!("../../templates/github/job.yml.j2")),
    ("github/step.yml.j2", include_str!("../../templates/github/step.yml.j2")),
    (GITHUB_STAGE, include_str!("../../templates/github/stage.sh.j2")),
    (GITHUB_ID_TOKENS, include_str!("../../templates/github/id_tokens.sh.j2")),
    (VERIFY_PYTHON, include_str!("../../templates/verify/python.sh.j2")),
    (VERIFY_CUSTOM, include_str!("../../templates/verify/custom.sh.j2")),
    (VERIFY_LIVE, include_str!("../../templates/verify/live.sh.j2")),
];

impl Templates {
    /// The templates that the program brings.
    #[must_use]
    pub fn embedded() -> Self {
        Self(EMBEDDED.iter().map(|(name, text)| (*name, text.replace("\r\n", "\n"))).collect())
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
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| **known == name) {
            *old = text.replace("\r\n", "\n");
            return Ok(());
        }
        let score = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
        let nearest = self.names().max_by(|one, other| score(one).total_cmp(&score(other)));
        let remedy = match nearest.filter(|known| score(known) >= 0.6) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("there are: {}", self.names().collect::<Vec<_>>().join(", ")),
        };
        Err(GenerateError::UnknownTemplate { name: name.to_owned(), remedy })
    }

    /// Reads all templates.
    ///
    /// # Errors
    /// When one of them is no template.
    pub(super) fn renderer(&self) -> Result<Renderer<'_>, GenerateError> {
        let failed = |name: &str, error: &Error| failed(name, error);
        let mut environment = environment().map_err(|error| failed("", &error))?;
        for (name, text) in &self.0 {
            environment.add_template(name, text).map_err(|error| failed(name, &error))?;
        }
        Ok(Renderer(environment))
    }
}

impl Renderer<'_> {
    /// Renders one template.
    pub(super) fn render(&self, name: &str, context: impl Serialize) -> Result<String, GenerateError> {
        let render = || self.0.get_template(name)?.render(Value::from(Serde(context)));
        render().map_err(|error| failed(name, &error))
    }
}

/// The error with the template where it came up, which may be a part of the one that was asked for.
fn failed(name: &str, error: &Error) -> GenerateError {
    let mut innermost = error;
    while let Some(deeper) = std::error::Error::source(innermost).and_then(|source| source.downcast_ref()) {
        innermost = deeper;
    }
    let name = innermost.name().unwrap_or(name).to_owned();
    GenerateError::Template { name, why: describe(innermost) }
}

fn describe(error: &Error) -> String {
    match (error.detail(), error.line()) {
        (Some(detail), Some(line)) => format!("{detail} (line {line})"),
        _ => error.to_string(),
    }
}

fn environment<'t>() -> Result<Environment<'t>, Error> {
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
    environment.add_filter("id", |text: &str| match quoting::id(text) {
        Some(text) => Ok(Value::from_safe_string(text)),
        None => Err(Error::new(ErrorKind::InvalidOperation, format!("`{text}` is no name of a job"))),
    });
    environment.add_filter("key", |text: &str| match quoting::key(text) {
        Some(text) => Ok(Value::from_safe_string(text)),
        None => Err(Error::new(ErrorKind::InvalidOperation, format!("`{text}` is no name of a variable"))),
    });
    environment.add_filter("shell", |text: &str| Value::from_safe_string(quoting::shell(text)));
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
        templates.renderer()?.render(GITLAB_PIPELINE, context)
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
    fn an_error_names_the_part_where_it_came_up() {
        let mut templates = Templates::embedded();
        templates.replace(GITLAB_PIPELINE, "<% include \"gitlab/job.yml.j2\" %>").unwrap();
        templates.replace("gitlab/job.yml.j2", "one\n<{ nothing }>\n").unwrap();
        let error = templates.renderer().unwrap().render(GITLAB_PIPELINE, ()).unwrap_err().to_string();
        assert!(error.contains("the template gitlab/job.yml.j2 cannot"), "{error}");
        templates.replace("gitlab/job.yml.j2", "<% if %>").unwrap();
        let error = templates.renderer().unwrap_err().to_string();
        assert!(error.contains("the template gitlab/job.yml.j2 cannot"), "{error}");
    }

    #[test]
    fn only_templates_that_exist_are_replaced() {
        let error = Templates::embedded().replace("gitlab/pipline.yml.j2", "").unwrap_err().to_string();
        assert!(error.contains("did you mean `gitlab/pipeline.yml.j2`?"), "{error}");
        let error = Templates::embedded().replace("x", "").unwrap_err().to_string();
        assert!(error.contains("there are: github/id_tokens.sh.j2, "), "{error}");
    }
}
