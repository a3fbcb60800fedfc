//! What is live in production is what a candidate is compared with, until the merge is decided about.

use mergewright::domain::ForgeKind;

use super::Play;
use super::environments::{brings, policy};
use super::forges::on_both_forges;
use super::play::OWNER;

on_both_forges! {
    what_is_worse_than_what_is_live_is_not_published_by_a_merge_by_hand,
    what_is_better_than_what_is_live_is_published_though_a_newer_version_is_better,
}

fn metrics(accuracy: &str) -> String {
    format!(r#"{{"accuracy": {accuracy}, "latency_ms": 12}}"#)
}

/// A stage on which version 1 is live in production with this accuracy.
async fn live(forge: ForgeKind, accuracy: &str) -> Play {
    let policy =
        policy().replace("baseline: previous", "baseline: production").replace("min: 0.90", "min: 0.80");
    let mut play = Play::with(forge, &policy).await;
    let number = play.released("Train longer", &metrics(accuracy)).await;
    for line in ["/model promote v1 staging", "/model promote v1 production"] {
        brings(&mut play, number, line).await;
    }
    play
}

async fn what_is_worse_than_what_is_live_is_not_published_by_a_merge_by_hand(forge: ForgeKind) {
    let mut play = live(forge, "0.95").await;
    // The newest version is a weak one that an owner let through.
    let weak = play.candidate("Train less", &metrics("0.90")).await;
    play.says(OWNER, weak, "/model waive accuracy an experiment").await;
    play.says(OWNER, weak, "/model approve").await;
    play.says(OWNER, weak, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(weak), "model::published", "{}", play.report(weak));

    let number = play.candidate("Train again", &metrics("0.89")).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(play.report(number).contains("loses 0.06"), "{}", play.report(number));
    play.says(OWNER, number, "/model approve").await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    let report = play.report(number);
    assert!(report.contains("Compared with v1, which is live in production"), "{report}");
    assert!(report.contains("before build, test and review were green"), "{report}");
    assert_eq!(play.label(number), "model::failed", "{report}");
    assert_eq!(play.project.waiting_jobs().unwrap().len(), 0, "nothing is published");
    play.ends().await;
}

async fn what_is_better_than_what_is_live_is_published_though_a_newer_version_is_better(forge: ForgeKind) {
    let mut play = live(forge, "0.90").await;
    play.released("Train better", &metrics("0.95")).await;
    let number = play.released("Train again", &metrics("0.93")).await;
    let report = play.report(number);
    assert!(report.contains("Compared with v1, which is live in production"), "{report}");
    play.ends().await;
}
