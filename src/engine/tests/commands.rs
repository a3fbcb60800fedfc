//! Commands: done, answered, or refused with a rule and a remedy.

use crate::domain::*;
use crate::engine::{Registry, Seen};

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];

/// The report of head `a` is shown, and nobody approved.
fn reported() -> Scene {
    let mut scene = Scene::new();
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    scene
}

/// The test job of head `a` failed.
fn failed() -> Scene {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Succeeded).job("test", JobStatus::Failed(FailureCause::Script)).look();
    scene
}

#[test]
fn a_comment_is_acknowledged_and_acts_once() {
    let mut scene = reported();
    scene.tick();
    let told = scene.comment("alice", "/model approve");
    scene.facts.comments = vec![told.clone(), told.clone()];
    scene.look();
    assert_eq!(scene.phase(), Phase::Ready);
    assert_eq!(scene.acts(), [format!("acknowledge:{}", told.id)], "done without a word, once");
    scene.look();
    assert!(scene.effects.is_empty(), "told again, nothing happens: {:?}", scene.effects);
}

#[test]
fn comments_without_a_command_and_machines_are_left_alone() {
    let mut scene = reported();
    assert!(scene.says("eve", "nice work").effects.is_empty());
    assert!(scene.says("mergewright", "/model approve").effects.is_empty());
    scene.tick();
    let mut told = scene.comment("alice", "/model approve");
    told.author.bot = true;
    scene.facts.comments = vec![told];
    assert!(scene.look().effects.is_empty());
}

#[test]
fn a_comment_that_is_not_as_delivered_is_refused_and_audited() {
    let mut scene = reported();
    for change in [0, 1, 2] {
        scene.tick();
        let mut told = scene.comment("alice", "/model approve");
        let now = told.now.as_mut().unwrap();
        match change {
            0 => now.body.push_str(" now"),
            1 => now.author = user("eve"),
            _ => now.system = true,
        }
        scene.facts.comments = vec![told];
        scene.look();
        assert_eq!(scene.refusal(), "comment-changed");
        assert!(scene.audit.iter().any(|entry| entry.kind == "refusal"));
        assert_eq!(scene.phase(), Phase::AwaitingApproval);
    }
}

#[test]
fn a_deleted_comment_does_nothing_but_is_audited() {
    let mut scene = reported();
    let mut told = scene.comment("alice", "/model approve");
    told.now = None;
    scene.facts.comments = vec![told];
    scene.look();
    assert!(scene.effects.is_empty());
    assert!(scene.audit.iter().any(|entry| entry.what.starts_with("comment-changed")));
}

#[test]
fn after_a_refusal_the_rest_of_the_comment_is_not_run() {
    let mut scene = reported();
    scene.says("alice", "/model cancel\n\n/model approve");
    let answers = scene.answers();
    assert!(matches!(&answers[0], Answer::Refused { rule, .. } if rule == "nothing-to-cancel"));
    assert!(matches!(&answers[1], Answer::NotRun { command } if command == "/model approve"));
    assert_eq!(scene.effects.iter().filter(|effect| effect.kind() == "reply").count(), 1);
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
}

#[test]
fn commands_of_one_comment_see_what_the_ones_before_did() {
    let mut scene = reported();
    scene.says("alice", "/model approve\n\n/model publish");
    assert_eq!((scene.phase(), scene.answers()), (Phase::Merging, vec![]));
}

#[test]
fn a_misspelt_command_is_answered_with_its_usage() {
    let mut scene = reported();
    scene.says("eve", "/model aprove");
    assert!(matches!(scene.answers().as_slice(), [Answer::Misunderstood { .. }]));
}

#[test]
fn questions_are_answered_to_anybody() {
    let mut scene = reported();
    for (question, word) in [("/model help", "approve"), ("/model status", "AwaitingApproval")] {
        scene.says("eve", question);
        let markdown = scene.text();
        assert!(markdown.contains(word), "{markdown}");
    }
    scene.facts.people.clear();
    scene.says("stranger", "/model status iris");
    assert!(matches!(scene.answers().as_slice(), [Answer::Text { .. }]));
}

