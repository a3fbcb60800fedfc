//! What is written: the exact requests, repeats that count as done, refusals by operation.

use mergewright::domain::{CommentId, Label, MergeMethod, RunId, Status, StatusState};
use mergewright::forge::{ErrorKind, Forge as _, Merge};
use serde_json::{Value, json};

use super::{MR, REPO, adapter, commit, merge_request, user};
use crate::scripted::{Answer, Server, kind, on, raw, sha};

#[tokio::test]
async fn a_comment_is_written_and_edited_as_it_is() {
    let server = Server::start([
        on("POST", "/projects/7/merge_requests/3/notes", 201, json!({ "id": 11 })),
        on("PUT", "/projects/7/merge_requests/3/notes/11", 200, json!({ "id": 11 })),
    ])
    .await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.create_comment(MR, "Grüße\n<!-- x -->").await.unwrap(), CommentId(11));
    gitlab.edit_comment(MR, CommentId(11), "anders").await.unwrap();
    let asked = server.finished();
    assert_eq!(asked[0].json(), json!({ "body": "Grüße\n<!-- x -->" }));
    assert_eq!(asked[1].json(), json!({ "body": "anders" }));
    assert_eq!(gitlab.comment_limit(), 1_000_000);
}

#[tokio::test]
async fn a_comment_that_was_carried_out_instead_of_kept_is_refused() {
    let carried_out = json!({ "commands_changes": {}, "summary": ["Merged"] });
    let server = Server::start([
        on("POST", "/projects/7/merge_requests/3/notes", 202, carried_out.clone()),
        on("PUT", "/projects/7/merge_requests/3/notes/11", 202, carried_out),
        on("PUT", "/projects/7/merge_requests/3/notes/12", 404, json!({ "message": "404 Not found" })),
    ])
    .await;
    let gitlab = adapter(&server);
    assert_eq!(kind(gitlab.create_comment(MR, "/merge").await), ErrorKind::Refused);
    assert_eq!(kind(gitlab.edit_comment(MR, CommentId(11), "/merge").await), ErrorKind::Refused);
    assert_eq!(kind(gitlab.edit_comment(MR, CommentId(12), "x").await), ErrorKind::Gone);
}

#[tokio::test]
async fn eyes_that_are_there_already_count_and_a_missing_comment_does_not() {
    let award = "/projects/7/merge_requests/3/notes/4/award_emoji";
    let server = Server::start([on("POST", award, 201, json!({ "id": 1, "name": "eyes" }))]).await;
    let gitlab = adapter(&server);
    gitlab.acknowledge(MR, CommentId(4)).await.unwrap();
    assert_eq!(server.only().json(), json!({ "name": "eyes" }));
    let taken = json!({ "message": "404 Award Emoji Name has already been taken Not Found" });
    server.add([on("POST", award, 404, taken)]);
    gitlab.acknowledge(MR, CommentId(4)).await.unwrap();
    server.add([on("POST", award, 404, json!({ "message": "404 Not found" }))]);
    assert_eq!(kind(gitlab.acknowledge(MR, CommentId(4)).await), ErrorKind::Gone);
}

fn status(state: StatusState, description: &str) -> Status {
    Status { context: "mergewright/iris/test".to_owned(), state, description: description.to_owned() }
}

fn pipeline(id: u64, digit: char) -> Value {
    json!({ "id": id, "sha": sha(digit), "ref": "refs/merge-requests/3/head", "project_id": 7, "status": "running" })
}

#[tokio::test]
async fn a_status_joins_its_pipeline_and_each_state_has_its_word() {
    let target = format!("/projects/7/statuses/{}", sha('a'));
    let server = Server::start([on("GET", "/projects/7/pipelines/21", 200, pipeline(21, 'a'))]).await;
    let gitlab = adapter(&server);
    for (state, word) in [
        (StatusState::Pending, "pending"),
        (StatusState::Success, "success"),
        (StatusState::Failure, "failed"),
        (StatusState::Error, "failed"),
    ] {
        server.add([on("POST", target.clone(), 201, json!({}))]);
        gitlab.set_status(MR, &sha('a'), Some(RunId(21)), &status(state, &"ö".repeat(300))).await.unwrap();
        let body = server.finished().pop().unwrap().json();
        assert_eq!(
            (&body["state"], &body["name"], &body["pipeline_id"]),
            (&json!(word), &json!("mergewright/iris/test"), &json!(21))
        );
        assert_eq!(body["description"].as_str().unwrap().chars().count(), 255);
    }
}

