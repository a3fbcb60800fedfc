//! Checks where the forge shows them, and the buttons on them.

use std::collections::BTreeMap;

use super::scene::*;
use crate::domain::*;
use crate::event::Event;

use Progress::{Completed, InProgress, Queued};

const SUCCESS: Progress = Completed(Conclusion::Success);
const FAILURE: Progress = Completed(Conclusion::Failure);
const CANCELLED: Progress = Completed(Conclusion::Cancelled);

/// A scene on GitHub under an App.
fn under_app(mut scene: Scene) -> Scene {
    scene.facts.bot.checks = true;
    scene.facts.repository.id.forge = ForgeKind::GitHub;
    scene.facts.merge_request.id.repo.forge = ForgeKind::GitHub;
    scene
}

/// The checks that the last turn asked for, by name.
fn asked(scene: &Scene) -> BTreeMap<String, Check> {
    let checks = scene.effects.iter().filter_map(|effect| match effect {
        Effect::Check { sha, check } => {
            assert_eq!(*sha, scene.facts.merge_request.head);
            Some((check.name.clone(), (**check).clone()))
        }
        _ => None,
    });
    checks.collect()
}

/// How far each check is that was ever asked for on the head, without the name's beginning.
fn progress(scene: &Scene) -> Vec<(String, Progress)> {
    let shown = scene.state.shown.checks.iter();
    shown.map(|(name, shown)| (name.trim_start_matches("mergewright/").to_owned(), shown.progress)).collect()
}

fn all(umbrella: Progress, build: Progress, review: Progress, test: Progress) -> Vec<(String, Progress)> {
    let names = ["mergewright", "iris/build", "iris/review", "iris/test"];
    let mut all: Vec<_> =
        names.iter().map(|name| (*name).to_owned()).zip([umbrella, build, review, test]).collect();
    all.sort_by_key(|(name, _)| if name == "mergewright" { String::new() } else { name.clone() });
    all
}

fn statuses(scene: &Scene) -> usize {
    scene.effects.iter().filter(|effect| matches!(effect, Effect::Status { .. })).count()
}

/// The press of a button on a check as it was last asked for.
fn press(scene: &Scene, login: &str, check: &Check, button: &str) -> Press {
    Press {
        check: CheckId(9),
        name: check.name.clone(),
        head: scene.facts.merge_request.head.clone(),
        mark: check.mark(scene.facts.merge_request.id),
        button: button.to_owned(),
        by: user(login),
    }
}

fn pressed(scene: &mut Scene, press: Press) {
    scene.tick();
    scene.facts.press = Some(press.clone());
    scene.turn(&Event::Pressed(Box::new(press)));
    scene.facts.press = None;
}

/// The rule that the only answer to a press names.
fn refused(scene: &Scene) -> String {
    let answers = scene.effects.iter().filter_map(|effect| match effect {
        Effect::Answer { reply, .. } => Some(reply.answers.as_slice()),
        _ => None,
    });
    match answers.collect::<Vec<_>>().as_slice() {
        [[Answer::Refused { rule, message, remedy, .. }]] => {
            assert!(!message.is_empty() && !remedy.is_empty());
            rule.clone()
        }
        other => panic!("not one refusal: {other:?}"),
    }
}

/// Measured and waiting for an approval, with the umbrella check that says so.
fn awaiting() -> (Scene, Check) {
    let mut scene = under_app(Scene::new());
    scene.tested(&[("accuracy", "0.95")]).look();
    let umbrella = asked(&scene).remove("mergewright").expect("the umbrella");
    (scene, umbrella)
}

