//! Whatever a forge answers for a while, to whichever call: the same end, a bounded number of
//! requests, and a clear word where a person has to do something.

use std::io::Write as _;
use std::ops::Range;
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::Fault;

use super::Play;
use super::forges::{calls, on_both_forges};
use super::missed::{none, sweeps};
use super::outcome::{GOOD, a_while, end, patient_lifecycle, published};
use super::play::{BOT, OWNER};

on_both_forges! {
    a_fault_that_passes_changes_nothing,
    #[ignore = "takes minutes: every fault at every call"]
    a_forge_that_asks_to_slow_down_at_any_call_changes_nothing,
    #[ignore = "takes minutes: every fault at every call"]
    a_forge_that_fails_at_any_call_changes_nothing,
    #[ignore = "takes minutes: every fault at every call"]
    a_token_or_a_line_that_fails_at_any_call_changes_nothing,
    a_comment_that_is_not_shown_yet_is_a_command_all_the_same,
    a_publish_run_that_is_not_shown_yet_is_looked_for_again,
    a_run_that_may_have_been_started_is_not_started_again_before_it_would_be_shown,
    what_was_not_started_is_started_a_minute_later,
    an_outage_of_half_an_hour_is_outlasted_by_a_command,
    an_expired_token_is_told_once_and_everything_goes_on_with_a_valid_one,
    a_merge_that_the_forge_refuses_is_told_with_its_reason,
    a_right_that_is_missing_is_named_to_the_operator,
}

/// What may go wrong for a while with any call, and how often in a row it does.
pub(super) fn passing() -> Vec<(&'static str, u32, Fault)> {
    vec![
        ("429 for seconds", 2, Fault::too_many("7")),
        ("429 until a date", 1, Fault::too_many("Mon, 23 Nov 2026 09:02:00 GMT")),
        ("403 too fast", 1, Fault::too_fast()),
        ("500 with a page", 2, Fault::html(500)),
        ("502 with a page", 4, Fault::html(502)),
        ("503", 2, Fault::status(503)),
        ("not found yet", 1, Fault::status(404)),
        ("token not accepted", 1, Fault::status(401)),
        ("slow", 1, Fault::Slow(Duration::from_millis(20))),
        ("dropped before", 2, Fault::BreakBefore),
        ("dropped after", 1, Fault::BreakAfter),
    ]
}

/// What a lifecycle costs in peace, and what a fault may add: few tries, each with its readings.
const MOST_REQUESTS: usize = 190;

/// Whether a call answered so is one that the bot rightly gives up or passes by, so that the end is
/// another one.
fn decides(fault: &str, call: &str) -> bool {
    match fault {
        // A 404 is how GitLab says that there is none of it: no file, no branch, nothing to put a sign on.
        // The next look sees it.
        "not found yet" => matches!(call, "file" | "branch" | "rights" | "archive" | "reaction"),
        // Of a token that is good for everything else it says that its owner may not merge here.
        "token not accepted" => matches!(call, "merge" | "rights"),
        // Whose rights cannot be read is refused: not knowing denies.
        "500 with a page" | "502 with a page" | "503" | "dropped before" | "dropped after" => {
            call == "rights"
        }
        _ => false,
    }
}

/// Says which point it was where a play ends early.
pub(super) struct Named(pub(super) String);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::io::stderr().write_all(format!("the point was: {}\n", self.0).as_bytes()).unwrap();
        }
    }
}

async fn meets(forge: ForgeKind, (name, times, fault): (&str, u32, Fault), call: &str) -> usize {
    let _named = Named(format!("{name} at {call} on {forge}"));
    let mut play = Play::start(forge).await;
    play.meets(times, call, fault);
    let number = patient_lifecycle(&mut play).await;
    for _ in 0..2 {
        play.passes(Duration::from_secs(900)).await;
    }
    let requests = play.sandbox.requests().iter().filter(|one| one.by.as_deref() == Some(BOT)).count();
    assert_eq!(play.sandbox.failures_left(), 0, "{name} at {call} was not met");
    assert_eq!(end(&play, number), published(forge), "{name} at {call}");
    assert!(requests <= MOST_REQUESTS, "{name} at {call}: {requests} requests");
    let errors = play.errors();
    if name == "token not accepted" {
        assert!(errors.len() <= 2 && errors.iter().all(|line| line.contains("unauthorized")), "{errors:?}");
    } else {
        assert_eq!(errors, Vec::<String>::new(), "{name} at {call}");
    }
    play.ends().await;
    requests
}

/// Plays these of the faults at those of the calls that are chosen by their place in the table.
async fn matrix(forge: ForgeKind, faults: Range<usize>, chosen: impl Fn(usize) -> bool) {
    let (mut points, mut most) = (0, 0);
    for (row, fault) in passing().into_iter().enumerate() {
        for (column, (call, ..)) in calls(forge).iter().enumerate() {
            if faults.contains(&row) && !decides(fault.0, call) && chosen(row * 5 + column) {
                points += 1;
                most = most.max(meets(forge, fault.clone(), call).await);
            }
        }
    }
    let said = format!("faults of {forge}: {points} points, at most {most} requests each\n");
    std::io::stdout().write_all(said.as_bytes()).unwrap();
}

async fn a_fault_that_passes_changes_nothing(forge: ForgeKind) {
    matrix(forge, 0..11, |place| place % 20 == 7).await;
}

