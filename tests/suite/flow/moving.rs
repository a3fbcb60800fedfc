//! The world moves while a merge request is judged: each way has one outcome, the one that
//! `docs/decisions/0023-code-from-outside-and-a-world-that-moves.md` promises.

use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::{ForgeKind, Sha};
use mergewright::sandbox::{Fault, File, MergeRequestState};

use super::forges::on_both_forges;
use super::outcome::GOOD;
use super::outsiders::{OUTSIDER, forked, head, is_heard, offers, waiting};
use super::play::{AUTHOR, OWNER};
use super::{IRIS, Play};

on_both_forges! {
    a_run_of_a_head_that_moved_is_not_started,
    a_base_that_moves_in_the_models_paths_voids_what_was_said,
    a_base_that_moves_elsewhere_changes_nothing,
    a_base_that_is_not_compared_for_us_may_have_moved_in_the_models_paths,
    a_retargeted_head_is_measured_and_approved_anew,
    a_merge_that_is_tried_again_does_not_follow_it_into_another_branch,
    a_forced_push_is_another_head_and_back_is_the_first_again,
    a_merge_request_reopened_at_another_head_is_judged_at_that,
    a_draft_waits_and_goes_on_where_it_was,
    one_that_is_closed_while_it_builds_says_nothing_more,
    a_renamed_repository_goes_on_by_its_number,
    a_repository_transferred_to_a_served_path_goes_on,
    a_repository_that_leaves_the_list_hears_nothing_more,
    without_its_source_branch_nothing_is_merged_unseen,
    a_fork_that_is_deleted_leaves_what_was_offered,
    without_its_target_branch_nothing_is_merged_until_it_is_back,
    the_target_merged_in_by_the_button_is_another_head,
    the_target_merged_into_a_fork_by_the_button_needs_another_word,
}

fn params(text: &str) -> File {
    File::write("models/iris/params.json", format!("{{\"epochs\": {text}}}\n"))
}

/// A merge request that an owner has approved.
async fn approved(play: &mut Play) -> u64 {
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    number
}

async fn a_run_of_a_head_that_moved_is_not_started(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    let first = play.project.merge_request(number).unwrap();
    let run = play.run(number, "iris");
    is_heard(&mut play, AUTHOR, number, "/model run").await;
    play.project.push(AUTHOR, &first.source_branch, &[params("9")], "Go on").unwrap();
    play.settle().await;
    let of_first = play.project.pipelines().unwrap().into_iter().filter(|run| run.sha == first.head);
    let attempts: u32 = of_first.map(|run| run.attempt).sum();
    assert_eq!(attempts, 1, "the old head was not run again");
    assert_ne!(play.run(number, "iris"), run);
    assert_eq!(waiting(&play), ["iris:build"], "the forge's own run of the new head");
    let told = play.audit("run").await;
    assert!(told.iter().any(|what| what.contains("the head has moved")), "{told:?}");
    play.ends().await;
}

