//! Everything that can go wrong between us and GitLab, and what must never leak or loop.

use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::CommentId;
use mergewright::forge::{ErrorKind, Forge as _, GitLab, Limits};
use serde_json::json;

use super::{MR, REPO, TOKEN, adapter, config, user, with_limits};
use crate::scripted::{Answer, Hand, Server, closed_door, kind, on, raw, sha};

const NOTES: &str = "/projects/7/merge_requests/3/notes?sort=asc&order_by=created_at&activity_filter=only_comments&per_page=100";

fn wait(seconds: u64) -> ErrorKind {
    ErrorKind::Retry { after: Some(Duration::from_secs(seconds)) }
}

const AGAIN: ErrorKind = ErrorKind::Retry { after: None };

#[tokio::test]
async fn each_kind_of_bad_answer_has_its_class() {
    let page = || raw("GET", "/user", 422, "<html>no</html>").header("content-type", "text/html");
    let cases: Vec<(Answer, ErrorKind)> = vec![
        (
            on(
                "GET",
                "/user",
                401,
                json!({ "error": "invalid_token", "error_description": "Token was revoked." }),
            ),
            ErrorKind::Unauthorized,
        ),
        (on("GET", "/user", 403, json!({ "message": "403 Forbidden" })), ErrorKind::Refused),
        (on("GET", "/user", 404, json!({ "message": "404 Not found" })), ErrorKind::Gone),
        (on("GET", "/user", 500, json!({ "message": "500" })), AGAIN),
        (raw("GET", "/user", 502, "<html>GitLab is not responding</html>"), AGAIN),
        (page(), AGAIN),
        (raw("GET", "/user", 200, "<html>Sign in</html>").header("content-type", "text/html"), AGAIN),
        (raw("GET", "/user", 200, "{\"id\": 9, \"usern"), AGAIN),
        (raw("GET", "/user", 200, "{\"id\": 9, \"username\": \"a\"}").broken_off(), AGAIN),
        (on("GET", "/user", 200, json!({ "id": "nine" })), ErrorKind::Refused),
        (on("GET", "/user", 503, json!({})).header("retry-after", "8"), wait(8)),
    ];
    for (answer, expected) in cases {
        let shown = format!("{answer:?}");
        let server = Server::start([answer]).await;
        assert_eq!(kind(adapter(&server).whoami().await), expected, "{shown}");
        server.only();
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_named_by_place_and_not_by_content() {
    let server = Server::start([on("GET", "/user", 200, json!({ "id": "a-secret-value" }))]).await;
    let error = adapter(&server).whoami().await.unwrap_err();
    assert!(error.internal.contains("line 1") && !error.to_string().contains("a-secret-value"), "{error}");
}

#[tokio::test]
async fn a_time_out_and_a_closed_door_are_tried_again() {
    let server = Server::start([on("GET", "/user", 200, json!({})).silent()]).await;
    let limits = Limits { call: Duration::from_millis(50), ..Limits::default() };
    let error = with_limits(&server, limits).whoami().await.unwrap_err();
    assert_eq!(error.kind, AGAIN);
    assert!(error.external.contains("in time"), "{}", error.external);
    let (_kept, nobody) = closed_door();
    let nobody = format!("http://{nobody}");
    let error = GitLab::new(&config(&nobody), Arc::new(Hand::default())).unwrap().whoami().await.unwrap_err();
    assert_eq!(error.kind, AGAIN);
    assert!(error.external.contains("cannot be reached"), "{}", error.external);
}

#[tokio::test]
async fn a_slow_down_silences_the_whole_credential_until_its_time() {
    let clock = Arc::new(Hand::default());
    clock.set(1_700_000_000);
    for (name, value, seconds) in [
        ("retry-after", "30", 30),
        ("retry-after", "Tue, 14 Nov 2023 22:14:00 GMT", 40),
        ("ratelimit-reset", "1700000050", 50),
    ] {
        clock.set(1_700_000_000);
        let server = Server::start([raw("GET", "/user", 429, "Retry later").header(name, value)]).await;
        let gitlab = GitLab::new(&config(&server.url()), Arc::<Hand>::clone(&clock)).unwrap();
        assert_eq!(kind(gitlab.whoami().await), wait(seconds));
        clock.set(1_700_000_000 + i64::try_from(seconds).unwrap() - 1);
        assert_eq!(kind(gitlab.edit_comment(MR, CommentId(1), "x").await), wait(1));
        server.only();
        clock.set(1_700_000_000 + i64::try_from(seconds).unwrap());
        server.add([on("GET", "/user", 200, user(9, "bot"))]);
        gitlab.whoami().await.unwrap();
        server.finished();
    }
}

#[tokio::test]
async fn a_slow_down_without_a_time_waits_a_minute_and_silences_nobody_else() {
    let server = Server::start([
        raw("GET", "/user", 429, "This endpoint has been requested too many times"),
        on("PUT", "/projects/7/merge_requests/3/notes/1", 200, json!({})),
    ])
    .await;
    let gitlab = adapter(&server);
    assert_eq!(kind(gitlab.whoami().await), wait(60));
    gitlab.edit_comment(MR, CommentId(1), "x").await.unwrap();
}

#[tokio::test]
async fn a_failed_write_is_not_repeated_by_the_adapter() {
    for answer in [
        on("POST", "/projects/7/merge_requests/3/notes", 500, json!({})),
        on("POST", "/projects/7/merge_requests/3/notes", 201, json!({ "id": 1 })).broken_off(),
    ] {
        let server = Server::start([answer]).await;
        assert_eq!(kind(adapter(&server).create_comment(MR, "x").await), AGAIN);
        server.only();
    }
}

#[tokio::test]
async fn writes_keep_their_distance_and_reads_do_not_wait() {
    let put = || on("PUT", "/projects/7/merge_requests/3/notes/1", 200, json!({}));
    let server = Server::start([put(), on("GET", "/user", 200, user(9, "bot"))]).await;
    let mut slow = config(&server.url());
    slow.write_interval = Duration::from_secs(3600);
    let gitlab = GitLab::new(&slow, Arc::new(Hand::default())).unwrap();
    gitlab.edit_comment(MR, CommentId(1), "x").await.unwrap();
    tokio::select! {
        second = gitlab.edit_comment(MR, CommentId(1), "y") => panic!("it did not wait: {second:?}"),
        read = gitlab.whoami() => drop(read.unwrap()),
    }
    server.finished();
}

#[tokio::test]
async fn a_link_to_pages_elsewhere_is_refused_and_not_followed() {
    let elsewhere = Server::start([]).await;
    let link = format!("<{}/api/v4{NOTES}&page=2>; rel=\"next\"", elsewhere.url());
    let server =
        Server::start([on("GET", NOTES, 200, json!([])).header("link", link).header("x-next-page", "2")])
            .await;
    let error = adapter(&server).comments(MR).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("next page"), "{}", error.external);
    assert!(elsewhere.asked().is_empty());
    server.only();
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let pages = (1..=4).map(|page| {
        let target = if page == 1 { NOTES.to_owned() } else { format!("{NOTES}&page={page}") };
        on("GET", target, 200, json!([])).header("x-next-page", (page + 1).to_string())
    });
    let server = Server::start(pages).await;
    let error =
        with_limits(&server, Limits { pages: 4, ..Limits::default() }).comments(MR).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("more than 4 pages"), "{}", error.external);
    server.finished();
}

