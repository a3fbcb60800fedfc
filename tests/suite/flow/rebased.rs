//! Merge requests of several commits that are put upon the target branch one by one: what they were put upon
//! is none of them.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{File, MergeMethods, MergeStyle};

use super::forges::on_both_forges;
use super::outcome::GOOD;
use super::play::{AUTHOR, OWNER};
use super::{IRIS, Play};

on_both_forges! {
    several_commits_put_upon_the_base_one_by_one_are_published,
    what_the_target_branch_changed_meanwhile_is_seen_below_them,
    the_policy_that_they_bring_does_not_judge_them_anew,
}

fn file(name: &str, text: &str) -> File {
    File::write(&format!("models/iris/{name}"), format!("{text}\n"))
}

/// The usual stage, where merge requests are put upon the target branch commit by commit.
async fn start(forge: ForgeKind) -> Play {
    let play = Play::with(forge, &format!("{IRIS}    publish: {{merge: rebase}}\n")).await;
    match forge {
        ForgeKind::GitLab => play.project.merge_style(MergeStyle::FastForward).unwrap(),
        ForgeKind::GitHub => {
            play.project.merge_methods(MergeMethods { merge: false, squash: false, rebase: true }).unwrap();
        }
    }
    play
}

/// A merge request of three commits that are judged good and approved.
async fn approved(play: &mut Play) -> u64 {
    let number = play.opens("Train longer").await;
    for (name, text) in [("schedule.json", "{}"), ("params.json", "{\"epochs\": 9}")] {
        play.pushes(number, &[file(name, text)]).await;
    }
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    number
}

/// Somebody merges at the forge.
fn merges(play: &Play, login: &str, number: u64) {
    match play.forge {
        ForgeKind::GitLab => play.project.merge(login, number).unwrap(),
        ForgeKind::GitHub => play.project.rebase_merge(login, number).unwrap(),
    };
}

async fn several_commits_put_upon_the_base_one_by_one_are_published(forge: ForgeKind) {
    let mut play = start(forge).await;
    let number = approved(&mut play).await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    let tag = play.project.tags().unwrap().remove(0);
    assert_eq!(tag.commit, play.project.branch("main").unwrap());
    play.ends().await;
}

async fn what_the_target_branch_changed_meanwhile_is_seen_below_them(forge: ForgeKind) {
    let mut play = start(forge).await;
    let number = approved(&mut play).await;
    play.project.push(OWNER, "main", &[file("clean.py", "pass")], "Clean the data").unwrap();
    if forge == ForgeKind::GitLab {
        // Nothing is fast-forwarded past that.
        assert!(play.project.merge(OWNER, number).is_err());
        play.settle().await;
        assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    } else {
        merges(&play, OWNER, number);
        play.settle().await;
        assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
        assert!(play.report(number).contains("clean.py"), "{}", play.report(number));
    }
    assert_eq!(play.tags(), Vec::<String>::new());
    play.ends().await;
}

async fn the_policy_that_they_bring_does_not_judge_them_anew(forge: ForgeKind) {
    let mut play = start(forge).await;
    let main = play.project.branch("main").unwrap();
    let policy = String::from_utf8(play.project.file(".mergewright.yml", "main").unwrap()).unwrap();
    let weak = policy.replace("approvals: 1", &format!("approvals: 0, owners: [\"@{AUTHOR}\"]"));
    assert_ne!(weak, policy);
    let weak = [File::write(".mergewright.yml", weak)];
    play.project.branch_off(AUTHOR, "own-rules", &main, &weak, "Rule myself").unwrap();
    play.project.push(AUTHOR, "own-rules", &[file("params.json", "{\"epochs\": 1}")], "Train").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "own-rules", "Rule myself").unwrap();
    // Before the bot has looked at it once.
    merges(&play, OWNER, number);
    play.settle().await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    let comment = play.says(AUTHOR, number, "/model publish").await;
    assert!(play.reply(number, comment).contains("not-owner"), "the author owns nothing by the rules before");
    let report = play.report(number);
    assert!(report.contains(main.as_str()), "judged upon what it was put upon: {report}");
    play.ends().await;
}
