//! What a push to the target branch measured, compared with: `baseline: target_branch`.

use std::time::Duration;

use mergewright::domain::{Artifact, Digest, ForgeKind, Sha};
use mergewright::sandbox::{File, Pipeline, PipelineSource};

use super::forges::on_both_forges;
use super::play::{BOT, OWNER};
use super::rescoring::{evaluated, evaluations, new_data};
use super::{IRIS, Play};

on_both_forges! {
    a_candidate_is_compared_with_the_run_of_the_target_branch_once_that_has_ended,
    the_newest_commit_that_has_a_report_counts_and_is_named,
    a_run_that_failed_leaves_thresholds_alone_and_says_so,
    what_was_read_of_the_target_branch_is_not_read_again,
    other_data_has_what_stands_there_measured_on_it,
}

fn policy() -> String {
    IRIS.replace("baseline: previous", "baseline: target_branch")
}

fn metrics(accuracy: &str) -> String {
    format!(r#"{{"accuracy": {accuracy}, "latency_ms": 12}}"#)
}

/// The newest run that a push to the default branch started.
fn run(play: &Play) -> Pipeline {
    let runs = play.project.pipelines().unwrap();
    let pushed =
        |run: &Pipeline| matches!(run.source, PipelineSource::Push { .. }) && run.reference == "main";
    runs.into_iter().filter(pushed).max_by_key(|run| run.id).expect("a run of the default branch")
}

/// The newest run of the default branch measures this; the commit that it is of.
async fn measures(play: &mut Play, accuracy: &str) -> Sha {
    let run = run(play);
    let weights = [("models/iris/model.json", &b"weights"[..])];
    play.project.job_succeeds(run.id, "iris:build", "trained\n", &weights).unwrap();
    let numbers = metrics(accuracy);
    let files = [
        ("models/iris/metrics.json", numbers.as_bytes()),
        ("models/iris/junit.xml", super::play::ALL_GOOD.as_bytes()),
    ];
    play.project.job_succeeds(run.id, "iris:test", "evaluated\n", &files).unwrap();
    play.settle().await;
    run.sha
}

fn says(play: &Play, number: u64, expected: &[&str]) {
    let report = play.report(number);
    for words in expected {
        assert!(report.contains(words), "`{words}` is not in\n{report}");
    }
}

async fn a_candidate_is_compared_with_the_run_of_the_target_branch_once_that_has_ended(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let number = play.candidate("Worse", &metrics("0.92")).await;
    assert_eq!(play.label(number), "model::testing", "{}", play.report(number));
    says(&play, number, &["The run of the target branch", "is awaited"]);
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));

    let commit = measures(&mut play, "0.94").await;
    // No hook tells a merge request of that run.
    play.passes(Duration::from_secs(120)).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    let named = format!("at {}", commit.short());
    says(&play, number, &["Compared with target branch", &named, "loses 0.02"]);
    play.ends().await;
}

async fn the_newest_commit_that_has_a_report_counts_and_is_named(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let first = measures(&mut play, "0.94").await;
    let number = play.candidate("Same", &metrics("0.94")).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    says(&play, number, &[&format!("at {}", first.short())]);

    // What is not of the model has no run there, and what is has one that has not ended.
    play.project.push(OWNER, "main", &[File::write("README.md", "more\n")], "Say more").unwrap();
    play.settle().await;
    assert_eq!(run(&play).sha, first);
    let file = File::write("models/iris/notes.md", "better\n");
    play.project.push(OWNER, "main", &[file], "Better").unwrap();
    play.settle().await;
    play.builds(number, "Same").await;
    play.measures(number, &metrics("0.94")).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    says(&play, number, &[&format!("at {}", first.short())]);

    let second = measures(&mut play, "0.96").await;
    assert_ne!(first, second);
    play.passes(Duration::from_secs(900)).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    says(&play, number, &[&format!("at {}", second.short()), "loses 0.02"]);
    play.ends().await;
}

async fn a_run_that_failed_leaves_thresholds_alone_and_says_so(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let failed = run(&play);
    play.project.job_fails(failed.id, "iris:build", "Traceback\n", &[]).unwrap();
    play.settle().await;
    let number = play.candidate("First", &metrics("0.91")).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    says(&play, number, &["no run of the target branch has left a report of this model", "Thresholds apply"]);
    play.ends().await;
}

async fn what_was_read_of_the_target_branch_is_not_read_again(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    measures(&mut play, "0.94").await;
    let number = play.candidate("Same", &metrics("0.94")).await;
    let lists = |play: &Play| {
        let requests = play.sandbox.requests();
        let ours = requests.iter().filter(|one| one.by.as_deref() == Some(BOT) && one.method == "GET");
        ours.filter(|one| one.url.contains("source=push") || one.url.contains("event=push")).count()
    };
    assert_eq!(lists(&play), 1, "not before there are numbers to compare, and then once");
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(lists(&play), 1);
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));
    play.ends().await;
}

async fn other_data_has_what_stands_there_measured_on_it(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let commit = measures(&mut play, "0.97").await;
    let source = play.project.job(run(&play).id, "iris:build").unwrap();
    let number = play.opens("New data").await;
    play.pushes(number, &[new_data()]).await;
    play.builds(number, "weights").await;
    play.measures(number, &metrics("0.94")).await;
    let named = format!("target branch `main` at {} has numbers of other data", commit.short());
    says(&play, number, &[&named, "scored anew on this head's dataset"]);

    let request = play.project.merge_request(number).unwrap();
    let runs = evaluations(&play);
    let [run] = runs.as_slice() else { panic!("{} runs\n{}", runs.len(), play.report(number)) };
    assert_eq!((&run.sha, run.reference.as_str()), (&request.head, request.source_branch.as_str()));
    let seen = play.project.job_sees(run.id, "iris:evaluate").unwrap();
    let bytes = Artifact {
        path: "models/iris/model.json".to_owned(),
        size: "weights".len() as u64,
        sha256: Digest::of("weights"),
    };
    let manifest = format!("{}  {}  {}\n", bytes.sha256.hex(), bytes.size, bytes.path);
    assert_eq!(seen["MERGEWRIGHT_VERSION"], Digest::of(manifest).to_string());
    let expected = if forge == ForgeKind::GitLab { source.id } else { source.pipeline };
    assert_eq!(seen["MERGEWRIGHT_SOURCE"], expected.to_string());

    evaluated(&mut play, "0.945").await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    let named = format!("Compared with target branch `main` at {} (scored anew", commit.short());
    says(&play, number, &[&named, "0.945", "−0.005"]);
    let asked = play.says(OWNER, number, "/model status").await;
    assert!(play.reply(number, asked).contains("AwaitingApproval"));
    play.passes(Duration::from_secs(3600)).await;
    assert_eq!(evaluations(&play).len(), 1, "once");
    play.ends().await;
}
