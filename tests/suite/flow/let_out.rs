//! The bot as an App that is let out while it works, by people who may do that any day.

use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::Manner;

use super::IRIS;
use super::Play;
use super::outcome::GOOD;
use super::play::{OWNER, founded_at, usual_files};

const AN_HOUR: Duration = Duration::from_secs(3600);

/// An approval that was decided about, with all that follows still to be written.
async fn decided() -> (Play, u64) {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.comment(OWNER, number, "/model approve").unwrap();
    play.hears().await;
    assert_eq!(play.label(number), "model::review");
    (play, number)
}

#[tokio::test]
async fn suspended_between_a_decision_and_its_writes_it_loses_none_of_them() {
    let (mut play, number) = decided().await;
    let app = play.signed_in.clone().unwrap();
    // Its token lasts, and is not taken any more.
    app.suspend("group", true).unwrap();
    play.settle().await;
    play.passes(AN_HOUR).await;
    assert_eq!(play.label(number), "model::review", "nothing can be written");
    let told = play.errors();
    assert!(!told.is_empty() && told.iter().all(|one| one.contains("at `group` is suspended")), "{told:?}");
    app.suspend("group", false).unwrap();
    play.passes(AN_HOUR).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.errors();
    play.ends().await;
}

#[tokio::test]
async fn installed_anew_between_a_decision_and_its_writes_it_goes_on_under_the_new_installation() {
    let (mut play, number) = decided().await;
    let app = play.signed_in.clone().unwrap();
    app.uninstall("group").unwrap();
    app.install("group").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

#[tokio::test]
async fn installed_anew_the_next_sweep_finds_what_was_said_meanwhile() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    let app = play.signed_in.clone().unwrap();
    app.uninstall("group").unwrap();
    // Nobody tells an App what happens where it is not installed.
    play.project.comment(OWNER, number, "/model approve").unwrap();
    play.passes(AN_HOUR).await;
    play.app.reconcile.sweep().await.unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::review");

    app.install("group").unwrap();
    play.passes(Duration::from_secs(60)).await;
    play.app.reconcile.sweep().await.unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

#[tokio::test]
async fn a_repository_that_moves_to_another_organization_is_worked_on_there() {
    let (mut play, number) = decided().await;
    play.signed_in.as_ref().unwrap().install("other").unwrap();
    play.project.rename("other/models").unwrap();
    play.passes(Duration::from_secs(60)).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

#[tokio::test]
async fn taken_out_of_the_installation_nothing_counts_as_missing_and_put_back_it_goes_on() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    let report = play.report(number);
    let app = play.signed_in.clone().unwrap();
    let _other = play.sandbox.create_project("group/other").unwrap();
    play.project.comment(OWNER, number, "/model approve").unwrap();
    app.install_for("group", &["group/other"]).unwrap();
    play.passes(Duration::from_secs(60)).await;
    assert_eq!(play.report(number), report, "no word of a configuration or a comment that is gone");
    app.install("group").unwrap();
    play.passes(AN_HOUR).await;
    assert_eq!(play.label(number), "model::ready", "the comment was not lost: {}", play.report(number));
    play.ends().await;
}

#[tokio::test]
async fn a_right_that_is_taken_back_is_named_and_what_needs_it_not_goes_on() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    let app = play.signed_in.clone().unwrap();
    app.grant("group", "checks", Some("read")).unwrap();
    // Tokens keep what they had.
    play.passes(AN_HOUR).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    let told = play.errors();
    assert!(!told.is_empty() && told.iter().all(|one| one.contains("write access to checks")), "{told:?}");
    let dead = play.app.store.dead_effects(99).await.unwrap().len();
    play.ends_with_dead_effects(dead.min(10)).await;
}

#[tokio::test]
async fn one_organization_that_suspends_it_is_told_once_and_keeps_nothing_from_the_others() {
    let mut play = Play::as_app().await;
    let app = play.signed_in.clone().unwrap();
    let other = founded_at(&play.sandbox, "other/models", &usual_files(ForgeKind::GitHub, IRIS));
    app.install("other").unwrap();
    let number = play.candidate("Train longer", GOOD).await;
    let first = std::mem::replace(&mut play.project, other);
    let elsewhere = play.candidate("Train wider", GOOD).await;
    first.comment(OWNER, number, "/model approve").unwrap();
    play.hears().await;
    app.suspend("group", true).unwrap();
    for verb in ["approve", "hold", "unhold"] {
        // Of what is said there no webhook tells, and the first organization's turn comes first.
        play.clock.advance(Duration::from_secs(1));
        play.project.comment(OWNER, elsewhere, &format!("/model {verb}")).unwrap();
        play.sandbox.deliver(&nothing()).await;
        play.app.reconcile.sweep().await.unwrap();
        play.passes(AN_HOUR).await;
    }
    assert_eq!(play.label(elsewhere), "model::ready", "{}", play.report(elsewhere));
    assert_eq!(play.audit("command").await.len(), 4, "one there, three here");
    let told = play.errors();
    assert!((1..=2).contains(&told.len()), "by those who decide and those who write, once each: {told:?}");
    assert!(told.iter().all(|one| one.contains("at `group` is suspended")), "{told:?}");

    app.suspend("group", false).unwrap();
    play.passes(AN_HOUR).await;
    play.project = first;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

/// Every delivery is lost.
fn nothing() -> Manner {
    Manner { keep: Some(Arc::new(|_| false)), ..Manner::default() }
}
