//! Releases: made once, completed, compared, never overwritten.

use mergewright::domain::Digest;
use mergewright::forge::{Asset, ErrorKind, Forge as _, NewRelease};
use serde_json::{Value, json};

use super::{REPO, TOKEN, adapter, serve};
use crate::scripted::{Answer, Server, kind, on, raw};

const BY_TAG: &str = "/repos/acme/models/releases/tags/iris%40v42.0.0";
const RELEASES: &str = "/repos/acme/models/releases";

fn wanted() -> NewRelease {
    NewRelease {
        tag: "iris@v42.0.0".to_owned(),
        name: "iris v42".to_owned(),
        notes: "Notes".to_owned(),
        model: "iris".parse().unwrap(),
        package_version: "42.0.0".to_owned(),
        assets: vec![
            Asset { name: "lineage.json".to_owned(), content: b"{}".to_vec() },
            Asset { name: "manifest.txt".to_owned(), content: Vec::new() },
        ],
        fresh: false,
    }
}

fn asset(id: u64, name: &str, content: &str) -> Value {
    json!({ "id": id, "name": name, "state": "uploaded", "size": content.len(), "digest": Digest::of(content).to_string() })
}

fn lineage() -> Value {
    asset(91, "lineage.json", "{}")
}

fn manifest() -> Value {
    asset(92, "manifest.txt", "")
}

fn shown(assets: impl Into<Value>) -> Answer {
    let assets = assets.into();
    let release =
        json!({ "id": 5, "tag_name": "iris@v42.0.0", "html_url": "http://gh/rel", "assets": assets });
    on("GET", BY_TAG, 200, release)
}

fn none() -> Answer {
    on("GET", BY_TAG, 404, json!({ "message": "Not Found" }))
}

fn upload(name: &str, status: u16, answer: Value) -> Answer {
    on("POST", format!("/repos/acme/models/releases/5/assets?name={name}"), status, answer)
}

#[tokio::test]
async fn a_release_is_made_its_files_are_stored_beside_the_api_and_it_is_read_back() {
    let server = serve([
        none(),
        on("POST", RELEASES, 201, json!({ "id": 5 })),
        shown(json!([])),
        upload("lineage.json", 201, lineage()),
        upload("manifest.txt", 201, manifest()),
        shown(json!([lineage(), manifest()])),
    ])
    .await;
    let made = adapter(&server).create_release(REPO, &wanted()).await.unwrap();
    assert_eq!((made.tag.as_str(), made.web_url.as_str()), ("iris@v42.0.0", "http://gh/rel"));
    assert_eq!(made.assets.into_iter().collect::<Vec<_>>(), ["lineage.json", "manifest.txt"]);
    let asked = server.finished();
    let body = json!({ "tag_name": "iris@v42.0.0", "name": "iris v42", "body": "Notes" });
    assert_eq!(asked[2].json(), body);
    assert_eq!(asked[4].body, b"{}");
    assert_eq!(asked[4].header("content-type"), Some("application/octet-stream"));
    assert_eq!(asked[4].header("content-length"), Some("2"));
    assert_eq!(
        asked[4].header("authorization"),
        Some(&*format!("Bearer {TOKEN}")),
        "the token was configured for there"
    );
    assert_eq!(asked[5].header("content-length"), Some("0"));
}

#[tokio::test]
async fn files_go_to_the_host_that_is_configured_for_them() {
    let elsewhere = Server::start([upload("lineage.json", 201, lineage())]).await;
    let server = serve([
        shown(json!([manifest()])),
        shown(json!([manifest()])),
        shown(json!([lineage(), manifest()])),
    ])
    .await;
    let mut config = super::config(&server.url());
    config.upload_url = format!("{}/api/uploads", elsewhere.url());
    let clock = std::sync::Arc::new(crate::scripted::Hand::default());
    let github = mergewright::forge::GitHub::new(&config, clock).unwrap();
    github.create_release(REPO, &wanted()).await.unwrap();
    assert!(elsewhere.only().header("authorization").is_some());
    server.finished();
}

#[tokio::test]
async fn what_an_earlier_try_has_left_is_used_and_a_broken_upload_is_taken_away() {
    let starter = json!({ "id": 93, "name": "manifest.txt", "state": "starter", "size": 0 });
    let server = serve([
        shown(json!([lineage(), starter.clone()])),
        shown(json!([lineage(), starter])),
        on("DELETE", "/repos/acme/models/releases/assets/93", 204, Value::Null),
        upload("manifest.txt", 201, manifest()),
        shown(json!([lineage(), manifest()])),
    ])
    .await;
    adapter(&server).create_release(REPO, &wanted()).await.unwrap();
    server.finished();
    let whole = || shown(json!([lineage(), manifest()]));
    let server = serve([whole(), whole()]).await;
    adapter(&server).create_release(REPO, &wanted()).await.unwrap();
    server.finished();
}

