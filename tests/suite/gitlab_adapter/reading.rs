//! What is read, how it is asked for, and what it becomes.

use std::collections::BTreeSet;

use mergewright::domain::{
    CommentId, MergeRequestStatus, Mergeability, Permission, Standing, Timestamp, User, UserId,
};
use mergewright::forge::{ErrorKind, Forge as _};
use serde_json::json;

use super::{MR, REPO, TOKEN, adapter, commit, merge_request, user};
use crate::scripted::{Server, kind, on, raw, sha};

fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn who_we_are_is_asked_once_with_token_and_name() {
    let answer = json!({ "id": 9, "username": "project_7_bot_x", "bot": true });
    let server = Server::start([on("GET", "/user", 200, answer)]).await;
    let gitlab = adapter(&server);
    let expected = User { id: UserId(9), login: "project_7_bot_x".to_owned(), bot: true };
    assert_eq!(gitlab.whoami().await.unwrap(), expected);
    assert_eq!(gitlab.whoami().await.unwrap(), expected);
    let asked = server.only();
    assert_eq!(asked.header("private-token"), Some(TOKEN));
    assert_eq!(asked.header("user-agent"), Some(concat!("mergewright/", env!("CARGO_PKG_VERSION"))));
    assert!(!format!("{gitlab:?}").contains(TOKEN), "the adapter prints its token");
}

#[tokio::test]
async fn a_project_is_read_by_number_and_needs_a_branch() {
    let project = |branch: Option<&str>| json!({ "id": 7, "path_with_namespace": "g/s/p", "default_branch": branch, "web_url": "http://gl/g/s/p", "new_field": [1] });
    let server = Server::start([on("GET", "/projects/7", 200, project(Some("main")))]).await;
    let gitlab = adapter(&server);
    let found = gitlab.repository(REPO).await.unwrap();
    assert_eq!((found.path.as_str(), found.default_branch.as_str(), found.id), ("g/s/p", "main", REPO));
    server.add([on("GET", "/projects/7", 200, project(None))]);
    let error = gitlab.repository(REPO).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("default branch"), "{}", error.external);
    server.finished();
}

