//! What was merged and not published, judged anew: one turn at a time.

use crate::domain::*;
use crate::engine::{Configuration, OpenFacts, ReportFact};

use super::rescoring::{asked, runs};
use super::scene::*;

/// Approved at its head, and merged upon a target that had changed the model.
pub(super) fn unblessed() -> Scene {
    let mut scene = Scene::ready();
    scene.merged("mia");
    scene.facts.merged.as_mut().unwrap().drift = Some(paths(&["models/iris/train.py"]));
    scene.look();
    assert_eq!(scene.phase(), Phase::Unblessed);
    // From the merge on the worker reads nothing about the head any more.
    scene.facts.open = None;
    scene.facts.changed_paths = None;
    scene
}

pub(super) fn dispatched(attempt: u32) -> String {
    format!("dispatch:iris:run:{}:{attempt}", sha('m'))
}

/// Somebody asked, and the forge started run 9.
fn running() -> Scene {
    let mut scene = unblessed();
    scene.says("bob", "/model run");
    scene.outcome(&dispatched(1), Outcome::Done(Done::Run { run: RunId(9) }));
    scene
}

/// Build and test of the run ended like this; what the test left, where it is there to be read.
fn ran(scene: &mut Scene, run: u64, test: JobStatus, accuracy: Option<&str>) {
    let [build, id] = [(); 2].map(|()| JobId(scene.number()));
    let jobs = vec![job(build, "build", JobStatus::Succeeded), job(id, "test", test)];
    let web_url = "https://forge.test/run".to_owned();
    // Of whatever the branch was at: what the jobs check out is the commit that they were asked for.
    let run = Run { id: RunId(run), sha: sha('z'), web_url, created_at: scene.now, first_at: None, jobs };
    let report = accuracy.map(|accuracy| measured(id, accuracy));
    let reports = report.map(|report| (iris(), ReportFact::Read(Box::new(report))));
    scene.facts.open = Some(OpenFacts {
        runs: vec![run],
        reports: reports.into_iter().collect(),
        authors: [CommitAuthor { login: None, email: "bob@acme.test".to_owned() }].into(),
        ..OpenFacts::default()
    });
}

pub(super) fn measured(test: JobId, accuracy: &str) -> Report {
    Report {
        model: iris(),
        head: sha('m'),
        job: test,
        source: "43".to_owned(),
        metrics: [("accuracy".to_owned(), accuracy.parse().unwrap())].into(),
        repeated: Default::default(),
        unusable: Default::default(),
        tests: None,
        artifacts: vec![Artifact {
            path: "models/iris/model.json".to_owned(),
            size: 9,
            sha256: Digest::of("of the merge commit"),
        }],
        dataset: Some(sha('d')),
    }
}

#[test]
fn run_builds_the_merge_commit_and_what_was_said_of_the_head_is_void() {
    let mut scene = unblessed();
    assert!(scene.model().unblessed.as_ref().unwrap().contains("models/iris/train.py"));
    scene.says("bob", "/model run");
    assert_eq!(scene.answers(), []);
    let orders = scene.effects.iter().filter_map(|effect| match effect {
        Effect::Dispatch { branch, order, .. } => Some((branch.as_str(), order)),
        _ => None,
    });
    assert_eq!(orders.collect::<Vec<_>>(), [("main", &WorkOrder::run(&iris(), &sha('m')))]);
    assert_eq!(scene.phase(), Phase::Building);
    let section = scene.section();
    assert_eq!((&section.head, section.approved_by.len()), (&sha('m'), 0));
    assert!(section.candidate.starts_with("cand-7.2-g"), "{}", section.candidate);
    for said in ["models/iris/train.py", "judged anew", "The approval of @alice is void"] {
        assert!(section.notices.iter().any(|notice| notice.contains(said)), "{said}: {:?}", section.notices);
    }
    assert!(scene.look().acts().is_empty(), "asked once");
}

