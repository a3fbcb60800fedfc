use serde_json::{Value, json};

use crate::domain::{
    CheckId, CommentId, ForgeKind, MergeRequestId, Press, RepoId, RunId, Sha, Timestamp, User, UserId,
};
use crate::event::{Event, Incoming, ReviewAct, Subject, parse};

const HEAD: &str = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";

fn us() -> User {
    User { id: UserId(7), login: "mergewright[bot]".to_owned(), bot: true }
}

fn hear(event: &str, body: &Value) -> Incoming {
    parse(ForgeKind::GitHub, event, body.to_string().as_bytes(), &us()).unwrap()
}

#[track_caller]
fn put_aside(event: &str, body: &Value, reason: &str) {
    assert_eq!(hear(event, body).subject, Subject::Nothing { why: reason.to_owned() }, "{body}");
}

const REPO: RepoId = RepoId { forge: ForgeKind::GitHub, number: 15 };
const PULL_REQUEST: Subject = Subject::MergeRequest(MergeRequestId { repo: REPO, number: 3 });

fn head() -> Sha {
    HEAD.parse().unwrap()
}

/// `body` with the value at `path` replaced.
fn with(mut body: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let object = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    object.insert(name.to_owned(), value);
    body
}

fn pull_request(action: &str) -> Value {
    json!({
        "action": action, "number": 3,
        "pull_request": {"number": 3, "draft": false, "head": {"sha": HEAD, "repo": null}, "assignee": null},
        "repository": {"id": 15, "created_at": 1_557_933_565},
        "sender": {"id": 42, "login": "alice", "type": "User"}
    })
}

fn comment() -> Value {
    json!({
        "action": "created",
        "issue": {"number": 3, "pull_request": {"url": "https://example.com/3"}},
        "comment": {"id": 1244, "body": "/model status", "updated_at": "2026-01-02T03:04:05Z",
                    "user": {"id": 42, "login": "alice", "type": "User"}},
        "repository": {"id": 15},
        "sender": {"id": 42, "login": "alice", "type": "User"}
    })
}

fn review(action: &str, state: &str) -> Value {
    json!({
        "action": action,
        "review": {"id": 1, "state": state, "commit_id": HEAD, "submitted_at": "2026-01-02T03:04:05Z",
                   "user": {"id": 42, "login": "alice", "type": "User"}},
        "pull_request": {"number": 3},
        "repository": {"id": 15},
        "sender": {"id": 43, "login": "bob", "type": "User"}
    })
}

fn run(pull_requests: Value) -> Value {
    let mut body = json!({
        "action": "completed",
        "workflow_run": {"id": 31, "head_sha": HEAD, "head_branch": null, "status": "completed"},
        "repository": {"id": 15},
        "sender": null
    });
    body["workflow_run"]["pull_requests"] = pull_requests;
    body
}

fn check(name: &str, action: &str) -> Value {
    let mut body = json!({
        "action": action,
        "requested_action": {"identifier": "publish"},
        "repository": {"id": 15},
        "sender": {"id": 42, "login": "alice", "type": "User"}
    });
    body[name] = json!({"id": 9, "head_sha": HEAD, "head_branch": null, "pull_requests": []});
    body
}

fn named(number: u64, repo: u64) -> Value {
    json!({"id": 77, "number": number, "base": {"repo": {"id": repo}}, "head": {"repo": null}})
}

#[test]
fn whatever_happens_to_a_pull_request_we_look() {
    for action in ["opened", "synchronize", "edited", "closed", "labeled", "converted_to_draft", "tomorrow"] {
        let heard = hear("pull_request", &pull_request(action));
        assert_eq!(
            heard,
            Incoming { subject: PULL_REQUEST, event: Event::Refresh, meaning: None },
            "{action}"
        );
    }
    assert_eq!(hear("pull_request_review_thread", &pull_request("resolved")).subject, PULL_REQUEST);
    let by_nobody = with(pull_request("closed"), "/sender", Value::Null);
    assert_eq!(hear("pull_request", &by_nobody).subject, PULL_REQUEST);
    let by_number = with(pull_request("closed"), "/pull_request", Value::Null);
    assert_eq!(hear("pull_request", &by_number).subject, PULL_REQUEST);
}