#[tokio::test]
async fn a_project_is_found_by_its_path_or_is_not_there() {
    let server = Server::start([
        on("GET", "/projects/g%2Fs%2Fp.q", 200, json!({ "id": 7, "path_with_namespace": "g/s/p.q" })),
        on("GET", "/projects/g%2Fnone", 404, json!({ "message": "404 Project Not Found" })),
        on("GET", "/projects/g%2Fnone", 403, json!({ "message": "403 Forbidden" })),
    ])
    .await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.repository_at("g/s/p.q").await.unwrap(), Some(REPO));
    assert_eq!(gitlab.repository_at("g/none").await.unwrap(), None);
    assert_eq!(kind(gitlab.repository_at("g/none").await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn what_changed_is_listed_in_an_order_that_changes_do_not_disturb() {
    let list = "/projects/7/merge_requests?state=all&updated_after=2023-11-14T22%3A13%3A20Z&order_by=created_at&sort=asc&per_page=100";
    let at = "2023-11-14T22:14:00.000Z";
    let listed = json!([
        { "iid": 3, "state": "opened", "sha": sha('a'), "target_branch": "main", "updated_at": at },
        { "iid": 4, "state": "locked", "sha": null, "target_branch": "main", "updated_at": at },
        { "iid": 5, "state": "merged", "sha": sha('b'), "target_branch": "next", "updated_at": at },
        { "iid": 6, "state": "closed", "sha": sha('c'), "target_branch": "main", "updated_at": at },
    ]);
    let server = Server::start([on("GET", list, 200, listed)]).await;
    let found = adapter(&server).changed_merge_requests(REPO, Timestamp(1_700_000_000_000)).await.unwrap();
    let seen: Vec<_> = found.iter().map(|one| (one.id.number, one.open, one.head.clone())).collect();
    assert_eq!(
        seen,
        [(3, true, Some(sha('a'))), (4, true, None), (5, false, Some(sha('b'))), (6, false, Some(sha('c')))]
    );
    assert_eq!(found[2].target_branch, "next");
    assert!(found.iter().all(|one| one.updated_at == Timestamp(1_700_000_040_000)));
    server.only();
}

#[tokio::test]
async fn an_open_merge_request_tells_its_head_and_since_when() {
    let versions = json!([{ "id": 2, "created_at": "2015-05-17 18:08:09 UTC" }]);
    let server = Server::start([
        on("GET", "/projects/7/merge_requests/3", 200, merge_request(json!({}))),
        on(
            "GET",
            "/projects/7/merge_requests/3",
            200,
            merge_request(
                json!({ "draft": true, "source_project_id": 8, "detailed_merge_status": "draft_status" }),
            ),
        ),
        on("GET", "/projects/7/merge_requests/3/versions?per_page=1", 200, versions),
    ])
    .await;
    let gitlab = adapter(&server);
    let found = gitlab.merge_request(MR).await.unwrap();
    assert_eq!(found.head, sha('a'));
    assert_eq!(found.author, User { id: UserId(5), login: "ann".to_owned(), bot: false });
    assert_eq!((found.draft, found.from_fork, found.status), (false, false, MergeRequestStatus::Open));
    assert_eq!(found.mergeability, Mergeability::Mergeable);
    let again = gitlab.merge_request(MR).await.unwrap();
    assert!(again.draft && again.from_fork);
    assert_eq!(again.mergeability, Mergeability::Blocked("draft_status".to_owned()));
    let since = gitlab.head_since(MR, &found.head).await.unwrap();
    assert_eq!(since, Some(Timestamp(1_431_886_089_000)));
    let again = gitlab.head_since(MR, &found.head).await.unwrap();
    assert_eq!(again, since, "not asked again while the head stays");
    server.finished();
}

#[tokio::test]
async fn a_moved_head_is_asked_since_when() {
    let versions = "/projects/7/merge_requests/3/versions?per_page=1";
    let version = |at: &str| on("GET", versions, 200, json!([{ "created_at": at }]));
    let of_head = |head: char, at: &str| {
        on("GET", versions, 200, json!([{ "head_commit_sha": sha(head), "created_at": at }]))
    };
    let server = Server::start([
        version("2026-01-01T00:00:00Z"),
        version("2026-01-02T00:00:00Z"),
        of_head('c', "2026-01-02T00:00:00Z"),
        of_head('e', "2026-01-03T00:00:00Z"),
    ])
    .await;
    let gitlab = adapter(&server);
    let since = async |head: char| gitlab.head_since(MR, &sha(head)).await.unwrap();
    assert_eq!(since('a').await, Timestamp::parse("2026-01-01T00:00:00Z"));
    assert_eq!(since('c').await, Timestamp::parse("2026-01-02T00:00:00Z"));
    assert_eq!(since('e').await, None, "the version of the old head says nothing about the new one");
    assert_eq!(since('e').await, Timestamp::parse("2026-01-03T00:00:00Z"));
    server.finished();
}

#[tokio::test]
async fn the_merged_commit_is_merge_squash_or_head() {
    for (instead, expected) in [
        (json!({ "merge_commit_sha": sha('d'), "squash_commit_sha": sha('e') }), 'd'),
        (json!({ "squash_commit_sha": sha('e') }), 'e'),
        (json!({}), 'a'),
    ] {
        let mut instead = instead;
        instead["state"] = json!("merged");
        instead["merge_user"] = user(6, "bob");
        let server =
            Server::start([on("GET", "/projects/7/merge_requests/3", 200, merge_request(instead))]).await;
        let found = adapter(&server).merge_request(MR).await.unwrap();
        let by = Some(User { id: UserId(6), login: "bob".to_owned(), bot: false });
        assert_eq!(found.status, MergeRequestStatus::Merged { commit: sha(expected), by });
        assert_eq!(found.old_target, Some(sha('b')), "where its commits begin");
    }
}

#[tokio::test]
async fn changed_paths_are_old_and_new_names_of_all_pages() {
    let first = json!([{ "old_path": "a", "new_path": "b" }]);
    let second = json!([{ "old_path": "c", "new_path": "c" }]);
    let server = Server::start([
        on("GET", "/projects/7/merge_requests/3", 200, merge_request(json!({}))),
        on("GET", "/projects/7/merge_requests/3/diffs?per_page=100", 200, first).header("x-next-page", "2"),
        on("GET", "/projects/7/merge_requests/3/diffs?per_page=100&page=2", 200, second),
    ])
    .await;
    assert_eq!(adapter(&server).changed_paths(MR).await.unwrap(), set(["a", "b", "c"]));
    server.finished();
}

#[tokio::test]
async fn where_gitlab_cuts_the_list_of_changes_the_trees_are_compared() {
    let blob = |path: &str, id: char| json!({ "id": sha(id), "name": path, "path": path, "type": "blob", "mode": "100644" });
    let tree =
        |at| format!("/projects/7/repository/tree?ref={at}&recursive=true&pagination=keyset&per_page=100");
    let folder = json!({ "id": sha('9'), "name": "d", "path": "d", "type": "tree", "mode": "040000" });
    let base = json!([folder, blob("same", '1'), blob("gone", '2'), blob("changed", '3')]);
    let head = json!([blob("same", '1'), blob("changed", '4'), blob("new", '5')]);
    let server = Server::start([
        on("GET", "/projects/7/merge_requests/3", 200, merge_request(json!({ "changes_count": "1000+" }))),
        on("GET", tree(sha('b')), 200, base),
        on("GET", tree(sha('a')), 200, head),
    ])
    .await;
    assert_eq!(adapter(&server).changed_paths(MR).await.unwrap(), set(["changed", "gone", "new"]));
    server.finished();
}

#[tokio::test]
async fn two_commits_are_compared_directly() {
    let target = format!("/projects/7/repository/compare?from={}&to={}&straight=true", sha('a'), sha('b'));
    let diffs = json!({ "compare_timeout": false, "diffs": [{ "old_path": "x", "new_path": "y" }] });
    let server = Server::start([on("GET", target, 200, diffs)]).await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.paths_between(REPO, &sha('a'), &sha('b')).await.unwrap(), set(["x", "y"]));
    assert_eq!(gitlab.paths_between(REPO, &sha('a'), &sha('a')).await.unwrap(), set([]));
    server.only();
}

#[tokio::test]
async fn authors_committers_and_co_authors_are_all_named() {
    let commits = json!([{ "id": sha('a'), "author_email": "Ann@X.org", "committer_email": "ci@x.org",
        "message": "Fix\n\nCo-authored-by: Bob <BOB@x.org>" }]);
    let server =
        Server::start([on("GET", "/projects/7/merge_requests/3/commits?per_page=100", 200, commits)]).await;
    let authors = adapter(&server).commit_authors(MR).await.unwrap();
    let emails: Vec<_> = authors.iter().map(|author| author.email.as_str()).collect();
    assert_eq!(emails, ["ann@x.org", "bob@x.org", "ci@x.org"]);
    assert!(authors.iter().all(|author| author.login.is_none()));
}

#[tokio::test]
async fn a_branch_is_found_by_its_exact_name_and_no_tag_stands_in_its_way() {
    let branch = |name: &str, digit: char| json!({ "name": name, "commit": commit(digit) });
    let list = "/projects/7/repository/branches?search=%5Efeature%2Fa%23b&per_page=100";
    let near = json!([branch("feature/a#b-2", 'd')]);
    let server = Server::start([
        on("GET", list, 200, near.clone()).header("x-next-page", "2"),
        on("GET", format!("{list}&page=2"), 200, json!([branch("feature/a#b", 'c')]))
            .header("x-next-page", "3"),
        on("GET", list, 200, near),
        on("GET", list, 404, json!({ "message": "404 Project Not Found" })),
    ])
    .await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.branch_head(REPO, "feature/a#b").await.unwrap(), sha('c'));
    assert_eq!(kind(gitlab.branch_head(REPO, "feature/a#b").await), ErrorKind::Gone);
    assert_eq!(kind(gitlab.branch_head(REPO, "feature/a#b").await), ErrorKind::Gone);
    server.finished();
}

