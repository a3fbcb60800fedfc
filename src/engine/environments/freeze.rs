//! Windows in which nothing is promoted, in their own time zone.

use chrono::{Datelike as _, Timelike as _, Weekday};
use chrono_tz::Tz;

use crate::domain::Timestamp;

/// The window that is open now, if one is. One that cannot be read counts as open: not knowing denies.
pub(super) fn frozen(windows: &[String], now: Timestamp) -> Option<&str> {
    windows.iter().map(String::as_str).find(|window| is_open(window, now).unwrap_or(true))
}

/// Whether a window such as `Fri 16:00 - Mon 08:00 Asia/Shanghai` is open; none where it cannot be read.
fn is_open(window: &str, now: Timestamp) -> Option<bool> {
    let words: Vec<&str> = window.split_ascii_whitespace().collect();
    let [from, at, "-", to, until, zone] = words.as_slice() else { return None };
    let zone: Tz = zone.parse().ok()?;
    let local = now.calendar()?.with_timezone(&zone);
    let minute = minute_of(local.weekday(), local.hour(), local.minute());
    let (begin, end) = (read(from, at)?, read(to, until)?);
    Some(if begin < end { (begin..end).contains(&minute) } else { minute >= begin || minute < end })
}

fn read(day: &str, clock: &str) -> Option<u32> {
    let day: Weekday = day.parse().ok()?;
    let (hour, minute) = clock.split_once(':')?;
    Some(minute_of(day, hour.parse().ok()?, minute.parse().ok()?))
}

/// Minutes since the week began.
fn minute_of(day: Weekday, hour: u32, minute: u32) -> u32 {
    (day.num_days_from_monday() * 24 + hour) * 60 + minute
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(window: &str, at: &str) -> bool {
        frozen(&[window.to_owned()], Timestamp::parse(at).unwrap()).is_some()
    }

    #[test]
    fn a_weekend_is_counted_in_its_own_time_zone() {
        let weekend = "Fri 16:00 - Mon 08:00 Asia/Shanghai";
        // 2026-11-27 is a Friday; Shanghai is eight hours ahead.
        assert!(!open(weekend, "2026-11-27T07:59:59Z"));
        assert!(open(weekend, "2026-11-27T08:00:00Z"));
        assert!(open(weekend, "2026-11-29T12:00:00Z"));
        assert!(open(weekend, "2026-11-29T23:59:59Z"));
        assert!(!open(weekend, "2026-11-30T00:00:00Z"));
    }

    #[test]
    fn a_window_within_a_week_follows_daylight_saving() {
        let night = "Wed 22:00 - Thu 06:00 Europe/Berlin";
        // In July Berlin is two hours ahead, in November one.
        assert!(open(night, "2026-07-01T20:00:00Z") && !open(night, "2026-07-01T19:59:00Z"));
        assert!(open(night, "2026-11-25T21:00:00Z") && !open(night, "2026-11-25T20:59:00Z"));
        assert!(!open(night, "2026-11-27T02:00:00Z"));
    }

    #[test]
    fn what_cannot_be_read_freezes() {
        assert!(open("Fri 16:00 - Mon 08:00 Mars/Olympus", "2026-11-25T12:00:00Z"));
        assert!(open("whenever", "2026-11-25T12:00:00Z"));
        assert_eq!(frozen(&[], Timestamp(0)), None);
    }
}