#[test]
fn rights_that_cannot_be_read_deny() {
    let mut scene = reported();
    scene.facts.people.insert(user("alice").id, Standing::Unknown);
    assert_eq!(scene.says("alice", "/model approve").refusal(), "rights-unknown");
    scene.facts.people.remove(&user("alice").id);
    assert_eq!(scene.says("alice", "/model publish").refusal(), "rights-unknown");
}

#[test]
fn only_developers_run_retry_and_cancel() {
    let mut scene = failed();
    for verb in ["run", "retry", "cancel"] {
        scene.says("eve", &format!("/model {verb}"));
        assert_eq!(scene.refusal(), "not-developer", "{verb}");
    }
}

#[test]
fn only_owners_approve_and_publish() {
    let mut scene = reported();
    for (login, verb) in [("dave", "approve"), ("mia", "approve"), ("dave", "unapprove"), ("mia", "publish")]
    {
        scene.says(login, &format!("/model {verb}"));
        assert_eq!(scene.refusal(), "not-owner", "{login}: {verb}");
    }
}

#[test]
fn a_team_owns_and_without_owners_the_maintainers_do() {
    let mut scene = Scene::new().with("owners: ['@alice']", "owners: ['@acme/ml']");
    scene.tested(ACCURACY).look();
    let teams = ["acme/ml".to_owned()].into();
    let standing = Standing::Known { permission: Permission::Read, teams, emails: [].into() };
    scene.facts.people.insert(user("eve").id, standing);
    assert_eq!(scene.says("alice", "/model approve").refusal(), "not-owner");
    assert_eq!(scene.says("eve", "/model approve").phase(), Phase::Ready);

    let mut scene = Scene::new().with("owners: ['@alice']", "owners: []");
    scene.tested(ACCURACY).look();
    assert_eq!(scene.says("alice", "/model approve").refusal(), "not-owner");
    assert_eq!(scene.says("mia", "/model approve").phase(), Phase::Ready);
}

#[test]
fn somebody_who_left_is_no_owner_even_if_listed() {
    let mut scene = reported().person("alice", Permission::None);
    assert_eq!(scene.says("alice", "/model approve").refusal(), "not-owner");
}

#[test]
fn nobody_approves_their_own_work() {
    let mut scene = reported();
    scene.facts.merge_request.author = user("alice");
    assert_eq!(scene.says("alice", "/model approve").refusal(), "own-work");

    let by_email = CommitAuthor { login: None, email: "alice@acme.test".to_owned() };
    let by_login = CommitAuthor { login: Some("Alice".to_owned()), email: "a@noreply.test".to_owned() };
    for author in [by_email, by_login] {
        let mut scene = reported();
        scene.open().authors.insert(author);
        assert_eq!(scene.says("alice", "/model approve").refusal(), "own-work");
    }
}

#[test]
fn without_a_sha_the_newest_report_before_the_comment_is_meant() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running).look();
    assert_eq!(scene.says("alice", "/model approve").refusal(), "no-report");

    let mut scene = reported();
    let before = scene.now;
    scene.push('b').tested(ACCURACY);
    scene.now = Timestamp(scene.now.0 + 60_000);
    scene.look();
    let mut told = scene.comment("alice", "/model approve");
    told.now.as_mut().unwrap().created_at = before;
    scene.facts.comments = vec![told];
    scene.look();
    assert_eq!(scene.refusal(), "head-moved", "it was written when only a's report was there");
    assert_eq!(scene.says("alice", "/model approve").phase(), Phase::Ready);
}

