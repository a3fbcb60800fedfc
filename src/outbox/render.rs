//! Comments and release notes in words: `templates/comments`, with every foreign text escaped.

mod budget;
mod chart;
mod escape;
mod log;
mod proposal;
mod release;
mod reply;
mod report;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

use crate::domain::{CommentId, Lineage, ModelName, ProposalText, Reply, StickyReport, Version};

/// Writes comments.
#[derive(Clone, Debug)]
pub struct Renderer {
    templates: Environment<'static>,
}

/// As many whole lines of a comment of ours as fit, with everything closed that they open; of a single line
/// that is longer, its beginning.
pub(super) fn within(markdown: &str, most: usize) -> String {
    let lines = budget::lines(markdown, most);
    if lines.is_empty() { budget::head(markdown, most.saturating_sub(1)).0 } else { lines }
}

impl Renderer {
    /// The first line of the one sticky comment.
    pub const REPORT_MARKER: &'static str = StickyReport::MARKER;

    /// The first line of the answer to a comment.
    #[must_use]
    pub fn reply_marker(comment: CommentId) -> String {
        format!("<!-- mergewright:reply:{comment} -->")
    }

    /// The first line of the answer to a press.
    #[must_use]
    pub fn answer_marker(press: &str) -> String {
        format!("<!-- mergewright:press:{press} -->")
    }

    /// Reads the templates.
    ///
    /// # Errors
    /// When a template is broken.
    pub fn new() -> Result<Self, Error> {
        let mut templates = Environment::new();
        templates.set_syntax(
            SyntaxConfig::builder()
                .block_delimiters("<%", "%>")
                .variable_delimiters("<{", "}>")
                .comment_delimiters("<#", "#>")
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()?,
        );
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|_name| AutoEscape::Custom("markdown".into()));
        // What is not explicitly made safe by a filter below is foreign.
        templates.set_formatter(|out, _state, value| {
            let text = match value.kind() {
                ValueKind::String if !value.is_safe() => escape::prose(value.as_str().unwrap_or_default()),
                _ => value.to_string(),
            };
            out.write_str(&text).map_err(Error::from)
        });
        templates.add_filter("words", |text: String| Value::from_safe_string(escape::words(&text)));
        templates.add_filter("code", |text: String| Value::from_safe_string(escape::code(&text)));
        templates.add_filter("cell", |text: String| Value::from_safe_string(escape::cell_code(&text)));
        templates.add_filter("sentence", |text: String| Value::from_safe_string(escape::cell_words(&text)));
        // Only what is built of parts that cannot act: see `chart`.
        templates.add_filter("drawing", Value::from_safe_string);
        templates.add_filter("fence", |text: String| Value::from_safe_string(escape::fence(&text)));
        templates.add_template("report", include_str!("../../templates/comments/report.md"))?;
        templates.add_template("reply", include_str!("../../templates/comments/reply.md"))?;
        templates.add_template("onboarding", include_str!("../../templates/comments/onboarding.md"))?;
        templates.add_template("release", include_str!("../../templates/comments/release.md"))?;
        Ok(Self { templates })
    }

    /// The sticky comment, at most `limit` characters.
    ///
    /// # Errors
    /// When the template does not fit the report.
    pub fn report(&self, report: &StickyReport, limit: usize) -> Result<String, Error> {
        report::render(&self.templates, report, limit)
    }

    /// The answer to a comment, at most `limit` characters.
    ///
    /// # Errors
    /// When the template does not fit the answers.
    pub fn reply(&self, to: CommentId, reply: &Reply, limit: usize) -> Result<String, Error> {
        reply::render(&self.templates, &Self::reply_marker(to), reply, limit)
    }

    /// The answer to a press, at most `limit` characters.
    ///
    /// # Errors
    /// When the template does not fit the answers.
    pub fn answer(&self, press: &str, reply: &Reply, limit: usize) -> Result<String, Error> {
        reply::render(&self.templates, &Self::answer_marker(press), reply, limit)
    }

    /// A sentence of ours as Markdown; whatever foreign text it quotes does nothing in it.
    #[must_use]
    pub fn sentence(text: &str) -> String {
        escape::words(text)
    }

    /// What stands below the sentence of a check, at most `limit` characters.
    ///
    /// # Errors
    /// When the template does not fit the report.
    pub fn summary(&self, report: &StickyReport, limit: usize) -> Result<String, Error> {
        let comment = self.report(report, limit)?;
        // A comment is found again by its first line, a check by its number.
        let rest = comment.strip_prefix(Self::REPORT_MARKER).map(str::trim_start);
        Ok(rest.map_or_else(|| comment.clone(), str::to_owned))
    }

    /// The description of a merge request that we open.
    ///
    /// # Errors
    /// When the template does not fit what it tells.
    pub fn proposal(&self, text: &ProposalText) -> Result<String, Error> {
        proposal::render(&self.templates, text)
    }

    /// The notes of a release.
    ///
    /// # Errors
    /// When the template does not fit the lineage.
    pub fn release(&self, model: &ModelName, version: &Version, lineage: &Lineage) -> Result<String, Error> {
        release::render(&self.templates, model, version, lineage)
    }
}

#[cfg(test)]
mod tests;
