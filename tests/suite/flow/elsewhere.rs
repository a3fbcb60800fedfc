//! Merge requests into another branch than the default one: judged and told as any, but no version comes of it.

use mergewright::config::repository;
use mergewright::domain::ForgeKind;
use mergewright::generator::{self, Existing};
use mergewright::sandbox::File;

use super::forges::{dialect, on_both_forges};
use super::outcome::GOOD;
use super::play::{AUTHOR, OWNER};
use super::{IRIS, Play};

on_both_forges! {
    a_branch_with_a_policy_of_its_own_publishes_nothing,
    it_is_judged_and_told_as_any_and_merged_quietly,
    what_failed_and_is_merged_elsewhere_is_not_judged_anew,
    aimed_at_the_default_branch_it_is_published,
    a_wish_to_publish_does_not_follow_it_elsewhere,
}

const BAD: &str = r#"{"accuracy": 0.5, "latency_ms": 12}"#;

/// The author's branch beside `main`, with these files.
fn beside(play: &Play, branch: &str, files: &[File]) {
    let main = play.project.branch("main").unwrap();
    play.project.branch_off(AUTHOR, branch, &main, files, "Go aside").unwrap();
}

/// A change of the model that wants into `branch`.
async fn opens_into(play: &mut Play, branch: &str) -> u64 {
    let from = play.project.branch(branch).unwrap();
    let files = [File::write("models/iris/params.json", "{\"epochs\": 3}\n")];
    play.project.branch_off(AUTHOR, "feature", &from, &files, "Train").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "feature", "Train").unwrap();
    play.project.retarget(AUTHOR, number, branch).unwrap();
    play.settle().await;
    number
}

async fn is_refused(play: &mut Play, login: &str, number: u64, line: &str) {
    let comment = play.says(login, number, line).await;
    let said = play.reply(number, comment);
    assert!(said.contains("not-default-branch") && said.contains("`main`"), "{line}: {said}");
}

fn nothing_is_published(play: &Play) {
    assert_eq!(play.tags(), Vec::<String>::new());
    let jobs = play.project.waiting_jobs().unwrap();
    assert!(jobs.iter().all(|job| !job.name.ends_with("publish")), "{jobs:?}");
}

async fn a_branch_with_a_policy_of_its_own_publishes_nothing(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let (kept, _) = IRIS.split_once("      rules:").unwrap();
    let weak = format!(
        "{kept}      rules: []\n    review: {{approvals: 0, owners: [\"@{AUTHOR}\"]}}\n    \
         version: {{strategy: sequence}}\n    publish: {{run: [\"echo ok\"]}}\n"
    );
    let mut files = vec![File::write(".mergewright.yml", weak.as_str())];
    let config = repository::parse(&weak).unwrap();
    for file in generator::generate(&config, dialect(forge), &Existing::new()).unwrap() {
        files.push(File::write(&file.path, file.content));
    }
    beside(&play, "weak", &files);
    let number = opens_into(&mut play, "weak").await;
    play.builds(number, "weights").await;
    play.measures(number, BAD).await;
    assert_eq!(play.label(number), "model::ready", "by its own policy: {}", play.report(number));
    let report = play.report(number);
    assert!(report.contains("versions are published from `main` alone"), "{report}");
    for line in ["/model publish", "/model publish --when-ready", "/model publish --dry-run"] {
        is_refused(&mut play, AUTHOR, number, line).await;
    }
    assert_eq!(play.label(number), "model::ready", "it is not merged");
    play.project.merge(AUTHOR, number).unwrap();
    play.settle().await;
    is_refused(&mut play, AUTHOR, number, "/model publish").await;
    let comment = play.says(AUTHOR, number, "/model run").await;
    assert!(play.reply(number, comment).contains("`merged`"));
    nothing_is_published(&play);
    play.ends().await;
}

async fn it_is_judged_and_told_as_any_and_merged_quietly(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    beside(&play, "develop", &[]);
    let number = opens_into(&mut play, "develop").await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.says(OWNER, number, "/model approve").await;
    for context in
        ["mergewright", "mergewright/iris/build", "mergewright/iris/test", "mergewright/iris/review"]
    {
        assert_eq!(play.status(number, context).as_deref(), Some("success"), "{context}");
    }
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    let report = play.report(number);
    assert!(report.contains("Merged into `develop`") && report.contains("from `main` alone"), "{report}");
    assert_eq!(play.label(number), "");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));
    assert_eq!(play.status(number, "mergewright/iris/publish"), None);
    nothing_is_published(&play);
    play.ends().await;
}

async fn what_failed_and_is_merged_elsewhere_is_not_judged_anew(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    beside(&play, "develop", &[]);
    let number = opens_into(&mut play, "develop").await;
    play.builds(number, "weights").await;
    play.measures(number, BAD).await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    assert!(report.contains("from `main` alone") && !report.contains("/model run"), "{report}");
    for line in ["/model run", "/model publish"] {
        is_refused(&mut play, OWNER, number, line).await;
    }
    nothing_is_published(&play);
    play.ends().await;
}

async fn aimed_at_the_default_branch_it_is_published(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    beside(&play, "develop", &[]);
    let number = opens_into(&mut play, "develop").await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.project.retarget(AUTHOR, number, "main").unwrap();
    play.settle().await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

async fn a_wish_to_publish_does_not_follow_it_elsewhere(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    beside(&play, "develop", &[]);
    let number = play.opens("Train longer").await;
    play.builds(number, "weights").await;
    play.says(OWNER, number, "/model publish --when-ready").await;
    play.project.retarget(AUTHOR, number, "develop").unwrap();
    play.settle().await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    nothing_is_published(&play);
    play.ends().await;
}
