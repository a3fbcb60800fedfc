//! Five cron fields as the numbers that they name.

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When something is due, by the clock on the wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Numbers,
    hours: Numbers,
    days: Numbers,
    months: Numbers,
    weekdays: Numbers,
    /// Whether any day of the month, or of the week, will do.
    every: (bool, bool),
    /// Whether hours are counted and not named: then it goes on with the time that passes, whatever the
    /// clock on the wall is set to.
    pub(super) flows: bool,
}

impl Cron {
    /// None where a field names nothing that there is; whoever wrote it was told already.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
        let mut weekdays = Numbers::parse(weekday, (0, 7), &DAYS)?;
        // Sunday has two numbers.
        if weekdays.has(7) {
            weekdays.add(0);
        }
        Some(Self {
            minutes: Numbers::parse(minute, (0, 59), &[])?,
            hours: Numbers::parse(hour, (0, 23), &[])?,
            days: Numbers::parse(day, (1, 31), &[])?,
            months: Numbers::parse(month, (1, 12), &MONTHS)?,
            weekdays,
            every: (*day == "*", *weekday == "*"),
            flows: hour.contains('*'),
        })
    }

    /// Whether it is due on such a day; `weekday` counts from Sunday. Where both days are named, either of
    /// them suffices.
    pub(super) fn names_day(&self, month: u32, day: u32, weekday: u32) -> bool {
        let (on_day, on_weekday) = (self.days.has(day), self.weekdays.has(weekday));
        let named = match self.every {
            (false, false) => on_day || on_weekday,
            _ => on_day && on_weekday,
        };
        named && self.months.has(month)
    }

    /// Every hour and minute of such a day.
    pub(super) fn times(&self) -> impl Iterator<Item = (u32, u32)> {
        let hours = (0..24).filter(|hour| self.hours.has(*hour));
        hours.flat_map(|hour| {
            (0..60).filter(|minute| self.minutes.has(*minute)).map(move |minute| (hour, minute))
        })
    }
}

/// Numbers below 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers(u64);

impl Numbers {
    fn parse(field: &str, bounds: (u32, u32), words: &[&str]) -> Option<Self> {
        let mut found = Self::default();
        for part in field.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step.parse::<u32>().ok()?)),
                None => (part, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => bounds,
                Some((from, to)) => (number(from, bounds, words)?, number(to, bounds, words)?),
                None => {
                    let from = number(range, bounds, words)?;
                    (from, if step.is_some() { bounds.1 } else { from })
                }
            };
            let step = usize::try_from(step.unwrap_or(1)).ok().filter(|step| *step > 0)?;
            (from..=to).step_by(step).for_each(|number| found.add(number));
        }
        Some(found)
    }

    fn add(&mut self, number: u32) {
        self.0 |= 1u64.checked_shl(number).unwrap_or(0);
    }

    fn has(self, number: u32) -> bool {
        self.0 & 1u64.checked_shl(number).unwrap_or(0) != 0
    }
}

fn number(text: &str, (least, most): (u32, u32), words: &[&str]) -> Option<u32> {
    let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
    let number = match word {
        Some(position) => u32::try_from(position).ok()? + least,
        None => text.parse().ok()?,
    };
    (least..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str) -> Vec<(u32, u32)> {
        Cron::parse(text).unwrap().times().collect()
    }

    #[test]
    fn a_field_names_numbers_by_lists_ranges_steps_and_words() {
        assert_eq!(times("0 9 * * *"), [(9, 0)]);
        assert_eq!(times("0,30 9-10 * * *"), [(9, 0), (9, 30), (10, 0), (10, 30)]);
        assert_eq!(times("*/20 0 * * *"), [(0, 0), (0, 20), (0, 40)]);
        assert_eq!(times("50/5 23 * * *"), [(23, 50), (23, 55)]);
        assert_eq!(times("0 1-9/4 * * *"), [(1, 0), (5, 0), (9, 0)]);
        let cron = Cron::parse("0 9 * FEB,12 mon-Fri").unwrap();
        assert!(cron.names_day(2, 1, 1) && cron.names_day(12, 31, 5));
        assert!(!cron.names_day(3, 1, 1) && !cron.names_day(2, 1, 0) && !cron.names_day(2, 1, 6));
    }

    #[test]
    fn sunday_is_the_first_and_the_last_day() {
        for sunday in ["0", "7", "sun", "5-7"] {
            assert!(Cron::parse(&format!("0 9 * * {sunday}")).unwrap().names_day(1, 1, 0), "{sunday}");
        }
    }

    #[test]
    fn of_two_named_days_either_suffices_and_of_one_only_that_one() {
        let both = Cron::parse("0 9 13 * fri").unwrap();
        assert!(both.names_day(1, 13, 1) && both.names_day(1, 2, 5) && !both.names_day(1, 2, 1));
        let day = Cron::parse("0 9 13 * *").unwrap();
        assert!(day.names_day(1, 13, 1) && !day.names_day(1, 2, 5));
    }

    #[test]
    fn what_cannot_be_read_is_never_due() {
        for text in
            ["", "0 9 * *", "0 24 * * *", "0 9 0 * *", "*/0 9 * * *", "0 9 * * 8", "x 9 * * *", "9-x 9 * * *"]
        {
            assert_eq!(Cron::parse(text), None, "{text}");
        }
    }
}