#[tokio::test]
async fn the_same_status_again_is_done_and_a_crowd_is_tried_again() {
    let target = format!("/projects/7/statuses/{}", sha('a'));
    let again = json!({ "message": "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")" });
    let server = Server::start([
        on("GET", "/projects/7/pipelines/21", 200, pipeline(21, 'a')),
        on("POST", target.clone(), 400, again),
    ])
    .await;
    let gitlab = adapter(&server);
    let pending = status(StatusState::Pending, "");
    gitlab.set_status(MR, &sha('a'), Some(RunId(21)), &pending).await.unwrap();
    server.add([on("POST", target.clone(), 409, json!({ "message": "409 Conflict" }))]);
    let crowded = gitlab.set_status(MR, &sha('a'), Some(RunId(21)), &pending).await;
    assert_eq!(kind(crowded), ErrorKind::Retry { after: None });
    server.add([on("POST", target, 400, json!({ "message": "state does not have a valid value" }))]);
    assert_eq!(kind(gitlab.set_status(MR, &sha('a'), Some(RunId(21)), &pending).await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn a_status_waits_for_a_pipeline_of_its_head() {
    let server = Server::start([]).await;
    let gitlab = adapter(&server);
    let pending = status(StatusState::Pending, "");
    assert_eq!(kind(gitlab.set_status(MR, &sha('a'), None, &pending).await), ErrorKind::Conflict);
    assert!(server.asked().is_empty(), "GitLab would have made an external pipeline");
    let strange = format!("/projects/7/repository/commits/{}", sha('b'));
    server.add([
        on("GET", "/projects/7/pipelines/22", 200, pipeline(22, 'b')),
        on("GET", strange, 200, commit('b')),
    ]);
    assert_eq!(kind(gitlab.set_status(MR, &sha('a'), Some(RunId(22)), &pending).await), ErrorKind::Conflict);
    server.finished();
}

#[tokio::test]
async fn in_merged_results_the_status_names_the_merge_of_the_head() {
    let merge = json!({ "id": sha('b'), "parent_ids": [sha('9'), sha('a')] });
    let server = Server::start([
        on("GET", "/projects/7/pipelines/22", 200, pipeline(22, 'b')),
        on("GET", format!("/projects/7/repository/commits/{}", sha('b')), 200, merge),
        on("POST", format!("/projects/7/statuses/{}", sha('b')), 201, json!({})),
    ])
    .await;
    adapter(&server)
        .set_status(MR, &sha('a'), Some(RunId(22)), &status(StatusState::Success, "ok"))
        .await
        .unwrap();
    server.finished();
}

#[tokio::test]
async fn one_label_goes_on_and_all_others_of_ours_go_off_in_one_request() {
    let put = || on("PUT", "/projects/7/merge_requests/3", 200, json!({}));
    let server = Server::start([put(), put()]).await;
    let gitlab = adapter(&server);
    gitlab.set_label(MR, Some(Label::Testing)).await.unwrap();
    gitlab.set_label(MR, None).await.unwrap();
    let asked = server.finished();
    let body = asked[0].json();
    assert_eq!(body["add_labels"], "model::testing");
    let off: Vec<_> = body["remove_labels"].as_str().unwrap().split(',').collect();
    assert_eq!(off.len(), Label::ALL.len() - 1);
    assert!(!off.contains(&"model::testing") && off.contains(&"model::failed"));
    let none = asked[1].json();
    assert!(none.get("add_labels").is_none());
    assert_eq!(none["remove_labels"].as_str().unwrap().split(',').count(), Label::ALL.len());
}

const MERGE: &str = "/projects/7/merge_requests/3/merge";

async fn merged(answers: Vec<Answer>, method: MergeMethod) -> (Result<Merge, ErrorKind>, Server) {
    // How a project merges is read with its own settings, where they say how it may.
    let plain = json!({ "path_with_namespace": "g/p", "merge_trains_enabled": false });
    let first = (method == MergeMethod::Auto).then(|| on("GET", "/projects/7", 200, plain));
    let server = Server::start(first.into_iter().chain(answers)).await;
    let result = adapter(&server).merge(MR, "main", &sha('a'), method).await.map_err(|error| error.kind);
    (result, server)
}

#[tokio::test]
async fn a_merge_is_guarded_by_the_head_and_left_to_the_project() {
    let done = merge_request(json!({ "state": "merged", "merge_commit_sha": sha('d') }));
    let (result, server) = merged(vec![on("PUT", MERGE, 200, done)], MergeMethod::Auto).await;
    assert_eq!(result, Ok(Merge::Merged(sha('d'))));
    assert_eq!(server.finished()[1].json(), json!({ "sha": sha('a') }));
}

#[tokio::test]
async fn a_merge_whose_answer_names_no_commit_is_read_back() {
    let open = merge_request(json!({}));
    let fast_forwarded = merge_request(json!({ "state": "merged" }));
    let read = |answer: &Value| on("GET", "/projects/7/merge_requests/3", 200, answer.clone());
    let (result, _) =
        merged(vec![on("PUT", MERGE, 200, fast_forwarded.clone()), read(&fast_forwarded)], MergeMethod::Auto)
            .await;
    assert_eq!(result, Ok(Merge::Merged(sha('a'))), "fast-forwarded: the head itself");
    let squashed = merge_request(json!({ "state": "merged", "squash_commit_sha": sha('e') }));
    let (result, _) =
        merged(vec![on("PUT", MERGE, 200, open.clone()), read(&squashed)], MergeMethod::Auto).await;
    assert_eq!(result, Ok(Merge::Merged(sha('e'))));
    let (result, _) = merged(vec![on("PUT", MERGE, 200, open.clone()), read(&open)], MergeMethod::Auto).await;
    assert_eq!(result, Err(ErrorKind::Conflict), "not merged yet");
}

#[tokio::test]
async fn a_wanted_method_is_asked_of_a_project_that_allows_it() {
    let project = |how: &str, squash: &str| {
        on(
            "GET",
            "/projects/7",
            200,
            json!({ "path_with_namespace": "g/p", "merge_method": how, "squash_option": squash }),
        )
    };
    let done =
        || on("PUT", MERGE, 200, merge_request(json!({ "state": "merged", "merge_commit_sha": sha('d') })));
    for (method, how, option, squash) in [
        (MergeMethod::Squash, "merge", "default_off", true),
        (MergeMethod::Squash, "ff", "always", true),
        (MergeMethod::Merge, "merge", "default_on", false),
        (MergeMethod::Merge, "rebase_merge", "never", false),
        (MergeMethod::Rebase, "ff", "default_off", false),
    ] {
        let (result, server) = merged(vec![project(how, option), done()], method).await;
        assert_eq!(result, Ok(Merge::Merged(sha('d'))), "{method:?} {how} {option}");
        assert_eq!(server.finished()[1].json()["squash"], json!(squash), "{method:?} {how} {option}");
    }
    for (method, how, option) in [
        (MergeMethod::Squash, "merge", "never"),
        (MergeMethod::Merge, "merge", "always"),
        (MergeMethod::Merge, "ff", "default_off"),
        (MergeMethod::Rebase, "merge", "default_off"),
    ] {
        let (result, server) = merged(vec![project(how, option)], method).await;
        assert_eq!(result, Err(ErrorKind::Refused), "{method:?} {how} {option}");
        server.only();
    }
}

#[tokio::test]
async fn each_refusal_to_merge_has_its_own_meaning() {
    let said = |status: u16, text: &str| vec![on("PUT", MERGE, status, json!({ "message": text }))];
    for (answers, expected) in [
        (said(405, "405 Method Not Allowed"), ErrorKind::Conflict),
        (said(409, "SHA does not match HEAD of source branch"), ErrorKind::Conflict),
        (said(406, "Branch cannot be merged"), ErrorKind::Refused),
        (said(422, "Branch cannot be merged"), ErrorKind::Refused),
        (said(403, "403 Forbidden"), ErrorKind::Refused),
        (said(404, "404 Not found"), ErrorKind::Gone),
        (said(502, "x"), ErrorKind::Retry { after: None }),
    ] {
        let (result, server) = merged(answers, MergeMethod::Auto).await;
        assert_eq!(result, Err(expected));
        server.finished();
    }
}

#[tokio::test]
async fn a_merge_that_is_unauthorized_for_a_good_token_is_a_missing_right() {
    let no = || on("PUT", MERGE, 401, json!({ "message": "401 Unauthorized" }));
    let (result, _) = merged(vec![no(), on("GET", "/user", 200, user(9, "bot"))], MergeMethod::Auto).await;
    assert_eq!(result, Err(ErrorKind::Refused));
    let (result, _) = merged(
        vec![no(), on("GET", "/user", 401, json!({ "message": "401 Unauthorized" }))],
        MergeMethod::Auto,
    )
    .await;
    assert_eq!(result, Err(ErrorKind::Unauthorized));
}

#[tokio::test]
async fn a_tag_is_annotated_and_a_taken_name_is_a_conflict() {
    let tags = "/projects/7/repository/tags";
    let made = json!({ "name": "iris@v1.0.0", "message": "{}", "target": sha('d'), "commit": commit('c') });
    let server = Server::start([on("POST", tags, 201, made)]).await;
    let gitlab = adapter(&server);
    let create = async || gitlab.create_tag(REPO, "iris@v1.0.0", &sha('c'), "{}").await;
    assert_eq!(create().await.unwrap().commit, sha('c'));
    assert_eq!(server.only().json(), json!({ "tag_name": "iris@v1.0.0", "ref": sha('c'), "message": "{}" }));
    for (status, text, expected) in [
        (400, "Tag iris@v1.0.0 already exists", ErrorKind::Conflict),
        (409, "Tag iris@v1.0.0 already exists", ErrorKind::Conflict),
        (400, "Target x is invalid", ErrorKind::Refused),
        (403, "403 Forbidden", ErrorKind::Refused),
    ] {
        server.add([on("POST", tags, status, json!({ "message": text }))]);
        assert_eq!(kind(create().await), expected, "{status} {text}");
    }
}

#[tokio::test]
async fn a_write_never_follows_a_redirect() {
    for status in [301, 302, 307, 308] {
        let server = Server::start([raw("POST", "/projects/7/merge_requests/3/notes", status, "")
            .header("location", "/api/v4/elsewhere")])
        .await;
        let error = adapter(&server).create_comment(MR, "x").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.external.contains("address"), "{}", error.external);
        server.only();
    }
}
