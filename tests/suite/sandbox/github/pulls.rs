//! Pull requests and what is said about them, over real HTTP.

use serde_json::{Value, json};

use mergewright::sandbox::{File, MergeMethods, Role};

use crate::sandbox::scene::Scene;

#[tokio::test]
async fn who_asks_decides_what_is_there() {
    let scene = Scene::hub().await;
    let repo = format!("{}/repos/acme/iris", scene.forge.url());
    let stranger = format!("Bearer {}", scene.forge.person("eve").token());
    let bot = format!("token {}", scene.forge.bot("mergewright-bot").token());
    assert_eq!(scene.send("GET", &repo, &[], Value::Null).await.status, 401);
    assert_eq!(scene.send("GET", &repo, &[("authorization", "Bearer wrong")], Value::Null).await.status, 401);
    assert_eq!(scene.send("GET", &repo, &[("authorization", &stranger)], Value::Null).await.status, 404);
    let told = scene.send("GET", &repo, &[("authorization", &bot)], Value::Null).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.json()["id"], scene.project.id());
    assert_eq!(told.json()["full_name"], "acme/iris");
    assert_eq!(told.json()["permissions"]["maintain"], true);
    assert_eq!(told.header("x-ratelimit-remaining"), "4999");
    let own = format!("{}/api/v3/user", scene.forge.url());
    let own = scene.send("GET", &own, &[("authorization", &bot)], Value::Null).await.json();
    assert_eq!((own["login"].clone(), own["type"].clone()), (json!("mergewright-bot"), json!("Bot")));

    let may = async |login: &str| scene.get(&format!("/collaborators/{login}/permission")).await;
    let mia = may("mia").await.json();
    assert_eq!((mia["permission"].clone(), mia["role_name"].clone()), (json!("write"), json!("maintain")));
    assert_eq!(may("gus").await.json()["permission"], "read");
    assert_eq!(may("eve").await.json()["permission"], "none");
    assert_eq!(may("nobody").await.status, 404);

    scene.forge.group("acme/owners", &["mia"]);
    let team = |login: &str| format!("{}/orgs/acme/teams/owners/memberships/{login}", scene.forge.url());
    let member = scene.send("GET", &team("mia"), &[("authorization", &bot)], Value::Null).await;
    assert_eq!((member.status, member.json()["state"].clone()), (200, json!("active")));
    assert_eq!(scene.send("GET", &team("ada"), &[("authorization", &bot)], Value::Null).await.status, 404);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_renamed_repository_is_pointed_to_and_its_number_stays() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    scene.project.rename("acme/flowers").unwrap();
    let bearer = format!("Bearer {}", scene.forge.bot("mergewright-bot").token());
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let old = format!("{}/repos/acme/iris/pulls/{number}?x=1", scene.forge.url());
    let told = client.get(&old).header("authorization", &bearer).send().await.unwrap();
    assert_eq!(told.status().as_u16(), 301);
    let new = told.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(new, format!("{}/repositories/{}/pulls/{number}?x=1", scene.forge.url(), scene.project.id()));
    let posted = client.post(&old).header("authorization", &bearer).send().await.unwrap();
    assert_eq!(posted.status().as_u16(), 307);
    let there = scene.send("GET", &new, &[("authorization", &bearer)], Value::Null).await;
    assert_eq!(there.json()["base"]["repo"]["full_name"], "acme/flowers");
}

