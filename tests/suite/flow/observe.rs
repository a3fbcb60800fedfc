//! A bot that only observes decides like the bot that acts, and writes nothing.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::File;

use super::Play;
use super::forges::on_both_forges;
use super::outcome::GOOD;
use super::play::{AUTHOR, OWNER};

on_both_forges! {
    a_whole_lifecycle_is_observed_without_one_write,
    what_people_say_is_weighed_alike,
    a_merge_without_green_gates_is_seen_by_both,
}

async fn a_whole_lifecycle_is_observed_without_one_write(forge: ForgeKind) {
    let mut play = Play::observed(forge).await;
    let number = play.released("Train longer", GOOD).await;
    assert_eq!(play.label(number), "model::published", "by the one that acts");
    play.ends().await;
}

async fn what_people_say_is_weighed_alike(forge: ForgeKind) {
    let mut play = Play::observed(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    let own = play.says(AUTHOR, number, "/model approve").await;
    assert!(play.reply(number, own).contains("Refused"));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.pushes(number, &[File::write("models/iris/params.json", "{\"again\": 1}\n")]).await;
    play.builds(number, "other").await;
    play.measures(number, r#"{"accuracy": 0.2, "latency_ms": 12}"#).await;
    assert_eq!(play.label(number), "model::failed");
    play.ends().await;
}

async fn a_merge_without_green_gates_is_seen_by_both(forge: ForgeKind) {
    let mut play = Play::observed(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    play.ends().await;
}
