//! Webhooks that never came: the bot asks the forge what it missed, and comes to the same end.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::reconcile::Swept;
use mergewright::sandbox::{Delivery, Fault, Filter};

use super::Play;
use super::forges::on_both_forges;
use super::outcome::{End, GOOD, end, once_each, published, sent};
use super::play::{AUTHOR, BOT, IRIS, OWNER};

on_both_forges! {
    without_a_single_webhook_a_model_is_published,
    whatever_is_lost_a_sweep_makes_up_for,
    #[ignore = "takes minutes: many histories with losses"]
    whatever_is_lost_a_sweep_makes_up_for_in_many_histories,
    a_quiet_repository_costs_two_questions_a_sweep,
    what_was_merged_closed_or_pushed_while_we_were_deaf_is_seen,
    a_comment_that_was_changed_is_no_command_and_a_lost_one_is,
    a_forge_that_does_not_answer_is_asked_about_the_same_time_again,
    a_repository_that_is_not_served_is_not_asked_about,
}

/// Names the repository: where nothing was ever delivered, a pattern alone could not be asked for.
pub(super) const BY_NAME: &str = "repositories: [\"group/models\"]\n";

/// As long as the bot waits between two sweeps.
const PERIOD: Duration = Duration::from_secs(300);

/// A period passes, the bot asks what it missed, and works until nothing moves any more.
pub(super) async fn sweeps(play: &mut Play) -> Swept {
    play.clock.advance(PERIOD);
    let swept = play.app.reconcile.sweep().await.unwrap();
    play.settle().await;
    swept
}

pub(super) fn none() -> Option<Filter> {
    Some(Arc::new(|_: &Delivery| false))
}

async fn without_a_single_webhook_a_model_is_published(forge: ForgeKind) {
    let mut play = Play::serving(forge, IRIS, BY_NAME).await;
    play.manner.keep = none();
    let number = play.opens("Train longer").await;
    assert_eq!(play.label(number), "", "nobody told us");
    sweeps(&mut play).await;
    assert_eq!(play.label(number), "model::building");
    play.builds(number, "weights").await;
    sweeps(&mut play).await;
    play.measures(number, GOOD).await;
    sweeps(&mut play).await;
    assert_eq!(play.label(number), "model::review");
    play.says(OWNER, number, "/model approve").await;
    sweeps(&mut play).await;
    assert_eq!(play.label(number), "model::ready");
    play.says(OWNER, number, "/model publish").await;
    sweeps(&mut play).await;
    play.publishes().await;
    sweeps(&mut play).await;
    assert_eq!(end(&play, number), published(forge));
    assert_eq!(sent(&play), once_each());
    play.ends().await;
}

/// Draws which deliveries are lost: about half of them, each by its own number.
pub(super) fn half(seed: u64) -> Option<Filter> {
    Some(Arc::new(move |delivery: &Delivery| {
        fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003) ^ delivery.number).bool()
    }))
}

async fn any_subset(forge: ForgeKind, seeds: std::ops::Range<u64>) {
    let mut lost = 0;
    for seed in seeds.clone() {
        let mut play = Play::serving(forge, IRIS, BY_NAME).await;
        play.manner.keep = half(seed);
        let number = play.opens("Train longer").await;
        play.builds(number, "weights").await;
        play.measures(number, GOOD).await;
        sweeps(&mut play).await;
        assert_eq!(play.label(number), "model::review", "seed {seed}");
        for command in ["/model approve", "/model publish"] {
            // One after the other, as people do who look at what came of the first: a `publish` that is
            // heard without its `approve` is refused, and that is an answer.
            play.says(OWNER, number, command).await;
            sweeps(&mut play).await;
        }
        play.publishes().await;
        sweeps(&mut play).await;
        assert_eq!(end(&play, number), published(forge), "seed {seed}");
        assert_eq!(sent(&play), once_each(), "seed {seed}");
        lost += play.sandbox.deliveries().iter().filter(|delivery| delivery.answer.is_none()).count();
        play.ends().await;
    }
    let said = format!("any subset of deliveries lost: {} histories, {lost} lost in all\n", seeds.count());
    std::io::stdout().write_all(said.as_bytes()).unwrap();
}

async fn whatever_is_lost_a_sweep_makes_up_for(forge: ForgeKind) {
    any_subset(forge, 0..4).await;
}

async fn whatever_is_lost_a_sweep_makes_up_for_in_many_histories(forge: ForgeKind) {
    any_subset(forge, 4..30).await;
}

