//! How much GitHub lets us ask: told and untold pauses, an empty budget, answers that are only confirmed.

use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::CommentId;
use mergewright::forge::{ErrorKind, Forge as _, GitHub};
use serde_json::{Value, json};

use super::{MR, REPO, adapter, config, named, repository, serve, user};
use crate::scripted::{Answer, Hand, Server, kind, on, raw};

const COMMENT: &str = "/repos/acme/models/issues/comments/1";

fn wait(seconds: u64) -> ErrorKind {
    ErrorKind::Retry { after: Some(Duration::from_secs(seconds)) }
}

fn at(clock: &Arc<Hand>, server: &Server) -> GitHub {
    GitHub::new(&config(&server.url()), Arc::<Hand>::clone(clock)).unwrap()
}

fn refused(status: u16, message: &str) -> Answer {
    on("GET", "/user", status, json!({ "message": message }))
}

const SECONDARY: &str =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

#[tokio::test]
async fn a_slow_down_silences_the_whole_credential_until_its_time() {
    let clock = Arc::new(Hand::default());
    let empty = |status| {
        refused(status, "API rate limit exceeded for user ID 1.")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", "1700000050")
    };
    for (answer, seconds) in [
        (refused(403, SECONDARY).header("retry-after", "30"), 30),
        (refused(429, SECONDARY).header("retry-after", "31"), 31),
        (refused(403, SECONDARY).header("retry-after", "Tue, 14 Nov 2023 22:14:00 GMT"), 40),
        (empty(403), 50),
        (empty(429), 50),
    ] {
        clock.set(1_700_000_000);
        let server = Server::start([answer]).await;
        let github = at(&clock, &server);
        assert_eq!(kind(github.whoami().await), wait(seconds));
        clock.set(1_700_000_000 + i64::try_from(seconds).unwrap() - 1);
        assert_eq!(kind(github.edit_comment(MR, CommentId(1), "x").await), wait(1));
        server.only();
        clock.set(1_700_000_000 + i64::try_from(seconds).unwrap());
        server.add([on("GET", "/user", 200, user(9, "bot"))]);
        github.whoami().await.unwrap();
        server.finished();
    }
}

#[tokio::test]
async fn a_secondary_limit_without_a_time_waits_a_minute_then_two_until_github_answers_again() {
    for status in [403, 429] {
        let clock = Arc::new(Hand::default());
        clock.set(1_700_000_000);
        let server = Server::start([refused(status, SECONDARY)]).await;
        let github = at(&clock, &server);
        assert_eq!(kind(github.whoami().await), wait(60));
        assert_eq!(kind(github.repository(REPO).await), wait(60), "nobody of this credential speaks");
        clock.set(1_700_000_060);
        server.add([refused(status, SECONDARY)]);
        assert_eq!(kind(github.whoami().await), wait(120));
        clock.set(1_700_000_180);
        server.add([named(), refused(status, SECONDARY)]);
        github.repository(REPO).await.unwrap();
        assert_eq!(kind(github.whoami().await), wait(60));
        server.finished();
    }
}

#[tokio::test]
async fn a_missing_right_is_no_limit_although_it_counts_the_budget() {
    let no = refused(403, "Resource not accessible by personal access token")
        .header("x-ratelimit-remaining", "4999");
    let server = Server::start([no, on("GET", "/user", 200, user(9, "bot"))]).await;
    let github = adapter(&server);
    assert_eq!(kind(github.whoami().await), ErrorKind::Refused);
    github.whoami().await.unwrap();
}

#[tokio::test]
async fn the_last_answer_of_the_budget_counts_and_the_next_question_waits_for_its_renewal() {
    let clock = Arc::new(Hand::default());
    clock.set(1_700_000_000);
    let last = |resource: &'static str| {
        on("GET", "/user", 200, user(9, "bot"))
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", "1700000020")
            .header("x-ratelimit-resource", resource)
    };
    let server = Server::start([last("core")]).await;
    let github = at(&clock, &server);
    github.whoami().await.unwrap();
    assert_eq!(kind(github.repository(REPO).await), wait(20));
    server.only();
    let server = Server::start([last("search"), named()]).await;
    let github = at(&clock, &server);
    github.whoami().await.unwrap();
    github.repository(REPO).await.unwrap();
}

