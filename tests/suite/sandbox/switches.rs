//! Failures on demand, and the record of requests.

use std::time::Duration;

use serde_json::{Value, json};

use mergewright::sandbox::Fault;

use super::scene::Scene;

#[tokio::test]
async fn failures_meet_the_requests_they_were_planned_for() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let (path, glob) = (format!("/merge_requests/{number}/notes"), "*/notes");
    let say = || scene.bot("POST", &path, json!({"body": "hello"}));
    scene.forge.fail_next(1, "POST", glob, Fault::too_many("7")).unwrap();
    scene.forge.fail_next(1, "POST", glob, Fault::too_many("Mon, 23 Nov 2026 13:31:00 GMT")).unwrap();
    scene.forge.fail_next(1, "POST", glob, Fault::html(502)).unwrap();
    scene.forge.fail_next(1, "*", glob, Fault::status(409)).unwrap();
    assert_eq!(scene.forge.failures_left(), 4);

    assert_eq!(scene.get(&format!("/merge_requests/{number}")).await.status, 200, "another path is not met");
    let limited = say().await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "7"));
    assert_eq!(say().await.header("retry-after"), "Mon, 23 Nov 2026 13:31:00 GMT");
    let proxy = say().await;
    assert_eq!((proxy.status, proxy.header("content-type")), (502, "text/html"));
    assert_eq!(scene.get(&path).await.status, 409);
    assert_eq!(scene.forge.failures_left(), 0);
    assert!(scene.project.comments(number).unwrap().is_empty(), "none of them had an effect");
    assert_eq!(say().await.status, 201);
}

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_effect() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let url =
        format!("{}/api/v4/projects/{}/merge_requests/{number}/notes", scene.forge.url(), scene.project.id());
    let token = scene.forge.bot("mergewright-bot").token().to_owned();
    let headers = [("private-token", token.as_str())];
    let say = || scene.try_send("POST", &url, &headers, json!({"body": "hello"}));
    scene.forge.fail_next(1, "POST", "*/notes", Fault::BreakBefore).unwrap();
    assert!(say().await.is_err());
    assert!(scene.project.comments(number).unwrap().is_empty());
    scene.forge.fail_next(1, "POST", "*/notes", Fault::BreakAfter).unwrap();
    assert!(say().await.is_err());
    assert_eq!(scene.project.comments(number).unwrap().len(), 1);
    let statuses: Vec<Option<u16>> = scene.forge.requests().iter().map(|one| one.status).collect();
    assert_eq!(statuses, [None, None]);
}

#[tokio::test]
async fn a_slow_answer_is_the_right_answer() {
    let scene = Scene::open().await;
    scene.forge.fail_next(1, "GET", "*/hooks", Fault::Slow(Duration::from_millis(30))).unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(scene.get("/hooks").await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn every_request_is_recorded_without_its_credential() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    scene.bot("POST", &format!("/merge_requests/{number}/notes"), json!({"body": "hello"})).await;
    scene.send("GET", &format!("{}/", scene.forge.url()), &[], Value::Null).await;
    let capture = scene.forge.capture("mergewright-bot");
    let lines: Vec<Value> = capture.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "the page is no request of the bot's");
    assert_eq!(lines[0]["method"], "POST");
    assert_eq!(
        lines[0]["url"],
        format!("/api/v4/projects/{}/merge_requests/{number}/notes", scene.project.id())
    );
    assert_eq!(lines[0]["body"], json!({"body": "hello"}));
    assert_eq!(lines[0]["status"], 201);
    assert_eq!(lines[0]["headers"]["content-type"], "application/json");
    assert!(!capture.contains("sandbox-token"), "{capture}");
}
