//! The real process is ended with SIGKILL at every step of a merge request's way to its release, and
//! started again on the same database: what is to be seen at the forge is the same as without that.
//!
//! A step is a request of the bot (before the forge acted on it; after, with the answer lost), a
//! delivery (in the bot's hands; answered), or a start. People act once; webhooks that meet no process
//! are lost, as a real forge loses them.

pub(crate) mod bot;
mod point;
mod run;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use futures_util::StreamExt as _;

use mergewright::domain::ForgeKind;

use super::flow::Play;
use super::flow::forges::{Told, call, door, on_both_forges};
use super::flow::outcome::{End, GOOD, end, published, published_by_app, published_by_queue};
use super::flow::play::{IRIS, OWNER};
use super::flow::queue::{passes, queueing};
use point::{As, Kill, Point};
use run::{Run, Stage, Undisturbed};

on_both_forges! {
    two threads:
    killed_at_the_writes_that_must_not_be_doubled_it_ends_as_if_nothing_had_been,
    #[ignore = "takes minutes: every crash point"]
    killed_at_any_step_it_ends_as_if_nothing_had_been,
    #[ignore = "takes minutes: killed at every request of one play, over and over"]
    killed_again_and_again_it_still_arrives,
    killed_at_the_writes_of_a_merge_queue_it_ends_as_if_nothing_had_been,
    #[ignore = "takes minutes: every crash point"]
    killed_at_any_step_that_a_merge_queue_adds_it_ends_as_if_nothing_had_been,
    asked_to_end_it_finishes_what_it_began_and_the_next_one_answers_what_came_meanwhile,
}

/// What must not be doubled.
const WRITES: [&str; 5] = ["create comment", "merge", "tag", "dispatch", "release"];

/// Plays at once: each mostly waits for the others' turn of the processor.
const AT_ONCE: usize = 3;

/// Kills in one play of the long test.
const KILLS_A_PLAY: usize = 8;

/// What an App must not do twice.
const WRITES_OF_AN_APP: [&str; 6] = [
    "POST check-runs",
    "POST issues/*/comments",
    "PUT pulls/*/merge",
    "POST git/refs",
    "POST actions/workflows/*/dispatches",
    "POST releases",
];

/// What is to be seen after each step of people and CI, from the opening of a merge request to its release.
pub(crate) async fn steps(forge: ForgeKind) -> Vec<End> {
    undisturbed(As::Account(forge)).await
}

/// What is to be seen after each step of people and CI, by a bot that nobody disturbs.
async fn undisturbed(signed_in: As) -> Vec<End> {
    let (mut play, last) = match signed_in {
        As::Account(forge) => (Play::start(forge).await, published(forge)),
        As::AccountWithQueue(forge) => (queueing(forge, IRIS).await, published_by_queue(forge)),
        As::App => (Play::as_app().await, published_by_app()),
    };
    let mut seen = Vec::new();
    let number = play.opens("Train longer").await;
    seen.push(end(&play, number));
    play.builds(number, "weights").await;
    seen.push(end(&play, number));
    play.measures(number, GOOD).await;
    seen.push(end(&play, number));
    for verb in ["approve", "publish"] {
        if signed_in == As::App {
            play.project.presses(OWNER, number, "mergewright", verb).unwrap();
            play.settle().await;
        } else {
            play.says(OWNER, number, &format!("/model {verb}")).await;
        }
        seen.push(end(&play, number));
    }
    if let As::AccountWithQueue(_) = signed_in {
        passes(&mut play, number).await;
        seen.push(end(&play, number));
    }
    play.publishes().await;
    seen.push(end(&play, number));
    assert_eq!(seen.last(), Some(&last));
    play.ends().await;
    seen
}

/// Every point of an undisturbed run of the process: its requests by kind and place, its deliveries,
/// and its start.
fn points(run: &Run) -> Vec<Point> {
    let mut all = vec![Point::Starting, Point::Started];
    for (kind, count) in &run.requests {
        for place in 0..*count {
            all.push(Point::Request { kind: kind.clone(), place, kill: Kill::Before });
            all.push(Point::Request { kind: kind.clone(), place, kill: Kill::After });
        }
    }
    for place in 0..run.deliveries {
        all.push(Point::Delivery { place, kill: Kill::Before });
        all.push(Point::Delivery { place, kill: Kill::After });
    }
    all
}