#[test]
fn checks_take_the_place_of_statuses_under_the_same_names() {
    let mut scene = under_app(Scene::new());
    scene.look();
    assert_eq!(progress(&scene), all(InProgress, InProgress, Queued, Queued));
    assert_eq!(statuses(&scene), 0);
    let umbrella = &asked(&scene)["mergewright"];
    assert_eq!(umbrella.title, "iris: waiting for the build job");
    assert_eq!(umbrella.report.as_deref(), Some(scene.sticky()));
    scene.job("build", JobStatus::Succeeded).look();
    assert_eq!(progress(&scene), all(InProgress, SUCCESS, Queued, InProgress));
    scene.tested(&[("accuracy", "0.95")]).look();
    assert_eq!(
        progress(&scene),
        all(InProgress, SUCCESS, InProgress, SUCCESS),
        "pending, as the interface says"
    );
    scene.says("alice", "/model approve");
    assert_eq!(progress(&scene), all(SUCCESS, SUCCESS, SUCCESS, SUCCESS));
    assert_eq!(asked(&scene)["mergewright"].title, "build, test and review are good");
    scene.look();
    assert!(asked(&scene).is_empty(), "nothing that they show has changed");
    assert_eq!(scene.state.shown.statuses.len(), 0);
}

#[test]
fn without_an_app_there_are_statuses_and_not_one_check() {
    let mut scene = under_app(Scene::new());
    scene.facts.bot.checks = false;
    scene.tested(&[("accuracy", "0.95")]).look();
    assert_eq!((statuses(&scene), asked(&scene).len()), (4, 0));
}

#[test]
fn a_check_is_asked_for_again_when_what_it_shows_has_changed_and_no_other_is() {
    let (mut scene, before) = awaiting();
    scene.says("alice", "/model hold Wait for the audit");
    let again = asked(&scene);
    assert_eq!(again["mergewright"].buttons.all(), [Button::Approve, Button::Unhold]);
    assert_eq!(again.keys().collect::<Vec<_>>(), ["mergewright"], "its report tells of the hold");
    assert_ne!(again["mergewright"].report, before.report);
    assert_eq!(again["mergewright"].progress, InProgress);
}

#[test]
fn a_new_head_begins_with_checks_of_its_own() {
    let (mut scene, _) = awaiting();
    scene.push('b').look();
    assert_eq!(asked(&scene).len(), 4);
    assert_eq!(progress(&scene), all(InProgress, InProgress, Queued, Queued));
    assert_eq!(scene.state.shown.checks_on, Some(sha('b')));
}

#[test]
fn where_no_model_is_touched_one_green_check_says_so() {
    let mut scene = under_app(Scene::new());
    scene.facts.changed_paths = Some(paths(&["README.md"]));
    scene.look();
    let checks = asked(&scene);
    let [umbrella] = checks.values().collect::<Vec<_>>()[..] else { panic!("{checks:?}") };
    assert_eq!((umbrella.progress, umbrella.title.as_str()), (SUCCESS, "no model changed"));
    assert_eq!(umbrella.report, None);
}

#[test]
fn an_invalid_file_fails_the_umbrella_with_its_excerpt() {
    let mut scene = under_app(Scene::new());
    scene.facts.proposal = crate::engine::Configuration::Invalid { problems: "line 3: typo".to_owned() };
    scene.look();
    let umbrella = &asked(&scene)["mergewright"];
    assert_eq!(umbrella.progress, FAILURE);
    let excerpt = umbrella.report.as_ref().and_then(|report| report.invalid_configuration.as_ref());
    assert!(excerpt.is_some_and(|text| text.contains("line 3: typo")), "{excerpt:?}");
}

#[test]
fn failing_tests_stand_on_their_lines_and_the_failed_stage_shows_the_models_section() {
    let mut scene = under_app(Scene::new());
    scene.tested(&[("accuracy", "0.95")]);
    let failure = |name: &str, file: Option<&str>| TestFailure {
        name: name.to_owned(),
        message: "4 is not 5".to_owned(),
        file: file.map(str::to_owned),
        line: file.map(|_| 12),
    };
    let failed = vec![failure("shape", Some("test_iris.py")), failure("sum", None)];
    scene.report().tests = Some(TestSummary { total: 2, skipped: 0, failed, failed_more: 0 });
    scene.look();
    let checks = asked(&scene);
    let test = &checks["mergewright/iris/test"];
    assert_eq!((test.progress, test.title.as_str()), (FAILURE, "2 tests fail"));
    let [remark] = test.annotations.as_slice() else { panic!("{:?}", test.annotations) };
    assert_eq!((remark.path.as_str(), remark.line), ("models/iris/test_iris.py", 12));
    assert_eq!(test.report.as_ref().unwrap().models[0].failing_tests.len(), 2);
    assert_eq!(checks["mergewright"].progress, FAILURE);
    assert_eq!(checks["mergewright/iris/build"].report, None, "a good stage needs no more than its sentence");
    // A rerun makes the test check undecided again, without remarks.
    scene.rerun("test", JobStatus::Running).look();
    let test = &asked(&scene)["mergewright/iris/test"];
    assert_eq!((test.progress, test.annotations.len(), &test.report), (InProgress, 0, &None));
}