async fn a_base_that_moves_in_the_models_paths_voids_what_was_said(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = approved(&mut play).await;
    let cleaned = File::write("models/iris/clean.py", "pass\n");
    play.project.push(OWNER, "main", &[cleaned], "Clean the data").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building");
    let report = play.report(number);
    assert!(report.contains("the target branch changed models/iris/clean.py"), "{report}");
    assert!(report.contains("is void"), "{report}");
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_base_that_moves_elsewhere_changes_nothing(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = approved(&mut play).await;
    play.project.push(OWNER, "main", &[File::write("README.md", "other models\n")], "Say more").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    play.ends().await;
}

async fn a_base_that_is_not_compared_for_us_may_have_moved_in_the_models_paths(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = approved(&mut play).await;
    play.parts_the_bots();
    play.sandbox.choose_failures(Some(Arc::new(|_method: &str, path: &str| {
        path.contains("/compare").then(|| Fault::status(403))
    })));
    play.project.push(OWNER, "main", &[File::write("README.md", "other models\n")], "Say more").unwrap();
    play.passes(Duration::from_secs(120)).await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    play.sandbox.choose_failures(None);
    play.ends().await;
}

async fn a_retargeted_head_is_measured_and_approved_anew(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    play.project.branch_off(OWNER, "next", &main, &[], "Next").unwrap();
    let number = approved(&mut play).await;
    let runs = play.project.pipelines().unwrap().len();
    play.project.retarget(AUTHOR, number, "next").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    let report = play.report(number);
    assert!(report.contains("the target branch is another one") && report.contains("is void"), "{report}");
    if forge == ForgeKind::GitLab {
        assert_eq!(play.project.pipelines().unwrap().len(), runs + 1);
    }
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_merge_that_is_tried_again_does_not_follow_it_into_another_branch(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let release = play.project.branch_off(OWNER, "release", &main, &[], "Release").unwrap();
    let number = approved(&mut play).await;
    play.meets(1, "merge", Fault::html(502));
    play.says(OWNER, number, "/model publish").await;
    assert_eq!(play.sandbox.failures_left(), 0, "the merge was asked for");
    play.project.retarget(AUTHOR, number, "release").unwrap();
    play.passes(Duration::from_secs(600)).await;
    assert_eq!(play.project.merge_request(number).unwrap().state, MergeRequestState::Open);
    assert_eq!(play.project.branch("release").unwrap(), release, "nothing was judged for it");
    play.ends().await;
}

async fn a_forced_push_is_another_head_and_back_is_the_first_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = approved(&mut play).await;
    let first = play.project.merge_request(number).unwrap();
    let main = play.project.branch("main").unwrap();
    // Another history under the same name.
    let other = play.project.branch_off(AUTHOR, "aside", &main, &[params("7")], "Aside").unwrap();
    play.project.force(AUTHOR, &first.source_branch, &other).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building");
    let report = play.report(number);
    assert!(report.contains("the head moved"), "{report}");
    play.project.force(AUTHOR, &first.source_branch, &first.head).unwrap();
    play.settle().await;
    // What was measured of it is measured; what was said of it was said before it was gone.
    if forge == ForgeKind::GitHub || play.label(number) == "model::building" {
        play.builds(number, "weights").await;
        play.measures(number, GOOD).await;
    }
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    let asked = play.says(OWNER, number, &format!("/model approve {}", other.short())).await;
    assert!(play.reply(number, asked).contains("head-moved"));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}

async fn a_merge_request_reopened_at_another_head_is_judged_at_that(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = approved(&mut play).await;
    let branch = play.project.merge_request(number).unwrap().source_branch;
    play.project.close(AUTHOR, number).unwrap();
    play.settle().await;
    play.project.push(AUTHOR, &branch, &[params("3")], "While it was closed").unwrap();
    play.settle().await;
    let closed = play.says(OWNER, number, "/model publish").await;
    assert!(play.reply(number, closed).contains("closed"));
    play.project.reopen(AUTHOR, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    assert!(play.report(number).contains(&format!("`{}`", head(&play, number))), "{}", play.report(number));
    let early = play.says(OWNER, number, "/model publish").await;
    assert!(play.reply(number, early).contains("head-moved"), "it was approved at another head");
    play.ends().await;
}

async fn a_draft_waits_and_goes_on_where_it_was(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = approved(&mut play).await;
    play.project.set_draft(AUTHOR, number, true).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building");
    assert!(play.report(number).contains("Mark the merge request as ready"), "{}", play.report(number));
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    let asked = play.says(OWNER, number, "/model publish").await;
    assert!(play.reply(number, asked).contains("not-ready"));
    play.project.set_draft(AUTHOR, number, false).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "head, base and policy are the same");
    play.ends().await;
}

async fn one_that_is_closed_while_it_builds_says_nothing_more(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Train longer").await;
    let run = play.run(number, "iris");
    play.project.job_starts(run, "iris:build").unwrap();
    play.settle().await;
    play.project.close(AUTHOR, number).unwrap();
    play.settle().await;
    let closed = play.report(number);
    assert!(closed.contains("Reopen the merge request"), "{closed}");
    assert_eq!(play.label(number), "");
    let statuses = play.project.statuses(&play.project.merge_request(number).unwrap().head).unwrap();
    play.project.job_succeeds(run, "iris:build", "", &[("models/iris/model.json", b"weights")]).unwrap();
    play.settle().await;
    play.passes(Duration::from_secs(3600)).await;
    assert_eq!(play.report(number), closed);
    let head = play.project.merge_request(number).unwrap().head;
    assert_eq!(play.project.statuses(&head).unwrap(), statuses, "no status moves");
    play.ends().await;
}

async fn a_renamed_repository_goes_on_by_its_number(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.rename("group/flowers").unwrap();
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn a_repository_transferred_to_a_served_path_goes_on(forge: ForgeKind) {
    let list = "repositories: [\"group/models\", \"lab/*\"]\n";
    let mut play = Play::serving(forge, IRIS, list).await;
    let number = approved(&mut play).await;
    play.project.rename("lab/models").unwrap();
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "what was approved stays approved");
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

async fn a_repository_that_leaves_the_list_hears_nothing_more(forge: ForgeKind) {
    let mut play = Play::serving(forge, IRIS, "repositories: [\"group/models\"]\n").await;
    let number = approved(&mut play).await;
    play.project.rename("elsewhere/models").unwrap();
    let writes = || play.sandbox.requests().iter().filter(|one| one.method != "GET").count();
    let before = writes();
    play.project.comment(OWNER, number, "/model publish").unwrap();
    play.settle().await;
    play.passes(Duration::from_secs(3600)).await;
    let after = play.sandbox.requests().iter().filter(|one| one.method != "GET").count();
    assert_eq!(after, before, "nothing is written where we are not wanted");
    assert_eq!(play.tags(), Vec::<String>::new());
    // Back on the list, the same number is the same repository.
    play.project.rename("group/models").unwrap();
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn without_its_source_branch_nothing_is_merged_unseen(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = approved(&mut play).await;
    let branch = play.project.merge_request(number).unwrap().source_branch;
    play.project.delete_branch(AUTHOR, &branch).unwrap();
    play.settle().await;
    let asked = play.says(OWNER, number, "/model publish").await;
    let reply = play.reply(number, asked);
    match forge {
        // It stays open, and cannot be merged.
        ForgeKind::GitLab => assert!(reply.contains("not-mergeable"), "{reply}"),
        // It is closed with its branch.
        ForgeKind::GitHub => assert!(reply.contains("closed"), "{reply}"),
    }
    assert!(play.project.merge_request(number).unwrap().merge_commit().is_none());
    play.ends().await;
}

async fn a_fork_that_is_deleted_leaves_what_was_offered(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    play.says(OWNER, number, &format!("/model run {}", head(&play, number))).await;
    play.builds(number, "weights").await;
    fork.delete(OUTSIDER).unwrap();
    play.settle().await;
    match forge {
        // GitLab closes what came from it.
        ForgeKind::GitLab => {
            assert_eq!(play.project.merge_request(number).unwrap().state, MergeRequestState::Closed);
            assert!(play.report(number).contains("Reopen"), "{}", play.report(number));
            let asked = play.says(OWNER, number, "/model publish").await;
            assert!(play.reply(number, asked).contains("closed"));
        }
        // GitHub keeps the commits under the pull request's own name: all goes on, still as from outside.
        ForgeKind::GitHub => {
            play.measures(number, GOOD).await;
            assert_eq!(play.label(number), "model::review", "{}", play.report(number));
            let asked = play.says(OWNER, number, "/model run").await;
            assert!(play.reply(number, asked).contains("sha-required"));
            play.says(OWNER, number, "/model approve").await;
            play.says(OWNER, number, "/model publish").await;
            play.publishes().await;
            assert_eq!(play.label(number), "model::published", "{}", play.report(number));
        }
    }
    play.ends().await;
}

async fn without_its_target_branch_nothing_is_merged_until_it_is_back(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let next = play.project.branch_off(OWNER, "next", &main, &[], "Next").unwrap();
    let number = play.opens("Train longer").await;
    play.project.retarget(AUTHOR, number, "next").unwrap();
    play.settle().await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.project.delete_branch(OWNER, "next").unwrap();
    play.settle().await;
    play.passes(Duration::from_secs(60)).await;
    if forge == ForgeKind::GitHub {
        // It is closed with the branch that it wanted into.
        assert_eq!(play.project.merge_request(number).unwrap().state, MergeRequestState::Closed);
        assert!(play.report(number).contains("Reopen"), "{}", play.report(number));
        play.ends().await;
        return;
    }
    let report = play.report(number);
    assert!(report.contains("does not exist any more") && report.contains("Restore"), "{report}");
    let asked = play.says_later(OWNER, number, "/model publish").await;
    assert!(play.reply(number, asked).contains("not-default-branch"));
    play.project.branch_off(OWNER, "again", &next, &[], "").map(drop).unwrap();
    play.project.force(OWNER, "next", &next).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    assert!(!play.report(number).contains("does not exist any more"));
    play.ends().await;
}

/// The parents of the head.
fn parents(play: &Play, number: u64) -> usize {
    let head = play.project.merge_request(number).unwrap().head;
    let folder = play.project.git_folder().unwrap();
    let told = std::process::Command::new("git")
        .arg("--git-dir")
        .arg(folder)
        .args(["rev-list", "--parents", "-n", "1", head.as_str()])
        .output()
        .unwrap();
    String::from_utf8(told.stdout)
        .unwrap()
        .split_whitespace()
        .filter_map(|name| name.parse::<Sha>().ok())
        .count()
        - 1
}

async fn the_target_merged_in_by_the_button_is_another_head(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = approved(&mut play).await;
    let cleaned = File::write("models/iris/clean.py", "pass\n");
    play.project.push(OWNER, "main", &[cleaned], "Clean the data").unwrap();
    play.project.update_branch(AUTHOR, number).unwrap();
    play.settle().await;
    assert_eq!(parents(&play, number), 2, "the head is a merge commit");
    assert_eq!(play.label(number), "model::building");
    let report = play.report(number);
    assert!(report.contains("is void"), "{report}");
    let early = play.says(OWNER, number, "/model publish").await;
    assert!(!play.reply(number, early).is_empty());
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn the_target_merged_into_a_fork_by_the_button_needs_another_word(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    play.says(OWNER, number, &format!("/model run {}", head(&play, number))).await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.project.push(OWNER, "main", &[File::write("README.md", "other models\n")], "Say more").unwrap();
    play.project.update_branch(OUTSIDER, number).unwrap();
    play.settle().await;
    assert_eq!(waiting(&play), Vec::<String>::new());
    let said = format!("/model run {}", head(&play, number));
    assert!(play.report(number).contains(&said), "{}", play.report(number));
    play.says(OWNER, number, &said).await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}