#[test]
fn an_edit_that_changed_the_base_says_since_when() {
    let at = Some(Timestamp(1_767_323_045_000));
    let edited = with(pull_request("edited"), "/changes", json!({"base": {"ref": {"from": "weak"}}}));
    let edited = with(edited, "/pull_request/updated_at", json!("2026-01-02T03:04:05Z"));
    let heard = hear("pull_request", &edited);
    assert_eq!((heard.subject, heard.event), (PULL_REQUEST, Event::Retargeted { at }));
    assert_eq!(heard.meaning, None, "within one second it may be aimed elsewhere and back");
    let titled = with(edited, "/changes", json!({"title": {"from": "x"}}));
    assert_eq!(hear("pull_request", &titled).event, Event::Refresh);
}

#[test]
fn our_own_label_is_no_event_but_our_own_push_is() {
    for (action, heard) in [("labeled", false), ("unlabeled", false), ("synchronize", true), ("closed", true)]
    {
        let ours = with(pull_request(action), "/sender/id", json!(7));
        if heard {
            assert_eq!(hear("pull_request", &ours).subject, PULL_REQUEST, "{action}");
        } else {
            put_aside("pull_request", &ours, "own-label");
        }
    }
}

#[test]
fn a_new_comment_on_a_pull_request_is_heard() {
    let heard = hear("issue_comment", &comment());
    assert_eq!(heard.subject, PULL_REQUEST);
    assert_eq!(
        heard.event,
        Event::Comment {
            id: CommentId(1244),
            author: User { id: UserId(42), login: "alice".to_owned(), bot: false },
            body: "/model status".to_owned(),
            updated_at: Some(Timestamp(1_767_323_045_000)),
        }
    );
    assert_eq!(heard.meaning.as_deref(), Some("github:15!3:comment:1244:1767323045000"));
}

#[test]
fn comments_that_cannot_command_are_put_aside_with_the_reason() {
    for (path, value, reason) in [
        ("/action", json!("edited"), "edited-comment"),
        ("/action", json!("deleted"), "deleted-comment"),
        ("/action", json!("tomorrow"), "unknown-action"),
        ("/action", json!(null), "unknown-action"),
        ("/issue/pull_request", json!(null), "issue"),
        ("/issue", json!(null), "issue"),
        ("/comment/user", json!(null), "deleted-user"),
        ("/comment/user/id", json!(7), "own-comment"),
        ("/comment/user/type", json!("Bot"), "bot-comment"),
        ("/comment/user/login", json!("renovate[bot]"), "bot-comment"),
        ("/comment/id", json!(null), "missing comment.id"),
        ("/comment/body", json!(null), "missing comment.body"),
        ("/issue/number", json!(null), "missing issue.number"),
        ("/repository", json!(null), "missing repository.id"),
    ] {
        put_aside("issue_comment", &with(comment(), path, value), reason);
    }
    put_aside("pull_request_review_comment", &comment(), "review-comment");
    put_aside("issues", &json!({"action": "opened", "issue": {"number": 3}}), "issue");
}

#[test]
fn our_own_comment_changed_by_somebody_else_is_heard_and_a_status_in_our_name_too() {
    let edited = with(with(comment(), "/action", json!("edited")), "/comment/user/id", json!(7));
    let heard = hear("issue_comment", &edited);
    let by = User { id: UserId(42), login: "alice".to_owned(), bot: false };
    assert_eq!(
        (heard.subject, heard.event),
        (PULL_REQUEST, Event::CommentTampered { id: CommentId(1244), by })
    );
    put_aside("issue_comment", &with(edited, "/sender/id", json!(7)), "edited-comment");

    let status = json!({"sha": HEAD, "state": "success", "repository": {"id": 15}, "sender": {"id": 42}});
    for (context, event) in [
        ("mergewright", Event::StatusForged),
        ("mergewright/iris/test", Event::StatusForged),
        ("mergewright2", Event::Refresh),
        ("lint", Event::Refresh),
    ] {
        assert_eq!(
            hear("status", &with(status.clone(), "/context", json!(context))).event,
            event,
            "{context}"
        );
    }
}

