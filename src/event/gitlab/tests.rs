use serde_json::{Value, json};

use crate::domain::{CommentId, ForgeKind, MergeRequestId, RepoId, RunId, Sha, Timestamp, User, UserId};
use crate::event::{Event, Incoming, ParseError, ReviewAct, Subject, parse};

const HEAD: &str = "ba3e0d8ff79c80d5b0bbb4f3e2e343e0aaa662b7";

fn us() -> User {
    User { id: UserId(7), login: "mergewright".to_owned(), bot: true }
}

fn hear(event: &str, body: &Value) -> Incoming {
    parse(ForgeKind::GitLab, event, body.to_string().as_bytes(), &us()).unwrap()
}

fn refused(event: &str, body: &[u8]) -> ParseError {
    parse(ForgeKind::GitLab, event, body, &us()).unwrap_err()
}

#[track_caller]
fn put_aside(event: &str, body: &Value, reason: &str) {
    assert_eq!(hear(event, body).subject, Subject::Nothing { why: reason.to_owned() }, "{body}");
}

fn repo(number: u64) -> RepoId {
    RepoId { forge: ForgeKind::GitLab, number }
}

fn mr(project: u64, iid: u64) -> Subject {
    Subject::MergeRequest(MergeRequestId { repo: repo(project), number: iid })
}

fn head() -> Sha {
    HEAD.parse().unwrap()
}

fn merge_request(action: &str) -> Value {
    json!({
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {"id": 42, "username": "alice", "email": "[REDACTED]"},
        "project": {"id": 15, "path_with_namespace": "group/sub/project"},
        "object_attributes": {
            "id": 99, "iid": 3, "target_project_id": 15, "source_project_id": 14, "action": action,
            "state": "opened", "updated_at": "2026-01-02 03:04:05 UTC", "last_commit": {"id": HEAD}
        },
        "changes": {}
    })
}

fn note() -> Value {
    json!({
        "object_kind": "note",
        "event_type": "note",
        "user": {"id": 42, "username": "alice"},
        "project_id": 15,
        "project": {"id": 15},
        "object_attributes": {
            "id": 1244, "note": "/model status", "noteable_type": "MergeRequest", "author_id": 42,
            "action": "create", "system": false, "internal": false,
            "updated_at": "2026-01-02T03:04:05.678Z"
        },
        "merge_request": {"id": 90, "iid": 3, "target_project_id": 15}
    })
}

fn pipeline() -> Value {
    json!({
        "object_kind": "pipeline",
        "user": {"id": 42, "username": "alice"},
        "project": {"id": 15},
        "object_attributes": {"id": 31, "iid": 2, "sha": HEAD, "ref": "main", "status": "success",
                              "source": "push", "variables": [{"key": "TOKEN", "value": "s3cret"}]},
        "merge_request": null,
        "builds": [{"id": 380, "user": null}]
    })
}

fn job() -> Value {
    json!({
        "object_kind": "build", "project_id": 15, "pipeline_id": 31, "sha": HEAD, "ref": "main",
        "build_id": 380, "build_status": "success", "build_finished_at": null, "user": null,
        "environment": null, "runner": null
    })
}

fn push() -> Value {
    json!({
        "object_kind": "push", "event_name": "push", "ref": "refs/heads/main", "user_id": 42,
        "user_username": "alice", "before": HEAD, "after": HEAD, "project_id": 15,
        "project": {"id": 15}, "commits": [], "total_commits_count": 21
    })
}

/// `body` with the value at `path` replaced; `None` takes the field away.
fn with(mut body: Value, path: &str, value: Option<Value>) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let object = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    body
}

#[test]
fn an_update_of_the_target_branch_says_since_when() {
    let changes = json!({"target_branch": {"previous": "weak", "current": "main"}});
    let updated = with(merge_request("update"), "/changes", Some(changes));
    let updated = with(updated, "/object_attributes/updated_at", Some(json!("2026-01-02 03:04:05 UTC")));
    let at = Some(Timestamp(1_767_323_045_000));
    let heard = hear("Merge Request Hook", &updated);
    assert_eq!((heard.subject, heard.event), (mr(15, 3), Event::Retargeted { at }));
    assert_eq!(heard.meaning, None, "within one second it may be aimed elsewhere and back");
}

