//! From `publish` to the release.

use crate::domain::*;

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];

fn done(done: Done) -> Outcome {
    Outcome::Done(done)
}

fn tagged(scene: &Scene) -> Outcome {
    let model = scene.model();
    let version = model.publication.as_ref().unwrap().version.clone().unwrap();
    done(Done::Tagged { tag: Tag { name: version.tag(&iris()), commit: sha('m'), message: String::new() } })
}

/// A merge request that was merged by the bot and waits for its tag.
fn merged() -> Scene {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    scene.merged("mergewright").look();
    scene
}

/// Tag made, publish run started.
fn publishing() -> Scene {
    let mut scene = merged();
    scene.outcome("tag:iris@v1.0.0", tagged(&scene));
    assert_eq!(scene.acts(), ["dispatch:iris:publish:v1:1"]);
    scene.outcome("dispatch:iris:publish:v1:1", done(Done::Run { run: RunId(9) }));
    scene
}

fn publish_job(scene: &mut Scene, run: u64, status: JobStatus) {
    let id = JobId(scene.number());
    let run_of = Run {
        id: RunId(run),
        sha: sha('m'),
        web_url: "https://forge.test/run".to_owned(),
        created_at: scene.now,
        first_at: None,
        jobs: vec![job(id, "publish", status)],
    };
    scene.facts.merged.get_or_insert_default().runs.insert(run, run_of);
}

#[test]
fn the_good_path_ends_in_a_release_of_the_judged_bytes() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    let merge = format!("merge:{}:1", sha('a'));
    assert_eq!(scene.phase(), Phase::Merging);
    assert!(scene.acts().contains(&merge));

    scene.outcome(&merge, done(Done::Merged { commit: sha('m') }));
    assert_eq!(scene.phase(), Phase::Merging, "believed when it is seen");
    scene.merged("mergewright").look();
    assert_eq!((scene.phase(), scene.acts()), (Phase::Publishing, vec!["tag:iris@v1.0.0".to_owned()]));

    scene.outcome("tag:iris@v1.0.0", tagged(&scene));
    let Some(Effect::Dispatch { branch, order, .. }) = scene.effects.iter().find(|e| e.kind() == "dispatch")
    else {
        panic!("{:?}", scene.effects)
    };
    assert_eq!((branch.as_str(), order.source.as_str(), &order.commit), ("main", "42", &sha('m')));

    scene.outcome("dispatch:iris:publish:v1:1", done(Done::Run { run: RunId(9) }));
    assert!(scene.acts().is_empty());
    publish_job(&mut scene, 9, JobStatus::Running);
    assert!(scene.look().acts().is_empty());
    publish_job(&mut scene, 9, JobStatus::Succeeded);
    assert_eq!(scene.look().acts(), ["release:iris@v1.0.0"]);
    assert_eq!(scene.look().acts(), Vec::<String>::new(), "asked for once");

    scene.outcome("release:iris@v1.0.0", done(Done::Released { web_url: "https://forge.test/r".to_owned() }));
    assert_eq!(scene.phase(), Phase::Published);
    let [version] = scene.published.as_slice() else { panic!("{:?}", scene.published) };
    assert_eq!((version.tag.as_str(), &version.commit), ("iris@v1.0.0", &sha('m')));
    assert_eq!(version.lineage.approved_by, ["alice"]);
    assert_eq!(version.lineage.head, sha('a'));
    assert_eq!(version.metrics["accuracy"].to_string(), "0.95");
    assert_eq!(scene.status("mergewright"), Some(StatusState::Success));
    assert_eq!(scene.status("mergewright/iris/publish"), Some(StatusState::Success));
    assert_eq!(scene.state.shown.label, Some(Label::Published));
    scene.look();
    assert!(scene.effects.is_empty() && scene.published.is_empty(), "published once");
}

#[test]
fn a_person_who_merges_what_is_ready_publishes_it() {
    let mut scene = Scene::ready();
    scene.merged("mia").look();
    assert_eq!(scene.phase(), Phase::Publishing);
    assert_eq!(scene.model().publication.as_ref().unwrap().requested_by, None);
}

