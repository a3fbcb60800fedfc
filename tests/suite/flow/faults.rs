//! Whatever a forge answers for a while, to whichever call: the same end, a bounded number of
//! requests, and a clear word where a person has to do something.

use std::io::Write as _;
use std::ops::Range;
use std::time::Duration;

use mergewright::sandbox::Fault;

use super::Play;
use super::outcome::{GOOD, a_while, end, patient_lifecycle, published};
use super::play::{BOT, OWNER};

/// What may go wrong for a while with any call, and how often in a row it does.
fn passing() -> Vec<(&'static str, u32, Fault)> {
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

/// Every kind of call in a lifecycle.
const CALLS: [(&str, &str, &str); 21] = [
    ("who we are", "GET", "*/user"),
    ("merge request", "GET", "*/merge_requests/1"),
    ("changes", "GET", "*/merge_requests/1/diffs"),
    ("versions", "GET", "*/merge_requests/1/versions"),
    ("approvals", "GET", "*/merge_requests/1/approvals"),
    ("runs", "GET", "*/merge_requests/1/pipelines"),
    ("jobs", "GET", "*/pipelines/*/jobs"),
    ("archive", "GET", "*/artifacts"),
    ("file", "GET", "*/repository/files/*"),
    ("branch", "GET", "*/repository/branches*"),
    ("comments", "GET", "*/merge_requests/1/notes"),
    ("one comment", "GET", "*/merge_requests/1/notes/*"),
    ("create comment", "POST", "*/merge_requests/1/notes"),
    ("edit comment", "PUT", "*/merge_requests/1/notes/*"),
    ("reaction", "POST", "*/award_emoji"),
    ("status", "POST", "*/statuses/*"),
    ("label", "PUT", "*/merge_requests/1"),
    ("merge", "PUT", "*/merge_requests/1/merge"),
    ("tag", "POST", "*/repository/tags"),
    ("dispatch", "POST", "*/pipeline"),
    ("release", "POST", "*/releases"),
];

/// Uploads are met by their own pattern: a file's address ends with its name.
const UPLOAD: (&str, &str, &str) = ("upload", "PUT", "*/packages/generic/*");

/// What a lifecycle costs in peace, and what a fault may add: few tries, each with its readings.
const MOST_REQUESTS: usize = 190;

/// Whether a call answered so is one that the bot rightly gives up or passes by, so that the end is
/// another one.
fn decides(fault: &str, call: &str) -> bool {
    match fault {
        // A 404 is how GitLab says that there is none of it: no file, no branch, no such comment any
        // more, nothing to put a sign on. The next look sees it.
        "not found yet" => matches!(call, "file" | "branch" | "one comment" | "archive" | "reaction"),
        // Of a token that is good for everything else it says that its owner may not merge here.
        "token not accepted" => call == "merge",
        _ => false,
    }
}

async fn meets(name: &str, times: u32, fault: &Fault, (call, method, path): (&str, &str, &str)) -> usize {
    let mut play = Play::start().await;
    play.sandbox.fail_next(times, method, path, fault.clone()).unwrap();
    let number = patient_lifecycle(&mut play).await;
    for _ in 0..2 {
        play.passes(Duration::from_secs(900)).await;
    }
    let requests = play.sandbox.requests().iter().filter(|one| one.by.as_deref() == Some(BOT)).count();
    assert_eq!(play.sandbox.failures_left(), 0, "{name} at {call} was not met");
    assert_eq!(end(&play, number), published(), "{name} at {call}");
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
async fn matrix(faults: Range<usize>, chosen: impl Fn(usize) -> bool) {
    let (mut points, mut most) = (0, 0);
    for (row, (name, times, fault)) in passing().into_iter().enumerate() {
        for (column, call) in CALLS.into_iter().chain([UPLOAD]).enumerate() {
            if faults.contains(&row) && !decides(name, call.0) && chosen(row * 5 + column) {
                points += 1;
                most = most.max(meets(name, times, &fault, call).await);
            }
        }
    }
    let said = format!("faults of the forge: {points} points, at most {most} requests each\n");
    std::io::stdout().write_all(said.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_fault_that_passes_changes_nothing() {
    matrix(0..11, |place| place % 20 == 7).await;
}

#[tokio::test]
#[ignore = "takes minutes: every fault at every call"]
async fn a_forge_that_asks_to_slow_down_at_any_call_changes_nothing() {
    matrix(0..3, |_| true).await;
}

#[tokio::test]
#[ignore = "takes minutes: every fault at every call"]
async fn a_forge_that_fails_at_any_call_changes_nothing() {
    matrix(3..7, |_| true).await;
}

#[tokio::test]
#[ignore = "takes minutes: every fault at every call"]
async fn a_token_or_a_line_that_fails_at_any_call_changes_nothing() {
    matrix(7..11, |_| true).await;
}

#[tokio::test]
async fn an_outage_of_half_an_hour_is_outlasted_by_a_command() {
    let mut play = Play::start().await;
    let number = play.candidate("Train longer", GOOD).await;
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

#[tokio::test]
async fn an_expired_token_is_told_once_and_everything_goes_on_with_a_valid_one() {
    let mut play = Play::start().await;
    let number = play.candidate("Train longer", GOOD).await;
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

#[tokio::test]
async fn a_merge_that_the_forge_refuses_is_told_with_its_reason() {
    let mut play = Play::start().await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.sandbox.fail_next(1, "PUT", "*/merge", Fault::status(403)).unwrap();
    play.says(OWNER, number, "/model publish").await;
    a_while(&mut play).await;
    let report = play.report(number);
    assert!(report.contains("does not allow the bot to merge"), "{report}");
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_to_the_operator() {
    let mut play = Play::start().await;
    play.sandbox.fail_next(1, "PUT", "*/merge_requests/1", Fault::status(403)).unwrap();
    let number = play.candidate("Train longer", GOOD).await;
    let told = play.errors();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("dead_effect") && told[0].contains("it needs the scope"), "{told:?}");
    assert_eq!(play.app.store.dead_effects(9).await.unwrap().len(), 1);
    assert_eq!(play.label(number), "model::review", "what comes after it is done");
    play.ends_with_dead_effects(1).await;
}
