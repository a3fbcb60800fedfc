//! Rules at and around their bounds.

use crate::config::valid::{Direction, Level, Rule, Tolerance};
use crate::domain::{JobId, Sha, Verdict};

use super::*;

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn rule() -> Rule {
    Rule {
        id: "m".to_owned(),
        metric: "m".to_owned(),
        direction: Direction::Higher,
        min: None,
        max: None,
        max_regression: None,
        level: Level::Block,
        required: false,
        slice: None,
        min_samples: None,
        cumulative: None,
        confidence: None,
        line: Some(20),
    }
}

fn dataset(digit: char) -> Option<Sha> {
    Some(digit.to_string().repeat(40).parse().unwrap())
}

fn report(value: Option<&str>) -> Report {
    Report {
        model: "iris".parse().unwrap(),
        head: "a".repeat(40).parse().unwrap(),
        job: JobId(1),
        source: "1".to_owned(),
        metrics: value.map(|value| ("m".to_owned(), number(value))).into_iter().collect(),
        unusable: Default::default(),
        tests: None,
        artifacts: vec![],
        dataset: dataset('d'),
    }
}

fn baseline(value: &str) -> VersionRecord {
    use crate::engine::tests::scene::record;
    VersionRecord { dataset: dataset('d'), ..record(3, &[("m", value)]) }
}

fn verdict(rule: &Rule, value: &str, before: Option<&str>) -> Verdict {
    one(rule, &report(Some(value)), before.map(baseline).as_ref()).verdict
}

#[test]
fn bounds_are_inclusive_and_exact() {
    let rule = Rule { min: Some(number("0.90")), max: Some(number("0.95")), ..rule() };
    for (value, expected) in [
        ("0.9", Verdict::Pass),
        ("0.95", Verdict::Pass),
        ("0.8999999999999999", Verdict::Fail),
        ("0.9500000000000001", Verdict::Fail),
        ("9.5", Verdict::Fail),
    ] {
        assert_eq!(verdict(&rule, value, None), expected, "{value}");
    }
}

#[test]
fn regressions_are_exact_at_the_boundary_in_every_unit_and_direction() {
    let cases = [
        // direction, tolerance, before, just allowed, just too much
        (Direction::Higher, Tolerance::Absolute(number("0.01")), "0.93", "0.92", "0.9199999999999999"),
        (Direction::Lower, Tolerance::Absolute(number("2")), "10.2", "12.2", "12.20000000000001"),
        (Direction::Higher, Tolerance::Percent(number("10")), "0.3", "0.27", "0.2699999999999999"),
        (Direction::Lower, Tolerance::Percent(number("10")), "45.5", "50.05", "50.0500000001"),
        (Direction::Higher, Tolerance::Percent(number("33.3")), "-3", "-3.999", "-3.9990000000001"),
        (Direction::Higher, Tolerance::Points(number("2")), "0.5", "0.48", "0.4799999999999999"),
        (Direction::Lower, Tolerance::Points(number("0.5")), "0.01", "0.015", "0.0150000000001"),
        (Direction::Higher, Tolerance::Absolute(number("0")), "0.5", "0.5", "0.4999999999999999"),
    ];
    for (direction, tolerance, before, allowed, too_much) in cases {
        let rule = Rule { direction, max_regression: Some(tolerance), ..rule() };
        assert_eq!(
            verdict(&rule, allowed, Some(before)),
            Verdict::Pass,
            "{tolerance:?} {before} → {allowed}"
        );
        assert_eq!(
            verdict(&rule, too_much, Some(before)),
            Verdict::Fail,
            "{tolerance:?} {before} → {too_much}"
        );
        let better = if direction == Direction::Higher { "1000" } else { "-1000" };
        assert_eq!(verdict(&rule, better, Some(before)), Verdict::Pass, "better is never a loss");
    }
}

#[test]
fn a_percentage_of_zero_is_incomparable() {
    let rule = Rule { max_regression: Some(Tolerance::Percent(number("10"))), ..rule() };
    assert_eq!(verdict(&rule, "1", Some("0")), Verdict::Incomparable);
    assert_eq!(verdict(&rule, "1", Some("0.0")), Verdict::Incomparable);
}

