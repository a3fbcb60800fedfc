//! Apps of this forge: whom it believes, and what it lets them into.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mergewright::config::server::app_key;
use mergewright::sandbox::{Role, SandboxApp};
use ring::rand::SystemRandom;
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

use crate::sandbox::scene::{Answer, NOON, Scene, WORKFLOW_PATH};

const RIGHTS: [(&str, &str); 4] =
    [("contents", "write"), ("issues", "read"), ("metadata", "read"), ("pull_requests", "read")];

/// What somebody signs who has this key.
fn signed(pem: &str, head: &Value, claims: &Value) -> String {
    let pair = app_key(pem).unwrap();
    let said = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature).unwrap();
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn own(app: &SandboxApp) -> String {
    let claims = json!({"iss": app.id(), "iat": NOON - 60, "exp": NOON + 600});
    signed(app.private_key(), &json!({"alg": "RS256"}), &claims)
}

async fn ask(scene: &Scene, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let url = format!("{}{path}", scene.forge.url());
    scene.send(method, &url, &[("authorization", &format!("Bearer {token}"))], body).await
}

async fn admitted(scene: &Scene, app: &SandboxApp, installation: u64, narrowed: Value) -> Answer {
    let path = format!("/app/installations/{installation}/access_tokens");
    ask(scene, &own(app), "POST", &path, narrowed).await
}

/// An App that is installed where the scene plays, and a second repository there.
async fn installed() -> (Scene, SandboxApp, u64) {
    let scene = Scene::hub().await;
    let app = scene.forge.app("helper", &RIGHTS).unwrap();
    scene.forge.create_project("acme/other").unwrap().member("mia", Role::Maintainer).unwrap();
    let installation = app.install("acme").unwrap();
    (scene, app, installation)
}

#[tokio::test]
async fn only_the_apps_own_key_number_and_time_prove_it() {
    let (scene, app, _) = installed().await;
    let (head, key) = (json!({"alg": "RS256", "typ": "JWT"}), app.private_key());
    let claims = |iss: Value, iat: i64, exp: i64| json!({"iss": iss, "iat": NOON + iat, "exp": NOON + exp});
    let id = json!(app.id());
    let stranger = include_str!("../../../data/app/pkcs1.pem");
    for (token, status) in [
        (signed(key, &head, &claims(id.clone(), -60, 540)), 200),
        (signed(key, &head, &claims(json!(app.id().to_string()), -60, 600)), 200),
        (signed(stranger, &head, &claims(id.clone(), -60, 540)), 401),
        (signed(key, &json!({"alg": "none"}), &claims(id.clone(), -60, 540)), 401),
        (signed(key, &head, &claims(json!(1), -60, 540)), 401),
        (signed(key, &head, &claims(id.clone(), -60, 601)), 401),
        (signed(key, &head, &claims(id.clone(), -600, 0)), 401),
        (signed(key, &head, &claims(id.clone(), 60, 540)), 401),
        ("a.b.c".to_owned(), 401),
    ] {
        assert_eq!(ask(&scene, &token, "GET", "/app", Value::Null).await.status, status, "{token}");
    }
    let shown = ask(&scene, &own(&app), "GET", "/app", Value::Null).await.json();
    assert_eq!((&shown["slug"], &shown["id"]), (&json!("helper"), &id));
}

