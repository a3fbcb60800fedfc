//! A metric over versions as a Mermaid chart: in the part of `xychart-beta` that both forges draw, and with
//! nothing in it that Mermaid could read as anything but a name or a number.

use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::domain::Chart;

use super::budget;

/// The longest name in a drawing; the text beside it says the whole one.
const LONGEST_NAME: usize = 60;
/// The longest label of a point.
const LONGEST_LABEL: usize = 16;

/// A chart made ready for the template.
#[derive(Debug, Serialize)]
pub(super) struct Drawing {
    metric: String,
    mermaid: String,
    /// What the drawing itself does not say.
    remarks: Vec<String>,
}

impl Drawing {
    /// The drawing; none where its numbers are too large to draw.
    pub(super) fn new(chart: &Chart, words: usize) -> Option<Self> {
        let values: Vec<Decimal> = chart.points.iter().map(|(_, value)| *value).collect();
        let (low, high) = (*values.iter().min()?, *values.iter().max()?);
        let margin = margin(low, high)?;
        let bounds = near(&chart.bounds, low, high, margin);
        let ends = || bounds.iter().copied().chain([low, high]);
        let (from, to) = (ends().min()?.checked_sub(margin)?, ends().max()?.checked_add(margin)?);
        let labels: Vec<_> = chart.points.iter().map(|(label, _)| name(label, LONGEST_LABEL)).collect();
        let mut mermaid = String::from("```mermaid\nxychart-beta\n");
        let _infallible = writeln!(mermaid, "    title {}", name(&chart.metric, LONGEST_NAME));
        let _infallible = writeln!(mermaid, "    x-axis [{}]", labels.join(", "));
        let _infallible = writeln!(mermaid, "    y-axis {} --> {}", from.normalize(), to.normalize());
        let _infallible = writeln!(mermaid, "    line {}", list(&values));
        for bound in &bounds {
            let _infallible = writeln!(mermaid, "    line {}", list(&vec![*bound; values.len()]));
        }
        mermaid.push_str("```");
        Some(Self { metric: budget::head(&chart.metric, words).0, mermaid, remarks: remarks(chart, &bounds) })
    }
}

/// How far the drawing reaches beyond its numbers: a tenth of their span, or of their size where all are
/// equal.
fn margin(low: Decimal, high: Decimal) -> Option<Decimal> {
    let span = high.checked_sub(low)?;
    let of = if span.is_zero() { high.abs() } else { span };
    let margin = of.checked_div(Decimal::TEN)?.round_sf(1)?;
    Some(if margin.is_zero() { Decimal::ONE } else { margin })
}

/// The bounds near enough to be drawn: one far away would press the line flat.
fn near(bounds: &[Decimal], low: Decimal, high: Decimal, margin: Decimal) -> Vec<Decimal> {
    let reach = margin.saturating_mul(Decimal::from(20));
    let (from, to) = (low.saturating_sub(reach), high.saturating_add(reach));
    bounds.iter().copied().filter(|bound| (from..=to).contains(bound)).collect()
}

fn remarks(chart: &Chart, drawn: &[Decimal]) -> Vec<String> {
    let numbers = drawn.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let level = match drawn.len() {
        0 => None,
        1 => Some(format!("The level line is the bound {numbers}.")),
        _ => Some(format!("The level lines are the bounds {numbers}.")),
    };
    let left_out = match chart.on_other_data {
        0 => None,
        1 => Some("1 version is left out: it was measured on other data.".to_owned()),
        more => Some(format!("{more} versions are left out: they were measured on other data.")),
    };
    level.into_iter().chain(left_out).collect()
}

fn list(values: &[Decimal]) -> String {
    let values = values.iter().map(|value| value.normalize().to_string()).collect::<Vec<_>>();
    format!("[{}]", values.join(", "))
}

/// A quoted text: letters, digits and what neither ends a quotation nor begins a comment, a directive or an
/// entity; the rest becomes `_`.
fn name(text: &str, most: usize) -> String {
    let safe = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | '/' | ':' | '+' | '@');
    let text: String = text.chars().map(|c| if safe(c) { c } else { '_' }).collect();
    let text = if text.trim().is_empty() { "_".to_owned() } else { budget::head(&text, most).0 };
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests;
