//! What a forge keeps of its deliveries, whom it shows that, and how it sends one again.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Receiver, Role};
use serde_json::{Value, json};

use super::scene::Scene;

/// Nobody listens there; what is sent while somebody does is answered by the switch.
const URL: &str = "http://127.0.0.1:1/webhooks";

/// A scene with a hook of the bot's; the hook's number.
async fn hooked(kind: ForgeKind) -> (Scene, u64) {
    let scene = Scene::of(kind).await;
    let wish = match kind {
        ForgeKind::GitLab => json!({"url": URL, "note_events": true, "push_events": false}),
        ForgeKind::GitHub => {
            json!({"config": {"url": URL, "content_type": "json"}, "events": ["issue_comment"]})
        }
    };
    let made = scene.bot("POST", "/hooks", wish).await;
    assert_eq!(made.status, 201);
    let hook = made.json()["id"].as_u64().unwrap();
    scene.forge.receiver(Receiver::Answers(200));
    scene.merge_request();
    scene.forge.deliver_pending().await;
    (scene, hook)
}

/// A comment whose delivery is answered so.
async fn commented(scene: &Scene, receiver: Receiver) -> String {
    scene.forge.receiver(receiver);
    scene.project.comment("ada", 1, "a word").unwrap();
    scene.forge.deliver_pending().await.pop().unwrap().id
}

fn list(kind: ForgeKind, hook: u64) -> String {
    let word = if kind == ForgeKind::GitLab { "events" } else { "deliveries" };
    format!("/hooks/{hook}/{word}")
}

async fn log(scene: &Scene, path: &str) -> Vec<Value> {
    let answer = scene.bot("GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn github_lists_each_attempt_newest_first_and_sends_one_again_under_its_guid() {
    let (scene, hook) = hooked(ForgeKind::GitHub).await;
    let path = list(ForgeKind::GitHub, hook);
    let id = commented(&scene, Receiver::Away).await;
    let all = log(&scene, &path).await;
    assert_eq!((all[0]["guid"].as_str(), &all[0]["status_code"]), (Some(&*id), &json!(0)));
    assert_eq!((&all[0]["redelivery"], &all[0]["event"]), (&json!(false), &json!("issue_comment")));
    let number = all[0]["id"].as_u64().unwrap();
    let asked = scene.bot("POST", &format!("{path}/{number}/attempts"), Value::Null).await;
    assert_eq!(asked.status, 202);
    scene.forge.receiver(Receiver::Answers(202));
    scene.forge.deliver_pending().await;
    let first = scene.bot("GET", &format!("{path}?per_page=1"), Value::Null).await;
    let newest = &first.json()[0];
    assert_eq!((newest["guid"].as_str(), &newest["status_code"]), (Some(&*id), &json!(202)));
    assert_eq!(newest["redelivery"], true);
    assert!(newest["id"].as_u64().unwrap() > number);
    assert!(first.header("link").contains("cursor="), "the next page is where the header says");
    let none = scene.bot("POST", &format!("{path}/7/attempts"), Value::Null).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn gitlab_lists_each_attempt_by_kind_and_sends_one_again_at_once() {
    let (scene, hook) = hooked(ForgeKind::GitLab).await;
    let path = list(ForgeKind::GitLab, hook);
    let away = commented(&scene, Receiver::Away).await;
    let broken = commented(&scene, Receiver::Answers(503)).await;
    let key = |one: &Value| one["request_headers"]["Idempotency-Key"].as_str().unwrap().to_owned();
    let all = log(&scene, &path).await;
    assert_eq!((key(&all[0]), key(&all[1])), (broken.clone(), away.clone()));
    assert_eq!(
        (&all[0]["response_status"], &all[1]["response_status"]),
        (&json!("503"), &json!("internal error"))
    );
    let failures = log(&scene, &format!("{path}?status=server_failure")).await;
    assert_eq!(failures.iter().map(key).collect::<Vec<_>>(), [broken], "what nobody answered has no kind");

    let number = all[1]["id"].as_u64().unwrap();
    scene.forge.receiver(Receiver::Answers(202));
    let asked = scene.bot("POST", &format!("{path}/{number}/resend"), Value::Null).await;
    assert_eq!((asked.status, asked.json()), (201, json!({"response_status": "202"})));
    assert_eq!(key(&log(&scene, &path).await[0]), away, "under its id");
    let more = scene.bot("GET", &format!("{path}?per_page=100"), Value::Null).await;
    assert_eq!(more.status, 400, "twenty at the most");
    scene.forge.receiver(Receiver::Away);
    for expected in [201, 201, 201, 201, 429] {
        let asked = scene.bot("POST", &format!("{path}/{number}/resend"), Value::Null).await;
        assert_eq!(asked.status, expected, "five a minute");
    }
}

#[tokio::test]
async fn only_who_manages_hooks_sees_what_was_delivered_and_an_older_forge_shows_nobody() {
    for kind in [ForgeKind::GitLab, ForgeKind::GitHub] {
        let (scene, hook) = hooked(kind).await;
        let path = list(kind, hook);
        assert_eq!(scene.bot("GET", &path, Value::Null).await.status, 200);
        scene.forge.keeps_no_log(true);
        assert_eq!(scene.bot("GET", &path, Value::Null).await.status, 404);
        scene.forge.keeps_no_log(false);
        scene.project.member("mergewright-bot", Role::Developer).unwrap();
        let refused = if kind == ForgeKind::GitLab { 403 } else { 404 };
        assert_eq!(scene.bot("GET", &path, Value::Null).await.status, refused);
    }
}
