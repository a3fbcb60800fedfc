//! A project that merges by trains.

use mergewright::domain::{MergeMethod, Queued, RunId, Trial};
use mergewright::forge::{ErrorKind, Forge as _, Merge};
use serde_json::{Value, json};

use super::{MR, REPO, adapter};
use crate::scripted::{Answer, Server, kind, on, sha};

const CAR: &str = "/projects/7/merge_trains/merge_requests/3";
const CANCEL: &str = "/projects/7/merge_requests/3/cancel_merge_when_pipeline_succeeds";

fn project() -> Answer {
    let said = json!({ "path_with_namespace": "g/p", "default_branch": "main", "web_url": "http://gl/g/p",
                       "merge_trains_enabled": true });
    on("GET", "/projects/7", 200, said)
}

fn waits() -> Answer {
    on("GET", CAR, 200, json!({ "id": 1, "status": "idle", "pipeline": null }))
}

fn absent() -> Answer {
    on("GET", CAR, 404, json!({ "message": "404 Not Found" }))
}

async fn merged(answers: Vec<Answer>, method: MergeMethod) -> (Result<Merge, ErrorKind>, Server) {
    let server = Server::start(std::iter::once(project()).chain(answers)).await;
    let result = adapter(&server).merge(MR, "main", &sha('a'), method).await.map_err(|error| error.kind);
    (result, server)
}

#[tokio::test]
async fn what_a_train_merges_is_put_on_it_at_the_gated_head_and_never_merged_past_it() {
    let (result, server) = merged(vec![on("POST", CAR, 201, json!([]))], MergeMethod::Auto).await;
    assert_eq!(result, Ok(Merge::Queued));
    assert_eq!(server.finished()[1].json(), json!({ "sha": sha('a') }));
    let (result, server) = merged(vec![on("POST", CAR, 202, json!([]))], MergeMethod::Squash).await;
    assert_eq!(result, Ok(Merge::Queued));
    assert_eq!(server.finished()[1].json(), json!({ "sha": sha('a'), "squash": true }));
}

#[tokio::test]
async fn that_a_project_has_trains_is_known_from_reading_it() {
    let server = Server::start([project(), on("POST", CAR, 201, json!([]))]).await;
    let gitlab = adapter(&server);
    gitlab.repository(REPO).await.unwrap();
    assert_eq!(gitlab.merge(MR, "main", &sha('a'), MergeMethod::Auto).await.unwrap(), Merge::Queued);
    server.finished();
}

#[tokio::test]
async fn each_refusal_of_the_train_has_its_own_meaning() {
    let no = |status: u16, text: &str| on("POST", CAR, status, json!({ "message": text }));
    for (answers, expected) in [
        (vec![no(400, "Merge request is not mergeable"), absent()], Err(ErrorKind::Conflict)),
        (vec![no(409, "SHA does not match HEAD of source branch"), absent()], Err(ErrorKind::Conflict)),
        (vec![no(409, "Merge request is already on the train"), waits()], Ok(Merge::Queued)),
        (vec![no(400, "Failed to add"), waits()], Ok(Merge::Queued)),
        (vec![no(403, "403 Forbidden")], Err(ErrorKind::Refused)),
        (vec![no(404, "404 Not Found")], Err(ErrorKind::Gone)),
        (vec![no(502, "x")], Err(ErrorKind::Retry { after: None })),
    ] {
        let shown = format!("{answers:?}");
        let (result, server) = merged(answers, MergeMethod::Auto).await;
        assert_eq!(result, expected, "{shown}");
        server.finished();
    }
}

#[tokio::test]
async fn what_the_train_tries_is_told_with_what_it_is_put_upon() {
    let pipeline =
        json!({ "id": 70, "sha": sha('c'), "ref": "refs/merge-requests/3/train", "status": "running" });
    let car = |status: &str, pipeline: &Value| {
        on("GET", CAR, 200, json!({ "id": 1, "status": status, "pipeline": pipeline }))
    };
    let parents = json!({ "id": sha('c'), "parent_ids": [sha('b'), sha('a')] });
    let server = Server::start([
        car("fresh", &pipeline),
        on("GET", format!("/projects/7/repository/commits/{}", sha('c')), 200, parents),
        waits(),
        car("merged", &pipeline),
        absent(),
        on("GET", CAR, 403, json!({ "message": "403 Forbidden" })),
    ])
    .await;
    let gitlab = adapter(&server);
    let trial = Some(Trial { commit: sha('c'), base: sha('b'), run: Some(RunId(70)) });
    assert_eq!(gitlab.queued(MR).await.unwrap(), Some(Queued { trial }));
    assert_eq!(gitlab.queued(MR).await.unwrap(), Some(Queued { trial: None }), "its turn has not come");
    for why in ["merged", "not on it", "no trains here"] {
        assert_eq!(gitlab.queued(MR).await.unwrap(), None, "{why}");
    }
    server.finished();
}

#[tokio::test]
async fn what_waits_is_taken_off_and_what_does_not_is_left_alone() {
    let server = Server::start([
        waits(),
        on("POST", CANCEL, 201, json!({})),
        waits(),
        on("POST", CANCEL, 406, json!({ "message": "406 Not Acceptable" })),
        waits(),
        on("POST", CANCEL, 403, json!({ "message": "403 Forbidden" })),
        absent(),
    ])
    .await;
    let gitlab = adapter(&server);
    gitlab.leave_queue(MR).await.unwrap();
    gitlab.leave_queue(MR).await.unwrap();
    assert_eq!(kind(gitlab.leave_queue(MR).await), ErrorKind::Refused);
    gitlab.leave_queue(MR).await.unwrap();
    server.finished();
}
