//! An App that is let out while it works: its token taken back, its installation suspended, the repository
//! moved, or GitHub out of reach when a token is needed.

use std::time::Duration;

use mergewright::domain::{CommentId, Sha};
use mergewright::forge::{ErrorKind, Forge as _, GitHub, Limits};
use serde_json::json;

use super::app::{
    COMMENT, HOUR, NOW, PKCS1, admitted, app, bearer, clock, edited, installation, let_in, refused,
    signed_in, verified,
};
use super::{MR, REPO, named, repository};
use crate::scripted::{Answer, Server, kind, on, raw, sha};

/// A server that has let the App in and told the repository's name.
async fn serve() -> Server {
    Server::start(let_in("ghs_first").into_iter().chain([named()])).await
}

/// The repository under another name.
fn renamed(path: &str) -> Answer {
    let found = super::changed(repository(json!({})), json!({ "full_name": path }));
    on("GET", "/repositories/7", 200, found)
}

fn suspended(status: u16) -> Answer {
    refused("PATCH", COMMENT, status, "This installation has been suspended")
}

const FILE: &str = "/repos/acme/models/contents/.mergewright.yml";

#[tokio::test]
async fn what_is_not_let_in_any_more_is_asked_once_more_with_another_token() {
    let server = serve().await;
    let github = app(&server, &clock());
    github.repository(REPO).await.unwrap();
    let over = |method, target| refused(method, target, 401, "Bad credentials");
    server.add([over("GET", "/repositories/7")]);
    server.add(let_in("ghs_second"));
    server.add([named()]);
    github.repository(REPO).await.unwrap();
    assert_eq!(bearer(server.finished().last().unwrap()), "ghs_second");

    // A write that was refused so was not done.
    server.add([over("PATCH", COMMENT)]);
    server.add(let_in("ghs_third"));
    server.add([edited()]);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    assert_eq!(bearer(server.finished().last().unwrap()), "ghs_third");

    // Not for ever.
    server.add([over("PATCH", COMMENT)]);
    server.add(let_in("ghs_fourth"));
    server.add([over("PATCH", COMMENT)]);
    assert_eq!(kind(github.edit_comment(MR, CommentId(1), "x").await), ErrorKind::Unauthorized);
    server.finished();
}

