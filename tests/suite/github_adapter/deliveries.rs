//! What GitHub could not deliver: read in the log of our hook, or of the App, and asked for.

use mergewright::domain::{ForgeKind, RepoId, Timestamp};
use mergewright::forge::{Again, Deliveries as _, ErrorKind, FailedDelivery, Log, OurHook, ReadUpTo};
use serde_json::{Value, json};

use super::app::{app, bearer, clock};
use super::{REPO, adapter, serve};
use crate::scripted::{Answer, Server, on};

const URL: &str = "https://bot.example/webhooks/github";
const HOOKS: &str = "/repos/acme/models/hooks?per_page=100";
const DELIVERIES: &str = "/repos/acme/models/hooks/51/deliveries?per_page=100";
const ATTEMPTS: &str = "/repos/acme/models/hooks/51/deliveries/9/attempts";

fn hook() -> OurHook {
    OurHook::Repository(REPO, URL.to_owned())
}

fn hooks() -> Answer {
    let all = json!([
        { "id": 50, "config": { "url": "https://else.example/webhooks/github" } },
        { "id": 51, "config": { "url": URL } },
    ]);
    on("GET", HOOKS, 200, all)
}

fn attempt(id: u64, guid: &str, minute: u32, status: u16) -> Value {
    json!({ "id": id, "guid": guid, "delivered_at": format!("2026-01-02T03:{minute:02}:00Z"),
            "redelivery": false, "duration": 0.1, "status": "x", "status_code": status,
            "event": "issue_comment", "action": "created", "installation_id": null, "repository_id": 7 })
}

fn minute(minute: u32) -> Timestamp {
    Timestamp::parse(&format!("2026-01-02T03:{minute:02}:00Z")).unwrap()
}

fn since(at: u32) -> ReadUpTo {
    ReadUpTo { at: minute(at), newest: None }
}

fn lost(id: &str, attempt: u64, at: u32) -> FailedDelivery {
    let (id, event) = (id.to_owned(), "issue_comment".to_owned());
    FailedDelivery { repo: Some(REPO), id, also: None, attempt, event, at: Some(minute(at)) }
}

#[tokio::test]
async fn what_no_attempt_handed_over_has_failed_as_far_back_as_is_asked() {
    let mut ping = attempt(19, "ping", 9, 500);
    ping["event"] = json!("ping");
    let first = json!([
        ping,
        attempt(18, "late", 8, 0),
        attempt(17, "mended", 7, 202),
        attempt(16, "again", 6, 503),
        attempt(15, "mended", 5, 500),
    ]);
    let second =
        json!([attempt(14, "again", 4, 404), attempt(13, "edge", 3, 500), attempt(12, "old", 2, 500)]);
    let next = format!("{DELIVERIES}&cursor=v1_14");
    let server = serve([hooks()]).await;
    let link = format!("<{}/api/v3{next}>; rel=\"next\"", server.url());
    let more = format!("<{}/api/v3{DELIVERIES}&cursor=v1_11>; rel=\"next\"", server.url());
    server.add([
        on("GET", DELIVERIES, 200, first).header("link", link),
        on("GET", next, 200, second).header("link", more),
    ]);
    let log = adapter(&server).failed_deliveries(&hook(), &since(3)).await.unwrap();
    let failed = vec![lost("again", 16, 6), lost("edge", 13, 3), lost("late", 18, 8)];
    assert_eq!(log, Log::Read { failed, newest: 19, cut: false });
    server.finished();
}

#[tokio::test]
async fn where_the_log_cannot_be_read_it_is_said_why() {
    let no = |target: &str, status: u16| on("GET", target, status, json!({ "message": "no" }));
    for (answers, why) in [
        (vec![no(HOOKS, 403)], "may not read the repository's webhooks"),
        (vec![no(HOOKS, 404)], "may not read the repository's webhooks"),
        (vec![on("GET", HOOKS, 200, json!([]))], "no webhook of the repository"),
        (vec![hooks(), no(DELIVERIES, 403)], "may not read what was delivered"),
    ] {
        let server = serve(answers).await;
        let log = adapter(&server).failed_deliveries(&hook(), &since(0)).await.unwrap();
        assert!(matches!(&log, Log::Closed(said) if said.contains(why)), "{why}: {log:?}");
        server.finished();
    }
    let server = serve([hooks(), no(DELIVERIES, 500)]).await;
    let error = adapter(&server).failed_deliveries(&hook(), &since(0)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None }, "that is no answer");
}

