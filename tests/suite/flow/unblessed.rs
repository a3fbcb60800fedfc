//! What was merged and not published is judged anew, when somebody asks for it: the merge commit is built
//! and measured on the target branch, approved again, and published by an owner's new word.

use std::time::Duration;

use mergewright::domain::{ForgeKind, Sha};
use mergewright::sandbox::{Copies, Fault, File, JobState, Manner, MergeRequestState, Order, Role};

use super::forges::on_both_forges;
use super::outcome::sent;
use super::play::{AUTHOR, OWNER};
use super::rescoring::{evaluated, evaluations, new_data, published_with_its_baseline};
use super::{IRIS, Play};

on_both_forges! {
    a_merge_upon_another_base_is_judged_anew_approved_anew_and_published,
    a_merge_without_green_gates_is_judged_anew,
    gates_that_fail_anew_are_shown_and_it_can_be_run_again,
    a_script_that_fails_anew_is_shown_and_only_its_job_is_run_again,
    only_who_may_write_has_it_judged_anew_and_only_an_owner_publishes_it,
    what_is_armed_is_published_as_soon_as_it_is_approved,
    one_of_several_models_is_judged_anew_alone,
    a_branch_that_moved_on_does_not_matter,
    doubled_and_shuffled_webhooks_publish_it_once,
    without_a_webhook_the_sweep_finds_what_the_run_left,
    a_run_whose_start_was_not_answered_is_started_once,
    a_run_that_the_forge_refuses_is_told_with_what_to_do,
    a_run_that_is_asked_for_again_replaces_the_first,
    other_data_has_the_baseline_measured_on_the_target_branch,
    once_the_target_branch_has_moved_on_nothing_is_measured_there,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const BETTER: &str = r#"{"accuracy": 0.95, "latency_ms": 12}"#;
const BAD: &str = r#"{"accuracy": 0.5, "latency_ms": 12}"#;

/// The merge commit.
fn merge_commit(play: &Play, number: u64) -> Sha {
    match play.project.merge_request(number).unwrap().state {
        MergeRequestState::Merged { commit, .. } => commit,
        other => panic!("{other:?}"),
    }
}

/// Somebody changes one more of the model's files on the target branch.
fn moves_main(play: &Play, path: &str) -> Sha {
    play.project.push(OWNER, "main", &[File::write(path, "{\"changed\": true}\n")], "Change it").unwrap()
}

/// A merge request that was approved, and merged after its base had moved, before the bot heard of it.
async fn unblessed(play: &mut Play) -> u64 {
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    moves_main(play, "models/iris/schedule.json");
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(play.report(number).contains("/model run"), "{}", play.report(number));
    assert_eq!(play.tags(), Vec::<String>::new());
    number
}

/// The job that waits on the target branch.
fn waiting(play: &Play, name: &str) -> u64 {
    let waiting = play.project.waiting_jobs().unwrap();
    let found = waiting.iter().find(|job| job.name == name).unwrap_or_else(|| {
        panic!("no {name} waits: {:?}", waiting.iter().map(|job| &job.name).collect::<Vec<_>>())
    });
    found.pipeline
}

/// The run that was started on the target branch builds and measures.
async fn judged(play: &mut Play, model: &str, metrics: &str) {
    let files = [(format!("models/{model}/model.json"), format!("anew {metrics}"))];
    let [(path, weights)] = &files;
    let name = format!("{model}:build");
    let run = waiting(play, &name);
    play.project.job_succeeds(run, &name, "trained\n", &[(path, weights.as_bytes())]).unwrap();
    play.settle().await;
    let [numbers, tests] = ["metrics.json", "junit.xml"].map(|file| format!("models/{model}/{file}"));
    let name = format!("{model}:test");
    let files = [(&*numbers, metrics.as_bytes()), (&*tests, super::play::ALL_GOOD.as_bytes())];
    play.project.job_succeeds(waiting(play, &name), &name, "evaluated\n", &files).unwrap();
    play.settle().await;
}

/// The runs that build a commit of the target branch, oldest first.
fn runs_of(play: &Play, commit: &Sha) -> Vec<u64> {
    let runs = play.project.pipelines().unwrap();
    let builds = |run: &u64| {
        play.project.job(*run, "iris:build").is_ok_and(|job| {
            job.state != JobState::Skipped
                && job.variables.get("MERGEWRIGHT_COMMIT") == Some(&commit.to_string())
        })
    };
    runs.into_iter().filter(|run| run.merge_request.is_none()).map(|run| run.id).filter(builds).collect()
}

async fn a_merge_upon_another_base_is_judged_anew_approved_anew_and_published(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unblessed(&mut play).await;
    let commit = merge_commit(&play, number);
    let report = play.report(number);
    assert!(report.contains("the target branch changed models/iris/schedule.json"), "{report}");
    let refused = play.says(OWNER, number, "/model approve").await;
    assert!(play.reply(number, refused).contains("/model run"));

    let asked = play.says(AUTHOR, number, "/model run").await;
    assert_eq!(play.reactions(number, asked), ["eyes"]);
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    let run = waiting(&play, "iris:build");
    let job = play.project.job(run, "iris:build").unwrap();
    for (variable, value) in [("ACTION", "run"), ("MODEL", "iris"), ("COMMIT", commit.as_str())] {
        assert_eq!(job.variables[&format!("MERGEWRIGHT_{variable}")], value);
    }
    assert_eq!(play.status(number, "mergewright/iris/publish").as_deref(), Some("pending"));
    let report = play.report(number);
    assert!(report.contains(&format!("`{}`", commit.short())), "{report}");
    assert!(report.contains("alice") && report.contains("is void: it was given for"), "{report}");

    judged(&mut play, "iris", BETTER).await;
    assert_eq!(
        play.label(number),
        "model::review",
        "the approval was for another base: {}",
        play.report(number)
    );
    let report = play.report(number);
    assert!(report.contains("0.95") && !report.contains("0.94"), "the merge commit's own numbers: {report}");
    let early = play.says(OWNER, number, "/model publish").await;
    assert!(play.reply(number, early).contains("not-ready"));

    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.passes(Duration::from_secs(600)).await;
    assert_eq!(play.tags(), Vec::<String>::new(), "nothing is published without an owner's new word");
    play.says(OWNER, number, "/model publish").await;
    assert_eq!(play.label(number), "model::publishing");
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.status(number, "mergewright/iris/publish").as_deref(), Some("success"));

    let tag = play.project.tags().unwrap().remove(0);
    assert_eq!((tag.name.as_str(), &tag.commit), ("iris@v1.0.0", &commit));
    let lineage: serde_json::Value = serde_json::from_str(tag.message.as_deref().unwrap().trim()).unwrap();
    assert_eq!(lineage["head"], commit.as_str(), "what was judged");
    assert_eq!(lineage["approved_by"], serde_json::json!([OWNER]));
    assert_eq!(lineage["metrics"]["accuracy"].to_string().trim_matches('"'), "0.95");
    assert_eq!(runs_of(&play, &commit), [run]);
    let again = play.says(OWNER, number, "/model run").await;
    assert!(play.reply(number, again).contains("merged already"), "published is published");
    play.ends().await;
}