#[test]
fn whatever_happens_to_a_merge_request_we_look() {
    for action in ["open", "reopen", "update", "close", "merge", "a_word_of_tomorrow"] {
        let heard = hear("Merge Request Hook", &merge_request(action));
        assert_eq!(heard, Incoming { subject: mr(15, 3), event: Event::Refresh, meaning: None }, "{action}");
    }
    let pushed = with(merge_request("update"), "/object_attributes/oldrev", Some(json!("0123456789abcdef")));
    assert_eq!(hear("Merge Request Hook", &pushed).event, Event::Refresh);
    let without_action = with(merge_request(""), "/object_attributes/action", Some(Value::Null));
    assert_eq!(hear("Merge Request Hook", &without_action).subject, mr(15, 3));
}

#[test]
fn the_four_words_of_approval_are_four_events() {
    let mut meanings = std::collections::BTreeSet::new();
    for (word, act) in [
        ("approved", ReviewAct::Approved),
        ("approval", ReviewAct::Approved),
        ("unapproved", ReviewAct::Withdrawn),
        ("unapproval", ReviewAct::Withdrawn),
    ] {
        let heard = hear("Merge Request Hook", &merge_request(word));
        let by = User { id: UserId(42), login: "alice".to_owned(), bot: false };
        assert_eq!(heard.event, Event::Review { by, act, head: Some(head()) }, "{word}");
        assert_eq!(heard.subject, mr(15, 3));
        assert_eq!(
            heard.meaning.as_deref(),
            Some(format!("gitlab:15!3:review:42:{word}:{HEAD}:1767323045000").as_str())
        );
        meanings.insert(heard.meaning);
    }
    assert_eq!(meanings.len(), 4);
}

#[test]
fn an_approval_without_a_time_has_no_meaning_to_be_confused_with_an_older_one() {
    let body = with(merge_request("approved"), "/object_attributes/updated_at", None);
    assert_eq!(hear("Merge Request Hook", &body).meaning, None);
}

#[test]
fn an_approval_by_nobody_or_of_no_commit_still_makes_us_look() {
    let nobody = with(merge_request("approved"), "/user", Some(Value::Null));
    assert_eq!(hear("Merge Request Hook", &nobody).event, Event::Refresh);
    for commit in [json!(null), json!({}), json!({"id": null}), json!({"id": "main; id"})] {
        let body = with(merge_request("approved"), "/object_attributes/last_commit", Some(commit));
        assert!(matches!(hear("Merge Request Hook", &body).event, Event::Review { head: None, .. }));
    }
}

#[test]
fn our_own_label_is_no_event_but_everything_else_of_ours_is() {
    let labels = json!({"labels": {"previous": [], "current": []}, "updated_at": {}});
    let labelled = with(merge_request("update"), "/changes", Some(labels));
    assert_eq!(hear("Merge Request Hook", &labelled).subject, mr(15, 3), "somebody else's label");
    let ours = with(labelled, "/user/id", Some(json!(7)));
    put_aside("Merge Request Hook", &ours, "own-label");

    let title = json!({"labels": {}, "title": {"previous": "a", "current": "b"}});
    let retitled = with(ours.clone(), "/changes", Some(title));
    assert_eq!(hear("Merge Request Hook", &retitled).subject, mr(15, 3));
    let pushed = with(ours.clone(), "/object_attributes/oldrev", Some(json!(HEAD)));
    assert_eq!(hear("Merge Request Hook", &pushed).subject, mr(15, 3));
    for changes in [json!(null), json!([]), json!({}), json!({"updated_at": {}})] {
        let body = with(ours.clone(), "/changes", Some(changes));
        assert_eq!(hear("Merge Request Hook", &body).subject, mr(15, 3), "{body}");
    }
    let merged = with(ours, "/object_attributes/action", Some(json!("merge")));
    assert_eq!(hear("Merge Request Hook", &merged).subject, mr(15, 3), "our own merge");
}