#[test]
fn a_merge_before_everything_is_green_is_not_blessed() {
    let mut building = Scene::new();
    building.look();
    let mut unapproved = Scene::new();
    unapproved.tested(ACCURACY).look();
    let mut failed = Scene::new();
    failed.tested(&[("accuracy", "0.5")]).look();
    for mut scene in [building, unapproved, failed] {
        scene.merged("mia").look();
        assert_eq!(scene.phase(), Phase::Unblessed);
        assert_eq!(scene.acts(), Vec::<String>::new());
        assert!(scene.section().notices.iter().any(|notice| notice.starts_with("Not published:")));
        assert_ne!(scene.status("mergewright"), Some(StatusState::Success));
    }
}

#[test]
fn a_result_whose_delivery_was_lost_still_counts_at_the_merge() {
    let mut scene = Scene::new();
    scene.look();
    scene.tested(ACCURACY).approves("alice").merged("mia").look();
    assert_eq!(scene.phase(), Phase::Publishing);
}

#[test]
fn a_model_that_nobody_describes_any_more_does_not_undo_what_was_decided_about_the_others() {
    let mut scene = Scene::ready();
    let lost = ModelState { phase: Phase::Ready, candidate: 1, ..ModelState::default() };
    scene.state.models.insert("digits".parse().unwrap(), lost);
    scene.merged("mia").look();
    assert_eq!((scene.phase(), scene.state.models.len()), (Phase::Publishing, 1));
    assert_eq!(scene.look().phase(), Phase::Publishing);
}

#[test]
fn a_target_that_moved_in_the_models_paths_is_not_blessed() {
    let mut scene = Scene::ready();
    scene.merged("mergewright");
    scene.facts.merged.as_mut().unwrap().drift = Some(paths(&["README.md"]));
    let mut elsewhere = scene.state.clone();
    std::mem::swap(&mut elsewhere, &mut scene.state);
    scene.state = elsewhere.clone();
    assert_eq!(scene.look().phase(), Phase::Publishing, "elsewhere does not matter");

    scene.state = elsewhere;
    scene.facts.merged.as_mut().unwrap().drift = Some(paths(&["models/iris/train.py"]));
    assert_eq!(scene.look().phase(), Phase::Unblessed);
    assert!(scene.model().unblessed.as_ref().unwrap().contains("models/iris/train.py"));
}

#[test]
fn a_target_whose_policy_changed_before_the_merge_is_not_blessed() {
    let mut scene = Scene::ready();
    scene.facts.policy = config(&POLICY.replace("min: 0.90", "min: 0.91"));
    scene.merged("bob").look();
    assert_eq!(scene.phase(), Phase::Unblessed, "nobody approved under the rules that hold now");
    assert!(scene.model().unblessed.as_ref().unwrap().contains("policy"), "{:?}", scene.model().unblessed);
}

#[test]
fn nothing_is_decided_before_the_merge_was_read() {
    let mut scene = Scene::ready();
    scene.merged("mia").facts.merged = None;
    assert_eq!(scene.look().phase(), Phase::Ready);
    assert!(scene.wake_at.is_some());
}

#[test]
fn a_merge_that_is_put_off_is_tried_again_and_then_given_up_with_the_forges_words() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    for attempt in 1..=6 {
        let slot = format!("merge:{}:{attempt}", sha('a'));
        assert!(scene.acts().contains(&slot), "{:?}", scene.acts());
        scene.outcome(&slot, Outcome::Conflict { reason: "checking".to_owned() });
        scene.outcome(&slot, Outcome::Conflict { reason: "told twice".to_owned() });
        if attempt < 6 {
            assert_eq!((scene.phase(), scene.acts().len()), (Phase::Merging, 0));
            scene.now = scene.wake_at.unwrap();
            scene.turn(&crate::event::Event::Refresh);
        }
    }
    assert_eq!(scene.phase(), Phase::Ready);
    assert!(scene.model().notices.contains(&"The forge did not merge: checking".to_owned()));
    assert_eq!(scene.look().acts(), Vec::<String>::new(), "not tried by itself any more");
}

