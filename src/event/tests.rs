use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::UserId;

const HEAD: &str = "ba3e0d8ff79c80d5b0bbb4f3e2e343e0aaa662b7";

/// A delivery and the paths in it that we use.
struct Delivery {
    forge: ForgeKind,
    event: &'static str,
    body: Value,
    used: &'static [&'static str],
}

fn deliveries() -> Vec<Delivery> {
    let gitlab = |event, body, used| Delivery { forge: ForgeKind::GitLab, event, body, used };
    let github = |event, body, used| Delivery { forge: ForgeKind::GitHub, event, body, used };
    vec![
        gitlab(
            "Merge Request Hook",
            json!({"object_kind": "merge_request", "event_type": "merge_request",
                "user": {"id": 42, "name": "Alice", "username": "alice", "email": "[REDACTED]"},
                "project": {"id": 15, "name": "p", "namespace": "g", "default_branch": "main"},
                "repository": {"name": "p", "url": "x"}, "labels": [{"id": 1, "title": "x"}],
                "object_attributes": {"id": 99, "iid": 3, "action": "approved", "title": "t", "draft": false,
                    "state": "opened", "source": {"id": 14}, "target": {"id": 15},
                    "updated_at": "2026-01-02 03:04:05 UTC",
                    "last_commit": {"id": HEAD, "message": "m", "author": {"name": "a", "email": "e"}}},
                "changes": {"updated_at": {"previous": null, "current": "x"}}, "assignees": [{"id": 1}]}),
            &[
                "/object_kind",
                "/user",
                "/user/id",
                "/user/username",
                "/project",
                "/project/id",
                "/object_attributes",
                "/object_attributes/iid",
                "/object_attributes/action",
                "/object_attributes/updated_at",
                "/object_attributes/last_commit",
                "/object_attributes/last_commit/id",
            ],
        ),
        gitlab(
            "Note Hook",
            json!({"object_kind": "note", "event_type": "note", "project_id": 15,
                "user": {"id": 42, "name": "Alice", "username": "alice"}, "project": {"id": 15, "name": "p"},
                "repository": {"name": "p"},
                "object_attributes": {"id": 1, "note": "/model status", "description": "/model status",
                    "noteable_type": "MergeRequest", "author_id": 42, "action": "create", "system": false,
                    "st_diff": {"diff": "d"}, "discussion_id": "x", "updated_at": "2026-01-02 03:04:05 UTC"},
                "merge_request": {"id": 9, "iid": 3, "last_commit": {"id": HEAD}, "assignee": {"id": 1}}}),
            &[
                "/object_kind",
                "/user",
                "/user/username",
                "/object_attributes",
                "/object_attributes/id",
                "/object_attributes/note",
                "/object_attributes/noteable_type",
                "/object_attributes/updated_at",
                "/merge_request",
                "/merge_request/iid",
            ],
        ),
        gitlab(
            "Pipeline Hook",
            json!({"object_kind": "pipeline", "user": {"id": 42, "username": "alice"}, "project": {"id": 15},
                "object_attributes": {"id": 31, "iid": 2, "ref": "main", "sha": HEAD, "status": "success",
                    "stages": ["build"], "variables": [{"key": "K", "value": "V"}]},
                "commit": {"id": HEAD}, "builds": [{"id": 1, "runner": {"id": 2}}]}),
            &[
                "/object_kind",
                "/project",
                "/project/id",
                "/object_attributes",
                "/object_attributes/id",
                "/object_attributes/sha",
            ],
        ),
        gitlab(
            "Job Hook",
            json!({"object_kind": "build", "ref": "main", "sha": HEAD, "build_id": 380, "pipeline_id": 31,
                "project_id": 15, "user": {"id": 42}, "commit": {"id": 31, "sha": HEAD}, "runner": null}),
            &["/object_kind", "/sha", "/pipeline_id", "/project_id"],
        ),
        gitlab(
            "Push Hook",
            json!({"object_kind": "push", "event_name": "push", "ref": "refs/heads/main", "after": HEAD,
                "project_id": 15, "project": {"id": 15, "name": "p"}, "commits": [{"id": HEAD}]}),
            &["/ref"],
        ),
        github(
            "issue_comment",
            json!({"action": "created", "sender": {"id": 42, "login": "alice", "type": "User"},
                "issue": {"number": 3, "title": "t", "user": {"id": 1}, "pull_request": {"url": "u"}},
                "comment": {"id": 1, "body": "/model status", "created_at": "2026-01-02T03:04:05Z",
                    "updated_at": "2026-01-02T03:04:05Z", "performed_via_github_app": null,
                    "user": {"id": 42, "login": "alice", "type": "User", "node_id": "n"}},
                "repository": {"id": 15, "full_name": "a/b", "owner": {"id": 2}}, "installation": {"id": 5}}),
            &[
                "/action",
                "/issue",
                "/issue/number",
                "/issue/pull_request",
                "/comment",
                "/comment/id",
                "/comment/body",
                "/comment/updated_at",
                "/comment/user",
                "/comment/user/id",
                "/comment/user/login",
                "/repository",
                "/repository/id",
            ],
        ),
        github(
            "workflow_run",
            json!({"action": "completed", "sender": {"id": 42}, "organization": {"id": 1},
                "workflow_run": {"id": 31, "name": "n", "head_sha": HEAD, "head_branch": "b",
                    "pull_requests": [], "run_attempt": 1, "repository": {"id": 15}},
                "workflow": {"id": 4}, "repository": {"id": 15, "full_name": "a/b"}}),
            &["/workflow_run", "/workflow_run/id", "/workflow_run/head_sha", "/repository", "/repository/id"],
        ),
    ]
}

