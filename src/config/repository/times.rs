//! Cron lines, time zones and freeze windows, before anything computes with them.

use super::reader::{Field, cut};

const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Field<'_> {
    /// Five cron fields.
    pub(super) fn cron(&self) -> Option<String> {
        let text = self.line()?;
        // Name, smallest and largest number, words for numbers from the smallest on.
        let fields: [(&str, u32, u32, &[&str]); 5] = [
            ("minute", 0, 59, &[]),
            ("hour", 0, 23, &[]),
            ("day of the month", 1, 31, &[]),
            ("month", 1, 12, MONTHS),
            ("day of the week", 0, 7, DAYS),
        ];
        let written: Vec<&str> = text.split_ascii_whitespace().collect();
        let remedy =
            "five fields: minute, hour, day of the month, month, day of the week, such as `30 9 * * mon-fri`";
        if written.len() != fields.len() {
            self.refuse(&format!("has {} fields instead of five", written.len()), remedy);
            return None;
        }
        for (field, (name, least, most, words)) in written.iter().zip(fields) {
            if !field.split(',').all(|part| is_cron_part(part, least, most, words)) {
                self.refuse(&format!("has a wrong {name}: `{}`", cut(field)), remedy);
                return None;
            }
        }
        Some(written.join(" "))
    }

    /// An IANA time zone.
    pub(super) fn time_zone(&self) -> Option<String> {
        let text = self.line()?;
        if is_time_zone(text) {
            return Some(text.to_owned());
        }
        self.refuse("is no time zone", "write a name of the IANA list, such as `Europe/Berlin` or `UTC`");
        None
    }

    /// A window such as `Fri 16:00 - Mon 08:00 Asia/Shanghai`.
    pub(super) fn freeze_window(&self) -> Option<String> {
        let text = self.line()?;
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let sound = match words.as_slice() {
            [from, at, "-", to, until, zone] => {
                is_day(from) && is_clock(at) && is_day(to) && is_clock(until) && is_time_zone(zone)
            }
            _ => false,
        };
        if sound {
            return Some(words.join(" "));
        }
        let remedy =
            "write it like `Fri 16:00 - Mon 08:00 Asia/Shanghai`, the time zone as the IANA list names it";
        self.refuse("is no window of time", remedy);
        None
    }
}

fn is_cron_part(part: &str, least: u32, most: u32, words: &[&str]) -> bool {
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let number = |text: &str| {
        let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let value = match word {
            Some(position) => u32::try_from(position).ok().map(|position| position + least),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        value.filter(|value| (least..=most).contains(value))
    };
    let range_fits = match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
        None => number(range).is_some(),
    };
    let step_fits = step.is_none_or(|step| {
        step.bytes().all(|byte| byte.is_ascii_digit())
            && step.parse().is_ok_and(|step: u32| (1..=most).contains(&step))
    });
    range_fits && step_fits
}

fn is_day(text: &str) -> bool {
    DAYS.iter().any(|day| day.eq_ignore_ascii_case(text))
}

fn is_clock(text: &str) -> bool {
    let part = |text: &str, most: u32| {
        text.len() == 2
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse().is_ok_and(|n: u32| n <= most)
    };
    text.split_once(':').is_some_and(|(hours, minutes)| part(hours, 23) && part(minutes, 59))
}

fn is_time_zone(text: &str) -> bool {
    text.parse::<chrono_tz::Tz>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_parts_stay_within_their_field() {
        for part in ["*", "*/15", "0", "59", "1-5", "10-50/10"] {
            assert!(is_cron_part(part, 0, 59, &[]), "{part}");
        }
        for part in ["", "60", "5-1", "*/0", "*/", "1-", "-1", "a", "+5", "1-2-3"] {
            assert!(!is_cron_part(part, 0, 59, &[]), "{part}");
        }
        assert!(is_cron_part("MON-fri", 0, 7, DAYS));
        assert!(is_cron_part("dec", 1, 12, MONTHS));
        assert!(!is_cron_part("0", 1, 12, MONTHS));
    }

    #[test]
    fn clocks_have_two_digits_each() {
        assert!(is_clock("08:00") && is_clock("23:59"));
        assert!(!is_clock("8:00") && !is_clock("24:00") && !is_clock("10:60") && !is_clock("1000"));
    }
}
