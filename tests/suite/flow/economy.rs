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
}

/// What one model's way to its release, with one push in between, may cost: as much as it does today,
/// so that it only ever gets less. The goal for all requests is 100.
const fn most(forge: ForgeKind) -> (usize, usize) {
    match forge {
        // Beside the rest, three places where CODEOWNERS may stand are looked at, and the head's statuses
        // before each command.
        ForgeKind::GitLab => (44, 133),
        // One label for another is two writes and a reading there, a tag two writes.
        ForgeKind::GitHub => (51, 151),
    }
}

async fn a_lifecycle_stays_within_its_budget(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Train longer").await;
    play.builds(number, "first").await;
    play.pushes(number, &[File::write("models/iris/params.json", "{\"epochs\": 30}\n")]).await;
    play.builds(number, "second").await;
    play.measures(number, r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");

    let requests = play.sandbox.requests();
    let ours: Vec<_> = requests.iter().filter(|request| request.by.as_deref() == Some(BOT)).collect();
    let writes = ours.iter().filter(|request| request.method != "GET").count();
    let mut kinds = BTreeMap::<String, usize>::new();
    for request in &ours {
        *kinds.entry(format!("{} {}", request.method, shape(&request.url))).or_default() += 1;
    }
    let mut said = format!("a lifecycle on {forge}: {writes} writes, {} requests\n", ours.len());
    for (kind, count) in &kinds {
        said += &format!("{count:5} {kind}\n");
    }
    // Not by `println!`: the test harness would swallow it.
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    let (most_writes, most_requests) = most(forge);
    assert!(writes <= most_writes && ours.len() <= most_requests, "{said}");
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