async fn a_quiet_repository_costs_two_questions_a_sweep(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    // What was to be looked at again while the jobs ran rings for the last time.
    play.passes(Duration::from_secs(3600)).await;
    sweeps(&mut play).await;
    sweeps(&mut play).await;
    let before = play.sandbox.requests().len();
    let swept = sweeps(&mut play).await;
    let asked = play.sandbox.requests().split_off(before);
    let asked: Vec<_> =
        asked.iter().map(|one| one.url.split('?').next().unwrap().rsplit('/').next().unwrap()).collect();
    match forge {
        ForgeKind::GitLab => assert_eq!(asked, ["merge_requests", "branches"]),
        // The first answer, the repository's name, costs nothing while it is still the same.
        ForgeKind::GitHub => assert_eq!(asked, ["101", "pulls", "main"]),
    }
    assert_eq!(swept, Swept { repositories: 1, ..Swept::default() });
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn what_was_merged_closed_or_pushed_while_we_were_deaf_is_seen(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let merged = play.candidate("Merged by hand", GOOD).await;
    let closed = play.candidate("Closed", GOOD).await;
    let pushed = play.candidate("Pushed", GOOD).await;
    play.manner.keep = none();
    play.project.merge(OWNER, merged).unwrap();
    play.project.close(AUTHOR, closed).unwrap();
    let file = mergewright::sandbox::File::write("models/iris/params.json", "{\"other\": true}\n");
    play.pushes(pushed, &[file]).await;
    sweeps(&mut play).await;
    assert_eq!(play.label(merged), "model::failed", "nobody approved it: {}", play.report(merged));
    assert!(play.report(closed).to_lowercase().contains("closed"), "{}", play.report(closed));
    assert_eq!(play.label(pushed), "model::building", "{}", play.report(pushed));
    play.ends().await;
}

async fn a_comment_that_was_changed_is_no_command_and_a_lost_one_is(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.manner.keep = none();
    play.clock.advance(Duration::from_secs(5));
    let edited = play.project.comment(AUTHOR, number, "a harmless word").unwrap().unwrap();
    play.clock.advance(Duration::from_secs(5));
    play.project.edit_comment(OWNER, number, edited, "/model approve").unwrap();
    sweeps(&mut play).await;
    assert_eq!(play.label(number), "model::review", "an edited comment never was a command");

    let told = play.says(OWNER, number, "/model approve").await;
    sweeps(&mut play).await;
    assert_eq!(play.label(number), "model::ready");
    assert_eq!(play.reactions(number, told), ["eyes"]);
    play.ends().await;
}

#[tokio::test]
async fn an_internal_note_is_no_command_whoever_tells_of_it() {
    let mut play = Play::start(ForgeKind::GitLab).await;
    let number = play.candidate("Train longer", GOOD).await;
    for keep in [None, none()] {
        play.manner.keep = keep;
        play.clock.advance(Duration::from_secs(5));
        let text = "/model approve\n/model approve of what nobody outside shall read";
        let note = play.project.internal_note(OWNER, number, text).unwrap().unwrap();
        // A sweep lists what the hook was put aside for; a second one too.
        for _ in 0..2 {
            sweeps(&mut play).await;
        }
        assert_eq!(play.label(number), "model::review");
        assert_eq!(play.replies(number, note), Vec::<String>::new(), "the answer would be public");
        assert_eq!(play.reactions(number, note), Vec::<String>::new());
    }
    play.manner.keep = None;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "said to everybody it is one");
    play.ends().await;
}

async fn a_forge_that_does_not_answer_is_asked_about_the_same_time_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    sweeps(&mut play).await;
    play.manner.keep = none();
    play.says(OWNER, number, "/model approve").await;
    // GitLab is asked for shorter pages before it is given up.
    let times = if forge == ForgeKind::GitLab { 3 } else { 1 };
    play.meets(times, "merge requests", Fault::html(502));
    let failed = sweeps(&mut play).await;
    assert_eq!((failed.repositories, failed.failed), (0, 1));
    for _ in 0..3 {
        play.clock.advance(PERIOD);
    }
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.repositories, swept.comments), (1, 1), "as far back as before the failure");
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}

async fn a_repository_that_is_not_served_is_not_asked_about(forge: ForgeKind) {
    let mut play = Play::serving(forge, IRIS, "repositories: [\"other/*\"]\n").await;
    let number = play.opens("Train longer").await;
    let before = play.sandbox.requests().len();
    assert_eq!(sweeps(&mut play).await, Swept::default());
    assert_eq!(play.sandbox.requests().len(), before);
    let nothing = End { reactions: Vec::new(), ..end(&play, number) };
    assert_eq!((nothing.label.as_str(), nothing.reports), ("", 0));
    assert!(play.sandbox.requests().iter().all(|one| one.by.as_deref() != Some(BOT)));
    play.ends().await;
}
