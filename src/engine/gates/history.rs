//! The judged metrics over the versions that were published before.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::config::valid::{Direction, Rule};
use crate::domain::{Chart, Judged, VersionRecord};

use super::{Sides, measured};

/// The most metrics that are drawn.
const MOST_CHARTS: usize = 3;
/// The most versions that are drawn.
const MOST_VERSIONS: usize = 20;
/// What the last point is called.
const CANDIDATE: &str = "candidate";

/// The charts of what was judged, the worst first: a metric that some version had too, on the same data.
pub(in crate::engine) fn history(rules: &[Rule], judged: &[Judged], sides: &Sides<'_>) -> Vec<Chart> {
    // A row that sums up slices has no number of its own.
    let mut rows: Vec<&Judged> = judged.iter().filter(|row| row.slices.is_none()).collect();
    rows.sort_by_key(|row| Reverse(row.verdict));
    let mut drawn = BTreeSet::new();
    rows.retain(|row| drawn.insert(row.metric.as_str()));
    rows.into_iter().filter_map(|row| chart(rules, row, sides)).take(MOST_CHARTS).collect()
}

fn chart(rules: &[Rule], row: &Judged, sides: &Sides<'_>) -> Option<Chart> {
    let candidate = row.candidate?;
    let had = sides.versions.iter().filter_map(|version| {
        let value = measured::value(&version.metrics, &row.metric)?;
        Some((version, value))
    });
    let (ours, others): (Vec<_>, Vec<_>) = had.partition(|(version, _)| is_on_the_same_data(version, sides));
    let first = ours.len().saturating_sub(MOST_VERSIONS);
    let points = ours.into_iter().skip(first).map(|(version, value)| (version.version.to_string(), value));
    let points: Vec<(String, Decimal)> = points.chain([(CANDIDATE.to_owned(), candidate)]).collect();
    let rule = rules.iter().find(|rule| rule.id == row.rule);
    (points.len() > 1).then(|| Chart {
        metric: row.metric.clone(),
        points,
        bounds: rule.into_iter().flat_map(|rule| [rule.min, rule.max, target(rule)]).flatten().collect(),
        on_other_data: others.len(),
    })
}

/// A line through numbers of different data would compare what is never compared.
fn is_on_the_same_data(version: &VersionRecord, sides: &Sides<'_>) -> bool {
    version.dataset == sides.report.dataset
}

/// The value that a rule aims at.
const fn target(rule: &Rule) -> Option<Decimal> {
    match rule.direction {
        Direction::Higher | Direction::Lower => None,
        Direction::Target(target) => Some(target),
    }
}
