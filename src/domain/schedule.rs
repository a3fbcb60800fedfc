//! Schedules: what is wanted at a forge that keeps them apart from the files, what is there, and what is
//! between the two.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ModelName, Timestamp, UserId};

/// The variables that a pipeline gets from its schedule.
const ACTION: &str = "MERGEWRIGHT_ACTION";
const MODEL: &str = "MERGEWRIGHT_MODEL";
/// Variables of ours; others that people add are theirs.
const OURS: &str = "MERGEWRIGHT_";

/// What we know of one schedule of a model between two looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scheduled {
    /// The cron line and the zone that it stands in; empty for one that the configuration has no more.
    pub form: String,
    /// Since when we have seen it stand on the default branch in this form.
    pub since: Timestamp,
    /// The newest tick of which it is settled whether there was a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Timestamp>,
    /// The forge's number of the schedule that we keep there, where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
}

/// A schedule that a forge shall have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScheduleWish {
    /// The model.
    pub model: ModelName,
    /// Its name: the action that it starts.
    pub name: String,
    /// The branch that it runs on.
    pub branch: String,
    /// Five fields.
    pub cron: String,
    /// An IANA time zone.
    pub timezone: String,
}

impl ScheduleWish {
    /// What it is called at the forge, and found by.
    #[must_use]
    pub fn key(&self) -> String {
        schedule_key(&self.model, &self.name)
    }

    /// What its pipelines are told.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(ACTION.to_owned(), self.name.clone()), (MODEL.to_owned(), self.model.to_string())])
    }
}

/// What a schedule is called at the forge.
#[must_use]
pub fn schedule_key(model: &ModelName, name: &str) -> String {
    format!("mergewright {model}/{name}")
}

/// Whether a schedule is called like one of ours.
#[must_use]
pub fn is_schedule_key(text: &str) -> bool {
    let named = text.strip_prefix("mergewright ").and_then(|rest| rest.split_once('/'));
    // Schedules are called as models are.
    named.is_some_and(|(model, name)| model.parse::<ModelName>().is_ok() && name.parse::<ModelName>().is_ok())
}

/// A schedule as the forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSchedule {
    /// The forge's number.
    pub id: u64,
    /// What it is called.
    pub description: String,
    /// The branch that it runs on.
    pub branch: String,
    /// Five fields.
    pub cron: String,
    /// Its time zone.
    pub timezone: String,
    /// Whether it fires.
    pub active: bool,
    /// As whom its pipelines run; none where that account is gone.
    pub owner: Option<UserId>,
    /// What its pipelines are told; none where that is not shown to us.
    pub variables: Option<BTreeMap<String, String>>,
}

/// One write by which a forge's schedules come nearer to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleStep {
    /// There is none: it is created, with its variables.
    Create(ScheduleWish),
    /// Its pipelines run as us again.
    TakeOver(u64),
    /// It is as it is wanted, but for its variables.
    Change(u64, ScheduleWish),
    /// A variable has this value; whether there is one of that name already.
    Tell(u64, String, String, bool),
    /// A variable of ours that no wish has goes.
    Forget(u64, String),
    /// It goes.
    Remove(u64),
}

/// What is between what is wanted and what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleDifference {
    /// What is to be written, in order.
    pub steps: Vec<ScheduleStep>,
    /// The numbers of ours by key, as far as they are there.
    pub kept: BTreeMap<String, u64>,
    /// Schedules of other people that are called like ours; they stay as they are.
    pub alike: Vec<(u64, String)>,
}