#[test]
fn a_report_that_was_decided_but_not_yet_written_is_not_the_one_that_is_meant() {
    let mut scene = reported();
    let old = scene.sticky().clone();
    scene.push('b').tested(ACCURACY).look();
    let new = scene.sticky().clone();
    let mut told = scene.comment("alice", "/model approve");
    told.seen = Some(Seen::of(&old));
    scene.facts.comments = vec![told.clone()];
    assert_eq!(scene.look().refusal(), "head-moved", "the outbox was slow, alice looked at the old report");

    told.id = CommentId(9_999);
    told.seen = Some(std::collections::BTreeMap::new());
    scene.facts.comments = vec![told.clone()];
    assert_eq!(scene.look().refusal(), "head-moved", "nothing of the new head could be seen");

    told.id = CommentId(10_000);
    told.seen = Some(Seen::of(&new));
    scene.facts.comments = vec![told];
    assert_eq!(scene.look().phase(), Phase::Ready);
}

#[test]
fn a_sha_that_is_not_the_heads_is_refused_naming_both() {
    let mut scene = reported();
    let other = sha('b');
    for verb in ["approve", "publish", "run", "retry"] {
        scene.says("alice", &format!("/model {verb} {}", other.short()));
        assert_eq!(scene.refusal(), "head-moved", "{verb}");
        let answers = scene.answers();
        let [Answer::Refused { message, .. }] = answers.as_slice() else { panic!("{answers:?}") };
        assert!(message.contains(other.short()) && message.contains(sha('a').short()), "{message}");
    }
    scene.says("alice", &format!("/model approve {}", sha('a').short()));
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn one_of_several_models_must_be_named() {
    let two = format!("{POLICY}{}", POLICY.split("models:\n").nth(1).unwrap().replace("iris", "digits"));
    let mut scene = Scene::new().config(&two);
    scene.facts.changed_paths = Some(paths(&["models/iris/a", "models/digits/a"]));
    scene.look();
    assert_eq!(scene.state.models.len(), 2);
    assert_eq!(scene.says("alice", "/model approve").refusal(), "model-required");
    scene.says("alice", &format!("/model approve digits {}", sha('a').short()));
    assert_eq!(scene.answers(), []);

    scene.facts.changed_paths = Some(paths(&["models/digits/a"]));
    assert_eq!(scene.says("alice", "/model approve iris").refusal(), "model-unknown");
    scene.facts.changed_paths = Some(paths(&["README.md"]));
    assert_eq!(scene.says("alice", "/model approve").refusal(), "no-model");
}

#[test]
fn of_a_model_that_is_not_changed_only_versions_are_asked_for() {
    let two = format!("{POLICY}{}", POLICY.split("models:\n").nth(1).unwrap().replace("iris", "digits"));
    let mut scene = Scene::new().config(&two);
    scene.facts.registry.insert("digits".parse().unwrap(), Registry::default());
    for line in ["versions", "describe digits@v1", "blame digits production"] {
        scene.says("zoe", &format!("/model {line}"));
        let answers = scene.answers();
        assert!(!format!("{answers:?}").contains("model-unknown"), "{line}: {answers:?}");
    }
    for line in ["explain digits", "status digits", "approve digits", "publish digits", "hold digits"] {
        assert_eq!(scene.says("alice", &format!("/model {line}")).refusal(), "model-unknown", "{line}");
    }
}

#[test]
fn a_closed_or_merged_merge_request_is_not_run_or_approved() {
    let mut scene = reported();
    scene.facts.merge_request.status = MergeRequestStatus::Closed;
    assert_eq!(scene.says("alice", "/model approve").refusal(), "closed");
    assert_eq!(scene.says("alice", "/model publish").refusal(), "closed");
    let mut scene = reported();
    scene.merged("mia");
    assert_eq!(scene.says("alice", "/model approve").refusal(), "merged");
    assert_eq!(scene.says("alice", "/model publish").refusal(), "unblessed");
    let mut scene = Scene::ready();
    scene.merged("mia");
    assert_eq!(scene.says("alice", "/model run").refusal(), "merged", "it is being published");
}

#[test]
fn publish_before_everything_is_green_says_what_is_missing() {
    let mut scene = reported();
    scene.says("alice", "/model publish");
    assert_eq!(scene.refusal(), "not-ready");
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
}

#[test]
fn publish_into_a_conflict_is_refused_with_the_forges_word() {
    let mut scene = Scene::ready();
    scene.facts.merge_request.mergeability = Mergeability::Blocked("conflict".to_owned());
    assert_eq!(scene.says("alice", "/model publish").refusal(), "not-mergeable");
    assert_eq!(scene.phase(), Phase::Ready);
}

#[test]
fn a_dry_run_only_tells() {
    for mut scene in [reported(), Scene::ready()] {
        let before = scene.phase();
        scene.says("alice", "/model publish --dry-run");
        let markdown = scene.text();
        assert!(markdown.contains("merge at exactly"), "{markdown}");
        assert_eq!(scene.phase(), before);
        assert!(!scene.acts().iter().any(|slot| slot.starts_with("merge")));
    }
}

#[test]
fn when_ready_arms_it_and_a_new_head_disarms() {
    let mut scene = reported();
    scene.says("alice", "/model publish --when-ready");
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    let mut armed = scene.state.clone();
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Merging);

    std::mem::swap(&mut scene.state, &mut armed);
    scene.push('b').tested(ACCURACY).look();
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready, "a new head is not published by itself");
}

