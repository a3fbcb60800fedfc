//! Every recorded payload of the outside corpus, through the whole bot.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::http::{Method, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use mergewright::domain::{Clock as _, ForgeKind};
use serde_json::json;
use sha2::Sha256;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::Play;
use super::play::{HUB_SECRET, IRIS, SIGNING_TOKEN};

const EVERYBODY: &str = "repositories: [\"*\", \"**\"]\n";

/// A GitHub that knows us and nothing else, and what it was asked.
async fn empty_github() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lines = format!(
        "{EVERYBODY}github:\n  api_url: http://{}\n  webhook_secrets: [{{env: HUB_SECRET}}]\n  token: {{env: TOKEN}}\n  \
         write_interval: 0s\n",
        listener.local_addr().unwrap()
    );
    let ours = Arc::clone(&asked);
    let answer = async move |method: Method, uri: Uri| {
        ours.lock().unwrap().push(format!("{method} {uri}"));
        if uri.path() == "/user" {
            return (StatusCode::OK, Json(json!({ "id": 1, "login": "mergewright-bot", "type": "Bot" })));
        }
        (StatusCode::NOT_FOUND, Json(json!({ "message": "Not Found" })))
    };
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (lines, asked)
}

/// The corpus beside the project; absent in a plain checkout, which is said.
fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/contracts/payloads");
    if folder.join("index.tsv").is_file() {
        return Some(folder);
    }
    // Not by `println!`: the test harness would swallow it.
    let said = b"NOT RUN: no recorded payloads: ../shared/contracts is absent beside the project\n";
    std::io::stdout().write_all(said).unwrap();
    None
}

/// File, event header and body of every payload of a forge.
fn payloads(folder: &Path, forge: &str) -> Vec<(String, String, Vec<u8>)> {
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let rows = index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let ours = rows.filter(|columns| columns[0].starts_with(forge));
    ours.map(|columns| {
        let body = std::fs::read(folder.join(columns[0])).unwrap();
        (columns[0].to_owned(), columns[2].to_owned(), body)
    })
    .collect()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Sends one payload as the forge would; the status of the answer.
async fn send(play: &Play, client: &reqwest::Client, payload: &(String, String, Vec<u8>)) -> u16 {
    let (file, event, body) = payload;
    let request = if file.starts_with("gitlab/") {
        let seconds = play.clock.now().0.div_euclid(1000).to_string();
        let key = STANDARD.decode(SIGNING_TOKEN.strip_prefix("whsec_").unwrap()).unwrap();
        let signature = mac(&key, &[format!("{file}.{seconds}.").as_bytes(), body]);
        client
            .post(format!("{}/webhooks/gitlab", play.door))
            .header("x-gitlab-event", event)
            .header("webhook-id", file)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", format!("v1,{}", STANDARD.encode(signature)))
    } else {
        client
            .post(format!("{}/webhooks/github", play.door))
            .header("x-github-event", event)
            .header("x-github-delivery", file)
            .header(
                "x-hub-signature-256",
                format!("sha256={}", hex::encode(mac(HUB_SECRET.as_bytes(), &[body]))),
            )
    };
    let request = request.header("content-type", "application/json").body(body.clone());
    request.send().await.unwrap().status().as_u16()
}

/// What became of every delivery of a forge: how many by outcome and reason.
async fn outcomes(play: &Play, forge: &str) -> BTreeMap<(String, String), usize> {
    let database = play.folder.path().join("bot.db");
    let mut connection =
        SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.unwrap();
    let rows = sqlx::query("SELECT outcome, coalesce(reason, '') AS reason FROM delivery WHERE forge = $1")
        .bind(forge)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry((row.get("outcome"), row.get("reason"))).or_default() += 1;
    }
    connection.close().await.unwrap();
    counts
}

/// The bot is ready, and a real merge request goes all the way.
async fn still_works(play: &mut Play, client: &reqwest::Client) {
    let ready = client.get(format!("{}/readyz", play.door)).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    play.released("Train longer", r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
}

#[tokio::test]
async fn every_payload_of_gitlab_is_worked_and_the_bot_goes_on() {
    let Some(folder) = corpus() else { return };
    let mut play = Play::serving(ForgeKind::GitLab, IRIS, EVERYBODY).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let payloads = payloads(&folder, "gitlab/");
    assert!(payloads.len() >= 61, "only {} payloads", payloads.len());
    let before: usize = outcomes(&play, "gitlab").await.values().sum();
    for payload in &payloads {
        assert_eq!(send(&play, &client, payload).await, 202, "{}", payload.0);
    }
    play.settle().await;
    for _hour in 0..24 {
        play.passes(Duration::from_secs(3600)).await;
    }
    let outcomes = outcomes(&play, "gitlab").await;
    assert_eq!(outcomes.values().sum::<usize>(), before + payloads.len(), "{outcomes:?}");
    for (outcome, reason) in outcomes.keys() {
        assert!(["done", "ignored"].contains(&outcome.as_str()), "{outcomes:?}");
        assert!(outcome == "done" || !reason.is_empty(), "ignored without a reason: {outcomes:?}");
        assert!(!reason.starts_with("not understood"), "{outcomes:?}");
    }
    // Not all of them may end before anybody asks the forge: what it does not know is no failure.
    let requests = play.sandbox.requests();
    let asked = requests.iter().filter(|one| one.url.contains("/projects/") && one.status == Some(404));
    let asked: std::collections::BTreeSet<_> = asked.map(|one| one.url.clone()).collect();
    assert!(asked.len() >= 3, "{asked:?}");
    still_works(&mut play, &client).await;
    play.ends().await;
}

#[tokio::test]
async fn every_payload_of_github_is_worked_and_the_bot_goes_on() {
    let Some(folder) = corpus() else { return };
    let (lines, asked) = empty_github().await;
    let mut play = Play::serving(ForgeKind::GitLab, IRIS, &lines).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let payloads = payloads(&folder, "github/");
    assert!(payloads.len() >= 299, "only {} payloads", payloads.len());
    let mut kept = 0;
    for payload in &payloads {
        let expected = if payload.1 == "ping" { 200 } else { 202 };
        assert_eq!(send(&play, &client, payload).await, expected, "{}", payload.0);
        kept += usize::from(expected == 202);
    }
    play.settle().await;
    for _hour in 0..24 {
        play.passes(Duration::from_secs(3600)).await;
    }
    let outcomes = outcomes(&play, "github").await;
    assert_eq!(outcomes.values().sum::<usize>(), kept);
    for (outcome, reason) in outcomes.keys() {
        assert!(["done", "ignored"].contains(&outcome.as_str()), "{outcomes:?}");
        assert!(outcome == "done" || !reason.is_empty(), "ignored without a reason: {outcomes:?}");
        assert!(!reason.starts_with("not understood"), "{outcomes:?}");
    }
    let asked = asked.lock().unwrap().clone();
    let repositories = asked.iter().filter(|one| one.starts_with("GET /repositories/")).count();
    assert!(repositories >= 3, "not all of them end before anybody asks the forge: {asked:#?}");
    assert!(asked.iter().all(|one| one.starts_with("GET ")), "nothing is written: {asked:#?}");
    still_works(&mut play, &client).await;
    play.ends().await;
}