/// Compares the two. Ours is what we own under such a name, and what we made (`known`, numbers by key), whoever
/// owns it now and whatever it is called. Of two for one wish the older stays.
#[must_use]
pub fn schedule_difference(
    wanted: &[ScheduleWish],
    found: &[FoundSchedule],
    known: &BTreeMap<String, u64>,
    us: UserId,
) -> ScheduleDifference {
    let mut difference = ScheduleDifference::default();
    let mut found: Vec<&FoundSchedule> = found.iter().collect();
    found.sort_by_key(|one| one.id);
    for one in found {
        let own = one.owner == Some(us);
        let named = is_schedule_key(&one.description);
        let key = match known.iter().find(|(_, id)| **id == one.id) {
            Some((key, _)) => key.as_str(),
            None if own && named => one.description.as_str(),
            None => {
                if named {
                    difference.alike.push((one.id, one.description.clone()));
                }
                continue;
            }
        };
        let wish = wanted.iter().find(|wish| wish.key() == key);
        match wish.filter(|_| !difference.kept.contains_key(key)) {
            Some(wish) => {
                difference.kept.insert(key.to_owned(), one.id);
                difference.steps.extend(steps(wish, one, own));
            }
            None => difference.steps.push(ScheduleStep::Remove(one.id)),
        }
    }
    let missing = wanted.iter().filter(|wish| !difference.kept.contains_key(&wish.key()));
    let missing: Vec<_> = missing.cloned().map(ScheduleStep::Create).collect();
    difference.steps.extend(missing);
    difference
}

/// What makes one schedule as it is wanted. Who does not own it may not see its variables: they come next.
fn steps(wish: &ScheduleWish, found: &FoundSchedule, own: bool) -> Vec<ScheduleStep> {
    let mut steps = Vec::new();
    if !own {
        steps.push(ScheduleStep::TakeOver(found.id));
    }
    let FoundSchedule { id, description, branch, cron, timezone, active, variables, .. } = found;
    let as_wanted = (description, branch, cron, timezone, *active)
        == (&wish.key(), &wish.branch, &wish.cron, &wish.timezone, true);
    if !as_wanted {
        steps.push(ScheduleStep::Change(*id, wish.clone()));
    }
    let Some(variables) = variables else { return steps };
    let told = wish.variables();
    for (name, value) in &told {
        let known = variables.get(name);
        if known != Some(value) {
            steps.push(ScheduleStep::Tell(*id, name.clone(), value.clone(), known.is_some()));
        }
    }
    let ours: BTreeSet<&String> = variables.keys().filter(|name| name.starts_with(OURS)).collect();
    let surplus = ours.into_iter().filter(|name| !told.contains_key(*name));
    steps.extend(surplus.map(|name| ScheduleStep::Forget(*id, name.clone())));
    steps
}

