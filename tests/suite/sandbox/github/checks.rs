//! Check runs of the sandbox: whose they are, GitHub's limits, lists, and the buttons.

use serde_json::{Value, json};

use mergewright::sandbox::Manner;

use crate::sandbox::scene::{Answer, Scene};

/// Calls as an App of this name, installed here.
async fn app(scene: &Scene, slug: &str, method: &str, path: &str, body: Value) -> Answer {
    let app = scene.forge.app(slug, &[("checks", "write")]).unwrap();
    app.install("acme").unwrap();
    let url = format!("{}/repos/acme/iris{path}", scene.forge.url());
    let bearer = format!("Bearer {}", app.token("acme").unwrap());
    scene.send(method, &url, &[("authorization", &bearer)], body).await
}

async fn ours(scene: &Scene, method: &str, path: &str, body: Value) -> Answer {
    app(scene, "mergewright", method, path, body).await
}

fn body(scene: &Scene, instead: &Value) -> Value {
    let mut body = json!({
        "name": "mergewright", "head_sha": scene.main, "status": "in_progress", "external_id": "x",
        "output": { "title": "t", "summary": "s" },
    });
    for (key, value) in instead.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn only_an_app_makes_check_runs_and_only_its_own_it_changes() {
    let scene = Scene::hub().await;
    assert_eq!(scene.bot("POST", "/check-runs", body(&scene, &json!({}))).await.status, 403);
    let made = ours(&scene, "POST", "/check-runs", body(&scene, &json!({}))).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_u64().unwrap();
    assert_eq!(made.json()["app"]["slug"], "mergewright");
    let path = format!("/check-runs/{id}");
    let done = json!({ "conclusion": "success" });
    assert_eq!(app(&scene, "linter", "PATCH", &path, done.clone()).await.status, 403);
    let changed = ours(&scene, "PATCH", &path, done).await;
    assert_eq!((changed.status, &changed.json()["status"]), (200, &json!("completed")));
    assert_eq!(scene.get(&path).await.json()["conclusion"], "success");
    assert_eq!(scene.get("/check-runs/1").await.status, 404);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn what_github_does_not_take_is_refused() {
    let scene = Scene::hub().await;
    let remark = json!({ "path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "failure",
                         "message": "m" });
    let output = |annotations: Vec<Value>| json!({ "output": { "title": "t", "summary": "s", "annotations": annotations } });
    let button = |label: &str, description: &str, identifier: &str| json!({ "label": label, "description": description, "identifier": identifier });
    let good = button("l", "d", "i");
    for refused in [
        json!({ "status": "completed" }),
        json!({ "status": "done" }),
        json!({ "conclusion": "good" }),
        json!({ "output": { "title": "t" } }),
        json!({ "output": { "title": "t", "summary": "s".repeat(65_536) } }),
        output(vec![remark.clone(); 51]),
        output(vec![json!({ "path": "a.py", "start_line": 0, "end_line": 1, "annotation_level": "failure",
                            "message": "m" })]),
        output(vec![json!({ "path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "failure",
                            "message": "" })]),
        json!({ "actions": vec![good.clone(); 4] }),
        json!({ "actions": [button(&"l".repeat(21), "d", "i")] }),
        json!({ "actions": [button("l", &"d".repeat(41), "i")] }),
        json!({ "actions": [button("l", "d", &"i".repeat(21))] }),
        json!({ "head_sha": "0".repeat(40) }),
    ] {
        let answer = ours(&scene, "POST", "/check-runs", body(&scene, &refused)).await;
        assert_eq!(answer.status, 422, "{refused}");
    }
    let most = json!({ "actions": vec![good; 3], "output": output(vec![remark; 50])["output"] });
    assert_eq!(ours(&scene, "POST", "/check-runs", body(&scene, &most)).await.status, 201);
    assert_eq!(scene.project.all_checks().unwrap().len(), 1);
}

#[tokio::test]
async fn annotations_add_up_and_lists_show_the_newest_of_a_name() {
    let scene = Scene::hub().await;
    let remark = json!({ "path": "a.py", "start_line": 3, "end_line": 3, "annotation_level": "failure",
                         "message": "m", "title": "t" });
    let output = json!({ "output": { "title": "t", "summary": "s", "annotations": [remark] } });
    let made = ours(&scene, "POST", "/check-runs", body(&scene, &output)).await.json();
    let path = format!("/check-runs/{}", made["id"]);
    ours(&scene, "PATCH", &path, output).await;
    assert_eq!(scene.get(&path).await.json()["output"]["annotations_count"], 2);
    let all = scene.get(&format!("{path}/annotations")).await.json();
    assert_eq!((all.as_array().unwrap().len(), &all[1]["start_line"]), (2, &json!(3)));

    let second = ours(&scene, "POST", "/check-runs", body(&scene, &json!({}))).await.json();
    ours(&scene, "POST", "/check-runs", body(&scene, &json!({ "name": "other" }))).await;
    let list = async |query: &str| {
        let found = scene.get(&format!("/commits/{}/check-runs{query}", scene.main)).await.json();
        let ids = found["check_runs"].as_array().unwrap().iter().map(|one| one["id"].clone());
        (found["total_count"].as_u64().unwrap(), ids.collect::<Vec<_>>())
    };
    assert_eq!(list("?check_name=mergewright").await, (1, vec![second["id"].clone()]));
    let both = (2, vec![second["id"].clone(), made["id"].clone()]);
    assert_eq!(list("?check_name=mergewright&filter=all").await, both);
    assert_eq!(list("").await.0, 2);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn hooks_tell_of_beginning_end_and_presses() {
    let scene = Scene::hub().await;
    scene.project.hook("http://127.0.0.1:9/none", None, Some("secret")).unwrap();
    for slug in ["mergewright", "linter"] {
        let app = scene.forge.app(slug, &[("checks", "write")]).unwrap();
        app.install("acme").unwrap();
        app.hook("http://127.0.0.1:9/app", "secret");
    }
    let number = scene.merge_request();
    scene.forge.deliver(&Manner::default()).await;
    let head = scene.project.merge_request(number).unwrap().head;
    let button = json!([{ "label": "Approve", "description": "d", "identifier": "approve" }]);
    let made = body(&scene, &json!({ "head_sha": head, "actions": button }));
    let id = ours(&scene, "POST", "/check-runs", made).await.json()["id"].as_u64().unwrap();
    ours(&scene, "PATCH", &format!("/check-runs/{id}"), json!({ "conclusion": "success" })).await;
    scene.project.presses("mia", number, "mergewright", "approve").unwrap();
    scene.project.rerequests("ada", number, "mergewright").unwrap();
    assert!(scene.project.presses("mia", number, "mergewright", "publish").is_err(), "no such button");
    let sent = scene.forge.deliver(&Manner::default()).await;
    let told = |app: Option<u64>| -> Vec<Value> {
        let all = sent.iter().filter(|one| one.event == "check_run" && one.app == app);
        all.map(|one| serde_json::from_str(&one.body).unwrap()).collect()
    };
    let of_app = |slug: &str| told(Some(scene.forge.app(slug, &[]).unwrap().id()));
    assert_eq!((told(None).len(), of_app("linter").len()), (2, 2), "a press is told to one App alone");
    let told = of_app("mergewright");
    let words = |one: &Value| {
        let login = one["sender"]["login"].as_str().unwrap().to_owned();
        (one["action"].as_str().unwrap().to_owned(), login)
    };
    let expected = [
        ("created", "mergewright[bot]"),
        ("completed", "mergewright[bot]"),
        ("requested_action", "mia"),
        ("rerequested", "ada"),
    ]
    .map(|(action, login)| (action.to_owned(), login.to_owned()));
    assert_eq!(told.iter().map(words).collect::<Vec<_>>(), expected);
    assert_eq!(told[2]["requested_action"]["identifier"], "approve");
    assert_eq!(told[2]["check_run"]["external_id"], "x");
    assert_eq!(told[2]["check_run"]["pull_requests"][0]["number"], number);
    let page = scene.project.merge_request_url(number).unwrap();
    assert!(scene.send("GET", &page, &[], Value::Null).await.text().contains("mergewright"));
}
