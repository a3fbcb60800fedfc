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
        if written.len() == 6 {
            self.refuse("has six fields: nothing here counts seconds", remedy);
            return None;
        }
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
        if let [_, _, day, month, weekday] = written.as_slice()
            && !ever_fires(day, month, weekday)
        {
            self.refuse("never fires: no such month has such a day", remedy);
            return None;
        }
        Some(written.join(" "))
    }

    /// An IANA time zone.
    pub(super) fn time_zone(&self) -> Option<String> {
        let text = self.line()?;
        self.is_time_zone(text).then(|| text.to_owned())
    }

    /// Whether `text` names a time zone; if not, that is told.
    fn is_time_zone(&self, text: &str) -> bool {
        let known = text.parse::<chrono_tz::Tz>().is_ok();
        if !known {
            let names: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
            let remedy = match self.sink.nearest(text, &names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "write a name of the IANA list, such as `Europe/Berlin` or `UTC`".to_owned(),
            };
            self.refuse(&format!("names no time zone: `{}`", cut(text)), remedy);
        }
        known
    }

    /// Windows such as `Fri 16:00 - Mon 08:00 Asia/Shanghai`, which leave some of the week open.
    pub(super) fn freeze_windows(&self) -> Vec<String> {
        let windows: Vec<String> = self.items().iter().filter_map(Self::freeze_window).collect();
        if never_thaws(&windows) {
            self.refuse("freezes the whole week", "leave some time in which something can be promoted");
        }
        windows
    }

    /// One such window.
    fn freeze_window(&self) -> Option<String> {
        let text = self.line()?;
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let zone = match words.as_slice() {
            [from, at, "-", to, until, zone]
                if is_day(from) && is_clock(at) && is_day(to) && is_clock(until) =>
            {
                *zone
            }
            _ => {
                let remedy = "write it like `Fri 16:00 - Mon 08:00 Asia/Shanghai`, the time zone as the IANA list names it";
                self.refuse("is no window of time", remedy);
                return None;
            }
        };
        if words.get(..2) == words.get(3..5) {
            self.refuse("ends when it begins", "write when it ends, such as `Fri 16:00 - Mon 08:00 UTC`");
            return None;
        }
        self.is_time_zone(zone).then(|| words.join(" "))
    }
}

fn is_cron_part(part: &str, least: u32, most: u32, words: &[&str]) -> bool {
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let number = |text: &str| cron_number(text, least, words).filter(|value| (least..=most).contains(value));
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

/// Whether a cron line names a day that exists in one of its months. Where the day of the week is named
/// as well, either of them suffices.
fn ever_fires(day: &str, month: &str, weekday: &str) -> bool {
    const LONGEST: [(u32, u32); 12] = [
        (1, 31),
        (2, 29),
        (3, 31),
        (4, 30),
        (5, 31),
        (6, 30),
        (7, 31),
        (8, 31),
        (9, 30),
        (10, 31),
        (11, 30),
        (12, 31),
    ];
    let first_day = (1..=31).find(|number| names_number(day, *number, (1, 31), &[]));
    weekday != "*"
        || first_day.is_some_and(|day| {
            LONGEST.iter().any(|(number, days)| day <= *days && names_number(month, *number, (1, 12), MONTHS))
        })
}

/// Whether a sound cron field covers a number.
fn names_number(field: &str, wanted: u32, (least, most): (u32, u32), words: &[&str]) -> bool {
    field.split(',').any(|part| {
        let (range, step) =
            part.split_once('/').map_or((part, None), |(range, step)| (range, step.parse().ok()));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (Some(least), Some(most)),
            Some((from, to)) => (cron_number(from, least, words), cron_number(to, least, words)),
            None => {
                let from = cron_number(range, least, words);
                (from, if step.is_some() { Some(most) } else { from })
            }
        };
        let (Some(from), Some(to)) = (from, to) else { return false };
        (from..=to).contains(&wanted) && (wanted - from).is_multiple_of(step.unwrap_or(1))
    })
}

/// A number of a cron field, or the word for one.
fn cron_number(text: &str, least: u32, words: &[&str]) -> Option<u32> {
    match words.iter().position(|word| word.eq_ignore_ascii_case(text)) {
        Some(position) => u32::try_from(position).ok().map(|position| position + least),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

/// Whether windows of one time zone cover the week from end to end.
fn never_thaws(windows: &[String]) -> bool {
    const WEEK: u32 = 7 * 24 * 60;
    let minute = |day: &str, clock: &str| {
        let day = DAYS.iter().position(|name| name.eq_ignore_ascii_case(day))?;
        let (hours, minutes) = clock.split_once(':')?;
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        Some(u32::try_from(day).ok()? * 24 * 60 + hours * 60 + minutes)
    };
    let mut frozen: Vec<(u32, u32)> = Vec::new();
    let mut zones: Vec<&str> = Vec::new();
    for window in windows {
        let words: Vec<&str> = window.split(' ').collect();
        let [from, at, _, to, until, zone] = words.as_slice() else { return false };
        let (Some(from), Some(to)) = (minute(from, at), minute(to, until)) else { return false };
        if from < to {
            frozen.push((from, to))
        } else {
            frozen.extend([(from, WEEK), (0, to)])
        }
        zones.push(zone);
    }
    frozen.sort_unstable();
    let covered = frozen.iter().fold(0, |end, (from, to)| if *from <= end { end.max(*to) } else { end });
    zones.windows(2).all(|pair| pair.first() == pair.last()) && covered == WEEK
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