#[tokio::test]
async fn a_log_without_an_end_is_read_only_so_far() {
    let server = serve([hooks()]).await;
    let page = |cursor: u64| {
        let target =
            if cursor == 0 { DELIVERIES.to_owned() } else { format!("{DELIVERIES}&cursor={cursor}") };
        let next = format!("<{}/api/v3{DELIVERIES}&cursor={}>; rel=\"next\"", server.url(), cursor + 1);
        on("GET", target, 200, json!([attempt(1000 - cursor, "same", 9, 500)])).header("link", next)
    };
    server.add((0..20).map(page));
    let log = adapter(&server).failed_deliveries(&hook(), &since(0)).await.unwrap();
    assert_eq!(log, Log::Read { failed: vec![lost("same", 1000, 9)], newest: 1000, cut: true });
    server.finished();
}

#[tokio::test]
async fn each_answer_to_a_wish_has_its_own_meaning() {
    let answered = |status: u16| on("POST", ATTEMPTS, status, json!({}));
    for (answer, meaning) in [
        (answered(202), "asked"),
        (answered(429).header("retry-after", "9"), "later"),
        (answered(403).header("x-ratelimit-remaining", "0"), "later"),
        (answered(403), "refused"),
        (answered(404), "refused"),
        (answered(422), "refused"),
        (answered(502), "unknown"),
    ] {
        let shown = format!("{answer:?}");
        let server = serve([hooks(), answer]).await;
        let said = match adapter(&server).deliver_again(&hook(), 9).await {
            Again::Asked => "asked",
            Again::Later(_) => "later",
            Again::Refused(_) => "refused",
            Again::Unknown(_) => "unknown",
        };
        assert_eq!(said, meaning, "{shown}");
        server.finished();
    }
}

#[tokio::test]
async fn an_app_asks_as_itself_about_its_one_hook() {
    let mut elsewhere = attempt(18, "other", 8, 500);
    elsewhere["repository_id"] = json!(8);
    let mut nowhere = attempt(17, "suspended", 7, 500);
    nowhere["repository_id"] = Value::Null;
    let page = json!([elsewhere, nowhere, attempt(16, "ours", 6, 500)]);
    let server = Server::start([
        on("GET", "/app/hook/deliveries?per_page=100", 200, page),
        on("POST", "/app/hook/deliveries/16/attempts", 202, json!({})),
    ])
    .await;
    let github = app(&server, &clock());
    assert!(github.has_one_hook());
    let log = github.failed_deliveries(&OurHook::App, &since(0)).await.unwrap();
    let other = RepoId { forge: ForgeKind::GitHub, number: 8 };
    let failed = vec![
        FailedDelivery { repo: Some(other), ..lost("other", 18, 8) },
        lost("ours", 16, 6),
        FailedDelivery { repo: None, ..lost("suspended", 17, 7) },
    ];
    let Log::Read { failed: mut found, .. } = log else { panic!("{log:?}") };
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, failed);
    assert_eq!(github.deliver_again(&OurHook::App, 16).await, Again::Asked);
    let asked = server.finished();
    assert!(asked.iter().all(|one| bearer(one).split('.').count() == 3), "signed by the App itself");
}

#[tokio::test]
async fn an_older_server_shows_no_app_what_it_delivered() {
    let no = on("GET", "/app/hook/deliveries?per_page=100", 404, json!({ "message": "Not Found" }));
    let server = Server::start([no]).await;
    let log = app(&server, &clock()).failed_deliveries(&OurHook::App, &since(0)).await.unwrap();
    assert!(matches!(&log, Log::Closed(why) if why.contains("keeps no list")), "{log:?}");
}
