//! The sticky comment: first the verdict, then what it rests on, as much as fits.

mod policy;
mod section;

use minijinja::{Environment, Error, Value, context};

use crate::domain::StickyReport;

use super::budget;

use section::Section;

/// How much of each thing is shown.
#[derive(Clone, Copy, Debug)]
struct Detail {
    /// Models.
    models: usize,
    /// Rules of one model.
    gates: usize,
    /// Reasons of one model.
    reasons: usize,
    /// Charts of one model.
    charts: usize,
    /// Failing tests of one model.
    tests: usize,
    /// Characters of a sentence or a name.
    words: usize,
    /// Characters of one log.
    log: usize,
    /// Metrics that no rule reads.
    others: usize,
    /// Keys of the policy, and names of what was changed of the evaluation.
    policy: usize,
    /// Remarks.
    notices: usize,
    /// Names and values of the lineage.
    lineage: usize,
    /// Characters of the excerpt of an invalid configuration.
    excerpt: usize,
}

/// From everything that a reader may want down to the verdict alone; the first that fits is taken.
const LADDER: [Detail; 5] = [
    Detail {
        models: 500,
        gates: 500,
        reasons: 50,
        charts: 3,
        tests: 50,
        words: 600,
        log: 20_000,
        others: 500,
        policy: 100,
        notices: 50,
        lineage: 50,
        excerpt: 30_000,
    },
    Detail {
        models: 500,
        gates: 200,
        reasons: 30,
        charts: 2,
        tests: 20,
        words: 400,
        log: 4_000,
        others: 50,
        policy: 30,
        notices: 20,
        lineage: 50,
        excerpt: 10_000,
    },
    Detail {
        models: 500,
        gates: 50,
        reasons: 20,
        charts: 1,
        tests: 10,
        words: 300,
        log: 1_000,
        others: 0,
        policy: 10,
        notices: 10,
        lineage: 20,
        excerpt: 4_000,
    },
    Detail {
        models: 200,
        gates: 20,
        reasons: 10,
        charts: 0,
        tests: 5,
        words: 200,
        log: 0,
        others: 0,
        policy: 5,
        notices: 5,
        lineage: 0,
        excerpt: 1_000,
    },
    Detail {
        models: 100,
        gates: 3,
        reasons: 3,
        charts: 0,
        tests: 0,
        words: 100,
        log: 0,
        others: 0,
        policy: 0,
        notices: 1,
        lineage: 0,
        excerpt: 300,
    },
];

/// What a page shows well: a longer comment is slow to draw and read by nobody, whatever a forge takes.
const READABLE: usize = 200_000;

pub(super) fn render(
    templates: &Environment<'_>,
    report: &StickyReport,
    limit: usize,
) -> Result<String, Error> {
    let limit = limit.min(READABLE);
    let [.., mut least] = LADDER;
    for detail in &LADDER {
        let text = write(templates, report, detail)?;
        if budget::length(&text) <= limit {
            return Ok(text);
        }
    }
    while least.models > 0 {
        least.models /= 2;
        let text = write(templates, report, &least)?;
        if budget::length(&text) <= limit {
            return Ok(text);
        }
    }
    // Not even the frame fits: no forge has such a limit, but none may be exceeded.
    let frame = write(templates, &StickyReport::default(), &least)?;
    Ok(budget::head(&frame, limit.saturating_sub(1)).0)
}

fn write(templates: &Environment<'_>, report: &StickyReport, detail: &Detail) -> Result<String, Error> {
    let sections: Vec<_> =
        report.models.iter().take(detail.models).map(|model| Section::new(model, detail)).collect();
    let models_cut = report.models.len() - sections.len();
    let invalid = report.invalid_configuration.as_ref().map(|text| excerpt(text, detail.excerpt));
    templates.get_template("report")?.render(context! {
        invalid => invalid.unwrap_or_else(|| Value::from(())),
        sections => Value::from(minijinja::value::Serde(&sections)),
        models_cut => models_cut,
    })
}

/// The beginning of an excerpt in whole lines, and how many lines are missing.
fn excerpt(text: &str, most: usize) -> Value {
    let (shown, cut) = budget::head(text.trim_end(), most);
    let missing = text.trim_end().lines().count().saturating_sub(shown.lines().count()).max(usize::from(cut));
    context! { text => shown, cut => missing }
}