#[test]
fn a_refused_merge_is_ready_again_with_the_reason() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    scene.outcome(&format!("merge:{}:1", sha('a')), Outcome::Refused { reason: "not allowed".to_owned() });
    assert_eq!(scene.phase(), Phase::Ready);
    assert!(scene.section().notices.iter().any(|notice| notice.contains("not allowed")));
    scene.says("alice", "/model publish");
    assert!(scene.acts().contains(&format!("merge:{}:2", sha('a'))));
}

#[test]
fn a_head_that_moves_during_the_merge_is_built_and_not_merged() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    scene.push('b');
    scene.outcome(&format!("merge:{}:1", sha('a')), Outcome::Conflict { reason: "head moved".to_owned() });
    assert_eq!(scene.phase(), Phase::Building);
    assert_eq!(scene.state.merging, None);
    assert!(!scene.acts().iter().any(|slot| slot.starts_with("merge")));
}

#[test]
fn when_command_the_merge_waits_for_publish() {
    let mut scene = Scene::new().with("publish: {run", "publish: {when: command, run");
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model approve").merged("mia").look();
    assert_eq!((scene.phase(), scene.acts()), (Phase::Merged, vec![]));
    scene.says("dave", "/model publish");
    assert_eq!(scene.refusal(), "not-owner");
    scene.says("alice", "/model publish");
    assert_eq!(scene.phase(), Phase::Publishing);
    assert!(scene.acts().contains(&"tag:iris@v1.0.0".to_owned()));
}

#[test]
fn the_number_follows_our_highest_version_and_skips_foreign_names() {
    let mut scene = Scene::ready();
    scene.published_before(1, ACCURACY).published_before(2, ACCURACY);
    let foreign = |name: &str| Tag { name: name.to_owned(), commit: sha('x'), message: String::new() };
    let tags = ["iris@v3.0.0", "iris@v9.0.0", "iris@latest"].map(foreign);
    scene.facts.registry.get_mut(&iris()).unwrap().tags.extend(tags);
    scene.merged("mia").look();
    assert_eq!(scene.acts(), ["tag:iris@v4.0.0"], "further up does not move the sequence");
    assert!(scene.audit.iter().any(|entry| entry.what.starts_with("iris@v3.0.0 is void")));
}

#[test]
fn a_number_taken_in_the_last_moment_is_recomputed() {
    let mut scene = merged();
    scene.outcome("tag:iris@v1.0.0", Outcome::Conflict { reason: "exists".to_owned() });
    assert_eq!(scene.acts(), ["tag:iris@v2.0.0"]);
    let other = Tag { name: "iris@v2.0.0".to_owned(), commit: sha('x'), message: String::new() };
    scene.outcome("tag:iris@v2.0.0", done(Done::Tagged { tag: other }));
    assert_eq!(scene.acts(), ["tag:iris@v3.0.0"], "a tag on another commit is not ours");
}

#[test]
fn our_own_tag_that_stands_already_is_believed() {
    let mut scene = merged();
    let Some(Effect::CreateTag { lineage, .. }) = scene.effects.first() else {
        panic!("{:?}", scene.effects)
    };
    let message = format!("iris v1\n\n{}", lineage.canonical());
    let tag = Tag { name: "iris@v1.0.0".to_owned(), commit: sha('m'), message };
    scene.facts.registry.get_mut(&iris()).unwrap().tags.push(tag);
    assert!(scene.look().model().publication.as_ref().unwrap().tagged);
}

