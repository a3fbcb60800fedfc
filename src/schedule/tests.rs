//! When things are due where clocks are put forward and back, and what is made up for.

use std::time::Duration;

use proptest::prelude::{any, prop};
use proptest::strategy::Strategy;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::standing::stand;
use super::{Answer, Answered, GRACE, Schedules, Ticks, Wanted, decide, look_at, overdue, wanted};
use crate::config::repository;
use crate::domain::{Effect, ForgeClock, ModelName, RunId, Scheduled, Sha, Timestamp};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn ticks(cron: &str, zone: &str) -> Ticks {
    Ticks::parse(cron, zone).unwrap()
}

/// The first few after a moment, in UTC.
fn next(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let ticks = ticks(cron, zone);
    let all = std::iter::successors(ticks.after(at(after)), |tick| ticks.after(*tick));
    all.take(count).map(|tick| tick.to_string()).collect()
}

#[test]
fn nine_in_the_morning_is_nine_where_it_is_meant() {
    let day = "2026-11-22T00:00:00Z";
    assert_eq!(next("0 9 * * *", "Asia/Shanghai", day, 2), ["2026-11-22T01:00:00Z", "2026-11-23T01:00:00Z"]);
    assert_eq!(next("0 9 * * *", "UTC", day, 1), ["2026-11-22T09:00:00Z"]);
    assert_eq!(next("30 9 * * mon-fri", "Europe/Berlin", day, 1), ["2026-11-23T08:30:00Z"]);
}