#[test]
fn what_nobody_decides_any_more_is_cancelled_and_begins_again_when_reopened() {
    let (mut scene, _) = awaiting();
    scene.facts.merge_request.status = MergeRequestStatus::Closed;
    scene.facts.open = None;
    scene.look();
    assert_eq!(progress(&scene), all(CANCELLED, SUCCESS, CANCELLED, SUCCESS));
    scene.look();
    assert!(asked(&scene).is_empty());

    let (mut scene, _) = awaiting();
    scene.merged("mia").look();
    assert_eq!(scene.phase(), Phase::Unblessed);
    assert_eq!(progress(&scene).first(), Some(&("mergewright".to_owned(), CANCELLED)));
    assert!(progress(&scene).contains(&("iris/review".to_owned(), CANCELLED)));
}

#[test]
fn each_state_offers_the_buttons_that_help_and_never_more_than_three() {
    let buttons = |scene: &Scene| asked(scene)["mergewright"].buttons.all().to_vec();
    let mut scene = under_app(Scene::new());
    scene.look();
    assert_eq!(buttons(&scene), []);
    let (mut scene, umbrella) = awaiting();
    assert_eq!(umbrella.buttons.all(), [Button::Approve, Button::Hold]);
    scene.says("alice", "/model approve");
    assert_eq!(buttons(&scene), [Button::Publish, Button::Hold]);
    scene.says("alice", "/model hold Not now");
    assert_eq!(buttons(&scene), [Button::Unhold]);
    let mut scene = under_app(Scene::new());
    scene.tested(&[("accuracy", "0.5")]).look();
    assert_eq!(buttons(&scene), [Button::Run]);
    let mut scene = under_app(Scene::new());
    scene.job("build", JobStatus::Failed(FailureCause::Infrastructure("runner".to_owned()))).look();
    assert_eq!(buttons(&scene), [Button::Retry, Button::Run]);
}

