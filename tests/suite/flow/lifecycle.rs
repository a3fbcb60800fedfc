//! From a push to a published model, and everything that can come between.

use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::File;

use super::IRIS;
use super::Play;
use super::forges::{on_both_forges, released_files};
use super::play::{AUTHOR, OWNER};

on_both_forges! {
    a_better_model_is_built_tested_reviewed_published_and_released,
    the_tag_is_annotated_and_carries_the_lineage,
    numbers_go_on_without_gaps,
    a_new_head_supersedes_everything_that_was_said_of_the_old_one,
    a_merge_by_a_person_with_green_gates_publishes,
    when_publishing_waits_for_the_command_a_merge_alone_publishes_nothing,
    who_publishes_before_the_merge_need_not_say_it_again_after_it,
    a_merge_by_a_person_without_green_gates_is_unblessed_and_not_published,
    a_failed_publish_keeps_its_tag_and_the_retry_uses_it,
    a_runner_fault_is_retried_and_never_held_against_the_model,
    a_closed_merge_request_ends_quietly_and_a_reopened_one_goes_on,
    a_change_that_touches_no_model_gets_a_green_status_and_no_word,
    a_repository_without_configuration_hears_nothing_from_us,
    an_invalid_file_is_shown_with_its_place_and_nothing_runs,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;

async fn a_better_model_is_built_tested_reviewed_published_and_released(forge: ForgeKind) {
    let mut play = Play::start(forge).await;

    let number = play.opens("Train longer").await;
    assert_eq!(play.label(number), "model::building");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));

    play.builds(number, "weights").await;
    assert_eq!(play.label(number), "model::testing");
    assert_eq!(play.status(number, "mergewright/iris/build").as_deref(), Some("success"));

    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    assert_eq!(play.status(number, "mergewright/iris/test").as_deref(), Some("success"));
    assert_eq!(play.status(number, "mergewright/iris/review").as_deref(), Some("pending"));
    assert!(play.report(number).contains("0.94"), "{}", play.report(number));

    let approval = play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.reactions(number, approval), ["eyes"]);
    assert_eq!(play.label(number), "model::ready");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));
    assert_eq!(play.status(number, "mergewright/iris/publish"), None, "publish is not set before the merge");

    play.says(OWNER, number, "/model publish").await;
    assert_eq!(play.label(number), "model::publishing");
    assert_eq!(play.tags(), ["iris@v1.0.0"], "the tag takes the number before anything is published");

    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    assert_eq!(play.status(number, "mergewright/iris/publish").as_deref(), Some("success"));

    let (name, files) = released_files(&play.project, "iris@v1.0.0");
    assert_eq!(name, "iris v1");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["lineage.json", "manifest.txt"]);
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(b"weights"));
    assert_eq!(files["manifest.txt"], format!("{digest}  7  models/iris/model.json\n").as_bytes());
    play.ends().await;
}

async fn the_tag_is_annotated_and_carries_the_lineage(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.released("Train longer", GOOD).await;

    let tag = play.project.tags().unwrap().remove(0);
    let lineage: serde_json::Value = serde_json::from_str(tag.message.as_deref().unwrap().trim()).unwrap();
    assert_eq!(lineage["model"], "iris");
    assert_eq!(lineage["version"], "v1");
    assert_eq!(lineage["merge_request"], number);
    assert_eq!(lineage["approved_by"], serde_json::json!([OWNER]));
    assert_eq!(lineage["author"], AUTHOR);
    assert_eq!(lineage["commit"], tag.commit.as_str());
    assert_eq!(lineage["metrics"]["accuracy"], "0.94");
    play.ends().await;
}

async fn numbers_go_on_without_gaps(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("First", GOOD).await;
    play.released("Second", r#"{"accuracy": 0.95, "latency_ms": 12}"#).await;
    assert_eq!(play.tags(), ["iris@v1.0.0", "iris@v2.0.0"]);
    play.ends().await;
}

async fn a_new_head_supersedes_everything_that_was_said_of_the_old_one(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");

    play.pushes(number, &[File::write("models/iris/params.json", "{\"again\": 1}\n")]).await;
    assert_eq!(play.label(number), "model::building");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));

    play.builds(number, "other").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review", "the approval was for another head");
    play.ends().await;
}

