//! What changed between commits, and who changed it.

use mergewright::domain::CommitAuthor;
use mergewright::forge::{ErrorKind, Forge as _};
use serde_json::{Value, json};

use super::{MR, REPO, adapter, pull, serve};
use crate::scripted::{Answer, kind, on, sha};

const FILES: &str = "/repos/acme/models/pulls/3/files?per_page=100";
const COMMITS: &str = "/repos/acme/models/pulls/3/commits?per_page=100";

fn file(name: &str) -> Value {
    json!({ "filename": name, "status": "modified" })
}

fn comparison(from: char, to: char, base: char, files: impl Into<Value>) -> Answer {
    let files = files.into();
    let target = format!("/repos/acme/models/compare/{}...{}?per_page=1", sha(from), sha(to));
    on(
        "GET",
        target,
        200,
        json!({ "merge_base_commit": { "sha": sha(base) }, "files": files, "commits": [] }),
    )
}

fn tree(of: char, entries: &[(&str, &str, char)], truncated: bool) -> Answer {
    let entries: Vec<_> = entries
        .iter()
        .map(|(path, mode, digit)| json!({ "path": path, "mode": mode, "type": "blob", "sha": sha(*digit) }))
        .chain([json!({ "path": "a", "mode": "040000", "type": "tree", "sha": sha(of) })])
        .collect();
    let target = format!("/repos/acme/models/git/trees/{}?recursive=1", sha(of));
    on("GET", target, 200, json!({ "sha": sha(of), "tree": entries, "truncated": truncated }))
}

#[tokio::test]
async fn changed_paths_hold_old_and_new_names_of_every_page() {
    let server = serve([]).await;
    let next = format!("<{}/api/v3{FILES}&page=2>; rel=\"next\"", server.url());
    let renamed = json!({ "filename": "new.py", "previous_filename": "old.py", "status": "renamed" });
    server.add([
        on("GET", FILES, 200, json!([file("a.py"), renamed])).header("link", next),
        on("GET", format!("{FILES}&page=2"), 200, json!([file("b.py")])),
    ]);
    let found = adapter(&server).changed_paths(MR).await.unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a.py", "b.py", "new.py", "old.py"]);
    server.finished();
}

#[tokio::test]
async fn more_files_than_github_lists_are_found_in_the_trees() {
    let listed: Vec<_> = (0..3000).map(|number| file(&format!("f{number}"))).collect();
    let server = serve([
        on("GET", FILES, 200, listed.clone()),
        on("GET", "/repos/acme/models/pulls/3", 200, pull(json!({}))),
        comparison('b', 'a', 'c', json!([])),
        tree('c', &[("a/x", "100644", '1'), ("a/y", "100644", '2'), ("a/z", "100644", '3')], false),
        tree('a', &[("a/x", "100644", '1'), ("a/y", "100755", '2'), ("a/w", "100644", '3')], false),
    ])
    .await;
    let found = adapter(&server).changed_paths(MR).await.unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a/w", "a/y", "a/z"], "modes count too");
    server.finished();
    let server = serve([
        on("GET", FILES, 200, listed),
        on("GET", "/repos/acme/models/pulls/3", 200, pull(json!({}))),
        comparison('b', 'a', 'c', json!([])),
        tree('c', &[], true),
    ])
    .await;
    let error = adapter(&server).changed_paths(MR).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "what is not known is not left out");
    assert!(error.external.contains("more files than GitHub lists"), "{}", error.external);
}

#[tokio::test]
async fn what_lies_between_two_commits_is_compared_directly() {
    let server = serve([comparison('b', 'a', 'b', json!([file("x")]))]).await;
    let github = adapter(&server);
    let between = async || github.paths_between(REPO, &sha('b'), &sha('a')).await;
    assert_eq!(between().await.unwrap().into_iter().collect::<Vec<_>>(), ["x"]);
    assert!(github.paths_between(REPO, &sha('b'), &sha('b')).await.unwrap().is_empty());
    let many: Vec<_> = (0..300).map(|number| file(&format!("f{number}"))).collect();
    for (base, files) in [('c', json!([file("x")])), ('b', json!(many)), ('b', Value::Null)] {
        server.add([
            comparison('b', 'a', base, files),
            tree('b', &[("q", "100644", '1')], false),
            tree('a', &[("q", "100644", '2')], false),
        ]);
        assert_eq!(between().await.unwrap().into_iter().collect::<Vec<_>>(), ["q"], "the trees tell");
    }
    server.finished();
}

