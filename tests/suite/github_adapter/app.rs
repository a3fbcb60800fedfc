//! Signed in as an App: what it proves, what it asks to be let into, how long it keeps that, and what it
//! says where it is not let in.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mergewright::config::server::{GithubConfig, GithubCredential, app_key};
use mergewright::domain::{CommentId, ForgeKind, Learnt, MergeRequestId, Redactor, RepoId, Sha, UserId};
use mergewright::forge::{ErrorKind, Forge as _, GitHub};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{MR, REPO, named, pull, repository, user};
use crate::scripted::{Answer, Asked, Hand, Server, kind, on, sha};

pub(super) const PKCS1: &str = include_str!("../../data/app/pkcs1.pem");
const PKCS8: &str = include_str!("../../data/app/pkcs8.pem");
pub(super) const NOW: i64 = 1_700_000_000;
/// An hour after [`NOW`].
pub(super) const HOUR: &str = "2023-11-14T23:13:20Z";
pub(super) const COMMENT: &str = "/repos/acme/models/issues/comments/1";

pub(super) fn signed_in(url: &str, key: &str) -> GithubConfig {
    let credential = GithubCredential::App { id: 4711, private_key: key.into() };
    GithubConfig { credential, ..super::config(url) }
}

pub(super) fn app(server: &Server, clock: &Arc<Hand>) -> GitHub {
    GitHub::new(&signed_in(&server.url(), PKCS1), Arc::<Hand>::clone(clock)).unwrap()
}

pub(super) fn clock() -> Arc<Hand> {
    let clock = Arc::new(Hand::default());
    clock.set(NOW);
    clock
}

/// Where the App is installed for the repository with this number.
pub(super) fn installation(repo: u64, id: u64, instead: impl Into<Value>) -> Answer {
    let found = json!({
        "id": id, "account": { "login": "acme" }, "suspended_at": null,
        "permissions": { "contents": "write", "issues": "write", "metadata": "read", "administration": "write" },
    });
    on("GET", format!("/repositories/{repo}/installation"), 200, super::changed(found, instead))
}

pub(super) fn admitted(id: u64, token: &str, expires_at: &str) -> Answer {
    let target = format!("/app/installations/{id}/access_tokens");
    on("POST", target, 201, json!({ "token": token, "expires_at": expires_at }))
}

/// The first time that the repository is asked about.
pub(super) fn let_in(token: &str) -> [Answer; 2] {
    [installation(7, 1, json!({})), admitted(1, token, HOUR)]
}

pub(super) fn refused(method: &'static str, target: &str, status: u16, message: &str) -> Answer {
    on(method, target, status, json!({ "message": message }))
}

pub(super) fn edited() -> Answer {
    on("PATCH", COMMENT, 200, json!({ "id": 1, "user": user(9, "mergewright[bot]"), "body": "x" }))
}

/// What a request was signed with.
pub(super) fn bearer(asked: &Asked) -> &str {
    asked.header("authorization").unwrap().strip_prefix("Bearer ").unwrap()
}

