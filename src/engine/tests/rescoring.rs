//! A baseline that has numbers of other data, measured anew on the head's.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::domain::*;
use crate::engine::{RescoringFact, ScoresFact};

use super::scene::*;

const OLD_DATA: char = 'e';

/// A head with numbers on dataset `d`; v1 was published with numbers of other data.
fn incomparable() -> Scene {
    let mut scene = Scene::new();
    scene.published_before(1, &[("accuracy", "0.99")]);
    version(&mut scene).dataset = Some(sha(OLD_DATA));
    scene.tested(&[("accuracy", "0.95")]).look();
    scene
}

fn version(scene: &mut Scene) -> &mut VersionRecord {
    scene.facts.registry.get_mut(&iris()).unwrap().versions.last_mut().unwrap()
}

/// What the last turn wanted measured: slot, branch and order.
pub(super) fn asked(scene: &Scene) -> Vec<(String, String, WorkOrder)> {
    let wanted = scene.effects.iter().filter_map(|effect| match effect {
        Effect::Evaluate { branch, order, .. } => Some((effect.slot(), branch.clone(), order.clone())),
        _ => None,
    });
    wanted.collect()
}

/// The run began, and this is how its job stands; a job that ended well left these metrics.
pub(super) fn runs(scene: &mut Scene, slot: &str, status: JobStatus, accuracy: Option<&str>) -> RunId {
    let run = RunId(scene.number());
    scene.outcome(slot, Outcome::Done(Done::Run { run }));
    stands(scene, run, status, accuracy);
    run
}

fn stands(scene: &mut Scene, id: RunId, status: JobStatus, accuracy: Option<&str>) {
    let job = job(JobId(id.0 * 10), "evaluate", status);
    let scores = accuracy.map(|value| {
        let metrics = [("accuracy".to_owned(), value.parse().unwrap())].into();
        let scores = Scores { job: job.id, page: job.web_url.clone(), metrics };
        ScoresFact::Read(Box::new(scores))
    });
    let run = Run {
        id,
        sha: scene.facts.merge_request.head.clone(),
        web_url: "https://forge.test/run".to_owned(),
        created_at: scene.now,
        first_at: None,
        jobs: vec![job],
    };
    scene.open().rescorings.insert(id.0, RescoringFact { run: Some(run), scores });
}

#[test]
fn a_baseline_of_other_data_is_measured_once_on_the_heads_branch_and_waited_for() {
    let mut scene = incomparable();
    let [(slot, branch, order)] = asked(&scene).try_into().unwrap();
    assert_eq!((branch.as_str(), order.action.as_str()), ("longer", "evaluate"));
    assert_eq!((&order.commit, order.source.as_str()), (&sha('a'), "1"));
    assert_eq!(order.version, Some(Version::sequence(1).into()));
    assert_eq!(scene.phase(), Phase::Testing);
    let next = scene.section().next_step.clone();
    assert!(next.contains("scored anew on this head's dataset 64646464"), "{next}");
    assert!(asked(scene.look()).is_empty(), "once");

    let run = runs(&mut scene, &slot, JobStatus::Running, None);
    scene.look();
    assert_eq!((scene.phase(), asked(&scene).len()), (Phase::Testing, 0));
    assert!(scene.wake_at.is_some(), "its end may never be told");
    stands(&mut scene, run, JobStatus::Succeeded, Some("0.955"));
    scene.look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "0.005 are lost, 0.01 allowed");
    let section = scene.section();
    assert!(section.baseline.contains("v1 (scored anew on this head's dataset 64646464)"), "{section:?}");
    assert_eq!(section.gates[0].baseline, Some("0.955".parse().unwrap()));
    let row = section.lineage.iter().find(|(name, _)| name == "baseline").unwrap();
    assert!(row.1.starts_with("v1, scored anew on dataset 6464"), "{row:?}");
    assert!(scene.audit.iter().any(|entry| entry.kind == "rescoring"));

    scene.open().rescorings.clear();
    scene.look();
    assert_eq!((scene.phase(), asked(&scene).len()), (Phase::AwaitingApproval, 0), "the numbers are kept");
}

#[test]
fn what_is_worse_than_the_baseline_on_its_own_data_fails() {
    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    runs(&mut scene, &slot, JobStatus::Succeeded, Some("0.97"));
    scene.look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    assert!(scene.section().gates[0].reason.contains("loses 0.02 against v1's 0.97"));
}