#[tokio::test]
async fn as_itself_it_sees_its_installations_and_nothing_else() {
    let (scene, app, installation) = installed().await;
    let other = scene.forge.app("another", &RIGHTS).unwrap().install("acme").unwrap();
    let get = async |path: &str| ask(&scene, &own(&app), "GET", path, Value::Null).await;
    let all = get("/app/installations").await.json();
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!((&all[0]["id"], &all[0]["account"]["login"]), (&json!(installation), &json!("acme")));
    let by_number = format!("/repositories/{}/installation", scene.project.id());
    for path in ["/repos/acme/iris/installation", &by_number] {
        assert_eq!(get(path).await.json()["id"], installation, "{path}");
    }
    assert_eq!(get(&format!("/app/installations/{other}")).await.status, 404);
    for path in ["/repos/acme/iris", "/user", "/users/mia"] {
        assert_eq!(get(path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_token_opens_the_repositories_it_is_for_and_no_other() {
    let (scene, app, installation) = installed().await;
    let narrowed = json!({"repository_ids": [scene.project.id()]});
    let told = admitted(&scene, &app, installation, narrowed).await;
    assert_eq!(told.status, 201);
    assert_eq!(told.json()["expires_at"], "2026-11-23T14:30:09Z", "an hour");
    let token = told.json()["token"].as_str().unwrap().to_owned();
    for (path, status) in [
        ("/repos/acme/iris", 200),
        ("/repos/acme/other", 404),
        ("/users/helper%5Bbot%5D", 200),
        ("/user", 403),
        ("/app", 404),
    ] {
        assert_eq!(ask(&scene, &token, "GET", path, Value::Null).await.status, status, "{path}");
    }
    let by_name = admitted(&scene, &app, installation, json!({"repositories": ["other"]})).await.json();
    let token = by_name["token"].as_str().unwrap();
    assert_eq!(ask(&scene, token, "GET", "/repos/acme/other", Value::Null).await.status, 200);
    assert_eq!(ask(&scene, token, "GET", "/repos/acme/iris", Value::Null).await.status, 404);
    for wrong in [json!({"repository_ids": [1]}), json!({"repositories": ["nowhere"]})] {
        assert_eq!(admitted(&scene, &app, installation, wrong).await.status, 422);
    }
}

#[tokio::test]
async fn a_token_lacks_what_it_does_not_name_and_cannot_name_what_is_not_granted() {
    let (scene, app, installation) = installed().await;
    let number = scene.merge_request();
    for too_much in [json!({"actions": "read"}), json!({"issues": "write"})] {
        assert_eq!(admitted(&scene, &app, installation, json!({"permissions": too_much})).await.status, 422);
    }
    let narrowed = json!({"permissions": {"contents": "read", "issues": "read", "metadata": "read"}});
    let told = admitted(&scene, &app, installation, narrowed).await.json();
    let token = told["token"].as_str().unwrap();
    let comments = format!("/repos/acme/iris/issues/{number}/comments");
    let pull = format!("/repos/acme/iris/pulls/{number}");
    for (method, path, body, status) in [
        ("GET", "/repos/acme/iris/contents/models/iris/params.json", Value::Null, 200),
        ("GET", comments.as_str(), Value::Null, 200),
        ("POST", comments.as_str(), json!({"body": "hello"}), 403),
        ("GET", pull.as_str(), Value::Null, 403),
        ("GET", "/repos/acme/iris/actions/runs", Value::Null, 403),
        ("GET", "/repos/acme/iris/hooks", Value::Null, 403),
        ("GET", "/orgs/acme/teams/owners/memberships/mia", Value::Null, 403),
    ] {
        assert_eq!(ask(&scene, token, method, path, body).await.status, status, "{method} {path}");
    }
    // Workflows are files too, and need a right of their own.
    let all = admitted(&scene, &app, installation, json!({})).await.json();
    let token = all["token"].as_str().unwrap();
    let content = json!({"message": "x", "content": "eA==", "branch": "new"});
    let workflow = format!("/repos/acme/iris/contents/{WORKFLOW_PATH}");
    assert_eq!(ask(&scene, token, "PUT", &workflow, content).await.status, 403);
}

#[tokio::test]
async fn what_it_does_bears_its_name_until_it_is_suspended_or_taken_away() {
    let scene = Scene::hub().await;
    let app = scene.forge.app("helper", &[("issues", "write"), ("metadata", "read")]).unwrap();
    let installation = app.install_for("acme", &["acme/iris"]).unwrap();
    let number = scene.merge_request();
    let token =
        admitted(&scene, &app, installation, json!({})).await.json()["token"].as_str().unwrap().to_owned();
    let comments = format!("/repos/acme/iris/issues/{number}/comments");
    let said = ask(&scene, &token, "POST", &comments, json!({"body": "hello"})).await;
    assert_eq!((said.status, &said.json()["user"]["login"]), (201, &json!("helper[bot]")));
    assert_eq!(said.json()["user"]["type"], "Bot");

    app.suspend("acme", true).unwrap();
    assert_eq!(ask(&scene, &token, "GET", &comments, Value::Null).await.status, 403);
    assert_eq!(admitted(&scene, &app, installation, json!({})).await.status, 403);
    app.suspend("acme", false).unwrap();
    assert_eq!(ask(&scene, &token, "GET", &comments, Value::Null).await.status, 200);
    app.uninstall("acme").unwrap();
    assert_eq!(ask(&scene, &token, "GET", &comments, Value::Null).await.status, 401);
    assert_eq!(admitted(&scene, &app, installation, json!({})).await.status, 404);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn its_hook_hears_what_happens_where_it_is_installed_and_of_its_installations() {
    let scene = Scene::hub().await;
    let app = scene.forge.app("helper", &RIGHTS).unwrap();
    app.hook("http://127.0.0.1:9/hook", "secret");
    let installation = app.install_for("acme", &["acme/iris"]).unwrap();
    let number = scene.merge_request();
    scene.project.comment("mia", number, "hello").unwrap();
    app.suspend("acme", true).unwrap();
    scene.project.comment("mia", number, "unheard").unwrap();
    let pending = scene.forge.pending_deliveries();
    let events: Vec<_> = pending.iter().map(|one| one.event).collect();
    assert_eq!(events.first(), Some(&"installation"));
    assert_eq!(events.last(), Some(&"installation"), "nothing after the suspension: {events:?}");
    assert!(events.contains(&"pull_request") && events.contains(&"push"), "{events:?}");
    assert_eq!(events.iter().filter(|event| **event == "issue_comment").count(), 1);
    for delivery in &pending {
        let body: Value = serde_json::from_str(&delivery.body).unwrap();
        assert_eq!(body["installation"]["id"], installation, "{}", delivery.event);
        assert_eq!(delivery.app, Some(app.id()));
    }
}