#[test]
fn a_new_comment_on_a_merge_request_is_heard() {
    let heard = hear("Note Hook", &note());
    assert_eq!(heard.subject, mr(15, 3));
    assert_eq!(
        heard.event,
        Event::Comment {
            id: CommentId(1244),
            author: User { id: UserId(42), login: "alice".to_owned(), bot: false },
            body: "/model status".to_owned(),
            updated_at: Some(Timestamp(1_767_323_045_678)),
        }
    );
    assert_eq!(heard.meaning.as_deref(), Some("gitlab:15!3:comment:1244:1767323045678"));
}

#[test]
fn an_old_server_says_no_action_and_no_user_number() {
    let body = with(note(), "/object_attributes/action", None);
    assert!(matches!(hear("Note Hook", &body).event, Event::Comment { .. }));
    let body = with(note(), "/user", Some(json!({"username": "alice"})));
    let Event::Comment { author, .. } = hear("Note Hook", &body).event else { panic!("a comment") };
    assert_eq!(author.id, UserId(42), "the author's number stands in the note");
}

#[test]
fn comments_that_cannot_command_are_put_aside_with_the_reason() {
    for (path, value, reason) in [
        ("/object_attributes/action", json!("update"), "edited-comment"),
        ("/object_attributes/action", json!("a_word_of_tomorrow"), "unknown-action"),
        ("/object_attributes/system", json!(true), "system-note"),
        ("/object_attributes/internal", json!(true), "internal-note"),
        ("/object_attributes/confidential", json!(true), "internal-note"),
        ("/event_type", json!("confidential_note"), "internal-note"),
        ("/object_attributes/noteable_type", json!("Issue"), "issue"),
        ("/object_attributes/noteable_type", json!("Commit"), "not-a-merge-request"),
        ("/object_attributes/noteable_type", json!("Snippet"), "not-a-merge-request"),
        ("/object_attributes/noteable_type", json!(null), "not-a-merge-request"),
        ("/user", json!(null), "deleted-user"),
        ("/user/id", json!(7), "own-comment"),
        ("/user/username", json!("project_15_bot_0a1b2c"), "bot-comment"),
        ("/user/username", json!("group_9_bot"), "bot-comment"),
        ("/merge_request", json!(null), "missing merge_request.iid"),
        ("/object_attributes/id", json!(null), "missing object_attributes.id"),
        ("/object_attributes/note", json!(null), "missing object_attributes.note"),
        ("/object_attributes", json!(null), "not-a-merge-request"),
    ] {
        put_aside("Note Hook", &with(note(), path, Some(value)), reason);
    }
    put_aside("Confidential Note Hook", &note(), "internal-note");
}

#[test]
fn our_own_comment_changed_by_somebody_else_is_heard() {
    let edited = with(note(), "/object_attributes/action", Some(json!("update")));
    let edited = with(edited, "/object_attributes/author_id", Some(json!(7)));
    let heard = |body: &Value| hear("Note Hook", body).event;
    let alice = User { id: UserId(42), login: "alice".to_owned(), bot: false };
    let id = CommentId(1244);
    assert_eq!(heard(&edited), Event::CommentTampered { id, by: alice.clone() });
    // The hook may name the author; the note itself says who changed it last.
    let by_author = with(edited.clone(), "/user/id", Some(json!(7)));
    let body = with(by_author.clone(), "/object_attributes/updated_by_id", Some(json!(42)));
    let unnamed = User { login: "user 42".to_owned(), ..alice };
    assert_eq!(heard(&body), Event::CommentTampered { id, by: unnamed });
    put_aside("Note Hook", &by_author, "edited-comment");
    let by_us = with(edited, "/object_attributes/updated_by_id", Some(json!(7)));
    put_aside("Note Hook", &by_us, "edited-comment");
}

