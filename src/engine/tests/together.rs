//! Several merge requests with one head: each writes the worst of what all of them say.

use std::collections::BTreeMap;

use super::scene::*;
use crate::domain::*;

const UMBRELLA: &str = "mergewright";

/// On GitHub, where a status stands on the commit.
fn on_github(mut scene: Scene) -> Scene {
    scene.facts.repository.id.forge = ForgeKind::GitHub;
    scene.facts.merge_request.id.repo.forge = ForgeKind::GitHub;
    scene
}

/// Another one with this head says this by itself, and has written that.
fn other(scene: &mut Scene, own: StatusState, written: StatusState) {
    let said = |state| BTreeMap::from([(UMBRELLA.to_owned(), state)]);
    let said = Said { own: said(own), together: said(written) };
    let on = Some((scene.facts.merge_request.head.clone(), None));
    scene.facts.sharing = vec![Sharing { number: 9, on, said }];
}

/// The umbrella as the last turn asked for it.
fn asked(scene: &Scene) -> Option<(StatusState, String)> {
    scene.effects.iter().find_map(|effect| match effect {
        Effect::Status { status, .. } if status.context == UMBRELLA => {
            Some((status.state, status.description.clone()))
        }
        _ => None,
    })
}

fn own(scene: &Scene) -> Option<StatusState> {
    scene.state.shown.said.own.get(UMBRELLA).copied()
}

/// Judged, approved and green.
fn ready() -> Scene {
    let mut scene = on_github(Scene::new());
    scene.tested(&[("accuracy", "0.95")]).look();
    scene.says("alice", "/model approve");
    assert_eq!(asked(&scene).unwrap().0, StatusState::Success);
    scene
}

#[test]
fn what_another_one_with_the_head_says_outdoes_what_is_better() {
    for (state, why) in [
        (StatusState::Pending, "#9 has the same head and is not decided yet"),
        (StatusState::Failure, "#9 has the same head and failed"),
        (StatusState::Error, "#9 has the same head and cannot be judged"),
    ] {
        let mut scene = ready();
        other(&mut scene, state, state);
        assert_eq!(asked(scene.look()), Some((state, why.to_owned())));
        assert_eq!(own(&scene), Some(StatusState::Success), "by itself it is good");
        assert_eq!(asked(scene.look()), None, "said once");
        scene.facts.sharing.clear();
        assert_eq!(asked(scene.look()).unwrap().0, StatusState::Success, "the other one left");
    }
}

#[test]
fn what_another_one_wrote_meanwhile_is_put_right_once() {
    let mut scene = on_github(Scene::new());
    scene.tested(&[("accuracy", "0.95")]).look();
    assert_eq!(own(&scene), Some(StatusState::Pending));
    // It decided before it could know of us.
    other(&mut scene, StatusState::Success, StatusState::Success);
    assert_eq!(asked(scene.look()).unwrap().0, StatusState::Pending, "in its place again");
    assert_eq!(asked(scene.look()), None);
    // It has looked, and says now what we say.
    other(&mut scene, StatusState::Success, StatusState::Pending);
    assert_eq!(asked(scene.look()), None);
    // Nobody knows what it wrote last.
    scene.facts.sharing.clear();
    assert_eq!(asked(scene.look()).unwrap().0, StatusState::Pending);
    assert_eq!(asked(scene.look()), None);
}

#[test]
fn what_is_over_leaves_the_commit_to_those_that_are_open() {
    let mut scene = ready();
    other(&mut scene, StatusState::Failure, StatusState::Failure);
    scene.look();
    scene.facts.merge_request.status = MergeRequestStatus::Closed;
    scene.facts.sharing[0].said.own.insert(UMBRELLA.to_owned(), StatusState::Pending);
    assert_eq!(asked(scene.look()), None);
    assert!(scene.state.shown.said.own.is_empty());
}

#[test]
fn a_status_in_another_pipeline_is_beside_ours() {
    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.95")]).look();
    other(&mut scene, StatusState::Failure, StatusState::Failure);
    assert_eq!(asked(scene.look()), None);
    let run = scene.facts.open.as_ref().unwrap().runs[0].id;
    let (sha, _) = scene.facts.sharing[0].on.clone().unwrap();
    scene.facts.sharing[0].on = Some((sha, Some(run)));
    let (state, why) = asked(scene.look()).unwrap();
    assert_eq!((state, &*why), (StatusState::Failure, "!9 has the same head and failed"));
}

#[test]
fn checks_on_a_shared_head_have_no_buttons_and_say_whose_turn_it_is() {
    let mut scene = on_github(Scene::new());
    scene.facts.bot.checks = true;
    scene.tested(&[("accuracy", "0.95")]).look();
    scene.says("alice", "/model approve");
    other(&mut scene, StatusState::Pending, StatusState::Pending);
    scene.look();
    let check = scene.effects.iter().find_map(|effect| match effect {
        Effect::Check { check, .. } if check.name == UMBRELLA => Some(check),
        _ => None,
    });
    let check = check.unwrap();
    assert_eq!(check.progress, Progress::InProgress);
    assert_eq!(check.title, "#9 has the same head and is not decided yet");
    assert!(check.buttons.all().is_empty());
}
