//! Whether a schedule of a workflow ran, and whether the workflow's clock goes.

use mergewright::domain::{ForgeClock, RunId, Timestamp};
use mergewright::forge::Scheduler as _;
use serde_json::{Value, json};

use super::{REPO, adapter, serve};
use crate::scripted::{Answer, on, sha};

const WORKFLOW: &str = "/repos/acme/models/actions/workflows/model-iris.yml";

fn runs(found: &[Value]) -> Answer {
    let since = "%3E%3D2026-11-24T01%3A00%3A00Z";
    let list = format!("{WORKFLOW}/runs?branch=main&created={since}&per_page=100");
    on("GET", list, 200, json!({ "total_count": found.len(), "workflow_runs": found }))
}

fn run(id: u64, event: &str, title: &str) -> Value {
    json!({ "id": id, "event": event, "display_title": title, "head_sha": sha('a'), "head_branch": "main",
            "path": ".github/workflows/model-iris.yml", "created_at": "2026-11-24T01:20:00Z" })
}

fn jobs(run: u64, conclusion: &str) -> Answer {
    let list = format!("/repos/acme/models/actions/runs/{run}/jobs?filter=latest&per_page=100");
    let job = json!({ "id": 1, "name": "nightly", "status": "completed", "conclusion": conclusion });
    on("GET", list, 200, json!({ "total_count": 1, "jobs": [job] }))
}

#[tokio::test]
async fn a_run_counts_by_the_job_that_was_not_skipped_and_one_that_was_asked_for_by_its_title() {
    let since = Timestamp::parse("2026-11-24T01:00:00Z").unwrap();
    let iris = "iris".parse().unwrap();
    let others = [
        run(9, "workflow_dispatch", "mergewright publish v1 - - - -"),
        run(8, "push", "Better"),
        run(7, "schedule", "Better"),
    ];
    let server = serve([runs(&others), jobs(7, "skipped")]).await;
    assert_eq!(adapter(&server).ran(REPO, "main", (&iris, "nightly"), since).await.unwrap(), None);
    server.finished();
    let server = serve([runs(&[run(7, "schedule", "Better")]), jobs(7, "failure")]).await;
    assert_eq!(adapter(&server).ran(REPO, "main", (&iris, "nightly"), since).await.unwrap(), Some(RunId(7)));
    server.finished();
    let asked = run(6, "workflow_dispatch", "mergewright nightly - - - - -");
    let server = serve([runs(&[asked]), jobs(6, "success")]).await;
    assert_eq!(adapter(&server).ran(REPO, "main", (&iris, "nightly"), since).await.unwrap(), Some(RunId(6)));
    server.finished();
}

#[tokio::test]
async fn a_clock_goes_is_idle_or_off_and_an_idle_one_is_started() {
    let iris = "iris".parse().unwrap();
    for (state, expected) in [
        ("active", ForgeClock::Ticks),
        ("disabled_inactivity", ForgeClock::Idle),
        ("disabled_manually", ForgeClock::Off),
        ("disabled_fork", ForgeClock::Off),
        ("deleted", ForgeClock::Off),
    ] {
        let server = serve([on("GET", WORKFLOW, 200, json!({ "id": 3, "state": state }))]).await;
        assert_eq!(adapter(&server).clock(REPO, &iris).await.unwrap(), expected, "{state}");
        server.finished();
    }
    let server = serve([on("GET", WORKFLOW, 404, json!({ "message": "Not Found" }))]).await;
    assert_eq!(adapter(&server).clock(REPO, &iris).await.unwrap(), ForgeClock::Off);
    server.finished();
    let server = serve([on("PUT", format!("{WORKFLOW}/enable"), 204, json!(null))]).await;
    adapter(&server).start_clock(REPO, &iris).await.unwrap();
    server.finished();
}
