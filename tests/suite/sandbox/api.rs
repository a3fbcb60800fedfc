//! GitLab's API as the bot meets it, over real HTTP.

use serde_json::{Value, json};

use mergewright::sandbox::{File, MergeStyle, Role};

use super::scene::Scene;

#[tokio::test]
async fn who_asks_decides_what_is_there() {
    let scene = Scene::open().await;
    let url = scene.forge.url().to_owned();
    let stranger = scene.forge.person("eve").token().to_owned();
    let bot = scene.forge.bot("mergewright-bot");
    let project = format!("{url}/api/v4/projects/acme%2Fml%2Firis");

    assert_eq!(scene.send("GET", &project, &[], Value::Null).await.status, 401);
    assert_eq!(scene.send("GET", &project, &[("private-token", "wrong")], Value::Null).await.status, 401);
    assert_eq!(scene.send("GET", &project, &[("private-token", &stranger)], Value::Null).await.status, 404);
    let bearer = format!("Bearer {}", bot.token());
    let answer = scene.send("GET", &project, &[("authorization", &bearer)], Value::Null).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["id"], scene.project.id());
    assert_eq!(answer.json()["path_with_namespace"], "acme/ml/iris");
    assert_eq!(answer.json()["default_branch"], "main");
    assert_eq!(answer.header("ratelimit-remaining"), "1999");

    let own =
        scene.send("GET", &format!("{url}/api/v4/user"), &[("authorization", &bearer)], Value::Null).await;
    assert_eq!(
        (own.json()["username"].clone(), own.json()["bot"].clone()),
        (json!("mergewright-bot"), json!(true))
    );
    let mia = scene.forge.person("mia").id;
    assert_eq!(scene.get(&format!("/members/all/{mia}")).await.json()["access_level"], 40);
    assert_eq!(scene.get(&format!("/members/all/{}", scene.forge.person("eve").id)).await.status, 404);
    scene.project.remove_member("mia").unwrap();
    assert_eq!(scene.get(&format!("/members/all/{mia}")).await.status, 404);

    scene.forge.group("acme/owners", &["mia"]);
    let group = |id: u64| format!("{url}/api/v4/groups/acme%2Fowners/members/all/{id}");
    assert_eq!(scene.send("GET", &group(mia), &[("authorization", &bearer)], Value::Null).await.status, 200);
    let ada = scene.forge.person("ada").id;
    assert_eq!(scene.send("GET", &group(ada), &[("authorization", &bearer)], Value::Null).await.status, 404);
    let user = scene
        .send("GET", &format!("{url}/api/v4/users/{mia}"), &[("authorization", &bearer)], Value::Null)
        .await;
    assert_eq!(user.json()["public_email"], "mia@example.com");
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_merge_request_is_told_with_its_code() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let head = scene.project.branch("deeper").unwrap();

    let one = scene.get(&format!("/merge_requests/{number}")).await.json();
    assert_eq!(one["sha"], head.as_str());
    assert_eq!(one["state"], "opened");
    assert_eq!(one["detailed_merge_status"], "mergeable");
    assert_eq!(one["author"]["username"], "ada");
    assert_eq!(one["head_pipeline"]["sha"], head.as_str());
    assert_eq!(one["diff_refs"]["base_sha"], scene.main.as_str());

    let diffs = scene.get(&format!("/merge_requests/{number}/diffs")).await.json();
    assert_eq!(diffs[0]["new_path"], "models/iris/params.json");
    assert_eq!(diffs.as_array().unwrap().len(), 1);
    let commits = scene.get(&format!("/merge_requests/{number}/commits")).await.json();
    assert_eq!(commits[0]["author_email"], "ada@example.com");
    assert_eq!(commits.as_array().unwrap().len(), 1);

    let second =
        scene.project.push("ada", "deeper", &[File::write("models/iris/x y.txt", "1")], "More").unwrap();
    let versions = scene.get(&format!("/merge_requests/{number}/versions")).await.json();
    assert_eq!(versions[0]["head_commit_sha"], second.as_str());
    assert_eq!(versions[1]["head_commit_sha"], head.as_str());

    let compare = scene.get(&format!("/repository/compare?from={}&to={second}", scene.main)).await.json();
    let paths: Vec<&str> =
        compare["diffs"].as_array().unwrap().iter().map(|diff| diff["new_path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["models/iris/params.json", "models/iris/x y.txt"]);

    let file = scene.get(&format!("/repository/files/models%2Firis%2Fx%20y.txt/raw?ref={second}")).await;
    assert_eq!((file.status, file.text().as_str()), (200, "1"));
    assert_eq!(scene.get(&format!("/repository/files/nope/raw?ref={second}")).await.status, 404);
    let told = scene.get(&format!("/repository/files/models%2Firis%2Fx%20y.txt?ref={second}")).await.json();
    assert_eq!(told["blob_id"], scene.git(&["rev-parse", &format!("{second}:models/iris/x y.txt")]));
    let tree = scene.get(&format!("/repository/tree?path=models&ref={second}")).await.json();
    assert_eq!(tree[0]["id"], scene.git(&["rev-parse", &format!("{second}:models/iris")]));
    assert_eq!(tree[0]["type"], "tree");
    assert_eq!(scene.get("/repository/branches/deeper").await.json()["commit"]["id"], second.as_str());
    assert_eq!(scene.get("/repository/branches/gone").await.status, 404);
    let commit = scene.get(&format!("/repository/commits/{second}")).await.json();
    assert_eq!(commit["parent_ids"], json!([head.as_str()]));
    scene.all_routes_are_known();
}

#[tokio::test]
async fn equal_deeds_give_equal_commits() {
    let (one, other) = (Scene::open().await, Scene::open().await);
    assert_eq!(one.main, other.main);
    assert_eq!(one.git(&["log", "-1", "--format=%an <%ae> %ct", "main"]), "Mia <mia@example.com> 1795440609");
}

#[tokio::test]
async fn quick_actions_never_become_notes() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let notes = format!("/merge_requests/{number}/notes");

    let told = scene.bot("POST", &notes, json!({"body": "<!-- mark -->\nhello <b>\n"})).await;
    assert_eq!(told.status, 201);
    let id = told.json()["id"].as_u64().unwrap();
    assert_eq!(scene.get(&format!("{notes}/{id}")).await.json()["body"], "<!-- mark -->\nhello <b>\n");

    let eaten = scene.bot("POST", &notes, json!({"body": "/label ~risky"})).await;
    assert_eq!(eaten.status, 202);
    assert_eq!(scene.get(&format!("/merge_requests/{number}")).await.json()["labels"], json!(["risky"]));
    assert_eq!(scene.get(&notes).await.json().as_array().unwrap().len(), 1);

    let mixed = scene.bot("POST", &notes, json!({"body": "done\n/close"})).await;
    assert_eq!((mixed.status, mixed.json()["body"].clone()), (201, json!("done")));
    assert_eq!(scene.get(&format!("/merge_requests/{number}")).await.json()["state"], "closed");
    assert_eq!(scene.bot("POST", &notes, json!({"body": " "})).await.status, 400);
    assert_eq!(scene.bot("POST", &notes, json!({})).await.status, 400);

    let edited = scene.bot("PUT", &format!("{notes}/{id}"), json!({"body": "new"})).await;
    assert_eq!((edited.status, edited.json()["body"].clone()), (200, json!("new")));
    scene.project.delete_comment("mia", number, id).unwrap();
    assert_eq!(scene.bot("PUT", &format!("{notes}/{id}"), json!({"body": "x"})).await.status, 404);
    assert_eq!(scene.get(&format!("{notes}/{id}")).await.status, 404);
}

