//! Which schedules there are, and since when.

use std::collections::BTreeMap;

use super::Ticks;
use crate::config::valid::RepositoryConfig;
use crate::domain::{ModelName, ScheduleWish, Scheduled, Timestamp};

/// What is known of a repository's schedules, by model and name.
pub type Schedules = BTreeMap<ModelName, BTreeMap<String, Scheduled>>;

/// A schedule of the default branch's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The model.
    pub model: ModelName,
    /// Its name.
    pub name: String,
    cron: String,
    timezone: String,
}

impl Wanted {
    /// What the forge shall have, on this branch.
    #[must_use]
    pub fn wish(&self, branch: &str) -> ScheduleWish {
        ScheduleWish {
            model: self.model.clone(),
            name: self.name.clone(),
            branch: branch.to_owned(),
            cron: self.cron.clone(),
            timezone: self.timezone.clone(),
        }
    }

    /// When it is due.
    pub(super) fn ticks(&self) -> Option<Ticks> {
        Ticks::parse(&self.cron, &self.timezone)
    }

    fn form(&self) -> String {
        format!("{} {}", self.cron, self.timezone)
    }
}

/// The schedules of every model.
#[must_use]
pub fn wanted(config: &RepositoryConfig) -> Vec<Wanted> {
    let of_model = |(name, model): (&ModelName, &crate::config::valid::Model)| {
        let model_name = name.clone();
        let one = move |(name, schedule): (&String, &crate::config::valid::Schedule)| Wanted {
            model: model_name.clone(),
            name: name.clone(),
            cron: schedule.cron.clone(),
            timezone: schedule.timezone.clone(),
        };
        model.schedules.iter().map(one).collect::<Vec<_>>()
    };
    config.models.iter().flat_map(of_model).collect()
}

/// How they stand now: one that is new, or has another form, stands since now. One that the forge still has and
/// nobody wants any more is kept in mind until it is gone there.
pub(super) fn stand(wanted: &[Wanted], known: &Schedules, now: Timestamp) -> Schedules {
    let mut standing = Schedules::new();
    for (model, schedules) in known {
        let left = schedules.iter().filter(|(_, one)| one.kept.is_some());
        let left: BTreeMap<_, _> = left
            .map(|(name, one)| (name.clone(), Scheduled { form: String::new(), ..one.clone() }))
            .collect();
        standing.insert(model.clone(), left);
    }
    for one in wanted {
        let before = known.get(&one.model).and_then(|model| model.get(&one.name));
        let kept = before.and_then(|before| before.kept);
        let next = match before.filter(|before| before.form == one.form()) {
            Some(before) => before.clone(),
            None => Scheduled { form: one.form(), since: now, settled: None, kept },
        };
        standing.entry(one.model.clone()).or_default().insert(one.name.clone(), next);
    }
    standing
}
