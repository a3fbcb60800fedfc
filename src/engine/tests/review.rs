//! Approvals: by command and by the forge's own review, each for exactly what it was given for.

use crate::domain::*;
use crate::event::{Event, ReviewAct};

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];

fn reported() -> Scene {
    let mut scene = Scene::new();
    scene.tested(ACCURACY).look();
    scene
}

fn heard(login: &str, act: ReviewAct, head: char) -> Event {
    Event::Review { by: user(login), act, head: Some(sha(head)) }
}

#[test]
fn the_forges_own_approval_counts_the_same() {
    let mut scene = reported();
    scene.approves("alice").look();
    assert_eq!(
        (scene.phase(), scene.model().approved_by.as_slice()),
        (Phase::Ready, &["alice".to_owned()][..])
    );
    scene.open().approvals.clear();
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval, "withdrawn");
    assert!(scene.audit.iter().any(|entry| entry.what.contains("no longer counts")));
}

#[test]
fn an_approval_belongs_to_the_head_in_its_hook() {
    let mut scene = reported();
    scene.approves("alice");
    scene.open().approvals[0].at = None;
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval, "nobody says which head was approved");
    assert!(scene.section().notices.iter().any(|notice| notice.contains("does not count")));
    scene.turn(&heard("alice", ReviewAct::Approved, 'b'));
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "another head");
    scene.turn(&heard("alice", ReviewAct::Approved, 'a'));
    assert_eq!(scene.phase(), Phase::Ready);
    scene.turn(&heard("alice", ReviewAct::Withdrawn, 'a'));
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
}

#[test]
fn without_its_hook_an_approval_must_be_younger_than_the_head() {
    let mut scene = reported();
    scene.approves("alice");
    let since = scene.facts.merge_request.head_since;
    scene.open().approvals[0].at = since;
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval, "not a moment too early");
    scene.open().approvals[0].at = since.map(|since| Timestamp(since.0 + 1));
    assert_eq!(scene.look().phase(), Phase::Ready);
    scene.facts.merge_request.head_since = None;
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval);
}

#[test]
fn an_approval_with_its_commit_counts_for_that_commit() {
    let mut scene = reported();
    scene.approves("alice");
    scene.open().approvals[0].sha = Some(sha('b'));
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval);
    scene.open().approvals[0].sha = Some(sha('a'));
    assert_eq!(scene.look().phase(), Phase::Ready);
}

#[test]
fn strangers_authors_and_the_unknown_do_not_count() {
    let mut scene = reported();
    scene.approves("dave").look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    assert!(scene.section().notices.iter().any(|notice| notice.contains("no owner")));

    let mut scene = reported();
    scene.facts.merge_request.author = user("alice");
    assert_eq!(scene.approves("alice").look().phase(), Phase::AwaitingApproval);

    let mut scene = reported();
    scene.facts.people.insert(user("alice").id, Standing::Unknown);
    assert_eq!(scene.approves("alice").look().phase(), Phase::AwaitingApproval);

    let mut scene = reported();
    scene.approves("alice");
    scene.open().approvals[0].by.bot = true;
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval);
}

#[test]
fn rights_that_are_lost_take_the_approval_with_them() {
    let mut scene = Scene::ready();
    scene.facts.people.insert(user("alice").id, Standing::Unknown);
    assert_eq!(scene.look().phase(), Phase::Ready, "they were read when it was given");
    let mut scene = scene.person("alice", Permission::None);
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval);
}

#[test]
fn two_approvals_are_two_people() {
    let mut scene =
        Scene::new().with("approvals: 1, owners: ['@alice']", "approvals: 2, owners: ['@alice', '@dave']");
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model approve").approves("alice").look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    scene.says("dave", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn another_report_or_dataset_voids_with_the_reason() {
    let mut scene = Scene::ready();
    scene.rerun("test", JobStatus::Succeeded).reported(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::Ready, "the same result of another job is the same report");
    scene.rerun("test", JobStatus::Succeeded).reported(&[("accuracy", "0.96")]).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    assert!(
        scene.model().notices.contains(&"The approval of @alice is void: the report changed.".to_owned())
    );

    let mut scene = Scene::ready();
    scene.report().dataset = Some(sha('e'));
    scene.look();
    assert!(
        scene.model().notices.contains(&"The approval of @alice is void: the dataset changed.".to_owned())
    );
}

