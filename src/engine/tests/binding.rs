//! What happens when head, base, target or policy move.

use crate::domain::*;
use crate::event::{Event, ReviewAct};

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];

#[test]
fn a_new_head_starts_from_nothing() {
    let mut scene = Scene::ready();
    scene.push('b').look();
    let model = scene.model();
    assert_eq!((model.phase, model.candidate, &model.report), (Phase::Building, 2, &None));
    assert!(model.approvals.is_empty() && model.approved_by.is_empty());
    assert_eq!(scene.status("mergewright"), None, "no run of the new head yet");
    let notices = &scene.section().notices;
    assert!(notices.iter().any(|notice| notice.contains("superseded")), "{notices:?}");
    assert!(notices.contains(&"The approval of @alice is void: the head moved.".to_owned()), "{notices:?}");
    assert!(
        scene.audit.iter().any(|entry| entry.kind == "approval" && entry.actor.as_deref() == Some("alice"))
    );
}

#[test]
fn the_old_heads_run_is_cancelled_if_it_may_still_run() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running).look();
    let run = scene.model().run.unwrap();
    scene.push('b').look();
    assert_eq!(scene.acts(), [format!("cancel_run:{run}")]);

    let mut ended = Scene::ready();
    assert!(ended.push('b').look().acts().is_empty());
}

#[test]
fn a_base_that_moves_elsewhere_just_advances() {
    let mut scene = Scene::ready();
    scene.facts.base = sha('1');
    scene.facts.base_moved = Some(paths(&["README.md"]));
    assert_eq!(scene.look().phase(), Phase::Ready);
    assert_eq!(scene.state.bound.as_ref().unwrap().base, sha('1'));
    assert!(scene.acts().is_empty());
}

#[test]
fn base_policy_or_target_moving_under_the_head_judge_it_anew() {
    let base = |scene: &mut Scene| {
        scene.facts.base = sha('1');
        scene.facts.base_moved = Some(paths(&["models/iris/data.py"]));
    };
    let policy = |scene: &mut Scene| scene.facts.policy = config(&POLICY.replace("min: 0.90", "min: 0.91"));
    let target = |scene: &mut Scene| scene.facts.merge_request.target_branch = "release".to_owned();
    for (name, change) in [
        ("the target branch changed models/iris/data.py", &base as &dyn Fn(&mut Scene)),
        ("policy", &policy),
        ("another one", &target),
    ] {
        let mut scene = Scene::ready();
        scene.approves("mia");
        change(&mut scene);
        scene.look();
        assert_eq!(scene.phase(), Phase::Building, "{name}");
        assert!(scene.acts().contains(&format!("start_run:{}:1", sha('a'))), "{name}");
        assert!(
            scene.model().notices.iter().any(|notice| notice.contains(name)),
            "{:?}",
            scene.model().notices
        );
        assert_eq!(scene.model().candidate, 1, "the same candidate");
        assert!(scene.model().approvals.is_empty());

        scene.facts.base_moved = None;
        assert_eq!(scene.look().phase(), Phase::Building, "jobs from before do not count: {name}");
        scene.run();
        scene.tested(ACCURACY).look();
        assert_eq!(scene.phase(), Phase::AwaitingApproval, "{name}");
    }
}

/// The runs that the call for a run must leave alone.
fn left_alone(scene: &Scene) -> Vec<RunId> {
    let start = scene.effects.iter().find_map(|effect| match effect {
        Effect::StartRun { other_target, .. } => Some(other_target.iter().copied().collect()),
        _ => None,
    });
    start.expect("a call for a run")
}

#[test]
fn no_attempt_of_a_run_that_was_begun_for_another_target_counts() {
    let mut scene = Scene::ready();
    let run = scene.model().run.unwrap();
    scene.facts.merge_request.target_branch = "release".to_owned();
    scene.look();
    assert_eq!((scene.phase(), left_alone(&scene)), (Phase::Building, vec![run]));
    scene.rerun("build", JobStatus::Succeeded).rerun("test", JobStatus::Succeeded).reported(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::Building, "the forge took its file from the other target again");
    scene.push('b').look();
    scene.push('a');
    scene.run();
    scene.open().runs[0].id = run;
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::Building, "nor when the head comes back");
    scene.run();
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
}

#[test]
fn who_is_told_of_another_target_only_now_lets_go_of_what_ran_until_then() {
    let mut scene = Scene::new();
    let run = scene.run();
    scene.tested(ACCURACY);
    let told = Event::Retargeted { at: Some(scene.now) };
    scene.tick();
    scene.turn(&told);
    assert_eq!((scene.phase(), left_alone(&scene)), (Phase::Building, vec![run]));
    scene.run();
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    scene.turn(&told);
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "what began later was begun for this target");
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
    scene.turn(&Event::Retargeted { at: None });
    assert_eq!(scene.phase(), Phase::Building, "nobody says since when");
}

#[test]
fn an_approval_that_another_policy_made_void_does_not_come_back_with_its_head() {
    let mut scene = Scene::new();
    scene.tested(ACCURACY).look();
    scene.approves("alice");
    let head = Some(sha('a'));
    scene.turn(&Event::Review { by: user("alice"), act: ReviewAct::Approved, head });
    assert_eq!(scene.phase(), Phase::Ready);
    scene.facts.policy = config(&POLICY.replace("min: 0.90", "min: 0.91"));
    scene.look();
    scene.push('b').look();
    scene.push('a').look();
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "it was given under the old policy");
}

