//! Versions are taken out of use: not while anything refers to them, and for good.

use super::scene::Scene;
use crate::domain::*;
use crate::engine::environments::EnvironmentEvent;
use crate::engine::tests::scene::iris;

#[test]
fn nothing_that_an_environment_refers_to_is_retired() {
    let mut scene = Scene::new();
    scene.goes_well("promote v1 staging");
    assert_eq!(scene.refused("alice", "retire v1 too old"), "version-in-use", "live");
    assert_eq!(
        scene.refused("alice", "retire staging too old"),
        "version-in-use",
        "by the place where it is live"
    );
    scene.goes_well("promote v2 staging");
    assert_eq!(scene.refused("alice", "retire v1 too old"), "version-in-use", "the way back");
    scene.says("alice", "promote v3 production").unwrap_err();
    scene.says("alice", "promote v3 staging").unwrap();
    assert_eq!(scene.refused("alice", "retire v3 too new"), "version-in-use", "on its way");
    scene.settle();
    scene.ends(JobStatus::Succeeded);
    scene.settle();
    // v3 is live and v2 is the way back: nothing refers to v1 any more.
    scene.says("alice", "retire v1 too old").unwrap();
}

#[test]
fn a_retired_version_is_never_used_again_and_git_says_so_once() {
    let mut scene = Scene::new();
    for line in ["promote v1 staging", "promote v2 staging", "promote v3 staging"] {
        scene.goes_well(line);
    }
    scene.says("alice", "retire v1 trained on leaked data").unwrap();
    for line in ["promote v1 staging", "rollback staging to v1", "retire v1 again"] {
        assert_eq!(scene.refused("mia", line), "retired", "{line}");
    }
    scene.settle();
    scene.look();
    assert!(scene.calls.is_empty() && scene.state.retired[&Version::sequence(1)].tagged);
    let tag = &scene.world.tags["iris@v1.0.0!"];
    assert_eq!(tag.commit, scene.versions[0].commit);
    let note: RetirementNote = serde_json::from_str(&tag.message).unwrap();
    assert_eq!((note.by.as_str(), note.reason.as_str()), ("alice", "trained on leaked data"));
    assert_eq!((note.kind, &note.model), (RetirementKind::Retired, &iris()));
    // The way back leads over it no more.
    scene.goes_well("rollback staging");
    assert_eq!(scene.refused("alice", "rollback staging"), "retired");
}

#[test]
fn a_tag_that_the_forge_refuses_is_asked_for_again_and_one_that_is_taken_is_not() {
    let mut scene = Scene::new();
    scene.says("alice", "retire v2 useless").unwrap();
    scene.look();
    let slot = scene.calls.pop().unwrap().slot();
    let outcome = Outcome::Refused { reason: "tags are protected".to_owned() };
    scene.turn(&EnvironmentEvent::Effect { slot: slot.clone(), outcome });
    assert!(scene.calls.is_empty(), "not at once");
    scene.now = scene.wake_at.unwrap();
    scene.look();
    assert_eq!(scene.calls.pop().unwrap().slot(), slot);
    scene.tag("iris@v2.0.0!", &scene.versions[0].commit.clone(), "mine");
    let outcome = Outcome::Conflict { reason: "exists".to_owned() };
    scene.turn(&EnvironmentEvent::Effect { slot, outcome });
    scene.look();
    assert!(scene.calls.is_empty() && scene.wake_at.is_none());
    assert!(scene.audit.iter().any(|entry| entry.kind == "retirement" && entry.what.contains("exists")));
    assert_eq!(scene.refused("alice", "promote v2 staging"), "retired", "whatever git says");
}
