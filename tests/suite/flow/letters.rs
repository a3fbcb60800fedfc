//! What was given up, put back to work by an operator: the program itself, as another process beside the
//! bot that works on the same database.

use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::Fault;
use serde_json::Value;

use super::Play;
use super::forges::on_both_forges;
use super::operator::asks;
use super::outcome::{GOOD, end, once_each, published, sent};
use super::play::{HUB_SECRET, OWNER, SIGNING_TOKEN};

on_both_forges! {
    a_command_that_became_a_dead_letter_is_replayed_by_the_operator_and_acts_once,
    a_dead_letter_that_was_done_meanwhile_is_replayed_without_effect,
    of_what_was_done_in_part_only_the_rest_is_done_again,
}

/// Asks the program about deliveries: exit status, standard output and standard error.
fn deliveries(play: &Play, words: &[&str]) -> (Option<i32>, String, String) {
    asks(play, &[&["deliveries"], words].concat())
}

/// The same where it answers with JSON.
fn data(play: &Play, words: &[&str]) -> Value {
    let (status, out, err) = deliveries(play, &[words, &["--json"]].concat());
    assert_eq!(status, Some(0), "{words:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

/// The only dead letter's id.
fn the_dead_one(play: &Play) -> String {
    let dead = data(play, &["list", "--dead"]);
    let dead = dead.as_array().unwrap();
    assert_eq!(dead.len(), 1, "{dead:?}");
    dead[0]["id"].as_str().unwrap().to_owned()
}

/// The owner's command meets a forge that answers nothing but no, until it is given up.
async fn dies(play: &mut Play, number: u64, text: &str) -> String {
    play.parts_the_bots();
    play.sandbox.choose_failures(Some(std::sync::Arc::new(|_, _| Some(Fault::status(400)))));
    play.says(OWNER, number, text).await;
    for _ in 0..8 {
        play.passes(Duration::from_secs(300)).await;
    }
    play.sandbox.choose_failures(None);
    // Whatever else of the merge request waits for the forge is done.
    play.passes(Duration::from_secs(300)).await;
    let told = play.errors();
    assert!(told.len() == 1 && told[0].contains("dead_job"), "{told:?}");
    the_dead_one(play)
}

async fn a_command_that_became_a_dead_letter_is_replayed_by_the_operator_and_acts_once(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    let id = dies(&mut play, number, "/model publish").await;
    let shown = data(&play, &["show", &id, "--payload"]);
    assert_eq!((&shown["outcome"], &shown["jobs"][0]["status"]), (&"dead".into(), &"dead".into()));
    assert_eq!(shown["jobs"][0]["tries"], 8);
    assert!(shown["reason"].as_str().unwrap().len() > 10, "{shown}");
    assert!(shown["payload"].to_string().contains("/model publish"), "{shown}");
    let (status, text, _) = deliveries(&play, &["show", &id]);
    assert_eq!(status, Some(0));
    assert!(
        text.contains(&id) && text.contains("outcome dead") && !text.contains("/model publish"),
        "{text}"
    );
    for secret in [HUB_SECRET, SIGNING_TOKEN, play.bot.token()] {
        assert!(!text.contains(secret) && !shown.to_string().contains(secret));
    }

    let back = data(&play, &["retry", &id]);
    assert_eq!((&back["jobs"], &back["calls"]), (&1.into(), &0.into()));
    let (status, _, err) = deliveries(&play, &["retry", &id]);
    assert_eq!(status, Some(1));
    assert!(err.contains("tried again by itself"), "{err}");
    play.settle().await;
    play.publishes().await;
    assert_eq!(end(&play, number), published(forge));
    assert_eq!(sent(&play), once_each());

    let (status, _, err) = deliveries(&play, &["retry", &id]);
    assert_eq!(status, Some(1));
    assert!(err.contains("it was done"), "{err}");
    play.settle().await;
    assert_eq!(sent(&play), once_each());
    assert_eq!(data(&play, &["list", "--dead"]), Value::Array(vec![]));
    play.ends().await;
}

async fn a_dead_letter_that_was_done_meanwhile_is_replayed_without_effect(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    let id = dies(&mut play, number, "/model publish").await;
    // The sweep finds the comment at the forge.
    play.app.reconcile.sweep().await.unwrap();
    play.settle().await;
    play.publishes().await;
    assert_eq!(end(&play, number), published(forge));
    assert_eq!(data(&play, &["retry", &id])["jobs"], 1);
    play.settle().await;
    assert_eq!(end(&play, number), published(forge));
    assert_eq!(sent(&play), once_each());
    play.ends().await;
}

async fn of_what_was_done_in_part_only_the_rest_is_done_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.meets(1, "label", Fault::status(403));
    let number = play.opens("Train longer").await;
    let told = play.errors();
    assert!(told.len() == 1 && told[0].contains("dead_effect"), "{told:?}");
    assert_eq!(play.label(number), "");
    let before = sent(&play);
    assert_eq!(before.get("comment"), Some(&1), "the report was written");
    let statuses = end(&play, number).statuses;

    let id = the_dead_one(&play);
    let shown = data(&play, &["show", &id]);
    let ended = |status: &str| {
        shown["calls"].as_array().unwrap().iter().filter(|call| call["status"] == *status).count()
    };
    assert_eq!((&shown["outcome"], ended("dead")), (&"done".into(), 1), "{shown}");
    assert!(ended("done") > 0, "{shown}");
    assert_eq!(data(&play, &["retry", &id])["calls"], 1);
    let (status, _, err) = deliveries(&play, &["retry", &id]);
    assert_eq!(status, Some(1), "{err}");
    play.settle().await;
    assert_eq!(play.label(number), "model::building");
    assert_eq!((sent(&play), end(&play, number).statuses), (before, statuses), "nothing else was sent again");
    play.ends().await;
}
