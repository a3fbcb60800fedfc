//! What holds for every rule and report.

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::config::valid::{Direction, Tolerance};

use super::tests::{baseline, number, report, rule};
use super::*;

fn value() -> impl Strategy<Value = Decimal> {
    (-100_000_i64..100_000, 0_u32..6).prop_map(|(digits, scale)| Decimal::new(digits, scale))
}

fn tolerance() -> impl Strategy<Value = Tolerance> {
    let most = (0_i64..5_000, 0_u32..4).prop_map(|(digits, scale)| Decimal::new(digits, scale));
    prop_oneof![
        most.clone().prop_map(Tolerance::Absolute),
        most.clone().prop_map(Tolerance::Percent),
        most.prop_map(Tolerance::Points),
    ]
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Higher), Just(Direction::Lower), value().prop_map(Direction::Target)]
}

fn judged(rule: &Rule, candidate: &Report, before: Decimal) -> Verdict {
    let versions = [baseline(&before.to_string())];
    worst(&judge(
        std::slice::from_ref(rule),
        &Sides { report: candidate, baseline: versions.first().map(Earlier::from), versions: &versions },
    ))
}

fn measured(runs: &[Decimal], offset: Decimal) -> Report {
    let runs = runs.iter().map(|run| run + offset).collect::<Vec<_>>();
    let mean = runs.iter().sum::<Decimal>() / Decimal::from(runs.len());
    let mut report = report(Some(&mean.round_dp(12).to_string()));
    if runs.len() > 1 {
        report.repeated.insert("m".to_owned(), runs);
    }
    report
}

proptest! {
    #[test]
    fn a_candidate_equal_to_the_baseline_never_fails_a_regression_rule(
        value in value(), allowed in tolerance(), direction in direction(), sure in proptest::option::of(50_i64..99),
    ) {
        let rule = Rule {
            direction,
            max_regression: Some(allowed),
            cumulative: Some(allowed),
            confidence: sure.map(Decimal::from),
            ..rule()
        };
        let verdict = judged(&rule, &report(Some(&value.to_string())), value);
        prop_assert!(verdict < Verdict::Missing, "{verdict}");
        let something = match direction {
            Direction::Higher | Direction::Lower => !value.is_zero(),
            Direction::Target(target) => value != target,
        };
        if sure.is_none() && something {
            prop_assert_eq!(verdict, Verdict::Pass);
        }
    }

    #[test]
    fn making_a_metric_better_never_turns_a_pass_into_anything_else(
        runs in proptest::collection::vec(value(), 1..6), better in 0_i64..10_000, before in value(),
        bound in value(), allowed in tolerance(), direction in direction(),
        sure in proptest::option::of(50_i64..99),
    ) {
        let (min, max) = match direction {
            Direction::Higher => (Some(bound), None),
            Direction::Lower => (None, Some(bound)),
            Direction::Target(_) => (None, None),
        };
        let confidence = sure.map(Decimal::from);
        let rule = Rule { direction, min, max, max_regression: Some(allowed), confidence, ..rule() };
        if judged(&rule, &measured(&runs, Decimal::ZERO), before) == Verdict::Pass {
            let mean = measured(&runs, Decimal::ZERO).metrics["m"];
            let offset = match direction {
                Direction::Higher => Decimal::new(better, 2),
                Direction::Lower => Decimal::new(-better, 2),
                // Half of the way: several runs stay as far apart as they are.
                Direction::Target(target) => ((target - mean) / Decimal::TWO).round_dp(6),
            };
            prop_assert_eq!(judged(&rule, &measured(&runs, offset), before), Verdict::Pass);
        }
    }

    #[test]
    fn the_order_of_rules_and_of_slices_changes_nothing(
        values in proptest::collection::vec(value(), 1..8), before in value(), min in value(),
    ) {
        let rules = [
            Rule { min: Some(min), slice: Some("s".to_owned()), ..rule() },
            Rule { id: "n".to_owned(), min: Some(number("0")), ..rule() },
        ];
        let turned = [rules[1].clone(), rules[0].clone()];
        let named = values.iter().enumerate().map(|(at, value)| (format!("m.s.{at}"), *value));
        let mut forth = report(Some("1"));
        forth.metrics.extend(named.clone());
        let mut back = report(Some("1"));
        back.metrics.extend(named.rev());
        let versions = [baseline(&before.to_string())];
        let rows = |rules: &[Rule], report: &Report| {
            let mut rows = judge(rules, &Sides { report, baseline: versions.first().map(Earlier::from), versions: &versions });
            rows.sort_by(|one, other| (&one.rule, &one.metric).cmp(&(&other.rule, &other.metric)));
            rows
        };
        prop_assert_eq!(rows(&rules, &forth), rows(&turned, &back));
    }
}
