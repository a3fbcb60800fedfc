//! A branch that is merged by a queue: REST tells that it is, GraphQL the rest.

use mergewright::domain::{MergeMethod, Queued, Trial};
use mergewright::forge::{ErrorKind, Forge as _, Merge};
use serde_json::{Value, json};

use super::{MR, TOKEN, adapter, serve};
use crate::scripted::{Answer, kind, on, raw, sha};

const RULES: &str = "/repos/acme/models/rules/branches/release%2F1?per_page=100";
/// Beside the API, not below it.
const GRAPHQL: &str = "/api/graphql";

fn queue_rule() -> Answer {
    on("GET", RULES, 200, json!([{ "type": "deletion" }, { "type": "merge_queue", "parameters": {} }]))
}

fn found(entry: impl Into<Value>) -> Answer {
    let pull = json!({ "id": "PR_kw3", "mergeQueueEntry": entry.into() });
    on("POST", GRAPHQL, 200, json!({ "data": { "repository": { "pullRequest": pull } } }))
}

fn problem(kind: &str, message: &str) -> Answer {
    let error = json!({ "type": kind, "path": ["enqueuePullRequest"], "message": message });
    on("POST", GRAPHQL, 200, json!({ "data": { "enqueuePullRequest": null }, "errors": [error] }))
}

fn done(field: &str) -> Answer {
    on("POST", GRAPHQL, 200, json!({ "data": { field: { "clientMutationId": null } } }))
}

#[tokio::test]
async fn what_a_queue_merges_is_put_into_it_at_the_gated_head_and_never_merged_past_it() {
    let server = serve([queue_rule(), found(Value::Null), done("enqueuePullRequest")]).await;
    let merge = adapter(&server).merge(MR, "release/1", &sha('a'), MergeMethod::Auto).await.unwrap();
    assert_eq!(merge, Merge::Queued);
    let asked = server.finished();
    assert_eq!(asked[2].json()["variables"], json!({ "owner": "acme", "name": "models", "number": 3 }));
    assert_eq!(asked[3].json()["variables"], json!({ "id": "PR_kw3", "head": sha('a') }));
    assert!(asked[3].json()["query"].as_str().unwrap().starts_with("mutation"));
    assert_eq!(asked[3].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert!(asked.iter().all(|one| !one.target.ends_with("/merge")));
}

#[tokio::test]
async fn a_queue_is_found_on_whichever_page_of_the_rules_it_stands() {
    let second = format!("{RULES}&page=2");
    let more = [
        on("GET", RULES, 200, json!([{ "type": "deletion" }])),
        on("GET", second.clone(), 200, json!([{ "type": "merge_queue" }])),
        found(json!({ "baseCommit": null, "headCommit": null })),
    ];
    let server = serve([]).await;
    let [first, last, entry] = more;
    let next = format!("<{}{second}>; rel=\"next\"", server.url());
    server.add([first.header("link", next), last, entry]);
    let merge = adapter(&server).merge(MR, "release/1", &sha('a'), MergeMethod::Auto).await.unwrap();
    assert_eq!(merge, Merge::Queued);
    server.finished();
}

#[tokio::test]
async fn what_waits_already_is_not_put_there_again() {
    let server = serve([queue_rule(), found(json!({ "baseCommit": null, "headCommit": null }))]).await;
    let merge = adapter(&server).merge(MR, "release/1", &sha('a'), MergeMethod::Auto).await.unwrap();
    assert_eq!(merge, Merge::Queued);
    server.finished();
}

#[tokio::test]
async fn a_protection_of_the_older_kind_says_it_when_it_is_merged() {
    let none = on("GET", RULES, 404, json!({ "message": "Not Found" }));
    let text = "Repository rule violations found\n\nChanges must be made through the merge queue";
    let no = on("PUT", "/repos/acme/models/pulls/3/merge", 405, json!({ "message": text }));
    let server = serve([none, no, found(Value::Null), done("enqueuePullRequest")]).await;
    let merge = adapter(&server).merge(MR, "release/1", &sha('a'), MergeMethod::Auto).await.unwrap();
    assert_eq!(merge, Merge::Queued);
    server.finished();
}

#[tokio::test]
async fn each_refusal_of_the_queue_has_its_own_meaning() {
    for (answer, expected) in [
        (problem("UNPROCESSABLE", "Pull request is in a draft state"), ErrorKind::Conflict),
        (problem("STALE_DATA", "Head oid is not the expected one"), ErrorKind::Conflict),
        (problem("FORBIDDEN", "Resource not accessible by integration"), ErrorKind::Refused),
        (problem("NOT_FOUND", "Could not resolve to a node"), ErrorKind::Gone),
        (problem("RATE_LIMITED", "API rate limit exceeded"), ErrorKind::Retry { after: None }),
        (on("POST", GRAPHQL, 502, json!({ "message": "x" })), ErrorKind::Retry { after: None }),
        (on("POST", GRAPHQL, 401, json!({ "message": "Bad credentials" })), ErrorKind::Unauthorized),
        (raw("POST", GRAPHQL, 200, "<html>"), ErrorKind::Retry { after: None }),
    ] {
        let shown = format!("{answer:?}");
        let server = serve([queue_rule(), found(Value::Null), answer]).await;
        let result = adapter(&server).merge(MR, "release/1", &sha('a'), MergeMethod::Auto).await;
        assert_eq!(kind(result), expected, "{shown}");
        server.finished();
    }
}

#[tokio::test]
async fn what_the_queue_tries_is_told_with_what_it_is_put_upon() {
    let tried = json!({ "baseCommit": { "oid": sha('b') }, "headCommit": { "oid": sha('c') } });
    let nothing = json!({ "data": { "repository": { "pullRequest": null } } });
    let server = serve([
        found(tried),
        found(json!({ "baseCommit": { "oid": sha('b') }, "headCommit": null })),
        found(Value::Null),
        on("POST", GRAPHQL, 200, nothing),
    ])
    .await;
    let github = adapter(&server);
    let trial = Some(Trial { commit: sha('c'), base: sha('b'), run: None });
    assert_eq!(github.queued(MR).await.unwrap(), Some(Queued { trial }));
    assert_eq!(github.queued(MR).await.unwrap(), Some(Queued { trial: None }), "its turn has not come");
    assert_eq!(github.queued(MR).await.unwrap(), None);
    assert_eq!(github.queued(MR).await.unwrap(), None);
    server.finished();
}

#[tokio::test]
async fn what_waits_is_taken_out_and_what_does_not_is_left_alone() {
    let waits = found(json!({ "baseCommit": null, "headCommit": null }));
    let server = serve([waits, done("dequeuePullRequest"), found(Value::Null)]).await;
    let github = adapter(&server);
    github.leave_queue(MR).await.unwrap();
    github.leave_queue(MR).await.unwrap();
    let asked = server.finished();
    assert_eq!(asked[2].json()["variables"], json!({ "id": "PR_kw3" }));
    assert!(asked[2].json()["query"].as_str().unwrap().contains("dequeuePullRequest"));
}