#[test]
fn who_armed_it_must_still_be_an_owner_when_it_is_ready() {
    let armed = || {
        let mut scene = Scene::new();
        scene.tested(&[("accuracy", "0.95")]).look();
        scene.says("alice", "/model publish --when-ready").says("alice", "/model approve");
        assert_eq!(scene.phase(), Phase::Merging, "alice may");
        let mut scene = Scene::new().with("owners: ['@alice']", "owners: ['@alice', '@dave']");
        scene.tested(&[("accuracy", "0.95")]).look();
        scene.says("dave", "/model publish --when-ready");
        scene
    };
    let mut scene = armed().person("dave", Permission::None);
    scene.says("alice", "/model approve");
    assert_eq!((scene.phase(), scene.model().armed.as_ref()), (Phase::Ready, None));
    assert!(scene.section().notices.iter().any(|notice| notice.contains("no owner any more")));

    let mut scene = armed();
    scene.facts.people.insert(user("dave").id, Standing::Unknown);
    scene.says("alice", "/model approve");
    assert_eq!((scene.phase(), scene.wake_at.is_some()), (Phase::Ready, true), "not knowing denies");
    assert_eq!(scene.person("dave", Permission::Write).look().phase(), Phase::Merging);
}

#[test]
fn publishing_twice_is_one_merge() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    scene.says("alice", "/model publish");
    assert!(!scene.acts().iter().any(|slot| slot.starts_with("merge")), "{:?}", scene.acts());
}

#[test]
fn unapprove_takes_back_what_was_given_by_command_alone() {
    let mut scene = Scene::ready();
    assert_eq!(scene.says("alice", "/model unapprove").phase(), Phase::AwaitingApproval);
    assert_eq!(scene.says("alice", "/model unapprove").refusal(), "nothing-to-withdraw");
}