#[tokio::test]
async fn parents_come_in_order_and_are_asked_once() {
    let target = format!("/projects/7/repository/commits/{}", sha('a'));
    let answer = json!({ "id": sha('a'), "parent_ids": [sha('2'), sha('1')] });
    let server = Server::start([on("GET", target, 200, answer)]).await;
    let gitlab = adapter(&server);
    for _ in 0..2 {
        assert_eq!(gitlab.parents(REPO, &sha('a')).await.unwrap(), [sha('2'), sha('1')]);
    }
    server.only();
}

#[tokio::test]
async fn a_file_is_its_bytes_or_absent_or_too_large() {
    let at = sha('a');
    let target = |path: &str| format!("/projects/7/repository/files/{path}/raw?ref={at}");
    let server = Server::start([
        raw("GET", target("models%2Firis%2Fa%20b.json"), 200, b"\0\xff{}".to_vec()),
        on("GET", target(".mergewright.yml"), 404, json!({ "message": "404 File Not Found" })),
        raw("GET", target("big"), 200, "12345"),
        raw("GET", target("fits"), 200, "1234"),
    ])
    .await;
    let gitlab = adapter(&server);
    let read = async |path: &str| gitlab.file(REPO, path, &at, 4).await;
    assert_eq!(read("./models/iris/a b.json").await.unwrap(), Some(b"\0\xff{}".to_vec()));
    assert_eq!(read(".mergewright.yml").await.unwrap(), None);
    assert_eq!(read("../outside").await.unwrap(), None, "not even asked");
    assert_eq!(read("fits").await.unwrap(), Some(b"1234".to_vec()));
    let error = read("big").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(
        error.external.contains("`big`") && error.external.contains("larger than 4 bytes"),
        "{}",
        error.external
    );
    server.finished();
}

