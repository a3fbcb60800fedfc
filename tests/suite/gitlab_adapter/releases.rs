//! Releases: stored, linked, read back, completed, never doubled and never overwritten.

use mergewright::forge::{Asset, ErrorKind, Forge as _, NewRelease};
use serde_json::{Value, json};

use super::{REPO, TOKEN, adapter};
use crate::scripted::{Answer, Server, kind, on, raw};

const RELEASE: &str = "/projects/7/releases/iris%40v42.0.0";
const LINEAGE: &str = "/projects/7/packages/generic/iris/42/lineage.json";
const MANIFEST: &str = "/projects/7/packages/generic/iris/42/manifest.txt";

fn wanted() -> NewRelease {
    let asset = |name: &str, content: &[u8]| Asset { name: name.to_owned(), content: content.to_vec() };
    NewRelease {
        tag: "iris@v42.0.0".to_owned(),
        name: "iris v42".to_owned(),
        notes: "notes".to_owned(),
        model: "iris".parse().unwrap(),
        package_version: "42".to_owned(),
        assets: vec![asset("lineage.json", b"{}"), asset("manifest.txt", b"")],
        fresh: false,
    }
}

fn none(target: &str) -> Answer {
    on("GET", target, 404, json!({ "message": "404 Not found" }))
}

fn release(server: &Server, names: &[(&str, &str)]) -> Value {
    let links: Vec<_> = names
        .iter()
        .map(|(name, target)| json!({ "id": 1, "name": name, "url": format!("{}/api/v4{target}", server.url()) }))
        .collect();
    json!({ "tag_name": "iris@v42.0.0", "assets": { "links": links }, "_links": { "self": "http://gl/r" } })
}

#[tokio::test]
async fn files_are_stored_and_compared_before_the_release_links_to_them() {
    let server = Server::start([
        none(LINEAGE),
        on("PUT", LINEAGE, 201, json!({ "message": "201 Created" })),
        raw("GET", LINEAGE, 200, "{}"),
        raw("GET", MANIFEST, 200, ""),
        none(RELEASE),
        on("POST", "/projects/7/releases", 201, json!({})),
    ])
    .await;
    let made = release(&server, &[("lineage.json", LINEAGE), ("manifest.txt", MANIFEST)]);
    server.add([on("GET", RELEASE, 200, made)]);
    let found = adapter(&server).create_release(REPO, &wanted()).await.unwrap();
    assert_eq!(found.web_url, "http://gl/r");
    assert_eq!(found.assets.iter().map(String::as_str).collect::<Vec<_>>(), ["lineage.json", "manifest.txt"]);
    let asked = server.finished();
    let put = asked.iter().find(|asked| asked.method == "PUT").unwrap();
    assert_eq!(
        (put.body.as_slice(), put.header("content-type")),
        (&b"{}"[..], Some("application/octet-stream"))
    );
    let body = asked.iter().find(|asked| asked.method == "POST").unwrap().json();
    assert_eq!(
        (&body["tag_name"], &body["name"], &body["description"]),
        (&json!("iris@v42.0.0"), &json!("iris v42"), &json!("notes"))
    );
    let link = &body["assets"]["links"][0];
    assert_eq!(link["url"], json!(format!("{}/api/v4{LINEAGE}", server.url())));
    assert_eq!((&link["name"], &link["link_type"]), (&json!("lineage.json"), &json!("package")));
}

#[tokio::test]
async fn an_existing_release_is_completed_and_not_doubled() {
    let server = Server::start([raw("GET", LINEAGE, 200, "{}"), raw("GET", MANIFEST, 200, "")]).await;
    let part = release(&server, &[("lineage.json", LINEAGE)]);
    let whole = release(&server, &[("lineage.json", LINEAGE), ("manifest.txt", MANIFEST)]);
    server.add([
        on("GET", RELEASE, 200, part.clone()),
        on("GET", RELEASE, 200, part),
        on("POST", format!("{RELEASE}/assets/links"), 201, json!({})),
        on("GET", RELEASE, 200, whole),
    ]);
    adapter(&server).create_release(REPO, &wanted()).await.unwrap();
    let asked = server.finished();
    let writes: Vec<_> = asked.iter().filter(|asked| asked.method != "GET").collect();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].target, format!("{RELEASE}/assets/links"));
    assert_eq!(writes[0].json()["name"], "manifest.txt");
}

