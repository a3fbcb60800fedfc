//! A target branch that is merged by a queue.

use std::time::Duration;

use crate::domain::*;
use crate::engine::QueueFact;
use crate::event::Event;

use super::scene::*;

/// Asked to be published, and put into the queue.
fn waiting() -> Scene {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    scene.outcome(&format!("merge:{}:1", sha('a')), Outcome::Done(Done::Queued));
    scene.facts.queue = Some(tried('t', None));
    scene.look();
    assert_eq!((scene.phase(), scene.acts()), (Phase::Merging, Vec::<String>::new()));
    scene
}

/// What the queue tries, and the paths that differ from the base by then.
fn tried(commit: char, drift: Option<&[&str]>) -> QueueFact {
    let trial = Trial { commit: sha(commit), base: sha('0'), run: Some(RunId(70)) };
    QueueFact { queued: Some(Queued { trial: Some(trial) }), drift: drift.map(paths) }
}

fn gone() -> QueueFact {
    QueueFact::default()
}

/// The umbrella that the last turn asked for on this commit.
fn umbrella(scene: &Scene, commit: char) -> Option<(StatusState, String)> {
    scene.effects.iter().find_map(|effect| match effect {
        Effect::Status { sha: on, run, status } if *on == sha(commit) => {
            assert_eq!((status.context.as_str(), *run), ("mergewright", Some(RunId(70))));
            Some((status.state, status.description.clone()))
        }
        _ => None,
    })
}

fn leave() -> String {
    format!("leave_queue:{}:1", sha('a'))
}

#[test]
fn what_is_tried_is_as_good_as_the_head_unless_something_differs_that_it_was_judged_against() {
    for (drift, expected) in [
        (None, Ok(())),
        (Some(&["README.md", "models/digits/train.py"][..]), Ok(())),
        (Some(&["models/iris/train.py"]), Err("iris was judged before models/iris/train.py changed")),
        (Some(&[".mergewright.yml"]), Err("the target branch's .mergewright.yml is another by then")),
    ] {
        let mut scene = Scene::ready();
        scene.facts.queue = Some(tried('t', drift));
        scene.tick();
        scene.turn(&Event::Tried);
        let (state, words) = umbrella(&scene, 't').unwrap();
        match expected {
            Ok(()) => assert_eq!(state, StatusState::Success, "{drift:?}"),
            Err(why) => assert_eq!((state, words.as_str()), (StatusState::Failure, why)),
        }
        assert_eq!(umbrella(scene.look(), 't'), None, "it is said once");
        scene.facts.queue = Some(tried('u', drift));
        assert!(umbrella(scene.look(), 'u').is_some(), "another try is another commit");
    }
}

#[test]
fn what_is_not_ready_fails_whoever_put_it_there() {
    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.95")]).look();
    scene.facts.queue = Some(tried('t', None));
    scene.tick();
    scene.turn(&Event::Tried);
    assert_eq!(
        umbrella(&scene, 't').unwrap(),
        (StatusState::Failure, "iris is not ready to be merged".to_owned())
    );
    assert_eq!(scene.acts(), Vec::<String>::new(), "who put it there takes it out");
    scene.says("alice", "/model approve");
    assert_eq!(umbrella(&scene, 't').unwrap().0, StatusState::Success, "the word may turn while it waits");
}

#[test]
fn while_it_waits_the_world_is_judged_and_what_is_not_ready_is_taken_out() {
    let mut scene = waiting();
    scene.facts.base = sha('1');
    scene.facts.base_moved = Some(paths(&["README.md"]));
    scene.facts.changed_paths = Some(paths(&["models/iris/train.py"]));
    assert_eq!(
        (scene.look().phase(), scene.acts()),
        (Phase::Merging, Vec::<String>::new()),
        "elsewhere does not matter"
    );

    scene.facts.base = sha('2');
    scene.facts.base_moved = Some(paths(&["models/iris/data.csv"]));
    scene.look();
    assert_eq!(scene.phase(), Phase::Building);
    assert!(scene.acts().contains(&leave()), "{:?}", scene.acts());
    assert_eq!(umbrella(&scene, 't').unwrap().0, StatusState::Failure);
    scene.look();
    assert!(!scene.acts().contains(&leave()), "asked once");
}

