//! Everything that can go wrong between us and GitHub, and what must never leak or loop.

use std::sync::Arc;
use std::time::Duration;

use mergewright::config::server::GithubCredential;
use mergewright::domain::CommentId;
use mergewright::forge::{ErrorKind, Forge as _, GitHub, Limits};
use serde_json::json;

use super::{MR, TOKEN, adapter, config, serve, user, with_limits};
use crate::scripted::{Answer, Hand, Server, closed_door, kind, on, raw};

const COMMENTS: &str = "/repos/acme/models/issues/3/comments?per_page=100";
const COMMENT: &str = "/repos/acme/models/issues/comments/1";
const AGAIN: ErrorKind = ErrorKind::Retry { after: None };

#[tokio::test]
async fn each_kind_of_bad_answer_has_its_class() {
    let said = |status: u16, text: &str| {
        on("GET", "/user", status, json!({ "message": text, "documentation_url": "x" }))
    };
    let page =
        |status| raw("GET", "/user", status, "<html>Unicorn!</html>").header("content-type", "text/html");
    let cases: Vec<(Answer, ErrorKind)> = vec![
        (said(401, "Bad credentials"), ErrorKind::Unauthorized),
        (said(403, "Resource not accessible by personal access token"), ErrorKind::Refused),
        (said(404, "Not Found"), ErrorKind::Gone),
        (said(410, "This issue was deleted"), ErrorKind::Gone),
        (said(422, "Validation Failed"), ErrorKind::Refused),
        (said(500, "Server Error"), AGAIN),
        (page(502), AGAIN),
        (page(503), AGAIN),
        (page(404), AGAIN),
        (raw("GET", "/user", 200, "<html>Sign in</html>").header("content-type", "text/html"), AGAIN),
        (raw("GET", "/user", 200, "{\"id\": 9, \"log"), AGAIN),
        (raw("GET", "/user", 200, "{\"id\": 9, \"login\": \"a\"}").broken_off(), AGAIN),
        (on("GET", "/user", 200, json!({ "id": "nine" })), ErrorKind::Refused),
        (said(503, "").header("retry-after", "8"), ErrorKind::Retry { after: Some(Duration::from_secs(8)) }),
    ];
    for (answer, expected) in cases {
        let shown = format!("{answer:?}");
        let server = Server::start([answer]).await;
        assert_eq!(kind(adapter(&server).whoami().await), expected, "{shown}");
        server.only();
    }
}

#[tokio::test]
async fn a_time_out_and_a_closed_door_are_tried_again() {
    let server = Server::start([on("GET", "/user", 200, json!({})).silent()]).await;
    let limits = Limits { call: Duration::from_millis(50), ..Limits::default() };
    let error = with_limits(&server, limits).whoami().await.unwrap_err();
    assert_eq!(error.kind, AGAIN);
    assert!(error.external.contains("in time"), "{error}");
    let (_kept, nobody) = closed_door();
    let nobody = format!("http://{nobody}");
    let error = GitHub::new(&config(&nobody), Arc::new(Hand::default())).unwrap().whoami().await.unwrap_err();
    assert_eq!(error.kind, AGAIN);
    assert!(error.external.contains("cannot be reached"), "{error}");
    assert!(!error.internal.contains("/api/v3"), "addresses stay out of errors: {error}");
}

#[tokio::test]
async fn a_failed_request_is_not_repeated_by_anybody_below() {
    let post = |status: u16| on("POST", "/repos/acme/models/issues/3/comments", status, json!({ "id": 1 }));
    for (answer, expected) in [
        (post(500), AGAIN),
        (post(503), AGAIN),
        (post(201).broken_off(), AGAIN),
        (post(401), ErrorKind::Unauthorized),
    ] {
        let server = serve([answer]).await;
        assert_eq!(kind(adapter(&server).create_comment(MR, "x").await), expected);
        assert_eq!(server.finished().len(), 2);
    }
    let server = Server::start([on("GET", "/user", 500, json!({}))]).await;
    assert_eq!(kind(adapter(&server).whoami().await), AGAIN);
    server.only();
}