#[test]
fn a_named_time_that_does_not_exist_is_due_at_the_end_of_the_gap() {
    let berlin = next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
    assert_eq!(berlin, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    let new_york = next("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2);
    assert_eq!(new_york, ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]);
    // Half an hour is left out there: 02:00 to 02:30.
    let lord_howe = next("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2);
    assert_eq!(lord_howe, ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]);
    // All that the gap swallows is one.
    let several = next("*/20 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
    assert_eq!(several, ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
    // A whole day was left out there.
    let apia = next("0 9 * * *", "Pacific/Apia", "2011-12-29T20:00:00Z", 2);
    assert_eq!(apia, ["2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z"]);
}

#[test]
fn a_named_time_that_exists_twice_is_due_once_and_the_first_time() {
    let berlin = next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
    assert_eq!(berlin, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    let new_york = next("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2);
    assert_eq!(new_york, ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    let lord_howe = next("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2);
    assert_eq!(lord_howe, ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]);
}

#[test]
fn counted_hours_go_on_with_the_time_that_passes() {
    let spring = next("0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", 3);
    assert_eq!(spring, ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]);
    let autumn = next("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 3);
    assert_eq!(autumn, ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]);
    let stepped = next("0 */2 * * *", "Europe/Berlin", "2026-03-28T22:30:00Z", 2);
    assert_eq!(stepped, ["2026-03-28T23:00:00Z", "2026-03-29T02:00:00Z"], "02:00 does not exist");
}

#[test]
fn a_leap_day_is_waited_for() {
    let leap = next("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 2);
    assert_eq!(leap, ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
    let century = next("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1);
    assert_eq!(century, ["2104-02-29T00:00:00Z"]);
    assert_eq!(ticks("0 0 29 2 *", "UTC").upto(at("2103-01-01T00:00:00Z")), Some(at("2096-02-29T00:00:00Z")));
}

#[test]
fn what_is_no_line_or_no_zone_is_never_due() {
    assert_eq!((Ticks::parse("0 9 * *", "UTC"), Ticks::parse("0 9 * * *", "Mars/Base")), (None, None));
}

const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai", "America/Sao_Paulo"];

fn zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&ZONES[..])
}

/// Any moment of 2020 to 2030.
fn moment() -> impl Strategy<Value = Timestamp> {
    (1_577_836_800_000..1_893_456_000_000_i64).prop_map(Timestamp)
}

proptest! {
    #[test]
    fn after_and_upto_are_two_ways_of_the_same(zone in zone(), hour in 0..24u32, minute in 0..60u32, from in moment()) {
        for cron in [format!("{minute} {hour} * * *"), format!("{minute} */3 * * mon,thu"), "7 4 1-9 * 2".to_owned()] {
            let ticks = ticks(&cron, zone);
            let next = ticks.after(from).unwrap();
            prop_assert!(next > from);
            prop_assert_eq!(ticks.upto(next), Some(next));
            let before = ticks.upto(Timestamp(next.0 - 1)).unwrap();
            prop_assert!(before <= from);
            prop_assert_eq!(ticks.after(before), Some(next));
        }
    }

    #[test]
    fn a_named_time_is_due_once_every_day(zone in zone(), hour in 0..24u32, minute in 0..60u32, from in moment()) {
        let ticks = ticks(&format!("{minute} {hour} * * *"), zone);
        let mut tick = ticks.after(from).unwrap();
        for _ in 0..370 {
            let next = ticks.after(tick).unwrap();
            let hours = next.since(tick).as_secs_f64() / 3600.0;
            prop_assert!((22.9..=25.1).contains(&hours), "{} hours from {} to {}", hours, tick, next);
            tick = next;
        }
    }

    #[test]
    fn every_hour_is_every_hour_that_passes(from in moment(), zone in prop::sample::select(&ZONES[..3])) {
        let ticks = ticks("0 * * * *", zone);
        let mut tick = ticks.after(from).unwrap();
        for _ in 0..50 {
            let next = ticks.after(tick).unwrap();
            prop_assert_eq!(next.since(tick), Duration::from_secs(3600));
            tick = next;
        }
    }

    #[test]
    fn a_missed_tick_is_looked_at_once_and_never_near_the_next(
        from in moment(), zone in zone(), minutes in 0..4000i64, settles in any::<bool>(), hours in 1..13u32
    ) {
        let ticks = ticks(&format!("17 */{hours} * * *"), zone);
        let mut standing = Scheduled { since: from, ..Scheduled::default() };
        let now = Timestamp(from.0 + minutes * 60_000);
        if let Some(tick) = overdue(&ticks, &standing, now) {
            prop_assert!(tick >= from && now.since(tick) >= GRACE);
            prop_assert_eq!(ticks.upto(now), Some(tick), "only the newest");
            prop_assert!(ticks.after(now).unwrap().since(now) > GRACE);
            standing.settled = settles.then_some(tick);
            prop_assert_eq!(overdue(&ticks, &standing, now).is_none(), settles);
        }
        // Whoever is woken when it was told to finds something to look at.
        if let Some(wake) = look_at(&ticks, &Scheduled { settled: None, ..standing }, now) {
            prop_assert!(wake > now);
            let waits = Scheduled { since: from, ..Scheduled::default() };
            prop_assert!(overdue(&ticks, &waits, wake).is_some());
        }
    }
}

const POLICY: &str = r#"version: 1
models:
  iris:
    toolchain: {kind: custom}
    build: {run: [x], artifacts: [m]}
    test: {run: [y], reports: {metrics: m.json}}
    version: {strategy: sequence}
    schedules: {nightly: {cron: "0 9 * * *", timezone: Asia/Shanghai, task: retrain}}
"#;

fn iris() -> ModelName {
    "iris".parse().unwrap()
}

fn nightly() -> Vec<Wanted> {
    wanted(&repository::parse(POLICY).unwrap())
}

fn head() -> Sha {
    "a".repeat(40).parse().unwrap()
}

/// What follows from one look with this answer to whatever is asked.
fn look(known: &Schedules, now: &str, answer: Answer) -> super::Decided {
    let wanted = nightly();
    let mut answered = Answered::ask(&wanted, known, at(now));
    for question in std::mem::take(&mut answered.questions) {
        answered.answer(question, answer);
    }
    decide(&wanted, answered, ("main", &head()), at(now))
}

const MISSED: Answer = Answer::Missed(ForgeClock::Ticks);

#[test]
fn what_never_stood_is_not_missed_and_what_stood_is_made_up_for_once() {
    let first = look(&Schedules::new(), "2026-11-23T03:00:00Z", MISSED);
    assert_eq!((first.effects.len(), first.wake_at), (0, Some(at("2026-11-24T02:00:00Z"))));
    let early = look(&first.schedules, "2026-11-24T01:59:59Z", MISSED);
    assert_eq!((early.effects.len(), early.wake_at), (0, Some(at("2026-11-24T02:00:00Z"))));
    let due = look(&first.schedules, "2026-11-24T02:00:00Z", MISSED);
    let [Effect::Dispatch { branch, order, attempt }] = due.effects.as_slice() else { panic!("{due:?}") };
    assert_eq!((branch.as_str(), order.action.as_str(), &order.commit), ("main", "nightly", &head()));
    assert_eq!(i64::from(*attempt) * 60_000, at("2026-11-24T01:00:00Z").0);
    assert_eq!(due.wake_at, Some(at("2026-11-25T02:00:00Z")));
    assert!(
        due.audit[0].what.contains("iris/nightly: nothing ran for 2026-11-24T01:00:00Z"),
        "{:?}",
        due.audit
    );
    assert_eq!(look(&due.schedules, "2026-11-24T09:00:00Z", MISSED).effects, []);
}

#[test]
fn after_days_of_sleep_only_the_newest_is_made_up_for_and_not_shortly_before_the_next() {
    let first = look(&Schedules::new(), "2026-11-20T03:00:00Z", MISSED);
    let late = look(&first.schedules, "2026-11-24T12:00:00Z", MISSED);
    assert_eq!(late.effects.len(), 1);
    assert_eq!(late.schedules[&iris()]["nightly"].settled, Some(at("2026-11-24T01:00:00Z")));
    let too_late = look(&first.schedules, "2026-11-25T00:00:00Z", MISSED);
    assert_eq!((too_late.effects.len(), too_late.wake_at), (0, Some(at("2026-11-25T02:00:00Z"))));
}

#[test]
fn what_ran_or_was_switched_off_by_a_person_is_left_alone_and_an_idle_clock_is_started() {
    let first = look(&Schedules::new(), "2026-11-23T03:00:00Z", MISSED).schedules;
    let now = "2026-11-24T02:00:00Z";
    let ran = look(&first, now, Answer::Ran(RunId(7)));
    assert_eq!((ran.effects.len(), ran.audit.len()), (0, 0));
    let off = look(&first, now, Answer::Missed(ForgeClock::Off));
    assert_eq!((off.effects.len(), off.audit.len()), (0, 1));
    assert_eq!(look(&off.schedules, "2026-11-24T05:00:00Z", MISSED).effects, [], "that tick is settled");
    let kinds = |decided: &super::Decided| decided.effects.iter().map(Effect::kind).collect::<Vec<_>>();
    assert_eq!(kinds(&look(&first, now, Answer::Missed(ForgeClock::Idle))), ["start_clock", "dispatch"]);
}

#[test]
fn another_form_stands_since_now_and_a_removed_one_is_known_until_it_is_gone() {
    let wanted = nightly();
    let mut known = stand(&wanted, &Schedules::new(), at("2026-11-20T00:00:00Z"));
    let one = known.get_mut(&iris()).unwrap().get_mut("nightly").unwrap();
    (one.form, one.kept, one.settled) = ("0 8 * * * UTC".to_owned(), Some(3), Some(Timestamp(5)));
    let now = at("2026-11-24T00:00:00Z");
    let next = stand(&wanted, &known, now)[&iris()]["nightly"].clone();
    assert_eq!((next.since, next.kept, next.settled), (now, Some(3), None));
    let removed = stand(&[], &known, now)[&iris()]["nightly"].clone();
    assert_eq!((removed.form.as_str(), removed.kept), ("", Some(3)));
    let never_kept = stand(&[], &stand(&wanted, &Schedules::new(), now), now);
    assert_eq!(never_kept[&iris()].len(), 0);
}