#[test]
fn a_hold_takes_it_out_and_nothing_is_queued_again_before_that_is_over() {
    let mut scene = waiting();
    scene.says("alice", "/model hold");
    assert_eq!((scene.phase(), scene.acts().contains(&leave())), (Phase::Held, true));
    scene.says("alice", "/model unhold");
    scene.says("alice", "/model publish");
    assert_eq!(scene.phase(), Phase::Merging);
    let merge = format!("merge:{}:2", sha('a'));
    assert!(!scene.acts().contains(&merge), "it would be taken out again");
    scene.outcome(&leave(), Outcome::Done(Done::Plain));
    assert!(scene.acts().contains(&merge), "{:?}", scene.acts());
}

#[test]
fn what_is_held_while_the_call_is_under_way_is_taken_out_once_it_is_there() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    scene.says("alice", "/model hold");
    assert_eq!(scene.phase(), Phase::Merging, "nothing is judged before the forge has answered");
    scene.outcome(&format!("merge:{}:1", sha('a')), Outcome::Done(Done::Queued));
    scene.facts.queue = Some(tried('t', None));
    scene.look();
    assert_eq!((scene.phase(), scene.acts()), (Phase::Held, vec![leave()]));
    assert_eq!(umbrella(&scene, 't').unwrap().0, StatusState::Failure);
}

#[test]
fn what_the_queue_made_of_the_target_branch_is_no_moved_base() {
    let mut scene = waiting();
    scene.facts.base = sha('t');
    scene.facts.base_moved = Some(paths(&["models/iris/train.py"]));
    assert_eq!((scene.look().phase(), scene.acts()), (Phase::Merging, Vec::<String>::new()));
    scene.facts.queue = Some(gone());
    assert_eq!((scene.look().phase(), scene.acts()), (Phase::Merging, Vec::<String>::new()));
    scene.merged("mergewright");
    scene.facts.queue = None;
    assert_eq!(scene.look().phase(), Phase::Publishing);
    assert_eq!(scene.state.queue, QueueState::default());
}

#[test]
fn what_a_person_queued_is_judged_no_more_once_the_branch_is_what_was_tried() {
    let mut scene = Scene::ready();
    scene.facts.queue = Some(tried('t', None));
    scene.tick();
    scene.turn(&Event::Tried);
    // The branch moved before the merge request says so, and the queue has it no more.
    scene.facts.base = sha('t');
    scene.facts.base_moved = Some(paths(&["models/iris/train.py"]));
    scene.facts.changed_paths = Some(paths(&["models/iris/train.py"]));
    scene.facts.queue = Some(gone());
    assert_eq!((scene.look().phase(), scene.acts()), (Phase::Ready, Vec::<String>::new()));
    scene.merged("mia");
    scene.facts.queue = None;
    assert_eq!(scene.look().phase(), Phase::Publishing);
}

#[test]
fn what_left_the_queue_unmerged_is_ready_again_and_told() {
    let mut scene = waiting();
    scene.facts.queue = Some(gone());
    scene.look();
    assert_eq!(scene.phase(), Phase::Merging, "the merge may just not be seen yet");
    let again = scene.wake_at.unwrap();
    assert_eq!(again.since(scene.now), Duration::from_secs(30));
    scene.now = Timestamp(again.0 - 1001);
    assert_eq!(scene.look().phase(), Phase::Merging);
    scene.look();
    assert_eq!(
        (scene.phase(), scene.acts()),
        (Phase::Ready, Vec::<String>::new()),
        "nothing is queued by itself"
    );
    let notices = &scene.section().notices;
    assert!(notices.iter().any(|notice| notice.contains("no longer in the merge queue")), "{notices:?}");
    scene.facts.queue = None;
    scene.says("alice", "/model publish");
    assert!(scene.acts().contains(&format!("merge:{}:2", sha('a'))));
}

#[test]
fn it_is_looked_at_now_and_then_as_long_as_it_waits() {
    let scene = waiting();
    assert!(scene.state.queue.waits);
    assert_eq!(scene.wake_at.unwrap().since(scene.now), Duration::from_secs(300));
}
