//! Whoever asks for changes by the forge's own review is waited for.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{File, Role};

use super::Play;
use super::forges::on_both_forges;
use super::play::OWNER;

on_both_forges! {
    requested_changes_block_until_whoever_asked_approves,
    requested_changes_that_are_overruled_at_the_forge_block_no_more,
    a_new_head_does_not_wipe_out_what_was_asked_for,
    what_a_stranger_asks_for_is_advice,
    a_request_for_changes_after_an_approval_takes_it_back,
    merged_by_a_person_in_spite_of_it_is_not_published,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;

/// A good candidate that alice approved.
async fn approved(forge: ForgeKind) -> (Play, u64) {
    let mut play = Play::start(forge).await;
    for (login, role) in [("carol", Role::Developer), ("zoe", Role::Reporter)] {
        play.project.member(login, role).unwrap();
    }
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    (play, number)
}

async fn asks_for_changes(play: &mut Play, login: &str, number: u64) {
    play.clock.advance(std::time::Duration::from_secs(1));
    play.project.request_changes(login, number, "Not like this.").unwrap();
    play.settle().await;
}

/// The description of a status on the head.
fn described(play: &Play, number: u64, context: &str) -> String {
    let head = play.project.merge_request(number).unwrap().head;
    play.project.statuses(&head).unwrap()[context].description.clone().unwrap_or_default()
}

async fn requested_changes_block_until_whoever_asked_approves(forge: ForgeKind) {
    let (mut play, number) = approved(forge).await;
    asks_for_changes(&mut play, "carol", number).await;
    assert_eq!(play.label(number), "model::review");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    let report = play.report(number);
    assert!(report.contains("Changes requested by") && report.contains("carol"), "{report}");
    assert_eq!(
        described(&play, number, "mergewright/iris/review"),
        "not decided yet: the report says what is awaited"
    );
    let asked = play.says(OWNER, number, "/model publish").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("`changes-requested`") && reply.contains("carol"), "{reply}");

    play.clock.advance(std::time::Duration::from_secs(1));
    play.project.approve("carol", number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    play.ends().await;
}

async fn requested_changes_that_are_overruled_at_the_forge_block_no_more(forge: ForgeKind) {
    let (mut play, number) = approved(forge).await;
    asks_for_changes(&mut play, "carol", number).await;
    assert_eq!(play.label(number), "model::review");
    play.project.overrule(OWNER, number, "carol").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn a_new_head_does_not_wipe_out_what_was_asked_for(forge: ForgeKind) {
    let (mut play, number) = approved(forge).await;
    asks_for_changes(&mut play, "carol", number).await;
    play.pushes(number, &[File::write("models/iris/params.json", "{\"epochs\": 30}\n")]).await;
    play.builds(number, "second").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::review");
    assert!(play.report(number).contains("Changes requested by"), "{}", play.report(number));
    play.ends().await;
}

async fn what_a_stranger_asks_for_is_advice(forge: ForgeKind) {
    let (mut play, number) = approved(forge).await;
    asks_for_changes(&mut play, "zoe", number).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn a_request_for_changes_after_an_approval_takes_it_back(forge: ForgeKind) {
    let (mut play, number) = approved(forge).await;
    asks_for_changes(&mut play, OWNER, number).await;
    assert_eq!(play.label(number), "model::review");
    assert!(play.report(number).contains("0 of 1"), "{}", play.report(number));
    // A command does not say what became of the review at the forge.
    let asked = play.says(OWNER, number, "/model approve").await;
    assert!(play.reply(number, asked).contains("`changes-requested`"));
    assert_eq!(play.label(number), "model::review");
    play.clock.advance(std::time::Duration::from_secs(1));
    play.project.approve(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn merged_by_a_person_in_spite_of_it_is_not_published(forge: ForgeKind) {
    let (mut play, number) = approved(forge).await;
    asks_for_changes(&mut play, "carol", number).await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(play.tags().is_empty());
    play.ends().await;
}
