//! How far the jobs of a head are, and what their ends mean.

use crate::domain::*;
use crate::engine::ReportFact;
use crate::event::Event;

use super::scene::*;

const SCRIPT: JobStatus = JobStatus::Failed(FailureCause::Script);

fn fault() -> JobStatus {
    JobStatus::Failed(FailureCause::Infrastructure("runner_system_failure".to_owned()))
}

#[test]
fn a_head_is_built_then_tested_then_judged() {
    let mut scene = Scene::new();
    assert_eq!(scene.look().phase(), Phase::Building);
    assert_eq!(scene.job("build", JobStatus::Waiting).look().phase(), Phase::Building);
    assert_eq!(
        scene.job("build", JobStatus::Running).job("test", JobStatus::Waiting).look().phase(),
        Phase::Building
    );
    assert_eq!(scene.job("build", JobStatus::Succeeded).look().phase(), Phase::Testing);
    assert_eq!(scene.job("test", JobStatus::Succeeded).look().phase(), Phase::Testing, "no report yet");
    assert_eq!(scene.reported(&[("accuracy", "0.90")]).look().phase(), Phase::AwaitingApproval);
    assert_eq!(scene.section().candidate, format!("cand-7.1-g{}", sha('a').short()));
}

#[test]
fn nothing_to_approve_means_ready() {
    let mut scene = Scene::new().with("approvals: 1", "approvals: 0");
    assert_eq!(scene.tested(&[("accuracy", "0.95")]).look().phase(), Phase::Ready);
}

#[test]
fn a_draft_waits() {
    let mut scene = Scene::new();
    scene.facts.merge_request.draft = true;
    assert_eq!(scene.tested(&[("accuracy", "0.95")]).look().phase(), Phase::Draft);
    scene.facts.merge_request.draft = false;
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval);
}

#[test]
fn a_script_that_fails_says_where_and_how() {
    for (task, stage) in [("build", Stage::Build), ("test", Stage::Test)] {
        let mut scene = Scene::new();
        if task == "test" {
            scene.job("build", JobStatus::Succeeded);
        }
        scene.job(task, SCRIPT).look();
        assert_eq!((scene.phase(), scene.model().stage), (Phase::GateFailed, stage));
        assert_eq!(scene.section().logs[0].text, "Traceback");
        assert_eq!(scene.status("mergewright"), Some(StatusState::Failure));
        assert_eq!(scene.status(&format!("mergewright/iris/{stage}")), Some(StatusState::Failure));
    }
}

#[test]
fn failing_tests_are_named_and_fail_even_where_the_job_did_not() {
    let failure = TestFailure {
        name: "iris.accuracy".to_owned(),
        message: "0.8 < 0.9".to_owned(),
        file: None,
        line: None,
    };
    let tests = TestSummary { total: 2, skipped: 0, failed: vec![failure.clone()], failed_more: 0 };
    for status in [SCRIPT, JobStatus::Succeeded] {
        let mut scene = Scene::new();
        scene.job("build", JobStatus::Succeeded).job("test", status).reported(&[("accuracy", "0.95")]);
        scene.report().tests = Some(tests.clone());
        assert_eq!(scene.look().phase(), Phase::GateFailed);
        assert_eq!(scene.section().failing_tests, std::slice::from_ref(&failure));
    }
}

#[test]
fn a_report_of_another_head_or_job_is_never_used() {
    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.95")]).report().head = sha('b');
    assert_eq!(scene.look().phase(), Phase::Testing);
    scene.reported(&[("accuracy", "0.95")]).report().job = JobId(1);
    assert_eq!(scene.look().phase(), Phase::Testing);
    scene.reported(&[("accuracy", "0.95")]);
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval);
    scene.open().reports.clear();
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval, "it is known by now");
    scene.rerun("test", JobStatus::Succeeded);
    assert_eq!(scene.look().phase(), Phase::Testing, "the rerun left nothing yet");
}

#[test]
fn a_report_that_cannot_be_read_fails_with_its_reason() {
    let mut scene = Scene::new();
    scene.tested(&[]);
    let why = "the artifacts have expired".to_owned();
    scene.open().reports.insert(iris(), ReportFact::Unreadable { why });
    assert_eq!(scene.look().phase(), Phase::GateFailed);
    assert!(scene.section().next_step.contains("expired"));
}

#[test]
fn a_runner_fault_is_retried_three_times_ever_more_slowly_and_stays_pending() {
    let mut scene = Scene::new();
    scene.job("build", fault());
    for pause in [30, 60, 120] {
        scene.look();
        assert_eq!((scene.phase(), scene.acts().len()), (Phase::InfraError, 0));
        assert_eq!(scene.wake_at, Some(Timestamp(scene.now.0 + pause * 1_000)));
        assert_eq!(scene.status("mergewright"), Some(StatusState::Pending));
        scene.now = Timestamp(scene.wake_at.unwrap().0 - 1);
        assert!(scene.turn(&Event::Refresh).acts().is_empty(), "not a moment earlier");
        scene.now = Timestamp(scene.now.0 + 1);
        assert_eq!(scene.turn(&Event::Refresh).acts().len(), 1);
        assert!(scene.turn(&Event::Refresh).acts().is_empty(), "asked for once");
        scene.rerun("build", fault());
    }
    scene.look();
    assert_eq!((scene.phase(), scene.wake_at, scene.acts().len()), (Phase::InfraError, None, 0));
    assert!(scene.section().next_step.contains("/model retry"));

    scene.says("dave", "/model retry");
    assert!(scene.acts().iter().any(|slot| slot.starts_with("retry_job")));
    scene.rerun("build", JobStatus::Running).look();
    assert_eq!(scene.phase(), Phase::Building);
}

