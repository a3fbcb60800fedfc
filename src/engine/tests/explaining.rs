//! Explain: every rule that decided, with its line, its numbers and what they were compared with.

use crate::domain::*;

use super::scene::*;

/// The answer to one question.
fn asked(scene: &mut Scene, words: &str) -> Sheet {
    scene.says("eve", words);
    match scene.answers().as_slice() {
        [Answer::Sheet { sheet }] => (**sheet).clone(),
        other => panic!("not one sheet: {other:?}"),
    }
}

/// The row of a stage's rule: where it stands, its verdict, and why.
fn row<'s>(sheet: &'s Sheet, stage: &str, rule: &str) -> [&'s str; 3] {
    let found = sheet.rows.iter().find(|row| row[0] == stage && row[1] == rule);
    match found.map(Vec::as_slice) {
        Some([_, _, place, verdict, why]) => [place, verdict, why],
        _ => panic!("no {stage} row `{rule}` in {:#?}", sheet.rows),
    }
}

/// The line of the usual policy that begins like this, as an editor counts.
fn line(beginning: &str) -> usize {
    POLICY.lines().position(|line| line.trim_start().starts_with(beginning)).unwrap() + 1
}

fn worse() -> Scene {
    let mut scene = Scene::new();
    scene.published_before(1, &[("accuracy", "0.95")]).tested(&[("accuracy", "0.85")]).look();
    scene
}

#[test]
fn a_rule_is_explained_by_its_id_line_numbers_and_baseline() {
    let mut scene = worse();
    let sheet = asked(&mut scene, "/model explain");
    assert!(sheet.title.contains("GateFailed"), "{}", sheet.title);
    let [place, verdict, why] = row(&sheet, "test", "`accuracy`");
    assert_eq!((place, verdict), (format!("line {}, the target branch", line("- {metric")).as_str(), "fail"));
    for said in ["candidate 0.85", "baseline 0.95 (v1)", "≥ 0.9", "may lose 0.01", "below the minimum"] {
        assert!(why.contains(said), "{said}: {why}");
    }
    assert!(sheet.notes.iter().any(|note| note.starts_with("Compared with v1, the last published version")));
    let bound = &sheet.notes[1];
    for said in ["head `", "base `", "policy `sha256:", "report `sha256:", "dataset `"] {
        assert!(bound.contains(said), "{said}: {bound}");
    }
    assert_eq!(row(&sheet, "build", "`build.run`")[..2], ["the head", "passed"]);
    assert_eq!(row(&sheet, "review", "`review.approvals`")[1], "waiting");
}

#[test]
fn a_waiver_a_hold_and_what_was_refused_are_explained() {
    let mut scene = worse();
    scene.says("dave", "/model waive accuracy it's fine");
    scene.says("alice", "/model waive accuracy known label noise\n\n/model hold until Monday");
    let sheet = asked(&mut scene, "/model explain");
    let [_, verdict, why] = row(&sheet, "test", "`accuracy`");
    assert_eq!(verdict, "fail, waived");
    assert!(why.ends_with("waived by @alice: known label noise"), "{why}");
    assert!(row(&sheet, "publish", "`held`")[2].contains("until Monday"));
    let [_, verdict, why] = row(&sheet, "command", "`not-owner`");
    assert_eq!(verdict, "refused");
    assert!(why.starts_with("`/model waive accuracy it's fine` of dave at "), "{why}");
}

#[test]
fn approvals_are_counted_and_each_other_one_is_named_with_the_reason() {
    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.95")]).look();
    scene.approves("dave");
    let sheet = asked(&mut scene, "/model explain review");
    let place = format!("line {}, the target branch", line("review:"));
    assert_eq!(row(&sheet, "review", "`review.approvals`")[0], place);
    assert_eq!(row(&sheet, "review", "counted")[1..], ["0 of 1", "nobody"]);
    let remark = sheet.notes.iter().find(|note| note.contains("@dave")).expect("a word about dave");
    assert!(remark.contains("no owner"), "{remark}");
    scene.says("alice", "/model approve");
    let sheet = asked(&mut scene, "/model explain review");
    assert_eq!(row(&sheet, "review", "counted")[1..], ["1 of 1", "alice"]);
    let mut scene = scene.person("alice", Permission::None);
    let sheet = asked(&mut scene, "/model explain review");
    assert_eq!(row(&sheet, "review", "approval of alice")[1], "not counted");
}

#[test]
fn one_stage_is_explained_alone() {
    let mut scene = worse();
    for stage in ["build", "test", "review", "publish"] {
        let sheet = asked(&mut scene, &format!("/model explain {stage}"));
        assert!(sheet.rows.iter().all(|row| row[0] == stage), "{:?}", sheet.rows);
        assert!(!sheet.rows.is_empty());
    }
}

#[test]
fn before_the_report_the_rules_wait_and_their_lines_are_named() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running).look();
    let sheet = asked(&mut scene, "/model explain test");
    assert_eq!(row(&sheet, "test", "`accuracy`")[1..], ["waiting", "there is no report to judge"]);
}

#[test]
fn a_model_that_the_target_does_not_know_is_explained_by_the_heads_file() {
    let mut scene = Scene::new();
    scene.facts.policy = crate::engine::Configuration::Absent;
    scene.tested(&[("accuracy", "0.95")]).look();
    let sheet = asked(&mut scene, "/model explain test");
    assert!(row(&sheet, "test", "`accuracy`")[0].ends_with(", the head"), "{:?}", sheet.rows);
}

#[test]
fn what_is_not_written_is_named_as_the_default() {
    let mut scene = Scene::new().with("    publish: {run: ['sh publish.sh']}\n", "");
    scene.tested(&[("accuracy", "0.95")]).look();
    let sheet = asked(&mut scene, "/model explain publish");
    assert_eq!(row(&sheet, "publish", "`publish.when`")[0], "not written: the default, the target branch");
}
