//! Releases and their files.

use serde_json::{Value, json};

use crate::sandbox::scene::Scene;

/// Sends bytes as a release's file.
async fn upload(scene: &Scene, url: &str, content: &'static str) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = scene.forge.bot("mergewright-bot").token().to_owned();
    let sent = client.post(url).bearer_auth(token).header("content-type", "text/plain").body(content);
    let answer = sent.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_release_holds_its_files_itself() {
    let scene = Scene::hub().await;
    scene.project.tag("mia", "iris@v1.0.0", "main", Some("first")).unwrap();
    assert_eq!(scene.get("/releases/tags/iris%40v1.0.0").await.status, 404);
    let wish = json!({"tag_name": "iris@v1.0.0", "name": "iris v1", "body": "notes"});
    let made = scene.bot("POST", "/releases", wish.clone()).await;
    assert_eq!((made.status, made.json()["draft"].clone()), (201, json!(false)));
    let again = scene.bot("POST", "/releases", wish).await;
    assert_eq!((again.status, again.json()["errors"][0]["code"].clone()), (422, json!("already_exists")));

    let id = made.json()["id"].as_u64().unwrap();
    let template = made.json()["upload_url"].as_str().unwrap().to_owned();
    let address = template.strip_suffix("{?name,label}").unwrap().to_owned();
    let (status, asset) = upload(&scene, &format!("{address}?name=lineage.json"), "{}").await;
    assert_eq!((status, asset["state"].clone(), asset["size"].clone()), (201, json!("uploaded"), json!(2)));
    let (status, refusal) = upload(&scene, &format!("{address}?name=lineage.json"), "x").await;
    assert_eq!((status, refusal["errors"][0]["code"].clone()), (422, json!("already_exists")));
    // An Enterprise Server takes uploads elsewhere, and a client may know only the API's address.
    for (place, name) in [("/api/uploads", "one"), ("", "two"), ("/api/v3", "three")] {
        let url = format!("{}{place}/repos/acme/iris/releases/{id}/assets?name={name}", scene.forge.url());
        assert_eq!(upload(&scene, &url, "x").await.0, 201, "{place}");
    }

    let read = scene.get("/releases/tags/iris@v1.0.0").await.json();
    let names: Vec<&str> =
        read["assets"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["lineage.json", "one", "two", "three"]);
    let page = scene.send("GET", read["html_url"].as_str().unwrap(), &[], Value::Null).await.text();
    assert!(page.contains("lineage.json") && page.contains("download"), "people find its files: {page}");
    let address = read["assets"][1]["browser_download_url"].as_str().unwrap();
    assert_eq!(scene.send("GET", address, &[], Value::Null).await.text(), "x");
    let path = format!("/releases/assets/{}", asset["id"]);
    assert_eq!(scene.get(&path).await.json()["name"], "lineage.json");
    let url = format!("{}/repos/acme/iris{path}", scene.forge.url());
    let bearer = format!("Bearer {}", scene.forge.bot("mergewright-bot").token());
    let headers = [("authorization", bearer.as_str()), ("accept", "application/octet-stream")];
    let content = scene.send("GET", &url, &headers, Value::Null).await;
    assert_eq!((content.status, content.text().as_str()), (200, "{}"), "over the redirect");
    assert_eq!(scene.bot("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(scene.get(&path).await.status, 404);
    assert_eq!(scene.project.releases().unwrap()["iris@v1.0.0"].assets.len(), 3);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_draft_comes_out_when_it_is_made_public() {
    let scene = Scene::hub().await;
    scene.project.tag("mia", "iris@v1.0.0", "main", Some("first")).unwrap();
    let wish = json!({"tag_name": "iris@v1.0.0", "name": "iris v1", "draft": true});
    let made = scene.bot("POST", "/releases", wish).await.json();
    assert_eq!(scene.get("/releases/tags/iris@v1.0.0").await.status, 404);
    assert_eq!(scene.get("/releases").await.json()[0]["draft"], true);
    let path = format!("/releases/{}", made["id"]);
    assert_eq!(scene.bot("PATCH", &path, json!({"draft": false, "body": "notes"})).await.status, 200);
    assert_eq!(scene.get("/releases/tags/iris@v1.0.0").await.json()["body"], "notes");
}
