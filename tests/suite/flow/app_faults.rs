//! Whatever GitHub answers an App for a while, to the calls that only an App makes: the same end, each check
//! made once, each press acted on once.

use std::io::Write as _;
use std::ops::Range;
use std::time::Duration;

use mergewright::sandbox::Fault;

use super::Play;
use super::faults::{Named, passing};
use super::outcome::{End, Saying, end, patiently, published_by_app, sent_by};
use super::play::APP;

/// What it is for, its method and address.
const CALLS: [(&str, &str, &str); 9] = [
    ("which App we are", "GET", "*/app"),
    ("installations", "GET", "*/app/installations*"),
    ("our account", "GET", "*/users/*"),
    ("installation", "GET", "*/repositories/*/installation"),
    ("token", "POST", "*/access_tokens"),
    ("checks", "GET", "*/commits/*/check-runs*"),
    ("one check", "GET", "*/check-runs/*"),
    ("create check", "POST", "*/check-runs"),
    ("change check", "PATCH", "*/check-runs/*"),
];

/// What a lifecycle costs in peace, and what a fault may add: few tries, each with its readings.
const MOST_REQUESTS: usize = 190;

/// Whether a call answered so is one that the bot rightly passes by, so that the end is another one.
fn decides(fault: &str, call: &str) -> bool {
    // A 404 is how GitHub says that the check that was pressed is not there.
    (fault, call) == ("not found yet", "one check")
}

async fn meets((name, times, fault): (&str, u32, Fault), (call, method, path): (&str, &str, &str)) {
    let _named = Named(format!("{name} at {call} as an App"));
    let mut play = Play::as_app().await;
    play.parts_the_bots();
    play.sandbox.fail_next(times, method, path, fault).unwrap();
    let number = patiently(&mut play, Saying::Buttons).await;
    for _ in 0..2 {
        play.passes(Duration::from_secs(900)).await;
    }
    assert_eq!(play.sandbox.failures_left(), 0, "{name} at {call} was not met");
    let seen = end(&play, number);
    // One that is not to be seen any more is made anew.
    let anew = usize::from((name, call) == ("not found yet", "change check"));
    let expected = published_by_app();
    let expected = End { checks_made: expected.checks_made + anew, ..expected };
    assert_eq!(seen, expected, "{name} at {call}");
    let bot = play.bot.login.clone();
    let requests = play.sandbox.requests().iter().filter(|one| one.by.as_deref() == Some(&bot)).count();
    assert!(requests <= MOST_REQUESTS, "{name} at {call}: {requests} requests");
    for once in ["merge", "tag", "dispatch", "release"] {
        assert_eq!(sent_by(&play, &bot).get(once), Some(&1), "{once} after {name} at {call}");
    }
    let errors = play.errors();
    let told = errors.iter().all(|line| line.contains("unauthorized"));
    assert!(errors.len() <= 2 && told && (errors.is_empty() || name == "token not accepted"), "{errors:?}");
    play.ends().await;
}

/// Plays these of the faults at those of the calls that are chosen by their place in the table.
async fn matrix(faults: Range<usize>, chosen: impl Fn(usize) -> bool) {
    let mut points = 0;
    for (row, fault) in passing().into_iter().enumerate() {
        for (column, call) in CALLS.into_iter().enumerate() {
            if faults.contains(&row) && !decides(fault.0, call.0) && chosen(row * 4 + column) {
                points += 1;
                meets(fault.clone(), call).await;
            }
        }
    }
    std::io::stdout().write_all(format!("faults of the App {APP}: {points} points\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn a_fault_that_passes_changes_nothing_for_an_app() {
    Box::pin(matrix(0..11, |place| place % 9 == 8)).await;
}

#[tokio::test]
#[ignore = "takes minutes: every fault at every call"]
async fn a_github_that_asks_an_app_to_slow_down_or_fails_at_any_call_changes_nothing() {
    Box::pin(matrix(0..6, |_| true)).await;
}

#[tokio::test]
#[ignore = "takes minutes: every fault at every call"]
async fn a_token_or_a_line_of_an_app_that_fails_at_any_call_changes_nothing() {
    Box::pin(matrix(6..11, |_| true)).await;
}