async fn a_merge_without_green_gates_is_judged_anew(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", BAD).await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    let before = play.status(number, "mergewright/iris/test");
    assert_ne!(before.as_deref(), Some("success"));
    play.says(AUTHOR, number, "/model run").await;
    judged(&mut play, "iris", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.status(number, "mergewright/iris/test"), before, "the head itself was never good");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("failed"));
    play.ends().await;
}

async fn gates_that_fail_anew_are_shown_and_it_can_be_run_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unblessed(&mut play).await;
    play.says(AUTHOR, number, "/model run").await;
    judged(&mut play, "iris", BAD).await;
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    assert!(report.contains("0.5") && report.contains("1 rule is not met"), "{report}");
    assert!(report.contains("`/model run`"), "what to do next: {report}");
    let refused = play.says(OWNER, number, "/model publish").await;
    assert!(play.reply(number, refused).contains("not-ready"));

    play.says(AUTHOR, number, "/model run").await;
    assert_eq!(play.label(number), "model::building");
    judged(&mut play, "iris", GOOD).await;
    assert_eq!(play.label(number), "model::review");
    assert_eq!(runs_of(&play, &merge_commit(&play, number)).len(), 2);
    play.ends().await;
}

async fn a_script_that_fails_anew_is_shown_and_only_its_job_is_run_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unblessed(&mut play).await;
    play.says(AUTHOR, number, "/model run").await;
    let run = waiting(&play, "iris:build");
    play.project.job_fails(run, "iris:build", "no such column\n", &[]).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    assert!(play.report(number).contains("no such column"), "{}", play.report(number));
    play.says(AUTHOR, number, "/model retry").await;
    assert_eq!(waiting(&play, "iris:build"), run, "the same run");
    judged(&mut play, "iris", GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn only_who_may_write_has_it_judged_anew_and_only_an_owner_publishes_it(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unblessed(&mut play).await;
    play.project.member("zoe", Role::Reporter).unwrap();
    let refused = play.says("zoe", number, "/model run").await;
    assert!(play.reply(number, refused).contains("not-developer"));
    assert_eq!(play.label(number), "model::failed");
    let other = play.says(AUTHOR, number, "/model run 0123456").await;
    assert!(play.reply(number, other).contains("head-moved"));

    let commit = merge_commit(&play, number);
    play.says(AUTHOR, number, &format!("/model run {}", commit.short())).await;
    judged(&mut play, "iris", GOOD).await;
    for (command, rule) in [("/model approve", "not-owner"), ("/model publish", "not-owner")] {
        let refused = play.says(AUTHOR, number, command).await;
        assert!(play.reply(number, refused).contains(rule), "{command}");
    }
    let old = play.project.merge_request(number).unwrap().head;
    let refused = play.says(OWNER, number, &format!("/model approve {}", old.short())).await;
    assert!(play.reply(number, refused).contains("head-moved"), "the head is not what is judged");
    play.says(OWNER, number, &format!("/model approve {}", commit.short())).await;
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}

async fn what_is_armed_is_published_as_soon_as_it_is_approved(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unblessed(&mut play).await;
    play.says(AUTHOR, number, "/model run").await;
    play.says(OWNER, number, "/model publish --when-ready").await;
    judged(&mut play, "iris", GOOD).await;
    assert_eq!(play.label(number), "model::review", "it still needs its approval");
    play.says(OWNER, number, "/model approve").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn one_of_several_models_is_judged_anew_alone(forge: ForgeKind) {
    let digits = IRIS.split("models:\n").nth(1).unwrap().replace("iris", "digits");
    let mut play = Play::with(forge, &format!("{IRIS}{digits}")).await;
    let main = play.project.branch("main").unwrap();
    let files =
        ["iris", "digits"].map(|model| File::write(&format!("models/{model}/params.json"), "{\"n\": 1}\n"));
    play.project.branch_off(AUTHOR, "both", &main, &files, "Train both").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "both", "Train both").unwrap();
    play.settle().await;
    for model in ["iris", "digits"] {
        play.builds_of(model, number, model).await;
        play.measures_of(model, number, GOOD).await;
        play.says(OWNER, number, &format!("/model approve {model}")).await;
    }
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    moves_main(&play, "models/iris/schedule.json");
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    play.publishes().await;
    assert_eq!(play.tags(), ["digits@v1.0.0"], "{}", play.report(number));

    play.says(AUTHOR, number, "/model run iris").await;
    judged(&mut play, "iris", BETTER).await;
    play.says(OWNER, number, "/model approve iris").await;
    play.says(OWNER, number, "/model publish iris").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.tags(), ["digits@v1.0.0", "iris@v1.0.0"]);
    play.ends().await;
}

