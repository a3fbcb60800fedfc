//! Spans of time as CI files write them: `20m`, `1h 30 minutes`, `30 days`.

use std::time::Duration;

use super::CiError;

/// Reads a span; a bare number is seconds.
pub(super) fn read(text: &str, place: &str) -> Result<Duration, CiError> {
    let wrong = || CiError(format!("{place} config should be a duration"));
    let mut seconds = 0_u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_error| wrong())?;
        let factor = match unit {
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            "mo" | "mos" | "month" | "months" => 2_592_000,
            "y" | "yr" | "year" | "years" => 31_536_000,
            _ => return Err(wrong()),
        };
        seconds = number.checked_mul(factor).and_then(|span| seconds.checked_add(span)).ok_or_else(wrong)?;
        rest = next.trim_start();
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_the_forge_reads_them() {
        for (text, seconds) in
            [("20m", 1200), ("1h 30m", 5400), ("1h30m", 5400), ("2 weeks", 1_209_600), ("90", 90)]
        {
            assert_eq!(read(text, "job"), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "m", "1 fortnight", "-1m", "99999999999999999999h"] {
            let error = read(text, "iris:build:timeout").unwrap_err();
            assert_eq!(error.0, "iris:build:timeout config should be a duration", "{text}");
        }
    }
}