#[tokio::test]
async fn lists_come_in_pages_that_may_be_short() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    for text in ["one", "two", "three"] {
        scene.project.comment("ada", number, text).unwrap();
    }
    scene.project.system_note("ada", number, "changed the title").unwrap();
    scene.forge.short_pages(true);
    let mut bodies = Vec::new();
    let mut page = "1".to_owned();
    while !page.is_empty() {
        let query =
            format!("sort=asc&order_by=created_at&activity_filter=only_comments&per_page=2&page={page}");
        let answer = scene.get(&format!("/merge_requests/{number}/notes?{query}")).await;
        let notes = answer.json();
        assert_eq!(notes.as_array().unwrap().len(), 1, "each page is one entry short");
        bodies.push(notes[0]["body"].as_str().unwrap().to_owned());
        answer.header("x-next-page").clone_into(&mut page);
        assert_eq!(answer.header("link").contains("rel=\"next\""), !page.is_empty());
    }
    assert_eq!(bodies, ["one", "two", "three"]);
    let keyset = scene.get("/repository/tree?recursive=true&pagination=keyset&per_page=3").await;
    assert_eq!(keyset.json().as_array().unwrap().len(), 2);
    assert!(keyset.headers.get("x-next-page").is_none());
    let next = keyset.header("link").strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
    let token = scene.forge.bot("mergewright-bot").token().to_owned();
    let last = scene.send("GET", &next, &[("private-token", &token)], Value::Null).await;
    assert_eq!(last.json()[1]["path"], "models/iris/params.json");
    assert!(last.headers.get("link").is_none());
    let newest = scene.get(&format!("/merge_requests/{number}/notes")).await.json();
    assert_eq!(newest[0]["system"], true, "without a wish the newest comes first");
}