#[test]
fn what_the_tag_says_the_release_says_whatever_is_published_in_between() {
    let mut scene = Scene::ready();
    scene.published_before(1, ACCURACY);
    let other = record(2, ACCURACY);
    let tag =
        Tag { name: other.tag.clone(), commit: other.commit.clone(), message: other.lineage.canonical() };
    scene.facts.registry.get_mut(&iris()).unwrap().tags.push(tag);
    scene.merged("mia").look();
    let Some(Effect::CreateTag { lineage: tagged_as, .. }) = scene.effects.first().cloned() else {
        panic!("{:?}", scene.effects)
    };
    assert_eq!(
        (tagged_as.version.as_str(), tagged_as.predecessor.as_ref()),
        ("v3", Some(&Version::sequence(1)))
    );
    let void = scene.audit.iter().any(|entry| entry.what.contains("is void"));
    assert!(!void, "v2 is ours, only not out yet: {:?}", scene.audit);

    scene.published_before(2, ACCURACY);
    scene.outcome("tag:iris@v3.0.0", tagged(&scene));
    scene.outcome("dispatch:iris:publish:v3:1", done(Done::Run { run: RunId(9) }));
    publish_job(&mut scene, 9, JobStatus::Succeeded);
    scene.look();
    let Some(Effect::Release { lineage, .. }) = scene.effects.first() else { panic!("{:?}", scene.effects) };
    assert_eq!(*lineage, tagged_as);
}

#[test]
fn a_commit_has_one_version() {
    let mut scene = Scene::ready();
    scene.published_before(1, ACCURACY);
    scene.facts.registry.get_mut(&iris()).unwrap().versions[0].commit = sha('m');
    scene.merged("mia").look();
    assert_eq!(scene.phase(), Phase::PublishFailed);
    assert!(scene.section().notices.iter().any(|notice| notice.contains("commit-has-version")));
}

#[test]
fn identical_bytes_make_no_new_version() {
    let mut scene = Scene::ready();
    let digest = scene.model().report.as_ref().unwrap().model_digest();
    scene.published_before(4, ACCURACY);
    scene.facts.registry.get_mut(&iris()).unwrap().versions[0].model_digest = digest;
    scene.merged("mia").look();
    assert_eq!((scene.phase(), scene.acts().len()), (Phase::Published, 0));
    assert!(scene.published.is_empty());
    assert!(scene.section().notices.iter().any(|notice| notice.contains("exactly those of v4")));
}

#[test]
fn a_failed_publish_job_keeps_its_number_for_the_retry() {
    let mut scene = publishing();
    publish_job(&mut scene, 9, JobStatus::Failed(FailureCause::Script));
    scene.look();
    assert_eq!(scene.phase(), Phase::PublishFailed);
    assert_eq!(scene.section().logs[0].job, "publish");
    assert_eq!(scene.status("mergewright/iris/publish"), Some(StatusState::Failure));
    assert!(scene.look().effects.is_empty(), "it stays so, and the log stays shown: {:?}", scene.effects);

    scene.says("alice", "/model retry");
    assert!(scene.acts().contains(&"dispatch:iris:publish:v1:2".to_owned()), "{:?}", scene.acts());
    assert!(scene.section().logs.is_empty(), "the old log is not that of the new run");
    scene.outcome("dispatch:iris:publish:v1:2", done(Done::Run { run: RunId(10) }));
    publish_job(&mut scene, 10, JobStatus::Succeeded);
    assert_eq!(scene.look().acts(), ["release:iris@v1.0.0"]);
}

#[test]
fn a_publish_run_that_was_deleted_fails_and_is_started_anew() {
    let mut scene = publishing();
    assert_eq!(scene.look().phase(), Phase::Publishing, "the facts may be older than the run");
    scene.facts.merged.as_mut().unwrap().gone.insert(9);
    assert_eq!(scene.look().phase(), Phase::PublishFailed);
    scene.says("alice", "/model retry");
    assert!(scene.acts().contains(&"dispatch:iris:publish:v1:2".to_owned()), "{:?}", scene.acts());
}

#[test]
fn a_publish_job_is_missed_only_when_its_run_has_ended() {
    let mut scene = publishing();
    publish_job(&mut scene, 9, JobStatus::Succeeded);
    let (first, second) = (JobId(scene.number()), JobId(scene.number()));
    let show = |scene: &mut Scene, jobs| {
        scene.facts.merged.as_mut().unwrap().runs.get_mut(&9).unwrap().jobs = jobs;
        scene.look();
    };
    show(&mut scene, vec![]);
    assert_eq!(scene.phase(), Phase::Publishing);
    let ended = || job(first, "prepare", JobStatus::Succeeded);
    show(&mut scene, vec![ended(), job(second, "check", JobStatus::Running)]);
    assert_eq!(scene.phase(), Phase::Publishing, "the publish job may come after it");
    show(&mut scene, vec![ended(), job(second, "check", JobStatus::Skipped)]);
    assert_eq!(scene.phase(), Phase::PublishFailed);
}

