//! The one answer to a comment.

use minijinja::{Environment, Error, Value, context};

use crate::domain::{Answer, CommentId, Reply};

use super::budget;

/// The longest single sentence or line of an answer, in characters.
const MOST_WORDS: usize = 2_000;

pub(super) fn render(
    templates: &Environment<'_>,
    to: CommentId,
    reply: &Reply,
    limit: usize,
) -> Result<String, Error> {
    let template = templates.get_template("reply")?;
    let write = |shown: usize, each: usize| {
        let answers: Vec<_> = reply.answers.iter().take(shown).map(|answer| value(answer, each)).collect();
        let answers_cut = reply.answers.len() - shown;
        template.render(context! { comment => to.0, answers => answers, answers_cut => answers_cut })
    };
    let mut shown = reply.answers.len();
    loop {
        // What the frame around the answers needs is taken off before each gets its share.
        for share in [limit, limit / shown.max(1), limit / shown.max(1) / 2, limit / shown.max(1) / 8] {
            let text = write(shown, share)?;
            if budget::length(&text) <= limit {
                return Ok(text);
            }
        }
        if shown == 0 {
            return Ok(budget::head(&write(0, 0)?, limit.saturating_sub(1)).0);
        }
        shown /= 2;
    }
}

fn value(answer: &Answer, most: usize) -> Value {
    let words = |text: &String| budget::head(text, MOST_WORDS.min(most)).0;
    match answer {
        Answer::Text { markdown } => {
            context! { kind => "text", markdown => Value::from_safe_string(budget::lines(markdown.trim_end(), most)) }
        }
        Answer::Refused { command, rule, message, remedy } => context! {
            kind => "refused", command => words(command), rule => words(rule),
            message => words(message), remedy => words(remedy),
        },
        Answer::Misunderstood { command, message, usage } => context! {
            kind => "misunderstood", command => words(command), message => words(message), usage => words(usage),
        },
        Answer::NotRun { command } => context! { kind => "not_run", command => words(command) },
    }
}
