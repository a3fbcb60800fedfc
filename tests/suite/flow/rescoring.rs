//! A baseline that has numbers of other data is measured anew on the head's, by the generated `evaluate` job on
//! the merge request's own branch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Copies, Fault, File, Job, JobState, Manner, Order, Pipeline};

use super::Play;
use super::forges::on_both_forges;
use super::outsiders::{OUTSIDER, forked, offers};
use super::play::{AUTHOR, OWNER};

on_both_forges! {
    new_data_has_the_baseline_measured_on_it_and_a_model_that_is_no_worse_passes,
    a_model_that_is_worse_on_the_new_data_fails,
    a_job_that_fails_leaves_it_incomparable_until_it_is_tried_again,
    files_that_are_not_kept_any_more_are_no_reason_to_start_anything,
    a_head_without_such_a_job_says_what_to_commit,
    a_new_head_ends_it_and_has_its_own,
    a_head_that_moves_at_the_start_is_not_measured,
    what_began_on_another_commit_is_cancelled,
    a_forks_code_is_never_run_for_it,
    doubled_and_shuffled_deliveries_start_it_once,
    a_start_whose_answer_is_lost_is_found_again,
}

/// The data of the candidate, other than the version's.
pub(super) fn new_data() -> File {
    File::write("models/iris/data/holdout.csv", "9,9,9\n")
}

