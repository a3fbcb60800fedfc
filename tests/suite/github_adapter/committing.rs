//! Files are committed upon one parent, and pull requests of our own are found and opened.

use mergewright::domain::{FileChange, NewCommit};
use mergewright::forge::{ErrorKind, Forge as _, NewMergeRequest};
use serde_json::json;

use super::{REPO, adapter, pull, serve, user};
use crate::scripted::{Answer, kind, on, raw, sha};

fn change(path: &str, content: Option<&str>) -> FileChange {
    FileChange { path: path.to_owned(), content: content.map(str::to_owned), exists: true }
}

fn new(begins: bool) -> NewCommit {
    NewCommit {
        branch: "a/topic".to_owned(),
        parent: sha('a'),
        begins,
        message: "Words".to_owned(),
        files: vec![change("a.yml", Some("new\n")), change("c.yml", None)],
    }
}

/// The reading and the two objects that come before the branch is moved.
fn objects() -> [Answer; 3] {
    let parent = json!({ "sha": sha('a'), "tree": { "sha": sha('1') }, "parents": [] });
    [
        on("GET", format!("/repos/acme/models/git/commits/{}", sha('a')), 200, parent),
        on("POST", "/repos/acme/models/git/trees", 201, json!({ "sha": sha('2') })),
        on("POST", "/repos/acme/models/git/commits", 201, json!({ "sha": sha('b') })),
    ]
}

const HEAD: &str = "/repos/acme/models/git/refs/heads/a/topic";

#[tokio::test]
async fn a_commit_is_made_unseen_and_then_the_branch_is_moved_forward_only() {
    let server = serve(objects()).await;
    server.add([on("PATCH", HEAD, 200, json!({}))]);
    let github = adapter(&server);
    assert_eq!(github.commit_files(REPO, &new(false)).await.unwrap(), sha('b'));
    let asked = server.finished();
    assert_eq!(
        asked[2].json(),
        json!({ "base_tree": sha('1'), "tree": [
            { "path": "a.yml", "mode": "100644", "type": "blob", "content": "new\n" },
            { "path": "c.yml", "mode": "100644", "type": "blob", "sha": null },
        ]})
    );
    assert_eq!(asked[3].json(), json!({ "message": "Words", "tree": sha('2'), "parents": [sha('a')] }));
    assert_eq!(asked[4].json(), json!({ "sha": sha('b'), "force": false }));
    server.add(objects());
    server.add([on("POST", "/repos/acme/models/git/refs", 201, json!({}))]);
    github.commit_files(REPO, &new(true)).await.unwrap();
    let last = server.finished().pop().unwrap().json();
    assert_eq!(last, json!({ "ref": "refs/heads/a/topic", "sha": sha('b') }));
}

#[tokio::test]
async fn a_branch_that_moved_is_a_conflict_and_a_token_without_the_right_is_told_which_it_needs() {
    let server = serve([]).await;
    let github = adapter(&server);
    for (begins, method, target, words) in [
        (false, "PATCH", HEAD, "Update is not a fast forward"),
        (true, "POST", "/repos/acme/models/git/refs", "Reference already exists"),
    ] {
        server.add(objects());
        server.add([on(method, target, 422, json!({ "message": words }))]);
        assert_eq!(kind(github.commit_files(REPO, &new(begins)).await), ErrorKind::Conflict, "{words}");
    }
    let [parent, ..] = objects();
    let missing = json!({ "message": "Not Found" });
    server.add([parent, on("POST", "/repos/acme/models/git/trees", 404, missing)]);
    let refused = github.commit_files(REPO, &new(false)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    assert!(refused.external.contains("`workflow`"), "{}", refused.external);
    server.finished();
}

#[tokio::test]
async fn workflows_named_like_ours_are_read_and_an_unchanged_one_only_once() {
    let entry =
        |name: &str, digit: char| json!({ "path": format!(".github/workflows/{name}"), "sha": sha(digit) });
    let list = |at: char| format!("/repos/acme/models/contents/.github/workflows?ref={}", sha(at));
    let file = format!("/repos/acme/models/contents/.github/workflows/model-iris.yml?ref={}", sha('a'));
    let folder = json!([entry("ci.yml", '3'), entry("model-iris.yml", '4')]);
    let server = serve([
        on("GET", list('a'), 200, folder.clone()),
        raw("GET", file, 200, b"jobs: 1\n".to_vec()),
        on("GET", list('b'), 200, folder),
    ])
    .await;
    let github = adapter(&server);
    let expected = [(".github/workflows/model-iris.yml".to_owned(), "jobs: 1\n".to_owned())].into();
    assert_eq!(github.ci_files(REPO, &sha('a'), 100).await.unwrap(), expected);
    assert_eq!(github.ci_files(REPO, &sha('b'), 100).await.unwrap(), expected);
    server.finished();
}

#[tokio::test]
async fn pull_requests_of_a_branch_are_those_of_the_repository_itself() {
    let one = |number: u64, state: &str, branch: &str| {
        let head = json!({ "ref": branch, "sha": sha('a'), "repo": { "id": 7 } });
        pull(
            json!({ "number": number, "state": state, "head": head, "user": user(5, "bot"), "body": "words" }),
        )
    };
    let list = "/repos/acme/models/pulls?state=all&head=acme%3Atopic&per_page=100";
    let found = json!([one(4, "open", "other"), one(3, "closed", "topic")]);
    let server = serve([on("GET", list, 200, found)]).await;
    let found = adapter(&server).merge_requests_from(REPO, "topic").await.unwrap();
    let shown: Vec<_> = found.iter().map(|one| (one.id.number, one.open, one.description.as_str())).collect();
    assert_eq!(shown, [(3, false, "words")]);
    server.finished();
}

#[tokio::test]
async fn a_second_pull_request_of_a_branch_is_a_conflict() {
    let new = NewMergeRequest {
        source: "topic".to_owned(),
        target: "main".to_owned(),
        title: "A title".to_owned(),
        description: "Words".to_owned(),
    };
    let twin = json!({
        "message": "Validation Failed",
        "errors": [{ "message": "A pull request already exists for acme:topic." }],
    });
    let pulls = "/repos/acme/models/pulls";
    let server = serve([on("POST", pulls, 201, json!({ "number": 8 })), on("POST", pulls, 422, twin)]).await;
    let github = adapter(&server);
    assert_eq!(github.open_merge_request(REPO, &new).await.unwrap().number, 8);
    assert_eq!(kind(github.open_merge_request(REPO, &new).await), ErrorKind::Conflict);
    let body = server.finished()[1].json();
    assert_eq!(body, json!({ "head": "topic", "base": "main", "title": "A title", "body": "Words" }));
}