async fn a_branch_that_moved_on_does_not_matter(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unblessed(&mut play).await;
    let commit = merge_commit(&play, number);
    moves_main(&play, "models/iris/more.json");
    play.settle().await;
    play.says(AUTHOR, number, "/model run").await;
    moves_main(&play, "models/iris/still-more.json");
    play.settle().await;
    judged(&mut play, "iris", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.project.tags().unwrap()[0].commit, commit);
    play.ends().await;
}

async fn doubled_and_shuffled_webhooks_publish_it_once(forge: ForgeKind) {
    for (seed, copies) in [(1, Copies::SameId), (2, Copies::OtherId), (3, Copies::OtherId)] {
        let mut play = Play::start(forge).await;
        play.manner = Manner { order: Order::Shuffled(seed), copies, keep: None };
        let number = unblessed(&mut play).await;
        play.says(AUTHOR, number, "/model run").await;
        judged(&mut play, "iris", GOOD).await;
        play.says(OWNER, number, "/model approve").await;
        play.says(OWNER, number, "/model publish").await;
        play.publishes().await;
        assert_eq!(play.label(number), "model::published", "seed {seed}: {}", play.report(number));
        assert_eq!(play.tags(), ["iris@v1.0.0"]);
        assert_eq!(runs_of(&play, &merge_commit(&play, number)).len(), 1, "seed {seed}");
        assert_eq!(
            (sent(&play)["dispatch"], sent(&play)["comment"]),
            (2, 1),
            "seed {seed}: a run, a publish run"
        );
        play.ends().await;
    }
}

async fn without_a_webhook_the_sweep_finds_what_the_run_left(forge: ForgeKind) {
    let mut play = Play::serving(forge, IRIS, "repositories: [\"group/models\"]\n").await;
    let number = unblessed(&mut play).await;
    play.says(AUTHOR, number, "/model run").await;
    play.manner.keep = Some(std::sync::Arc::new(|_: &mergewright::sandbox::Delivery| false));
    let mut seen = Vec::new();
    let run = waiting(&play, "iris:build");
    play.project.job_succeeds(run, "iris:build", "", &[("models/iris/model.json", b"anew")]).unwrap();
    for end in ["test", "approve", "publish"] {
        play.clock.advance(Duration::from_secs(300));
        play.app.reconcile.sweep().await.unwrap();
        play.settle().await;
        seen.push(play.label(number));
        match end {
            "test" => {
                let files: [(&str, &[u8]); 2] = [
                    ("models/iris/metrics.json", GOOD.as_bytes()),
                    ("models/iris/junit.xml", super::play::ALL_GOOD.as_bytes()),
                ];
                play.project.job_succeeds(run, "iris:test", "", &files).unwrap();
            }
            _ => drop(play.project.comment(OWNER, number, &format!("/model {end}")).unwrap()),
        }
    }
    play.clock.advance(Duration::from_secs(300));
    play.app.reconcile.sweep().await.unwrap();
    play.settle().await;
    seen.push(play.label(number));
    assert_eq!(seen, ["model::testing", "model::review", "model::ready", "model::publishing"]);
    play.ends().await;
}