#[tokio::test]
async fn a_file_of_a_commit_that_gitlab_does_not_know_is_not_called_absent() {
    let at = sha('a');
    let commit = format!("/projects/7/repository/commits/{at}");
    let server = Server::start([
        on(
            "GET",
            format!("/projects/7/repository/files/x/raw?ref={at}"),
            404,
            json!({ "message": "404 Commit Not Found" }),
        ),
        on("GET", commit, 404, json!({ "message": "404 Commit Not Found" })),
    ])
    .await;
    assert_eq!(kind(adapter(&server).file(REPO, "x", &at, 10).await), ErrorKind::Gone);
    server.finished();
}

#[tokio::test]
async fn objects_are_found_as_files_and_as_folders() {
    let at = sha('a');
    let files = |path: &str| format!("/projects/7/repository/files/{path}?ref={at}");
    let tree =
        |inside: &str| format!("/projects/7/repository/tree?ref={at}{inside}&pagination=keyset&per_page=100");
    let entry = |name: &str, id: char| json!({ "id": sha(id), "name": name, "path": name, "type": "tree", "mode": "040000" });
    let next = "<PLACE>; rel=\"next\"";
    let server = Server::start([
        raw("HEAD", files("data%2Fholdout.csv"), 200, "").header("x-gitlab-blob-id", sha('f').to_string()),
        raw("HEAD", files("models%2Fdata"), 404, ""),
        raw("HEAD", files("gone%2Fdata"), 404, ""),
        on("GET", tree("&path=gone"), 404, json!({ "message": "404 Tree Not Found" })),
        on("GET", format!("/projects/7/repository/commits/{at}"), 200, commit('a')),
        raw("HEAD", files("none"), 404, ""),
        on("GET", tree(""), 200, json!([entry("other", '1')])),
    ])
    .await;
    let second = format!(
        "/projects/7/repository/tree?ref={at}&path=models&pagination=keyset&per_page=100&page_token=x"
    );
    let link = next.replace("PLACE", &format!("{}/api/v4{second}", server.url()));
    server.add([
        on("GET", tree("&path=models"), 200, json!([entry("aaa", '1')])).header("link", link),
        on("GET", second, 200, json!([entry("data", 'e')])),
    ]);
    let gitlab = adapter(&server);
    assert_eq!(gitlab.object(REPO, "data/holdout.csv", &at).await.unwrap(), Some(sha('f')));
    assert_eq!(gitlab.object(REPO, "models/data/", &at).await.unwrap(), Some(sha('e')));
    assert_eq!(gitlab.object(REPO, "gone/data", &at).await.unwrap(), None);
    assert_eq!(gitlab.object(REPO, "none", &at).await.unwrap(), None);
    assert_eq!(kind(gitlab.object(REPO, ".", &at).await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn approvals_tell_who_and_when_and_no_commit() {
    let answer = json!({ "approved": true, "approved_by": [
        { "user": user(6, "bob"), "approved_at": "2026-02-03T04:05:06.789Z" }, { "user": user(7, "cyd") }] });
    let server = Server::start([on("GET", "/projects/7/merge_requests/3/approvals", 200, answer)]).await;
    let found = adapter(&server).reviews(MR, &[]).await.unwrap().approvals;
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].by.id, found[0].at, found[0].sha.clone()),
        (UserId(6), Timestamp::parse("2026-02-03T04:05:06.789Z"), None)
    );
    assert_eq!(found[1].at, None);
}