#[test]
fn people_whose_logins_only_look_like_a_bots_are_heard() {
    for login in ["project_x_bot", "project_bot", "my_project_1_bot", "project_1_bottle", "mergewright2"] {
        let body = with(note(), "/user/username", Some(json!(login)));
        assert!(matches!(hear("Note Hook", &body).event, Event::Comment { .. }), "{login}");
    }
}

#[test]
fn dates_come_in_several_forms_and_none() {
    for (date, expected) in [
        (json!("2026-01-02 03:04:05 UTC"), Some(1_767_323_045_000)),
        (json!("2026-01-02T03:04:05Z"), Some(1_767_323_045_000)),
        (json!(1_767_323_045), Some(1_767_323_045_000)),
        (json!("2015-05-17"), None),
        (json!(null), None),
        (json!(-1), None),
        (json!(1.5), None),
        (json!(u64::MAX), None),
        (json!({"a": [1]}), None),
    ] {
        let body = with(note(), "/object_attributes/updated_at", Some(date.clone()));
        let Event::Comment { updated_at, .. } = hear("Note Hook", &body).event else { panic!("a comment") };
        assert_eq!(updated_at, expected.map(Timestamp), "{date}");
    }
}

#[test]
fn a_pipeline_belongs_to_the_merge_request_that_it_names() {
    let merge_request = json!({"id": 90, "iid": 3, "target_project_id": 15});
    let body = with(pipeline(), "/merge_request", Some(merge_request));
    assert_eq!(hear("Pipeline Hook", &body).subject, mr(15, 3));
    // Merged results and trains run on a commit that nobody pushed; the number still holds.
    let train = with(body, "/object_attributes/ref", Some(json!("refs/merge-requests/3/train")));
    let train = with(train, "/object_attributes/sha", Some(json!("f".repeat(40))));
    assert_eq!(hear("Pipeline Hook", &train).subject, mr(15, 3));
    // A fork tells of its own pipeline.
    let fork = with(train, "/project/id", Some(json!(14)));
    assert_eq!(hear("Pipeline Hook", &fork).subject, mr(15, 3));
}

#[test]
fn a_pipeline_or_job_without_a_merge_request_is_told_by_number_and_commit() {
    let run = Subject::Run { repo: repo(15), run: RunId(31), sha: Some(head()) };
    assert_eq!(hear("Pipeline Hook", &pipeline()).subject, run);
    assert_eq!(hear("Job Hook", &job()).subject, run);
    let without_commit = with(job(), "/sha", Some(Value::Null));
    assert_eq!(
        hear("Job Hook", &without_commit).subject,
        Subject::Run { repo: repo(15), run: RunId(31), sha: None }
    );
}

#[test]
fn our_own_statuses_are_no_event_but_our_own_pipelines_are() {
    let ours = with(pipeline(), "/user/id", Some(json!(7)));
    assert!(matches!(hear("Pipeline Hook", &ours).subject, Subject::Run { .. }));
    let external = with(ours, "/object_attributes/source", Some(json!("external")));
    put_aside("Pipeline Hook", &external, "own-status");
    let theirs = with(external, "/user/id", Some(json!(42)));
    assert!(matches!(hear("Pipeline Hook", &theirs).subject, Subject::Run { .. }));
}

#[test]
fn a_push_names_the_branch_and_a_tag_is_put_aside() {
    assert_eq!(
        hear("Push Hook", &push()).subject,
        Subject::Branch { repo: repo(15), branch: "main".to_owned() }
    );
    let hostile = "a'b$(x)\u{202e}\u{200b}/ü";
    let body = with(push(), "/ref", Some(json!(format!("refs/heads/{hostile}"))));
    let expected = Subject::Branch { repo: repo(15), branch: hostile.to_owned() };
    assert_eq!(hear("Push Hook", &body).subject, expected);
    put_aside("Push Hook", &with(push(), "/ref", Some(json!("refs/notes/x"))), "not-a-branch");
    put_aside("Tag Push Hook", &json!({"object_kind": "tag_push", "ref": "refs/tags/v1"}), "tag");
}