#[tokio::test]
async fn writes_keep_their_distance_and_reads_do_not_wait() {
    let patch = || on("PATCH", COMMENT, 200, json!({}));
    let server = serve([patch(), on("GET", "/user", 200, user(9, "bot"))]).await;
    let mut slow = config(&server.url());
    slow.write_interval = Duration::from_secs(3600);
    let github = GitHub::new(&slow, Arc::new(Hand::default())).unwrap();
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    tokio::select! {
        second = github.edit_comment(MR, CommentId(1), "y") => panic!("it did not wait: {second:?}"),
        read = github.whoami() => drop(read.unwrap()),
    }
    server.finished();
}

#[tokio::test]
async fn a_link_to_pages_elsewhere_is_refused_and_not_followed() {
    let elsewhere = Server::start([]).await;
    let link = format!("<{}/api/v3{COMMENTS}&page=2>; rel=\"next\"", elsewhere.url());
    let server = serve([on("GET", COMMENTS, 200, json!([])).header("link", link)]).await;
    let error = adapter(&server).comments(MR).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("next page"), "{}", error.external);
    assert!(elsewhere.asked().is_empty());
    server.finished();
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let server = serve([]).await;
    let page =
        |number: u32| if number == 1 { COMMENTS.to_owned() } else { format!("{COMMENTS}&page={number}") };
    server.add((1..=4).map(|number| {
        let link = format!("<{}/api/v3{}>; rel=\"next\"", server.url(), page(number + 1));
        on("GET", page(number), 200, json!([])).header("link", link)
    }));
    let limits = Limits { pages: 4, ..Limits::default() };
    let error = with_limits(&server, limits).comments(MR).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("more than 4 pages"), "{}", error.external);
    server.finished();
}

#[tokio::test]
async fn a_read_follows_redirects_at_home_and_nowhere_else() {
    let server = Server::start([
        raw("GET", "/user", 301, "").header("location", "/api/v3/user/9"),
        on("GET", "/user/9", 200, user(9, "bot")),
    ])
    .await;
    adapter(&server).whoami().await.unwrap();
    assert_eq!(server.finished()[1].header("authorization"), Some(&*format!("Bearer {TOKEN}")));

    let elsewhere = Server::start([]).await;
    let server = Server::start([raw("GET", "/user", 302, "").header("location", elsewhere.url())]).await;
    assert_eq!(kind(adapter(&server).whoami().await), ErrorKind::Refused);
    assert!(elsewhere.asked().is_empty());

    let circle = (0..6).map(|_| raw("GET", "/user", 302, "").header("location", "/api/v3/user"));
    let server = Server::start(circle).await;
    assert_eq!(kind(adapter(&server).whoami().await), ErrorKind::Refused);
    assert_eq!(server.finished().len(), 6);
}

#[tokio::test]
async fn an_answer_without_measure_is_not_read_to_its_end() {
    let server =
        Server::start([on("GET", "/user", 200, json!({ "id": 9, "login": "x".repeat(2000) }))]).await;
    let error = with_limits(&server, Limits { json: 1000, ..Limits::default() }).whoami().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("larger than 1000 bytes"), "{}", error.external);
}

#[tokio::test]
async fn no_error_ever_holds_the_token_or_credentials_of_an_address() {
    let said =
        json!({ "message": format!("bad token {TOKEN} at https://bot:pass-word@gh/x?access_token=abcdef") });
    for status in [400, 401, 403, 404, 409, 422, 429, 500] {
        let server = serve([on("PATCH", COMMENT, status, said.clone())]).await;
        let error = adapter(&server).edit_comment(MR, CommentId(1), "x").await.unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            for secret in [TOKEN, "pass-word", "abcdef"] {
                assert!(!text.contains(secret), "{status}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_without_telling_its_secrets() {
    for (url, token) in [
        ("ftp://gh.test", TOKEN),
        ("not an address", TOKEN),
        ("https://bot:pass-word@gh.test", TOKEN),
        ("https://gh.test", "line\nbreak"),
    ] {
        for uploads in [false, true] {
            let mut wrong = config("https://gh.test");
            if uploads {
                wrong.upload_url = url.to_owned()
            } else {
                wrong.api_url = url.to_owned()
            }
            wrong.credential = GithubCredential::Token(token.into());
            let error = GitHub::new(&wrong, Arc::new(Hand::default())).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused, "{url}");
            let told = error.to_string();
            assert!(!told.contains("pass-word") && !told.contains(token), "{told}");
        }
    }
    assert!(GitHub::new(&config("https://gh.test"), Arc::new(Hand::default())).is_ok());
}
