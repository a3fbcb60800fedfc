//! The notes of a release.

use minijinja::{Environment, Error, context};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::domain::{Lineage, ModelName, Version, Waived};

/// Metrics shown in the notes; the rest stands in `lineage.json`.
const MOST_METRICS: usize = 200;

#[derive(Debug, Serialize)]
struct Number {
    name: String,
    value: String,
}

pub(super) fn render(
    templates: &Environment<'_>,
    model: &ModelName,
    version: &Version,
    lineage: &Lineage,
) -> Result<String, Error> {
    let number = |(name, value): (&String, &Decimal)| Number { name: name.clone(), value: value.to_string() };
    let waived = |waived: &Waived| {
        format!("`{}` ({}) was {}", waived.rule.replace('`', "'"), waived.verdict, waived.told())
    };
    let waivers: Vec<_> = lineage.waivers.iter().map(waived).collect();
    let metrics: Vec<_> = lineage.metrics.iter().take(MOST_METRICS).map(number).collect();
    templates.get_template("release")?.render(context! {
        model => model.as_str(),
        version => version.as_str(),
        merge_request => lineage.merge_request,
        author => lineage.author.as_str(),
        commit => lineage.commit.as_str(),
        model_digest => lineage.model_digest.to_string(),
        approved_by => lineage.approved_by.clone(),
        predecessor => lineage.predecessor.as_ref().map_or("none", |version| version.as_str()),
        dataset => lineage.dataset.as_ref().map_or("none", |dataset| dataset.as_str()),
        waivers => waivers,
        metrics_cut => lineage.metrics.len().saturating_sub(MOST_METRICS),
        metrics => minijinja::Value::from(minijinja::value::Serde(&metrics)),
    })
}