async fn a_forge_that_asks_to_slow_down_at_any_call_changes_nothing(forge: ForgeKind) {
    matrix(forge, 0..3, |_| true).await;
}

async fn a_forge_that_fails_at_any_call_changes_nothing(forge: ForgeKind) {
    matrix(forge, 3..7, |_| true).await;
}

async fn a_token_or_a_line_that_fails_at_any_call_changes_nothing(forge: ForgeKind) {
    matrix(forge, 7..11, |_| true).await;
}

async fn a_comment_that_is_not_shown_yet_is_a_command_all_the_same(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    // Told by its hook, and shown a moment later.
    play.meets(3, "one comment", Fault::status(404));
    let approved = play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::review");
    for _ in 0..10 {
        play.passes(Duration::from_secs(5)).await;
    }
    assert_eq!(play.label(number), "model::ready");
    assert_eq!(play.reactions(number, approved), ["eyes"]);

    // Found by a sweep, and not shown by itself at first.
    let everything = std::mem::replace(&mut play.manner.keep, none());
    play.meets(1, "one comment", Fault::status(404));
    let status = play.says(OWNER, number, "/model status").await;
    sweeps(&mut play).await;
    for _ in 0..10 {
        play.passes(Duration::from_secs(5)).await;
    }
    play.reply(number, status);
    play.manner.keep = everything;
    play.ends().await;
}

async fn a_publish_run_that_is_not_shown_yet_is_looked_for_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.meets(3, "jobs", Fault::status(404));
    play.publishes().await;
    assert_eq!(play.label(number), "model::publishing", "{}", play.report(number));
    for _ in 0..10 {
        play.passes(Duration::from_secs(5)).await;
    }
    assert_eq!(end(&play, number), published(forge));
    assert_eq!(play.audit("publication").await.iter().filter(|what| what.contains("failed")).count(), 0);
    play.ends().await;
}

/// Everything before the publish run is dispatched.
async fn approved(forge: ForgeKind) -> (Play, u64) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    (play, number)
}

async fn a_run_that_may_have_been_started_is_not_started_again_before_it_would_be_shown(forge: ForgeKind) {
    let (mut play, number) = approved(forge).await;
    // The head's own run is to stand in the lists all the while.
    play.passes(Duration::from_secs(60)).await;
    play.sandbox.lists_runs_after(Duration::from_secs(30));
    play.meets(1, "dispatch", Fault::BreakAfter);
    play.says(OWNER, number, "/model publish").await;
    for _ in 0..12 {
        play.passes(Duration::from_secs(5)).await;
    }
    assert_eq!(end(&play, number).runs_by_us, 1, "one run, however late it is shown");
    play.publishes().await;
    assert_eq!(end(&play, number), published(forge));
    play.ends().await;
}

async fn what_was_not_started_is_started_a_minute_later(forge: ForgeKind) {
    let (mut play, number) = approved(forge).await;
    play.meets(1, "dispatch", Fault::BreakBefore);
    play.says(OWNER, number, "/model publish").await;
    for _ in 0..10 {
        play.passes(Duration::from_secs(5)).await;
        assert_eq!(end(&play, number).runs_by_us, 0);
    }
    for _ in 0..20 {
        play.passes(Duration::from_secs(5)).await;
    }
    play.publishes().await;
    assert_eq!(end(&play, number), published(forge));
    play.ends().await;
}

async fn an_outage_of_half_an_hour_is_outlasted_by_a_command(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.parts_the_bots();
    play.sandbox.choose_failures(Some(std::sync::Arc::new(|_, _| Some(Fault::html(503)))));
    play.says(OWNER, number, "/model approve").await;
    let before = play.sandbox.requests().len();
    for _ in 0..30 {
        play.passes(Duration::from_secs(60)).await;
    }
    let asked = play.sandbox.requests().len() - before;
    assert!(asked <= 30, "{asked} requests in an outage");
    play.sandbox.choose_failures(None);
    play.passes(Duration::from_secs(300)).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn an_expired_token_is_told_once_and_everything_goes_on_with_a_valid_one(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.parts_the_bots();
    play.sandbox.choose_failures(Some(std::sync::Arc::new(|_, _| Some(Fault::status(401)))));
    play.says(OWNER, number, "/model approve").await;
    let before = play.sandbox.requests().len();
    for _ in 0..48 {
        play.passes(Duration::from_secs(3600)).await;
    }
    let asked = play.sandbox.requests().len() - before;
    assert!(asked <= 50, "{asked} requests in two days");
    let told = play.errors();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("configure a valid one"), "{told:?}");
    play.sandbox.choose_failures(None);
    play.passes(Duration::from_secs(900)).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn a_merge_that_the_forge_refuses_is_told_with_its_reason(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.meets(1, "merge", Fault::status(403));
    play.says(OWNER, number, "/model publish").await;
    a_while(&mut play).await;
    let report = play.report(number);
    assert!(report.contains("does not allow the bot to merge"), "{report}");
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn a_right_that_is_missing_is_named_to_the_operator(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.meets(1, "label", Fault::status(403));
    let number = play.candidate("Train longer", GOOD).await;
    let told = play.errors();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("dead_effect") && told[0].contains("it needs "), "{told:?}");
    assert_eq!(play.app.store.dead_effects(9).await.unwrap().len(), 1);
    assert_eq!(play.label(number), "model::review", "what comes after it is done");
    play.ends_with_dead_effects(1).await;
}
