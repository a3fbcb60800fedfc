//! Which runs speak of a head: only those that measured exactly it, in the file that its target gives.

use mergewright::domain::ForgeKind;

use super::Play;
use super::forges::on_both_forges;
use super::outcome::GOOD;
use super::play::{ALL_GOOD, AUTHOR};

on_both_forges! {
    a_run_by_hand_of_another_commit_says_nothing_of_the_head,
}

/// Below the gate's minimum.
const POOR: &str = r#"{"accuracy": 0.80, "latency_ms": 12}"#;

/// Build and test of a run end well with these weights and numbers.
async fn runs_through(play: &mut Play, run: u64, weights: &str, metrics: &str) {
    let files = [("models/iris/model.json", weights.as_bytes())];
    play.project.job_succeeds(run, "iris:build", "trained\n", &files).unwrap();
    let files =
        [("models/iris/metrics.json", metrics.as_bytes()), ("models/iris/junit.xml", ALL_GOOD.as_bytes())];
    play.project.job_succeeds(run, "iris:test", "evaluated\n", &files).unwrap();
    play.settle().await;
}

async fn a_run_by_hand_of_another_commit_says_nothing_of_the_head(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let other = play.candidate("Train well", GOOD).await;
    let good = play.project.merge_request(other).unwrap().head.to_string();
    let number = play.candidate("Train longer", POOR).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    let head = play.project.merge_request(number).unwrap().head.to_string();
    let by_hand = |commit: &str| {
        let order =
            [("MERGEWRIGHT_ACTION", "run"), ("MERGEWRIGHT_MODEL", "iris"), ("MERGEWRIGHT_COMMIT", commit)];
        play.project.run_pipeline(AUTHOR, "train-longer", &order)
    };
    if forge == ForgeKind::GitLab {
        let refused = by_hand(&good).unwrap_err().to_string();
        assert!(refused.contains("rules configuration prevented"), "{refused}");
        play.ends().await;
        return;
    }
    let of_other = by_hand(&good).unwrap();
    runs_through(&mut play, of_other, "well", GOOD).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(play.report(number).contains("| `accuracy` | 0.8 |"), "{}", play.report(number));
    // Whoever asks for the head itself asks for what the bot would ask for.
    let order =
        [("MERGEWRIGHT_ACTION", "run"), ("MERGEWRIGHT_MODEL", "iris"), ("MERGEWRIGHT_COMMIT", head.as_str())];
    let of_head = play.project.run_pipeline(AUTHOR, "train-longer", &order).unwrap();
    runs_through(&mut play, of_head, "longer", GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}
