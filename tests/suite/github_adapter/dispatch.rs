//! Dispatches: what they carry, which run they start, and finding that run again.

use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::{RunId, Timestamp, Version, WorkOrder};
use mergewright::forge::{ErrorKind, Forge as _, GitHub};
use serde_json::{Value, json};

use super::{REPO, adapter, config, run, serve};
use crate::scripted::{Answer, Hand, kind, on, raw, sha};

const DISPATCHES: &str = "/repos/acme/models/actions/workflows/model-iris.yml/dispatches";

fn order(environment: Option<&str>) -> WorkOrder {
    WorkOrder {
        action: "publish".to_owned(),
        model: "iris".parse().unwrap(),
        version: Some(Version::sequence(42).into()),
        commit: sha('c'),
        environment: environment.map(str::to_owned),
        traffic: environment.map(|_| 10),
        source: "43".to_owned(),
    }
}

fn title() -> String {
    format!("mergewright publish v42 {} - - 43", sha('c'))
}

fn started(id: u64, instead: Value) -> Value {
    let dispatched = json!({ "event": "workflow_dispatch", "display_title": title(), "head_branch": "main", "pull_requests": [] });
    run(id, super::changed(dispatched, instead))
}

fn list(since: &str, runs: impl Into<Value>) -> Answer {
    let runs = runs.into();
    let since = since.replace(':', "%3A");
    let target = format!(
        "/repos/acme/models/actions/runs?event=workflow_dispatch&branch=main&created=%3E%3D{since}&per_page=100"
    );
    on("GET", target, 200, json!({ "total_count": 1, "workflow_runs": runs }))
}

#[tokio::test]
async fn a_dispatch_carries_its_order_as_inputs_and_learns_its_run() {
    let details =
        || on("POST", DISPATCHES, 200, json!({ "workflow_run_id": 61, "run_url": "x", "html_url": "y" }));
    let server = serve([details(), details()]).await;
    let github = adapter(&server);
    assert_eq!(github.dispatch(REPO, "main", &order(None)).await.unwrap(), RunId(61));
    assert_eq!(github.dispatch(REPO, "main", &order(Some("production"))).await.unwrap(), RunId(61));
    let asked = server.finished();
    let inputs = json!({ "action": "publish", "version": "v42", "commit": sha('c'), "source": "43" });
    assert_eq!(asked[1].json(), json!({ "ref": "main", "inputs": inputs, "return_run_details": true }));
    let inputs = super::changed(inputs, json!({ "environment": "production", "traffic": "10" }));
    assert_eq!(asked[2].json()["inputs"], inputs, "every input is a text");
}

#[tokio::test]
async fn an_enterprise_server_that_names_no_run_is_asked_for_its_list() {
    let clock = Arc::new(Hand::default());
    clock.set(1_767_225_600); // 2026-01-01T00:00:00Z
    let refused = json!({ "message": "Invalid request.\n\n\"return_run_details\" is not a permitted key." });
    let since = "2025-12-31T23:59:55Z";
    let server = serve([
        on("POST", DISPATCHES, 422, refused),
        raw("POST", DISPATCHES, 204, ""),
        list(
            since,
            json!([
                started(70, json!({ "created_at": "2025-12-31T23:00:00Z" })),
                started(71, json!({})),
                started(72, json!({ "display_title": "mergewright publish v43" })),
                started(73, json!({ "path": ".github/workflows/model-rose.yml" })),
                started(74, json!({ "head_branch": "other" })),
            ]),
        ),
    ])
    .await;
    let github = GitHub::new(&config(&server.url()), Arc::<Hand>::clone(&clock)).unwrap();
    assert_eq!(github.dispatch(REPO, "main", &order(None)).await.unwrap(), RunId(71));
    assert!(server.finished()[2].json().get("return_run_details").is_none());
    server.add([raw("POST", DISPATCHES, 204, ""), list(since, json!([]))]);
    let not_there_yet = github.dispatch(REPO, "main", &order(None)).await;
    assert_eq!(kind(not_there_yet), ErrorKind::Retry { after: Some(Duration::from_secs(5)) });
    let asked = server.finished();
    assert_eq!(asked.len(), 6, "what was refused once is not asked for again: {asked:#?}");
}

#[tokio::test]
async fn an_order_is_found_again_by_its_title_and_nothing_older_counts() {
    let since = "2026-01-01T00:00:00Z";
    let at = Timestamp::parse(since).unwrap();
    let server = serve([
        list(since, json!([started(60, json!({})), started(61, json!({}))])),
        list(since, json!([started(62, json!({ "display_title": title().replace("v42", "v41") }))])),
    ])
    .await;
    let github = adapter(&server);
    assert_eq!(github.dispatched(REPO, "main", &order(None), at).await.unwrap(), Some(RunId(61)));
    assert_eq!(github.dispatched(REPO, "main", &order(None), at).await.unwrap(), None);
    server.finished();
}

#[tokio::test]
async fn a_workflow_that_is_not_there_and_an_input_that_is_not_known_are_told_apart() {
    let unexpected = json!({ "message": "Unexpected inputs provided: [\"traffic\"]" });
    let server = serve([
        on("POST", DISPATCHES, 404, json!({ "message": "Not Found" })),
        on("POST", DISPATCHES, 422, unexpected),
    ])
    .await;
    let github = adapter(&server);
    let error = github.dispatch(REPO, "main", &order(None)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
    assert!(
        error.external.contains("model-iris.yml") && error.external.contains("default branch"),
        "{error}"
    );
    let error = github.dispatch(REPO, "main", &order(None)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("Unexpected inputs"), "{error}");
    server.finished();
}