#[test]
fn what_the_forge_refuses_is_named_and_goes_on_after_publish() {
    let mut scene = merged();
    scene.outcome("tag:iris@v1.0.0", Outcome::Refused { reason: "tags are protected".to_owned() });
    assert_eq!(scene.phase(), Phase::PublishFailed);
    scene.says("alice", "/model publish");
    assert!(scene.acts().contains(&"tag:iris@v1.0.0".to_owned()));
    scene.outcome("tag:iris@v1.0.0", tagged(&scene));
    scene.outcome("dispatch:iris:publish:v1:1", Outcome::Refused { reason: "no such branch".to_owned() });
    assert_eq!(scene.phase(), Phase::PublishFailed);
}

#[test]
fn a_runner_fault_while_publishing_is_retried_and_then_fails() {
    let mut scene = publishing();
    let fault = || JobStatus::Failed(FailureCause::Infrastructure("runner_system_failure".to_owned()));
    for _ in 0..3 {
        publish_job(&mut scene, 9, fault());
        scene.look();
        scene.now = scene.wake_at.unwrap();
        scene.turn(&crate::event::Event::Refresh);
        assert!(scene.acts()[0].starts_with("retry_job:"), "{:?}", scene.acts());
        assert_eq!(scene.phase(), Phase::Publishing);
    }
    publish_job(&mut scene, 9, fault());
    assert_eq!(scene.look().phase(), Phase::PublishFailed);
}

#[test]
fn a_publish_job_that_the_forge_will_not_run_again_fails_and_can_be_retried() {
    let mut scene = publishing();
    let fault = JobStatus::Failed(FailureCause::Infrastructure("runner_system_failure".to_owned()));
    publish_job(&mut scene, 9, fault);
    scene.look();
    scene.now = scene.wake_at.unwrap();
    scene.turn(&crate::event::Event::Refresh);
    let slot = scene.acts()[0].clone();
    scene.outcome(&slot, Outcome::Refused { reason: "no right to run it".to_owned() });
    assert_eq!(scene.phase(), Phase::PublishFailed, "a job that never comes is not waited for");
    assert!(scene.section().notices.iter().any(|notice| notice.contains("no right to run it")));
    scene.says("alice", "/model retry");
    assert!(scene.acts().contains(&"dispatch:iris:publish:v1:2".to_owned()), "{:?}", scene.acts());
}

#[test]
fn the_publish_job_runs_without_lines_of_its_own_too_since_it_proves_the_bytes() {
    let mut scene = Scene::new().with("publish: {run: ['sh publish.sh']}", "publish: {}");
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model approve").merged("mia").look();
    scene.outcome("tag:iris@v1.0.0", tagged(&scene));
    assert_eq!(scene.acts(), ["dispatch:iris:publish:v1:1"]);
}

#[test]
fn while_the_merge_is_asked_for_a_base_that_moved_is_not_believed() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    assert_eq!(scene.phase(), Phase::Merging);
    // The branch already holds our own merge; the merge request does not say so yet.
    scene.facts.base = sha('1');
    scene.facts.base_moved = Some(paths(&["models/iris/params.json"]));
    scene.facts.changed_paths = Some(paths(&["models/iris/params.json"]));
    scene.look();
    assert_eq!(scene.phase(), Phase::Merging);
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

#[test]
fn a_merge_that_waits_is_given_up_when_the_default_branch_becomes_another() {
    let mut scene = Scene::ready();
    scene.says("alice", "/model publish");
    assert_eq!(scene.phase(), Phase::Merging);
    scene.facts.repository.default_branch = "trunk".to_owned();
    scene.look();
    assert_eq!((scene.phase(), scene.state.merging.is_none()), (Phase::Ready, true));
    scene.says("alice", "/model publish --when-ready");
    assert_eq!(scene.refusal(), "not-default-branch");
    assert!(scene.model().armed.is_none());
}
