//! What stands on the target branch, compared with.

use crate::domain::*;
use crate::engine::TargetFact;

use super::scene::*;

/// A policy that compares with the target branch, and a head whose numbers are there.
fn compared(target: Option<TargetFact>) -> Scene {
    let mut scene = Scene::new().with("      rules:", "      baseline: target_branch\n      rules:");
    if let Some(fact) = target {
        scene.open().targets.insert(iris(), fact);
    }
    scene.tested(&[("accuracy", "0.95")]).look();
    scene
}

fn measured(accuracy: &str) -> Report {
    report_of(sha('t'), &[("accuracy", accuracy)])
}

#[test]
fn the_newest_report_of_the_target_branch_is_compared_with_and_named() {
    let scene = compared(Some(TargetFact::Measured(Box::new(measured("0.955")))));
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    let said = &scene.section().baseline;
    assert!(said.contains("Compared with target branch `main` at 74747474"), "{said}");
    assert_eq!(scene.section().gates[0].baseline, Some("0.955".parse().unwrap()));

    let scene = compared(Some(TargetFact::Measured(Box::new(measured("0.97")))));
    assert_eq!(scene.phase(), Phase::GateFailed);
    let why = &scene.section().gates[0].reason;
    assert!(why.contains("loses 0.02 against target branch `main` at 74747474's 0.97"), "{why}");
}

#[test]
fn without_a_report_there_it_falls_back_and_says_so() {
    let scene = compared(Some(TargetFact::Nothing));
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "thresholds only");
    let said = &scene.section().baseline;
    assert!(said.contains("no run of the target branch has left a report"), "{said}");

    let mut scene = Scene::new().with("      rules:", "      baseline: target_branch\n      rules:");
    scene.published_before(1, &[("accuracy", "0.99")]);
    scene.open().targets.insert(iris(), TargetFact::Nothing);
    scene.tested(&[("accuracy", "0.95")]).look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    let said = &scene.section().baseline;
    assert!(said.contains("v1, the last published version: no run of the target branch"), "{said}");
}

#[test]
fn the_first_report_is_waited_for_while_its_run_is_at_work() {
    let under_way = TargetFact::UnderWay { commit: sha('t'), page: "https://forge.test/run/1".to_owned() };
    let mut scene = compared(Some(under_way));
    assert_eq!(scene.phase(), Phase::Testing);
    let next = scene.section().next_step.clone();
    assert!(next.contains("The run of the target branch `main` at 74747474 is awaited"), "{next}");
    assert!(scene.wake_at.is_some(), "nobody tells of its end");
    scene.open().targets.insert(iris(), TargetFact::Measured(Box::new(measured("0.95"))));
    scene.look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
}

#[test]
fn other_data_on_the_target_branch_is_incomparable_and_nothing_is_measured_for_it() {
    let theirs = Report { dataset: Some(sha('e')), ..measured("0.95") };
    let scene = compared(Some(TargetFact::Measured(Box::new(theirs))));
    assert_eq!(scene.phase(), Phase::Inconclusive);
    let next = &scene.section().next_step;
    assert!(next.contains("only a published version has bytes that can be proved"), "{next}");
    assert!(scene.effects.iter().all(|effect| effect.kind() != "evaluate"));
}