#[test]
fn a_review_tells_whose_it_is_and_of_which_commit() {
    for (action, state, act, word) in [
        ("submitted", "approved", ReviewAct::Approved, "approved"),
        ("submitted", "APPROVED", ReviewAct::Approved, "approved"),
        ("submitted", "changes_requested", ReviewAct::ChangesRequested, "changes_requested"),
        ("dismissed", "dismissed", ReviewAct::Withdrawn, "dismissed"),
    ] {
        let heard = hear("pull_request_review", &review(action, state));
        let by = User { id: UserId(42), login: "alice".to_owned(), bot: false };
        assert_eq!(heard.event, Event::Review { by, act, head: Some(head()) }, "{action} {state}");
        let meaning = format!("github:15!3:review:42:{word}:{HEAD}:1767323045000");
        assert_eq!(heard.meaning, Some(meaning));
    }
    for (action, state) in [("submitted", "commented"), ("edited", "approved"), ("submitted", "tomorrow")] {
        let heard = hear("pull_request_review", &review(action, state));
        assert_eq!((heard.subject, heard.event), (PULL_REQUEST, Event::Refresh), "{action} {state}");
    }
    let ghost = with(review("submitted", "approved"), "/review/user", Value::Null);
    assert_eq!(hear("pull_request_review", &ghost).event, Event::Refresh);
}

#[test]
fn a_run_is_told_by_its_pull_request_or_else_by_number_and_head() {
    let by_number = Subject::Run { repo: REPO, run: RunId(31), sha: Some(head()) };
    assert_eq!(hear("workflow_run", &run(json!([named(3, 15)]))).subject, PULL_REQUEST);
    assert_eq!(hear("workflow_run", &run(json!([named(8, 99), named(3, 15)]))).subject, PULL_REQUEST);
    for unclear in [json!([]), json!(null), json!([named(3, 15), named(4, 15)]), json!([named(3, 99)])] {
        assert_eq!(hear("workflow_run", &run(unclear.clone())).subject, by_number, "{unclear}");
    }
    let job = json!({"workflow_job": {"id": 1, "run_id": 31, "head_sha": HEAD}, "repository": {"id": 15}});
    assert_eq!(hear("workflow_job", &job).subject, by_number);
}

#[test]
fn checks_and_statuses_are_told_by_commit_unless_they_are_ours() {
    let commit = Subject::Commit { repo: REPO, sha: head() };
    for (event, action) in
        [("check_run", "completed"), ("check_run", "requested_action"), ("check_suite", "rerequested")]
    {
        let body = check(event, action);
        assert_eq!(hear(event, &body).subject, commit, "{event} {action}");
        let one = with(body.clone(), &format!("/{event}/pull_requests"), json!([named(3, 15)]));
        assert_eq!(hear(event, &one).subject, PULL_REQUEST);
        put_aside(event, &with(body.clone(), "/sender/id", json!(7)), "own-check");
        let headless = with(body, &format!("/{event}/head_sha"), Value::Null);
        put_aside(event, &headless, &format!("missing {event}.head_sha"));
    }
    let status = json!({"sha": HEAD, "state": "success", "repository": {"id": 15}, "sender": {"id": 42}});
    assert_eq!(hear("status", &status).subject, commit);
    put_aside("status", &with(status, "/sender/id", json!(7)), "own-status");
}

#[test]
fn a_press_on_a_check_of_ours_is_a_command_and_on_one_of_others_it_is_not() {
    let mark = "github:15!3 2 - -";
    let check = json!({"id": 71, "name": "mergewright", "head_sha": HEAD, "external_id": mark,
                       "app": {"id": 5, "slug": "Mergewright"}, "pull_requests": []});
    let body = json!({"action": "requested_action", "requested_action": {"identifier": "approve"},
                      "check_run": check, "repository": {"id": 15},
                      "sender": {"id": 42, "login": "octocat", "type": "User"}});
    let press = Press {
        check: CheckId(71),
        name: "mergewright".to_owned(),
        head: head(),
        mark: mark.parse().unwrap(),
        button: "approve".to_owned(),
        by: User { id: UserId(42), login: "octocat".to_owned(), bot: false },
    };
    let heard = hear("check_run", &body);
    assert_eq!(heard.subject, PULL_REQUEST);
    assert_eq!(heard.event, Event::Pressed(Box::new(press.clone())));
    assert_eq!(heard.meaning.as_deref(), Some("github:15!3:press:71:2:approve:42"));

    let again = with(body.clone(), "/action", json!("rerequested"));
    let retry = Press { button: "retry".to_owned(), ..press };
    assert_eq!(hear("check_run", &again).event, Event::Pressed(Box::new(retry)));

    let endless = with(body.clone(), "/requested_action/identifier", json!("approve".repeat(100_000)));
    assert_eq!(
        hear("check_run", &endless).meaning.as_deref(),
        Some("github:15!3:press:71:2:approveapproveapprov:42")
    );

    let others = with(body.clone(), "/check_run/app/slug", json!("linter"));
    let commit = Subject::Commit { repo: REPO, sha: head() };
    assert_eq!(hear("check_run", &others).subject, commit);

    for (field, value, why) in [
        ("/check_run/external_id", json!("42"), "not-our-check"),
        ("/check_run/external_id", Value::Null, "not-our-check"),
        ("/check_run/external_id", json!("github:16!3 2 - -"), "not-our-check"),
        ("/sender/type", json!("Bot"), "bot-press"),
        ("/requested_action/identifier", Value::Null, "missing requested_action.identifier"),
        ("/check_run/head_sha", Value::Null, "missing check_run.head_sha"),
        ("/sender/id", json!(7), "own-check"),
    ] {
        put_aside("check_run", &with(body.clone(), field, value), why);
    }
}