#[tokio::test]
async fn a_pull_request_is_told_with_its_code() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let head = scene.project.branch("deeper").unwrap();
    let path = format!("/pulls/{number}");
    let one = scene.get(&path).await.json();
    assert_eq!((one["state"].clone(), one["merged"].clone()), (json!("open"), json!(false)));
    assert_eq!(one["head"]["sha"], head.as_str());
    assert_eq!(one["base"]["sha"], scene.main.as_str());
    assert_eq!((one["mergeable"].clone(), one["mergeable_state"].clone()), (json!(true), json!("clean")));
    assert_eq!(one["user"]["login"], "ada");
    let files = scene.get(&format!("{path}/files")).await.json();
    assert_eq!(files[0]["filename"], "models/iris/params.json");
    assert_eq!(files[0]["status"], "modified");
    let commits = scene.get(&format!("{path}/commits")).await.json();
    assert_eq!(commits[0]["author"]["login"], "ada");
    assert_eq!(commits[0]["commit"]["author"]["email"], "ada@example.com");

    scene.project.still_checking(number, 2).unwrap();
    for _read in 0..2 {
        assert_eq!(scene.get(&path).await.json()["mergeable"], Value::Null);
    }
    assert_eq!(scene.get(&path).await.json()["mergeable"], true);
    scene.project.set_draft("ada", number, true).unwrap();
    assert_eq!(scene.get(&path).await.json()["draft"], true);
    assert_eq!(scene.get(&path).await.json()["mergeable_state"], "draft");
    scene.project.retitle("ada", number, "Draft: not a mark here").unwrap();
    scene.project.set_draft("ada", number, false).unwrap();
    assert_eq!(scene.get(&path).await.json()["draft"], false);
    let listed = scene.get("/pulls?state=all&head=acme:deeper").await.json();
    assert_eq!(listed[0]["number"], number);
    assert_eq!(scene.get("/pulls?head=acme:other").await.json(), json!([]));
    let wish = json!({"head": "deeper", "base": "main", "title": "Again"});
    assert_eq!(scene.bot("POST", "/pulls", wish).await.status, 422, "there is one already");
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_merge_is_guarded_and_only_as_the_repository_allows() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let head = scene.project.branch("deeper").unwrap();
    let path = format!("/pulls/{number}/merge");
    let moved = scene.bot("PUT", &path, json!({"sha": scene.main.as_str()})).await;
    assert_eq!(moved.status, 409);
    assert!(moved.text().contains("Head branch was modified"), "{}", moved.text());
    assert_eq!(scene.bot("PUT", &path, json!({"merge_method": "octopus"})).await.status, 422);
    scene.project.set_draft("ada", number, true).unwrap();
    assert_eq!(scene.bot("PUT", &path, json!({"sha": head.as_str()})).await.status, 405);
    scene.project.set_draft("ada", number, false).unwrap();
    scene.project.merge_methods(MergeMethods { merge: false, ..MergeMethods::ALL }).unwrap();
    let refused = scene.bot("PUT", &path, json!({"sha": head.as_str()})).await;
    assert_eq!(refused.status, 405);
    assert_eq!(refused.json()["message"], "Merge commits are not allowed on this repository.");
    assert_eq!(scene.get(&format!("/pulls/{number}/merge")).await.status, 404);

    let squash = json!({"sha": head.as_str(), "merge_method": "squash"});
    let merged = scene.bot("PUT", &path, squash).await;
    assert_eq!((merged.status, merged.json()["merged"].clone()), (200, json!(true)));
    let commit = merged.json()["sha"].as_str().unwrap().to_owned();
    assert_eq!(scene.git(&["rev-parse", "main"]), commit);
    assert_eq!(scene.git(&["log", "-1", "--format=%P %s", "main"]), format!("{} Go deeper (#1)", scene.main));
    let one = scene.get(&format!("/pulls/{number}")).await.json();
    assert_eq!((one["state"].clone(), one["merge_commit_sha"].clone()), (json!("closed"), json!(commit)));
    assert_eq!(one["merged_by"]["login"], "mergewright-bot");
    assert_eq!(scene.bot("PUT", &path, json!({"sha": head.as_str()})).await.status, 405);
    assert_eq!(scene.get(&format!("/pulls/{number}/merge")).await.status, 204);
    let found = scene.get(&format!("/commits/{commit}/pulls")).await.json();
    assert_eq!(found[0]["number"], number);
}

#[tokio::test]
async fn a_rebase_makes_the_commits_anew_on_top() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    scene.project.push("mia", "main", &[File::write("notes.txt", "1")], "Move on").unwrap();
    scene.project.rebase_merge("mia", number).unwrap();
    assert_eq!(scene.git(&["log", "-3", "--format=%s", "main"]), "Go deeper\nMove on\nBegin");
    let other = scene.project.push("ada", "more", &[File::write("more.txt", "1")], "More").unwrap();
    let second = scene.project.open_merge_request("ada", "more", "More").unwrap();
    scene.project.merge("ada", second).unwrap();
    let told = scene.git(&["log", "-1", "--format=%P %s", "main"]);
    assert!(told.ends_with(&format!("{other} Merge pull request #2 from acme/more")), "{told}");
}

