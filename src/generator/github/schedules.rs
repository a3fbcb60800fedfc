//! Fixed times: the workflow lists them, and a job knows its own by the text of the cron expression.

use serde::Serialize;

use crate::generator::pipeline::{Job, Trigger};

/// The same times without the number 7, which is another Sunday to most clocks and none to GitHub's.
fn sunday_as_zero(cron: &str) -> String {
    let Some((rest, days)) = cron.rsplit_once(' ') else { return cron.to_owned() };
    if !days.contains('7') {
        return cron.to_owned();
    }
    let numbers = |day: &str| -> Option<u32> {
        const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let named = DAYS.iter().position(|name| day.eq_ignore_ascii_case(name));
        named.and_then(|place| u32::try_from(place).ok()).or_else(|| day.parse().ok())
    };
    let mut chosen = std::collections::BTreeSet::new();
    for part in days.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (numbers(from), numbers(to)),
            None if range == "*" => (Some(0), Some(6)),
            // `3/2` is every second day from the third on.
            None if part.contains('/') => (numbers(range), Some(6)),
            None => (numbers(range), numbers(range)),
        };
        let (Some(from), Some(to), Ok(step)) = (from, to, step.parse::<usize>()) else {
            return cron.to_owned();
        };
        chosen.extend((from..=to).step_by(step.max(1)).map(|day| day % 7));
    }
    let days: Vec<String> = chosen.iter().map(u32::to_string).collect();
    format!("{rest} {}", days.join(","))
}

/// One time in `on.schedule`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ScheduleView {
    /// The job that it is for.
    #[serde(skip)]
    pub(super) job: String,
    pub(super) cron: String,
    pub(super) timezone: String,
}

impl ScheduleView {
    /// The times of a model's jobs. A run that a clock started tells only the expression, not the zone, so
    /// the same expression in another zone is written in another way: `0,0` is the same minute as `0`.
    pub(super) fn all(jobs: &[&Job]) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for job in jobs {
            for trigger in &job.triggers {
                let Trigger::Clock { name, cron, timezone } = trigger else { continue };
                let clashes =
                    |cron: &str| found.iter().any(|one| one.cron == cron && one.timezone != *timezone);
                let mut written = sunday_as_zero(cron);
                while clashes(&written) {
                    let (minute, rest) = written.split_once(' ').unwrap_or((&written, ""));
                    let again = minute.rsplit(',').next().unwrap_or(minute);
                    written = format!("{minute},{again} {rest}");
                }
                found.push(Self { job: name.clone(), cron: written, timezone: timezone.clone() });
            }
        }
        found
    }

    /// Each time once, however many jobs it starts.
    pub(super) fn distinct(all: &[Self]) -> Vec<Self> {
        let mut distinct: Vec<Self> = Vec::new();
        for one in all {
            if !distinct.iter().any(|other| (&other.cron, &other.timezone) == (&one.cron, &one.timezone)) {
                distinct.push(one.clone());
            }
        }
        distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sunday_is_written_as_the_number_that_github_knows() {
        for (cron, written) in [
            ("0 9 * * 7", "0 9 * * 0"),
            ("0 9 * * 5-7", "0 9 * * 0,5,6"),
            ("0 9 * * mon,7", "0 9 * * 0,1"),
            ("0 9 * * 0-7", "0 9 * * 0,1,2,3,4,5,6"),
            ("0 9 * * */7", "0 9 * * 0"),
            ("7 7 7 7 sun", "7 7 7 7 sun"),
            ("0 9 * * 1-5", "0 9 * * 1-5"),
        ] {
            assert_eq!(sunday_as_zero(cron), written, "{cron}");
        }
    }
}