#[test]
fn pushes_name_the_branch() {
    let branch = |name: &str| Subject::Branch { repo: REPO, branch: name.to_owned() };
    let push = |reference: &str| json!({"ref": reference, "repository": {"id": 15}, "sender": {"id": 7}});
    assert_eq!(hear("push", &push("refs/heads/main")).subject, branch("main"), "our own push too");
    assert_eq!(hear("push", &push("refs/heads/a'b$(x)/ü")).subject, branch("a'b$(x)/ü"));
    put_aside("push", &push("refs/tags/v1"), "tag");
}

#[test]
fn what_a_merge_queue_tries_names_its_last_pull_request() {
    let group = |reference: &str| {
        json!({"action": "checks_requested", "repository": {"id": 15},
               "merge_group": {"head_sha": HEAD, "head_ref": reference, "base_ref": "refs/heads/main"}})
    };
    for branch in ["main", "release/pr-9-x"] {
        let told = hear("merge_group", &group(&format!("refs/heads/gh-readonly-queue/{branch}/pr-3-{HEAD}")));
        assert_eq!((told.subject, told.event), (PULL_REQUEST, Event::Tried), "{branch}");
    }
    for strange in
        ["refs/heads/main", "refs/heads/gh-readonly-queue/main/pr-x-1", "refs/heads/gh-readonly-queue/main"]
    {
        put_aside("merge_group", &group(strange), "unknown-group");
    }
    let nameless = json!({"action": "checks_requested", "repository": {"id": 15}, "merge_group": {}});
    put_aside("merge_group", &nameless, "missing merge_group.head_ref");
}

#[test]
fn a_deployment_is_about_its_environment() {
    let status = json!({
        "repository": {"id": REPO.number},
        "deployment": {"id": 1, "environment": "production"},
        "deployment_status": {"state": "success", "environment": "production"},
    });
    let expected = Subject::Deployment { repo: REPO, environment: "production".to_owned() };
    assert_eq!(hear("deployment_status", &status).subject, expected);
    put_aside(
        "deployment_status",
        &json!({"repository": {"id": REPO.number}}),
        "missing deployment.environment",
    );
}

#[test]
fn what_we_have_no_use_for_is_put_aside_with_its_reason() {
    for (event, reason) in [
        ("ping", "ping"),
        ("create", "told-by-push"),
        ("release", "release"),
        ("deployment", "deployment"),
        ("installation", "app"),
        ("star", "unknown-event"),
        ("an_event_of_tomorrow", "unknown-event"),
    ] {
        put_aside(event, &json!({"zen": "Design for failure."}), reason);
    }
}

#[test]
fn an_error_names_the_field_and_never_its_value() {
    for (event, body, path) in [
        ("issue_comment", with(comment(), "/comment/id", json!("ghp_s3cret")), "comment.id"),
        (
            "pull_request",
            with(pull_request("opened"), "/pull_request/number", json!(-1)),
            "pull_request.number",
        ),
        ("workflow_run", run(json!([{"number": {"ghp_s3cret": 1}}])), "workflow_run.pull_requests[0].number"),
    ] {
        let error = parse(ForgeKind::GitHub, event, body.to_string().as_bytes(), &us()).unwrap_err();
        assert_eq!(error.path, path);
        assert!(error.message.starts_with("expected ") && !error.to_string().contains("s3cret"), "{error}");
    }
}
