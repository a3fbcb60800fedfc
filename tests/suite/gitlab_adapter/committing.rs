//! Files are committed upon one parent, and merge requests of our own are found and opened.

use mergewright::domain::{FileChange, NewCommit};
use mergewright::forge::{ErrorKind, Forge as _, NewMergeRequest};
use serde_json::{Value, json};

use super::{REPO, adapter, commit, user};
use crate::scripted::{Answer, Server, kind, on, raw, sha};

fn change(path: &str, content: Option<&str>, exists: bool) -> FileChange {
    FileChange { path: path.to_owned(), content: content.map(str::to_owned), exists }
}

fn new(begins: bool) -> NewCommit {
    NewCommit {
        branch: "topic".to_owned(),
        parent: sha('a'),
        begins,
        message: "Words".to_owned(),
        files: vec![
            change("a.yml", Some("new\n"), false),
            change("b.yml", Some("other\n"), true),
            change("c.yml", None, true),
        ],
    }
}

fn branch(digit: char) -> Answer {
    let found = json!([{ "name": "topic", "commit": commit(digit) }]);
    on("GET", "/projects/7/repository/branches?search=%5Etopic&per_page=100", 200, found)
}

const COMMITS: &str = "/projects/7/repository/commits";

#[tokio::test]
async fn a_commit_names_what_each_file_was_and_a_new_branch_begins_at_the_parent() {
    let server = Server::start([branch('a'), on("POST", COMMITS, 201, commit('b'))]).await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.commit_files(REPO, &new(false)).await.unwrap(), sha('b'));
    let body = server.finished()[1].json();
    let parent = Value::from(sha('a').as_str());
    assert_eq!(
        body["actions"],
        json!([
            { "action": "create", "file_path": "a.yml", "content": "new\n" },
            { "action": "update", "file_path": "b.yml", "content": "other\n", "last_commit_id": parent },
            { "action": "delete", "file_path": "c.yml", "last_commit_id": parent },
        ])
    );
    assert_eq!((&body["branch"], &body["start_sha"]), (&json!("topic"), &Value::Null));
    server.add([on("POST", COMMITS, 201, commit('b'))]);
    gitlab.commit_files(REPO, &new(true)).await.unwrap();
    assert_eq!(server.finished()[2].json()["start_sha"], parent);
}

#[tokio::test]
async fn a_branch_or_file_that_moved_is_a_conflict_and_a_protected_branch_a_refusal() {
    let server = Server::start([branch('b')]).await;
    let gitlab = adapter(&server);
    assert_eq!(kind(gitlab.commit_files(REPO, &new(false)).await), ErrorKind::Conflict);
    for (words, expected) in [
        ("The file has changed since you started editing it: b.yml", ErrorKind::Conflict),
        ("A file with this name already exists", ErrorKind::Conflict),
        ("A file with this name doesn't exist", ErrorKind::Conflict),
        ("You are not allowed to push into this branch", ErrorKind::Refused),
    ] {
        server.add([branch('a'), on("POST", COMMITS, 400, json!({ "message": words }))]);
        assert_eq!(kind(gitlab.commit_files(REPO, &new(false)).await), expected, "{words}");
    }
    let exists = "A branch called 'topic' already exists. Switch to that branch in order to make changes";
    server.add([on("POST", COMMITS, 400, json!({ "message": exists }))]);
    assert_eq!(kind(gitlab.commit_files(REPO, &new(true)).await), ErrorKind::Conflict);
    server.finished();
}

#[tokio::test]
async fn the_ci_file_is_read_as_it_is() {
    let target = format!("/projects/7/repository/files/.gitlab-ci.yml/raw?ref={}", sha('a'));
    let server = Server::start([raw("GET", target, 200, b"jobs: 1\n".to_vec())]).await;
    let found = adapter(&server).ci_files(REPO, &sha('a'), 100).await.unwrap();
    assert_eq!(found, [(".gitlab-ci.yml".to_owned(), "jobs: 1\n".to_owned())].into());
    server.finished();
}

#[tokio::test]
async fn files_of_ours_that_the_ci_file_includes_are_read_with_it() {
    let file = |path: &str| format!("/projects/7/repository/files/{path}/raw?ref={}", sha('a'));
    let own = "include:\n  - local: \"/.gitlab/mergewright/iris.yml\"\n  - local: \"/.gitlab/mergewright/gone.yml\"\n  - \
               local: \"/ci/own.yml\"\n  - local: \"/.gitlab/mergewright/../../secret.yml\"\n";
    let server = Server::start([
        raw("GET", file(".gitlab-ci.yml"), 200, own.as_bytes().to_vec()),
        on("GET", file(".gitlab%2Fmergewright%2Fgone.yml"), 404, json!({ "message": "404 File Not Found" })),
        raw("GET", file(".gitlab%2Fmergewright%2Firis.yml"), 200, b"jobs: 1\n".to_vec()),
    ])
    .await;
    let found = adapter(&server).ci_files(REPO, &sha('a'), 1000).await.unwrap();
    let paths: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(paths, [".gitlab-ci.yml", ".gitlab/mergewright/iris.yml"]);
    server.finished();
}

#[tokio::test]
async fn merge_requests_of_a_branch_are_those_of_the_project_itself() {
    let one = |iid: u64, state: &str, project: u64| {
        json!({
            "iid": iid, "state": state, "author": user(5, "bot"), "source_project_id": project,
            "sha": sha('a'), "description": "words", "target_branch": "main",
        })
    };
    let list =
        "/projects/7/merge_requests?state=all&source_branch=a%2Fb&order_by=created_at&sort=desc&per_page=100";
    let found = json!([one(4, "opened", 9), one(3, "closed", 7), one(2, "opened", 7)]);
    let server = Server::start([on("GET", list, 200, found)]).await;
    let found = adapter(&server).merge_requests_from(REPO, "a/b").await.unwrap();
    let shown: Vec<_> =
        found.iter().map(|one| (one.id.number, one.open, one.author.login.as_str())).collect();
    assert_eq!(shown, [(3, false, "bot"), (2, true, "bot")]);
    assert_eq!((found[0].description.as_str(), &found[0].head), ("words", &Some(sha('a'))));
    server.finished();
}

#[tokio::test]
async fn a_second_merge_request_of_a_branch_is_a_conflict() {
    let new = NewMergeRequest {
        source: "topic".to_owned(),
        target: "main".to_owned(),
        title: "A title".to_owned(),
        description: "Words".to_owned(),
    };
    let twin = json!({ "message": ["Another open merge request already exists for this source branch: !3"] });
    let server = Server::start([
        on("POST", "/projects/7/merge_requests", 201, json!({ "iid": 8 })),
        on("POST", "/projects/7/merge_requests", 409, twin),
    ])
    .await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.open_merge_request(REPO, &new).await.unwrap().number, 8);
    assert_eq!(kind(gitlab.open_merge_request(REPO, &new).await), ErrorKind::Conflict);
    let body = server.finished()[0].json();
    assert_eq!((&body["source_branch"], &body["target_branch"]), (&json!("topic"), &json!("main")));
}
