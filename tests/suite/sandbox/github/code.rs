//! Code over the API: files, comparisons, git's own objects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use mergewright::sandbox::File;

use crate::sandbox::scene::Scene;

#[tokio::test]
async fn an_annotated_tag_takes_two_calls_and_its_name_is_taken_once() {
    let scene = Scene::hub().await;
    let wish = json!({
        "tag": "iris@v1.0.0", "message": "{\"model\":\"iris\"}\n# kept", "object": scene.main.as_str(),
        "type": "commit",
    });
    let made = scene.bot("POST", "/git/tags", wish).await;
    assert_eq!(made.status, 201);
    let object = made.json()["sha"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["tagger"]["email"], "mergewright-bot@example.com");
    assert!(scene.project.tags().unwrap().is_empty(), "nobody sees an object that no ref names");
    assert_eq!(scene.get("/git/ref/tags/iris%40v1.0.0").await.status, 404);

    let name = json!({"ref": "refs/tags/iris@v1.0.0", "sha": object});
    let named = scene.bot("POST", "/git/refs", name.clone()).await;
    assert_eq!((named.status, named.json()["object"]["type"].clone()), (201, json!("tag")));
    let again = scene.bot("POST", "/git/refs", name).await;
    assert_eq!((again.status, again.json()["message"].clone()), (422, json!("Reference already exists")));
    let read = scene.get("/git/ref/tags/iris@v1.0.0").await.json();
    assert_eq!(read["object"]["sha"], object.as_str());
    let tag = scene.get(&format!("/git/tags/{object}")).await.json();
    assert_eq!(tag["message"], "{\"model\":\"iris\"}\n# kept");
    assert_eq!(tag["object"]["sha"], scene.main.as_str());
    assert_eq!(tag["tagger"]["date"], "2026-11-23T13:30:09Z");
    let told = scene.git(&["cat-file", "tag", "refs/tags/iris@v1.0.0"]);
    assert!(told.ends_with("{\"model\":\"iris\"}\n# kept"), "{told}");
    assert_eq!(scene.project.tags().unwrap()[0].message.as_deref(), Some("{\"model\":\"iris\"}\n# kept"));

    scene.project.tag("mia", "iris@v2.0.0", "main", None).unwrap();
    let found = scene.get("/git/matching-refs/tags/iris@").await.json();
    let kinds: Vec<&str> =
        found.as_array().unwrap().iter().map(|one| one["object"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["tag", "commit"]);
    assert_eq!(scene.get("/git/matching-refs/tags/other").await.json(), json!([]));
    let bad = json!({"ref": "refs/tags/no..dots", "sha": object});
    assert_eq!(scene.bot("POST", "/git/refs", bad).await.status, 422);
    let nothing = json!({"tag": "x", "message": "x", "object": "1".repeat(40), "type": "commit"});
    assert_eq!(scene.bot("POST", "/git/tags", nothing).await.status, 422);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_commit_is_made_of_a_tree_and_a_branch_moves_forward_only() {
    let scene = Scene::hub().await;
    let base = scene.git(&["rev-parse", "main^{tree}"]);
    let wish = json!({"base_tree": base, "tree": [
        {"path": "models/iris/params.json", "mode": "100644", "type": "blob", "content": "{\"depth\": 4}\n"},
        {"path": "run.sh", "mode": "100755", "type": "blob", "content": "exit 0\n"},
    ]});
    let tree = scene.bot("POST", "/git/trees", wish).await;
    assert_eq!(tree.status, 201);
    let tree = tree.json()["sha"].as_str().unwrap().to_owned();
    let wish = json!({"message": "Regenerate", "tree": tree, "parents": [scene.main.as_str()]});
    let commit = scene.bot("POST", "/git/commits", wish).await;
    assert_eq!(commit.status, 201);
    let commit = commit.json()["sha"].as_str().unwrap().to_owned();
    let branch = json!({"ref": "refs/heads/regenerated", "sha": scene.main.as_str()});
    assert_eq!(scene.bot("POST", "/git/refs", branch.clone()).await.status, 201);
    assert_eq!(scene.bot("POST", "/git/refs", branch).await.status, 422);
    let path = "/git/refs/heads/regenerated";
    assert_eq!(scene.bot("PATCH", path, json!({"sha": commit})).await.status, 200);
    let back = scene.bot("PATCH", path, json!({"sha": scene.main.as_str()})).await;
    assert_eq!((back.status, back.json()["message"].clone()), (422, json!("Update is not a fast forward")));
    assert_eq!(
        scene.git(&["diff", "--name-status", "main", "regenerated"]),
        "M\tmodels/iris/params.json\nA\trun.sh"
    );
    assert_eq!(scene.git(&["log", "-1", "--format=%an", "regenerated"]), "Mergewright-bot");
    let read = scene.get(&format!("/git/commits/{commit}")).await.json();
    assert_eq!(read["parents"][0]["sha"], scene.main.as_str());
    let entries = scene.get(&format!("/git/trees/{commit}?recursive=1")).await.json();
    let paths: Vec<&str> =
        entries["tree"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&"models/iris/params.json") && paths.contains(&"models/iris"), "{paths:?}");
    let flat = scene.get("/git/trees/regenerated").await.json();
    assert!(flat["tree"].as_array().unwrap().iter().all(|one| !one["path"].as_str().unwrap().contains('/')));
    assert_eq!(scene.bot("DELETE", path, Value::Null).await.status, 204);
    assert_eq!(scene.bot("DELETE", path, Value::Null).await.status, 422);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_file_is_read_as_it_is_or_as_json_and_written_only_from_where_it_stood() {
    let scene = Scene::hub().await;
    let next = [File::write("models/iris/x y.txt", "one\n")];
    let head = scene.project.push("ada", "deeper", &next, "More").unwrap();
    let url = format!("{}/repos/acme/iris/contents/models/iris/x%20y.txt?ref={head}", scene.forge.url());
    let bearer = format!("Bearer {}", scene.forge.bot("mergewright-bot").token());
    let raw = [("authorization", bearer.as_str()), ("accept", "application/vnd.github.raw+json")];
    let file = scene.send("GET", &url, &raw, Value::Null).await;
    assert_eq!((file.status, file.text().as_str()), (200, "one\n"));
    let told = scene.get(&format!("/contents/models/iris/x%20y.txt?ref={head}")).await.json();
    assert_eq!(told["content"], STANDARD.encode("one\n"));
    assert_eq!(told["sha"], scene.git(&["rev-parse", &format!("{head}:models/iris/x y.txt")]));
    let folder = scene.get(&format!("/contents/models/iris?ref={head}")).await.json();
    assert_eq!(folder[1]["path"], "models/iris/x y.txt");
    assert_eq!(scene.get("/contents/nope").await.status, 404);
    assert_eq!(scene.get("/contents/models/iris/params.json?ref=nowhere").await.status, 404);

    let write = |body: Value| scene.bot("PUT", "/contents/models/iris/x%20y.txt", body);
    let content = STANDARD.encode("two\n");
    let blind = json!({"message": "Two", "content": content, "branch": "deeper"});
    assert_eq!(write(blind).await.status, 422);
    let stale = json!({"message": "Two", "content": content, "branch": "deeper", "sha": "1".repeat(40)});
    assert_eq!(write(stale).await.status, 409);
    let good = json!({"message": "Two", "content": content, "branch": "deeper", "sha": told["sha"]});
    assert_eq!(write(good).await.status, 200);
    assert_eq!(scene.project.file("models/iris/x y.txt", "deeper").unwrap(), b"two\n");
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_comparison_goes_from_where_both_part() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    scene.project.push("mia", "main", &[File::write("notes.txt", "1")], "Move on").unwrap();
    scene.project.push("ada", "deeper", &[File::write("more.txt", "1")], "More").unwrap();
    let told = scene.get("/compare/main...deeper").await.json();
    assert_eq!(told["status"], "diverged");
    assert_eq!((told["ahead_by"].clone(), told["behind_by"].clone()), (json!(2), json!(1)));
    assert_eq!(told["merge_base_commit"]["sha"], scene.main.as_str());
    let files: Vec<&str> =
        told["files"].as_array().unwrap().iter().map(|one| one["filename"].as_str().unwrap()).collect();
    assert_eq!(files, ["models/iris/params.json", "more.txt"], "what main got meanwhile is not in it");
    assert_eq!(told["commits"][0]["commit"]["message"], "Go deeper");
    assert_eq!(scene.get("/compare/main...main").await.json()["status"], "identical");
    assert_eq!(scene.get("/compare/main...gone").await.status, 404);
    let second = scene.get("/compare/main...deeper?per_page=1&page=2").await.json();
    assert_eq!(second["commits"].as_array().unwrap().len(), 1);
    assert!(second.get("files").is_none(), "files stand on the first page");
    let branch = scene.get("/branches/deeper").await.json();
    assert_eq!(branch["commit"]["sha"], scene.project.merge_request(number).unwrap().head.as_str());
    assert_eq!(scene.get("/branches/gone").await.status, 404);
    let history = scene.get("/commits?sha=deeper").await.json();
    assert_eq!(history.as_array().unwrap().len(), 3);
}