#[tokio::test]
async fn somebody_who_was_faster_is_read_back() {
    let taken = |resource: &str| json!({ "message": "Validation Failed", "errors": [{ "resource": resource, "code": "already_exists" }] });
    let server = serve([
        none(),
        on("POST", RELEASES, 422, taken("Release")),
        shown(json!([lineage()])),
        upload("manifest.txt", 422, taken("ReleaseAsset")),
        shown(json!([lineage(), manifest()])),
    ])
    .await;
    adapter(&server).create_release(REPO, &wanted()).await.unwrap();
    server.finished();
    let server =
        serve([none(), on("POST", RELEASES, 422, json!({ "message": "tag_name is invalid" }))]).await;
    assert_eq!(kind(adapter(&server).create_release(REPO, &wanted()).await), ErrorKind::Refused);
}

#[tokio::test]
async fn other_bytes_under_the_name_are_never_overwritten() {
    let strange = || shown(json!([asset(91, "lineage.json", "[]"), manifest()]));
    let server = serve([strange(), strange()]).await;
    let error = adapter(&server).create_release(REPO, &wanted()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("lineage.json"), "{}", error.external);
    server.finished();
}

#[tokio::test]
async fn without_a_digest_the_bytes_are_read_from_where_they_lie_without_the_token() {
    let bare = |id: u64, name: &str| json!({ "id": id, "name": name, "state": "uploaded" });
    let whole = || shown(json!([bare(91, "lineage.json"), bare(92, "manifest.txt")]));
    let storage = Server::start([raw("GET", "/bucket/lineage", 200, "{}")]).await;
    let at = |id: u64| format!("/repos/acme/models/releases/assets/{id}");
    let server = serve([
        whole(),
        whole(),
        raw("GET", at(91), 302, "").header("location", format!("{}/bucket/lineage", storage.url())),
        raw("GET", at(92), 200, ""),
    ])
    .await;
    let github = adapter(&server);
    github.create_release(REPO, &wanted()).await.unwrap();
    assert_eq!(server.finished()[3].header("accept"), Some("application/octet-stream"));
    assert_eq!(storage.only().header("authorization"), None);
    server.add([whole(), whole(), raw("GET", at(91), 200, "{}x")]);
    assert_eq!(kind(github.create_release(REPO, &wanted()).await), ErrorKind::Refused, "longer than ours");
    server.finished();
}

#[tokio::test]
async fn an_upload_that_fails_and_one_that_left_nothing_are_tried_again() {
    let again = ErrorKind::Retry { after: None };
    let whole = || shown(json!([lineage()]));
    let server = serve([whole(), whole(), upload("manifest.txt", 502, json!({}))]).await;
    assert_eq!(kind(adapter(&server).create_release(REPO, &wanted()).await), again);
    server.finished();
    let server = serve([whole(), whole(), upload("manifest.txt", 201, manifest()), whole()]).await;
    assert_eq!(kind(adapter(&server).create_release(REPO, &wanted()).await), again);
    server.finished();
}

#[tokio::test]
async fn a_release_is_read_by_its_tag_or_is_not_there() {
    let starter = json!({ "id": 93, "name": "manifest.txt", "state": "starter" });
    let server = serve([
        none(),
        shown(json!([lineage(), starter])),
        on("GET", BY_TAG, 403, json!({ "message": "Resource not accessible" })),
    ])
    .await;
    let github = adapter(&server);
    assert_eq!(github.release(REPO, "iris@v42.0.0").await.unwrap(), None);
    let found = github.release(REPO, "iris@v42.0.0").await.unwrap().unwrap();
    assert_eq!(found.assets.into_iter().collect::<Vec<_>>(), ["lineage.json"]);
    assert_eq!(kind(github.release(REPO, "iris@v42.0.0").await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn where_nothing_can_be_there_the_answers_to_the_writes_are_proof_enough() {
    let made = json!({ "id": 5, "tag_name": "iris@v42.0.0", "html_url": "http://gh/rel", "assets": [] });
    let server = serve([
        on("POST", RELEASES, 201, made),
        upload("lineage.json", 201, lineage()),
        upload("manifest.txt", 201, manifest()),
    ])
    .await;
    let fresh = NewRelease { fresh: true, ..wanted() };
    let found = adapter(&server).create_release(REPO, &fresh).await.unwrap();
    assert_eq!((found.web_url.as_str(), found.assets.len()), ("http://gh/rel", 2));
    server.finished();
}

#[tokio::test]
async fn an_answer_that_proves_nothing_is_looked_after() {
    let other = asset(91, "lineage.json", "other bytes");
    let server = serve([
        on("POST", RELEASES, 201, json!({ "id": 5 })),
        upload("lineage.json", 201, other.clone()),
        shown(json!([other.clone()])),
        shown(json!([other])),
    ])
    .await;
    let fresh = NewRelease { fresh: true, ..wanted() };
    assert_eq!(kind(adapter(&server).create_release(REPO, &fresh).await), ErrorKind::Refused);
    server.finished();
}