#[test]
fn the_record_of_a_version_says_what_it_was_compared_with_on_other_numbers() {
    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    runs(&mut scene, &slot, JobStatus::Succeeded, Some("0.95"));
    scene.look().says("alice", "/model approve");
    scene.merged("alice").look();
    let lineage = scene.effects.iter().find_map(|effect| match effect {
        Effect::CreateTag { lineage, .. } => Some(lineage.clone()),
        _ => None,
    });
    let said = lineage.unwrap().baseline.unwrap();
    assert!(said.starts_with("v1, scored anew on dataset 6464"), "{said}");
}

#[test]
fn what_cannot_be_measured_stays_incomparable_and_says_why_and_what_to_do() {
    let failed = |text: &str| {
        let mut failed = job(JobId(1), "evaluate", JobStatus::Failed(FailureCause::Script));
        failed.log_tail = Some(text.to_owned());
        failed
    };
    let expired =
        "mergewright: nothing was measured: the artifacts of job 1 cannot be read (404): they expired\n";
    let skipped = job(JobId(1), "evaluate", JobStatus::Skipped);
    let cancelled = job(JobId(1), "evaluate", JobStatus::Cancelled);
    for (jobs, why) in [
        (vec![failed("Traceback")], "the evaluate job failed"),
        (vec![failed(expired)], "the artifacts of job 1 cannot be read (404): they expired"),
        (vec![skipped], "have no job that measures a version"),
        (vec![cancelled], "the evaluate job was cancelled"),
        (vec![job(JobId(1), "lint", JobStatus::Succeeded)], "have no job that measures a version"),
    ] {
        let mut scene = incomparable();
        let (slot, ..) = asked(&scene).remove(0);
        let run = runs(&mut scene, &slot, JobStatus::Running, None);
        scene.open().rescorings.get_mut(&run.0).unwrap().run.as_mut().unwrap().jobs = jobs;
        scene.look();
        assert_eq!(scene.phase(), Phase::Inconclusive, "{why}");
        let next = scene.section().next_step.clone();
        assert!(next.contains(why) && next.contains("/model waive RULE REASON"), "{next}");
        assert!(asked(scene.look()).is_empty(), "nothing is tried again by itself");
    }
    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    scene.outcome(&slot, Outcome::Refused { reason: "the files of v1 are not kept".to_owned() });
    assert_eq!(scene.phase(), Phase::Inconclusive);
    assert!(scene.section().next_step.contains("the files of v1 are not kept"));
}

#[test]
fn a_person_may_have_it_tried_again_and_called_off() {
    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    let run = runs(&mut scene, &slot, JobStatus::Running, None);
    scene.look();
    scene.says("dave", "/model cancel");
    assert!(scene.acts().contains(&format!("cancel_run:{run}")), "{:?}", scene.acts());
    stands(&mut scene, run, JobStatus::Cancelled, None);
    scene.look();
    scene.says("dave", "/model retry");
    assert!(scene.acts().contains(&format!("retry_job:{}", run.0 * 10)), "{:?}", scene.acts());
    stands(&mut scene, run, JobStatus::Skipped, None);
    scene.look();
    scene.says("dave", "/model retry");
    let (again, ..) = asked(&scene).remove(0);
    assert_ne!(slot, again, "a job that was left out is left out again: another run has to be");
    scene.outcome(&again, Outcome::Refused { reason: "not now".to_owned() });
    scene.says("dave", "/model retry");
    assert_eq!(asked(&scene).len(), 1);
    assert_eq!(scene.phase(), Phase::Testing);
}

#[test]
fn what_nobody_compares_with_any_more_is_not_tried_again() {
    let mut scene = incomparable();
    let (first, ..) = asked(&scene).remove(0);
    runs(&mut scene, &first, JobStatus::Cancelled, None);
    scene.look();
    scene.published_before(2, &[("accuracy", "0.99")]);
    version(&mut scene).dataset = Some(sha(OLD_DATA));
    let (second, _, order) = asked(scene.look()).remove(0);
    assert_eq!(order.version.map(|subject| subject.to_string()).as_deref(), Some("v2"));
    runs(&mut scene, &second, JobStatus::Succeeded, Some("0.94"));
    scene.look();
    assert_eq!(scene.says("dave", "/model retry").refusal(), "nothing-to-retry");
    assert!(asked(&scene).is_empty(), "{:?}", scene.acts());
}

