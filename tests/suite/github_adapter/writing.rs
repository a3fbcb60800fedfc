//! What is written: the exact requests, repeats that count as done, refusals by operation.

use mergewright::domain::{CommentId, Label, MergeMethod, RunId, Status, StatusState};
use mergewright::forge::{ErrorKind, Forge as _, Merge};
use serde_json::{Value, json};

use super::{MR, REPO, adapter, named, repository, serve};
use crate::scripted::{Answer, Server, kind, on, raw, sha};

const COMMENTS: &str = "/repos/acme/models/issues/3/comments";

#[tokio::test]
async fn a_comment_is_written_and_edited_as_it_is() {
    let server = serve([
        on("POST", COMMENTS, 201, json!({ "id": 11 })),
        on("PATCH", "/repos/acme/models/issues/comments/11", 200, json!({ "id": 11 })),
        on("PATCH", "/repos/acme/models/issues/comments/12", 404, json!({ "message": "Not Found" })),
    ])
    .await;
    let github = adapter(&server);
    assert_eq!(github.create_comment(MR, "Grüße\n<!-- x -->").await.unwrap(), CommentId(11));
    github.edit_comment(MR, CommentId(11), "anders").await.unwrap();
    assert_eq!(kind(github.edit_comment(MR, CommentId(12), "x").await), ErrorKind::Gone);
    let asked = server.finished();
    assert_eq!(asked[1].json(), json!({ "body": "Grüße\n<!-- x -->" }));
    assert_eq!(asked[1].header("content-type"), Some("application/json"));
    assert_eq!(asked[2].json(), json!({ "body": "anders" }));
    assert_eq!(github.comment_limit(), 65_536);
}

#[tokio::test]
async fn eyes_that_are_there_already_count() {
    let reactions = "/repos/acme/models/issues/comments/4/reactions";
    let server = serve([
        on("POST", reactions, 201, json!({ "id": 1 })),
        on("POST", reactions, 200, json!({ "id": 1 })),
        on("POST", reactions, 404, json!({ "message": "Not Found" })),
    ])
    .await;
    let github = adapter(&server);
    github.acknowledge(MR, CommentId(4)).await.unwrap();
    github.acknowledge(MR, CommentId(4)).await.unwrap();
    assert_eq!(kind(github.acknowledge(MR, CommentId(4)).await), ErrorKind::Gone);
    assert_eq!(server.finished()[1].json(), json!({ "content": "eyes" }));
}

