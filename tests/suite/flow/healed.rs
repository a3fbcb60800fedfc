//! Webhooks that the forge could not hand over: they are found in its log and asked for once, whatever the
//! sweep has found of what they told.

use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::reconcile::Swept;
use mergewright::sandbox::{Delivery, Fault, File, Receiver, Recorded, Role};

use super::Play;
use super::forges::on_both_forges;
use super::missed::sweeps;
use super::outcome::{GOOD, end, once_each, published, sent};
use super::play::{AUTHOR, BOT, OWNER};

on_both_forges! {
    what_failed_while_nobody_listened_is_sent_again_once_and_acted_on_once,
    what_fails_a_second_time_is_not_asked_for_again,
    who_was_killed_before_he_asked_does_not_ask_twice,
    an_answer_that_was_lost_is_not_asked_for_twice,
    what_came_by_itself_is_not_asked_for,
    what_failed_before_we_served_is_history,
    without_the_right_it_is_said_and_the_sweep_goes_on,
    a_forge_that_keeps_no_log_is_told_of_once,
    a_forge_that_wants_us_to_slow_down_is_asked_later,
    a_bot_that_only_watches_asks_for_nothing,
    where_our_own_address_is_not_known_nothing_is_asked,
}

const LINES: &str = "repositories: [\"group/models\"]\npublic_url: {door}\n";

/// A bot that knows how it is reached, and has looked into the log once.
async fn heard(forge: ForgeKind) -> Play {
    let mut play = Play::reachable(forge, LINES).await;
    assert_eq!(sweeps(&mut play).await.asked, 0, "nothing was lost");
    play
}

/// Requests for another attempt so far.
fn asked(play: &Play) -> Vec<Recorded> {
    let again = |one: &Recorded| {
        one.method == "POST" && (one.url.ends_with("/resend") || one.url.ends_with("/attempts"))
    };
    play.sandbox.requests().into_iter().filter(again).collect()
}

/// Somebody says something that the forge cannot tell us.
async fn is_not_heard(play: &mut Play, number: u64, text: &str) -> u64 {
    play.sandbox.receiver(Receiver::Away);
    let said = play.says(OWNER, number, text).await;
    play.sandbox.receiver(Receiver::There);
    said
}

/// The newest delivery that failed.
fn lost(play: &Play) -> Delivery {
    let failed = |one: &Delivery| matches!(one.answer, Some(Err(_) | Ok(400..)));
    play.sandbox.deliveries().into_iter().rfind(failed).unwrap()
}

/// How each attempt to hand a delivery over ended.
fn attempts(play: &Play, lost: &Delivery) -> Vec<Result<u16, ()>> {
    let ours = play.sandbox.deliveries().into_iter().filter(|one| one.id == lost.id);
    ours.filter_map(|one| one.answer).map(|answer| answer.map_err(|_words| ())).collect()
}

async fn says_status(play: &mut Play, number: u64) -> String {
    let asked = play.says(OWNER, number, "/model status").await;
    play.reply(number, asked)
}

async fn what_failed_while_nobody_listened_is_sent_again_once_and_acted_on_once(forge: ForgeKind) {
    let mut play = heard(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    let silent = says_status(&mut play, number).await;
    assert!(!silent.contains("webhook"), "nothing was lost: {silent}");

    let approved = is_not_heard(&mut play, number, "/model approve").await;
    assert_eq!(play.label(number), "model::review", "nobody told us");
    let lost = lost(&play);
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.lost, swept.asked), (1, 1));
    assert_eq!(attempts(&play, &lost), [Err(()), Ok(202)]);
    assert_eq!(play.label(number), "model::ready");
    assert_eq!(play.reactions(number, approved), ["eyes"]);

    let quiet = sweeps(&mut play).await;
    assert_eq!((quiet.lost, quiet.asked, asked(&play).len()), (0, 0, 1), "once");
    let said = says_status(&mut play, number).await;
    let name = if forge == ForgeKind::GitLab { "GitLab" } else { "GitHub" };
    assert!(said.contains(&format!("{name} could not hand 1 webhook of this repository")), "{said}");
    assert!(said.contains("1 asked for again, 1 arrived"), "{said}");

    let publish = is_not_heard(&mut play, number, "/model publish").await;
    sweeps(&mut play).await;
    assert_eq!(play.reactions(number, publish), ["eyes"]);
    play.publishes().await;
    let said = says_status(&mut play, number).await;
    assert!(said.contains("could not hand 2 webhooks"), "{said}");
    assert!(said.contains("2 asked for again, 2 arrived"), "{said}");
    let end = end(&play, number);
    let expected = published(forge);
    assert_eq!((end.merged, end.tags, end.releases), (true, expected.tags, expected.releases));
    let twice: Vec<_> = sent(&play).into_iter().filter(|(call, _)| call.contains("merge")).collect();
    let once: Vec<_> = once_each().into_iter().filter(|(call, _)| call.contains("merge")).collect();
    assert_eq!(twice, once, "merged once");
    play.ends().await;
}