#[tokio::test]
async fn comments_are_kept_word_for_word_and_signed_once() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let list = format!("/issues/{number}/comments");
    let made = scene.bot("POST", &list, json!({"body": "/merge\n<!-- mark -->\n"})).await;
    assert_eq!((made.status, made.json()["body"].clone()), (201, json!("/merge\n<!-- mark -->\n")));
    assert!(scene.project.merge_request(number).unwrap().is_open(), "no word is the forge's own");
    let id = made.json()["id"].as_u64().unwrap();
    let one = format!("/issues/comments/{id}");
    assert_eq!(scene.get(&one).await.json()["user"]["login"], "mergewright-bot");
    let edited = scene.bot("PATCH", &one, json!({"body": "new"})).await;
    assert_eq!((edited.status, edited.json()["body"].clone()), (200, json!("new")));
    assert_eq!(scene.bot("POST", &list, json!({"body": " "})).await.status, 422);
    assert_eq!(scene.bot("POST", &list, json!({"body": "x".repeat(65_537)})).await.status, 422);
    assert_eq!(scene.get("/issues/comments/9").await.status, 404);

    let signs = format!("{one}/reactions");
    assert_eq!(scene.bot("POST", &signs, json!({"content": "eyes"})).await.status, 201);
    assert_eq!(scene.bot("POST", &signs, json!({"content": "eyes"})).await.status, 200, "it is there");
    assert_eq!(scene.bot("POST", &signs, json!({"content": "thumbsup"})).await.status, 422);
    let there = scene.get(&signs).await.json();
    assert_eq!(there.as_array().unwrap().len(), 1);
    assert_eq!(scene.bot("DELETE", &format!("{signs}/{}", there[0]["id"]), Value::Null).await.status, 204);

    for text in ["one", "two", "three"] {
        scene.project.comment("ada", number, text).unwrap();
    }
    scene.project.system_note("ada", number, "changed the title").unwrap();
    scene.forge.short_pages(true);
    let mut bodies = Vec::new();
    let mut page = format!("{}/repos/acme/iris{list}?per_page=3", scene.forge.url());
    let bearer = format!("Bearer {}", scene.forge.bot("mergewright-bot").token());
    loop {
        let answer = scene.send("GET", &page, &[("authorization", &bearer)], Value::Null).await;
        let texts = answer.json();
        bodies.extend(texts.as_array().unwrap().iter().map(|one| one["body"].as_str().unwrap().to_owned()));
        let link = answer.headers.get("link").map_or("", |link| link.to_str().unwrap()).to_owned();
        let next = link.split(", ").find(|link| link.ends_with("rel=\"next\"")).map(str::to_owned);
        let Some(next) = next else { break };
        page = next.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
    }
    assert_eq!(bodies, ["new", "one", "two", "three"], "ascending, and no line of the forge's own");
    assert_eq!(scene.bot("DELETE", &one, Value::Null).await.status, 204);
    assert_eq!(scene.bot("PATCH", &one, json!({"body": "x"})).await.status, 404);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn labels_are_set_added_and_taken() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let path = format!("/issues/{number}/labels");
    let names = |answer: Value| -> Vec<String> {
        answer.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let added = scene.bot("POST", &path, json!({"labels": ["model::building", "kept"]})).await;
    assert_eq!(
        (added.status, names(added.json())),
        (200, vec!["kept".to_owned(), "model::building".to_owned()])
    );
    let set = scene.bot("PUT", &path, json!({"labels": ["kept", "model::ready"]})).await;
    assert_eq!(names(set.json()), ["kept", "model::ready"]);
    let gone = scene.bot("DELETE", &format!("{path}/model%3A%3Aready"), Value::Null).await;
    assert_eq!((gone.status, names(gone.json())), (200, vec!["kept".to_owned()]));
    assert_eq!(scene.bot("DELETE", &format!("{path}/model%3A%3Aready"), Value::Null).await.status, 404);
    assert_eq!(names(scene.get(&format!("/issues/{number}")).await.json()["labels"].clone()), ["kept"]);
    let wish = json!({"name": "fresh", "color": "ededed"});
    assert_eq!(scene.bot("POST", "/labels", wish.clone()).await.status, 201);
    let again = scene.bot("POST", "/labels", wish).await;
    assert_eq!((again.status, again.json()["errors"][0]["code"].clone()), (422, json!("already_exists")));
}