#[tokio::test]
async fn a_status_stands_on_the_head_and_each_state_has_its_word() {
    let target = format!("/repos/acme/models/statuses/{}", sha('a'));
    let server = serve([]).await;
    let github = adapter(&server);
    for (run, state, word) in [
        (None, StatusState::Pending, "pending"),
        (Some(RunId(4)), StatusState::Success, "success"),
        (None, StatusState::Failure, "failure"),
        (None, StatusState::Error, "error"),
    ] {
        server.add([on("POST", target.clone(), 201, json!({}))]);
        let status =
            Status { context: "mergewright/iris/test".to_owned(), state, description: "ö".repeat(200) };
        github.set_status(MR, &sha('a'), run, &status).await.unwrap();
        let body = server.finished().pop().unwrap().json();
        let expected = json!({ "state": word, "context": "mergewright/iris/test", "description": format!("{}…", "ö".repeat(139)) });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn one_label_of_ours_stays_and_those_of_others_are_not_touched() {
    let list = "/repos/acme/models/issues/3/labels?per_page=100";
    let labels = "/repos/acme/models/issues/3/labels";
    let found = |names: &[&str]| {
        on("GET", list, 200, names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>())
    };
    let off = |name: &str, status| on("DELETE", format!("{labels}/{name}"), status, json!([]));
    let server = serve([
        found(&["bug", "model::building", "model::failed"]),
        off("model%3A%3Abuilding", 200),
        off("model%3A%3Afailed", 404),
        on("POST", labels, 200, json!([])),
    ])
    .await;
    let github = adapter(&server);
    github.set_label(MR, Some(Label::Testing)).await.unwrap();
    assert_eq!(server.finished().pop().unwrap().json(), json!({ "labels": ["model::testing"] }));
    server.add([found(&["bug", "model::testing"])]);
    github.set_label(MR, Some(Label::Testing)).await.unwrap();
    server.add([found(&["bug", "model::testing"]), off("model%3A%3Atesting", 200)]);
    github.set_label(MR, None).await.unwrap();
    server.finished();
}

#[tokio::test]
async fn where_nobody_elses_label_stands_one_write_exchanges_ours() {
    let labels = "/repos/acme/models/issues/3/labels";
    let list = format!("{labels}?per_page=100");
    let found = |names: &[&str]| {
        on("GET", list.clone(), 200, names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>())
    };
    let server =
        serve([found(&["Model::Building", "model::failed"]), on("PUT", labels, 200, json!([]))]).await;
    let github = adapter(&server);
    github.set_label(MR, Some(Label::Testing)).await.unwrap();
    assert_eq!(server.finished().pop().unwrap().json(), json!({ "labels": ["model::testing"] }));
    // An empty list may just be getting a label of somebody's: ours is added to it.
    server.add([found(&[]), on("POST", labels, 200, json!([]))]);
    github.set_label(MR, Some(Label::Testing)).await.unwrap();
    server.finished();
}

const MERGE: &str = "/repos/acme/models/pulls/3/merge";

const RULES: &str = "/repos/acme/models/rules/branches/main?per_page=100";

async fn merged(allowed: Value, answer: Answer, method: MergeMethod) -> (Result<Merge, ErrorKind>, Server) {
    let rules = on("GET", RULES, 200, json!([{ "type": "pull_request" }]));
    let server = Server::start([on("GET", "/repositories/7", 200, repository(allowed)), rules, answer]).await;
    let result = adapter(&server).merge(MR, "main", &sha('a'), method).await.map_err(|error| error.kind);
    (result, server)
}

fn done() -> Answer {
    on(
        "PUT",
        MERGE,
        200,
        json!({ "sha": sha('d'), "merged": true, "message": "Pull Request successfully merged" }),
    )
}

#[tokio::test]
async fn a_merge_is_guarded_by_the_head_and_takes_the_first_way_that_is_allowed() {
    let only = |merge: bool, squash: bool, rebase: bool| json!({ "allow_merge_commit": merge, "allow_squash_merge": squash, "allow_rebase_merge": rebase });
    for (allowed, method, word) in [
        (only(true, true, true), MergeMethod::Auto, "merge"),
        (only(false, true, true), MergeMethod::Auto, "squash"),
        (only(false, false, true), MergeMethod::Auto, "rebase"),
        (only(true, true, true), MergeMethod::Merge, "merge"),
        (only(true, true, true), MergeMethod::Squash, "squash"),
        (only(true, true, true), MergeMethod::Rebase, "rebase"),
    ] {
        let (result, server) = merged(allowed, done(), method).await;
        assert_eq!(result, Ok(Merge::Merged(sha('d'))), "{method:?} {word}");
        assert_eq!(server.finished()[2].json(), json!({ "sha": sha('a'), "merge_method": word }));
    }
    let unknown =
        json!({ "allow_merge_commit": null, "allow_squash_merge": null, "allow_rebase_merge": null });
    let (result, server) = merged(unknown, done(), MergeMethod::Auto).await;
    assert_eq!(result, Ok(Merge::Merged(sha('d'))));
    assert_eq!(server.finished()[2].json(), json!({ "sha": sha('a') }), "left to GitHub");
}

#[tokio::test]
async fn a_way_that_is_not_allowed_is_not_tried() {
    let no = json!({ "allow_squash_merge": false });
    let rules = on("GET", RULES, 404, json!({ "message": "Not Found" }));
    let server = Server::start([on("GET", "/repositories/7", 200, repository(no)), rules]).await;
    let error = adapter(&server).merge(MR, "main", &sha('a'), MergeMethod::Squash).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("publish.merge"), "{}", error.external);
    server.finished();
}

#[tokio::test]
async fn each_refusal_to_merge_has_its_own_meaning() {
    let said = |status: u16, text: &str| on("PUT", MERGE, status, json!({ "message": text }));
    for (answer, expected) in [
        (said(405, "Pull Request is not mergeable"), ErrorKind::Conflict),
        (said(405, "Pull Request is still a draft"), ErrorKind::Conflict),
        (said(405, "Base branch was modified. Review and try the merge again."), ErrorKind::Conflict),
        (said(405, "Required status check \"mergewright\" is expected."), ErrorKind::Conflict),
        (said(405, "Merge commits are not allowed on this repository."), ErrorKind::Refused),
        (said(409, "Head branch was modified. Review and try the merge again."), ErrorKind::Conflict),
        (said(403, "Resource not accessible by personal access token"), ErrorKind::Refused),
        (said(422, "Validation Failed"), ErrorKind::Refused),
        (said(404, "Not Found"), ErrorKind::Gone),
        (said(502, "x"), ErrorKind::Retry { after: None }),
        (on("PUT", MERGE, 200, json!({ "sha": null, "merged": false })), ErrorKind::Conflict),
    ] {
        let shown = format!("{answer:?}");
        let (result, server) = merged(json!({}), answer, MergeMethod::Auto).await;
        assert_eq!(result, Err(expected), "{shown}");
        server.finished();
    }
}

#[tokio::test]
async fn a_tag_is_annotated_and_a_taken_name_is_a_conflict() {
    let (tags, refs) = ("/repos/acme/models/git/tags", "/repos/acme/models/git/refs");
    let object = || {
        let made = json!({ "sha": sha('d'), "tag": "iris@v1.0.0", "message": "{}", "object": { "sha": sha('c'), "type": "commit" } });
        on("POST", tags, 201, made)
    };
    let server = serve([object(), on("POST", refs, 201, json!({ "ref": "refs/tags/iris@v1.0.0" }))]).await;
    let github = adapter(&server);
    let create = async || github.create_tag(REPO, "iris@v1.0.0", &sha('c'), "{}").await;
    let tag = create().await.unwrap();
    assert_eq!((tag.name.as_str(), tag.commit, tag.message.as_str()), ("iris@v1.0.0", sha('c'), "{}"));
    let asked = server.finished();
    let expected = json!({ "tag": "iris@v1.0.0", "object": sha('c'), "type": "commit", "message": "{}" });
    assert_eq!(asked[1].json(), expected);
    assert_eq!(asked[2].json(), json!({ "ref": "refs/tags/iris@v1.0.0", "sha": sha('d') }));
    for (status, text, expected) in [
        (422, "Reference already exists", ErrorKind::Conflict),
        (422, "Reference update failed", ErrorKind::Refused),
        (403, "Resource not accessible by personal access token", ErrorKind::Refused),
    ] {
        server.add([object(), on("POST", refs, status, json!({ "message": text }))]);
        assert_eq!(kind(create().await), expected, "{status} {text}");
    }
    server.add([on("POST", tags, 422, json!({ "message": "Object does not exist" }))]);
    assert_eq!(kind(create().await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let no = json!({ "message": "Resource not accessible by personal access token" });
    let server = serve([on("POST", COMMENTS, 403, no)]).await;
    let error = adapter(&server).create_comment(MR, "x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("write access to pull requests"), "{}", error.external);
}

#[tokio::test]
async fn a_write_goes_where_a_renamed_repository_is_now_and_follows_nothing() {
    for status in [301, 307, 308] {
        let renamed = on("GET", "/repositories/7", 200, repository(json!({ "full_name": "acme/renamed" })));
        let moved = raw("POST", COMMENTS, status, "").header("location", "/api/v3/elsewhere");
        let made = on("POST", "/repos/acme/renamed/issues/3/comments", 201, json!({ "id": 1 }));
        let server = serve([moved, renamed, made]).await;
        assert_eq!(adapter(&server).create_comment(MR, "x").await.unwrap(), CommentId(1));
        server.finished();
    }
    let moved = raw("POST", COMMENTS, 307, "").header("location", "/api/v3/elsewhere");
    let server = serve([moved, named()]).await;
    let error = adapter(&server).create_comment(MR, "x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("address"), "{}", error.external);
    server.finished();
}