#[tokio::test]
async fn a_reviewers_state_tells_who_asks_for_changes() {
    let states = json!([
        { "user": user(6, "bob"), "state": "requested_changes" },
        { "user": user(7, "cyd"), "state": "approved" },
        { "user": user(8, "dan") },
    ]);
    let server = Server::start([
        on("GET", "/projects/7/merge_requests/3/approvals", 200, json!({ "approved_by": [] })),
        on("GET", "/projects/7/merge_requests/3/reviewers", 200, states),
    ]);
    let server = server.await;
    let reviewers = [User { id: UserId(6), login: "bob".to_owned(), bot: false }];
    let found = adapter(&server).reviews(MR, &reviewers).await.unwrap();
    let against: Vec<_> = found.changes_requested.iter().map(|by| (by.id, by.login.as_str())).collect();
    assert_eq!(against, [(UserId(6), "bob")]);
    server.finished();
}

#[tokio::test]
async fn standing_counts_inherited_roles_teams_and_addresses() {
    let member = |level: u32| json!({ "id": 6, "access_level": level, "state": "active", "membership_state": "active" });
    let missing = json!({ "message": "404 Not found" });
    let server = Server::start([
        on("GET", "/projects/7/members/all/6", 200, member(40)),
        on("GET", "/groups/acme%2Fml-owners/members/all/6", 200, member(30)),
        on("GET", "/groups/acme%2Fothers/members/all/6", 404, missing),
        on(
            "GET",
            "/users/6",
            200,
            json!({ "id": 6, "username": "Bob", "state": "active", "public_email": "Bob@X.org" }),
        ),
    ])
    .await;
    let teams = ["acme/ml-owners".to_owned(), "acme/others".to_owned()];
    let found = adapter(&server).standing(REPO, UserId(6), &teams).await.unwrap();
    let emails = set(["bob@x.org", "6-bob@users.noreply.127.0.0.1"]);
    assert_eq!(
        found,
        Standing::Known { permission: Permission::Maintain, teams: set(["acme/ml-owners"]), emails }
    );
    server.finished();
}

#[tokio::test]
async fn no_member_has_no_rights_and_neither_has_a_blocked_one() {
    for (status, answer) in [
        (404, json!({ "message": "404 Not found" })),
        (200, json!({ "access_level": 50, "state": "blocked" })),
        (200, json!({ "access_level": 50, "state": "active", "membership_state": "awaiting" })),
    ] {
        let server = Server::start([
            on("GET", "/projects/7/members/all/6", status, answer),
            on("GET", "/users/6", 404, json!({ "message": "404 User Not Found" })),
        ])
        .await;
        let found = adapter(&server).standing(REPO, UserId(6), &[]).await.unwrap();
        let none =
            Standing::Known { permission: Permission::None, teams: BTreeSet::new(), emails: BTreeSet::new() };
        assert_eq!(found, none);
    }
}

#[tokio::test]
async fn rights_that_cannot_be_read_are_an_error_and_no_rights() {
    for (status, expected) in [(500, ErrorKind::Retry { after: None }), (403, ErrorKind::Refused)] {
        let server = Server::start([on("GET", "/projects/7/members/all/6", status, json!({}))]).await;
        assert_eq!(kind(adapter(&server).standing(REPO, UserId(6), &[]).await), expected);
    }
}

