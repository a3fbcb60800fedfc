//! How a rollout goes on, and how it ends.

use std::time::Duration;

use super::scene::Scene;
use crate::domain::*;
use crate::engine::environments::EnvironmentEvent;
use crate::engine::tests::scene::sha;

#[test]
fn a_version_is_live_only_after_it_was_read_back_and_git_says_so() {
    let mut scene = Scene::new();
    scene.says("alice", "promote v1 staging").unwrap();
    scene.look();
    let [Effect::Dispatch { branch, order, .. }] = scene.calls.as_slice() else {
        panic!("{:?}", scene.calls)
    };
    assert_eq!((branch.as_str(), order.action.as_str()), ("main", "deploy"));
    assert_eq!((order.environment.as_deref(), order.traffic), (Some("staging"), Some(100)));
    assert_eq!((&order.commit, order.source.as_str()), (&sha('a'), "1"));
    scene.settle();
    assert_eq!(scene.live("staging"), None, "the job is at work");

    scene.world.jobs.insert(100, JobStatus::Succeeded);
    scene.settle();
    assert_eq!((scene.live("staging"), scene.stages()), (None, vec![]), "the job's word is not enough");
    assert!(scene.wake_at.is_some(), "it is looked at again by itself");

    let at = Timestamp(scene.now.0 + 77);
    scene.world.deployments.insert(100, Deployment { id: 5, state: DeploymentState::Succeeded, at });
    scene.look();
    assert_eq!(scene.live("staging"), None, "git does not say it yet");
    scene.settle();
    assert_eq!((scene.live("staging"), scene.stages()), (Some("v1"), vec!["iris#staging#1".to_owned()]));
    assert_eq!(scene.state.live("staging").unwrap().since, at);
    let tag = &scene.world.tags["iris#staging#1"];
    let told: Assignment = serde_json::from_str(&tag.message).unwrap();
    assert_eq!((tag.commit.clone(), told.deployment, told.version), (sha('a'), 5, Version::sequence(1)));
    assert_eq!(scene.rollout(1).step, RolloutStep::Live);
}

#[test]
fn a_deployment_that_the_forge_never_shows_is_not_believed() {
    let mut scene = Scene::new();
    scene.says("alice", "promote v1 staging").unwrap();
    scene.settle();
    scene.world.jobs.insert(100, JobStatus::Succeeded);
    scene.settle();
    scene.now = scene.now.after(Duration::from_secs(599));
    scene.look();
    assert_eq!(scene.rollout(1).step, RolloutStep::Failed);
    assert_eq!((scene.live("staging"), scene.stages().len()), (None, 0));
}

#[test]
fn one_sequence_counts_over_all_environments_past_what_others_took() {
    let mut scene = Scene::new();
    scene.goes_well("promote v1 staging");
    scene.goes_well("promote v1 production");
    scene.tag("iris#staging#3", &sha('f'), "by hand");
    scene.tag("iris#production#99", &sha('f'), "by hand");
    scene.goes_well("promote v2 staging");
    scene.goes_well("promote v2 production");
    let ours = scene.stages();
    assert_eq!(
        ours,
        [
            "iris#staging#1",
            "iris#production#2",
            "iris#staging#3",
            "iris#staging#4",
            "iris#production#5",
            "iris#production#99"
        ]
    );
    assert_eq!(scene.state.numbered, 5, "tags further up do not move the sequence");
    assert!(scene.audit.iter().any(|entry| entry.what.contains("number 3 is void")), "{:?}", scene.audit);
}

#[test]
fn a_failed_job_leaves_what_is_live_and_can_be_tried_again() {
    let mut scene = Scene::new();
    scene.goes_well("promote v1 staging");
    scene.says("alice", "promote v2 staging").unwrap();
    scene.settle();
    scene.ends(JobStatus::Failed(FailureCause::Script));
    scene.settle();
    assert_eq!((scene.live("staging"), scene.stages().len()), (Some("v1"), 1));
    let failed = scene.rollout(2);
    assert_eq!((failed.step, failed.job.as_ref().unwrap().text.as_str()), (RolloutStep::Failed, "Traceback"));
    scene.goes_well("promote v2 staging");
    assert_eq!(scene.live("staging"), Some("v2"));
}

#[test]
fn after_a_failure_going_back_puts_the_live_version_in_place_again() {
    let mut scene = Scene::new();
    scene.goes_well("promote v1 staging");
    scene.goes_well("promote v2 staging");
    scene.says("alice", "promote v3 staging").unwrap();
    scene.settle();
    scene.ends(JobStatus::Failed(FailureCause::Infrastructure("runner_system_failure".to_owned())));
    scene.settle();
    scene.goes_well("rollback staging");
    assert_eq!(scene.live("staging"), Some("v2"), "half a v3 is replaced by v2, not by v1");
    scene.goes_well("rollback staging");
    assert_eq!(scene.live("staging"), Some("v1"));
    assert_eq!(scene.refused("alice", "rollback staging"), "no-way-back");
}

