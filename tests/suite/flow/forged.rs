//! Deliveries to an App that are not what they say: nothing is done that the forge does not confirm, and
//! whom a delivery names as its installation does not matter.

use hmac::{Hmac, Mac as _};
use mergewright::domain::ForgeKind;
use mergewright::sandbox::Delivery;
use serde_json::{Value, json};

use super::IRIS;
use super::Play;
use super::outcome::GOOD;
use super::play::{AUTHOR, GRANTED, HUB_SECRET, OWNER, founded_at, usual_files};

/// Sends this body as GitHub would, signed with `secret`; the status.
async fn post(play: &Play, event: &str, id: &str, body: &Value, secret: Option<&str>) -> u16 {
    let body = body.to_string();
    let client = reqwest::Client::new();
    let request = client.post(format!("{}/webhooks/github", play.door));
    let mut request = request
        .header("content-type", "application/json")
        .header("x-github-event", event)
        .header("x-github-delivery", id);
    if let Some(secret) = secret {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        request = request.header("x-hub-signature-256", signature);
    }
    request.body(body).send().await.unwrap().status().as_u16()
}

/// The only delivery of this event that waits, kept from the bot.
async fn intercepted(play: &Play, event: &str) -> Value {
    let lost = mergewright::sandbox::Manner {
        keep: Some(std::sync::Arc::new(|_: &Delivery| false)),
        ..Default::default()
    };
    let waiting: Vec<_> = play.sandbox.pending_deliveries();
    play.sandbox.deliver(&lost).await;
    let found: Vec<_> = waiting.into_iter().filter(|one| one.event == event).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    serde_json::from_str(&found[0].body).unwrap()
}

/// `body` with the value at `path` replaced, or taken out where there is none.
fn with(body: &Value, path: &str, value: Option<Value>) -> Value {
    let mut body = body.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let fields = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
    body
}

/// A press of an owner on `approve`, which never reached the bot.
async fn pressed() -> (Play, u64, Value) {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.presses(OWNER, number, "mergewright", "approve").unwrap();
    let press = intercepted(&play, "check_run").await;
    (play, number, press)
}

#[tokio::test]
async fn whichever_installation_a_delivery_names_the_repositorys_own_is_asked() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    let app = play.signed_in.clone().unwrap();
    let other = founded_at(&play.sandbox, "other/models", &usual_files(ForgeKind::GitHub, IRIS));
    let elsewhere = app.install("other").unwrap();
    assert_ne!(other.id(), play.project.id());
    play.settle().await;
    let before = play.sandbox.requests().len();
    for (turn, named) in
        [Some(json!({"id": 999_999})), Some(json!({"id": elsewhere})), Some(json!("x")), None]
            .into_iter()
            .enumerate()
    {
        let verb = if turn % 2 == 0 { "hold" } else { "unhold" };
        play.clock.advance(std::time::Duration::from_secs(1));
        play.project.comment(OWNER, number, &format!("/model {verb}")).unwrap();
        let told = with(&intercepted(&play, "issue_comment").await, "/installation", named);
        assert_eq!(
            post(&play, "issue_comment", &format!("forged-{turn}"), &told, Some(HUB_SECRET)).await,
            202
        );
        play.settle().await;
        assert_eq!(play.audit("command").await.len(), turn + 1, "{told}");
    }
    let asked = play.sandbox.requests().split_off(before);
    let strange = asked.iter().filter(|one| one.url.contains("/installations/"));
    assert_eq!(strange.count(), 0, "the token that it had was for this repository");
    play.ends().await;
}

#[tokio::test]
async fn a_press_that_is_not_signed_by_us_is_not_even_kept() {
    let (mut play, number, press) = pressed().await;
    for (turn, secret) in [None, Some("another secret"), Some("")].into_iter().enumerate() {
        assert_eq!(post(&play, "check_run", &format!("forged-{turn}"), &press, secret).await, 401);
    }
    play.settle().await;
    assert_eq!(play.label(number), "model::review");
    assert_eq!(post(&play, "check_run", "the true one", &press, Some(HUB_SECRET)).await, 202);
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "it was good but for that");
    play.ends().await;
}