#[test]
fn run_stops_what_runs_and_starts_anew() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running).look();
    let run = scene.model().run.unwrap();
    scene.says("dave", "/model run");
    let acts = scene.acts();
    assert!(acts.contains(&format!("cancel_run:{run}")), "{acts:?}");
    assert!(acts.contains(&format!("start_run:{}:1", sha('a'))), "{acts:?}");
    let starts = |scene: &Scene| scene.acts().iter().any(|slot| slot.starts_with("start_run"));
    scene.says("dave", "/model run");
    assert!(!starts(&scene), "it is about to begin: {:?}", scene.acts());
    scene.outcome(&format!("start_run:{}:1", sha('a')), Outcome::Done(Done::Run { run }));
    scene.says("dave", "/model run");
    let acts = scene.acts();
    assert!(acts.contains(&format!("start_run:{}:2", sha('a'))), "{acts:?}");
    assert!(acts.contains(&format!("cancel_run:{run}")), "it began anew, and is stopped again: {acts:?}");
    // Of a call that nobody hears of any more nothing is awaited for ever.
    scene.now = scene.now.after(std::time::Duration::from_secs(3600));
    scene.says("dave", "/model run");
    assert!(starts(&scene), "{:?}", scene.acts());
}

#[test]
fn run_test_runs_the_test_job_again() {
    let mut scene = failed();
    let test = scene.open().runs[0].jobs[1].id;
    scene.says("dave", "/model run test");
    assert!(scene.acts().contains(&format!("retry_job:{test}")), "{:?}", scene.acts());
}

#[test]
fn run_test_begins_a_run_where_the_test_was_skipped() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Failed(FailureCause::Script)).job("test", JobStatus::Skipped).look();
    scene.says("dave", "/model run test");
    let start = format!("start_run:{}:1", sha('a'));
    assert!(scene.acts().contains(&start), "a job that never began cannot be run again: {:?}", scene.acts());
}

#[test]
fn a_run_that_could_not_be_started_is_told() {
    let mut scene = failed();
    scene.says("dave", "/model run");
    let slot = format!("start_run:{}:1", sha('a'));
    scene.outcome(&slot, Outcome::Refused { reason: "no pipeline file".to_owned() });
    assert!(scene.section().notices.iter().any(|notice| notice.contains("no pipeline file")));
}

#[test]
fn a_run_that_began_on_another_commit_is_audited() {
    let mut scene = failed();
    scene.says("dave", "/model run");
    let slot = format!("start_run:{}:1", sha('a'));
    scene.push('b');
    let reason = "GitLab started a pipeline on another commit; it was cancelled".to_owned();
    scene.outcome(&slot, Outcome::Conflict { reason });
    assert!(scene.audit.iter().any(|entry| entry.kind == "run" && entry.what.contains("cancelled")));
    assert!(!scene.model().notices.iter().any(|notice| notice.contains("cancelled")), "not this head's");
}

#[test]
fn retry_runs_the_failed_job_again() {
    let mut scene = failed();
    let test = scene.open().runs[0].jobs[1].id;
    scene.says("dave", "/model retry");
    assert!(scene.acts().contains(&format!("retry_job:{test}")));
    let mut scene = reported();
    assert_eq!(scene.says("dave", "/model retry").refusal(), "nothing-to-retry");
}

#[test]
fn cancel_stops_the_run_once() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running).look();
    scene.says("dave", "/model cancel");
    assert!(scene.acts().iter().any(|slot| slot.starts_with("cancel_run")));
    scene.job("build", JobStatus::Cancelled).look();
    assert!(scene.section().next_step.contains("cancelled"));
    assert_eq!(scene.says("dave", "/model cancel").refusal(), "nothing-to-cancel");
}

#[test]
fn without_its_target_branch_nothing_is_merged_or_armed() {
    let mut scene = Scene::ready();
    scene.facts.target_gone = true;
    scene.look();
    assert_eq!(scene.phase(), Phase::Ready);
    assert!(scene.section().next_step.starts_with("Restore the target branch"));
    assert_eq!(scene.says("alice", "/model publish").refusal(), "target-gone");
    scene.facts.target_gone = false;
    scene.says("alice", "/model publish");
    assert_eq!(scene.phase(), Phase::Merging);
    scene.facts.target_gone = true;
    scene.state.merging.as_mut().unwrap().asked = None;
    scene.look();
    assert_eq!((scene.phase(), &scene.state.merging), (Phase::Ready, &None));
}
