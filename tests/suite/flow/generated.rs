//! Generated CI files: a status says whether they are what the configuration generates, and `regenerate`
//! commits them.

use std::time::Duration;

use mergewright::config::repository;
use mergewright::domain::{ForgeKind, Sha};
use mergewright::generator::{self, Existing};
use mergewright::sandbox::{Fault, File};

use super::Play;
use super::forges::{dialect, on_both_forges};
use super::play::{AUTHOR, BOT, IRIS, OWNER};

on_both_forges! {
    files_that_are_as_generated_are_said_to_be_so_and_asked_for_once_a_head,
    a_configuration_without_its_files_fails_the_status_and_regenerate_mends_it,
    a_hand_edit_is_drift_and_lines_between_keep_marks_are_not,
    regenerate_takes_away_the_files_of_models_that_are_gone,
    files_that_people_wrote_are_named_and_never_replaced,
    the_commit_is_made_once_though_its_answer_is_lost,
    a_head_that_moves_meanwhile_is_not_overwritten,
    what_the_forge_refuses_is_told_to_who_asked,
    only_people_who_may_push_regenerate,
}

const STATUS: &str = "mergewright/generated";

fn word(good: bool) -> Option<&'static str> {
    Some(if good { "success" } else { "failed" })
}

/// The path of iris' CI file.
fn ci_file(forge: ForgeKind) -> &'static str {
    match forge {
        ForgeKind::GitLab => ".gitlab-ci.yml",
        ForgeKind::GitHub => ".github/workflows/model-iris.yml",
    }
}

fn longer() -> String {
    IRIS.replace("train.py\"], ", "train.py --long\"], ")
}

fn text(play: &Play, path: &str, at: &Sha) -> String {
    String::from_utf8(play.project.file(path, at.as_str()).unwrap()).unwrap()
}

fn head(play: &Play, number: u64) -> Sha {
    play.project.merge_request(number).unwrap().head
}

/// A merge request that brings these files.
async fn brings(play: &mut Play, files: &[File]) -> u64 {
    let main = play.project.branch("main").unwrap();
    play.project.branch_off(AUTHOR, "change", &main, files, "Change").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "change", "Change").unwrap();
    play.settle().await;
    number
}

/// A merge request that changes the configuration and not the files.
async fn drifts(play: &mut Play) -> u64 {
    let files =
        [File::write(".mergewright.yml", longer()), File::write("models/iris/params.json", "{\"n\": 1}\n")];
    brings(play, &files).await
}

/// Our files as the configuration of a commit generates them.
fn is_generated(play: &Play, forge: ForgeKind, at: &Sha) -> bool {
    let config = repository::parse(&text(play, ".mergewright.yml", at)).unwrap();
    let files = generator::generate(&config, dialect(forge), &Existing::new()).unwrap();
    files.iter().all(|file| text(play, &file.path, at) == file.content)
}

fn reads_of_files(play: &Play, path: &str) -> usize {
    let encoded = path.replace('/', "%2F").replace(".gitlab-ci.yml", "gitlab-ci.yml");
    let asked = play.sandbox.requests().into_iter().filter(|one| one.by.as_deref() == Some(BOT));
    asked.filter(|one| one.method == "GET" && (one.url.contains(path) || one.url.contains(&encoded))).count()
}

