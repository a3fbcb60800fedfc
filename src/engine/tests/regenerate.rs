//! `regenerate` and the status about generated files.

use crate::domain::*;
use crate::engine::Regeneration;

use super::scene::*;

const FILE: &str = ".gitlab-ci.yml";

fn drifted() -> Scene {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running);
    scene.facts.generated = Some(Generated::Differs { why: format!("`{FILE}` is missing") });
    let file = FileChange { path: FILE.to_owned(), content: Some("jobs".to_owned()), exists: true };
    scene.facts.regeneration = Some(Regeneration { files: vec![file], ..Regeneration::default() });
    scene.look();
    scene
}

#[test]
fn the_status_stands_beside_the_umbrella_and_is_kept_for_the_head() {
    let mut scene = drifted();
    assert_eq!(scene.status(Status::GENERATED), Some(StatusState::Failure));
    assert_eq!(scene.status(Status::UMBRELLA), Some(StatusState::Pending));
    scene.facts.generated = None;
    scene.look();
    assert!(scene.effects.is_empty(), "{:?}", scene.effects);
    // Another run of the same head has a place of its own for statuses.
    scene.run();
    scene.look();
    let again = |effect: &Effect| matches!(effect, Effect::Status { status, .. } if status.context == Status::GENERATED);
    assert!(scene.effects.iter().any(again));
    // A new head has no status before it was looked at.
    scene.push('b').run();
    scene.look();
    assert_eq!(scene.status(Status::GENERATED), None);
    scene.facts.generated = Some(Generated::Absent);
    scene.look();
    assert_eq!(scene.status(Status::GENERATED), None, "none of them is ours");
}

#[test]
fn one_commit_is_put_upon_the_head_and_a_good_one_needs_no_words() {
    let mut scene = drifted();
    scene.says("dave", "/model regenerate");
    let slot = format!("commit:{}:1", sha('a'));
    assert!(scene.acts().contains(&slot), "{:?}", scene.acts());
    let Some(Effect::CommitFiles { commit, .. }) =
        scene.effects.iter().find(|effect| effect.slot() == slot).cloned()
    else {
        panic!("{:?}", scene.effects)
    };
    assert_eq!((commit.branch.as_str(), &commit.parent, commit.begins), ("longer", &sha('a'), false));
    assert!(commit.message.contains("dave"), "{}", commit.message);
    scene.says("bob", "/model regenerate");
    assert_eq!(scene.acts().len(), 1, "acknowledged, and the same commit is waited for: {:?}", scene.acts());
    scene.outcome(&slot, Outcome::Done(Done::Committed { commit: sha('b') }));
    assert!(scene.answers().is_empty() && scene.state.replies.is_empty());
    assert!(scene.audit.iter().any(|entry| entry.kind == "commit"));
}

#[test]
fn everybody_who_asked_hears_of_a_commit_that_did_not_come_about() {
    let mut scene = drifted();
    scene.says("dave", "/model regenerate");
    scene.says("bob", "/model regenerate");
    let slot = format!("commit:{}:1", sha('a'));
    scene.outcome(&slot, Outcome::Conflict { reason: "the branch moved".to_owned() });
    let rules = scene.answers().into_iter().map(|answer| match answer {
        Answer::Refused { rule, .. } => rule,
        other => panic!("{other:?}"),
    });
    assert_eq!(rules.collect::<Vec<_>>(), ["head-moved", "head-moved"]);
    // Asked again, it is another commit.
    scene.says("dave", "/model regenerate");
    assert!(scene.acts().contains(&format!("commit:{}:2", sha('a'))), "{:?}", scene.acts());
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let mut scene = drifted();
    assert_eq!(scene.says("eve", "/model regenerate").refusal(), "not-developer");
    scene.facts.merge_request.from_fork = true;
    assert_eq!(scene.says("mia", "/model regenerate").refusal(), "fork", "maintainers neither");
    scene.facts.merge_request.from_fork = false;
    let wanted = scene.facts.regeneration.as_mut().unwrap();
    wanted.foreign.push(FILE.to_owned());
    assert_eq!(scene.says("bob", "/model regenerate").refusal(), "foreign-files");
    scene.facts.regeneration.as_mut().unwrap().trouble = Some("marks".to_owned());
    assert_eq!(scene.says("bob", "/model regenerate").refusal(), "not-generated");
    scene.facts.regeneration = None;
    assert_eq!(scene.says("bob", "/model regenerate").refusal(), "no-configuration");
    scene.facts.regeneration = Some(Regeneration::default());
    assert!(scene.says("bob", "/model regenerate").text().contains("Nothing to do"));
    // The files are the head's: a merge request that changes no model may have them regenerated too.
    scene.facts.changed_paths = Some(paths(&[FILE]));
    assert!(scene.says("bob", "/model regenerate").text().contains("Nothing to do"));
}

#[test]
fn a_merge_that_is_under_way_is_not_disturbed() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    assert_eq!(scene.says("bob", "/model regenerate").refusal(), "merging");
}
