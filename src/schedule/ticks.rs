//! The moments at which a schedule is due, in its own time zone.

use chrono::offset::LocalResult;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::cron::Cron;
use crate::domain::Timestamp;

/// The longest that a line may wait for its day: a leap day over a century without one.
const MOST_DAYS: u32 = 9 * 366;

/// A cron line in a time zone.
///
/// Where the clock on the wall is put forward, a named time that does not exist is due at the end of the gap;
/// where it is put back, a named time that exists twice is due the first time alone. Hours that are counted
/// (`*`, `*/2`) go on with the time that passes: what does not exist is left out, what exists twice is due twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticks {
    cron: Cron,
    zone: Tz,
}

impl Ticks {
    /// None for what no configuration can hold.
    #[must_use]
    pub fn parse(cron: &str, zone: &str) -> Option<Self> {
        Some(Self { cron: Cron::parse(cron)?, zone: zone.parse().ok()? })
    }

    /// The first one later than `at`.
    #[must_use]
    pub fn after(&self, at: Timestamp) -> Option<Timestamp> {
        // A gap may bring a tick from the day before.
        let first = self.date(at)?.checked_sub_days(Days::new(1))?;
        let days = (0..MOST_DAYS).map_while(|count| first.checked_add_days(Days::new(count.into())));
        days.filter_map(|day| self.on(day).into_iter().find(|tick| *tick > at)).next()
    }

    /// The last one at `at` or before.
    #[must_use]
    pub fn upto(&self, at: Timestamp) -> Option<Timestamp> {
        // An hour that exists twice may reach over midnight.
        let last = self.date(at)?.checked_add_days(Days::new(1))?;
        let days = (0..MOST_DAYS).map_while(|count| last.checked_sub_days(Days::new(count.into())));
        days.filter_map(|day| self.on(day).into_iter().rfind(|tick| *tick <= at)).next()
    }

    fn date(&self, at: Timestamp) -> Option<NaiveDate> {
        Some(at.calendar()?.with_timezone(&self.zone).date_naive())
    }

    /// Those of one day of the calendar, in order.
    fn on(&self, day: NaiveDate) -> Vec<Timestamp> {
        if !self.cron.names_day(day.month(), day.day(), day.weekday().num_days_from_sunday()) {
            return Vec::new();
        }
        let mut ticks: Vec<Timestamp> = self.cron.times().flat_map(|time| self.at(day, time)).collect();
        ticks.sort_unstable();
        ticks.dedup();
        ticks
    }

    fn at(&self, day: NaiveDate, (hour, minute): (u32, u32)) -> Vec<Timestamp> {
        let Some(time) = NaiveTime::from_hms_opt(hour, minute, 0) else { return Vec::new() };
        let local = day.and_time(time);
        let found = match (self.zone.from_local_datetime(&local), self.cron.flows) {
            (LocalResult::Single(tick), _) => vec![tick],
            (LocalResult::Ambiguous(first, second), true) => vec![first, second],
            (LocalResult::Ambiguous(first, _), false) => vec![first],
            (LocalResult::None, true) => Vec::new(),
            (LocalResult::None, false) => self.end_of_gap(local).into_iter().collect(),
        };
        found.into_iter().map(|tick| Timestamp(tick.timestamp_millis())).collect()
    }

    /// The first minute that exists again.
    fn end_of_gap(&self, local: NaiveDateTime) -> Option<DateTime<Tz>> {
        // No zone ever left out more than a day.
        let minutes = (1..=25 * 60).map_while(|count| local.checked_add_signed(TimeDelta::minutes(count)));
        minutes.filter_map(|time| self.zone.from_local_datetime(&time).earliest()).next()
    }
}