/// Whether the forge's own clock starts a model's schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeClock {
    /// It does.
    Ticks,
    /// The forge switched it off, since nothing happened in the repository for long.
    Idle,
    /// A person switched it off, or the forge has no such file.
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: UserId = UserId(7);

    fn wish(name: &str) -> ScheduleWish {
        ScheduleWish {
            model: "iris".parse().unwrap(),
            name: name.to_owned(),
            branch: "main".to_owned(),
            cron: "0 9 * * *".to_owned(),
            timezone: "Asia/Shanghai".to_owned(),
        }
    }

    fn found(id: u64, name: &str) -> FoundSchedule {
        let wish = wish(name);
        FoundSchedule {
            id,
            description: wish.key(),
            branch: wish.branch.clone(),
            cron: wish.cron.clone(),
            timezone: wish.timezone.clone(),
            active: true,
            owner: Some(US),
            variables: Some(wish.variables()),
        }
    }

    fn between(
        wanted: &[ScheduleWish],
        found: &[FoundSchedule],
        known: &[(u64, &str)],
    ) -> ScheduleDifference {
        let known = known.iter().map(|(id, name)| (wish(name).key(), *id)).collect();
        schedule_difference(wanted, found, &known, US)
    }

    #[test]
    fn what_is_as_it_is_wanted_costs_no_write() {
        let all = between(&[wish("nightly")], &[found(3, "nightly")], &[(3, "nightly")]);
        assert_eq!(all.steps, []);
        assert_eq!(all.kept, BTreeMap::from([("mergewright iris/nightly".to_owned(), 3)]));
        assert_eq!(between(&[], &[], &[]), ScheduleDifference::default());
    }

    #[test]
    fn what_is_missing_is_created_and_what_nobody_wants_goes() {
        let all = between(&[wish("weekly")], &[found(3, "nightly")], &[]);
        assert_eq!(all.steps, [ScheduleStep::Remove(3), ScheduleStep::Create(wish("weekly"))]);
        assert_eq!(all.kept, BTreeMap::new());
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut drifted = found(3, "nightly");
        drifted.active = false;
        assert_eq!(
            between(&[wish("nightly")], &[drifted.clone()], &[]).steps,
            [ScheduleStep::Change(3, wish("nightly"))]
        );
        drifted.active = true;
        let variables = drifted.variables.as_mut().unwrap();
        variables.insert("MERGEWRIGHT_ACTION".to_owned(), "publish".to_owned());
        variables.remove("MERGEWRIGHT_MODEL");
        variables.insert("MERGEWRIGHT_COMMIT".to_owned(), "a".repeat(40));
        variables.insert("DEPTH".to_owned(), "3".to_owned());
        let tell =
            |name: &str, value: &str, known| ScheduleStep::Tell(3, name.to_owned(), value.to_owned(), known);
        assert_eq!(
            between(&[wish("nightly")], &[drifted], &[]).steps,
            [
                tell("MERGEWRIGHT_ACTION", "nightly", true),
                tell("MERGEWRIGHT_MODEL", "iris", false),
                ScheduleStep::Forget(3, "MERGEWRIGHT_COMMIT".to_owned()),
            ]
        );
    }

    #[test]
    fn of_two_the_older_stays() {
        let all = between(&[wish("nightly")], &[found(9, "nightly"), found(3, "nightly")], &[(9, "nightly")]);
        assert_eq!(all.steps, [ScheduleStep::Remove(9)]);
        assert_eq!(all.kept.values().collect::<Vec<_>>(), [&3]);
    }

    #[test]
    fn what_we_made_is_taken_back_whoever_owns_it_and_whatever_it_is_called() {
        let taken = FoundSchedule { owner: Some(UserId(8)), variables: None, ..found(3, "nightly") };
        assert_eq!(
            between(&[wish("nightly")], &[taken], &[(3, "nightly")]).steps,
            [ScheduleStep::TakeOver(3)]
        );
        let renamed = FoundSchedule { owner: None, description: "mine".to_owned(), ..found(3, "nightly") };
        assert_eq!(
            between(&[wish("nightly")], std::slice::from_ref(&renamed), &[(3, "nightly")]).steps,
            [ScheduleStep::TakeOver(3), ScheduleStep::Change(3, wish("nightly"))]
        );
        assert_eq!(between(&[], &[renamed], &[(3, "nightly")]).steps, [ScheduleStep::Remove(3)]);
    }

    #[test]
    fn what_somebody_else_made_stays_and_is_named() {
        let theirs = FoundSchedule { owner: Some(UserId(8)), ..found(3, "nightly") };
        let all = between(&[wish("nightly")], std::slice::from_ref(&theirs), &[]);
        assert_eq!(all.steps, [ScheduleStep::Create(wish("nightly"))]);
        assert_eq!(all.alike, [(3, "mergewright iris/nightly".to_owned())]);
        assert_eq!(between(&[], &[theirs], &[]).steps, []);
        let others = FoundSchedule { description: "nightly build".to_owned(), ..found(4, "nightly") };
        assert_eq!(between(&[], &[others], &[]), ScheduleDifference::default());
    }

    #[test]
    fn a_key_names_a_model_and_a_schedule() {
        for good in ["mergewright iris/nightly", "mergewright a-1/2nd"] {
            assert!(is_schedule_key(good), "{good}");
        }
        for bad in
            ["", "mergewright", "mergewright iris", "mergewright iris/", "iris/nightly", "mergewright Iris/x"]
        {
            assert!(!is_schedule_key(bad), "{bad}");
        }
    }
}
