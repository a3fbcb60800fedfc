//! The bounds of a rule: what one number is held to.

use rust_decimal::Decimal;

use crate::config::valid::{Direction, Rule, Tolerance};
use crate::domain::{Report, Verdict, Version, VersionRecord};

use super::{Finding, Sides, measured, words};

/// One bound of a rule. Each has one side that is good, so that an interval is judged by its ends.
pub(super) enum Bound {
    /// Any number will do.
    None,
    /// The smallest that passes.
    Min(Decimal),
    /// The largest that passes.
    Max(Decimal),
    /// How much may be lost against what a version had.
    Loss { version: Version, which: &'static str, before: Decimal, allowed: Tolerance, direction: Direction },
}

/// The bounds of a rule for one number, or what stands in the place of one that cannot be had.
pub(super) fn all(rule: &Rule, metric: &str, sides: &Sides<'_>) -> Vec<Result<Bound, Finding>> {
    let mut bounds = vec![Ok(Bound::None)];
    bounds.extend(rule.min.map(|min| Ok(Bound::Min(min))));
    bounds.extend(rule.max.map(|max| Ok(Bound::Max(max))));
    bounds.extend(rule.max_regression.map(|allowed| regression(rule, allowed, metric, sides)));
    bounds.extend(rule.cumulative.map(|allowed| cumulative(rule, allowed, metric, sides)));
    bounds
}

/// Whether numbers of the two may be subtracted; else why not.
pub(super) fn comparable(report: &Report, earlier: &VersionRecord) -> Result<(), String> {
    let version = &earlier.version;
    match (&report.dataset, &earlier.dataset) {
        (Some(ours), Some(theirs)) if ours == theirs => Ok(()),
        (Some(ours), Some(theirs)) => Err(format!(
            "measured on dataset {}, but {version} on {}: numbers of different data are not subtracted",
            ours.short(),
            theirs.short()
        )),
        (ours, _) => {
            let side = if ours.is_none() { "this head" } else { version.as_str() };
            Err(format!("no dataset is known for {side}: set `test.dataset`"))
        }
    }
}

/// The loss against the baseline.
fn regression(rule: &Rule, allowed: Tolerance, metric: &str, sides: &Sides<'_>) -> Result<Bound, Finding> {
    let Some(baseline) = sides.baseline else {
        return Err((Verdict::Pass, "there is no earlier version to lose against".to_owned()));
    };
    comparable(sides.report, baseline).map_err(|why| (Verdict::Incomparable, why))?;
    match measured::value(&baseline.metrics, metric) {
        Some(before) => against(rule, allowed, baseline, "", before),
        None if rule.slice.is_some() => {
            let version = &baseline.version;
            Err((Verdict::Pass, format!("a slice that {version} does not have: only thresholds apply")))
        }
        None => {
            Err((Verdict::Incomparable, format!("{} was published without `{metric}`", baseline.version)))
        }
    }
}

/// The loss against the best version that was measured on the same data.
fn cumulative(rule: &Rule, allowed: Tolerance, metric: &str, sides: &Sides<'_>) -> Result<Bound, Finding> {
    if let (None, Some(last)) = (&sides.report.dataset, sides.versions.last()) {
        return Err((Verdict::Incomparable, comparable(sides.report, last).err().unwrap_or_default()));
    }
    let known = sides.versions.iter().filter(|version| comparable(sides.report, version).is_ok());
    let known = known.filter_map(|version| Some((version, measured::value(&version.metrics, metric)?)));
    // Of equals the earliest, so that a new one does not change what people read.
    let best = known.reduce(|best, next| {
        let better = match rule.direction {
            Direction::Higher => next.1 > best.1,
            Direction::Lower => next.1 < best.1,
        };
        if better { next } else { best }
    });
    match best {
        Some((version, before)) => against(rule, allowed, version, ", the best version", before),
        None => {
            let why = format!("no earlier version has `{metric}` on this dataset: there is no best one yet");
            Err((Verdict::Pass, why))
        }
    }
}

fn against(
    rule: &Rule,
    allowed: Tolerance,
    earlier: &VersionRecord,
    which: &'static str,
    before: Decimal,
) -> Result<Bound, Finding> {
    let version = earlier.version.clone();
    if matches!(allowed, Tolerance::Percent(_)) && before.is_zero() {
        return Err((Verdict::Incomparable, format!("a percentage of {version}'s value 0 says nothing")));
    }
    Ok(Bound::Loss { version, which, before, allowed, direction: rule.direction })
}

impl Bound {
    /// Whether a number is within the bound, and why.
    pub(super) fn judge(&self, value: Decimal) -> Finding {
        let (verdict, why) = match self {
            Self::Min(min) if value < *min => (Verdict::Fail, format!("{value} is below the minimum {min}")),
            Self::Max(max) if value > *max => (Verdict::Fail, format!("{value} is above the maximum {max}")),
            Self::None | Self::Min(_) | Self::Max(_) => {
                (Verdict::Pass, format!("{value} is within its bounds"))
            }
            Self::Loss { version, which, before, allowed, direction } => {
                let theirs = format!("{version}'s {before}{which}");
                match loss(*direction, *allowed, value, *before) {
                    None => {
                        (Verdict::Incomparable, format!("{value} and {theirs} are too large to subtract"))
                    }
                    Some((loss, _)) if loss <= Decimal::ZERO => {
                        (Verdict::Pass, format!("{value} is no worse than {theirs}"))
                    }
                    Some((loss, true)) => {
                        let allowed = words::tolerance(*allowed);
                        (Verdict::Pass, format!("loses {loss} against {theirs}, {allowed} allowed"))
                    }
                    Some((loss, false)) => {
                        let allowed = words::tolerance(*allowed);
                        (Verdict::Fail, format!("loses {loss} against {theirs}, only {allowed} allowed"))
                    }
                }
            }
        };
        (verdict, why)
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
