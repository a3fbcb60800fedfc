//! Judges a report by the rules. Bounds are inclusive and exact.

use rust_decimal::Decimal;

use crate::config::valid::{Direction, Level, Rule, Tolerance};
use crate::domain::{Judged, Report, Verdict, VersionRecord};

/// Judges every rule, in the order written.
pub(super) fn judge(rules: &[Rule], report: &Report, baseline: Option<&VersionRecord>) -> Vec<Judged> {
    rules.iter().map(|rule| one(rule, report, baseline)).collect()
}

/// What the verdicts say together: the worst of them.
pub(super) fn worst(judged: &[Judged]) -> Verdict {
    judged.iter().map(|judged| judged.verdict).max().unwrap_or(Verdict::Pass)
}

fn one(rule: &Rule, report: &Report, baseline: Option<&VersionRecord>) -> Judged {
    let candidate = report.metrics.get(&rule.metric).copied();
    let before = baseline.and_then(|baseline| baseline.metrics.get(&rule.metric)).copied();
    let findings = match candidate {
        None => vec![missing(rule, report)],
        Some(value) => [
            unjudged(rule),
            rule.slice.is_none().then(|| thresholds(rule, value)),
            rule.max_regression
                .filter(|_| rule.slice.is_none())
                .map(|tolerance| regression(rule, tolerance, value, report, baseline)),
        ]
        .into_iter()
        .flatten()
        .collect(),
    };
    let worst = findings.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Pass);
    let reasons = findings.into_iter().filter(|(verdict, _)| *verdict == worst).map(|(_, reason)| reason);
    let only_warns = rule.level == Level::Warn && worst.blocks();
    Judged {
        rule: rule.id.clone(),
        metric: rule.metric.clone(),
        candidate,
        baseline: before,
        verdict: if only_warns { Verdict::Warn } else { worst },
        reason: reasons.collect::<Vec<_>>().join("; "),
        bounds: bounds(rule),
        line: rule.line,
    }
}

type Finding = (Verdict, String);

fn missing(rule: &Rule, report: &Report) -> Finding {
    let metric = &rule.metric;
    let why = match report.unusable.get(metric) {
        Some(why) => format!("`{metric}` is no usable number: {why}"),
        None if report.unusable.is_empty() => format!("the report has no metric `{metric}`"),
        None => {
            let others = report.unusable.iter().take(3).map(|(name, why)| format!("{name}: {why}"));
            let others = others.collect::<Vec<_>>().join(", ");
            format!("the report has no metric `{metric}` (unusable in it: {others})")
        }
    };
    (Verdict::Missing, why)
}

/// Parts of a rule that need more than one number: they must not pass unseen.
fn unjudged(rule: &Rule) -> Option<Finding> {
    let parts = [
        ("slice", rule.slice.is_some()),
        ("min_samples", rule.min_samples.is_some()),
        ("cumulative", rule.cumulative.is_some()),
        ("confidence", rule.confidence.is_some()),
    ];
    let named = parts.iter().filter(|(_, set)| *set).map(|(name, _)| format!("`{name}`"));
    let named = named.collect::<Vec<_>>().join(", ");
    (!named.is_empty()).then(|| (Verdict::Incomparable, format!("this build does not judge {named} yet")))
}

fn thresholds(rule: &Rule, value: Decimal) -> Finding {
    if let Some(min) = rule.min.filter(|min| value < *min) {
        return (Verdict::Fail, format!("{value} is below the minimum {min}"));
    }
    if let Some(max) = rule.max.filter(|max| value > *max) {
        return (Verdict::Fail, format!("{value} is above the maximum {max}"));
    }
    (Verdict::Pass, format!("{value} is within its bounds"))
}

fn regression(
    rule: &Rule,
    tolerance: Tolerance,
    value: Decimal,
    report: &Report,
    baseline: Option<&VersionRecord>,
) -> Finding {
    let Some(baseline) = baseline else {
        return (Verdict::Pass, "there is no earlier version to lose against".to_owned());
    };
    let version = &baseline.version;
    let incomparable = |why: String| (Verdict::Incomparable, why);
    match (&report.dataset, &baseline.dataset) {
        (Some(ours), Some(theirs)) if ours == theirs => {}
        (Some(ours), Some(theirs)) => {
            return incomparable(format!(
                "measured on dataset {}, but {version} on {}: numbers of different data are not subtracted",
                ours.short(),
                theirs.short()
            ));
        }
        (ours, _) => {
            let side = if ours.is_none() { "this head" } else { version.as_str() };
            return incomparable(format!("no dataset is known for {side}: set `test.dataset`"));
        }
    }
    let Some(before) = baseline.metrics.get(&rule.metric).copied() else {
        return incomparable(format!("{version} was published without `{}`", rule.metric));
    };
    if matches!(tolerance, Tolerance::Percent(_)) && before.is_zero() {
        return incomparable(format!("a percentage of {version}'s value 0 says nothing"));
    }
    let allowed = says(tolerance);
    let Some((loss, within)) = loss(rule.direction, tolerance, value, before) else {
        return incomparable(format!("{value} and {version}'s {before} are too large to subtract"));
    };
    match (loss > Decimal::ZERO, within) {
        (false, _) => (Verdict::Pass, format!("{value} is no worse than {version}'s {before}")),
        (true, true) => {
            (Verdict::Pass, format!("loses {loss} against {version}'s {before}, {allowed} allowed"))
        }
        (true, false) => {
            (Verdict::Fail, format!("loses {loss} against {version}'s {before}, only {allowed} allowed"))
        }
    }
}

/// How much is lost, and whether that is within the tolerance; none when the numbers are too large.
/// Compared without a division, so that the boundary is exact.
fn loss(
    direction: Direction,
    tolerance: Tolerance,
    value: Decimal,
    before: Decimal,
) -> Option<(Decimal, bool)> {
    let loss = match direction {
        Direction::Higher => before.checked_sub(value)?,
        Direction::Lower => value.checked_sub(before)?,
    };
    let within = match tolerance {
        Tolerance::Absolute(most) => loss <= most,
        Tolerance::Percent(most) => {
            loss.checked_mul(Decimal::ONE_HUNDRED)? <= before.abs().checked_mul(most)?
        }
        Tolerance::Points(most) => loss.checked_mul(Decimal::ONE_HUNDRED)? <= most,
    };
    Some((loss.normalize(), within))
}

/// A tolerance in words.
fn says(tolerance: Tolerance) -> String {
    match tolerance {
        Tolerance::Absolute(most) => most.to_string(),
        Tolerance::Percent(most) => format!("{most}%"),
        Tolerance::Points(most) => format!("{most}pp"),
    }
}

/// The rule in words.
fn bounds(rule: &Rule) -> String {
    let parts = [
        rule.min.map(|min| format!("≥ {min}")),
        rule.max.map(|max| format!("≤ {max}")),
        rule.max_regression.map(|tolerance| format!("may lose {}", says(tolerance))),
        rule.slice.as_ref().map(|slice| format!("per {slice}")),
        rule.min_samples.map(|samples| format!("at least {samples} samples")),
        rule.cumulative.map(|tolerance| format!("at most {} below the best ever", says(tolerance))),
        rule.confidence.map(|percent| format!("{percent}% sure")),
    ];
    let said = parts.into_iter().flatten().collect::<Vec<_>>();
    if said.is_empty() { "must be a number".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests;