#[test]
fn the_first_version_is_held_to_thresholds_alone() {
    let rule =
        Rule { min: Some(number("0.9")), max_regression: Some(Tolerance::Absolute(number("0"))), ..rule() };
    let judged = one(&rule, &report(Some("0.9")), None);
    assert_eq!((judged.verdict, judged.baseline), (Verdict::Pass, None));
    assert!(judged.reason.contains("no earlier version"), "{}", judged.reason);
    assert_eq!(verdict(&rule, "0.89", None), Verdict::Fail);
}

#[test]
fn numbers_of_different_data_are_not_subtracted() {
    let rule =
        Rule { min: Some(number("0.5")), max_regression: Some(Tolerance::Absolute(number("9"))), ..rule() };
    for (ours, theirs) in
        [(dataset('e'), dataset('d')), (None, dataset('d')), (dataset('d'), None), (None, None)]
    {
        let candidate = Report { dataset: ours, ..report(Some("0.9")) };
        let before = VersionRecord { dataset: theirs, ..baseline("0.9") };
        assert_eq!(one(&rule, &candidate, Some(&before)).verdict, Verdict::Incomparable);
        let bad = Report { metrics: report(Some("0.4")).metrics, ..candidate };
        assert_eq!(one(&rule, &bad, Some(&before)).verdict, Verdict::Fail, "the threshold still says no");
    }
    let mut without = baseline("0.9");
    without.metrics.clear();
    assert_eq!(one(&rule, &report(Some("0.9")), Some(&without)).verdict, Verdict::Incomparable);
}

#[test]
fn a_metric_that_is_missing_or_no_number_fails() {
    let judged = one(&rule(), &report(None), None);
    assert_eq!(judged.verdict, Verdict::Missing);
    let mut unusable = report(None);
    unusable.unusable.insert("m".to_owned(), "it is not a number (NaN)".to_owned());
    let judged = one(&rule(), &unusable, None);
    assert_eq!(judged.verdict, Verdict::Missing);
    assert!(judged.reason.contains("NaN"), "{}", judged.reason);
    assert!(Verdict::Missing.blocks());
}

#[test]
fn a_rule_that_warns_never_blocks_but_says_why() {
    let rule = Rule { max: Some(number("1")), level: Level::Warn, ..rule() };
    for value in [Some("2"), None] {
        let judged = one(&rule, &report(value), None);
        assert_eq!(judged.verdict, Verdict::Warn);
        assert!(!judged.reason.is_empty());
    }
    assert_eq!(verdict(&rule, "1", None), Verdict::Pass);
}

#[test]
fn what_is_not_judged_yet_does_not_pass() {
    let unjudged = [
        Rule { slice: Some("region".to_owned()), min: Some(number("0")), ..rule() },
        Rule { min_samples: Some(200), ..rule() },
        Rule { cumulative: Some(Tolerance::Absolute(number("1"))), ..rule() },
        Rule { confidence: Some(number("95")), ..rule() },
    ];
    for rule in unjudged {
        let judged = one(&rule, &report(Some("1")), Some(&baseline("1")));
        assert_eq!(judged.verdict, Verdict::Incomparable);
        assert!(judged.reason.contains("does not judge"), "{}", judged.reason);
    }
}

#[test]
fn numbers_too_large_to_subtract_are_incomparable() {
    let rule = Rule { max_regression: Some(Tolerance::Absolute(number("1"))), ..rule() };
    let most = Decimal::MAX.to_string();
    let least = Decimal::MIN.to_string();
    assert_eq!(verdict(&rule, &least, Some(&most)), Verdict::Incomparable);
}

#[test]
fn the_bounds_are_told_in_words_with_their_line() {
    let rule =
        Rule { min: Some(number("0.90")), max_regression: Some(Tolerance::Percent(number("10"))), ..rule() };
    let judged = one(&rule, &report(Some("0.8")), Some(&baseline("0.95")));
    assert_eq!((judged.bounds.as_str(), judged.line), ("≥ 0.90, may lose 10%", Some(20)));
    assert_eq!(judged.candidate, Some(number("0.8")));
    assert_eq!(judged.baseline, Some(number("0.95")));
    assert!(judged.reason.contains("below the minimum") && judged.reason.contains("only 10% allowed"));
}

#[test]
fn the_worst_verdict_counts() {
    let rules = [Rule { min: Some(number("0")), ..rule() }, Rule { min: Some(number("9")), ..rule() }];
    assert_eq!(worst(&judge(&rules, &report(Some("1")), None)), Verdict::Fail);
    assert_eq!(worst(&[]), Verdict::Pass);
}
