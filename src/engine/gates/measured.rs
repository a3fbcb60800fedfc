//! Finds what was measured under a name: a number or a list by itself, or in a map as `value` beside
//! the number of `samples`.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::domain::Report;

/// One metric, or one slice of it.
pub(super) struct Measured<'r> {
    /// The number; of several runs their mean.
    pub(super) value: Decimal,
    /// The single runs, where there are several.
    pub(super) runs: &'r [Decimal],
    /// How many samples it was measured on, where the report says so.
    pub(super) samples: Option<u64>,
}

/// What the report has under a name; none where it has nothing.
///
/// # Errors
/// Why what it has is no number.
pub(super) fn find<'r>(report: &'r Report, name: &str) -> Result<Option<Measured<'r>>, String> {
    let nested = format!("{name}.value");
    for name in [name, &nested] {
        if let Some(why) = report.unusable.get(name) {
            return Err(format!("`{name}` is no usable number: {why}"));
        }
    }
    let (name, value) = match (report.metrics.get(name), report.metrics.get(&nested)) {
        (Some(_), Some(_)) => return Err(format!("`{name}` is given twice, by itself and as `{nested}`")),
        (Some(value), None) => (name, *value),
        (None, Some(value)) => (nested.as_str(), *value),
        (None, None) => return Ok(None),
    };
    let runs = report.repeated.get(name).map_or(&[][..], Vec::as_slice);
    let counted = format!("{}.samples", name.strip_suffix(".value").unwrap_or(name));
    let samples = report.metrics.get(&counted).filter(|count| count.is_integer());
    Ok(Some(Measured { value, runs, samples: samples.and_then(Decimal::to_u64) }))
}

/// The number that a version was published with.
pub(super) fn value(metrics: &BTreeMap<String, Decimal>, name: &str) -> Option<Decimal> {
    metrics.get(name).or_else(|| metrics.get(&format!("{name}.value"))).copied()
}

/// The slices below a name, from all names that there are.
pub(super) fn slices<V>(names: &BTreeMap<String, V>, metric: &str) -> BTreeSet<String> {
    let prefix = format!("{metric}.");
    let below = names.range(prefix.clone()..).map(|(name, _)| name.strip_prefix(&prefix));
    let slices = below.map_while(|rest| rest).filter(|rest| !rest.is_empty());
    let whole = slices.map(|rest| {
        rest.strip_suffix(".value").or_else(|| rest.strip_suffix(".samples")).unwrap_or(rest).to_owned()
    });
    whole.collect()
}