async fn what_fails_a_second_time_is_not_asked_for_again(forge: ForgeKind) {
    let mut play = heard(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    // Something before us answers, for a while.
    play.sandbox.receiver(Receiver::Answers(502));
    let approved = play.says(OWNER, number, "/model approve").await;
    let lost = lost(&play);
    assert_eq!(sweeps(&mut play).await.asked, 1);
    assert_eq!(play.label(number), "model::ready", "the comment was found all the same");
    play.sandbox.receiver(Receiver::There);
    // What the bot did meanwhile was not heard of either.
    for _ in 0..3 {
        sweeps(&mut play).await;
    }
    assert_eq!(attempts(&play, &lost), [Ok(502), Ok(502)]);
    assert_eq!(sweeps(&mut play).await.asked, 0, "the others have arrived");
    let (all, said) = (asked(&play).len(), says_status(&mut play, number).await);
    assert!(said.contains(&format!("{all} asked for again, {} arrived", all - 1)), "{said}");
    assert_eq!(play.reactions(number, approved), ["eyes"]);
    play.ends().await;
}

/// What asks for another attempt, by method and path.
fn again(forge: ForgeKind) -> &'static str {
    match forge {
        ForgeKind::GitLab => "*/resend",
        ForgeKind::GitHub => "*/attempts",
    }
}

async fn who_was_killed_before_he_asked_does_not_ask_twice(forge: ForgeKind) {
    let mut play = heard(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    is_not_heard(&mut play, number, "/model approve").await;
    play.parts_the_bots();
    play.sandbox.fail_next(1, "POST", again(forge), Fault::HoldBefore).unwrap();
    play.clock.advance(Duration::from_secs(300));
    tokio::select! {
        swept = play.app.reconcile.sweep() => panic!("it was to be killed: {swept:?}"),
        () = play.sandbox.held() => {}
    }
    play.sandbox.let_go();
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.lost, swept.asked, asked(&play).len()), (0, 0, 1), "nobody knows whether it was asked");
    assert_eq!(play.label(number), "model::ready", "found by the sweep");
    play.ends().await;
}

async fn an_answer_that_was_lost_is_not_asked_for_twice(forge: ForgeKind) {
    let mut play = heard(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    is_not_heard(&mut play, number, "/model approve").await;
    play.parts_the_bots();
    play.sandbox.fail_next(1, "POST", again(forge), Fault::BreakAfter).unwrap();
    assert_eq!(sweeps(&mut play).await.asked, 0, "as far as we know");
    assert_eq!(sweeps(&mut play).await.asked, 0);
    assert_eq!(asked(&play).len(), 1);
    let said = says_status(&mut play, number).await;
    assert!(said.contains("1 asked for again, 1 arrived"), "it was done: {said}");
    play.ends().await;
}

async fn what_came_by_itself_is_not_asked_for(forge: ForgeKind) {
    let mut play = heard(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    is_not_heard(&mut play, number, "/model approve").await;
    let failed = lost(&play);
    // Somebody at the forge presses the button himself.
    play.sandbox.redeliver(&failed).await;
    play.settle().await;
    assert_eq!(play.label(number), "model::ready");
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.lost, swept.asked, asked(&play).len()), (0, 0, 0));
    play.ends().await;
}

async fn what_failed_before_we_served_is_history(forge: ForgeKind) {
    let mut play = Play::reachable(forge, LINES).await;
    play.sandbox.receiver(Receiver::Away);
    let number = play.opens("Train longer").await;
    play.sandbox.receiver(Receiver::There);
    match forge {
        // GitLab does not tell when it tried: what the log holds at the first look is history.
        ForgeKind::GitLab => assert_eq!(sweeps(&mut play).await.lost, 0),
        ForgeKind::GitHub => assert!(sweeps(&mut play).await.lost > 0, "it was after the start"),
    }
    assert_eq!(play.label(number), "model::building", "found by the sweep");
    is_not_heard(&mut play, number, "a word").await;
    assert_eq!(sweeps(&mut play).await.lost, 1);
    play.ends().await;
}

