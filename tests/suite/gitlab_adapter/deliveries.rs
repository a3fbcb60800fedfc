//! What GitLab could not deliver: read in the log of our hook, and asked for.

use mergewright::domain::Timestamp;
use mergewright::forge::{Again, Deliveries as _, ErrorKind, FailedDelivery, Log, OurHook, ReadUpTo};
use serde_json::{Value, json};

use super::{REPO, adapter};
use crate::scripted::{Answer, Server, on};

const URL: &str = "https://bot.example/webhooks/gitlab";
const EVENTS: &str = "/projects/7/hooks/51/events?per_page=20";
const RESEND: &str = "/projects/7/hooks/51/events/9/resend";

fn hook() -> OurHook {
    OurHook::Repository(REPO, URL.to_owned())
}

fn hooks() -> Answer {
    let all = json!([
        { "id": 50, "url": "https://else.example/webhooks/gitlab" },
        { "id": 51, "url": "https://bot.example/webhooks/gitlab/" },
    ]);
    on("GET", "/projects/7/hooks?per_page=100", 200, all)
}

fn attempt(id: u64, key: &str, status: impl Into<Value>) -> Value {
    json!({ "id": id, "url": URL, "trigger": "note_hooks", "response_status": status.into(),
            "request_headers": { "Idempotency-Key": key, "X-Gitlab-Event": "Note Hook" },
            "request_data": { "object_kind": "note" } })
}

fn after(newest: Option<u64>) -> ReadUpTo {
    ReadUpTo { at: Timestamp(0), newest }
}

fn lost(id: &str, attempt: u64) -> FailedDelivery {
    let (repo, id, event) = (Some(REPO), id.to_owned(), "note_hooks".to_owned());
    FailedDelivery { repo, id, also: None, attempt, event, at: None }
}

#[tokio::test]
async fn what_no_attempt_handed_over_has_failed_whatever_the_answer_was() {
    let page = json!([
        attempt(18, "late", "internal error"),
        attempt(17, "mended", "200"),
        attempt(16, "again", 503),
        attempt(15, "mended", "500"),
        attempt(14, "again", "404"),
    ]);
    let older = json!([attempt(13, "older", "302"), attempt(12, "known", "500")]);
    let next = format!("{EVENTS}&page=2");
    let server = Server::start([hooks()]).await;
    let link = format!("<{}/api/v4{next}>; rel=\"next\"", server.url());
    server.add([on("GET", EVENTS, 200, page).header("link", link), on("GET", next, 200, older)]);
    let log = adapter(&server).failed_deliveries(&hook(), &after(Some(12))).await.unwrap();
    let failed = vec![lost("again", 16), lost("late", 18), lost("older", 13)];
    assert_eq!(log, Log::Read { failed, newest: 18, cut: false });
    server.finished();
}

#[tokio::test]
async fn where_nothing_was_read_before_only_the_end_of_the_log_is_looked_for() {
    for (page, newest) in [(json!([attempt(18, "old", "500")]), 18), (json!([]), 0)] {
        let server = Server::start([hooks(), on("GET", EVENTS, 200, page)]).await;
        let log = adapter(&server).failed_deliveries(&hook(), &after(None)).await.unwrap();
        assert_eq!(log, Log::Read { failed: Vec::new(), newest, cut: false });
        server.finished();
    }
}

#[tokio::test]
async fn an_id_that_a_signature_covers_may_be_the_one_that_was_taken() {
    let mut signed = attempt(18, "key", "500");
    signed["request_headers"]["webhook-id"] = json!("signed");
    let server = Server::start([hooks(), on("GET", EVENTS, 200, json!([signed]))]).await;
    let log = adapter(&server).failed_deliveries(&hook(), &after(Some(0))).await.unwrap();
    let failed = vec![FailedDelivery { also: Some("signed".to_owned()), ..lost("key", 18) }];
    assert_eq!(log, Log::Read { failed, newest: 18, cut: false });
}

#[tokio::test]
async fn where_the_log_cannot_be_read_it_is_said_why() {
    let no = |target: &str, status: u16| on("GET", target, status, json!({ "message": "no" }));
    let mut nameless = attempt(18, "", "500");
    nameless["request_headers"] = json!({});
    for (answers, why) in [
        (vec![no("/projects/7/hooks?per_page=100", 403)], "at least Maintainer"),
        (vec![on("GET", "/projects/7/hooks?per_page=100", 200, json!([]))], "no webhook of the project"),
        (vec![hooks(), no(EVENTS, 404)], "keeps no list"),
        (vec![hooks(), on("GET", EVENTS, 200, json!([nameless]))], "gives its deliveries no ids"),
    ] {
        let server = Server::start(answers).await;
        let log = adapter(&server).failed_deliveries(&hook(), &after(Some(1))).await.unwrap();
        assert!(matches!(&log, Log::Closed(said) if said.contains(why)), "{why}: {log:?}");
        server.finished();
    }
    let server = Server::start([hooks(), no(EVENTS, 502)]).await;
    let error = adapter(&server).failed_deliveries(&hook(), &after(Some(1))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None }, "that is no answer");
}

#[tokio::test]
async fn a_hook_that_was_set_up_anew_is_looked_for_again() {
    let server = Server::start([hooks(), on("GET", EVENTS, 200, json!([]))]).await;
    let gitlab = adapter(&server);
    gitlab.failed_deliveries(&hook(), &after(Some(1))).await.unwrap();
    server.add([
        on("GET", EVENTS, 404, json!({ "message": "404 Not Found" })),
        on("GET", "/projects/7/hooks?per_page=100", 200, json!([{ "id": 52, "url": URL }])),
        on("GET", "/projects/7/hooks/52/events?per_page=20", 200, json!([attempt(3, "x", "500")])),
    ]);
    let log = gitlab.failed_deliveries(&hook(), &after(Some(1))).await.unwrap();
    assert_eq!(log, Log::Read { failed: vec![lost("x", 3)], newest: 3, cut: false });
    server.finished();
}

#[tokio::test]
async fn each_answer_to_a_wish_has_its_own_meaning() {
    let answered = |status: u16| on("POST", RESEND, status, json!({ "response_status": "200" }));
    for (answer, meaning) in [
        (answered(201), "asked"),
        (answered(429), "later"),
        (answered(401), "later"),
        (answered(404), "refused"),
        (answered(422), "refused"),
        (answered(502), "unknown"),
        (answered(503).header("retry-after", "9"), "unknown"),
        (answered(201).silent(), "unknown"),
    ] {
        let shown = format!("{answer:?}");
        let server = Server::start([hooks(), answer]).await;
        let limits = mergewright::forge::Limits {
            call: std::time::Duration::from_millis(500),
            ..mergewright::forge::Limits::default()
        };
        let said = match super::with_limits(&server, limits).deliver_again(&hook(), 9).await {
            Again::Asked => "asked",
            Again::Later(_) => "later",
            Again::Refused(_) => "refused",
            Again::Unknown(_) => "unknown",
        };
        assert_eq!(said, meaning, "{shown}");
    }
}

#[tokio::test]
async fn who_was_told_to_be_silent_asks_nothing_and_knows_that_nothing_was_done() {
    let no = on("POST", RESEND, 429, json!({ "message": "later" })).header("retry-after", "30");
    let server = Server::start([hooks(), no]).await;
    let gitlab = adapter(&server);
    for _ in 0..2 {
        assert!(matches!(gitlab.deliver_again(&hook(), 9).await, Again::Later(_)));
    }
    server.finished();
}