#[tokio::test]
async fn a_reaction_is_there_once() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let note = scene.project.comment("mia", number, "/model help").unwrap().unwrap();
    let path = format!("/merge_requests/{number}/notes/{note}/award_emoji");
    assert_eq!(scene.bot("POST", &path, json!({"name": "eyes"})).await.status, 201);
    let again = scene.bot("POST", &path, json!({"name": "eyes"})).await;
    assert_eq!(again.status, 404);
    assert!(again.text().contains("has already been taken"), "{}", again.text());
    assert_eq!(scene.get(&path).await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_status_joins_a_pipeline_and_is_not_put_twice() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap();
    let path = format!("/statuses/{}", run.sha);
    let pending = json!({"state": "pending", "name": "mergewright", "pipeline_id": run.id});
    let put = scene.bot("POST", &path, pending.clone()).await;
    assert_eq!((put.status, put.json()["pipeline_id"].clone()), (201, json!(run.id)));
    let again = scene.bot("POST", &path, pending).await;
    assert_eq!(again.status, 400);
    assert!(again.text().contains("Cannot transition status"), "{}", again.text());
    let good = json!({"state": "success", "name": "mergewright", "pipeline_id": run.id});
    assert_eq!(scene.bot("POST", &path, good).await.status, 201);
    assert_eq!(scene.project.statuses(&run.sha).unwrap()["mergewright"].state, "success");
    let wrong = json!({"state": "success", "name": "x", "pipeline_id": 9});
    assert_eq!(scene.bot("POST", &path, wrong).await.status, 404);
    assert_eq!(scene.bot("POST", &path, json!({"state": "good", "name": "x"})).await.status, 400);

    // Without a pipeline for the commit the forge makes an external one.
    let lone = scene
        .bot("POST", &format!("/statuses/{}", scene.main), json!({"state": "success", "name": "x"}))
        .await;
    let made = lone.json()["pipeline_id"].as_u64().unwrap();
    assert_eq!(scene.get(&format!("/pipelines/{made}")).await.json()["source"], "external");
}

#[tokio::test]
async fn a_merge_is_guarded_and_makes_a_real_merge_commit() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let head = scene.project.branch("deeper").unwrap();
    let path = format!("/merge_requests/{number}/merge");

    let moved = scene.bot("PUT", &path, json!({"sha": scene.main.as_str()})).await;
    assert_eq!(moved.status, 409);
    scene.project.retitle("ada", number, "Draft: Go deeper").unwrap();
    assert_eq!(
        scene.get(&format!("/merge_requests/{number}")).await.json()["detailed_merge_status"],
        "draft_status"
    );
    assert_eq!(scene.bot("PUT", &path, json!({"sha": head.as_str()})).await.status, 405);
    scene.project.retitle("ada", number, "Go deeper").unwrap();
    scene.project.still_checking(number, 1).unwrap();
    assert_eq!(
        scene.get(&format!("/merge_requests/{number}")).await.json()["detailed_merge_status"],
        "checking"
    );
    assert_eq!(
        scene.get(&format!("/merge_requests/{number}")).await.json()["detailed_merge_status"],
        "mergeable"
    );

    let merged = scene.bot("PUT", &path, json!({"sha": head.as_str()})).await;
    assert_eq!((merged.status, merged.json()["state"].clone()), (200, json!("merged")));
    let commit = merged.json()["merge_commit_sha"].as_str().unwrap().to_owned();
    assert_eq!(scene.git(&["rev-parse", "main"]), commit);
    assert_eq!(scene.git(&["log", "-1", "--format=%P", "main"]), format!("{} {head}", scene.main));
    assert_eq!(scene.bot("PUT", &path, json!({"sha": head.as_str()})).await.status, 405);
}