#[tokio::test]
async fn a_page_that_is_too_much_for_the_server_is_asked_for_in_halves() {
    let size = |size: u32| NOTES.replace("per_page=100", &format!("per_page={size}"));
    let server = Server::start([
        raw("GET", NOTES, 502, "<html/>"),
        raw("GET", size(50), 500, "{}"),
        on("GET", size(25), 200, json!([])),
    ])
    .await;
    adapter(&server).comments(MR).await.unwrap();
    server.finished();
    let down =
        Server::start([NOTES.to_owned(), size(50), size(25)].map(|target| raw("GET", target, 502, ""))).await;
    assert_eq!(kind(adapter(&down).comments(MR).await), AGAIN);
    down.finished();
}

#[tokio::test]
async fn a_read_follows_redirects_at_home_and_nowhere_else() {
    let server = Server::start([
        raw("GET", "/user", 307, "").header("location", "/api/v4/users/9"),
        on("GET", "/users/9", 200, user(9, "bot")),
    ])
    .await;
    adapter(&server).whoami().await.unwrap();
    assert_eq!(server.finished()[1].header("private-token"), Some(TOKEN));

    let elsewhere = Server::start([]).await;
    let server = Server::start([raw("GET", "/user", 302, "").header("location", elsewhere.url())]).await;
    assert_eq!(kind(adapter(&server).whoami().await), ErrorKind::Refused);
    assert!(elsewhere.asked().is_empty());

    let circle = (0..6).map(|_| raw("GET", "/user", 302, "").header("location", "/api/v4/user"));
    let server = Server::start(circle).await;
    assert_eq!(kind(adapter(&server).whoami().await), ErrorKind::Refused);
    assert_eq!(server.finished().len(), 6);
}