#[test]
fn going_back_runs_the_other_action_and_walks_down_the_trail() {
    let mut scene = Scene::new();
    for version in ["v1", "v2", "v3"] {
        scene.goes_well(&format!("promote {version} staging"));
    }
    scene.goes_well("rollback staging to v1");
    let (_, order) = scene.world.started.values().max_by_key(|(run, _)| *run).unwrap();
    assert_eq!(
        (order.action.as_str(), order.version.clone()),
        ("rollback", Some(Version::sequence(1).into()))
    );
    assert_eq!(
        (scene.live("staging"), scene.stages().last().unwrap().as_str()),
        (Some("v1"), "iris#staging#4")
    );
    // Forward again to one that was there: neither a new promotion nor a new approval is needed.
    scene.goes_well("rollback staging to v3");
    assert_eq!(scene.live("staging"), Some("v3"));
}

#[test]
fn bytes_and_tag_are_proved_before_anything_runs() {
    for (break_it, says) in [
        ((|scene: &mut Scene| drop(scene.world.tags.remove("iris@v1.0.0"))) as fn(&mut Scene), "is gone"),
        (|scene| scene.tag("iris@v1.0.0", &sha('e'), ""), "points to"),
        (|scene| scene.world.kept = false, "not kept any more"),
    ] {
        let mut scene = Scene::new();
        break_it(&mut scene);
        scene.says("alice", "promote v1 staging").unwrap();
        scene.settle();
        let failure = scene.rollout(1).failure.clone().unwrap();
        assert!(failure.contains(says), "{failure}");
        assert!(scene.world.started.is_empty(), "nothing was touched");
        assert_eq!(scene.state.stands["staging"].unsettled, None);
        assert_eq!(scene.refused("alice", "abort staging"), "nothing-to-abort");
    }
}

#[test]
fn an_aborted_rollout_stops_its_job_and_frees_the_environment() {
    let mut scene = Scene::new();
    scene.goes_well("promote v1 staging");
    scene.says("alice", "promote v2 staging").unwrap();
    scene.settle();
    scene.says("alice", "abort staging").unwrap();
    scene.settle();
    assert_eq!(scene.world.jobs[&101], JobStatus::Cancelled);
    assert_eq!((scene.live("staging"), scene.rollout(2).step), (Some("v1"), RolloutStep::Aborted));
    // A half-way v2 may stand there: the same v1 may be put in place again.
    scene.goes_well("promote v1 staging");
    assert_eq!(scene.state.stands["staging"].trail.len(), 1);
}

#[test]
fn a_job_that_starts_after_the_abort_is_cancelled_as_soon_as_it_is_known() {
    let mut scene = Scene::new();
    scene.says("alice", "promote v1 staging").unwrap();
    scene.look();
    let dispatch = scene.calls.remove(0);
    let outcome = scene.perform(&dispatch);
    scene.says("alice", "abort staging").unwrap();
    scene.look();
    scene.turn(&EnvironmentEvent::Effect { slot: dispatch.slot(), outcome });
    scene.settle();
    assert_eq!(scene.world.jobs[&100], JobStatus::Cancelled);
    assert_eq!(scene.live("staging"), None);
}

#[test]
fn what_is_deployed_and_being_recorded_is_not_aborted() {
    let mut scene = Scene::new();
    scene.says("alice", "promote v1 staging").unwrap();
    scene.settle();
    scene.ends(JobStatus::Succeeded);
    scene.look();
    assert_eq!(scene.refused("alice", "abort staging"), "deployed-already");
    // A forge that refuses the tag: people are told, it is tried again, and abort frees the environment.
    let assign = scene.calls.remove(0);
    let reason = "tags are protected".to_owned();
    scene.turn(&EnvironmentEvent::Effect { slot: assign.slot(), outcome: Outcome::Refused { reason } });
    assert!(scene.rollout(1).notice.as_ref().unwrap().contains("tags are protected"));
    assert!(scene.calls.is_empty(), "not at once");
    scene.now = scene.now.after(Duration::from_secs(300));
    scene.look();
    assert_eq!(scene.calls.len(), 1);
    let again = scene.calls.remove(0);
    assert_eq!(again, assign, "the number is still free");
    let reason = "tags are protected".to_owned();
    scene.turn(&EnvironmentEvent::Effect { slot: again.slot(), outcome: Outcome::Refused { reason } });
    scene.says("alice", "abort staging").unwrap();
    assert_eq!((scene.live("staging"), scene.state.numbered), (None, 0));
    scene.goes_well("promote v1 staging");
    assert_eq!(scene.stages(), ["iris#staging#1"]);
}

#[test]
fn a_refused_start_is_told_and_leaves_nothing_stuck() {
    let mut scene = Scene::new();
    scene.says("alice", "promote v1 staging").unwrap();
    scene.look();
    let dispatch = scene.calls.remove(0);
    let outcome = Outcome::Refused { reason: "set the role".to_owned() };
    scene.turn(&EnvironmentEvent::Effect { slot: dispatch.slot(), outcome });
    let failed = scene.rollout(1);
    assert_eq!(failed.step, RolloutStep::Failed);
    assert!(failed.failure.as_ref().unwrap().contains("set the role"));
    scene.goes_well("promote v1 staging");
    assert_eq!(scene.live("staging"), Some("v1"));
}