async fn a_merge_by_a_person_with_green_gates_publishes(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

async fn when_publishing_waits_for_the_command_a_merge_alone_publishes_nothing(forge: ForgeKind) {
    let policy = IRIS.replace("    version: {", "    publish: {when: command}\n    version: {");
    assert_ne!(policy, IRIS);
    let mut play = Play::with(forge, &policy).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    play.passes(Duration::from_secs(3600)).await;
    assert!(play.report(number).contains("`/model publish`"), "{}", play.report(number));
    assert!(play.tags().is_empty() && play.project.waiting_jobs().unwrap().is_empty());
    let refused = play.says(AUTHOR, number, "/model publish").await;
    assert!(play.reply(number, refused).contains("not-owner"));
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

async fn who_publishes_before_the_merge_need_not_say_it_again_after_it(forge: ForgeKind) {
    let policy = IRIS.replace("    version: {", "    publish: {when: command}\n    version: {");
    let mut play = Play::with(forge, &policy).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

async fn a_merge_by_a_person_without_green_gates_is_unblessed_and_not_published(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    assert!(play.tags().is_empty());
    assert!(play.project.waiting_jobs().unwrap().is_empty(), "no publish run was started");
    play.ends().await;
}

async fn a_failed_publish_keeps_its_tag_and_the_retry_uses_it(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    let job = play.project.waiting_jobs().unwrap().remove(0);
    play.project.job_fails(job.pipeline, &job.name, "the package registry said no\n", &[]).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    assert!(play.report(number).contains("the package registry said no"), "{}", play.report(number));

    play.says(OWNER, number, "/model retry").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    let errors = play.errors();
    assert!(matches!(errors.as_slice(), [one] if one.contains("publish_failed")), "one alarm: {errors:?}");
    play.ends().await;
}

async fn a_runner_fault_is_retried_and_never_held_against_the_model(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Train longer").await;
    let pipeline = play.run(number, "iris");
    // The generated job lets GitLab itself try twice again; then, as on GitHub at once, it is up to us.
    let tries = if forge == ForgeKind::GitLab { 3 } else { 1 };
    for _try in 0..tries {
        play.project.job_breaks(pipeline, "iris:build", "runner_system_failure").unwrap();
        play.settle().await;
    }
    assert_eq!(play.label(number), "model::testing", "InfraError is shown as work that goes on");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));

    play.passes(Duration::from_secs(3600)).await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_closed_merge_request_ends_quietly_and_a_reopened_one_goes_on(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.close(AUTHOR, number).unwrap();
    play.settle().await;
    let closed = play.report(number);
    play.project.reopen(AUTHOR, number).unwrap();
    play.settle().await;
    if forge == ForgeKind::GitHub {
        // GitHub runs the workflow again for what was reopened, and the newest run of a head counts.
        play.builds(number, "weights").await;
        play.measures(number, GOOD).await;
    }
    assert_eq!(play.label(number), "model::review", "closed: {closed}\nnow: {}", play.report(number));
    play.ends().await;
}

async fn a_change_that_touches_no_model_gets_a_green_status_and_no_word(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let files = [File::write("README.md", "better words\n"), File::write(".gitlab-ci.yml", docs_pipeline())];
    play.project.branch_off(AUTHOR, "docs", &main, &files, "Docs").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "docs", "Docs").unwrap();
    play.settle().await;
    assert_eq!(play.report(number), "");
    assert_eq!(play.label(number), "");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));
    play.ends().await;
}

/// A pipeline that has a job for every merge request, so that a status has a place to stand.
fn docs_pipeline() -> &'static str {
    "stages: [build]\ndocs:\n  stage: build\n  rules:\n    - if: '$CI_PIPELINE_SOURCE == \"merge_request_event\"'\n  \
     script: [\"true\"]\n"
}

async fn a_repository_without_configuration_hears_nothing_from_us(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    play.project.branch_off(OWNER, "plain", &main, &[File::remove(".mergewright.yml")], "Plain").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "plain", "Into plain").unwrap();
    play.project.retarget(AUTHOR, number, "plain").unwrap();
    play.settle().await;
    assert!(
        play.project
            .comments(number)
            .unwrap()
            .iter()
            .all(|comment| comment.author != play.bot.id || comment.system)
    );
    play.ends().await;
}

async fn an_invalid_file_is_shown_with_its_place_and_nothing_runs(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let broken = IRIS.replace("direction: higher", "direktion: higher");
    play.project
        .branch_off(AUTHOR, "typo", &main, &[File::write(".mergewright.yml", broken)], "Typo")
        .unwrap();
    let number = play.project.open_merge_request(AUTHOR, "typo", "Typo").unwrap();
    play.settle().await;
    let report = play.report(number);
    assert!(report.contains("direktion") && report.contains("direction"), "{report}");
    // GitLab has no word of its own for an error.
    let word = if forge == ForgeKind::GitLab { "failed" } else { "error" };
    assert_eq!(play.status(number, "mergewright").as_deref(), Some(word));
    play.ends().await;
}