#[test]
fn with_several_models_the_buttons_stand_on_the_checks_of_each() {
    let model = POLICY.split("models:\n").nth(1).unwrap();
    let wine = model.replace("iris", "wine");
    let mut scene = under_app(Scene::new().config(&format!("{POLICY}{}", wine.trim_start_matches('\n'))));
    scene.facts.changed_paths = Some(paths(&["models/iris/train.py", "models/wine/train.py"]));
    scene.tested(&[("accuracy", "0.95")]).look();
    let checks = asked(&scene);
    assert_eq!(checks["mergewright"].buttons.all(), []);
    let review = &checks["mergewright/iris/review"];
    assert_eq!(review.buttons.all(), [Button::Approve, Button::Hold]);
    assert_eq!(checks["mergewright/wine/review"].buttons.all(), []);
    let press = press(&scene, "alice", review, "approve");
    pressed(&mut scene, press);
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn a_press_is_the_command_of_whoever_presses() {
    let (mut scene, umbrella) = awaiting();
    let press = press(&scene, "alice", &umbrella, "approve");
    pressed(&mut scene, press);
    assert_eq!(scene.phase(), Phase::Ready);
    assert!(scene.effects.iter().all(|effect| !matches!(effect, Effect::Answer { .. })));
    let approval = &scene.model().approvals[0];
    assert_eq!((approval.by.login.as_str(), &approval.head), ("alice", &sha('a')));
    assert_eq!(approval.report, umbrella.measured, "the check showed the report");
    let command = scene.audit.iter().find(|entry| entry.kind == "command").unwrap();
    assert_eq!(command.actor.as_deref(), Some("alice"));
    assert_eq!(asked(&scene)["mergewright"].edition, 1, "the next press is another one");
}

#[test]
fn a_press_is_refused_by_the_rules_of_the_comment() {
    for (login, rule) in [("dave", "not-owner"), ("eve", "not-owner"), ("zoe", "rights-unknown")] {
        let (mut scene, umbrella) = awaiting();
        scene.says(login, "/model approve");
        assert_eq!(scene.refusal(), rule, "by a comment of {login}");
        let press = press(&scene, login, &umbrella, "approve");
        pressed(&mut scene, press);
        assert_eq!(refused(&scene), rule, "by a press of {login}");
        assert_eq!(scene.phase(), Phase::AwaitingApproval);
        assert!(scene.audit.iter().any(|entry| entry.kind == "refusal"));
    }
    let mut own = under_app(Scene::new().with("owners: ['@alice']", "owners: ['@bob', '@alice']"));
    own.tested(&[("accuracy", "0.95")]).look();
    let press = press(&own, "bob", &asked(&own)["mergewright"], "approve");
    pressed(&mut own, press);
    assert_eq!(refused(&own), "own-work");
}

#[test]
fn a_press_on_another_head_or_another_report_is_refused() {
    let (mut scene, umbrella) = awaiting();
    let old = press(&scene, "alice", &umbrella, "approve");
    scene.push('b').tested(&[("accuracy", "0.95")]).look();
    pressed(&mut scene, old);
    assert_eq!(refused(&scene), "head-moved");

    let (mut scene, umbrella) = awaiting();
    let old = press(&scene, "alice", &umbrella, "approve");
    scene.rerun("test", JobStatus::Succeeded).reported(&[("accuracy", "0.93")]).look();
    pressed(&mut scene, old);
    assert_eq!(refused(&scene), "report-changed");
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    // A hold needs no numbers to be right.
    let hold = press(&scene, "alice", &umbrella, "hold");
    pressed(&mut scene, hold);
    assert!(scene.state.holds.contains_key(&iris()));
}

#[test]
fn a_button_that_we_do_not_have_is_refused() {
    let (mut scene, umbrella) = awaiting();
    let press = press(&scene, "alice", &umbrella, "deploy");
    pressed(&mut scene, press);
    assert_eq!(refused(&scene), "button-unknown");
}

#[test]
fn the_other_buttons_start_hold_and_publish() {
    let (mut scene, umbrella) = awaiting();
    for button in ["hold", "unhold"] {
        let press = press(&scene, "alice", &umbrella, button);
        pressed(&mut scene, press);
        assert_eq!(scene.state.holds.contains_key(&iris()), button == "hold");
    }
    let run = press(&scene, "dave", &umbrella, "run");
    pressed(&mut scene, run);
    assert!(scene.acts().iter().any(|slot| slot.starts_with("start_run:")), "{:?}", scene.acts());

    let mut scene = under_app(Scene::ready());
    scene.look();
    let publish = press(&scene, "alice", &asked(&scene)["mergewright"], "publish");
    pressed(&mut scene, publish);
    assert!(scene.acts().iter().any(|slot| slot.starts_with("merge:")), "{:?}", scene.acts());
}

#[test]
fn a_status_of_our_name_that_somebody_else_set_is_kept_true_beside_the_check() {
    let (mut scene, _) = awaiting();
    let forged = ForgedStatus { context: "mergewright".to_owned(), by: user("eve") };
    scene.open().forged = vec![forged];
    scene.turn(&Event::StatusForged);
    let set: Vec<_> = scene
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Status { status, .. } => Some((status.context.clone(), status.state)),
            _ => None,
        })
        .collect();
    assert_eq!(set, [("mergewright".to_owned(), StatusState::Pending)]);
    assert!(scene.audit.iter().any(|entry| entry.kind == "tampering"));
    scene.open().forged.clear();
    scene.says("alice", "/model approve");
    assert_eq!(statuses(&scene), 1, "it must not stay pending beside a green check");
    assert_eq!(scene.status("mergewright"), Some(StatusState::Success));
    scene.open().forged = vec![ForgedStatus { context: "mergewright/wine/test".to_owned(), by: user("eve") }];
    scene.turn(&Event::StatusForged);
    assert_eq!(scene.status("mergewright/wine/test"), Some(StatusState::Error));
}
