//! What stands on the target branch, compared with.

use crate::domain::*;
use crate::engine::TargetFact;

use super::rescoring::{asked, runs};
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

/// What stands on the target branch was measured on other data.
fn of_other_data() -> Report {
    Report { dataset: Some(sha('e')), ..measured("0.97") }
}

#[test]
fn other_data_on_the_target_branch_has_its_bytes_measured_on_the_heads() {
    let theirs = of_other_data();
    let bytes = Subject::Bytes(theirs.model_digest());
    let mut scene = compared(Some(TargetFact::Measured(Box::new(theirs.clone()))));
    let [(slot, branch, order)] = asked(&scene).try_into().unwrap();
    assert_eq!((branch.as_str(), &order.commit, order.source.as_str()), ("longer", &sha('a'), "42"));
    assert_eq!(order.version.as_ref(), Some(&bytes), "no tag proves them, the digest of their manifest does");
    assert_eq!(scene.phase(), Phase::Testing);
    let next = scene.section().next_step.clone();
    assert!(next.contains("target branch `main` at 74747474 has numbers of other data"), "{next}");

    runs(&mut scene, &slot, JobStatus::Succeeded, Some("0.955"));
    scene.look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "0.005 are lost, 0.01 allowed");
    let said = scene.section().baseline.clone();
    assert!(
        said.contains("target branch `main` at 74747474 (scored anew on this head's dataset 6464"),
        "{said}"
    );
    assert_eq!(scene.section().gates[0].baseline, Some("0.955".parse().unwrap()));
    let row = scene.section().lineage.iter().find(|(name, _)| name == "baseline").unwrap().1.clone();
    assert!(row.contains("74747474, scored anew on dataset 6464"), "{row}");
    assert!(asked(scene.look()).is_empty(), "once");

    // Another commit there with the very same bytes has the same numbers; other bytes have not.
    let same = Report { head: sha('u'), source: "55".to_owned(), ..theirs };
    scene.open().targets.insert(iris(), TargetFact::Measured(Box::new(same.clone())));
    assert!(asked(scene.look()).is_empty());
    assert!(scene.section().baseline.contains("at 75757575 (scored anew"), "{}", scene.section().baseline);
    let artifacts = report_of(sha('x'), &[]).artifacts;
    let other = Report { artifacts, ..same };
    scene.open().targets.insert(iris(), TargetFact::Measured(Box::new(other)));
    assert_eq!(asked(scene.look()).len(), 1);
    assert_eq!(scene.phase(), Phase::Testing);
}

#[test]
fn what_cannot_be_measured_of_the_target_branch_stays_incomparable() {
    let mut scene = Scene::new().with("      rules:", "      baseline: target_branch\n      rules:");
    scene.facts.merge_request.from_fork = true;
    scene.open().targets.insert(iris(), TargetFact::Measured(Box::new(of_other_data())));
    scene.tested(&[("accuracy", "0.95")]).look();
    assert!(asked(&scene).is_empty());
    assert_eq!(scene.phase(), Phase::Inconclusive);
    let next = &scene.section().next_step;
    assert!(
        next.starts_with("target branch `main` at 74747474 has numbers of other data and could not"),
        "{next}"
    );
}