#[tokio::test]
async fn comments_come_oldest_first_over_short_pages_without_system_notes() {
    let note = |id: u64, system: bool| {
        json!({ "id": id, "author": user(6, "bob"), "body": format!("n{id}"),
        "created_at": "2026-01-01T00:00:00Z", "updated_at": null, "system": system })
    };
    let list = "/projects/7/merge_requests/3/notes?sort=asc&order_by=created_at&activity_filter=only_comments&per_page=100";
    let server = Server::start([
        on("GET", list, 200, json!([note(1, false), note(2, true)])).header("x-next-page", "2"),
        on("GET", format!("{list}&page=2"), 200, json!([])).header("x-next-page", "3"),
        on("GET", format!("{list}&page=3"), 200, json!([note(3, false)])).header("x-next-page", ""),
    ])
    .await;
    let found = adapter(&server).comments(MR).await.unwrap();
    let seen: Vec<_> = found.iter().map(|comment| (comment.id, comment.body.as_str())).collect();
    assert_eq!(seen, [(CommentId(1), "n1"), (CommentId(3), "n3")]);
    assert_eq!(found[0].updated_at, found[0].created_at);
    server.finished();
}

#[tokio::test]
async fn one_comment_is_read_by_number_or_is_gone() {
    let note = json!({ "id": 4, "author": user(6, "bob"), "body": "/model publish", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:01Z", "system": false });
    let server = Server::start([
        on("GET", "/projects/7/merge_requests/3/notes/4", 200, note),
        on("GET", "/projects/7/merge_requests/3/notes/5", 404, json!({ "message": "404 Not found" })),
    ])
    .await;
    let gitlab = adapter(&server);
    let found = gitlab.comment(MR, CommentId(4)).await.unwrap().unwrap();
    assert_eq!(found.updated_at.since(found.created_at).as_secs(), 1);
    assert_eq!(gitlab.comment(MR, CommentId(5)).await.unwrap(), None);
}

#[tokio::test]
async fn a_note_is_internal_by_either_of_the_two_words() {
    let marks = [
        (json!({ "internal": true, "confidential": true }), true),
        (json!({ "internal": true }), true),
        (json!({ "internal": null, "confidential": true }), true),
        (json!({ "internal": false, "confidential": false }), false),
        (json!({}), false),
    ];
    for (marks, expected) in marks {
        let mut note = json!({ "id": 4, "author": user(6, "bob"), "body": "/model publish" });
        note.as_object_mut().unwrap().extend(marks.as_object().unwrap().clone());
        let list = "/projects/7/merge_requests/3/notes?sort=asc&order_by=created_at&activity_filter=only_comments&per_page=100";
        let server = Server::start([
            on("GET", "/projects/7/merge_requests/3/notes/4", 200, note.clone()),
            on("GET", list, 200, json!([note])),
        ])
        .await;
        let gitlab = adapter(&server);
        assert_eq!(gitlab.comment(MR, CommentId(4)).await.unwrap().unwrap().internal, expected, "{marks}");
        assert_eq!(gitlab.comments(MR).await.unwrap()[0].internal, expected, "{marks}");
    }
}

#[tokio::test]
async fn tags_of_a_model_are_searched_and_peeled() {
    let tag = |name: &str, message: Option<&str>| json!({ "name": name, "message": message, "target": sha('d'), "commit": commit('c') });
    let found = json!([tag("iris@v1.0.0", Some("{}")), tag("iris@v2.0.0", None), tag("x-iris@v9.0.0", None)]);
    let missing = json!({ "message": "404 Tag Not Found" });
    let server = Server::start([
        on("GET", "/projects/7/repository/tags?search=%5Eiris%40&per_page=100", 200, found),
        on("GET", "/projects/7/repository/tags/iris%40v1.0.0", 200, tag("iris@v1.0.0", Some("{}"))),
        on("GET", "/projects/7/repository/tags/iris%40v3.0.0", 404, missing),
    ])
    .await;
    let gitlab = adapter(&server);
    let tags = gitlab.tags(REPO, "iris@").await.unwrap();
    let seen: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.message.as_str())).collect();
    assert_eq!(seen, [("iris@v1.0.0", "{}"), ("iris@v2.0.0", "")]);
    assert_eq!(tags[0].commit, sha('c'), "the commit, not the tag object");
    assert_eq!(gitlab.tag(REPO, "iris@v1.0.0").await.unwrap().unwrap(), tags[0]);
    assert_eq!(gitlab.tag(REPO, "iris@v3.0.0").await.unwrap(), None);
    server.finished();
}