#[test]
fn its_own_numbers_its_own_approvals_and_an_owners_word_publish_it() {
    let mut scene = running();
    ran(&mut scene, 9, JobStatus::Succeeded, Some("0.96"));
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval);
    assert_eq!(scene.says("bob", "/model approve").refusal(), "not-owner");
    assert_eq!(scene.says("alice", "/model publish").refusal(), "not-ready");
    let head = sha('a');
    assert_eq!(scene.says("alice", &format!("/model approve {}", head.short())).refusal(), "head-moved");
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready, "{:?}", scene.answers());
    assert!(scene.look().acts().is_empty(), "nothing is published by itself");

    scene.says("alice", "/model publish");
    assert_eq!(scene.phase(), Phase::Publishing);
    let publication = scene.model().publication.clone().unwrap();
    assert_eq!((&publication.commit, &publication.bound.head), (&sha('m'), &sha('m')));
    assert_eq!(publication.bound.base, sha('0'), "what the merge was put upon");
    assert_eq!(publication.requested_by, Some(user("alice")));
    let tag = scene.effects.iter().find_map(|effect| match effect {
        Effect::CreateTag { lineage, .. } => Some(lineage.clone()),
        _ => None,
    });
    let lineage = tag.expect("the tag takes the number");
    assert_eq!(
        (&lineage.commit, &lineage.head, lineage.approved_by.as_slice()),
        (&sha('m'), &sha('m'), &["alice".to_owned()][..])
    );
    assert_eq!(lineage.metrics["accuracy"], "0.96".parse().unwrap());
}

/// The merge commit has its numbers, and v1 was published with those of other data.
fn incomparable() -> Scene {
    let mut scene = running();
    scene.published_before(1, &[("accuracy", "0.99")]);
    scene.facts.registry.get_mut(&iris()).unwrap().versions[0].dataset = Some(sha('e'));
    ran(&mut scene, 9, JobStatus::Succeeded, Some("0.95"));
    scene.look();
    scene
}

#[test]
fn a_baseline_of_other_data_is_measured_on_the_target_branch_by_the_merge_commit() {
    let mut scene = incomparable();
    let [(slot, branch, order)] = asked(&scene).try_into().unwrap();
    assert_eq!((branch.as_str(), &order.commit), ("main", &sha('m')));
    assert_eq!(scene.phase(), Phase::Testing);
    let run = runs(&mut scene, &slot, JobStatus::Succeeded, Some("0.955"));
    let fact = scene.open().rescorings.get_mut(&run.0).unwrap();
    fact.run.as_mut().unwrap().sha = sha('m');
    scene.look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "0.005 are lost, 0.01 allowed");
    assert!(
        scene.section().baseline.contains("v1 (scored anew on this head's dataset"),
        "{:?}",
        scene.section()
    );

    // What it came to is of the commit: another run of it needs no second one.
    scene.says("bob", "/model run");
    scene.outcome(&dispatched(2), Outcome::Done(Done::Run { run: RunId(10) }));
    ran(&mut scene, 10, JobStatus::Succeeded, Some("0.95"));
    scene.look();
    assert_eq!((scene.phase(), asked(&scene).len()), (Phase::AwaitingApproval, 0));
}

#[test]
fn what_was_begun_for_a_run_that_was_replaced_begins_again() {
    let mut scene = incomparable();
    let (slot, ..) = asked(&scene).remove(0);
    let run = runs(&mut scene, &slot, JobStatus::Running, None);
    scene.says("bob", "/model run");
    assert!(scene.acts().contains(&format!("cancel_run:{run}")), "{:?}", scene.acts());
    scene.outcome(&dispatched(2), Outcome::Done(Done::Run { run: RunId(10) }));
    ran(&mut scene, 10, JobStatus::Succeeded, Some("0.95"));
    scene.look();
    assert_eq!(asked(&scene).len(), 1);
}

#[test]
fn a_report_of_another_commit_or_job_counts_for_nothing() {
    let mut scene = running();
    ran(&mut scene, 9, JobStatus::Succeeded, Some("0.96"));
    let of_the_head = Report { head: sha('a'), ..scene.report().clone() };
    *scene.report() = of_the_head;
    assert_eq!(scene.look().phase(), Phase::Testing);
    let of_another_job = Report { job: JobId(1), ..measured(JobId(1), "0.96") };
    *scene.report() = of_another_job;
    assert_eq!(scene.look().phase(), Phase::Testing);
    // The run of somebody else, or of an earlier time.
    ran(&mut scene, 8, JobStatus::Succeeded, Some("0.96"));
    assert_eq!(scene.look().phase(), Phase::Building);
}

#[test]
fn gates_and_scripts_that_fail_are_shown_and_it_may_be_run_again() {
    let mut scene = running();
    ran(&mut scene, 9, JobStatus::Succeeded, Some("0.5"));
    scene.look();
    assert_eq!((scene.phase(), scene.state.shown.label), (Phase::GateFailed, Some(Label::Failed)));
    assert!(scene.section().next_step.contains("`/model run`"), "{}", scene.section().next_step);
    ran(&mut scene, 9, JobStatus::Failed(FailureCause::Script), None);
    assert_eq!(scene.look().phase(), Phase::GateFailed);
    assert_eq!(scene.section().logs[0].text, "Traceback");
    scene.says("bob", "/model run");
    assert_eq!(scene.phase(), Phase::Building);
    assert!(scene.acts().contains(&dispatched(2)), "{:?}", scene.acts());
}

