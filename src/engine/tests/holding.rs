//! Hold and unhold: all is judged as ever, and nothing goes out.

use crate::domain::*;

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];

/// Green and approved, and held by alice.
fn held() -> Scene {
    let mut scene = Scene::ready();
    scene.says("alice", "/model hold until the audit");
    assert_eq!((scene.phase(), scene.answers()), (Phase::Held, vec![]));
    scene
}

fn merges(scene: &Scene) -> bool {
    scene.acts().iter().any(|slot| slot.starts_with("merge:"))
}

#[test]
fn what_is_held_is_shown_with_who_and_why_and_waits() {
    let scene = held();
    assert_eq!(scene.state.shown.label, Some(Label::Hold));
    assert_eq!(scene.status("mergewright"), Some(StatusState::Pending));
    assert_eq!(scene.status("mergewright/iris/review"), Some(StatusState::Success), "it was approved");
    let section = scene.section();
    assert!(section.notices[0].starts_with("Held by @alice since "), "{:?}", section.notices);
    assert!(section.notices[0].ends_with(": until the audit"), "{:?}", section.notices);
    assert!(section.next_step.contains("/model unhold"), "{}", section.next_step);
    assert!(scene.audit.iter().any(|entry| entry.kind == "hold" && entry.actor.as_deref() == Some("alice")));
}

#[test]
fn a_held_model_is_judged_as_ever() {
    let mut scene = Scene::new();
    scene.look();
    scene.says("alice", "/model hold");
    assert_eq!((scene.phase(), scene.state.shown.label), (Phase::Building, Some(Label::Hold)));
    scene.tested(&[("accuracy", "0.5")]).look();
    assert_eq!((scene.phase(), scene.state.shown.label), (Phase::GateFailed, Some(Label::Failed)));
    scene.push('b').tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    assert_eq!(scene.state.shown.label, Some(Label::Hold), "a hold outlives the head");
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Held);
}

#[test]
fn publish_is_refused_while_it_is_held_and_goes_on_afterwards() {
    let mut scene = held();
    scene.says("alice", "/model publish");
    assert_eq!(scene.refusal(), "held");
    assert!(
        matches!(&scene.answers()[0], Answer::Refused { message, .. } if message.contains("until the audit"))
    );
    scene.says("alice", "/model publish --dry-run");
    assert!(scene.text().contains("not yet: `iris` is held"), "{}", scene.text());
    scene.says("alice", "/model status");
    assert!(scene.text().contains("Held"), "{}", scene.text());
    scene.says("alice", "/model unhold");
    assert_eq!((scene.phase(), scene.status("mergewright")), (Phase::Ready, Some(StatusState::Success)));
    scene.says("alice", "/model publish");
    assert!(merges(&scene));
}

#[test]
fn what_is_armed_waits_for_the_hold_to_end() {
    let mut scene = Scene::new();
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model publish --when-ready\n\n/model hold");
    scene.says("alice", "/model approve");
    assert!(!merges(&scene) && scene.model().armed.is_some());
    assert_eq!(scene.phase(), Phase::Held);
    scene.says("alice", "/model unhold");
    assert!(merges(&scene), "{:?}", scene.acts());
}

#[test]
fn a_merge_that_was_put_off_is_given_up_when_somebody_holds() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    let slot = scene.acts().into_iter().find(|slot| slot.starts_with("merge:")).unwrap();
    scene.outcome(&slot, Outcome::Conflict { reason: "not yet".to_owned() });
    assert_eq!(scene.phase(), Phase::Merging);
    scene.says("alice", "/model hold");
    assert_eq!((scene.phase(), scene.state.merging.as_ref()), (Phase::Held, None));
    scene.now = Timestamp(scene.now.0 + 3_600_000);
    assert!(!merges(scene.look()));
}

#[test]
fn a_person_who_merges_it_anyway_publishes_nothing() {
    let mut scene = held();
    scene.merged("mia").look();
    assert_eq!(scene.phase(), Phase::Unblessed);
    let why = scene.model().unblessed.clone().unwrap();
    assert!(why.starts_with("it was merged while it was held by @alice"), "{why}");
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

#[test]
fn a_publication_under_way_takes_no_further_step() {
    let mut scene = Scene::ready();
    scene.merged("mia").look();
    assert_eq!(scene.phase(), Phase::Publishing);
    let slot = scene.acts().into_iter().find(|slot| slot.starts_with("tag:")).expect("the tag is made");
    scene.says("alice", "/model hold");
    let tag = Tag { name: "iris@v1.0.0".to_owned(), commit: sha('m'), message: String::new() };
    scene.outcome(&slot, Outcome::Done(Done::Tagged { tag }));
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
    scene.says("alice", "/model publish");
    assert_eq!(scene.refusal(), "held");
    scene.says("alice", "/model unhold");
    assert!(scene.acts().iter().any(|slot| slot.starts_with("dispatch:iris:publish:")), "{:?}", scene.acts());
}

#[test]
fn only_owners_hold_and_only_the_giver_or_an_owner_ends_it() {
    let mut scene = Scene::ready();
    for (login, rule) in [("dave", "not-owner"), ("eve", "not-owner"), ("bob", "not-owner")] {
        assert_eq!(scene.says(login, "/model hold").refusal(), rule);
    }
    assert_eq!(scene.says("alice", "/model unhold").refusal(), "not-held");
    let mut scene = held();
    for login in ["dave", "eve", "bob"] {
        assert_eq!(scene.says(login, "/model unhold").refusal(), "not-owner");
    }
    // Alice is no owner any more, and still may take back what she gave.
    scene.facts.policy = config(&POLICY.replace("@alice", "@dave"));
    scene.facts.proposal = scene.facts.policy.clone();
    scene.look();
    assert_eq!(scene.says("alice", "/model hold").refusal(), "not-owner");
    assert_eq!(scene.says("alice", "/model unhold").answers(), vec![]);
    assert!(scene.state.holds.is_empty());
}

#[test]
fn an_owner_who_wrote_it_may_hold_it() {
    let mut scene = Scene::new().with("owners: ['@alice']", "owners: ['@alice', '@bob']");
    scene.tested(ACCURACY).look();
    scene.says("bob", "/model hold I found a leak in the data");
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Held);
    scene.says("alice", "/model unhold");
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn a_closed_merge_request_is_not_held_and_a_hold_outlives_closing() {
    let mut scene = held();
    scene.facts.merge_request.status = MergeRequestStatus::Closed;
    scene.look();
    assert_eq!((scene.phase(), scene.state.shown.label), (Phase::Closed, None));
    assert_eq!(scene.says("alice", "/model hold").refusal(), "closed");
    scene.facts.merge_request.status = MergeRequestStatus::Open;
    scene.look();
    assert_eq!(scene.phase(), Phase::Held);
}

#[test]
fn a_state_without_holds_waivers_and_refusals_is_still_read() {
    let scene = held();
    let mut old = serde_json::to_value(&scene.state).unwrap();
    for key in ["holds", "refused"] {
        old.as_object_mut().unwrap().remove(key).expect("a key of the state");
    }
    old["models"]["iris"].as_object_mut().unwrap().remove("waivers").expect("a key of the model");
    let read: State = serde_json::from_value(old).unwrap();
    assert_eq!(read, State { holds: Default::default(), refused: Default::default(), ..scene.state });
}