#[tokio::test]
async fn a_suspended_installation_says_what_to_do_and_is_waited_for() {
    let suspended = json!({ "suspended_at": "2023-11-14T00:00:00Z" });
    let refusal =
        || refused("POST", "/app/installations/1/access_tokens", 403, "This installation has been suspended");
    for answers in [vec![installation(7, 1, suspended)], vec![installation(7, 1, json!({})), refusal()]] {
        let server = Server::start(answers).await;
        let error = app(&server, &clock()).comment(MR, CommentId(1)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
        assert!(error.external.contains("at `acme` is suspended"), "{error}");
        assert!(error.external.contains("Settings → GitHub Apps"), "{error}");
        server.finished();
    }
}

#[tokio::test]
async fn a_suspension_while_a_token_lasts_is_told_as_one_and_ends_with_it() {
    let server = serve().await;
    let github = app(&server, &clock());
    github.repository(REPO).await.unwrap();
    server.add([suspended(403), installation(7, 1, json!({ "suspended_at": "2023-11-14T22:00:00Z" }))]);
    let error = github.edit_comment(MR, CommentId(1), "x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized, "what waits for it is not given up");
    assert!(error.external.contains("at `acme` is suspended"), "{error}");
    server.finished();
    server.add(let_in("ghs_second"));
    server.add([edited()]);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    assert_eq!(bearer(server.finished().last().unwrap()), "ghs_second");
}

#[tokio::test]
async fn a_repository_that_moved_is_let_in_by_the_installation_where_it_is_now() {
    let clock = clock();
    let server = serve().await;
    let github = app(&server, &clock);
    github.repository(REPO).await.unwrap();
    clock.set(NOW + 60);
    let gone = |method, target| refused(method, target, 404, "Not Found");
    server.add([gone("PATCH", COMMENT), gone("GET", "/repositories/7")]);
    server.add([installation(7, 2, json!({})), admitted(2, "ghs_there", HOUR), renamed("other/models")]);
    server.add([on("PATCH", "/repos/other/models/issues/comments/1", 200, json!({ "id": 1 }))]);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    assert_eq!(bearer(server.finished().last().unwrap()), "ghs_there");
}

#[tokio::test]
async fn what_lies_in_a_repository_that_was_taken_out_of_the_installation_is_not_absent() {
    let clock = clock();
    let server = serve().await;
    let github = app(&server, &clock);
    github.repository(REPO).await.unwrap();
    clock.set(NOW + 60);
    let ask = format!("{FILE}?ref={}", sha('a'));
    let gone = |target: &str| refused("GET", target, 404, "Not Found");
    server.add([gone(&ask), gone("/repositories/7"), gone("/repositories/7/installation")]);
    let file = github.file(REPO, ".mergewright.yml", &sha('a'), 100).await;
    assert_eq!(kind(file), ErrorKind::Refused, "nobody knows what is there");
    server.finished();

    // Put back, under the name that it had: what was not to be seen is asked for again.
    server.add(let_in("ghs_second"));
    server.add([named()]);
    github.repository(REPO).await.unwrap();
    clock.set(NOW + 120);
    server.add([gone(&ask), gone("/repositories/7")]);
    server.add(let_in("ghs_third"));
    let raw_form = "application/vnd.github.raw+json; charset=utf-8";
    server.add([named(), raw("GET", ask, 200, "version: 1").header("content-type", raw_form)]);
    assert!(github.file(REPO, ".mergewright.yml", &sha('a'), 100).await.unwrap().is_some());
    assert_eq!(bearer(server.finished().last().unwrap()), "ghs_third");
}

#[tokio::test]
async fn those_who_wait_for_a_token_hear_together_that_there_is_none() {
    let away = || refused("GET", "/repositories/7/installation", 503, "away");
    let slow = || away().silent();
    for failing in [away(), slow()] {
        let server = Server::start([failing]).await;
        let limits = Limits { call: Duration::from_millis(300), ..Limits::default() };
        let config = signed_in(&server.url(), PKCS1);
        let github = GitHub::with_limits(&config, clock(), limits).unwrap();
        let shas: [Sha; 3] = ['a', 'b', 'c'].map(sha);
        let (one, two, three) = tokio::join!(
            github.parents(REPO, &shas[0]),
            github.parents(REPO, &shas[1]),
            github.parents(REPO, &shas[2]),
        );
        for heard in [one, two, three] {
            assert!(matches!(kind(heard), ErrorKind::Retry { .. }));
        }
        assert_eq!(server.finished().len(), 1, "one asked for all");

        // Whoever comes later asks anew.
        server.add(let_in("ghs_first").into_iter().chain([named()]));
        github.repository(REPO).await.unwrap();
        server.finished();
    }
}

#[tokio::test]
async fn grants_that_change_between_two_questions_are_looked_up_again_later() {
    let words = "The permissions requested are not granted to this installation.";
    let admission = refused("POST", "/app/installations/1/access_tokens", 422, words);
    let server = Server::start([installation(7, 1, json!({})), admission]).await;
    let github = app(&server, &clock());
    let error = github.repository(REPO).await.unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::Retry { .. }) && error.external.contains("not granted"),
        "{error}"
    );
    server.add(let_in("ghs_first").into_iter().chain([named()]));
    github.repository(REPO).await.unwrap();
    server.finished();
}

#[tokio::test]
async fn of_a_name_that_leads_on_to_another_there_is_no_repository() {
    let words = "There is at least one repository that does not exist or is not accessible to the parent installation.";
    let server = Server::start([
        on(
            "GET",
            "/repos/acme/former/installation",
            200,
            json!({ "id": 1, "permissions": { "metadata": "read" } }),
        ),
        refused("POST", "/app/installations/1/access_tokens", 422, words),
    ])
    .await;
    assert_eq!(app(&server, &clock()).repository_at("acme/former").await.unwrap(), None);
    server.finished();
}

#[tokio::test]
async fn a_clock_that_is_ahead_is_named_and_believed_again_when_it_is_set_right() {
    const AHEAD: i64 = 600;
    let clock = clock();
    clock.set(NOW + AHEAD);
    let words =
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
    let server = Server::start([refused("GET", "/repositories/7/installation", 401, words)]).await;
    let github = app(&server, &clock);
    let error = github.repository(REPO).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(error.external.contains("this machine's clock") && error.external.contains(words), "{error}");
    clock.set(NOW);
    server.add(let_in("ghs_first").into_iter().chain([named()]));
    github.repository(REPO).await.unwrap();
    assert_eq!(verified(bearer(&server.finished()[1]))["iat"], NOW - 60);
}