#[test]
fn another_report_voids_the_forges_own_approval_too() {
    let mut scene = reported();
    scene.approves("alice").look();
    assert_eq!(scene.phase(), Phase::Ready);
    scene.rerun("test", JobStatus::Running).look();
    assert_eq!(scene.phase(), Phase::Testing);
    scene.job("test", JobStatus::Succeeded).reported(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::Ready, "the same result of another job is the same report");
    scene.rerun("test", JobStatus::Running).look();
    scene.job("test", JobStatus::Succeeded).reported(&[("accuracy", "0.96")]).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "0.96 was approved by nobody");
    scene.open().approvals.clear();
    scene.approves("alice").look();
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn an_approve_that_was_written_before_another_report_came_is_not_for_that_one() {
    let mut scene = reported();
    let told = scene.comment("alice", "/model approve");
    scene.rerun("test", JobStatus::Succeeded).reported(&[("accuracy", "0.96")]).look();
    scene.facts.comments = vec![told];
    scene.look();
    assert_eq!((scene.phase(), scene.refusal()), (Phase::AwaitingApproval, "no-report".to_owned()));
}

#[test]
fn an_approval_given_before_the_report_counts_for_the_head_it_names() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running).look();
    scene.says("alice", &format!("/model approve {}", sha('a')));
    assert_eq!(scene.phase(), Phase::Building);
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn an_approval_given_before_any_report_is_for_the_first_one_alone() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running).look();
    let head = sha('a').short().to_owned();
    scene.says("alice", &format!("/model approve {head}"));
    scene.tested(&[("accuracy", "0.95")]).look();
    assert_eq!(scene.phase(), Phase::Ready);
    scene.rerun("test", JobStatus::Succeeded).reported(&[("accuracy", "0.91")]).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    let why = "The approval of @alice is void: the report changed.".to_owned();
    assert!(scene.section().notices.contains(&why), "{:?}", scene.section().notices);
}

#[test]
fn who_asks_for_changes_takes_the_approval_back() {
    let mut scene = Scene::ready();
    scene.turn(&heard("alice", ReviewAct::ChangesRequested, 'a'));
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    assert!(scene.model().notices.iter().any(|notice| notice.contains("asked for changes")));
}

#[test]
fn requested_changes_block_whatever_was_approved() {
    let objected = |login: &str| {
        let mut scene = Scene::ready();
        scene.open().changes_requested = vec![user(login)];
        scene.look();
        scene
    };
    let mut scene = objected("dave");
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    assert!(scene.section().next_step.starts_with("Changes requested by @dave"));
    assert_eq!(scene.model().approved_by, ["alice"], "her approval stands meanwhile");
    assert_eq!(scene.says("alice", "/model publish").refusal(), "changes-requested");
    scene.open().changes_requested.clear();
    assert_eq!(scene.look().phase(), Phase::Ready, "dismissed");

    assert_eq!(objected("eve").phase(), Phase::Ready, "eve only reads");
    let mut scene = objected("alice");
    assert!(scene.model().approved_by.is_empty(), "her newest word is another one");
    assert_eq!(scene.says("alice", "/model approve").refusal(), "changes-requested");
    let mut scene = Scene::ready();
    scene.open().changes_requested = vec![user("dave")];
    scene.facts.people.insert(user("dave").id, Standing::Unknown);
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval, "not knowing denies");
}

#[test]
fn owners_by_name_are_asked_once_when_the_first_report_waits_for_them() {
    let asked = |scene: &Scene| {
        let slots = scene.effects.iter().map(Effect::slot).filter(|slot| slot.starts_with("reviews:"));
        slots.collect::<Vec<_>>()
    };
    let owners = "owners: ['@alice', '@bob', '@Mia', '@dave', '@acme/ml', '@eve', '@a', '@b', '@c']";
    let mut scene = Scene::new().with("owners: ['@alice']", owners);
    scene.job("build", JobStatus::Running).look();
    assert_eq!(asked(&scene), Vec::<String>::new());
    scene.facts.merge_request.reviewers = vec![user("dave")];
    scene.tested(ACCURACY).look();
    // Neither the author nor who is asked already; GitLab asks no groups; five at most.
    assert_eq!(asked(&scene), ["reviews:alice,mia,eve,a,b;"]);
    scene.facts.merge_request.reviewers.clear();
    scene.push('b').look();
    scene.tested(ACCURACY).look();
    assert_eq!((scene.phase(), asked(&scene)), (Phase::AwaitingApproval, Vec::new()));

    let mut scene = Scene::new();
    scene.approves("alice");
    scene.tested(ACCURACY).look();
    assert_eq!((scene.phase(), asked(&scene)), (Phase::Ready, Vec::new()), "nobody is needed any more");
}