#[tokio::test]
async fn other_bytes_under_our_name_are_refused_and_not_overwritten() {
    for other in ["{]", "{} ", "{", "a much longer file than ours"] {
        let server = Server::start([raw("GET", LINEAGE, 200, other)]).await;
        let error = adapter(&server).create_release(REPO, &wanted()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{other}");
        assert!(
            error.external.contains("lineage.json") && error.external.contains("other bytes"),
            "{}",
            error.external
        );
        server.only();
    }
}

#[tokio::test]
async fn what_reads_back_differently_after_the_upload_is_refused() {
    let server =
        Server::start([none(LINEAGE), on("PUT", LINEAGE, 201, json!({})), raw("GET", LINEAGE, 200, "[]")])
            .await;
    assert_eq!(kind(adapter(&server).create_release(REPO, &wanted()).await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn a_link_of_the_same_name_to_another_place_is_refused() {
    let server = Server::start([raw("GET", LINEAGE, 200, "{}"), raw("GET", MANIFEST, 200, "")]).await;
    let strange = release(&server, &[("lineage.json", "/elsewhere")]);
    server.add([on("GET", RELEASE, 200, strange.clone()), on("GET", RELEASE, 200, strange)]);
    assert_eq!(kind(adapter(&server).create_release(REPO, &wanted()).await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn files_that_lie_in_a_storage_are_read_there_without_the_token() {
    let storage = Server::start([raw("GET", "/bucket/lineage", 200, "{}")]).await;
    let moved = format!("{}/bucket/lineage", storage.url());
    let server = Server::start([
        raw("GET", LINEAGE, 302, "").header("location", moved),
        raw("GET", MANIFEST, 200, ""),
    ])
    .await;
    let whole = release(&server, &[("lineage.json", LINEAGE), ("manifest.txt", MANIFEST)]);
    server.add([on("GET", RELEASE, 200, whole.clone()), on("GET", RELEASE, 200, whole)]);
    adapter(&server).create_release(REPO, &wanted()).await.unwrap();
    let seen = storage.only();
    assert!(!format!("{:?}", seen.headers).contains(TOKEN));
    assert_eq!(seen.header("private-token"), None);
    server.finished();
}

#[tokio::test]
async fn a_release_is_read_by_its_tag_or_is_not_there() {
    let server =
        Server::start([none(RELEASE), on("GET", RELEASE, 403, json!({ "message": "403 Forbidden" }))]).await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.release(REPO, "iris@v42.0.0").await.unwrap(), None);
    assert_eq!(kind(gitlab.release(REPO, "iris@v42.0.0").await), ErrorKind::Refused);
}

#[tokio::test]
async fn where_nothing_can_be_there_the_answers_to_the_writes_are_proof_enough() {
    let stored = |target: &str, content: &str| {
        let digest = mergewright::domain::Digest::of(content).hex();
        on("PUT", format!("{target}?select=package_file"), 201, json!({ "id": 1, "file_sha256": digest }))
    };
    let server = Server::start([stored(LINEAGE, "{}"), stored(MANIFEST, "")]).await;
    let made = release(&server, &[("lineage.json", LINEAGE), ("manifest.txt", MANIFEST)]);
    server.add([on("POST", "/projects/7/releases", 201, made)]);
    let fresh = NewRelease { fresh: true, ..wanted() };
    let found = adapter(&server).create_release(REPO, &fresh).await.unwrap();
    assert_eq!((found.web_url.as_str(), found.assets.len()), ("http://gl/r", 2));
    server.finished();
}

#[tokio::test]
async fn an_answer_that_proves_nothing_is_looked_after() {
    let server = Server::start([
        on("PUT", format!("{LINEAGE}?select=package_file"), 201, json!({ "message": "201 Created" })),
        raw("GET", LINEAGE, 200, "{}"),
        raw("GET", MANIFEST, 200, ""),
    ])
    .await;
    let made = release(&server, &[("lineage.json", LINEAGE), ("manifest.txt", MANIFEST)]);
    server.add([on("GET", RELEASE, 200, made.clone()), on("GET", RELEASE, 200, made)]);
    let fresh = NewRelease { fresh: true, ..wanted() };
    adapter(&server).create_release(REPO, &fresh).await.unwrap();
    server.finished();
}