#[tokio::test]
async fn an_answer_without_measure_is_not_read_to_its_end() {
    let server =
        Server::start([on("GET", "/user", 200, json!({ "id": 9, "username": "x".repeat(2000) }))]).await;
    let error = with_limits(&server, Limits { json: 1000, ..Limits::default() }).whoami().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("larger than 1000 bytes"), "{}", error.external);
}

#[tokio::test]
async fn no_error_ever_holds_the_token_or_credentials_of_an_address() {
    let said =
        json!({ "message": format!("bad token {TOKEN} at https://bot:pass-word@gl/x?private_token=abcdef") });
    for status in [400, 401, 403, 404, 409, 422, 429, 500] {
        let server =
            Server::start([on("PUT", "/projects/7/merge_requests/3/notes/1", status, said.clone())]).await;
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
        ("ftp://gl.test", TOKEN),
        ("not an address", TOKEN),
        ("https://bot:pass-word@gl.test", TOKEN),
        ("https://gl.test", "line\nbreak"),
    ] {
        let mut wrong = config(url);
        wrong.token = token.into();
        let error = GitLab::new(&wrong, Arc::new(Hand::default())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{url}");
        assert!(!error.to_string().contains("pass-word") && !error.to_string().contains(token), "{error}");
    }
    assert!(GitLab::new(&config("https://gl.test/gitlab/"), Arc::new(Hand::default())).is_ok());
}

#[tokio::test]
async fn a_gitlab_below_a_path_is_asked_below_that_path() {
    let server = Server::start([raw(
        "GET",
        format!("/gitlab/api/v4/projects/7/repository/commits/{}", sha('a')),
        200,
        json!({ "id": sha('a') }).to_string(),
    )])
    .await;
    let gitlab =
        GitLab::new(&config(&format!("{}/gitlab/", server.url())), Arc::new(Hand::default())).unwrap();
    assert!(gitlab.parents(REPO, &sha('a')).await.unwrap().is_empty());
    server.only();
}

#[tokio::test]
async fn what_the_rate_limit_leaves_is_a_number_to_be_watched() {
    let recorder = mergewright::telemetry::recorder().unwrap();
    let _measured = metrics::set_default_local_recorder(&recorder);
    let answer = || on("GET", "/user", 500, json!({}));
    let server = Server::start([answer().header("ratelimit-remaining", "597"), answer()]).await;
    let adapter = adapter(&server);
    for _ in 0..2 {
        adapter.whoami().await.unwrap_err();
        let text = recorder.handle().render();
        let line = "mergewright_forge_rate_limit_remaining{forge=\"gitlab\"} 597\n";
        assert!(text.contains(line), "an answer without the number changes nothing\n{text}");
    }
}
