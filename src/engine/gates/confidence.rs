//! How sure a number is: one-sided bounds, each held with the given confidence.
//!
//! Several runs: Student's t on their mean. One number with a count of samples: Wilson's score bound for
//! a proportion. Bounds are rounded outwards, and judged as they are shown.

use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};
use rust_decimal::{Decimal, RoundingStrategy};
use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use super::measured::Measured;

/// Digits of a margin that are kept.
const DIGITS: u32 = 4;
/// Decimal places of a bound of a proportion.
const PLACES: u32 = 6;

/// A lower and an upper bound, each with `percent` confidence (50 to below 100).
///
/// # Errors
/// Why nothing is known about how sure the number is, and what helps.
pub(super) fn interval(measured: &Measured<'_>, percent: Decimal) -> Result<(Decimal, Decimal), String> {
    let sure = percent.to_f64().unwrap_or_default() / 100.0;
    match (measured.runs.len(), measured.samples) {
        (2.., _) => {
            of_runs(measured, sure).ok_or_else(|| "the runs are too far apart to be judged".to_owned())
        }
        (_, Some(samples)) if samples > 0 => {
            if measured.value < Decimal::ZERO || measured.value > Decimal::ONE {
                return Err(format!(
                    "{} is no share of {samples} samples: report a list of repeated measurements",
                    measured.value
                ));
            }
            of_share(measured.value, samples, sure)
                .ok_or_else(|| "the share of its samples cannot be judged".to_owned())
        }
        _ => Err("one number without a count of samples says nothing about how sure it is: report a list \
                  of repeated measurements (seeds), or `value` with `samples`"
            .to_owned()),
    }
}

fn of_runs(measured: &Measured<'_>, sure: f64) -> Option<(Decimal, Decimal)> {
    let count = measured.runs.len().to_f64()?;
    let squares = measured.runs.iter().try_fold(0.0, |sum, run| {
        let off = run.checked_sub(measured.value)?.to_f64()?;
        Some(sum + off * off)
    })?;
    let student = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
    let margin = student.inverse_cdf(sure).max(0.0) * (squares / (count - 1.0) / count).sqrt();
    // Equal runs have no spread, but a rounded mean is a little off each.
    let spread = measured.runs.iter().any(|run| Some(run) != measured.runs.first());
    let margin = if spread { Decimal::from_f64(margin)? } else { Decimal::ZERO };
    let margin = margin.round_sf_with_strategy(DIGITS, RoundingStrategy::AwayFromZero)?;
    Some((measured.value.checked_sub(margin)?.normalize(), measured.value.checked_add(margin)?.normalize()))
}

fn of_share(value: Decimal, samples: u64, sure: f64) -> Option<(Decimal, Decimal)> {
    let (share, count) = (value.to_f64()?, samples.to_f64()?);
    let z = Normal::new(0.0, 1.0).ok()?.inverse_cdf(sure);
    let weight = z * z / count;
    let centre = share + weight / 2.0;
    let margin = z * (share * (1.0 - share) / count + weight / (4.0 * count)).sqrt();
    let end = |end: f64, strategy| {
        Some(Decimal::from_f64(end / (1.0 + weight))?.round_dp_with_strategy(PLACES, strategy).normalize())
    };
    let low = end(centre - margin, RoundingStrategy::ToNegativeInfinity)?;
    let high = end(centre + margin, RoundingStrategy::ToPositiveInfinity)?;
    Some((low.max(Decimal::ZERO).min(value), high.min(Decimal::ONE).max(value)))
}

#[cfg(test)]
mod tests;