async fn a_run_whose_start_was_not_answered_is_started_once(forge: ForgeKind) {
    for fault in [Fault::BreakBefore, Fault::BreakAfter] {
        let mut play = Play::start(forge).await;
        let number = unblessed(&mut play).await;
        play.meets(1, "dispatch", fault);
        play.says(AUTHOR, number, "/model run").await;
        play.passes(Duration::from_secs(60)).await;
        let commit = merge_commit(&play, number);
        assert_eq!(runs_of(&play, &commit).len(), 1);
        judged(&mut play, "iris", GOOD).await;
        assert_eq!(play.label(number), "model::review", "{}", play.report(number));
        play.ends().await;
    }
}

async fn a_run_that_the_forge_refuses_is_told_with_what_to_do(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unblessed(&mut play).await;
    play.meets(1, "dispatch", Fault::status(403));
    play.says(AUTHOR, number, "/model run").await;
    let report = play.report(number);
    assert!(report.contains("No run could be started") && report.contains("`/model run`"), "{report}");
    play.says(AUTHOR, number, "/model run").await;
    judged(&mut play, "iris", GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn a_run_that_is_asked_for_again_replaces_the_first(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unblessed(&mut play).await;
    play.says(AUTHOR, number, "/model run").await;
    let first = waiting(&play, "iris:build");
    play.passes(Duration::from_secs(120)).await;
    play.says(AUTHOR, number, "/model run").await;
    assert_eq!(play.project.job(first, "iris:build").unwrap().state, JobState::Canceled);
    assert_eq!(runs_of(&play, &merge_commit(&play, number)).len(), 2);
    judged(&mut play, "iris", GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.says(AUTHOR, number, "/model run").await;
    play.says(AUTHOR, number, "/model cancel").await;
    assert!(play.report(number).contains("cancelled"), "{}", play.report(number));
    play.ends().await;
}

/// A version is published, and new data was merged before its numbers could be compared.
async fn merged_with_new_data(play: &mut Play) -> u64 {
    play.released("Good", r#"{"accuracy": 0.99, "latency_ms": 12}"#).await;
    let number = play.opens("New data").await;
    play.pushes(number, &[new_data()]).await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    play.says(AUTHOR, number, "/model run").await;
    number
}

async fn other_data_has_the_baseline_measured_on_the_target_branch(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = merged_with_new_data(&mut play).await;
    judged(&mut play, "iris", BETTER).await;
    let runs = evaluations(&play);
    let [run] = runs.as_slice() else { panic!("{} runs\n{}", runs.len(), play.report(number)) };
    assert_eq!((&run.sha, run.reference.as_str()), (&merge_commit(&play, number), "main"));
    assert_eq!(play.project.job_sees(run.id, "iris:evaluate").unwrap()["MERGEWRIGHT_VERSION"], "v1");
    assert_eq!(play.label(number), "model::testing", "{}", play.report(number));
    evaluated(&mut play, "0.955").await;
    let report = play.report(number);
    assert_eq!(play.label(number), "model::review", "{report}");
    assert!(report.contains("Compared with v1 (scored anew on this head's dataset"), "{report}");
    published_with_its_baseline(&mut play, number).await;
    play.ends().await;
}

async fn once_the_target_branch_has_moved_on_nothing_is_measured_there(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = merged_with_new_data(&mut play).await;
    play.project.push(OWNER, "main", &[File::write("README.md", "more\n")], "Say more").unwrap();
    judged(&mut play, "iris", BETTER).await;
    play.passes(Duration::from_secs(3600)).await;
    let waits = play.project.waiting_jobs().unwrap();
    assert!(waits.iter().all(|job| job.name != "iris:evaluate"), "the job looks for itself: {waits:?}");
    let report = play.report(number);
    assert_eq!(play.label(number), "model::review", "{report}");
    for words in ["incomparable", "could not be scored anew", "/model waive RULE REASON"] {
        assert!(report.contains(words), "`{words}` is not in\n{report}");
    }
    play.says(OWNER, number, "/model waive accuracy the data was cleaned").await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}
