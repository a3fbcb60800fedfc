//! Judges a report by the rules. Bounds are inclusive and exact.

mod bound;
mod confidence;
mod history;
mod measured;
mod words;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::config::valid::{Level, Rule};
use crate::domain::{Judged, Report, Sha, Verdict, VersionRecord};

use rust_decimal::Decimal;

use bound::Bound;
use measured::Measured;

pub(super) use history::history;

/// The most slices of one rule that get a row each; the worst ones do.
const MOST_SLICES: usize = 50;

/// What is judged, and what it is compared with.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    /// The candidate's report.
    pub(super) report: &'a Report,
    /// What to compare with; none where there is nothing yet.
    pub(super) baseline: Option<Earlier<'a>>,
    /// All published versions, oldest first.
    pub(super) versions: &'a [VersionRecord],
}

/// Numbers of before.
#[derive(Clone, Copy)]
pub(super) struct Earlier<'a> {
    /// What they are called in a sentence.
    pub(super) name: &'a str,
    pub(super) metrics: &'a BTreeMap<String, Decimal>,
    /// The data that they were measured on.
    pub(super) dataset: Option<&'a Sha>,
}

impl<'a> From<&'a VersionRecord> for Earlier<'a> {
    fn from(record: &'a VersionRecord) -> Self {
        let dataset = record.dataset.as_ref();
        Self { name: record.version.as_str(), metrics: &record.metrics, dataset }
    }
}

/// Why a rule is or is not met.
type Finding = (Verdict, String);

/// Judges every rule, in the order written. A rule over slices gives a row for each that does not pass,
/// worst first, and one for all that do.
pub(super) fn judge(rules: &[Rule], sides: &Sides<'_>) -> Vec<Judged> {
    let judged = rules.iter().flat_map(|rule| match &rule.slice {
        None => vec![one(rule, &rule.metric, sides)],
        Some(slice) => sliced(rule, &format!("{}.{slice}", rule.metric), sides),
    });
    judged.collect()
}

/// What the verdicts say together: the worst of those that nobody waived.
pub(super) fn worst(judged: &[Judged]) -> Verdict {
    let counted = judged.iter().filter(|judged| judged.waived.is_none());
    counted.map(|judged| judged.verdict).max().unwrap_or(Verdict::Pass)
}

fn sliced(rule: &Rule, metric: &str, sides: &Sides<'_>) -> Vec<Judged> {
    let ours = measured::slices(&sides.report.metrics, metric);
    let broken = measured::slices(&sides.report.unusable, metric);
    if ours.is_empty() && broken.is_empty() {
        let why = format!("the report has no slice below `{metric}`");
        return vec![row(rule, metric, vec![(Verdict::Missing, why)])];
    }
    let before = sides.baseline.map(|baseline| measured::slices(baseline.metrics, metric));
    let mut slices = ours;
    slices.extend(broken);
    slices.extend(before.into_iter().flatten());
    let judged = slices.iter().map(|slice| one(rule, &format!("{metric}.{slice}"), sides));
    let (good, mut rows): (Vec<_>, Vec<_>) = judged.partition(|judged| judged.verdict == Verdict::Pass);
    rows.sort_by_key(|judged| Reverse(judged.verdict));
    let more = rows.split_off(rows.len().min(MOST_SLICES));
    for (slices, word) in [(more, "more not good"), (good, "that pass")] {
        if let Some(first) = slices.first() {
            let why = format!("{} slices {word}", slices.len());
            let summary = row(rule, metric, vec![(first.verdict, why)]);
            rows.push(Judged { slices: Some(slices.len()), ..summary });
        }
    }
    rows
}

/// Judges one number: a metric, or one slice of it.
fn one(rule: &Rule, metric: &str, sides: &Sides<'_>) -> Judged {
    let found = measured::find(sides.report, metric);
    let before = sides.baseline.and_then(|baseline| measured::value(baseline.metrics, metric));
    let findings = match &found {
        Ok(Some(measured)) => findings(rule, metric, measured, sides),
        Ok(None) => vec![absent(rule, metric, sides)],
        Err(why) => vec![(Verdict::Missing, why.clone())],
    };
    let measured = found.ok().flatten();
    Judged {
        candidate: measured.as_ref().map(|measured| measured.value),
        baseline: before,
        runs: measured.map(|measured| measured.runs.len()).filter(|runs| *runs > 1),
        ..row(rule, metric, findings)
    }
}