#[test]
fn numbers_are_those_of_the_very_run_job_and_commit_that_were_asked_for() {
    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    let run = runs(&mut scene, &slot, JobStatus::Succeeded, Some("0.95"));
    scene.open().rescorings.get_mut(&run.0).unwrap().run.as_mut().unwrap().sha = sha('b');
    scene.look();
    assert_eq!(scene.phase(), Phase::Inconclusive);
    assert!(scene.section().next_step.contains("of another commit"));

    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    let run = runs(&mut scene, &slot, JobStatus::Succeeded, Some("0.95"));
    let fact = scene.open().rescorings.remove(&run.0).unwrap();
    scene.open().rescorings.insert(run.0 + 1, fact);
    scene.look();
    assert_eq!(scene.phase(), Phase::Testing, "another run says nothing");
}

#[test]
fn a_new_head_lets_go_of_it_and_stops_what_began_late() {
    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    let run = runs(&mut scene, &slot, JobStatus::Running, None);
    scene.look();
    scene.push('b').look();
    assert!(scene.acts().contains(&format!("cancel_run:{run}")), "{:?}", scene.acts());

    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    scene.push('b').look();
    let late = RunId(77);
    scene.outcome(&slot, Outcome::Done(Done::Run { run: late }));
    assert!(scene.acts().contains(&format!("cancel_run:{late}")), "{:?}", scene.acts());
    scene.tested(&[("accuracy", "0.95")]).look();
    assert_eq!(asked(&scene).len(), 1, "of the new head another one");
}

#[test]
fn the_numbers_of_a_head_are_kept_for_its_return_but_not_those_of_every_head_ever() {
    for (others, again) in [("bc", 0), ("bcdefghij", 1)] {
        let mut scene = incomparable();
        let (slot, ..) = asked(&scene).remove(0);
        runs(&mut scene, &slot, JobStatus::Succeeded, Some("0.955"));
        scene.look();
        assert_eq!(scene.phase(), Phase::AwaitingApproval);
        for head in others.chars() {
            scene.push(head).look();
        }
        scene.push('a').tested(&[("accuracy", "0.95")]).look();
        assert_eq!(asked(&scene).len(), again, "after {} other heads", others.len());
    }
}

#[test]
fn a_run_that_began_on_another_commit_is_written_down() {
    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    scene.push('b');
    scene.outcome(&slot, Outcome::Conflict { reason: "the run 9 that began on b was cancelled".to_owned() });
    let audit = scene.audit.iter().find(|entry| entry.kind == "rescoring").unwrap();
    assert!(audit.what.contains("the run 9 that began on b was cancelled"), "{}", audit.what);
}

#[test]
fn nothing_is_measured_where_no_comparison_waits_for_it() {
    for (from, to, why) in [
        ("max_regression: 0.01", "level: block", "only a threshold"),
        ("min: 0.90", "min: 0.98", "bad already"),
    ] {
        let mut scene = Scene::new().with(from, to);
        scene.published_before(1, &[("accuracy", "0.99")]);
        version(&mut scene).dataset = Some(sha(OLD_DATA));
        scene.tested(&[("accuracy", "0.95")]).look();
        assert!(asked(&scene).is_empty(), "{why}");
    }
    let mut scene = incomparable();
    scene.says("alice", "/model waive accuracy new data");
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "excused, so not waited for");
}

#[test]
fn no_code_runs_for_it_that_came_from_a_fork_or_stands_on_the_default_branch() {
    type Change = fn(&mut Scene);
    let changes: [(Change, &str); 2] = [
        (|scene| scene.facts.merge_request.from_fork = true, "code from a fork"),
        (|scene| scene.facts.merge_request.source_branch = "main".to_owned(), "the default branch"),
    ];
    for (change, why) in changes {
        let mut scene = Scene::new();
        change(&mut scene);
        scene.published_before(1, &[("accuracy", "0.99")]);
        version(&mut scene).dataset = Some(sha(OLD_DATA));
        scene.tested(&[("accuracy", "0.95")]).look();
        assert!(asked(&scene).is_empty(), "{why}");
        assert_eq!(scene.phase(), Phase::Inconclusive, "{why}");
        assert!(scene.section().next_step.contains(why), "{}", scene.section().next_step);
    }
}

