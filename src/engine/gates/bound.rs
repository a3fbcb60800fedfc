//! The bounds of a rule: what one number is held to.

use rust_decimal::Decimal;

use crate::config::valid::{Direction, Rule, Tolerance};
use crate::domain::{Report, Verdict};

use super::{Earlier, Finding, Sides, measured, words};

/// One bound of a rule. Each has one side that is good, so that an interval is judged by its ends.
pub(super) enum Bound {
    /// Any number will do.
    None,
    /// The smallest that passes.
    Min(Decimal),
    /// The largest that passes.
    Max(Decimal),
    /// How much may be lost against what was there before.
    Loss { name: String, which: &'static str, before: Decimal, allowed: Tolerance, better: Better },
}

/// Where a bound of a loss has its good side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    /// Above it.
    Higher,
    /// Below it.
    Lower,
    /// A target is left at two sides: of the numbers below it, the higher are better.
    Below(Decimal),
    /// Of the numbers above it, the lower are better.
    Above(Decimal),
}

impl Better {
    /// One bound for each side that is not good.
    const fn all(direction: Direction) -> [Option<Self>; 2] {
        match direction {
            Direction::Higher => [Some(Self::Higher), None],
            Direction::Lower => [Some(Self::Lower), None],
            Direction::Target(target) => [Some(Self::Below(target)), Some(Self::Above(target))],
        }
    }

    /// What is worse the larger it is; none when the numbers are too large.
    fn badness(self, value: Decimal) -> Option<Decimal> {
        match self {
            Self::Higher => Decimal::ZERO.checked_sub(value),
            Self::Lower => Some(value),
            Self::Below(target) | Self::Above(target) => value.checked_sub(target).map(|off| off.abs()),
        }
    }

    /// Whether a number lies where this bound says nothing about it: at the other side of the target.
    fn passes_over(self, value: Decimal) -> bool {
        match self {
            Self::Higher | Self::Lower => false,
            Self::Below(target) => value > target,
            Self::Above(target) => value < target,
        }
    }
}

/// The bounds of a rule for one number, or what stands in the place of one that cannot be had.
pub(super) fn all(rule: &Rule, metric: &str, sides: &Sides<'_>) -> Vec<Result<Bound, Finding>> {
    let mut bounds = vec![Ok(Bound::None)];
    bounds.extend(rule.min.map(|min| Ok(Bound::Min(min))));
    bounds.extend(rule.max.map(|max| Ok(Bound::Max(max))));
    for better in Better::all(rule.direction).into_iter().flatten() {
        bounds.extend(rule.max_regression.map(|allowed| regression(rule, better, allowed, metric, sides)));
        bounds.extend(rule.cumulative.map(|allowed| cumulative(better, allowed, metric, sides)));
    }
    bounds
}

/// Whether numbers of the two may be subtracted; else why not.
pub(super) fn comparable(report: &Report, earlier: &Earlier<'_>) -> Result<(), String> {
    let name = earlier.name;
    match (&report.dataset, earlier.dataset) {
        (Some(ours), Some(theirs)) if ours == theirs => Ok(()),
        (Some(ours), Some(theirs)) => Err(format!(
            "measured on dataset {}, but {name} on {}: numbers of different data are not subtracted",
            ours.short(),
            theirs.short()
        )),
        (ours, _) => {
            let side = if ours.is_none() { "this head" } else { name };
            Err(format!("no dataset is known for {side}: set `test.dataset`"))
        }
    }
}

/// The loss against the baseline.
fn regression(
    rule: &Rule,
    better: Better,
    allowed: Tolerance,
    metric: &str,
    sides: &Sides<'_>,
) -> Result<Bound, Finding> {
    let Some(baseline) = sides.baseline else {
        return Err((Verdict::Pass, "there is no earlier version to lose against".to_owned()));
    };
    comparable(sides.report, &baseline).map_err(|why| (Verdict::Incomparable, why))?;
    match measured::value(baseline.metrics, metric) {
        Some(before) => against(better, allowed, &baseline, "", before),
        None if rule.slice.is_some() => {
            let name = baseline.name;
            Err((Verdict::Pass, format!("a slice that {name} does not have: only thresholds apply")))
        }
        None => Err((Verdict::Incomparable, format!("{} was measured without `{metric}`", baseline.name))),
    }
}