#[tokio::test]
async fn an_answer_with_a_tag_is_confirmed_instead_of_repeated_with_its_next_page() {
    let list = "/repos/acme/models/issues/3/comments?per_page=100";
    let comment = |id: u64| json!([{ "id": id, "user": user(6, "bob"), "body": "x" }]);
    let server = serve([]).await;
    let next = format!("<{}/api/v3{list}&page=2>; rel=\"next\"", server.url());
    let unchanged = |target: String| raw("GET", target, 304, "").header("etag", "W/\"1\"");
    let (second, tag) = (format!("{list}&page=2"), "W/\"1\"");
    server.add([
        on("GET", list, 200, comment(1)).header("etag", tag).header("link", next),
        on("GET", second.clone(), 200, comment(2)).header("etag", "W/\"2\""),
        unchanged(list.to_owned()),
        on("GET", second.clone(), 200, comment(3)),
        unchanged(list.to_owned()),
        on("GET", second, 200, comment(4)),
    ]);
    let github = adapter(&server);
    let ids = async || github.comments(MR).await.unwrap().iter().map(|one| one.id.0).collect::<Vec<_>>();
    assert_eq!(ids().await, [1, 2]);
    assert_eq!(ids().await, [1, 3]);
    assert_eq!(ids().await, [1, 4], "an answer without a tag takes the place of the one that had one");
    let asked = server.finished();
    let conditions: Vec<_> = asked.iter().map(|one| one.header("if-none-match")).collect();
    assert_eq!(conditions, [None, None, None, Some(tag), Some("W/\"2\""), Some(tag), None]);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_not_kept_and_an_unasked_confirmation_is_none() {
    let whole = repository(json!({}));
    let server = Server::start([
        on("GET", "/repositories/7", 200, whole.clone()).header("etag", "\"1\"").broken_off(),
        on("GET", "/repositories/7", 404, json!({ "message": "Not Found" })).header("etag", "\"2\""),
        raw("GET", "/repositories/7", 304, ""),
        on("GET", "/repositories/7", 200, whole),
    ])
    .await;
    let github = adapter(&server);
    assert_eq!(kind(github.repository(REPO).await), ErrorKind::Retry { after: None });
    assert_eq!(kind(github.repository(REPO).await), ErrorKind::Gone);
    assert_eq!(kind(github.repository(REPO).await), ErrorKind::Refused);
    github.repository(REPO).await.unwrap();
    assert!(server.finished().iter().all(|one| one.header("if-none-match").is_none()));
}

#[tokio::test]
async fn a_name_is_looked_up_again_when_it_is_old_or_blamed() {
    let clock = Arc::new(Hand::default());
    let edited = |path: &str, status| on("PATCH", path, status, json!({ "message": "Not Found" }));
    let server = serve([edited(COMMENT, 200), edited(COMMENT, 404)]).await;
    let github = at(&clock, &server);
    let edit = async || github.edit_comment(MR, CommentId(1), "x").await;
    edit().await.unwrap();
    assert_eq!(kind(edit().await), ErrorKind::Gone, "the name was read just now: it is not to blame");
    clock.set(100);
    let renamed = repository(json!({ "full_name": "acme/new" }));
    let there = COMMENT.replace("models", "new");
    server.add([
        edited(COMMENT, 404),
        on("GET", "/repositories/7", 200, renamed.clone()),
        edited(&there, 200),
    ]);
    edit().await.unwrap();
    clock.set(200);
    server.add([edited(&there, 404), on("GET", "/repositories/7", 200, renamed.clone())]);
    assert_eq!(kind(edit().await), ErrorKind::Gone, "the name is right");
    clock.set(600);
    server.add([on("GET", "/repositories/7", 200, renamed), edited(&there, 200)]);
    edit().await.unwrap();
    server.finished();
}

#[tokio::test]
async fn a_repository_that_is_gone_is_said_to_be_gone_and_another_is_not_taken_for_it() {
    let gone = on("GET", "/repositories/7", 404, json!({ "message": "Not Found" }));
    let other = on("GET", "/repositories/7", 200, repository(json!({ "id": 8 })));
    let nameless = on("GET", "/repositories/7", 200, repository(json!({ "full_name": "models" })));
    let server = Server::start([gone, other, nameless]).await;
    let github = adapter(&server);
    let read = async || github.comments(MR).await;
    assert_eq!(kind(read().await), ErrorKind::Gone);
    assert_eq!(kind(read().await), ErrorKind::Refused);
    assert_eq!(kind(read().await), ErrorKind::Refused);
    let none: Vec<Value> = Vec::new();
    server.add([named(), on("GET", "/repos/acme/models/issues/3/comments?per_page=100", 200, none)]);
    assert!(read().await.unwrap().is_empty());
    server.finished();
}

#[tokio::test]
async fn what_is_left_of_the_budget_is_told_to_the_metrics() {
    let recorder = mergewright::telemetry::recorder().unwrap();
    let _measured = metrics::set_default_local_recorder(&recorder);
    let left = |left: &str| {
        on("GET", "/repositories/7", 200, repository(json!({}))).header("x-ratelimit-remaining", left)
    };
    let search = left("29").header("x-ratelimit-resource", "search");
    let core = left("4320").header("x-ratelimit-resource", "core");
    let server = Server::start([left("4321"), search, core]).await;
    let github = adapter(&server);
    for expected in [4321, 4321, 4320] {
        github.repository(REPO).await.unwrap();
        let text = recorder.handle().render();
        let line = format!("mergewright_forge_rate_limit_remaining{{forge=\"github\"}} {expected}\n");
        assert!(text.contains(&line), "{text}");
    }
}