#[test]
fn codeowners_stand_beside_the_maintainers_where_nobody_is_written() {
    let named = |sets: &[&[&str]]| {
        let set = |set: &&[&str]| set.iter().map(|owner| (*owner).to_owned()).collect();
        CodeOwners { sets: sets.iter().map(set).collect(), unusable: None }
    };
    for (sets, login, phase) in [
        (&[&["alice", "dave"][..]][..], "dave", Phase::Ready),
        (&[&["dave@acme.test"][..], &["dave"]], "dave", Phase::Ready),
        (&[&["@developer"][..]], "dave", Phase::Ready),
        (&[&["alice", "dave"][..], &["alice"]], "dave", Phase::AwaitingApproval),
        (&[&["eve"][..]], "eve", Phase::AwaitingApproval),
        (&[&["bob"][..]], "bob", Phase::AwaitingApproval),
        (&[], "dave", Phase::AwaitingApproval),
        (&[&["alice"][..]], "mia", Phase::Ready),
    ] {
        let mut scene = Scene::new().with(", owners: ['@alice']", "");
        scene.facts.code_owners = [(iris(), named(sets))].into();
        scene.tested(ACCURACY).look();
        scene.facts.changed_paths = None;
        scene.facts.code_owners.clear();
        scene.approves(login).look();
        assert_eq!(scene.phase(), phase, "{sets:?} {login}");
    }
    let mut scene = Scene::new();
    scene.facts.code_owners = [(iris(), named(&[&["dave"]]))].into();
    scene.tested(ACCURACY).look();
    assert_eq!(scene.says("dave", "/model approve").refusal(), "not-owner", "a written list rules alone");
}

#[test]
fn changing_what_measures_needs_an_approval_after_the_report() {
    for path in ["models/iris/evaluate.py", "models/iris/data/holdout.csv", ".gitlab-ci.yml"] {
        let mut scene = Scene::new().with("approvals: 1", "approvals: 0");
        scene.facts.changed_paths = Some(paths(&["models/iris/train.py", path]));
        scene.job("build", JobStatus::Running).look();
        scene.says("alice", &format!("/model approve {}", sha('a')));
        scene.tested(ACCURACY).look();
        assert_eq!(scene.phase(), Phase::AwaitingApproval, "{path}: approved before the report");
        assert!(scene.section().notices.iter().any(|notice| notice.starts_with("Evaluation changed")));
        assert_eq!(scene.section().evaluation_changes, [path]);
        scene.says("alice", "/model approve");
        assert_eq!(scene.phase(), Phase::Ready, "{path}");
    }
}

#[test]
fn an_approval_written_before_the_report_is_not_one_after_it_because_it_is_read_late() {
    let mut scene = Scene::new();
    scene.facts.changed_paths = Some(paths(&["models/iris/evaluate.py"]));
    scene.job("build", JobStatus::Running).look();
    let told = scene.comment("alice", &format!("/model approve {}", sha('a')));
    scene.tested(ACCURACY).look();
    scene.facts.comments = vec![told];
    scene.look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "alice had not seen the report");
}

#[test]
fn changing_the_own_policy_is_judged_by_the_old_one_and_needs_an_owner() {
    let mut scene = Scene::new().with("approvals: 1", "approvals: 0");
    let old = POLICY.replace("approvals: 1", "approvals: 0");
    scene.facts.proposal = config(&old.replace("min: 0.90", "min: 0.10"));
    scene.facts.changed_paths = Some(paths(&["models/iris/train.py", ".mergewright.yml"]));
    scene.tested(&[("accuracy", "0.5")]).look();
    assert_eq!(scene.phase(), Phase::GateFailed, "the target's threshold rules");
    assert!(scene.section().notices.iter().any(|notice| notice.contains("changes the policy")));
    let change = &scene.section().policy_changes[0];
    let shown = (change.key.as_str(), change.before.as_deref(), change.after.as_deref());
    assert_eq!(shown, ("gates.rules.accuracy.min", Some("0.9"), Some("0.1")));
    scene.reported(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn a_policy_that_the_target_branch_changed_meanwhile_is_nobodys_change() {
    let mut scene = Scene::new().with("approvals: 1", "approvals: 0");
    let old = POLICY.replace("approvals: 1", "approvals: 0");
    scene.facts.proposal = config(&old.replace("min: 0.90", "min: 0.10"));
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::Ready, "nobody has to approve what the merge request does not change");
    assert!(scene.section().policy_changes.is_empty(), "{:?}", scene.section().policy_changes);
}

#[test]
fn a_rule_on_another_line_and_another_build_are_no_change_of_policy() {
    let mut scene = Scene::new().with("approvals: 1", "approvals: 0");
    let old = POLICY.replace("approvals: 1", "approvals: 0");
    scene.facts.proposal = config(&format!("# moved\n\n{old}").replace("train.py", "train2.py"));
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn a_model_that_the_target_does_not_know_needs_a_maintainer() {
    let mut scene = Scene::new();
    scene.facts.policy = crate::engine::Configuration::Absent;
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    scene.says("mia", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn a_commits_author_without_an_account_is_named() {
    let mut scene = Scene::new();
    let email = "nobody@nowhere.test".to_owned();
    scene.open().authors.insert(CommitAuthor { login: None, email });
    scene.tested(ACCURACY).look();
    let notices = &scene.section().notices;
    assert!(notices.iter().any(|notice| notice.contains("nobody@nowhere.test")), "{notices:?}");
    assert!(!notices.iter().any(|notice| notice.contains("bob@acme.test")), "bob is known: {notices:?}");
}