#[test]
fn a_head_that_comes_back_keeps_its_numbers_but_not_its_approvals() {
    let mut scene = Scene::ready();
    scene.approves("alice").look();
    let measured = scene.facts.open.clone();
    scene.push('b').look();
    scene.push('a');
    scene.facts.open = measured;
    scene.look();
    assert_eq!((scene.phase(), scene.model().candidate), (Phase::AwaitingApproval, 3));
    assert!(scene.acts().is_empty(), "nothing is run again");
    assert_eq!(scene.open().approvals.len(), 1, "the forge's list still has the first one");
    scene.approves("alice").look();
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn a_head_that_comes_back_after_its_base_or_policy_moved_is_measured_anew() {
    let base = |scene: &mut Scene| scene.facts.base_moved = Some(paths(&["models/iris/data.py"]));
    let policy = |scene: &mut Scene| scene.facts.policy = config(&POLICY.replace("min: 0.90", "min: 0.91"));
    for (name, change) in
        [("the target branch changed models/iris/data.py", &base as &dyn Fn(&mut Scene)), ("policy", &policy)]
    {
        let mut scene = Scene::ready();
        let measured = scene.facts.open.clone();
        scene.push('b').look();
        scene.facts.base = sha('1');
        scene.look();
        scene.push('a');
        change(&mut scene);
        scene.facts.open = measured;
        scene.look();
        assert_eq!(scene.phase(), Phase::Building, "{name}");
        assert_eq!(scene.acts(), [format!("start_run:{}:1", sha('a'))], "{name}");
        let notices = &scene.model().notices;
        assert!(notices.iter().any(|notice| notice.contains(name)), "{notices:?}");

        scene.facts.base_moved = None;
        assert_eq!(scene.look().phase(), Phase::Building, "jobs from before do not count: {name}");
        let measured = scene.facts.open.clone();
        scene.push('b').look();
        scene.push('a');
        scene.facts.open = measured;
        assert_eq!(scene.look().phase(), Phase::Building, "not the second time either: {name}");
        scene.run();
        scene.tested(ACCURACY).look();
        assert_eq!(scene.phase(), Phase::AwaitingApproval, "{name}");
    }
}

#[test]
fn a_head_with_the_same_content_keeps_approvals_if_its_report_says_the_same() {
    for (accuracy, phase) in [("0.95", Phase::Ready), ("0.96", Phase::AwaitingApproval)] {
        for by_command in [true, false] {
            let mut scene = Scene::ready();
            if !by_command {
                scene.says("alice", "/model unapprove");
                scene.approves("alice");
                scene.turn(&Event::Review {
                    by: user("alice"),
                    act: ReviewAct::Approved,
                    head: Some(sha('a')),
                });
                assert_eq!(scene.phase(), Phase::Ready);
            }
            let artifacts = scene.report().artifacts.clone();
            scene.push('b').facts.same_content = true;
            scene.look();
            assert_eq!(scene.phase(), Phase::Building);
            assert!(scene.model().notices.iter().any(|notice| notice.contains("@alice is kept")));
            scene.facts.same_content = false;
            scene.tested(&[("accuracy", accuracy)]);
            scene.report().artifacts = artifacts;
            scene.look();
            assert_eq!(scene.phase(), phase, "{accuracy}, by command: {by_command}");
        }
    }
    // A base that moved in the model's paths voids them all the same.
    let mut scene = Scene::ready();
    scene.push('b').facts.same_content = true;
    scene.facts.base = sha('1');
    scene.facts.base_moved = Some(paths(&["models/iris/data.py"]));
    scene.look();
    assert!(scene.model().approvals.is_empty());
}

#[test]
fn the_policy_of_another_model_does_not_matter() {
    let other = POLICY.split("models:\n").nth(1).unwrap().replace("iris", "digits");
    let mut scene = Scene::ready();
    scene.facts.policy = config(&format!("{POLICY}{other}"));
    scene.facts.proposal = scene.facts.policy.clone();
    assert_eq!(scene.look().phase(), Phase::Ready);
}

#[test]
fn a_fork_whose_base_moved_waits_for_a_maintainer_again() {
    let mut scene = Scene::new();
    scene.facts.merge_request.from_fork = true;
    scene.look();
    scene.says("mia", &format!("/model run {}", sha('a').short()));
    scene.facts.base = sha('1');
    scene.facts.base_moved = Some(paths(&["models/iris/data.py"]));
    scene.look();
    assert_eq!((scene.phase(), scene.acts()), (Phase::AwaitingRun, vec![]));
}

#[test]
fn a_fork_that_was_measured_already_waits_for_a_maintainer_again_too() {
    let mut scene = Scene::new();
    scene.facts.merge_request.from_fork = true;
    scene.look();
    scene.says("mia", &format!("/model run {}", sha('a').short()));
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    scene.facts.base = sha('1');
    scene.facts.base_moved = Some(paths(&["models/iris/data.py"]));
    assert_eq!((scene.look().phase(), scene.acts()), (Phase::AwaitingRun, vec![]));
    scene.facts.base_moved = None;
    assert_eq!(scene.look().phase(), Phase::AwaitingRun, "jobs from before start nothing");
}

#[test]
fn a_model_that_is_no_longer_touched_is_forgotten() {
    let mut scene = Scene::ready();
    scene.push('b');
    scene.facts.changed_paths = Some(paths(&["README.md"]));
    scene.job("build", JobStatus::Running).look();
    assert!(scene.state.models.is_empty());
    assert_eq!(scene.state.shown.label, None);
    assert_eq!(scene.status("mergewright"), Some(StatusState::Success));
}