/// A row without numbers: the worst of the findings, and why.
fn row(rule: &Rule, metric: &str, findings: Vec<Finding>) -> Judged {
    let worst = findings.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Pass);
    let mut reasons: Vec<String> = Vec::new();
    for (_, reason) in findings.into_iter().filter(|(verdict, _)| *verdict == worst) {
        // Both sides of a target are bounds, and say the same of a number that is near enough.
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let only_warns = rule.level == Level::Warn && worst.blocks();
    Judged {
        rule: rule.id.clone(),
        metric: metric.to_owned(),
        candidate: None,
        baseline: None,
        verdict: if only_warns { Verdict::Warn } else { worst },
        reason: reasons.join("; "),
        bounds: words::bounds(rule),
        line: rule.line,
        required: rule.required,
        runs: None,
        slices: None,
        waived: None,
    }
}

/// A number that is not there at all.
fn absent(rule: &Rule, metric: &str, sides: &Sides<'_>) -> Finding {
    if rule.slice.is_some()
        && let Some(baseline) = sides.baseline
    {
        let name = baseline.name;
        return match bound::comparable(sides.report, &baseline) {
            Ok(()) => (Verdict::Fail, format!("{name} has the slice `{metric}`, this report has not")),
            Err(why) => (Verdict::Incomparable, format!("the slice `{metric}` of {name} is gone; {why}")),
        };
    }
    let others = sides.report.unusable.iter().take(3).map(|(name, why)| format!("{name}: {why}"));
    let others = others.collect::<Vec<_>>().join(", ");
    let why = if others.is_empty() { String::new() } else { format!(" (unusable in it: {others})") };
    (Verdict::Missing, format!("the report has no metric `{metric}`{why}"))
}

fn findings(rule: &Rule, metric: &str, measured: &Measured<'_>, sides: &Sides<'_>) -> Vec<Finding> {
    if let Some(why) = rule.min_samples.and_then(|fewest| too_few(metric, measured, fewest)) {
        return vec![(Verdict::Incomparable, why)];
    }
    let interval = match rule.confidence.map(|percent| confidence::interval(measured, percent)) {
        None => (measured.value, measured.value),
        Some(Ok(interval)) => interval,
        Some(Err(why)) => return vec![(Verdict::Inconclusive, why)],
    };
    let findings = bound::all(rule, metric, sides).into_iter().map(|bound| match bound {
        Ok(bound) => decided(rule, &bound, measured, interval),
        Err(finding) => finding,
    });
    findings.collect()
}

fn too_few(metric: &str, measured: &Measured<'_>, fewest: u64) -> Option<String> {
    match measured.samples {
        None => Some(format!(
            "at least {fewest} samples are asked for, and the report has no whole number `{metric}.samples`"
        )),
        Some(samples) if samples < fewest => Some(format!("{samples} samples of at least {fewest}")),
        Some(_) => None,
    }
}

/// Where the interval lies: on one side of the bound, or across it.
fn decided(rule: &Rule, bound: &Bound, measured: &Measured<'_>, (low, high): (Decimal, Decimal)) -> Finding {
    let finding = bound.judge(measured.value);
    let Some(percent) = rule.confidence else { return finding };
    let ends = (bound.judge(low).0, bound.judge(high).0);
    let between = format!("{percent}% sure: not below {low}, and {percent}% sure: not above {high}");
    match ends {
        (one, other) if one == other => (one, format!("{}; {between}", finding.1)),
        (Verdict::Pass, Verdict::Fail) | (Verdict::Fail, Verdict::Pass) => {
            let help = "more repeated measurements or samples would narrow it";
            (Verdict::Inconclusive, format!("{}, but that is not certain ({between}); {help}", finding.1))
        }
        (one, other) => (one.max(other), finding.1),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