fn author(login: Option<&str>, email: &str) -> CommitAuthor {
    CommitAuthor { login: login.map(str::to_owned), email: email.to_owned() }
}

#[tokio::test]
async fn authors_are_told_by_login_with_committers_and_co_authors() {
    let server = serve([]).await;
    let host = server.url().replace("http://", "").split(':').next().unwrap().to_owned();
    let commit = |email: &str, account: Value, committer: Value, message: &str| {
        json!({ "sha": sha('a'), "author": account, "committer": committer, "commit": {
            "author": { "email": email }, "committer": { "email": "noreply@github.com" }, "message": message,
        } })
    };
    let web_flow = json!({ "login": "web-flow", "id": 1 });
    let message =
        format!("Fix\n\nCo-authored-by: Cat <cat@x.org>\nCo-authored-by: Dan <4+dan@users.noreply.{host}>");
    server.add([on(
        "GET",
        COMMITS,
        200,
        json!([
            commit("Ann@X.org", json!({ "login": "ann", "id": 5 }), web_flow.clone(), &message),
            commit("unknown@x.org", Value::Null, web_flow.clone(), ""),
            commit("odd@x.org", json!({}), web_flow.clone(), ""),
            commit("noreply@github.com", web_flow.clone(), web_flow, ""),
            commit("ann@x.org", json!({ "login": "ann" }), json!({ "login": "eve" }), ""),
        ]),
    )]);
    let found = adapter(&server).commit_authors(MR).await.unwrap();
    let expected = [
        author(None, "cat@x.org"),
        author(None, "odd@x.org"),
        author(None, "unknown@x.org"),
        author(Some("ann"), "ann@x.org"),
        author(Some("dan"), &format!("4+dan@users.noreply.{host}")),
        author(Some("eve"), "noreply@github.com"),
        // GitHub signs what it commits; who signs as it hides who wrote it, and is named.
        author(Some("web-flow"), "noreply@github.com"),
    ];
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    server.finished();
}

#[tokio::test]
async fn more_commits_than_github_lists_are_found_by_comparing() {
    let one =
        json!({ "sha": sha('a'), "author": { "login": "ann" }, "commit": { "author": { "email": "a@x" } } });
    let other =
        json!({ "sha": sha('c'), "author": { "login": "bob" }, "commit": { "author": { "email": "b@x" } } });
    let compare = format!("/repos/acme/models/compare/{}...{}?per_page=100", sha('b'), sha('a'));
    let page = |commits: Value| json!({ "merge_base_commit": { "sha": sha('b') }, "commits": commits });
    let server = serve([]).await;
    let next = format!("<{}/api/v3{compare}&page=2>; rel=\"next\"", server.url());
    server.add([
        on("GET", COMMITS, 200, vec![one.clone(); 250]),
        on("GET", "/repos/acme/models/pulls/3", 200, pull(json!({}))),
        on("GET", compare.clone(), 200, page(json!([one]))).header("link", next),
        on("GET", format!("{compare}&page=2"), 200, page(json!([other]))),
    ]);
    let found = adapter(&server).commit_authors(MR).await.unwrap();
    let logins: Vec<_> = found.iter().filter_map(|author| author.login.as_deref()).collect();
    assert_eq!(logins, ["ann", "bob"]);
    server.finished();
}

#[tokio::test]
async fn a_branch_is_read_by_its_exact_name_and_parents_once() {
    let branch = |name: &str| json!({ "ref": format!("refs/heads/{name}"), "object": { "sha": sha('b'), "type": "commit" } });
    let server = serve([
        on("GET", "/repos/acme/models/git/ref/heads/feature/a%23b", 200, branch("feature/a#b")),
        on("GET", "/repos/acme/models/git/ref/heads/none", 404, json!({ "message": "Not Found" })),
        on(
            "GET",
            format!("/repos/acme/models/git/commits/{}", sha('d')),
            200,
            json!({ "parents": [{ "sha": sha('1') }, { "sha": sha('2') }] }),
        ),
    ])
    .await;
    let github = adapter(&server);
    assert_eq!(github.branch_head(REPO, "feature/a#b").await.unwrap(), sha('b'));
    assert_eq!(kind(github.branch_head(REPO, "none").await), ErrorKind::Gone);
    for _ in 0..2 {
        assert_eq!(github.parents(REPO, &sha('d')).await.unwrap(), [sha('1'), sha('2')]);
    }
    server.finished();
}