/// The loss against the best version that was measured on the same data.
fn cumulative(better: Better, allowed: Tolerance, metric: &str, sides: &Sides<'_>) -> Result<Bound, Finding> {
    if let (None, Some(last)) = (&sides.report.dataset, sides.versions.last()) {
        return Err((
            Verdict::Incomparable,
            comparable(sides.report, &last.into()).err().unwrap_or_default(),
        ));
    }
    let known =
        sides.versions.iter().filter(|version| comparable(sides.report, &Earlier::from(*version)).is_ok());
    let known = known.filter_map(|version| Some((version, measured::value(&version.metrics, metric)?)));
    // Of equals the earliest, so that a new one does not change what people read.
    let badness = |one: &(_, Decimal)| better.badness(one.1).unwrap_or(Decimal::MAX);
    let best = known.reduce(|best, next| if badness(&next) < badness(&best) { next } else { best });
    match best {
        Some((version, before)) => against(better, allowed, &version.into(), ", the best version", before),
        None => {
            let why = format!("no earlier version has `{metric}` on this dataset: there is no best one yet");
            Err((Verdict::Pass, why))
        }
    }
}

fn against(
    better: Better,
    allowed: Tolerance,
    earlier: &Earlier<'_>,
    which: &'static str,
    before: Decimal,
) -> Result<Bound, Finding> {
    let name = earlier.name.to_owned();
    if matches!(allowed, Tolerance::Percent(_)) && whole(better, before).is_some_and(|whole| whole.is_zero())
    {
        let what = match better {
            Better::Higher | Better::Lower => "value 0",
            Better::Below(_) | Better::Above(_) => "distance 0 from the target",
        };
        return Err((Verdict::Incomparable, format!("a percentage of {name}'s {what} says nothing")));
    }
    Ok(Bound::Loss { name, which, before, allowed, better })
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
            Self::Loss { name, which, before, allowed, better } => {
                let theirs = format!("{name}'s {before}{which}");
                let (loses, no_worse) = match better {
                    Better::Higher | Better::Lower => ("loses", "no worse than"),
                    Better::Below(_) | Better::Above(_) => {
                        ("moves away from the target by", "no farther than")
                    }
                };
                match loss(*better, *allowed, value, *before) {
                    None => {
                        (Verdict::Incomparable, format!("{value} and {theirs} are too large to subtract"))
                    }
                    Some((loss, _)) if loss <= Decimal::ZERO => {
                        (Verdict::Pass, format!("{value} is {no_worse} {theirs}"))
                    }
                    Some((loss, within)) if within || better.passes_over(value) => {
                        let allowed = words::tolerance(*allowed);
                        (Verdict::Pass, format!("{loses} {loss} against {theirs}, {allowed} allowed"))
                    }
                    Some((loss, _)) => {
                        let allowed = words::tolerance(*allowed);
                        (Verdict::Fail, format!("{loses} {loss} against {theirs}, only {allowed} allowed"))
                    }
                }
            }
        };
        (verdict, why)
    }
}

/// How much is lost, and whether that is within the tolerance; none when the numbers are too large.
/// Compared without a division, so that the boundary is exact.
fn loss(better: Better, tolerance: Tolerance, value: Decimal, before: Decimal) -> Option<(Decimal, bool)> {
    let loss = better.badness(value)?.checked_sub(better.badness(before)?)?;
    let within = match tolerance {
        Tolerance::Absolute(most) => loss <= most,
        Tolerance::Percent(most) => {
            loss.checked_mul(Decimal::ONE_HUNDRED)? <= whole(better, before)?.checked_mul(most)?
        }
        Tolerance::Points(most) => loss.checked_mul(Decimal::ONE_HUNDRED)? <= most,
    };
    Some((loss.normalize(), within))
}

/// What a percentage is of: the value itself, or how far it was from the target.
fn whole(better: Better, before: Decimal) -> Option<Decimal> {
    match better {
        Better::Higher | Better::Lower => Some(before.abs()),
        Better::Below(_) | Better::Above(_) => better.badness(before),
    }
}