/// The claims of a JSON Web Token whose signature holds.
pub(super) fn verified(token: &str) -> Value {
    let (said, signature) = token.rsplit_once('.').unwrap();
    let pair = app_key(PKCS1).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
        .verify(said.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .expect("the signature holds");
    let [head, claims] = [0, 1].map(|part| said.split('.').nth(part).unwrap());
    let read =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(read(head), json!({ "alg": "RS256", "typ": "JWT" }));
    read(claims)
}

#[tokio::test]
async fn it_proves_itself_by_a_short_signature_of_either_form_of_its_key() {
    for key in [PKCS1, PKCS8] {
        let clock = clock();
        let server = Server::start(let_in("ghs_first").into_iter().chain([named()])).await;
        let github = GitHub::new(&signed_in(&server.url(), key), clock).unwrap();
        github.repository(REPO).await.unwrap();
        let asked = server.finished();
        for own in &asked[..2] {
            let claims = verified(bearer(own));
            assert_eq!(claims, json!({ "iss": "4711", "iat": NOW - 60, "exp": NOW + 540 }));
        }
        assert_eq!(bearer(&asked[2]), "ghs_first");
    }
}

#[tokio::test]
async fn a_token_is_for_one_repository_and_for_what_is_granted_and_used() {
    let server = Server::start(let_in("ghs_first").into_iter().chain([named()])).await;
    app(&server, &clock()).repository(REPO).await.unwrap();
    let rights = json!({ "contents": "write", "issues": "write", "metadata": "read" });
    assert_eq!(server.finished()[1].json(), json!({ "repository_ids": [7], "permissions": rights }));
}

#[tokio::test]
async fn a_token_is_kept_until_five_minutes_before_its_end() {
    let clock = clock();
    let server = Server::start(let_in("ghs_first").into_iter().chain([named(), edited(), edited()])).await;
    let github = app(&server, &clock);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    clock.set(NOW + 240);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    clock.set(NOW + 3600 - 300 - 1);
    server.add([named(), edited()]);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    assert!(server.finished().iter().skip(2).all(|one| bearer(one) == "ghs_first"));

    clock.set(NOW + 3600 - 300);
    server.add(let_in("ghs_second"));
    server.add([edited()]);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    let asked = server.finished();
    assert_eq!(bearer(asked.last().unwrap()), "ghs_second");
    assert_eq!(verified(bearer(&asked[asked.len() - 2]))["exp"], NOW + 3300 + 540, "signed anew as well");
}

#[tokio::test]
async fn an_end_that_has_passed_by_our_clock_does_not_make_every_request_ask_for_a_token() {
    let clock = clock();
    let late = [installation(7, 1, json!({})), admitted(1, "ghs_first", "2023-11-14T22:00:00Z")];
    let server = Server::start(late.into_iter().chain([named(), edited(), edited()])).await;
    let github = app(&server, &clock);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    clock.set(NOW + 59);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    server.finished();
}

#[tokio::test]
async fn those_who_need_a_token_at_the_same_time_ask_for_one() {
    let parents = |digit: char| {
        let target = format!("/repos/acme/models/git/commits/{}", sha(digit));
        on("GET", target, 200, json!({ "sha": sha(digit), "parents": [] }))
    };
    let answers = let_in("ghs_first").into_iter().chain([named(), named(), named()]);
    let server = Server::start(answers.chain(['a', 'b', 'c'].map(parents))).await;
    let github = app(&server, &clock());
    let shas: [Sha; 3] = ['a', 'b', 'c'].map(sha);
    let (one, two, three) = tokio::join!(
        github.parents(REPO, &shas[0]),
        github.parents(REPO, &shas[1]),
        github.parents(REPO, &shas[2]),
    );
    assert!(one.is_ok() && two.is_ok() && three.is_ok(), "{one:?} {two:?} {three:?}");
    let admissions = server.asked().into_iter().filter(|one| one.target.ends_with("/access_tokens")).count();
    assert_eq!(admissions, 1);
}

#[tokio::test]
async fn a_right_that_is_lacking_may_be_granted_while_the_token_lasts() {
    let clock = clock();
    let lacking = || refused("PATCH", COMMENT, 403, "Resource not accessible by integration");
    let server = Server::start(let_in("ghs_first").into_iter().chain([named(), lacking(), lacking()])).await;
    let github = app(&server, &clock);
    for seconds in [0, 60] {
        clock.set(NOW + seconds);
        let error = github.edit_comment(MR, CommentId(1), "x").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.external.contains("it needs write access"), "{error}");
    }
    server.add(let_in("ghs_second"));
    server.add([edited()]);
    github.edit_comment(MR, CommentId(1), "x").await.unwrap();
    assert_eq!(bearer(server.finished().last().unwrap()), "ghs_second");
}

