//! Several merge requests with one head: a status stands on the commit, and must not say more than any of them.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::File;

use super::Play;
use super::forges::on_both_forges;
use super::play::{AUTHOR, OWNER};

on_both_forges! {
    a_second_merge_request_of_the_head_does_not_make_the_first_one_green,
    what_a_merge_request_said_of_the_head_ends_with_it,
}

const GOOD: &str = r#"{"accuracy": 0.95, "latency_ms": 12}"#;

/// A candidate whose newest commit touches no model, and a branch that has the model's change already.
async fn judged(play: &mut Play) -> u64 {
    let main = play.project.branch("main").unwrap();
    let change = [File::write("models/iris/params.json", "{\"epochs\": 9}\n")];
    let weak = play.project.branch_off(AUTHOR, "weak", &main, &change, "Train longer").unwrap();
    let words = [File::write("README.md", "Trained longer.\n")];
    play.project.branch_off(AUTHOR, "longer", &weak, &words, "Say so").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "longer", "Train longer").unwrap();
    play.settle().await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    number
}

/// The same branch into the one where nothing is left to be judged.
async fn opens_into_weak(play: &mut Play) -> u64 {
    let number = play.project.open_merge_request_into(AUTHOR, "longer", "weak", "Reword").unwrap();
    play.settle().await;
    number
}

/// What a required status, or check, of the merge request comes to. At GitLab it stands in a pipeline.
fn umbrella(play: &Play, number: u64) -> (String, String) {
    let shown = play.project.merge_request(number).unwrap();
    if play.signed_in.is_some() {
        let check = play.project.checks(&shown.head).unwrap().remove("mergewright").unwrap();
        return (check.conclusion.unwrap_or(check.status), check.title.unwrap_or_default());
    }
    let run = (play.forge == ForgeKind::GitLab).then(|| play.run(number, "iris"));
    let status = play.project.status_in(&shown.head, run, "mergewright").unwrap();
    (status.state, status.description.unwrap_or_default())
}

/// How often the umbrella was written.
fn writes(play: &Play) -> usize {
    let requests = play.sandbox.requests();
    let writes = requests.iter().filter(|one| matches!(one.method.as_str(), "POST" | "PATCH"));
    let writes = writes.filter(|one| one.url.contains("/statuses/") || one.url.contains("check-runs"));
    writes.count()
}

async fn a_second_merge_request_of_the_head_does_not_make_the_first_one_green(forge: ForgeKind) {
    does_not_make_it_green(Play::start(forge).await).await;
}

#[tokio::test]
async fn a_second_pull_request_of_the_head_does_not_make_the_first_ones_check_green() {
    does_not_make_it_green(Play::as_app().await).await;
}

async fn does_not_make_it_green(mut play: Play) {
    let pending = if play.signed_in.is_some() { "in_progress" } else { "pending" };
    let first = judged(&mut play).await;
    assert_eq!(umbrella(&play, first).0, pending);
    let second = opens_into_weak(&mut play).await;
    let (value, why) = umbrella(&play, first);
    assert_eq!(value, pending, "{why}");
    if play.forge == ForgeKind::GitHub {
        assert_eq!(umbrella(&play, second), (value, why), "it stands on the commit");
    }
    let before = writes(&play);
    play.passes(std::time::Duration::from_secs(600)).await;
    assert_eq!(writes(&play), before, "nothing is said twice");

    play.says(OWNER, first, "/model approve").await;
    assert_eq!(umbrella(&play, first).0, "success");
    play.says(OWNER, first, "/model unapprove").await;
    assert_eq!(umbrella(&play, first).0, pending, "whoever wrote last");
    play.says(OWNER, first, "/model approve").await;
    assert_eq!(umbrella(&play, first).0, "success");
    play.project.set_draft(AUTHOR, second, true).unwrap();
    play.settle().await;
    play.ends().await;
}

async fn what_a_merge_request_said_of_the_head_ends_with_it(forge: ForgeKind) {
    ends_with_it(Play::start(forge).await).await;
}

#[tokio::test]
async fn what_a_pull_request_said_by_a_check_ends_with_it() {
    ends_with_it(Play::as_app().await).await;
}

async fn ends_with_it(mut play: Play) {
    let first = judged(&mut play).await;
    play.says(OWNER, first, "/model approve").await;
    assert_eq!(umbrella(&play, first).0, "success");
    // The same head into a branch whose policy nobody can read.
    let weak = play.project.branch("weak").unwrap();
    let broken = [File::write(".mergewright.yml", "version: 9\n")];
    play.project.branch_off(OWNER, "broken", &weak, &broken, "Break").unwrap();
    let second = play.project.open_merge_request_into(AUTHOR, "longer", "broken", "Train too").unwrap();
    play.settle().await;
    let (value, why) = umbrella(&play, first);
    if play.forge == ForgeKind::GitLab {
        assert_eq!(value, "success", "each has a pipeline of its own: {why}");
    } else {
        assert_ne!(value, "success");
        assert_eq!(why, format!("#{second} has the same head and cannot be judged"));
    }
    play.project.close(AUTHOR, second).unwrap();
    play.settle().await;
    assert_eq!(umbrella(&play, first).0, "success");
    play.ends().await;
}