#[test]
fn a_job_that_the_forge_will_not_run_again_is_not_promised() {
    let mut scene = Scene::new();
    scene.job("build", fault()).look();
    scene.now = scene.wake_at.unwrap();
    scene.turn(&Event::Refresh);
    let slot = scene.acts()[0].clone();
    scene.outcome(&slot, Outcome::Refused { reason: "no right to run it".to_owned() });
    assert_eq!(scene.phase(), Phase::InfraError);
    assert!(scene.section().next_step.contains("comment `/model retry`"), "{}", scene.section().next_step);
    scene.says("dave", "/model retry");
    assert!(scene.acts().contains(&slot), "a person may: {:?}", scene.acts());

    scene.outcome(&slot, Outcome::Conflict { reason: "it has not ended".to_owned() });
    scene.now = scene.wake_at.unwrap();
    assert!(scene.turn(&Event::Refresh).acts().contains(&slot), "later it may be possible");
}

#[test]
fn what_waits_for_a_person_is_named() {
    for (status, word) in [
        (JobStatus::Manual, "by hand"),
        (JobStatus::Cancelled, "cancelled"),
        (JobStatus::Skipped, "left out"),
    ] {
        let mut scene = Scene::new();
        scene.job("build", status).look();
        assert_eq!(scene.phase(), Phase::Building);
        assert!(scene.section().next_step.contains(word), "{}", scene.section().next_step);
    }
}

#[test]
fn a_run_or_runner_that_never_comes_is_told_once_and_forgotten_when_it_does() {
    let patience = |scene: &mut Scene| {
        scene.look();
        let told_at = scene.wake_at.unwrap();
        assert!(told_at.since(scene.now) >= std::time::Duration::from_secs(600), "{told_at}");
        scene.now = told_at;
        scene.turn(&Event::Refresh);
        let said = scene.section().next_step.clone();
        assert!(scene.look().effects.is_empty(), "said once");
        said
    };
    let mut scene = Scene::new();
    assert!(patience(&mut scene).contains("No run of this head"));
    scene.job("build", JobStatus::Running).look();
    assert!(scene.section().next_step.contains("is awaited"), "{}", scene.section().next_step);
    scene.rerun("build", JobStatus::Waiting);
    assert!(patience(&mut scene).contains("No runner has taken the build job"));
    scene.job("build", JobStatus::Succeeded).job("test", JobStatus::Waiting).look();
    assert!(scene.section().next_step.contains("is awaited"), "another job, another wait");
}

#[test]
fn a_run_without_a_job_of_the_model_is_diagnosed() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running);
    scene.open().runs[0].jobs[0].model = Some("other".parse().unwrap());
    scene.look();
    assert_eq!(scene.phase(), Phase::Building);
    assert!(scene.section().next_step.contains("has no job for `iris`"));

    let mut scene = Scene::new();
    scene.job("build", JobStatus::Succeeded).look();
    assert_eq!(scene.phase(), Phase::Testing);
    assert!(scene.section().next_step.contains("no test job"));
}

#[test]
fn the_newest_run_with_jobs_of_the_model_counts() {
    let mut scene = Scene::new();
    scene.job("build", SCRIPT).look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    scene.run();
    assert_eq!(scene.look().phase(), Phase::GateFailed, "the new run has no jobs yet");
    scene.job("build", JobStatus::Running);
    assert_eq!(scene.look().phase(), Phase::Building);
}

#[test]
fn closing_and_reopening_changes_nothing_that_was_known() {
    let mut scene = Scene::ready();
    scene.facts.merge_request.status = MergeRequestStatus::Closed;
    assert_eq!(scene.look().phase(), Phase::Closed);
    assert_eq!(scene.state.shown.label, None);
    scene.facts.merge_request.status = MergeRequestStatus::Open;
    assert_eq!(scene.look().phase(), Phase::Ready);
}

/// A build that ended and a test that began at these times, in seconds.
fn built_and_tested(scene: &mut Scene, ended: i64, began: i64) {
    for job in &mut scene.open().runs[0].jobs {
        job.finished_at = (job.task == "build").then_some(Timestamp(ended * 1000));
        job.started_at = (job.task == "test").then_some(Timestamp(began * 1000));
    }
}

#[test]
fn a_test_that_began_before_its_build_was_run_again_is_run_again() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Succeeded).job("test", JobStatus::Running);
    built_and_tested(&mut scene, 20, 10);
    assert_eq!(scene.look().phase(), Phase::Testing);
    assert!(scene.section().next_step.contains("once it has ended"), "{}", scene.section().next_step);
    assert!(scene.acts().is_empty());
    scene.tested(&[("accuracy", "0.95")]);
    let test = scene.open().runs[0].jobs[1].id;
    assert_eq!(scene.look().phase(), Phase::Testing, "its numbers are another build's");
    assert_eq!(scene.acts(), [format!("retry_job:{test}")]);
    assert!(scene.look().acts().is_empty(), "once");
    scene.rerun("test", JobStatus::Succeeded).reported(&[("accuracy", "0.95")]);
    built_and_tested(&mut scene, 20, 20);
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval);
}

#[test]
fn a_test_that_cannot_be_run_again_after_its_build_leaves_the_word_to_people() {
    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.95")]);
    built_and_tested(&mut scene, 20, 10);
    let test = scene.open().runs[0].jobs[1].id;
    scene.look();
    let reason = "no".to_owned();
    scene.outcome(&format!("retry_job:{test}"), Outcome::Refused { reason });
    assert_eq!(scene.phase(), Phase::Testing);
    assert!(scene.section().next_step.contains("/model run"), "{}", scene.section().next_step);
    assert!(scene.acts().is_empty());
}
