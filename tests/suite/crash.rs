//! The real process is ended with SIGKILL at every step of a merge request's way to its release, and
//! started again on the same database: what is to be seen at the forge is the same as without that.
//!
//! A step is a request of the bot (before the forge acted on it; after, with the answer lost), a
//! delivery (in the bot's hands; answered), or a start. People act once; webhooks that meet no process
//! are lost, as a real forge loses them.

mod bot;
mod run;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use futures_util::StreamExt as _;

use mergewright::domain::ForgeKind;

use super::flow::Play;
use super::flow::outcome::{End, GOOD, end, published};
use super::flow::play::OWNER;
use run::{Kill, Point, Run, Stage};

/// Forges that the process can be played against.
const FORGES: [ForgeKind; 1] = [ForgeKind::GitLab];

/// Plays at once: each mostly waits for the others' turn of the processor.
const AT_ONCE: usize = 3;

/// Kills in one play of the long test.
const KILLS_A_PLAY: usize = 8;

/// What is to be seen after each step of people and CI, by a bot that nobody disturbs.
async fn undisturbed() -> Vec<End> {
    let mut play = Play::start().await;
    let mut seen = Vec::new();
    let number = play.opens("Train longer").await;
    seen.push(end(&play, number));
    play.builds(number, "weights").await;
    seen.push(end(&play, number));
    play.measures(number, GOOD).await;
    seen.push(end(&play, number));
    for command in ["/model approve", "/model publish"] {
        play.says(OWNER, number, command).await;
        seen.push(end(&play, number));
    }
    play.publishes().await;
    seen.push(end(&play, number));
    assert_eq!(seen.last(), Some(&published()));
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

/// Plays all of these points, far apart from each other, a few in one play; how many were met. One that an
/// equal run did not pass by again (hints of one moment are one look, and which are depends on the moment)
/// is not.
async fn each(forge: ForgeKind, steps: Arc<Vec<End>>, all: &[Point]) -> usize {
    let plays = all.len().div_ceil(KILLS_A_PLAY);
    let chosen = (0..plays).map(|first| all.iter().skip(first).step_by(plays).cloned().collect::<Vec<_>>());
    let played = chosen.enumerate().map(|(place, points)| {
        let steps = Arc::clone(&steps);
        async move {
            let kills = Run::play(forge, &steps, points).await.kills;
            say(&format!("play {} of {plays}: {kills} kills\n", place + 1));
            kills
        }
    });
    futures_util::stream::iter(played).buffer_unordered(AT_ONCE).fold(0, async |sum, met| sum + met).await
}

fn say(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_the_writes_that_must_not_be_doubled_it_ends_as_if_nothing_had_been() {
    let steps = Arc::new(undisturbed().await);
    for forge in FORGES {
        let writes =
            ["merge_requests/*/notes", "merge_requests/*/merge", "repository/tags", "pipeline", "releases"];
        let kill = |kill| {
            move |path: &&str| Point::Request {
                kind: format!("{} {path}", if path.ends_with("merge") { "PUT" } else { "POST" }),
                place: 0,
                kill,
            }
        };
        // All in one play: after each kill the way goes on to the next.
        let after: Vec<_> = writes.iter().map(kill(Kill::After)).collect();
        let run = Run::play(forge, &steps, after).await;
        assert_eq!(run.kills, writes.len(), "every write was met");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: every crash point"]
async fn killed_at_any_step_it_ends_as_if_nothing_had_been() {
    let steps = Arc::new(undisturbed().await);
    for forge in FORGES {
        let plain = Run::play(forge, &steps, Vec::new()).await;
        let all = points(&plain);
        let kinds: BTreeSet<_> = plain.requests.keys().cloned().collect();
        say(&format!("crash points on {forge}: {} ({} kinds of request)\n", all.len(), kinds.len()));
        let count = all.len();
        let met = each(forge, Arc::clone(&steps), &all).await;
        say(&format!("crash points on {forge}: {met} of {count} met, every end the same\n"));
        assert!(met * 10 >= count * 8, "only {met} of {count} points were met");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: killed at every request of one play, over and over"]
async fn killed_again_and_again_it_still_arrives() {
    let steps = Arc::new(undisturbed().await);
    for forge in FORGES {
        let plain = Run::play(forge, &steps, Vec::new()).await;
        let run = Run::play(forge, &steps, points(&plain)).await;
        say(&format!("one play on {forge} was killed {} times\n", run.kills));
        assert!(run.kills > plain.requests.len(), "{} kills", run.kills);
    }
}

/// What a browser or a watcher is answered.
async fn status(address: &str, path: &str) -> u16 {
    reqwest::get(format!("http://{address}{path}")).await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_end_it_finishes_what_it_began_and_keeps_what_comes_meanwhile() {
    let mut stage = Stage::set(Vec::new()).await;
    let number = stage.opens();
    // The first look at the forge takes its time.
    stage.holds_first_request().await;
    let bot = stage.bot.take().unwrap();
    let address = bot.address.clone();
    bot.ask_to_end().await;
    while status(&address, "/readyz").await != 503 {}
    assert_eq!(status(&address, "/healthz").await, 200);
    let url = format!("http://{address}/webhooks/gitlab");
    stage.project.retitle(super::flow::play::AUTHOR, number, "Train even longer").unwrap();
    let late = stage.sandbox.next_delivery().await;
    assert_eq!(stage.sandbox.send_to(&late, &url).await, Ok(202), "no forge would send it again");
    stage.sandbox.let_go();
    assert_eq!(bot.ended().await, Some(0));
    assert_eq!(stage.project.comments(number).unwrap().len(), 0, "nothing more was begun");

    // The next process goes on where this one stopped.
    stage.start().await;
    let building = &undisturbed().await[0];
    stage.reaches(number, building, 0, "an orderly end").await;
    assert_eq!(stage.bot.take().unwrap().end().await, Some(0));
}