#[test]
fn what_only_warns_is_told_and_keeps_nobody() {
    let mut scene = Scene::new().with("max_regression: 0.01", "max_regression: 0.01, level: warn");
    scene.facts.merge_request.from_fork = true;
    scene.published_before(1, &[("accuracy", "0.99")]);
    version(&mut scene).dataset = Some(sha(OLD_DATA));
    scene.tested(&[("accuracy", "0.95")]).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    let section = scene.section();
    assert!(section.notices.iter().any(|told| told.contains("code from a fork")), "{:?}", section.notices);
    assert!(section.next_step.contains("approval by an owner"), "{}", section.next_step);
}

/// What happens while a version is measured anew.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Push(char),
    /// The head's jobs end well.
    Tested,
    /// The call that was asked for first and not answered yet comes to this.
    Answered(bool),
    /// The job of the newest run ends.
    Ends(Option<&'static str>),
    /// The target branch moves, and what it brings is of the model or not.
    Base(bool),
    Look,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => proptest::sample::select(vec!['a', 'b']).prop_map(Happens::Push),
        4 => Just(Happens::Tested),
        3 => any::<bool>().prop_map(Happens::Answered),
        3 => proptest::sample::select(vec![None, Some("0.95"), Some("0.99")]).prop_map(Happens::Ends),
        1 => any::<bool>().prop_map(Happens::Base),
        2 => Just(Happens::Look),
    ]
}

proptest! {
    #[test]
    fn no_version_is_measured_twice_for_one_head_and_none_ever_for_a_fork(
        fork in any::<bool>(),
        events in proptest::collection::vec((happens(), 1_usize..3), 1..40),
    ) {
        let mut scene = Scene::new();
        scene.facts.merge_request.from_fork = fork;
        scene.published_before(1, &[("accuracy", "0.99")]);
        version(&mut scene).dataset = Some(sha(OLD_DATA));
        scene.look();
        let mut measured: BTreeSet<Sha> = BTreeSet::new();
        let mut open: Vec<String> = Vec::new();
        let mut at_work: BTreeMap<RunId, Sha> = BTreeMap::new();
        for (event, times) in events {
            for _ in 0..times {
                let head = scene.facts.merge_request.head.clone();
                match event {
                    Happens::Push(name) if head != sha(name) => {
                        // What was not over is stopped, so that it may begin again if the head comes back.
                        if scene.model().rescorings.iter().all(|known| known.scores.is_none()) {
                            measured.remove(&head);
                        }
                        scene.push(name);
                        scene.open().rescorings.clear();
                        at_work.clear();
                    }
                    Happens::Tested if scene.open().runs.is_empty() => {
                        scene.tested(&[("accuracy", "0.95")]);
                    }
                    Happens::Answered(good) if !open.is_empty() => {
                        let slot = open.remove(0);
                        if good {
                            let ours = slot.contains(head.as_str());
                            let run = RunId(scene.number());
                            scene.outcome(&slot, Outcome::Done(Done::Run { run }));
                            prop_assert!(asked(&scene).is_empty());
                            let waited = scene.model().rescorings.iter().any(|one| one.run == Some(run));
                            if ours && waited {
                                stands(&mut scene, run, JobStatus::Running, None);
                                at_work.insert(run, head);
                            }
                        } else {
                            scene.outcome(&slot, Outcome::Refused { reason: "no".to_owned() });
                        }
                    }
                    Happens::Ends(accuracy) => {
                        if let Some((run, _)) = at_work.pop_last() {
                            let status = match accuracy {
                                Some(_) => JobStatus::Succeeded,
                                None => JobStatus::Failed(FailureCause::Script),
                            };
                            stands(&mut scene, run, status, accuracy);
                        }
                    }
                    Happens::Base(touching) => {
                        let base = if scene.facts.base == sha('0') { '1' } else { '0' };
                        scene.facts.base = sha(base);
                        let path = if touching { "models/iris/train.py" } else { "README.md" };
                        scene.facts.base_moved = Some(paths(&[path]));
                    }
                    _ => {}
                }
                scene.look();
                scene.facts.base_moved = None;
                for (slot, branch, order) in asked(&scene) {
                    prop_assert!(!fork, "of a fork nothing");
                    prop_assert_eq!(branch, "longer");
                    prop_assert_eq!(&order.commit, &scene.facts.merge_request.head);
                    prop_assert!(measured.insert(order.commit), "twice");
                    open.push(slot);
                }
            }
        }
    }
}