async fn without_the_right_it_is_said_and_the_sweep_goes_on(forge: ForgeKind) {
    let mut play = Play::reachable(forge, LINES).await;
    play.project.member(BOT, Role::Developer).unwrap();
    assert_eq!(sweeps(&mut play).await.asked, 0);
    let number = play.candidate("Train longer", GOOD).await;
    is_not_heard(&mut play, number, "/model approve").await;
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.repositories, swept.failed, swept.comments, swept.asked), (1, 0, 1, 0));
    assert_eq!(play.label(number), "model::ready", "found by the sweep");
    let said = says_status(&mut play, number).await;
    assert!(said.contains("cannot be asked for again here: the bot's token may not read"), "{said}");

    // An hour later the right is there, and nothing was passed over.
    play.project.member(BOT, Role::Maintainer).unwrap();
    play.passes(Duration::from_secs(3600)).await;
    let swept = sweeps(&mut play).await;
    if forge == ForgeKind::GitHub {
        assert_eq!((swept.lost, swept.asked), (1, 1), "as far back as when it was first asked");
    }
    let said = says_status(&mut play, number).await;
    assert!(!said.contains("cannot be asked for again"), "{said}");
    play.ends().await;
}

async fn a_forge_that_keeps_no_log_is_told_of_once(forge: ForgeKind) {
    let mut play = Play::reachable(forge, LINES).await;
    play.sandbox.keeps_no_log(true);
    for _ in 0..2 {
        let swept = sweeps(&mut play).await;
        assert_eq!(swept, Swept { repositories: 1, looks: swept.looks, ..Swept::default() });
    }
    let number = play.candidate("Train longer", GOOD).await;
    let said = says_status(&mut play, number).await;
    assert!(said.contains("cannot be asked for again here"), "{said}");
    play.ends().await;
}

async fn a_forge_that_wants_us_to_slow_down_is_asked_later(forge: ForgeKind) {
    let mut play = heard(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.sandbox.receiver(Receiver::Away);
    for word in 0..7 {
        play.says(AUTHOR, number, &format!("word {word}")).await;
    }
    play.sandbox.receiver(Receiver::There);
    play.parts_the_bots();
    play.sandbox.fail_next(1, "POST", again(forge), Fault::too_many("30")).unwrap();
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.lost, swept.asked), (7, 0), "nothing was sent, so nothing counts as asked for");
    let swept = sweeps(&mut play).await;
    match forge {
        // It sends five again in a minute, and is not asked for a sixth.
        ForgeKind::GitLab => {
            assert_eq!(swept.asked, 5);
            assert_eq!(play.app.reconcile.sweep().await.unwrap().asked, 0, "in the same minute");
            assert_eq!(sweeps(&mut play).await.asked, 2);
        }
        ForgeKind::GitHub => assert_eq!(swept.asked, 7),
    }
    assert_eq!(asked(&play).len(), 8, "one was put off");
    let said = says_status(&mut play, number).await;
    assert!(said.contains("7 asked for again, 7 arrived"), "{said}");
    play.ends().await;
}

async fn a_bot_that_only_watches_asks_for_nothing(forge: ForgeKind) {
    let mut play = Play::reachable(forge, &format!("{LINES}mode: observe\n")).await;
    sweeps(&mut play).await;
    let number = play.opens("Train longer").await;
    is_not_heard(&mut play, number, "/model status").await;
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.lost, swept.asked, asked(&play).len()), (0, 0, 0));
    play.ends().await;
}

async fn where_our_own_address_is_not_known_nothing_is_asked(forge: ForgeKind) {
    let mut play = Play::reachable(forge, "repositories: [\"group/models\"]\n").await;
    sweeps(&mut play).await;
    let number = play.opens("Train longer").await;
    is_not_heard(&mut play, number, "a word").await;
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.lost, swept.asked), (0, 0));
    let hooks = play.sandbox.requests().into_iter().filter(|one| one.url.contains("/hooks"));
    assert_eq!(hooks.count(), 0);
    play.ends().await;
}

#[tokio::test]
async fn an_app_asks_for_what_its_one_hook_could_not_deliver_of_all_that_it_serves() {
    let mut play = Play::as_app().await;
    sweeps(&mut play).await;
    let number = play.candidate("Train longer", GOOD).await;
    // Of a repository that is not served, and about none.
    let other = super::play::founded_at(&play.sandbox, "strange/models", &[File::write("a", "a")]);
    play.signed_in.as_ref().unwrap().install("strange").unwrap();
    play.settle().await;
    play.sandbox.receiver(Receiver::Away);
    let approved = play.says(OWNER, number, "/model approve").await;
    other.push(OWNER, "main", &[File::write("a", "b")], "Again").unwrap();
    play.signed_in.as_ref().unwrap().suspend("strange", true).unwrap();
    play.settle().await;
    play.sandbox.receiver(Receiver::There);

    let swept = sweeps(&mut play).await;
    assert_eq!((swept.lost, swept.asked), (1, 1));
    assert_eq!(play.label(number), "model::ready");
    assert_eq!(play.reactions(number, approved), ["eyes"]);
    assert_eq!(sweeps(&mut play).await.asked, 0);
    assert!(asked(&play)[0].url.starts_with("/app/hook/deliveries/"));
    let said = says_status(&mut play, number).await;
    assert!(said.contains("1 asked for again, 1 arrived"), "{said}");
    play.ends().await;
}
