//! What is read, how it is asked for, and what it becomes.

use std::collections::BTreeSet;
use std::sync::Arc;

use mergewright::domain::{
    CommentId, MergeRequestStatus, Mergeability, Permission, Standing, Timestamp, User, UserId,
};
use mergewright::forge::{ErrorKind, Forge as _, GitHub};
use serde_json::{Value, json};

use super::{MR, REPO, TOKEN, adapter, config, named, pull, repository, run, runs_of_head, serve, user};
use crate::scripted::{Answer, Hand, Server, kind, on, raw, sha};

const PULL: &str = "/repos/acme/models/pulls/3";

fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn who_we_are_is_asked_once_with_token_name_and_version_of_the_api() {
    let answer = json!({ "id": 9, "login": "mergewright[bot]", "type": "Bot" });
    let server = Server::start([on("GET", "/user", 200, answer)]).await;
    let github = adapter(&server);
    let expected = User { id: UserId(9), login: "mergewright[bot]".to_owned(), bot: true };
    assert_eq!(github.whoami().await.unwrap(), expected);
    assert_eq!(github.whoami().await.unwrap(), expected);
    let asked = server.only();
    assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(asked.header("user-agent"), Some(concat!("mergewright/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(asked.header("x-github-api-version"), Some("2022-11-28"));
    assert!(!format!("{github:?}").contains(TOKEN), "the adapter prints its token");
}

#[tokio::test]
async fn a_repository_is_read_by_number_and_needs_a_branch() {
    let server =
        serve([on("GET", "/repositories/7", 200, repository(json!({ "default_branch": null })))]).await;
    let github = adapter(&server);
    let found = github.repository(REPO).await.unwrap();
    assert_eq!((found.path.as_str(), found.default_branch.as_str(), found.id), ("acme/models", "main", REPO));
    let error = github.repository(REPO).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("default branch"), "{}", error.external);
    server.finished();
}

#[tokio::test]
async fn an_open_pull_request_tells_its_head_and_since_when() {
    let runs = json!([
        run(41, json!({ "created_at": "2015-05-17T18:08:09Z" })),
        run(
            42,
            json!({ "event": "workflow_dispatch", "created_at": "2020-01-01T00:00:00Z", "display_title": "mergewright run - x - - -" })
        ),
    ]);
    let fork = json!({ "draft": true, "mergeable_state": "draft", "head": { "ref": "t", "sha": sha('a'), "repo": { "id": 8 } } });
    let server =
        serve([on("GET", PULL, 200, pull(json!({}))), on("GET", PULL, 200, pull(fork)), runs_of_head(runs)])
            .await;
    let github = adapter(&server);
    let found = github.merge_request(MR).await.unwrap();
    assert_eq!(found.head, sha('a'));
    assert_eq!(found.author, User { id: UserId(5), login: "ann".to_owned(), bot: false });
    assert_eq!((found.draft, found.from_fork, found.status), (false, false, MergeRequestStatus::Open));
    assert_eq!((found.source_branch.as_str(), found.target_branch.as_str()), ("topic", "main"));
    assert_eq!(found.mergeability, Mergeability::Mergeable);
    let again = github.merge_request(MR).await.unwrap();
    assert!(again.draft && again.from_fork);
    assert_eq!(again.mergeability, Mergeability::Blocked("draft".to_owned()));
    let since = github.head_since(MR, &found.head).await.unwrap();
    assert_eq!(since, Some(Timestamp(1_431_886_089_000)), "a dispatch is no new head");
    let again = github.head_since(MR, &found.head).await.unwrap();
    assert_eq!(again, since, "not asked again while the head stays");
    server.finished();
}

#[tokio::test]
async fn a_pull_request_of_a_deleted_fork_and_author_with_nothing_computed_yet_is_still_read() {
    let instead = json!({
        "user": null, "head": { "ref": "t", "sha": sha('a'), "repo": null }, "mergeable": null, "mergeable_state": "unknown",
    });
    let server = serve([on("GET", PULL, 200, pull(instead)), runs_of_head(json!([]))]).await;
    let github = adapter(&server);
    let found = github.merge_request(MR).await.unwrap();
    assert!(found.from_fork);
    assert_eq!(found.author, User { id: UserId(0), login: "ghost".to_owned(), bot: false });
    assert_eq!(found.mergeability, Mergeability::Unknown);
    assert_eq!(github.head_since(MR, &found.head).await.unwrap(), None);
}

#[tokio::test]
async fn merged_closed_and_conflicting_are_told_apart() {
    let merged = json!({ "state": "closed", "merged": true, "merge_commit_sha": sha('d'), "merged_by": user(6, "bob"), "commits": 3 });
    let server = serve([
        on("GET", PULL, 200, pull(merged)),
        on("GET", PULL, 200, pull(json!({ "state": "closed" }))),
        on("GET", PULL, 200, pull(json!({ "state": "closed", "merged": true, "merge_commit_sha": null }))),
        on("GET", PULL, 200, pull(json!({ "mergeable": false, "mergeable_state": "dirty" }))),
    ])
    .await;
    let github = adapter(&server);
    let by = Some(User { id: UserId(6), login: "bob".to_owned(), bot: false });
    let merged = github.merge_request(MR).await.unwrap();
    assert_eq!(merged.status, MergeRequestStatus::Merged { commit: sha('d'), by });
    assert_eq!((merged.commits, merged.old_target), (Some(3), Some(sha('b'))));
    let closed = github.merge_request(MR).await.unwrap();
    assert_eq!(closed.status, MergeRequestStatus::Closed, "the trial merge's commit does not count");
    assert_eq!(kind(github.merge_request(MR).await), ErrorKind::Refused);
    let dirty = github.merge_request(MR).await.unwrap();
    assert_eq!(dirty.mergeability, Mergeability::Blocked("dirty".to_owned()));
    server.finished();
}

#[tokio::test]
async fn a_name_that_now_belongs_to_another_repository_is_found_out() {
    let others =
        json!({ "base": { "ref": "main", "sha": sha('b'), "repo": { "id": 8 } }, "state": "closed" });
    let server = serve([
        on("GET", PULL, 200, pull(others.clone())),
        on("GET", "/repositories/7", 200, repository(json!({ "full_name": "acme/renamed" }))),
        on("GET", "/repos/acme/renamed/pulls/3", 200, pull(json!({ "state": "closed" }))),
    ])
    .await;
    assert_eq!(adapter(&server).merge_request(MR).await.unwrap().status, MergeRequestStatus::Closed);
    server.finished();
    let server =
        serve([on("GET", PULL, 200, pull(others.clone())), named(), on("GET", PULL, 200, pull(others))])
            .await;
    assert_eq!(kind(adapter(&server).merge_request(MR).await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn a_file_is_raw_bytes_or_absent_and_a_folder_is_no_file() {
    let file = format!("/repos/acme/models/contents/models/a%20b%23.yml?ref={}", sha('a'));
    let raw_form = "application/vnd.github.raw+json; charset=utf-8";
    let missing = |path: &str| {
        on(
            "GET",
            format!("/repos/acme/models/contents/{path}?ref={}", sha('a')),
            404,
            json!({ "message": "Not Found" }),
        )
    };
    let commit = format!("/repos/acme/models/git/commits/{}", sha('a'));
    let server = serve([
        raw("GET", file.clone(), 200, vec![0, 159, 146, 150]).header("content-type", raw_form),
        missing("none.yml"),
        on("GET", commit, 200, json!({ "parents": [] })),
        on("GET", format!("/repos/acme/models/contents/models?ref={}", sha('a')), 200, json!([])),
        raw("GET", file, 200, "12345").header("content-type", raw_form),
    ])
    .await;
    let github = adapter(&server);
    let read = async |path: &str, limit| github.file(REPO, path, &sha('a'), limit).await;
    assert_eq!(read("models/a b#.yml", 4).await.unwrap(), Some(vec![0, 159, 146, 150]));
    assert_eq!(read("none.yml", 4).await.unwrap(), None);
    assert_eq!(read("models", 4).await.unwrap(), None);
    assert_eq!(read("../etc/passwd", 4).await.unwrap(), None);
    let error = read("models/a b#.yml", 4).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("larger than 4 bytes") && error.external.contains("a b#.yml"), "{error}");
    let asked = server.finished();
    assert_eq!(asked[1].header("accept"), Some("application/vnd.github.raw+json"));
}

#[tokio::test]
async fn a_file_of_a_commit_that_is_not_known_is_not_absent() {
    let missing = json!({ "message": "No commit found for the ref" });
    let server = serve([
        on("GET", format!("/repos/acme/models/contents/x?ref={}", sha('a')), 404, missing.clone()),
        on("GET", format!("/repos/acme/models/git/commits/{}", sha('a')), 404, missing),
    ])
    .await;
    assert_eq!(kind(adapter(&server).file(REPO, "x", &sha('a'), 4).await), ErrorKind::Gone);
    server.finished();
}

#[tokio::test]
async fn an_object_is_named_by_the_folder_above_it() {
    let listed = |path: &str, answer: Value| {
        on("GET", format!("/repos/acme/models/contents/{path}?ref={}", sha('a')), 200, answer)
    };
    let entry = |path: &str| json!({ "path": path, "type": "file", "sha": sha('3') });
    let below = |path: &str, kind: &str, digit: char| json!({ "path": path, "mode": "100644", "type": kind, "sha": sha(digit) });
    let tree = |of: char, entries: Value, truncated: bool| {
        let answer = json!({ "sha": sha(of), "tree": entries, "truncated": truncated });
        on("GET", format!("/repos/acme/models/git/trees/{}", sha(of)), 200, answer)
    };
    let root = || tree('a', json!([below("data", "tree", '1'), below("x", "blob", '2')]), false);
    let data = |truncated| tree('1', json!([below("holdout.csv", "blob", '3')]), truncated);
    let many: Vec<_> = (0..1000).map(|number| entry(&format!("data/{number}"))).collect();
    let server = serve([
        listed("data", json!([entry("data/holdout.csv")])),
        root(),
        listed("data", json!([entry("data/holdout.csv")])),
        listed("x", json!({ "path": "x", "type": "file" })),
        listed("data", many.into()),
        root(),
        data(true),
    ])
    .await;
    let github = adapter(&server);
    let object = async |path: &str| github.object(REPO, path, &sha('a')).await;
    assert_eq!(object("./data/holdout.csv").await.unwrap(), Some(sha('3')));
    assert_eq!(object("data/").await.unwrap(), Some(sha('1')));
    assert_eq!(object("data/none").await.unwrap(), None);
    assert_eq!(object("x/y").await.unwrap(), None, "a file holds nothing");
    assert_eq!(kind(object("data/none").await), ErrorKind::Refused, "GitHub did not list all");
    assert_eq!(kind(object(".").await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn comments_are_listed_to_the_end_and_one_of_another_place_is_not_there() {
    let comment = |id: u64, issue: u64, author: Value| {
        json!({ "id": id, "user": author, "body": format!("c{id}"), "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:01Z", "issue_url": format!("http://gh/repos/acme/models/issues/{issue}") })
    };
    let list = "/repos/acme/models/issues/3/comments?per_page=100";
    let one = |id: u64| format!("/repos/acme/models/issues/comments/{id}");
    let server = serve([]).await;
    let next = format!("<{}/api/v3{list}&page=2>; rel=\"next\", <{0}/x>; rel=\"last\"", server.url());
    server.add([
        on("GET", list, 200, json!([comment(1, 3, user(6, "bob")), comment(2, 3, Value::Null)]))
            .header("link", next),
        on(
            "GET",
            format!("{list}&page=2"),
            200,
            json!([comment(4, 3, json!({ "id": 1, "login": "ci[bot]", "type": "Bot" }))]),
        ),
        on("GET", one(1), 200, comment(1, 3, user(6, "bob"))),
        on("GET", one(5), 200, comment(5, 13, user(6, "bob"))),
        on("GET", one(6), 404, json!({ "message": "Not Found" })),
    ]);
    let github = adapter(&server);
    let found = github.comments(MR).await.unwrap();
    let seen: Vec<_> = found.iter().map(|one| (one.id, one.author.login.as_str(), one.author.bot)).collect();
    assert_eq!(
        seen,
        [(CommentId(1), "bob", false), (CommentId(2), "ghost", false), (CommentId(4), "ci[bot]", true)]
    );
    let read = github.comment(MR, CommentId(1)).await.unwrap().unwrap();
    assert_eq!((read.body.as_str(), read.updated_at.since(read.created_at).as_secs()), ("c1", 1));
    assert_eq!(github.comment(MR, CommentId(5)).await.unwrap(), None, "it stands under another number");
    assert_eq!(github.comment(MR, CommentId(6)).await.unwrap(), None);
    server.finished();
}

#[tokio::test]
async fn the_newest_verdict_of_each_reviewer_counts() {
    let review = |id: u64, state: &str, digit: char| json!({ "user": user(id, "r"), "state": state, "commit_id": sha(digit), "submitted_at": "2015-05-17T18:08:09Z" });
    let all = json!([
        review(1, "APPROVED", 'b'),
        review(2, "APPROVED", 'a'),
        review(3, "CHANGES_REQUESTED", 'a'),
        review(1, "APPROVED", 'a'),
        review(1, "COMMENTED", 'a'),
        review(2, "DISMISSED", 'a'),
        review(3, "APPROVED", 'a'),
        review(3, "PENDING", 'a'),
        review(4, "APPROVED", 'a'),
        review(4, "CHANGES_REQUESTED", 'a'),
        { "user": null, "state": "APPROVED" },
    ]);
    let server = serve([on("GET", "/repos/acme/models/pulls/3/reviews?per_page=100", 200, all)]).await;
    let found = adapter(&server).reviews(MR, &[]).await.unwrap();
    let against: Vec<_> = found.changes_requested.iter().map(|by| by.id).collect();
    assert_eq!(against, [UserId(4)], "the newest word of the fourth");
    let seen: Vec<_> = found.approvals.iter().map(|one| (one.by.id, one.sha.clone(), one.at)).collect();
    let at = Some(Timestamp(1_431_886_089_000));
    assert_eq!(seen, [(UserId(1), Some(sha('a')), at), (UserId(3), Some(sha('a')), at)]);
}

fn rights(permission: &str, role: &str, id: u64) -> Answer {
    let answer = json!({ "permission": permission, "role_name": role, "user": user(id, "Bob") });
    on("GET", "/repos/acme/models/collaborators/Bob/permission", 200, answer)
}

#[tokio::test]
async fn rights_are_asked_for_under_the_present_login_with_role_and_teams() {
    let bob = json!({ "id": 6, "login": "Bob", "type": "User", "email": "Bob@Acme.example" });
    let team = |slug: &str, status: u16, answer: Value| {
        on("GET", format!("/orgs/acme/teams/{slug}/memberships/Bob"), status, answer)
    };
    let server = serve([
        on("GET", "/user/6", 200, bob),
        rights("write", "maintain", 6),
        team("ml-owners", 200, json!({ "state": "active", "role": "member" })),
        team("invited", 200, json!({ "state": "pending", "role": "member" })),
        team("others", 404, json!({ "message": "Not Found" })),
    ])
    .await;
    let host = server.url().replace("http://", "").split(':').next().unwrap().to_owned();
    let teams = ["acme/ml-owners", "@acme/invited", "acme/others", "no-team"].map(str::to_owned);
    let found = adapter(&server).standing(REPO, UserId(6), &teams).await.unwrap();
    let emails = [
        "bob@acme.example".to_owned(),
        format!("bob@users.noreply.{host}"),
        format!("6+bob@users.noreply.{host}"),
    ];
    let expected = Standing::Known {
        permission: Permission::Maintain,
        teams: set(["acme/ml-owners"]),
        emails: emails.into(),
    };
    assert_eq!(found, expected);
    server.finished();
}

#[tokio::test]
async fn nobody_and_the_suspended_have_no_rights_and_a_failed_lookup_is_no_answer() {
    let missing = || json!({ "message": "Not Found" });
    let server = serve([
        on("GET", "/user/6", 404, missing()),
        on("GET", "/user/6", 200, json!({ "id": 6, "login": "Bob", "suspended_at": "2026-01-01T00:00:00Z" })),
        on("GET", "/user/6", 200, user(6, "Bob")),
        on("GET", "/repos/acme/models/collaborators/Bob/permission", 404, missing()),
    ])
    .await;
    let github = adapter(&server);
    for _ in 0..3 {
        let found = github.standing(REPO, UserId(6), &[]).await.unwrap();
        assert!(matches!(found, Standing::Known { permission: Permission::None, .. }), "{found:?}");
    }
    for (answers, expected) in [
        (vec![on("GET", "/user/6", 500, json!({}))], ErrorKind::Retry { after: None }),
        (vec![on("GET", "/user/6", 200, user(8, "Bob"))], ErrorKind::Refused),
        (
            vec![on("GET", "/user/6", 200, user(6, "Bob")), rights("admin", "admin", 8)],
            ErrorKind::Retry { after: None },
        ),
        (
            vec![
                on("GET", "/user/6", 200, user(6, "Bob")),
                rights("read", "read", 6),
                on(
                    "GET",
                    "/orgs/acme/teams/x/memberships/Bob",
                    403,
                    json!({ "message": "Must have admin rights" }),
                ),
            ],
            ErrorKind::Refused,
        ),
    ] {
        server.add(answers);
        assert_eq!(kind(github.standing(REPO, UserId(6), &["acme/x".to_owned()]).await), expected);
    }
    server.finished();
}

#[tokio::test]
async fn tags_of_a_model_are_listed_and_followed_to_their_commits_once() {
    let reference = |name: &str, kind: &str, digit: char| json!({ "ref": format!("refs/tags/{name}"), "object": { "sha": sha(digit), "type": kind } });
    let object = |of: char, kind: &str, to: char, message: &str| {
        let answer = json!({ "sha": sha(of), "tag": "x", "message": message, "object": { "sha": sha(to), "type": kind } });
        on("GET", format!("/repos/acme/models/git/tags/{}", sha(of)), 200, answer)
    };
    let list = "/repos/acme/models/git/matching-refs/tags/iris%40";
    let all = json!([
        reference("iris@v1.0.0", "tag", '1'),
        reference("iris@v2.0.0", "commit", 'c'),
        reference("iris@nested", "tag", '2'),
        reference("iris@tree", "tree", '4'),
    ]);
    let server = serve([
        on("GET", list, 200, all.clone()),
        object('1', "commit", 'c', "{}"),
        object('2', "tag", '3', "outer"),
        object('3', "commit", 'd', "inner"),
        on("GET", list, 200, all),
        on("GET", "/repos/acme/models/git/ref/tags/iris%40v1.0.0", 200, reference("iris@v1.0.0", "tag", '1')),
        on("GET", "/repos/acme/models/git/ref/tags/iris%40v3.0.0", 404, json!({ "message": "Not Found" })),
        on("GET", "/repos/acme/models/git/ref/tags/iris%40v4", 200, reference("iris@v4.0.0", "tag", '1')),
    ])
    .await;
    let github = adapter(&server);
    let tags = github.tags(REPO, "iris@").await.unwrap();
    let seen: Vec<_> =
        tags.iter().map(|tag| (tag.name.as_str(), &tag.commit, tag.message.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("iris@v1.0.0", &sha('c'), "{}"),
            ("iris@v2.0.0", &sha('c'), ""),
            ("iris@nested", &sha('d'), "outer")
        ]
    );
    assert_eq!(github.tags(REPO, "iris@").await.unwrap(), tags, "objects are not read again");
    assert_eq!(github.tag(REPO, "iris@v1.0.0").await.unwrap().unwrap(), tags[0]);
    assert_eq!(github.tag(REPO, "iris@v3.0.0").await.unwrap(), None);
    assert_eq!(github.tag(REPO, "iris@v4").await.unwrap(), None, "that is the name of another");
    server.finished();
}

#[tokio::test]
async fn a_github_without_a_path_of_its_own_is_asked_at_its_root() {
    let server = Server::start([on("GET", "/user", 200, user(9, "bot")), named()]).await;
    let mut plain = config(&server.url());
    plain.api_url = format!("{}/", server.url());
    plain.upload_url = server.url();
    let github = GitHub::new(&plain, Arc::new(Hand::default())).unwrap();
    github.whoami().await.unwrap();
    github.repository(REPO).await.unwrap();
    let asked = server.finished();
    assert!(asked.iter().all(|one| one.header("authorization").is_some()));
}