#[tokio::test]
async fn conflicts_and_the_projects_settings_stop_a_merge() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let change = [File::write("models/iris/params.json", "{\"depth\": 9}\n")];
    scene.project.push("mia", "main", &change, "Otherwise").unwrap();
    assert_eq!(
        scene.get(&format!("/merge_requests/{number}")).await.json()["detailed_merge_status"],
        "conflict"
    );
    let refused = scene.bot("PUT", &format!("/merge_requests/{number}/merge"), json!({})).await;
    assert_eq!(refused.status, 405);

    scene.project.push("ada", "aside", &[File::write("notes.txt", "1")], "Aside").unwrap();
    let other = scene.project.open_merge_request("ada", "aside", "Aside").unwrap();
    scene.project.merge_style(MergeStyle::FastForward).unwrap();
    scene.project.push("mia", "main", &[File::write("more.txt", "1")], "Move on").unwrap();
    let path = format!("/merge_requests/{other}");
    assert_eq!(scene.get(&path).await.json()["detailed_merge_status"], "need_rebase");
    assert_eq!(scene.bot("PUT", &format!("{path}/rebase"), json!({})).await.status, 202);
    let merged = scene.bot("PUT", &format!("{path}/merge"), json!({})).await;
    assert_eq!(merged.status, 200);
    assert_eq!(scene.git(&["rev-parse", "main"]), scene.project.branch("aside").unwrap().as_str());
    assert_eq!(scene.git(&["log", "-3", "--format=%s", "main"]), "Aside\nMove on\nOtherwise");
}

#[tokio::test]
async fn a_squash_makes_all_commits_one() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    scene.project.push("ada", "deeper", &[File::write("more.txt", "1")], "More").unwrap();
    scene.project.squash("mia", number).unwrap();
    let one = scene.get(&format!("/merge_requests/{number}")).await.json();
    let squash = one["squash_commit_sha"].as_str().unwrap();
    assert_eq!(scene.git(&["log", "-1", "--format=%P %s", squash]), format!("{} Go deeper", scene.main));
    assert_eq!(
        scene.git(&["diff", "--name-only", scene.main.as_str(), "main"]),
        "models/iris/params.json\nmore.txt"
    );
}

#[tokio::test]
async fn people_who_may_not_are_refused() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let files = [File::write("x", "1")];
    assert!(scene.project.push("ada", "main", &files, "No").is_err(), "main is protected");
    assert!(scene.project.push("gus", "guest", &files, "No").is_err());
    assert!(scene.project.merge("ada", number).is_err());
    assert!(scene.project.approve("ada", number).is_err(), "nobody approves the own work");
    scene.project.approve("mia", number).unwrap();
    let approvals = scene.get(&format!("/merge_requests/{number}/approvals")).await.json();
    assert_eq!(approvals["approved_by"][0]["user"]["username"], "mia");
    assert_eq!(approvals["approved_by"][0]["approved_at"], "2026-11-23T13:30:09.000Z");
    scene.project.unapprove("mia", number).unwrap();
    let head = scene.project.branch("deeper").unwrap();
    let approve = format!("/merge_requests/{number}/approve");
    assert_eq!(scene.bot("POST", &approve, json!({"sha": scene.main.as_str()})).await.status, 409);
    assert_eq!(scene.bot("POST", &approve, json!({"sha": head.as_str()})).await.status, 201);
    assert_eq!(scene.bot("POST", &approve, json!({})).await.status, 401);
    scene.project.member("mergewright-bot", Role::Reporter).unwrap();
    assert_eq!(scene.bot("PUT", &format!("/merge_requests/{number}/merge"), json!({})).await.status, 403);
}