#[test]
fn a_system_hook_is_what_its_body_says() {
    assert_eq!(hear("System Hook", &merge_request("open")).subject, mr(15, 3));
    let body = with(push(), "/object_kind", None);
    assert!(matches!(hear("System Hook", &body).subject, Subject::Branch { .. }));
    put_aside("System Hook", &json!({"event_name": "user_create", "user_id": 41}), "unknown-event");
}

#[test]
fn a_deployment_is_about_its_environment() {
    let hook = json!({
        "object_kind": "deployment", "status": "success", "deployment_id": 5, "deployable_id": 31,
        "environment": "production", "project": {"id": 15},
    });
    let expected = Subject::Deployment { repo: repo(15), environment: "production".to_owned() };
    assert_eq!(hear("Deployment Hook", &hook).subject, expected);
    put_aside(
        "Deployment Hook",
        &json!({"object_kind": "deployment", "project": {"id": 15}}),
        "missing environment",
    );
}

#[test]
fn what_we_have_no_use_for_is_put_aside_with_its_reason() {
    for (event, kind, reason) in [
        ("Issue Hook", "issue", "issue"),
        ("Confidential Issue Hook", "issue", "issue"),
        ("Emoji Hook", "emoji", "reaction"),
        ("Release Hook", "release", "release"),
        ("Wiki Page Hook", "wiki_page", "not-ours"),
        ("Vulnerability Hook", "vulnerability", "not-ours"),
        ("Milestone Hook", "milestone", "issue"),
        ("Hook Of Tomorrow", "tomorrow", "unknown-event"),
    ] {
        put_aside(event, &json!({"object_kind": kind, "object_attributes": {"iid": 3}}), reason);
    }
}

#[test]
fn a_custom_template_may_say_anything() {
    for body in [
        json!({}),
        json!({"text": "deployed"}),
        json!({"object_kind": null}),
        json!({"object_kind": 5, "event_name": ["push"]}),
        json!({"object_kind": {"note": {}}}),
    ] {
        put_aside("Note Hook", &body, "no-kind");
    }
}

#[test]
fn a_delivery_that_does_not_say_what_it_is_about_is_put_aside() {
    for (event, kind, reason) in [
        ("Merge Request Hook", "merge_request", "missing project.id"),
        ("Pipeline Hook", "pipeline", "missing object_attributes.id"),
        ("Job Hook", "build", "missing project_id"),
        ("Push Hook", "push", "missing ref"),
    ] {
        put_aside(event, &json!({"object_kind": kind}), reason);
    }
}

#[test]
fn an_error_names_the_field_and_never_its_value() {
    let secret = "glpat-s3cret, expected nothing";
    for (event, body, path) in [
        ("Note Hook", with(note(), "/object_attributes/id", Some(json!(secret))), "object_attributes.id"),
        ("Note Hook", with(note(), "/merge_request/iid", Some(json!(-3))), "merge_request.iid"),
        ("Note Hook", with(note(), "/object_attributes/note", Some(json!(5))), "object_attributes.note"),
        ("Merge Request Hook", with(merge_request("open"), "/project", Some(json!(secret))), "project"),
        (
            "Pipeline Hook",
            with(pipeline(), "/object_attributes/sha", Some(json!([secret]))),
            "object_attributes.sha",
        ),
    ] {
        let error = refused(event, body.to_string().as_bytes());
        assert_eq!((error.event.as_str(), error.path.as_str()), (event, path));
        assert!(error.message.starts_with("expected "), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for body in [&b""[..], b"{", b"\xff\xfe", b"[]", b"5", b"{} {}", b"{\"object_kind\":\"\xc3\"}"] {
        let error = refused(&"Note Hook".repeat(100), body);
        assert!(error.event.len() <= 60, "a header is repeated in part only");
    }
}