/// Plays all of these points, far apart from each other, a few in one play; how many were met, and those that
/// their play did not pass by (hints of one moment are one look, and which are depends on the moment).
async fn each(signed_in: As, steps: &Arc<Vec<End>>, all: &[Point]) -> (usize, Vec<Point>) {
    let plays = all.len().div_ceil(KILLS_A_PLAY);
    let chosen = (0..plays).map(|first| all.iter().skip(first).step_by(plays).cloned().collect::<Vec<_>>());
    let played = chosen.enumerate().map(|(place, points)| {
        let steps = Arc::clone(steps);
        async move {
            let run = Run::play(signed_in, &steps, points).await;
            say(&format!("play {} of {plays}: {} kills\n", place + 1, run.kills));
            run
        }
    });
    let mut played = std::pin::pin!(futures_util::stream::iter(played).buffer_unordered(AT_ONCE));
    let (mut met, mut left) = (0, Vec::new());
    while let Some(run) = played.next().await {
        met += run.kills;
        left.extend(run.left);
    }
    (met, left)
}

fn say(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

async fn killed_at_the_writes_that_must_not_be_doubled_it_ends_as_if_nothing_had_been(forge: ForgeKind) {
    let steps = Arc::new(undisturbed(As::Account(forge)).await);
    // All in one play: after each kill the way goes on to the next.
    let after = WRITES.map(|name| {
        let (method, pattern) = call(forge, name);
        let path = pattern.trim_start_matches("*/").replace("/1/", "/*/");
        Point::Request { kind: format!("{method} {path}"), place: 0, kill: Kill::After }
    });
    let run = Run::play(As::Account(forge), &steps, after.to_vec()).await;
    assert_eq!(run.kills, WRITES.len(), "every write was met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_is_killed_makes_no_check_twice_and_acts_on_a_press_once() {
    let steps = Arc::new(undisturbed(As::App).await);
    let write = |kind: &str, kill| Point::Request { kind: kind.to_owned(), place: 0, kill };
    let mut points: Vec<_> = WRITES_OF_AN_APP.map(|kind| write(kind, Kill::After)).to_vec();
    points.extend([
        write("POST access_tokens", Kill::After),
        write("POST check-runs", Kill::Before),
        write("PATCH check-runs/*", Kill::After),
        write("PATCH check-runs/*", Kill::Before),
        Point::Press,
        Point::Press,
    ]);
    let count = points.len();
    let run = Run::play(As::App, &steps, points).await;
    assert_eq!(run.kills, count, "every point was met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: every crash point"]
async fn an_app_that_is_killed_at_any_step_ends_as_if_nothing_had_been() {
    at_any_step(As::App).await;
}

async fn killed_at_any_step_it_ends_as_if_nothing_had_been(forge: ForgeKind) {
    at_any_step(As::Account(forge)).await;
}

async fn at_any_step(who: As) {
    let steps = Arc::new(undisturbed(who).await);
    let plain = Undisturbed::of(who, &steps).await;
    let (mut all, mut always) = (points(&plain.most), points(&plain.least));
    match who {
        As::App => {
            all.extend([Point::Press, Point::Press]);
            always.extend([Point::Press, Point::Press]);
        }
        As::AccountWithQueue(forge) => {
            // What is the same without a queue has a list of its own.
            let who = As::Account(forge);
            let steps = undisturbed(who).await;
            let known = points(&Undisturbed::of(who, &steps).await.most);
            all.retain(|point| !known.contains(point));
            always.retain(|point| !known.contains(point));
        }
        As::Account(_) => {}
    }
    let kinds: BTreeSet<_> = plain.most.requests.keys().cloned().collect();
    say(&format!("crash points of {who:?}: {} ({} kinds of request)\n", all.len(), kinds.len()));
    let (mut met, mut left) = each(who, &steps, &all).await;
    // Which hints come in one moment is up to the machine: what was not passed by is played again, with fewer
    // kills beside it.
    for _ in 0..2 {
        if !left.is_empty() {
            let (more, still) = each(who, &steps, &left).await;
            (met, left) = (met + more, still);
        }
    }
    let missed = always.iter().filter(|point| left.contains(point)).count();
    say(&format!(
        "crash points of {who:?}: {met} of {} met, {missed} of the {} that each play passes by not; every end the same\n",
        all.len(),
        always.len(),
    ));
    assert!(missed * 5 <= always.len(), "{missed} of {} points were not met", always.len());
}

async fn killed_at_any_step_that_a_merge_queue_adds_it_ends_as_if_nothing_had_been(forge: ForgeKind) {
    at_any_step(As::AccountWithQueue(forge)).await;
}

/// What puts it into the queue, and the word on what the queue tries.
async fn killed_at_the_writes_of_a_merge_queue_it_ends_as_if_nothing_had_been(forge: ForgeKind) {
    let who = As::AccountWithQueue(forge);
    let steps = Arc::new(undisturbed(who).await);
    let plain = Run::play(who, &steps, Vec::new()).await;
    let at_queue = match forge {
        ForgeKind::GitLab => "POST merge_trains/merge_requests/*",
        ForgeKind::GitHub => "POST graphql",
    };
    let points: Vec<Point> = points(&plain)
        .into_iter()
        .filter(|point| match point {
            Point::Request { kind, place, .. } => {
                // The last statuses of all are those after the merge.
                kind == at_queue || kind == "POST statuses/*" && place + 2 >= plain.requests[kind]
            }
            _ => false,
        })
        .collect();
    let run = Run::play(who, &steps, points.clone()).await;
    assert!(run.kills >= 4 && run.kills * 2 > points.len(), "{} kills at {points:?}", run.kills);
}

async fn killed_again_and_again_it_still_arrives(forge: ForgeKind) {
    let who = As::Account(forge);
    let steps = Arc::new(undisturbed(who).await);
    let plain = Run::play(who, &steps, Vec::new()).await;
    let run = Run::play(who, &steps, points(&plain)).await;
    say(&format!("one play on {forge} was killed {} times\n", run.kills));
    assert!(run.kills > plain.requests.len(), "{} kills", run.kills);
}

/// What a browser or a watcher is answered.
async fn status(address: &str, path: &str) -> u16 {
    reqwest::get(format!("http://{address}{path}")).await.unwrap().status().as_u16()
}

async fn asked_to_end_it_finishes_what_it_began_and_the_next_one_answers_what_came_meanwhile(
    forge: ForgeKind,
) {
    let mut stage = Stage::set(As::Account(forge), Vec::new()).await;
    let number = stage.opens();
    // The first look at the forge takes its time.
    stage.holds_first_request().await;
    let bot = stage.bot.take().unwrap();
    let address = bot.address.clone();
    bot.ask_to_end().await;
    while status(&address, "/readyz").await != 503 {}
    assert_eq!(status(&address, "/healthz").await, 200);
    let url = format!("http://{address}{}", door(forge));
    stage.project.comment(OWNER, number, "/model status").unwrap();
    let mut late = false;
    while !late {
        let delivery = stage.sandbox.next_delivery().await;
        assert_eq!(stage.sandbox.send_to(&delivery, &url).await, Ok(503), "nobody here would look at it");
        late = Told::Comment.by(forge, delivery.event);
    }
    stage.sandbox.let_go();
    assert_eq!(bot.ended().await, Some(0));
    assert_eq!(stage.project.comments(number).unwrap().len(), 1, "nothing more was begun");

    // The next process goes on where this one stopped, and finds the command at the forge.
    stage.start().await;
    let building = undisturbed(As::Account(forge)).await.remove(0);
    let answered = End { others: 1, reactions: vec![vec!["eyes".to_owned()]], ..building };
    stage.reaches(number, &answered, 0, "an orderly end").await;
    assert_eq!(stage.bot.take().unwrap().end().await, Some(0));
}
