//! Commands that come faster than the forge can follow.

use std::time::Duration;

use mergewright::domain::ForgeKind;

use super::Play;
use super::forges::on_both_forges;
use super::play::{AUTHOR, OWNER};

on_both_forges! {
    a_run_asked_for_three_times_at_once_begins_once,
    what_is_stopped_slowly_begins_anew_once_it_has_ended,
    what_began_anew_is_stopped_again,
    what_is_called_off_before_it_began_does_not_stay,
    the_last_of_several_calls_for_a_run_is_the_one_that_stays,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;

/// How many build jobs wait for a runner.
fn waiting(play: &Play) -> usize {
    let jobs = play.project.waiting_jobs().unwrap();
    jobs.iter().filter(|job| job.name.ends_with(":build")).count()
}

async fn a_run_asked_for_three_times_at_once_begins_once(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Hasty").await;
    for text in ["/model run", "/model run\n\n/model run"] {
        play.project.comment(AUTHOR, number, text).unwrap();
        play.hears().await;
    }
    play.settle().await;
    assert_eq!(waiting(&play), 1, "one run, whatever was said");
    assert_eq!(play.audit("refusal").await, Vec::<String>::new());
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn what_is_stopped_slowly_begins_anew_once_it_has_ended(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Slow").await;
    let before = play.run(number, "iris");
    play.project.cancels_slowly().unwrap();
    play.says(AUTHOR, number, "/model run").await;
    play.says(AUTHOR, number, "/model run").await;
    // GitHub starts the same run again, and cannot before it has ended; GitLab starts another one.
    let live = if forge == ForgeKind::GitHub { 1 } else { 3 };
    assert_eq!(waiting(&play), live);
    let ended = play.project.cancelled_ends().unwrap();
    assert!(ended.contains(&before) && ended.len() == live.min(2), "{ended:?}");
    play.passes(Duration::from_secs(20)).await;
    assert_eq!(waiting(&play), 1, "{}", play.report(number));
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn what_began_anew_is_stopped_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Stop").await;
    for _ in 0..2 {
        play.says(AUTHOR, number, "/model run").await;
        assert_eq!(waiting(&play), 1);
        play.says(AUTHOR, number, "/model cancel").await;
        assert_eq!(waiting(&play), 0, "{}", play.report(number));
        assert!(play.report(number).contains("was cancelled"), "{}", play.report(number));
    }
    let nothing = play.says(OWNER, number, "/model cancel").await;
    assert!(play.reply(number, nothing).contains("`nothing-to-cancel`"));
    play.ends().await;
}

async fn what_is_called_off_before_it_began_does_not_stay(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Second thoughts").await;
    for text in ["/model run", "/model cancel"] {
        play.project.comment(AUTHOR, number, text).unwrap();
        play.hears().await;
    }
    play.settle().await;
    assert_eq!(waiting(&play), 0, "{}", play.report(number));
    play.says(AUTHOR, number, "/model run\n/model cancel\n/model run").await;
    assert_eq!(waiting(&play), 1, "{}", play.report(number));
    play.ends().await;
}

async fn the_last_of_several_calls_for_a_run_is_the_one_that_stays(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Moving").await;
    play.project.comment(AUTHOR, number, "/model run").unwrap();
    play.hears().await;
    // Before anything could begin, the base moves under it: it is to run once more.
    let file = mergewright::sandbox::File::write("models/iris/schedule.json", "{}\n");
    play.project.push(OWNER, "main", &[file], "Change it").unwrap();
    play.hears().await;
    play.settle().await;
    assert_eq!(waiting(&play), 1, "{}", play.report(number));
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}
