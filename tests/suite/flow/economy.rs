//! How much the bot asks of a forge: rate limits are shared with people.

use std::collections::BTreeMap;
use std::io::Write as _;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::File;

use super::Play;
use super::forges::on_both_forges;
use super::play::{BOT, OWNER};

on_both_forges! {
    a_lifecycle_stays_within_its_budget,
    a_lifecycle_with_every_head_built_stays_within_its_budget,
}

/// What may be asked for at most.
#[derive(Clone, Copy)]
struct Budget {
    writes: usize,
    /// Without what GitHub only confirmed (304): that costs nothing of its budget.
    paid: usize,
    all: usize,
}

/// A merge request is opened, pushed to twice, built, tested, approved and published. The goal is 45 writes
/// and 100 requests: what it costs today may only become less.
async fn a_lifecycle_stays_within_its_budget(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Train longer").await;
    for epochs in [20, 30] {
        play.pushes(number, &[params(epochs)]).await;
    }
    let most = match forge {
        ForgeKind::GitLab => Budget { writes: 45, paid: 113, all: 113 },
        ForgeKind::GitHub => Budget { writes: 46, paid: 109, all: 125 },
    };
    goes_its_way(play, number, most).await;
}

/// The same where each head is built before the next push: then there is more to show.
async fn a_lifecycle_with_every_head_built_stays_within_its_budget(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Train longer").await;
    for epochs in [20, 30] {
        play.builds(number, "earlier").await;
        play.pushes(number, &[params(epochs)]).await;
    }
    let most = match forge {
        ForgeKind::GitLab => Budget { writes: 53, paid: 129, all: 129 },
        ForgeKind::GitHub => Budget { writes: 54, paid: 128, all: 145 },
    };
    goes_its_way(play, number, most).await;
}

fn params(epochs: u32) -> File {
    File::write("models/iris/params.json", format!("{{\"epochs\": {epochs}}}\n"))
}

/// From a new head to its release, within the budget.
async fn goes_its_way(mut play: Play, number: u64, most: Budget) {
    play.builds(number, "newest").await;
    play.measures(number, r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");

    let requests = play.sandbox.requests();
    let ours: Vec<_> = requests.iter().filter(|request| request.by.as_deref() == Some(BOT)).collect();
    let reads = ["GET", "HEAD"];
    let writes = ours.iter().filter(|request| !reads.contains(&request.method.as_str())).count();
    let mut kinds = BTreeMap::<String, usize>::new();
    for request in &ours {
        *kinds.entry(format!("{} {}", request.method, shape(&request.url))).or_default() += 1;
    }
    let paid = ours.iter().filter(|request| request.status != Some(304)).count();
    let (forge, all) = (play.forge, ours.len());
    let mut said = format!(
        "a lifecycle on {forge}: {writes} writes, {paid} requests and {} confirmed ones\n",
        all - paid
    );
    for (kind, count) in &kinds {
        said += &format!("{count:5} {kind}\n");
    }
    // Not by `println!`: the test harness would swallow it.
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    assert!(writes <= most.writes && paid <= most.paid && all <= most.all, "{said}");
    play.ends().await;
}

/// The path with every number and commit made alike.
fn shape(url: &str) -> String {
    let path = url.split('?').next().unwrap_or_default().trim_start_matches("/api/v4");
    let parts = path.split('/').map(|part| {
        let commit = part.len() == 40 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if commit || number { "*" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}