fn us() -> User {
    User { id: UserId(7), login: "mergewright".to_owned(), bot: true }
}

/// Every path in `value` that leads to a field of an object.
fn paths(value: &Value, here: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let path = format!("{here}/{name}");
                paths(inner, &path, found);
                found.push(path);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                paths(inner, &format!("{here}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn without(body: &Value, path: &str) -> Value {
    let mut body = body.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    if let Some(Value::Object(fields)) = body.pointer_mut(parent) {
        fields.remove(name);
    }
    body
}

fn hear(delivery: &Delivery, body: &Value) -> Incoming {
    parse(delivery.forge, delivery.event, body.to_string().as_bytes(), &us()).unwrap()
}

#[test]
fn each_used_field_matters_and_no_other_does() {
    for delivery in deliveries() {
        let whole = hear(&delivery, &delivery.body);
        assert!(!matches!(whole.subject, Subject::Nothing { .. }), "{}", delivery.event);
        let mut all = Vec::new();
        paths(&delivery.body, "", &mut all);
        for path in all {
            let heard = hear(&delivery, &without(&delivery.body, &path));
            let used = delivery.used.contains(&path.as_str());
            assert_eq!(heard != whole, used, "{} without {path}", delivery.event);
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "s3cret\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Fields that stand in for one another.
const TWICE: &[&str] = &[
    "/project",
    "/project/id",
    "/project_id",
    "/object_kind",
    "/event_name",
    "/user/id",
    "/object_attributes/author_id",
];

const EVENTS: &[&str] = &[
    "Note Hook",
    "Merge Request Hook",
    "pull_request",
    "issue_comment",
    "pull_request_review",
    "workflow_run",
    "workflow_job",
    "check_run",
    "check_suite",
    "status",
    "merge_group",
    "push",
    "",
];

proptest! {
    #[test]
    fn several_unused_fields_may_be_missing_at_once(
        which in 0..deliveries().len(), choice in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12)
    ) {
        let delivery = &deliveries()[which];
        let used: BTreeSet<&str> = delivery.used.iter().copied().collect();
        let mut all = Vec::new();
        paths(&delivery.body, "", &mut all);
        // What may stand in either of two places must stay in one.
        all.retain(|path| !used.contains(path.as_str()) && !TWICE.contains(&path.as_str()));
        let mut body = delivery.body.clone();
        for index in choice {
            body = without(&body, &all[index.index(all.len())]);
        }
        prop_assert_eq!(hear(delivery, &body), hear(delivery, &delivery.body), "{}", body);
    }

    #[test]
    fn any_value_in_any_place_is_survived_and_an_error_tells_no_value(
        which in 0..deliveries().len(), place in any::<proptest::sample::Index>(), value in any_json()
    ) {
        let delivery = &deliveries()[which];
        let mut all = Vec::new();
        paths(&delivery.body, "", &mut all);
        let mut body = delivery.body.clone();
        *body.pointer_mut(&all[place.index(all.len())]).unwrap() = value;
        if let Err(error) = parse(delivery.forge, delivery.event, body.to_string().as_bytes(), &us()) {
            prop_assert!(!error.to_string().contains("s3cret"), "{}", error);
        }
    }

    #[test]
    fn any_json_is_survived(
        kind in proptest::sample::select(vec!["merge_request", "note", "pipeline", "build", "push", "x"]),
        event in proptest::sample::select(EVENTS), body in any_json()
    ) {
        let body = match body {
            Value::Object(mut fields) => {
                fields.insert("object_kind".to_owned(), kind.into());
                Value::Object(fields)
            }
            other => other,
        };
        for forge in [ForgeKind::GitLab, ForgeKind::GitHub] {
            if let Err(error) = parse(forge, event, body.to_string().as_bytes(), &us()) {
                prop_assert!(!body.is_object() || error.path != ".", "{}", error);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(
        event in proptest::sample::select(EVENTS), body in proptest::collection::vec(any::<u8>(), 0..200)
    ) {
        for forge in [ForgeKind::GitLab, ForgeKind::GitHub] {
            let _outcome = parse(forge, event, &body, &us());
        }
    }
}
