//! Rules at and around their bounds.

use crate::config::valid::{Direction, Level, Rule, Tolerance};
use crate::domain::{JobId, Sha, Verdict};

use rust_decimal::Decimal;

use super::*;

pub(super) fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn rule() -> Rule {
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

pub(super) fn dataset(digit: char) -> Option<Sha> {
    Some(digit.to_string().repeat(40).parse().unwrap())
}

pub(super) fn report(value: Option<&str>) -> Report {
    Report {
        model: "iris".parse().unwrap(),
        head: "a".repeat(40).parse().unwrap(),
        job: JobId(1),
        source: "1".to_owned(),
        metrics: value.map(|value| ("m".to_owned(), number(value))).into_iter().collect(),
        repeated: Default::default(),
        unusable: Default::default(),
        tests: None,
        artifacts: vec![],
        dataset: dataset('d'),
    }
}

pub(super) fn baseline(value: &str) -> VersionRecord {
    use crate::engine::tests::scene::record;
    VersionRecord { dataset: dataset('d'), ..record(3, &[("m", value)]) }
}

fn verdict(rule: &Rule, value: &str, before: Option<&str>) -> Verdict {
    alone(rule, &report(Some(value)), before.map(baseline).as_ref()).verdict
}

/// One row, with the baseline as the only version there is.
fn alone(rule: &Rule, report: &Report, baseline: Option<&VersionRecord>) -> Judged {
    let versions = baseline.cloned().into_iter().collect::<Vec<_>>();
    one(rule, &rule.metric, &Sides { report, baseline: baseline.map(Earlier::from), versions: &versions })
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
fn of_a_target_both_sides_are_bounds() {
    let aim = Direction::Target(number("1"));
    let cases = [
        // tolerance, before, what is still near enough on either side, and what is not
        (
            Tolerance::Absolute(number("0.05")),
            "0.9",
            ["0.85", "1.15"],
            ["0.8499999999999999", "1.1500000000000001"],
        ),
        (
            Tolerance::Absolute(number("0")),
            "1.1",
            ["0.9", "1.1"],
            ["0.8999999999999999", "1.1000000000000001"],
        ),
        (
            Tolerance::Percent(number("10")),
            "1.2",
            ["0.78", "1.22"],
            ["0.7799999999999999", "1.2200000000000001"],
        ),
        (Tolerance::Points(number("2")), "1", ["0.98", "1.02"], ["0.9799999999999999", "1.0200000000000001"]),
    ];
    for (tolerance, before, near, far) in cases {
        let regression = Rule { direction: aim, max_regression: Some(tolerance), ..rule() };
        let cumulative = Rule { direction: aim, cumulative: Some(tolerance), ..rule() };
        for rule in [regression, cumulative] {
            for value in near {
                assert_eq!(
                    verdict(&rule, value, Some(before)),
                    Verdict::Pass,
                    "{tolerance:?} {before} → {value}"
                );
            }
            for value in far {
                assert_eq!(
                    verdict(&rule, value, Some(before)),
                    Verdict::Fail,
                    "{tolerance:?} {before} → {value}"
                );
            }
            assert_eq!(verdict(&rule, "1", Some(before)), Verdict::Pass, "nothing is better than the target");
        }
    }
    let rule = Rule { direction: aim, max_regression: Some(Tolerance::Percent(number("10"))), ..rule() };
    assert_eq!(verdict(&rule, "1", Some("1")), Verdict::Incomparable, "a percentage of no distance at all");
    let judged = alone(&rule, &report(Some("0.7")), Some(&baseline("1.2")));
    assert_eq!(judged.bounds, "aims at 1, may move away by 10%");
    assert_eq!(judged.reason, "moves away from the target by 0.1 against v3's 1.2, only 10% allowed");
}

#[test]
fn the_best_version_is_the_one_nearest_to_the_target() {
    let tolerance = Some(Tolerance::Absolute(number("0.02")));
    let rule = Rule { direction: Direction::Target(number("1")), cumulative: tolerance, ..rule() };
    let versions = [earlier(1, &[("m", "0.9")]), earlier(2, &[("m", "1.01")]), earlier(3, &[("m", "1.3")])];
    let judged = |value: &str| {
        let report = report(Some(value));
        let sides = Sides { report: &report, baseline: versions.last().map(Into::into), versions: &versions };
        judge(std::slice::from_ref(&rule), &sides).remove(0)
    };
    assert_eq!(judged("0.97").verdict, Verdict::Pass);
    let worse = judged("0.96");
    assert_eq!(worse.verdict, Verdict::Fail);
    assert!(worse.reason.contains("v2's 1.01, the best version"), "{}", worse.reason);
}

#[test]
fn how_sure_a_number_is_counts_at_both_sides_of_a_target() {
    let rule = Rule {
        direction: Direction::Target(number("0")),
        max_regression: Some(Tolerance::Absolute(number("1"))),
        confidence: Some(number("95")),
        ..rule()
    };
    let judged = |runs: [&str; 3]| {
        let runs = runs.map(number);
        let mean = runs.iter().sum::<Decimal>() / Decimal::from(runs.len());
        let mut report = report(Some(&mean.to_string()));
        report.repeated.insert("m".to_owned(), runs.into());
        alone(&rule, &report, Some(&baseline("0"))).verdict
    };
    assert_eq!(judged(["0.1", "0", "-0.1"]), Verdict::Pass);
    assert_eq!(judged(["3", "3.1", "2.9"]), Verdict::Fail);
    assert_eq!(judged(["-3", "-3.1", "-2.9"]), Verdict::Fail);
    // It may lie on this side, or on that one, or between.
    assert_eq!(judged(["3", "0", "-3"]), Verdict::Inconclusive);
    assert_eq!(judged(["0.9", "1", "1.1"]), Verdict::Inconclusive);
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
    let judged = alone(&rule, &report(Some("0.9")), None);
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
        assert_eq!(alone(&rule, &candidate, Some(&before)).verdict, Verdict::Incomparable);
        let bad = Report { metrics: report(Some("0.4")).metrics, ..candidate };
        assert_eq!(alone(&rule, &bad, Some(&before)).verdict, Verdict::Fail, "the threshold still says no");
    }
    let mut without = baseline("0.9");
    without.metrics.clear();
    assert_eq!(alone(&rule, &report(Some("0.9")), Some(&without)).verdict, Verdict::Incomparable);
}

#[test]
fn a_metric_that_is_missing_or_no_number_fails() {
    let judged = alone(&rule(), &report(None), None);
    assert_eq!(judged.verdict, Verdict::Missing);
    let mut unusable = report(None);
    unusable.unusable.insert("m".to_owned(), "it is not a number (NaN)".to_owned());
    let judged = alone(&rule(), &unusable, None);
    assert_eq!(judged.verdict, Verdict::Missing);
    assert!(judged.reason.contains("NaN"), "{}", judged.reason);
    assert!(Verdict::Missing.blocks());
}

#[test]
fn a_rule_that_warns_never_blocks_but_says_why() {
    let rule = Rule { max: Some(number("1")), level: Level::Warn, ..rule() };
    for value in [Some("2"), None] {
        let judged = alone(&rule, &report(value), None);
        assert_eq!(judged.verdict, Verdict::Warn);
        assert!(!judged.reason.is_empty());
    }
    assert_eq!(verdict(&rule, "1", None), Verdict::Pass);
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
    let judged = alone(&rule, &report(Some("0.8")), Some(&baseline("0.95")));
    assert_eq!((judged.bounds.as_str(), judged.line), ("≥ 0.90, may lose 10%", Some(20)));
    assert_eq!(judged.candidate, Some(number("0.8")));
    assert_eq!(judged.baseline, Some(number("0.95")));
    assert!(judged.reason.contains("below the minimum") && judged.reason.contains("only 10% allowed"));
}

#[test]
fn the_worst_verdict_counts() {
    let rules = [Rule { min: Some(number("0")), ..rule() }, Rule { min: Some(number("9")), ..rule() }];
    assert_eq!(
        worst(&judge(&rules, &Sides { report: &report(Some("1")), baseline: None, versions: &[] })),
        Verdict::Fail
    );
    assert_eq!(worst(&[]), Verdict::Pass);
}

/// A report of several names; a list is given as runs.
fn several(numbers: &[(&str, &str)]) -> Report {
    Report {
        metrics: numbers.iter().map(|(name, value)| ((*name).to_owned(), number(value))).collect(),
        ..report(None)
    }
}

fn earlier(version: u64, numbers: &[(&str, &str)]) -> VersionRecord {
    VersionRecord { dataset: dataset('d'), ..crate::engine::tests::scene::record(version, numbers) }
}

#[test]
fn ten_tolerated_small_losses_do_not_pass() {
    let rule = Rule {
        max_regression: Some(Tolerance::Absolute(number("0.01"))),
        cumulative: Some(Tolerance::Absolute(number("0.05"))),
        ..rule()
    };
    let mut versions = vec![earlier(1, &[("m", "0.95")])];
    let mut verdicts = vec![];
    let mut said = String::new();
    for loss in 1..=10 {
        let value = (number("0.95") - number("0.01") * Decimal::from(loss)).to_string();
        let report = report(Some(&value));
        let judged = one(
            &rule,
            "m",
            &Sides { report: &report, baseline: versions.last().map(Earlier::from), versions: &versions },
        );
        verdicts.push(judged.verdict);
        said = judged.reason;
        versions.push(earlier(loss + 1, &[("m", &value)]));
    }
    assert_eq!(verdicts, [[Verdict::Pass; 5], [Verdict::Fail; 5]].concat());
    assert_eq!(
        said,
        "loses 0.10 against v1's 0.95, the best version, only 0.05 allowed".replace("0.10", "0.1")
    );
}

#[test]
fn the_best_version_is_sought_on_the_same_data_and_by_direction() {
    let rule =
        Rule { direction: Direction::Lower, cumulative: Some(Tolerance::Absolute(number("1"))), ..rule() };
    let other_data = VersionRecord { dataset: dataset('e'), ..earlier(1, &[("m", "1")]) };
    let versions = [other_data, earlier(2, &[("m", "10")]), earlier(3, &[("m", "12")]), earlier(4, &[])];
    let judged = |report: &Report, versions: &[VersionRecord]| {
        one(&rule, "m", &Sides { report, baseline: versions.last().map(Earlier::from), versions })
    };
    assert_eq!(judged(&report(Some("11")), &versions).verdict, Verdict::Pass);
    let worse = judged(&report(Some("11.1")), &versions);
    assert_eq!(worse.verdict, Verdict::Fail);
    assert!(worse.reason.contains("v2's 10, the best version"), "{}", worse.reason);
    let first = judged(&report(Some("99")), &versions[..1]);
    assert_eq!(first.verdict, Verdict::Pass);
    assert!(first.reason.contains("no earlier version"), "{}", first.reason);
    let unknown = Report { dataset: None, ..report(Some("1")) };
    assert_eq!(judged(&unknown, &versions).verdict, Verdict::Incomparable);
}

fn per_region() -> Rule {
    Rule {
        slice: Some("region".to_owned()),
        min: Some(number("0.5")),
        max_regression: Some(Tolerance::Absolute(number("0.02"))),
        ..rule()
    }
}

/// The rows: what they are of, their verdict, and how many slices they sum up.
fn rows(rule: &Rule, report: &Report, versions: &[VersionRecord]) -> Vec<(String, Verdict, Option<usize>)> {
    let rows = judge(
        std::slice::from_ref(rule),
        &Sides { report, baseline: versions.last().map(Earlier::from), versions },
    );
    rows.into_iter().map(|row| (row.metric, row.verdict, row.slices)).collect()
}

#[test]
fn each_slice_is_judged_by_itself_worst_first_and_the_good_ones_in_one_row() {
    let before = [earlier(1, &[("m.region.eu", "0.9"), ("m.region.us", "0.9"), ("m.region.gone", "0.9")])];
    let report = several(&[
        ("m", "0.1"),
        ("m.region.eu", "0.88"),
        ("m.region.us.value", "0.87"),
        ("m.region.us.samples", "300"),
        ("m.region.new", "0.6"),
        ("m.region.bad", "0.4"),
        ("m.regional", "0"),
    ]);
    assert_eq!(
        rows(&per_region(), &report, &before),
        [
            ("m.region.bad".to_owned(), Verdict::Fail, None),
            ("m.region.gone".to_owned(), Verdict::Fail, None),
            ("m.region.us".to_owned(), Verdict::Fail, None),
            ("m.region".to_owned(), Verdict::Pass, Some(2)),
        ]
    );
    let elsewhere = Report { dataset: dataset('e'), ..several(&[("m.region.eu", "0.9")]) };
    let verdicts = rows(&per_region(), &elsewhere, &before);
    assert!(verdicts.iter().all(|(_, verdict, _)| *verdict == Verdict::Incomparable), "{verdicts:?}");
}

#[test]
fn a_slice_without_a_number_and_a_report_without_slices_are_missing() {
    let mut broken = several(&[("m.region.eu", "0.9")]);
    broken.unusable.insert("m.region.us".to_owned(), "it is empty".to_owned());
    assert_eq!(rows(&per_region(), &broken, &[])[0], ("m.region.us".to_owned(), Verdict::Missing, None));
    assert_eq!(rows(&per_region(), &report(Some("0.9")), &[])[0].1, Verdict::Missing);
    let counted = several(&[("m.region.eu.samples", "9")]);
    assert_eq!(rows(&per_region(), &counted, &[])[0], ("m.region.eu".to_owned(), Verdict::Missing, None));
}

#[test]
fn thousands_of_bad_slices_are_summed_up() {
    let names = (0..2_000).map(|n| format!("m.region.{n}")).collect::<Vec<_>>();
    let report = several(&names.iter().map(|name| (name.as_str(), "0")).collect::<Vec<_>>());
    let rows = rows(&per_region(), &report, &[]);
    assert_eq!(rows.len(), MOST_SLICES + 1);
    assert_eq!(rows.last(), Some(&("m.region".to_owned(), Verdict::Fail, Some(1_950))));
}

#[test]
fn too_few_samples_say_nothing_neither_good_nor_bad() {
    let rule = Rule { min: Some(number("0.5")), min_samples: Some(200), ..rule() };
    for (value, samples, expected) in [
        ("0.9", Some("200"), Verdict::Pass),
        ("0.4", Some("200"), Verdict::Fail),
        ("0.9", Some("199"), Verdict::Incomparable),
        ("0.4", Some("199"), Verdict::Incomparable),
        ("0.9", Some("200.5"), Verdict::Incomparable),
        ("0.9", Some("-200"), Verdict::Incomparable),
        ("0.9", None, Verdict::Incomparable),
    ] {
        let mut report = several(&[("m.value", value)]);
        report.metrics.extend(samples.map(|samples| ("m.samples".to_owned(), number(samples))));
        assert_eq!(alone(&rule, &report, None).verdict, expected, "{value} of {samples:?}");
    }
    let sliced = Rule { min_samples: Some(200), ..per_region() };
    let report = several(&[("m.region.eu.value", "0.9"), ("m.region.eu.samples", "20")]);
    assert_eq!(rows(&sliced, &report, &[])[0].1, Verdict::Incomparable);
}

#[test]
fn a_number_given_by_itself_and_as_value_is_missing() {
    let judged = alone(&rule(), &several(&[("m", "1"), ("m.value", "1")]), None);
    assert_eq!(judged.verdict, Verdict::Missing);
    assert!(judged.reason.contains("given twice"), "{}", judged.reason);
}

#[test]
fn a_rule_that_must_be_sure_is_decided_by_the_bound_not_by_the_mean() {
    // Bounds of these five at 95%: 0.90492 and 0.93508.
    let runs = ["0.90", "0.91", "0.92", "0.93", "0.94"].map(number).to_vec();
    let mut report = report(Some("0.92"));
    report.repeated.insert("m".to_owned(), runs);
    for (min, expected) in [
        ("0.90492", Verdict::Pass),
        ("0.90493", Verdict::Inconclusive),
        ("0.92", Verdict::Inconclusive),
        ("0.93508", Verdict::Inconclusive),
        ("0.93509", Verdict::Fail),
    ] {
        let rule = Rule { min: Some(number(min)), confidence: Some(number("95")), ..rule() };
        let judged = alone(&rule, &report, None);
        assert_eq!((judged.verdict, judged.runs), (expected, Some(5)), "{min}: {}", judged.reason);
        assert!(judged.reason.contains("0.90492"), "{}", judged.reason);
    }
    let plain = Rule { min: Some(number("0.92")), ..rule() };
    assert_eq!(alone(&plain, &report, None).verdict, Verdict::Pass, "without confidence the mean decides");
    let lost = Rule {
        max_regression: Some(Tolerance::Absolute(number("0.01"))),
        confidence: Some(number("95")),
        ..rule()
    };
    assert_eq!(alone(&lost, &report, Some(&baseline("0.91"))).verdict, Verdict::Pass);
    assert_eq!(alone(&lost, &report, Some(&baseline("0.92"))).verdict, Verdict::Inconclusive);
    assert_eq!(alone(&lost, &report, Some(&baseline("0.95"))).verdict, Verdict::Fail);
}

#[test]
fn one_number_alone_is_never_sure() {
    let rule = Rule { min: Some(number("0.5")), confidence: Some(number("95")), ..rule() };
    let judged = alone(&rule, &report(Some("0.9")), None);
    assert_eq!(judged.verdict, Verdict::Inconclusive);
    assert!(judged.reason.contains("samples"), "{}", judged.reason);
    assert!(Verdict::Inconclusive.blocks());
    let counted = several(&[("m.value", "0.9"), ("m.samples", "1000")]);
    assert_eq!(alone(&rule, &counted, None).verdict, Verdict::Pass);
}

#[test]
fn that_nobody_can_waive_a_rule_is_recorded_and_told() {
    let rule = Rule { required: true, min: Some(number("0.5")), ..rule() };
    let judged = alone(&rule, &report(Some("0.9")), None);
    assert_eq!((judged.required, judged.bounds.as_str()), (true, "≥ 0.5, required"));
    let old: Judged = serde_json::from_str(
        r#"{"rule":"m","metric":"m","candidate":"1","baseline":null,"verdict":"pass","reason":"","bounds":"","line":null}"#,
    )
    .unwrap();
    assert_eq!((old.required, old.runs, old.slices), (false, None, None), "a row of an older build");
}

#[test]
fn the_same_report_is_judged_the_same_and_each_row_explains_itself() {
    let rules = [
        Rule {
            id: "no-worse".to_owned(),
            max_regression: Some(Tolerance::Absolute(number("0.01"))),
            ..rule()
        },
        per_region(),
        Rule { min: Some(number("0.5")), confidence: Some(number("95")), ..rule() },
    ];
    let versions = [earlier(1, &[("m", "0.95"), ("m.region.eu", "0.9")])];
    let mut report = several(&[("m", "0.9"), ("m.region.eu", "0.8"), ("m.region.us", "0.7")]);
    report.repeated.insert("m".to_owned(), vec![number("0.85"), number("0.95")]);
    let sides = Sides { report: &report, baseline: versions.last().map(Earlier::from), versions: &versions };
    let judged = judge(&rules, &sides);
    assert_eq!(judge(&rules, &sides), judged);
    let stored: Vec<Judged> = serde_json::from_value(serde_json::to_value(&judged).unwrap()).unwrap();
    assert_eq!(stored, judged, "and it is stored as it was judged");
    let row = &judged[0];
    assert_eq!((row.rule.as_str(), row.line), ("no-worse", Some(20)));
    assert_eq!((row.candidate, row.baseline), (Some(number("0.9")), Some(number("0.95"))));
    assert_eq!(row.reason, "loses 0.05 against v1's 0.95, only 0.01 allowed");
}

#[test]
fn numbers_compare_as_numbers_and_never_as_text() {
    for (value, max, expected) in [
        ("9.5", "10.2", Verdict::Pass),
        ("10", "9.99", Verdict::Fail),
        ("100", "20", Verdict::Fail),
        ("-2", "-10", Verdict::Fail),
        ("7", "7.0", Verdict::Pass),
    ] {
        let rule = Rule { max: Some(number(max)), ..rule() };
        assert_eq!(verdict(&rule, value, None), expected, "{value} of at most {max}");
    }
}

#[test]
fn the_worst_metrics_are_drawn_once_each_and_summed_rows_not_at_all() {
    let rules = [
        Rule { id: "good".to_owned(), metric: "a".to_owned(), ..rule() },
        Rule { id: "bad".to_owned(), metric: "b".to_owned(), min: Some(number("9")), ..rule() },
        Rule { id: "again".to_owned(), metric: "b".to_owned(), max: Some(number("5")), ..rule() },
        Rule { min: None, max_regression: None, ..per_region() },
        Rule { id: "new".to_owned(), metric: "c".to_owned(), ..rule() },
    ];
    let numbers = [("a", "1"), ("b", "2"), ("m.region.eu", "3"), ("m.region.us", "4")];
    let versions = [earlier(1, &numbers), earlier(2, &numbers[..1])];
    let report = several(&[("a", "1"), ("b", "2"), ("c", "1"), ("m.region.eu", "3"), ("m.region.us", "4")]);
    let sides = Sides { report: &report, baseline: versions.last().map(Earlier::from), versions: &versions };
    let charts = history(&rules, &judge(&rules, &sides), &sides);
    let drawn: Vec<_> = charts.iter().map(|chart| (chart.metric.as_str(), chart.points.len())).collect();
    assert_eq!(drawn, [("b", 2), ("a", 3)]);
    assert_eq!(charts[0].bounds, [number("9")], "of the rule that is not met");
}