#[tokio::test]
async fn a_tag_is_a_real_annotated_tag_and_its_name_is_taken_once() {
    let scene = Scene::open().await;
    let wish = json!({"tag_name": "iris@v1.0.0", "ref": scene.main.as_str(), "message": "{\"model\":\"iris\"}\n# kept"});
    let made = scene.bot("POST", "/repository/tags", wish.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["commit"]["id"], scene.main.as_str());
    assert_eq!(scene.git(&["cat-file", "-t", "refs/tags/iris@v1.0.0"]), "tag");
    let object = scene.git(&["cat-file", "tag", "refs/tags/iris@v1.0.0"]);
    assert!(
        object.contains("tagger Mergewright-bot <mergewright-bot@example.com> 1795440609 +0000"),
        "{object}"
    );
    assert!(object.ends_with("{\"model\":\"iris\"}\n# kept"), "{object}");
    let again = scene.bot("POST", "/repository/tags", wish).await;
    assert_eq!(again.status, 400);
    assert_eq!(again.json()["message"], "Tag iris@v1.0.0 already exists");
    scene.bot("POST", "/repository/tags", json!({"tag_name": "plain", "ref": "main"})).await;
    assert_eq!(scene.git(&["cat-file", "-t", "refs/tags/plain"]), "commit");
    let found = scene.get("/repository/tags?search=%5Eiris%40").await.json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["message"], "{\"model\":\"iris\"}\n# kept");
    let one = scene.get("/repository/tags/iris%40v1.0.0").await.json();
    assert_eq!(one["target"], scene.git(&["rev-parse", "refs/tags/iris@v1.0.0"]));
    assert_eq!(scene.get("/repository/tags/iris%40v9.0.0").await.status, 404);
    let bad = json!({"tag_name": "no..dots", "ref": "main"});
    assert_eq!(scene.bot("POST", "/repository/tags", bad).await.status, 400);
}

#[tokio::test]
async fn a_release_holds_links_to_package_files() {
    let scene = Scene::open().await;
    scene.project.tag("mia", "iris@v1.0.0", "main", Some("first")).unwrap();
    let file = "/packages/generic/iris/1.0.0/lineage.json";
    assert_eq!(scene.bot("PUT", file, json!({"model": "iris"})).await.status, 201);
    assert_eq!(scene.get(file).await.json(), json!({"model": "iris"}));
    assert_eq!(scene.get("/packages/generic/iris/1.0.0/other").await.status, 404);
    let link =
        json!({"name": "lineage.json", "url": "https://example.com/lineage.json", "link_type": "package"});
    let wish = json!({"tag_name": "iris@v1.0.0", "name": "iris v1", "description": "notes", "assets": {"links": [link]}});
    assert_eq!(scene.get("/releases/iris%40v1.0.0").await.status, 404);
    assert_eq!(scene.bot("POST", "/releases", wish.clone()).await.status, 201);
    assert_eq!(scene.bot("POST", "/releases", wish).await.status, 409);
    let missing = json!({"tag_name": "iris@v2.0.0", "name": "x"});
    assert_eq!(scene.bot("POST", "/releases", missing).await.status, 422);
    let more = json!({"name": "manifest.txt", "url": "https://example.com/manifest.txt"});
    let links = "/releases/iris%40v1.0.0/assets/links";
    assert_eq!(scene.bot("POST", links, more.clone()).await.status, 201);
    assert_eq!(scene.bot("POST", links, more).await.status, 400);
    let read = scene.get("/releases/iris%40v1.0.0").await.json();
    let names: Vec<&str> = read["assets"]["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| link["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["lineage.json", "manifest.txt"]);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn what_is_not_played_is_noticed() {
    let scene = Scene::open().await;
    assert_eq!(scene.get("/issues").await.status, 404);
    let unknown: Vec<_> = scene.forge.requests().into_iter().filter(|one| one.unknown).collect();
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].url.ends_with("/issues"));
}
