//! Fixed times: the workflow lists them, and a job knows its own by the text of the cron expression.

use serde::Serialize;

use crate::generator::pipeline::{Job, Trigger};

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
                let mut written = cron.clone();
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