#[tokio::test]
async fn where_it_is_not_installed_nothing_counts_as_missing() {
    let none = || refused("GET", "/repositories/7/installation", 404, "Not Found");
    let gone = || refused("POST", "/app/installations/1/access_tokens", 404, "Not Found");
    for answers in [
        vec![none(), none()],
        vec![installation(7, 1, json!({})), gone(), installation(7, 1, json!({})), gone()],
    ] {
        let server = Server::start(answers).await;
        let github = app(&server, &clock());
        let error = github.comment(MR, CommentId(1)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "a comment that cannot be read is not gone");
        assert!(error.external.contains("not installed for this repository"), "{error}");
        let file = github.file(REPO, ".mergewright.yml", &sha('a'), 100).await;
        assert_eq!(kind(file), ErrorKind::Refused, "a file that cannot be read is not absent");
        server.finished();
    }
    let server = Server::start([refused("GET", "/repos/acme/models/installation", 404, "Not Found")]).await;
    assert_eq!(app(&server, &clock()).repository_at("acme/models").await.unwrap(), None);
    server.finished();
}

#[tokio::test]
async fn a_repository_is_found_by_its_name_through_its_own_installation() {
    let found = json!({ "id": 3, "permissions": { "metadata": "read", "contents": "write" } });
    let server = Server::start([
        on("GET", "/repos/acme/models/installation", 200, found),
        admitted(3, "ghs_name", HOUR),
        on("GET", "/repos/acme/models", 200, repository(json!({}))),
    ])
    .await;
    assert_eq!(app(&server, &clock()).repository_at("acme/models").await.unwrap(), Some(REPO));
    let asked = server.finished();
    let narrowed = json!({ "repositories": ["models"], "permissions": { "metadata": "read" } });
    assert_eq!(asked[1].json(), narrowed);
    assert_eq!(bearer(&asked[2]), "ghs_name");
}

#[tokio::test]
async fn a_pause_silences_one_installation_and_not_the_others() {
    let clock = clock();
    let server = Server::start(let_in("ghs_first").into_iter().chain([named()])).await;
    let github = app(&server, &clock);
    server.add([refused("PATCH", COMMENT, 429, "slow down").header("retry-after", "90")]);
    let wait = |seconds| ErrorKind::Retry { after: Some(std::time::Duration::from_secs(seconds)) };
    assert_eq!(kind(github.edit_comment(MR, CommentId(1), "x").await), wait(90));
    assert_eq!(kind(github.edit_comment(MR, CommentId(1), "x").await), wait(90), "not even asked");

    let other = MergeRequestId { repo: RepoId { forge: ForgeKind::GitHub, number: 8 }, number: 3 };
    let elsewhere = super::changed(repository(json!({})), json!({ "id": 8, "full_name": "other/models" }));
    server.add([
        installation(8, 2, json!({})),
        admitted(2, "ghs_other", HOUR),
        on("GET", "/repositories/8", 200, elsewhere),
        on("PATCH", "/repos/other/models/issues/comments/1", 200, json!({ "id": 1 })),
    ]);
    github.edit_comment(other, CommentId(1), "x").await.unwrap();
    assert_eq!(bearer(server.finished().last().unwrap()), "ghs_other");
}

#[tokio::test]
async fn what_was_kept_under_one_token_is_confirmed_under_the_next_of_the_same_installation() {
    let clock = clock();
    let server = Server::start(let_in("ghs_first").into_iter().chain([named()])).await;
    let github = app(&server, &clock);
    let path = "/repos/acme/models/pulls/3";
    server.add([on("GET", path, 200, pull(json!({}))).header("etag", "\"1\"")]);
    let first = github.merge_request(MR).await.unwrap();
    clock.set(NOW + 3600);
    server.add(let_in("ghs_second"));
    server.add([named(), on("GET", path, 304, json!(null))]);
    assert_eq!(github.merge_request(MR).await.unwrap(), first);
    let asked = server.finished();
    assert_eq!(asked.last().unwrap().header("if-none-match"), Some("\"1\""));
}