#[tokio::test]
async fn a_press_on_what_the_forge_does_not_show_as_ours_does_nothing() {
    let (mut play, number, press) = pressed().await;
    let head = play.project.merge_request(number).unwrap().head;
    let main = play.project.branch("main").unwrap();
    // Another App's check, which says of itself what ours says.
    let linter = play.sandbox.app("linter", &GRANTED).unwrap();
    linter.install("group").unwrap();
    let made = reqwest::Client::new()
        .post(format!("{}/repos/group/models/check-runs", play.sandbox.url()))
        .bearer_auth(linter.token("group").unwrap())
        .json(&json!({
            "name": "mergewright", "head_sha": head, "external_id": press["check_run"]["external_id"],
            "status": "in_progress",
        }))
        .send()
        .await
        .unwrap();
    let made: Value = made.json().await.unwrap();
    let elsewhere = format!("github:{}!{} 0 - -", play.project.id(), number + 1);
    let forged = [
        ("/check_run/id", made["id"].clone()),
        ("/check_run/id", json!(999_999)),
        ("/check_run/name", json!("mergewright/iris/review")),
        ("/check_run/head_sha", json!(main)),
        ("/check_run/external_id", json!(elsewhere)),
        ("/check_run/external_id", json!("github:1!1 0 - -")),
        ("/check_run/app/slug", json!("linter")),
        ("/sender/type", json!("Bot")),
        ("/requested_action", json!({})),
    ];
    let comments = play.project.comments(number).unwrap().len();
    for (turn, (path, value)) in forged.into_iter().enumerate() {
        let body = with(&press, path, Some(value));
        assert_eq!(post(&play, "check_run", &format!("forged-{turn}"), &body, Some(HUB_SECRET)).await, 202);
        play.settle().await;
        assert_eq!(play.label(number), "model::review", "{path}");
        assert_eq!(play.project.comments(number).unwrap().len(), comments, "{path}");
        assert!(play.audit("command").await.is_empty() && play.audit("refusal").await.is_empty(), "{path}");
    }
    play.ends().await;
}

#[tokio::test]
async fn a_button_that_no_check_of_ours_has_is_answered_in_a_few_words() {
    let (mut play, number, press) = pressed().await;
    let endless = json!({"identifier": "merge all ".repeat(50_000)});
    let body = with(&press, "/requested_action", Some(endless));
    assert_eq!(post(&play, "check_run", "forged", &body, Some(HUB_SECRET)).await, 202);
    play.settle().await;
    let comments = play.project.comments(number).unwrap();
    let answers: Vec<_> = comments.iter().filter(|one| one.body.contains("button-unknown")).collect();
    assert_eq!(answers.len(), 1, "{comments:?}");
    assert!(answers[0].body.len() < 600, "{}", answers[0].body);
    play.expects(answers[0].id);
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

#[tokio::test]
async fn all_checks_asked_for_again_are_looked_at_and_nothing_is_taken_for_a_press() {
    let (mut play, number, press) = pressed().await;
    let mut suite = with(&press, "/check_run", None);
    suite["action"] = json!("rerequested");
    suite["check_suite"] = json!({
        "id": 9, "head_sha": press["check_run"]["head_sha"], "head_branch": "train-longer",
        "app": press["check_run"]["app"], "pull_requests": [],
    });
    let runs = play.project.pipelines().unwrap().len();
    assert_eq!(post(&play, "check_suite", "suite", &suite, Some(HUB_SECRET)).await, 202);
    play.settle().await;
    assert_eq!(play.label(number), "model::review");
    assert_eq!(play.project.pipelines().unwrap().len(), runs, "what succeeded is not run again");
    assert!(play.audit("command").await.is_empty());

    // One of them, by somebody who may not: refused by the rule of the comment.
    play.project.remove_member(AUTHOR).unwrap();
    play.project.rerequests(AUTHOR, number, "mergewright").unwrap_err();
    play.ends().await;
}