fn metrics(accuracy: &str) -> String {
    format!(r#"{{"accuracy": {accuracy}, "latency_ms": 12}}"#)
}

/// A version is published, and a merge request with other data has its numbers.
async fn measured(play: &mut Play, accuracy: &str) -> u64 {
    measured_with(play, accuracy, &[new_data()]).await
}

async fn measured_with(play: &mut Play, accuracy: &str, files: &[File]) -> u64 {
    play.released("Good", &metrics("0.99")).await;
    let number = play.opens("New data").await;
    play.pushes(number, files).await;
    play.builds(number, "weights").await;
    play.measures(number, &metrics(accuracy)).await;
    number
}

/// Every run that was started to measure a version, the oldest first.
pub(super) fn evaluations(play: &Play) -> Vec<Pipeline> {
    let asked = |run: &Pipeline| {
        let action = run.variables.get("MERGEWRIGHT_ACTION").or(run.variables.get("action"));
        action.is_some_and(|action| action == "evaluate")
    };
    play.project.pipelines().unwrap().into_iter().filter(asked).collect()
}

/// The evaluate job that waits for a runner.
fn waiting(play: &Play) -> Option<Job> {
    play.project.waiting_jobs().unwrap().into_iter().find(|job| job.name == "iris:evaluate")
}

/// The evaluate job ends well with these numbers of the version.
pub(super) async fn evaluated(play: &mut Play, accuracy: &str) {
    let job = waiting(play).expect("an evaluate job");
    let numbers = metrics(accuracy);
    let files = [("models/iris/metrics.json", numbers.as_bytes())];
    play.project.job_succeeds(job.pipeline, &job.name, "evaluated\n", &files).unwrap();
    play.settle().await;
}

/// The evaluate job's script fails.
async fn fails(play: &mut Play, log: &str) {
    let job = waiting(play).expect("an evaluate job");
    play.project.job_fails(job.pipeline, &job.name, log, &[]).unwrap();
    play.settle().await;
}

/// It is approved and published as version 2, whose record says what it was compared with.
pub(super) async fn published_with_its_baseline(play: &mut Play, number: u64) {
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    let tags = play.project.tags().unwrap();
    let tag = tags.iter().find(|tag| tag.name == "iris@v2.0.0").unwrap();
    let message = tag.message.clone().unwrap();
    assert!(message.contains(r#""baseline":"v1, scored anew on dataset "#), "{message}");
}

fn says(play: &Play, number: u64, expected: &[&str]) {
    let report = play.report(number);
    for words in expected {
        assert!(report.contains(words), "`{words}` is not in\n{report}");
    }
}

async fn new_data_has_the_baseline_measured_on_it_and_a_model_that_is_no_worse_passes(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = measured(&mut play, "0.95").await;
    let request = play.project.merge_request(number).unwrap();
    let runs = evaluations(&play);
    let [run] = runs.as_slice() else { panic!("{} runs\n{}", runs.len(), play.report(number)) };
    assert_eq!((&run.sha, run.reference.as_str()), (&request.head, request.source_branch.as_str()));
    let seen = play.project.job_sees(run.id, "iris:evaluate").unwrap();
    let given = |name: &str| seen.get(name).map(String::as_str);
    assert_eq!(given("MERGEWRIGHT_VERSION"), Some("v1"));
    assert_eq!(given("MERGEWRIGHT_COMMIT"), Some(request.head.as_str()));
    assert!(given("MERGEWRIGHT_SOURCE").is_some_and(|source| !source.is_empty()));
    assert_eq!(play.label(number), "model::testing");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    says(
        &play,
        number,
        &["v1 was published with numbers of other data", "scored anew on this head's dataset"],
    );

    evaluated(&mut play, "0.955").await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    says(&play, number, &["Compared with v1 (scored anew on this head's dataset", "0.955", "−0.005"]);
    play.says(OWNER, number, "/model status").await;
    play.passes(Duration::from_secs(3600)).await;
    assert_eq!(evaluations(&play).len(), 1, "once");
    published_with_its_baseline(&mut play, number).await;
    let replies: Vec<u64> = play.project.comments(number).unwrap().iter().map(|one| one.id).collect();
    replies.into_iter().for_each(|id| play.expects(id));
    play.ends().await;
}

async fn a_model_that_is_worse_on_the_new_data_fails(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = measured(&mut play, "0.95").await;
    evaluated(&mut play, "0.97").await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert_eq!(play.status(number, "mergewright/iris/test").as_deref(), Some("failed"));
    says(&play, number, &["loses 0.02 against v1's 0.97"]);
    play.ends().await;
}

async fn a_job_that_fails_leaves_it_incomparable_until_it_is_tried_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = measured(&mut play, "0.95").await;
    fails(&mut play, "KeyError: 'petal'\n").await;
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"), "neither good nor bad");
    assert_eq!(play.label(number), "model::review");
    let expected =
        ["incomparable", "the evaluate job failed", "/model waive RULE REASON", "KeyError: 'petal'"];
    says(&play, number, &expected);
    play.passes(Duration::from_secs(3600)).await;
    assert_eq!((evaluations(&play).len(), waiting(&play).is_none()), (1, true), "not by itself");

    play.says(AUTHOR, number, "/model retry").await;
    evaluated(&mut play, "0.95").await;
    assert_eq!(evaluations(&play).len(), 1, "the job again, in the same run");
    says(&play, number, &["Compared with v1 (scored anew", "people must approve"]);
    play.ends().await;
}

async fn files_that_are_not_kept_any_more_are_no_reason_to_start_anything(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let first = play.released("Good", &metrics("0.99")).await;
    let build = play.project.job(play.run(first, "iris"), "iris:build").unwrap();
    play.project.expire_artifacts(build.id).unwrap();
    let number = play.opens("New data").await;
    play.pushes(number, &[new_data()]).await;
    play.builds(number, "weights").await;
    play.measures(number, &metrics("0.95")).await;
    assert!(evaluations(&play).is_empty());
    let expected = ["incomparable", "the files of v1 are not kept by the forge any more", "/model waive"];
    says(&play, number, &expected);
    assert_eq!(play.audit("rescoring").await.len(), 2, "asked for, and not done");
    play.ends().await;
}

/// Where the generated files of a forge lie, and the condition of the evaluate job in them.
fn condition(forge: ForgeKind) -> (&'static str, &'static str, &'static str) {
    match forge {
        ForgeKind::GitLab => (
            ".gitlab-ci.yml",
            r#" && $MERGEWRIGHT_ACTION == "evaluate""#,
            " && $CI_COMMIT_SHA == $MERGEWRIGHT_COMMIT",
        ),
        ForgeKind::GitHub => (
            ".github/workflows/model-iris.yml",
            " && inputs.action == 'evaluate'",
            " && github.sha == inputs.commit",
        ),
    }
}

/// The generated file of the default branch without this part of its conditions.
fn without(play: &Play, path: &str, part: &str, instead: &str) -> File {
    let text = String::from_utf8(play.project.file(path, "main").unwrap()).unwrap();
    assert!(text.contains(part), "{part}");
    File::write(path, text.replace(part, instead))
}

async fn a_head_without_such_a_job_says_what_to_commit(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let (path, asked, _) = condition(forge);
    let never = asked.replace("evaluate", "never");
    let file = without(&play, path, asked, &never);
    let number = measured_with(&mut play, "0.95", &[new_data(), file]).await;
    let expected = ["incomparable", "mergewright generate", "/model waive RULE REASON"];
    says(&play, number, &expected);
    assert!(waiting(&play).is_none());
    play.ends().await;
}

async fn a_new_head_ends_it_and_has_its_own(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = measured(&mut play, "0.95").await;
    let old = evaluations(&play).remove(0);
    play.pushes(number, &[File::write("models/iris/params.json", "{\"epochs\": 9}\n")]).await;
    assert_eq!(play.project.job(old.id, "iris:evaluate").unwrap().state, JobState::Canceled);
    play.builds(number, "weights").await;
    play.measures(number, &metrics("0.95")).await;
    assert_eq!(play.label(number), "model::testing", "{}", play.report(number));
    let runs = evaluations(&play);
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[1].sha, play.project.merge_request(number).unwrap().head);
    evaluated(&mut play, "0.95").await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

/// The author pushes in the very moment in which the bot asks the forge to start a run.
fn pushes_at_the_start(play: &Play, branch: &'static str) {
    play.parts_the_bots();
    let (project, pushed) = (play.project.clone(), AtomicBool::new(false));
    play.sandbox.choose_failures(Some(Arc::new(move |method, path| {
        let starts = path.ends_with("/pipeline") || path.ends_with("/dispatches");
        if method == "POST" && starts && !pushed.swap(true, Ordering::SeqCst) {
            let files = [File::write("models/iris/params.json", "{\"unseen\": true}\n")];
            project.push(AUTHOR, branch, &files, "Unseen").unwrap();
        }
        None
    })));
}

/// A candidate with other data, whose branch moves when its baseline is about to be measured.
async fn raced(play: &mut Play, more: &[File]) -> u64 {
    play.released("Good", &metrics("0.99")).await;
    let number = play.opens("New data").await;
    play.pushes(number, &[&[new_data()], more].concat()).await;
    play.builds(number, "weights").await;
    pushes_at_the_start(play, "new-data");
    play.measures(number, &metrics("0.95")).await;
    play.passes(Duration::from_secs(60)).await;
    number
}

async fn a_head_that_moves_at_the_start_is_not_measured(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = raced(&mut play, &[]).await;
    assert!(waiting(&play).is_none(), "the job looks for itself on which commit it is");
    let told = play.audit("rescoring").await;
    assert!(told.iter().any(|what| what.contains("not scored anew")), "{told:?}");
    play.builds(number, "weights").await;
    play.measures(number, &metrics("0.95")).await;
    evaluated(&mut play, "0.95").await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn what_began_on_another_commit_is_cancelled(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let (path, _, same) = condition(forge);
    let file = without(&play, path, same, "");
    raced(&mut play, &[file]).await;
    let run = evaluations(&play).remove(0);
    assert_eq!(play.project.job(run.id, "iris:evaluate").unwrap().state, JobState::Canceled);
    let told = play.audit("rescoring").await;
    assert!(told.iter().any(|what| what.contains("was cancelled")), "{told:?}");
    play.ends().await;
}

async fn a_forks_code_is_never_run_for_it(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("Good", &metrics("0.99")).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "From outside").await;
    fork.push(OUTSIDER, "from-outside", &[new_data()], "New data").unwrap();
    play.settle().await;
    let head = play.project.merge_request(number).unwrap().head;
    play.says(OWNER, number, &format!("/model run {}", head.short())).await;
    play.builds(number, "weights").await;
    play.measures(number, &metrics("0.95")).await;
    play.passes(Duration::from_secs(3600)).await;
    assert!(evaluations(&play).is_empty());
    says(&play, number, &["incomparable", "code from a fork is never run for that", "/model waive"]);
    play.ends().await;
}

async fn doubled_and_shuffled_deliveries_start_it_once(forge: ForgeKind) {
    for (seed, copies) in [(1, Copies::SameId), (2, Copies::OtherId)] {
        let mut play = Play::start(forge).await;
        play.manner = Manner { order: Order::Shuffled(seed), copies, keep: None };
        let number = measured(&mut play, "0.95").await;
        assert_eq!(evaluations(&play).len(), 1);
        evaluated(&mut play, "0.955").await;
        assert_eq!(play.label(number), "model::review", "{}", play.report(number));
        assert_eq!(evaluations(&play).len(), 1);
        play.ends().await;
    }
}

async fn a_start_whose_answer_is_lost_is_found_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("Good", &metrics("0.99")).await;
    let number = play.opens("New data").await;
    play.pushes(number, &[new_data()]).await;
    play.builds(number, "weights").await;
    play.meets(1, "dispatch", Fault::BreakAfter);
    play.measures(number, &metrics("0.95")).await;
    play.passes(Duration::from_secs(120)).await;
    assert_eq!(evaluations(&play).len(), 1, "{}", play.report(number));
    evaluated(&mut play, "0.95").await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}