#[tokio::test]
async fn it_is_its_bot_account_whose_number_it_asks_for_once() {
    let suspended = json!({ "id": 1, "suspended_at": "2023-11-14T00:00:00Z" });
    let server = Server::start([
        on("GET", "/app", 200, json!({ "id": 4711, "slug": "mergewright" })),
        on("GET", "/app/installations?per_page=100", 200, json!([suspended, { "id": 2 }])),
        admitted(2, "ghs_anywhere", HOUR),
        on(
            "GET",
            "/users/mergewright%5Bbot%5D",
            200,
            json!({ "id": 99, "login": "mergewright[bot]", "type": "Bot" }),
        ),
    ])
    .await;
    let github = app(&server, &clock());
    assert!(github.shows_checks());
    for _ in 0..2 {
        let us = github.whoami().await.unwrap();
        assert_eq!((us.id, us.login.as_str(), us.mention()), (UserId(99), "mergewright[bot]", "mergewright"));
        assert!(us.bot);
    }
    let asked = server.finished();
    assert_eq!(asked[2].json(), json!({ "permissions": { "metadata": "read" } }));
    assert_eq!(bearer(&asked[3]), "ghs_anywhere");
}

#[tokio::test]
async fn an_app_that_is_installed_nowhere_or_not_believed_says_what_to_do() {
    let server = Server::start([
        on("GET", "/app", 200, json!({ "slug": "mergewright" })),
        on("GET", "/app/installations?per_page=100", 200, json!([])),
    ])
    .await;
    let error = app(&server, &clock()).whoami().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(error.external.contains("`mergewright` is installed nowhere"), "{error}");
    server.finished();

    let wrong = "A JSON web token could not be decoded";
    let server = Server::start([refused("GET", "/app", 401, wrong)]).await;
    let error = app(&server, &clock()).whoami().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    for told in ["github.app.id", "github.app.private_key", "clock", wrong] {
        assert!(error.external.contains(told), "{told}: {error}");
    }
    server.finished();
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_refused_at_start_without_being_shown() {
    let lines = |pem: &str| pem.lines().nth(1).unwrap_or("hunter2").to_owned();
    for (key, told) in [
        (include_str!("../../data/app/ec.pem"), "not an RSA key"),
        (include_str!("../../data/app/short.pem"), "fewer than 2048 bits"),
        ("-----BEGIN secret", "not a private key in PEM form"),
    ] {
        let error = GitHub::new(&signed_in("https://gh.test", key), clock()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(
            error.external.contains("github.app.private_key") && error.external.contains(told),
            "{error}"
        );
        assert!(!error.to_string().contains(&lines(key)) && !error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_token_is_in_no_error_and_is_told_to_who_hides_secrets() {
    const TOKEN: &str = "ghs_very+secret/token";
    let learnt = Learnt::default();
    let server = Server::start(let_in(TOKEN).into_iter().chain([named()])).await;
    let github = app(&server, &clock()).telling(learnt.clone());
    let said = format!("bad token {TOKEN} at https://gh/x?access_token=abcdef");
    server.add([refused("PATCH", COMMENT, 422, &said)]);
    let error = github.edit_comment(MR, CommentId(1), "x").await.unwrap_err();
    assert!(!error.to_string().contains(TOKEN) && error.to_string().contains("bad token"), "{error}");
    let asked = server.finished();
    let own = bearer(&asked[0]).to_owned();
    let redactor = Redactor::new([]).with(learnt);
    assert_eq!(redactor.text(&format!("{TOKEN} {own}")), "[redacted] [redacted]");
    for shown in [format!("{github:?}"), format!("{error:?}")] {
        assert!(!shown.contains(TOKEN) && !shown.contains(&own), "{shown}");
    }
}