async fn files_that_are_as_generated_are_said_to_be_so_and_asked_for_once_a_head(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Train longer").await;
    assert_eq!(play.status(number, STATUS).as_deref(), word(true));
    let place = if forge == ForgeKind::GitLab { "gitlab-ci.yml" } else { ".github/workflows" };
    let before = reads_of_files(&play, place);
    play.builds(number, "weights").await;
    play.measures(number, r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    let comment = play.says(AUTHOR, number, "/model status").await;
    play.reply(number, comment);
    assert_eq!(reads_of_files(&play, place), before, "nothing is read again of the same head");
    play.pushes(number, &[File::write("models/iris/params.json", "{\"epochs\": 30}\n")]).await;
    assert_eq!(reads_of_files(&play, place), before + 1, "one look at a new head");
    assert_eq!(play.status(number, STATUS).as_deref(), word(true));
    let comment = play.says(AUTHOR, number, "/model regenerate").await;
    assert!(play.reply(number, comment).contains("Nothing to do"));
    play.ends().await;
}

async fn a_configuration_without_its_files_fails_the_status_and_regenerate_mends_it(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = drifts(&mut play).await;
    let before = head(&play, number);
    assert_eq!(play.status(number, STATUS).as_deref(), word(false));
    let statuses = play.project.statuses(&before).unwrap();
    let said = statuses[STATUS].description.clone().unwrap();
    assert!(said.contains(ci_file(forge)) && said.contains("/model regenerate"), "{said}");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"), "not part of the umbrella");

    let comment = play.says(AUTHOR, number, "/model regenerate").await;
    assert_eq!(play.reactions(number, comment), ["eyes"]);
    let after = head(&play, number);
    assert_ne!(after, before);
    assert!(is_generated(&play, forge, &after), "{}", text(&play, ci_file(forge), &after));
    assert_eq!(play.status(number, STATUS).as_deref(), word(true));
    let commits = play.project.commits("main", after.as_str()).unwrap();
    assert_eq!(commits.len(), 2, "one commit of the author, one of the bot: {commits:?}");
    assert_eq!(commits[0].parents, [before]);
    assert!(commits[0].message.contains(AUTHOR) && commits[0].title().contains("Regenerate"), "{commits:?}");
    assert_eq!(text(&play, "models/iris/params.json", &after), "{\"n\": 1}\n", "the rest is untouched");
    // What the author may do with it is as before.
    play.builds(number, "weights").await;
    play.measures(number, r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_hand_edit_is_drift_and_lines_between_keep_marks_are_not(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let path = ci_file(forge);
    let own = "# mergewright:keep own\n# ours since 2024\n# mergewright:end own\n";
    let written = text(&play, path, &main);
    let kept = format!("{written}\n{own}");
    // Without a change of the model GitLab has no pipeline that a status could join.
    let files = [File::write(path, kept.clone()), File::write("models/iris/params.json", "{\"n\": 1}\n")];
    let number = brings(&mut play, &files).await;
    assert_eq!(play.status(number, STATUS).as_deref(), word(true), "people's own lines");

    let edited = kept.replace("python3 train.py", "python3 train.py --quick");
    play.pushes(number, &[File::write(path, edited)]).await;
    assert_eq!(play.status(number, STATUS).as_deref(), word(false));
    play.says(OWNER, number, "/model regenerate").await;
    assert_eq!(text(&play, path, &head(&play, number)), kept, "the edit is gone, the own lines are not");
    assert_eq!(play.status(number, STATUS).as_deref(), word(true));
    play.ends().await;
}

async fn regenerate_takes_away_the_files_of_models_that_are_gone(forge: ForgeKind) {
    let (_, section) = IRIS.split_once("  iris:\n").unwrap();
    let two = format!("{IRIS}  rose:\n{}", section.replace("models/iris", "models/rose"));
    let mut play = Play::with(forge, &two).await;
    let number = brings(&mut play, &[File::write(".mergewright.yml", IRIS)]).await;
    assert_eq!(play.status(number, STATUS).as_deref(), word(false));
    play.says(OWNER, number, "/model regenerate").await;
    let after = head(&play, number);
    assert!(is_generated(&play, forge, &after));
    assert!(play.project.file(".github/workflows/model-rose.yml", after.as_str()).is_err());
    assert!(!text(&play, ci_file(forge), &after).contains("rose"));
    assert_eq!(play.status(number, STATUS).as_deref(), word(true));
    play.ends().await;
}

/// A pipeline of people's own, with a place for statuses.
const THEIRS: &str = "mine:\n  rules:\n    - if: '$CI_PIPELINE_SOURCE == \"merge_request_event\"'\n  \
                      script: [\"true\"]\n";

async fn files_that_people_wrote_are_named_and_never_replaced(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let path = ci_file(forge);
    let theirs = match forge {
        ForgeKind::GitLab => THEIRS,
        ForgeKind::GitHub => {
            "on: workflow_dispatch\njobs:\n  mine:\n    runs-on: ubuntu-24.04\n    steps: [{run: \"true\"}]\n"
        }
    };
    let number = brings(&mut play, &[File::write(path, theirs)]).await;
    let before = head(&play, number);
    assert_eq!(play.status(number, STATUS), None, "none of them is ours");
    let comment = play.says(OWNER, number, "/model regenerate").await;
    let said = play.reply(number, comment);
    assert!(said.contains("`foreign-files`") && said.contains(path), "{said}");
    assert_eq!(head(&play, number), before);
    play.ends().await;
}

async fn the_commit_is_made_once_though_its_answer_is_lost(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = drifts(&mut play).await;
    play.meets(1, "commit files", Fault::BreakAfter);
    play.says(AUTHOR, number, "/model regenerate").await;
    play.passes(Duration::from_secs(60)).await;
    let after = head(&play, number);
    assert_eq!(play.project.commits("main", after.as_str()).unwrap().len(), 2);
    assert_eq!(play.status(number, STATUS).as_deref(), word(true));

    // Broken before anything happened, it is simply tried again.
    play.pushes(number, &[File::write(".mergewright.yml", IRIS)]).await;
    play.meets(1, "commit files", Fault::BreakBefore);
    play.says(AUTHOR, number, "/model regenerate").await;
    play.passes(Duration::from_secs(60)).await;
    let after = head(&play, number);
    assert_eq!(play.project.commits("main", after.as_str()).unwrap().len(), 4);
    assert!(is_generated(&play, forge, &after));
    play.ends().await;
}

async fn a_head_that_moves_meanwhile_is_not_overwritten(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = drifts(&mut play).await;
    play.clock.advance(Duration::from_secs(1));
    let comment = play.project.comment(AUTHOR, number, "/model regenerate").unwrap().unwrap();
    play.hears().await;
    let branch = play.project.merge_request(number).unwrap().source_branch;
    let files = [File::write("models/iris/params.json", "{\"n\": 2}\n")];
    let newest = play.project.push(AUTHOR, &branch, &files, "Go on").unwrap();
    play.settle().await;
    assert_eq!(head(&play, number), newest);
    let said = play.reply(number, comment);
    assert!(said.contains("`head-moved`"), "{said}");
    play.says(AUTHOR, number, "/model regenerate").await;
    assert!(is_generated(&play, forge, &head(&play, number)));
    play.ends().await;
}

async fn what_the_forge_refuses_is_told_to_who_asked(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = drifts(&mut play).await;
    play.meets(1, "commit files", Fault::status(403));
    let comment = play.says(AUTHOR, number, "/model regenerate\n\n/model status").await;
    let said = play.reply(number, comment);
    assert!(said.contains("`not-committed`") && said.contains("iris"), "both are answered: {said}");
    play.ends().await;
}

async fn only_people_who_may_push_regenerate(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let _account = play.sandbox.person("eve");
    play.project.member("eve", mergewright::sandbox::Role::Reporter).unwrap();
    let number = drifts(&mut play).await;
    let comment = play.says("eve", number, "/model regenerate").await;
    assert!(play.reply(number, comment).contains("`not-developer`"));
    play.project.close(AUTHOR, number).unwrap();
    play.settle().await;
    let comment = play.says(OWNER, number, "/model regenerate").await;
    assert!(play.reply(number, comment).contains("`closed`"));
    play.ends().await;
}
