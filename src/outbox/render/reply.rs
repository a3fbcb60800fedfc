//! The one answer to a comment, or to a press.

use minijinja::{Environment, Error, Value, context};

use crate::domain::{Answer, Reply};

use super::budget;
use super::log::Log;

/// The longest single sentence or line of an answer, in characters.
const MOST_WORDS: usize = 2_000;
/// The most rows of a table.
const MOST_ROWS: usize = 200;
/// The longest cell of a table, in characters.
const MOST_CELL: usize = 200;
/// The longest cell that holds a sentence, in characters.
const MOST_SENTENCE: usize = 1_200;
/// The most that is shown of a log, in characters.
const MOST_LOG: usize = 4_000;

pub(super) fn render(
    templates: &Environment<'_>,
    marker: &str,
    reply: &Reply,
    limit: usize,
) -> Result<String, Error> {
    let template = templates.get_template("reply")?;
    let write = |shown: usize, each: usize| {
        let answers: Vec<_> = reply.answers.iter().take(shown).map(|answer| value(answer, each)).collect();
        let answers_cut = reply.answers.len() - shown;
        template.render(context! { marker => Value::from_safe_string(marker.to_owned()), answers => answers, answers_cut => answers_cut })
    };
    let mut shown = reply.answers.len();
    loop {
        // What the frame around the answers needs is taken off before each gets its share.
        for part in
            [1, shown.max(1), shown.max(1) * 2, shown.max(1) * 8, shown.max(1) * 32, shown.max(1) * 128]
        {
            let text = write(shown, limit / part)?;
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
        Answer::Sheet { sheet } => {
            let shown = sheet.rows.len().min(MOST_ROWS.min(most / 40));
            let longest = if sheet.sentences { MOST_SENTENCE } else { MOST_CELL };
            let row = |row: &Vec<String>| row.iter().map(|cell| budget::head(cell, longest).0).collect();
            let rows: Vec<Vec<String>> = sheet.rows.iter().take(shown).map(row).collect();
            let log = sheet.log.as_ref().map(|log| Log::new(log, MOST_LOG.min(most / 4).max(1)));
            context! {
                kind => "sheet", title => words(&sheet.title),
                notes => sheet.notes.iter().take((most / 100).max(3)).map(words).collect::<Vec<_>>(),
                sentences => sheet.sentences,
                columns => sheet.columns.clone(), rows => rows,
                rows_cut => sheet.rows.len() - shown,
                log => log.map_or_else(|| Value::from(()), |log| Value::from(minijinja::value::Serde(&log))),
            }
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