#[test]
fn a_run_that_was_replaced_before_it_was_told_of_is_stopped() {
    let mut scene = unblessed();
    scene.says("bob", "/model run");
    scene.says("bob", "/model run");
    scene.outcome(&dispatched(2), Outcome::Done(Done::Run { run: RunId(10) }));
    assert_eq!(scene.acts(), Vec::<String>::new());
    scene.outcome(&dispatched(1), Outcome::Done(Done::Run { run: RunId(9) }));
    assert_eq!(scene.acts(), ["cancel_run:9"]);
    scene.outcome(&dispatched(2), Outcome::Done(Done::Run { run: RunId(10) }));
    assert_eq!(scene.acts(), Vec::<String>::new(), "told twice");
    assert_eq!(scene.model().anew.as_ref().unwrap().run, Some(RunId(10)));
}

#[test]
fn a_run_that_is_refused_or_deleted_is_told_with_what_to_do() {
    let mut scene = unblessed();
    scene.says("bob", "/model run");
    scene.outcome(&dispatched(1), Outcome::Refused { reason: "variables are not allowed".to_owned() });
    let next = scene.section().next_step.clone();
    assert!(next.contains("variables are not allowed") && next.contains("`/model run`"), "{next}");
    scene.says("bob", "/model run");
    scene.outcome(&dispatched(2), Outcome::Done(Done::Run { run: RunId(9) }));
    scene.facts.merged.as_mut().unwrap().gone.insert(9);
    scene.look();
    assert!(scene.section().next_step.contains("was deleted"), "{}", scene.section().next_step);
}

#[test]
fn without_a_good_configuration_of_the_merge_commit_there_is_nothing_to_judge_by() {
    let invalid = Configuration::Invalid { problems: "broken".to_owned() };
    let none = config(&POLICY.replace("  iris:", "  digits:"));
    for (policy, merged, rule) in [
        (config(POLICY), invalid.clone(), "invalid-configuration"),
        (invalid, config(POLICY), "invalid-configuration"),
        (config(POLICY), none, "model-removed"),
    ] {
        let mut scene = unblessed();
        scene.facts.policy = policy;
        scene.facts.merged.as_mut().unwrap().configuration = Some(merged);
        assert_eq!(scene.says("bob", "/model run").refusal(), rule);
        assert_eq!(scene.phase(), Phase::Unblessed);
    }
}

#[test]
fn the_merge_commits_own_jobs_are_judged_by_the_policy_that_the_merge_was_put_upon() {
    let mut scene = unblessed();
    let weaker = config(&POLICY.replace("min: 0.90", "min: 0.10"));
    scene.facts.merged.as_mut().unwrap().configuration = Some(weaker);
    scene.says("bob", "/model run");
    scene.outcome(&dispatched(1), Outcome::Done(Done::Run { run: RunId(9) }));
    ran(&mut scene, 9, JobStatus::Succeeded, Some("0.5"));
    assert_eq!(scene.look().phase(), Phase::GateFailed, "a merge request does not weaken its own rules");
}

#[test]
fn statuses_of_the_head_say_nothing_about_the_merge_commit() {
    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.5")]).look();
    scene.merged("mia").look();
    let before = scene.state.shown.statuses.clone();
    assert_eq!(scene.status("mergewright/iris/publish"), Some(StatusState::Failure));
    (scene.facts.open, scene.facts.changed_paths) = (None, None);
    scene.says("bob", "/model run");
    scene.outcome(&dispatched(1), Outcome::Done(Done::Run { run: RunId(9) }));
    ran(&mut scene, 9, JobStatus::Succeeded, Some("0.96"));
    scene.look();
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready);
    assert_eq!(scene.status("mergewright/iris/publish"), Some(StatusState::Pending));
    let others = |statuses: &std::collections::BTreeMap<String, Status>| {
        let mut all = statuses.clone();
        all.remove("mergewright/iris/publish");
        all
    };
    assert_eq!(others(&scene.state.shown.statuses), others(&before));
}

#[test]
fn a_fork_that_was_merged_needs_a_maintainer_and_no_sha() {
    let mut scene = unblessed();
    scene.facts.merge_request.from_fork = true;
    assert_eq!(scene.says("bob", "/model run").refusal(), "not-maintainer");
    scene.says("mia", "/model run");
    assert_eq!((scene.phase(), scene.answers().len()), (Phase::Building, 0));
}