#[tokio::test]
async fn a_review_belongs_to_a_commit() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let head = scene.project.branch("deeper").unwrap();
    scene.project.request_changes("mia", number, "deeper still").unwrap();
    scene.project.approve("mia", number).unwrap();
    scene.project.push("ada", "deeper", &[File::write("notes.txt", "1")], "More").unwrap();
    let list = format!("/pulls/{number}/reviews");
    let told = scene.get(&list).await.json();
    let pair = |one: &Value| (one["state"].clone(), one["commit_id"].clone());
    assert_eq!(pair(&told[0]), (json!("CHANGES_REQUESTED"), json!(head.as_str())));
    assert_eq!(pair(&told[1]), (json!("APPROVED"), json!(head.as_str())), "it stays with its commit");
    let gone = format!("{list}/{}/dismissals", told[1]["id"]);
    assert_eq!(scene.bot("PUT", &gone, json!({})).await.status, 422, "it wants a reason");
    let gone = scene.bot("PUT", &gone, json!({"message": "new code"})).await;
    assert_eq!((gone.status, gone.json()["state"].clone()), (200, json!("DISMISSED")));
    let approve = json!({"event": "APPROVE", "commit_id": head.as_str()});
    assert_eq!(scene.bot("POST", &list, approve).await.status, 200);
    assert_eq!(scene.project.reviews(number).unwrap().len(), 3);

    let asked = format!("/pulls/{number}/requested_reviewers");
    assert_eq!(scene.bot("POST", &asked, json!({"reviewers": ["ada"]})).await.status, 422, "the author");
    assert_eq!(scene.bot("POST", &asked, json!({"reviewers": ["eve"]})).await.status, 422, "a stranger");
    assert_eq!(scene.bot("POST", &asked, json!({"reviewers": ["mia", "gus"]})).await.status, 201);
    scene.project.approve("mia", number).unwrap();
    let left = scene.get(&asked).await.json();
    assert_eq!(left["users"][0]["login"], "gus");
    assert_eq!(left["users"].as_array().unwrap().len(), 1);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn statuses_stand_by_themselves_and_add_up() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let head = scene.project.merge_request(number).unwrap().head;
    let path = format!("/statuses/{head}");
    let put = |state: &'static str, context: &'static str| {
        scene.bot("POST", &path, json!({"state": state, "context": context, "description": "x"}))
    };
    assert_eq!(put("pending", "mergewright").await.status, 201);
    assert_eq!(put("pending", "mergewright").await.status, 201, "the same again is another one");
    assert_eq!(put("failure", "mergewright/iris/test").await.status, 201);
    let combined = scene.get(&format!("/commits/{head}/status")).await.json();
    assert_eq!((combined["state"].clone(), combined["total_count"].clone()), (json!("failure"), json!(2)));
    put("success", "mergewright/iris/test").await;
    put("success", "mergewright").await;
    assert_eq!(scene.get(&format!("/commits/{head}/status")).await.json()["state"], "success");
    assert_eq!(scene.get(&format!("/commits/{head}/statuses")).await.json().as_array().unwrap().len(), 5);
    assert_eq!(scene.project.statuses(&head).unwrap()["mergewright"].state, "success");
    assert_eq!(put("running", "x").await.status, 422);
    let long = json!({"state": "success", "context": "x", "description": "x".repeat(141)});
    assert_eq!(scene.bot("POST", &path, long).await.status, 422);
    let nowhere = format!("/statuses/{}", "1".repeat(40));
    assert_eq!(scene.bot("POST", &nowhere, json!({"state": "success"})).await.status, 422);
}

#[tokio::test]
async fn what_is_known_already_is_not_sent_again() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let url = format!("{}/repos/acme/iris/pulls/{number}", scene.forge.url());
    let bearer = format!("Bearer {}", scene.forge.bot("mergewright-bot").token());
    let first = scene.send("GET", &url, &[("authorization", &bearer)], Value::Null).await;
    let tag = first.header("etag").to_owned();
    let headers = [("authorization", bearer.as_str()), ("if-none-match", &tag)];
    let second = scene.send("GET", &url, &headers, Value::Null).await;
    assert_eq!((second.status, second.bytes.len()), (304, 0));
    scene.project.retitle("ada", number, "Deeper").unwrap();
    assert_eq!(scene.send("GET", &url, &headers, Value::Null).await.status, 200);
}

#[tokio::test]
async fn what_is_not_played_or_not_allowed_is_noticed() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    assert_eq!(scene.get("/milestones").await.status, 404);
    let unknown: Vec<_> = scene.forge.requests().into_iter().filter(|one| one.unknown).collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!(scene.get("/pulls/99").await.status, 404);
    assert_eq!(scene.forge.requests().iter().filter(|one| one.unknown).count(), 1, "that one is known");
    scene.project.member("mergewright-bot", Role::Reporter).unwrap();
    assert_eq!(scene.bot("PUT", &format!("/pulls/{number}/merge"), json!({})).await.status, 403);
    assert_eq!(scene.get("/hooks").await.status, 404, "who may not manage hooks sees none");
    let capture = scene.forge.capture("mergewright-bot");
    assert!(capture.contains("/repos/acme/iris/milestones") && !capture.contains("sandbox-token"));
}
