//! Pipelines and jobs: which belong to a head, starting, cancelling, dispatching, finding again.

use std::collections::BTreeSet;

use mergewright::domain::{FailureCause, JobId, JobStatus, RunId, Timestamp, Version, WorkOrder};
use mergewright::forge::{ErrorKind, Forge as _, HeadRuns};
use serde_json::{Value, json};

use super::{MR, REPO, adapter, user};
use crate::scripted::{Answer, Server, kind, on, raw, sha};

fn pipeline(id: u64, digit: char, reference: &str) -> Value {
    json!({ "id": id, "sha": sha(digit), "ref": reference, "project_id": 7, "source": "merge_request_event",
        "status": "running", "web_url": format!("http://gl/p/{id}"), "created_at": "2026-01-01T00:00:00.000Z" })
}

fn job(id: u64, name: &str, status: &str) -> Value {
    json!({ "id": id, "name": name, "status": status, "web_url": format!("http://gl/j/{id}") })
}

fn jobs(run: u64, jobs: Value) -> Answer {
    on("GET", format!("/projects/7/pipelines/{run}/jobs?per_page=100"), 200, jobs)
}

fn merge_of(merge: char, head: char) -> Answer {
    let parents = json!({ "id": sha(merge), "parent_ids": [sha('9'), sha(head)] });
    on("GET", format!("/projects/7/repository/commits/{}", sha(merge)), 200, parents)
}

#[tokio::test]
async fn runs_of_a_head_are_detached_or_of_merged_results_and_nothing_else() {
    let mut fork = pipeline(36, 'a', "topic");
    fork["project_id"] = json!(8);
    let mut external = pipeline(37, 'a', "topic");
    external["source"] = json!("external");
    let all = json!([
        pipeline(31, 'a', "refs/merge-requests/3/head"),
        pipeline(32, 'b', "refs/merge-requests/3/merge"),
        pipeline(33, 'c', "refs/merge-requests/3/train"),
        pipeline(34, 'd', "refs/merge-requests/3/merge"),
        pipeline(35, 'e', "refs/merge-requests/3/head"),
        fork,
        external,
    ]);
    let server = Server::start([
        on("GET", "/projects/7/merge_requests/3/pipelines", 200, all),
        merge_of('b', 'a'),
        on(
            "GET",
            format!("/projects/7/repository/commits/{}", sha('d')),
            404,
            json!({ "message": "404 Commit Not Found" }),
        ),
        jobs(31, json!([])),
        jobs(32, json!([])),
    ])
    .await;
    let HeadRuns { runs, tried } = adapter(&server).runs(MR, &sha('a')).await.unwrap();
    assert!(!tried, "the newest is a detached one");
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [RunId(32), RunId(31)]);
    assert!(runs.iter().all(|run| run.sha == sha('a')), "never the merge commit");
    assert_eq!(runs[0].web_url, "http://gl/p/32");
    assert_eq!(Some(runs[0].created_at), Timestamp::parse("2026-01-01T00:00:00Z"));
    server.finished();
}

#[tokio::test]
async fn of_a_pipeline_that_was_started_on_the_branch_no_job_is_told() {
    let sources = ["push", "web", "trigger", "schedule", "pipeline", "chat"];
    let by_hand = (32..).zip(sources).map(|(id, source)| {
        let mut found = pipeline(id, 'a', "topic");
        found["source"] = json!(source);
        found
    });
    let mut all: Vec<Value> = by_hand.collect();
    all.push(pipeline(31, 'a', "refs/merge-requests/3/head"));
    let server = Server::start([
        on("GET", "/projects/7/merge_requests/3/pipelines", 200, json!(all)),
        jobs(31, json!([job(41, "iris:build", "success")])),
    ])
    .await;
    let runs = adapter(&server).runs(MR, &sha('a')).await.unwrap().runs;
    let told: Vec<_> = runs.iter().map(|run| (run.id.0, run.jobs.len())).collect();
    assert_eq!(told, [(37, 0), (36, 0), (35, 0), (34, 0), (33, 0), (32, 0), (31, 1)]);
    server.finished();
}

#[tokio::test]
async fn a_train_that_is_newest_tries_the_merge_request_and_judges_nothing() {
    let all = json!([
        pipeline(33, 'c', "refs/merge-requests/3/train"),
        pipeline(31, 'a', "refs/merge-requests/3/head"),
    ]);
    let server =
        Server::start([on("GET", "/projects/7/merge_requests/3/pipelines", 200, all), jobs(31, json!([]))])
            .await;
    let HeadRuns { runs, tried } = adapter(&server).runs(MR, &sha('a')).await.unwrap();
    assert_eq!((runs.iter().map(|run| run.id).collect::<Vec<_>>(), tried), (vec![RunId(31)], true));
    server.finished();
}

#[tokio::test]
async fn one_run_tells_the_newest_attempt_of_each_job_and_why_ours_failed() {
    let mut failed = job(42, "iris:test", "failed");
    failed["failure_reason"] = json!("script_failure");
    let mut stuck = job(44, "lint", "failed");
    stuck["failure_reason"] = json!("stuck_or_timeout_failure");
    let list = json!([
        failed,
        job(41, "iris:test", "success"),
        stuck,
        job(43, "iris:build", "success"),
        job(45, "mergewright/iris/test", "pending")
    ]);
    let server = Server::start([
        on("GET", "/projects/7/pipelines/32", 200, pipeline(32, 'b', "refs/merge-requests/3/merge")),
        merge_of('b', 'a'),
        jobs(32, list.clone()),
        // What it runs on is known from now on.
        jobs(32, list),
    ])
    .await;
    let gitlab = adapter(&server);
    let run = gitlab.run(REPO, RunId(32)).await.unwrap();
    assert_eq!(run.sha, sha('a'));
    let seen: Vec<_> = run.jobs.iter().map(|job| (job.id, job.task.as_str(), job.status.clone())).collect();
    assert_eq!(
        seen,
        [
            (JobId(42), "test", JobStatus::Failed(FailureCause::Script)),
            (JobId(43), "build", JobStatus::Succeeded),
            (
                JobId(44),
                "lint",
                JobStatus::Failed(FailureCause::Infrastructure("stuck_or_timeout_failure".to_owned()))
            ),
        ]
    );
    assert_eq!(run.jobs[0].source, "42");
    assert_eq!(gitlab.run(REPO, RunId(32)).await.unwrap(), run);
    server.finished();
}

#[tokio::test]
async fn only_the_end_of_a_long_log_is_kept() {
    let log: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
    let server = Server::start([raw("GET", "/projects/7/jobs/42/trace", 200, log)]).await;
    let tail = adapter(&server).log_tail(REPO, JobId(42), 30).await.unwrap();
    assert_eq!(tail, "line 199998\nline 199999");
}

#[tokio::test]
async fn a_started_run_is_of_the_head_or_is_cancelled_at_once() {
    let start = "/projects/7/merge_requests/3/pipelines";
    let server =
        Server::start([on("POST", start, 201, pipeline(51, 'a', "refs/merge-requests/3/head"))]).await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap(), RunId(51));
    assert!(server.only().body.is_empty());
    server
        .add([on("POST", start, 201, pipeline(52, 'b', "refs/merge-requests/3/merge")), merge_of('b', 'a')]);
    assert_eq!(gitlab.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap(), RunId(52));
    server.add([
        on("POST", start, 201, pipeline(53, 'c', "refs/merge-requests/3/head")),
        on("POST", "/projects/7/pipelines/53/cancel", 200, json!({})),
    ]);
    let error = gitlab.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.external.contains("aaaaaaaa") && error.external.contains("cccccccc"), "{}", error.external);
    let none = json!({ "message": { "base": ["No stages / jobs for this pipeline."] } });
    server.add([on("POST", start, 400, none)]);
    let error = gitlab.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("No stages / jobs"), "{}", error.external);
    server.finished();
}

#[tokio::test]
async fn what_we_started_on_another_commit_is_found_and_nobody_elses() {
    let list = "/projects/7/merge_requests/3/pipelines";
    let since = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let with = |id: u64, digit: char, key: &str, value: Value| {
        let mut found = pipeline(id, digit, "refs/merge-requests/3/head");
        found[key] = value;
        found
    };
    let here = |id: u64, digit: char| with(id, digit, "id", json!(id));
    let by = |id: u64, person: Value| {
        on("GET", format!("/projects/7/pipelines/{id}"), 200, with(id, 'c', "user", person))
    };
    let all = json!([
        here(76, 'c'),
        here(75, 'c'),
        here(74, 'a'),
        with(73, 'c', "status", json!("success")),
        with(72, 'c', "project_id", json!(8)),
        with(71, 'c', "created_at", json!("2025-12-31T23:59:59Z")),
    ]);
    let server = Server::start([
        on("GET", "/user", 200, user(9, "mergewright")),
        on("GET", list, 200, all),
        by(76, user(9, "mergewright")),
        by(75, user(5, "ann")),
    ])
    .await;
    let astray = adapter(&server).started_elsewhere(MR, &sha('a'), since).await.unwrap();
    assert_eq!(astray, [RunId(76)], "not ann's, not the head's, ended, a fork's or older");
    server.finished();
}

#[tokio::test]
async fn cancelling_what_has_ended_is_done() {
    let cancel = "/projects/7/pipelines/51/cancel";
    let ended = |status: &str| {
        let mut found = pipeline(51, 'a', "main");
        found["status"] = json!(status);
        on("GET", "/projects/7/pipelines/51", 200, found)
    };
    let no = || on("POST", cancel, 403, json!({ "message": "403 Forbidden" }));
    let server = Server::start([on("POST", cancel, 200, json!({})), no(), ended("success")]).await;
    let gitlab = adapter(&server);
    gitlab.cancel_run(REPO, RunId(51)).await.unwrap();
    gitlab.cancel_run(REPO, RunId(51)).await.unwrap();
    server.add([no(), ended("running")]);
    assert_eq!(kind(gitlab.cancel_run(REPO, RunId(51)).await), ErrorKind::Refused);
    server.add([on("POST", cancel, 404, json!({ "message": "404 Not found" }))]);
    assert_eq!(kind(gitlab.cancel_run(REPO, RunId(51)).await), ErrorKind::Gone);
    server.finished();
}

#[tokio::test]
async fn a_job_is_run_again_in_its_run() {
    let retry = "/projects/7/jobs/42/retry";
    let mut again = job(46, "iris:test", "pending");
    again["pipeline"] = json!({ "id": 31 });
    let server = Server::start([on("POST", retry, 201, again)]).await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.retry_job(REPO, RunId(30), JobId(42)).await.unwrap(), RunId(31));
    server.add([on("POST", retry, 403, json!({ "message": "403 Forbidden - Job is not retryable" }))]);
    assert_eq!(kind(gitlab.retry_job(REPO, RunId(30), JobId(42)).await), ErrorKind::Conflict);
    server.add([on("POST", retry, 403, json!({ "message": "403 Forbidden" }))]);
    assert_eq!(kind(gitlab.retry_job(REPO, RunId(30), JobId(42)).await), ErrorKind::Refused);
}

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

fn variables(environment: bool) -> Vec<Value> {
    let mut all = vec![("ACTION", "publish".to_owned()), ("COMMIT", sha('c').to_string())];
    if environment {
        all.push(("ENVIRONMENT", "production".to_owned()));
    }
    all.extend([("MODEL", "iris".to_owned()), ("SOURCE", "43".to_owned())]);
    if environment {
        all.push(("TRAFFIC", "10".to_owned()));
    }
    all.push(("VERSION", "v42".to_owned()));
    all.into_iter()
        .map(|(key, value)| json!({ "key": format!("MERGEWRIGHT_{key}"), "value": value }))
        .collect()
}

#[tokio::test]
async fn a_dispatch_carries_its_order_as_variables_and_leaves_out_what_is_open() {
    let server = Server::start([
        on("POST", "/projects/7/pipeline", 201, pipeline(61, 'c', "main")),
        on("POST", "/projects/7/pipeline", 201, pipeline(62, 'c', "main")),
    ])
    .await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.dispatch(REPO, "main", &order(None)).await.unwrap(), RunId(61));
    assert_eq!(gitlab.dispatch(REPO, "main", &order(Some("production"))).await.unwrap(), RunId(62));
    let asked = server.finished();
    assert_eq!(asked[0].json(), json!({ "ref": "main", "variables": variables(false) }));
    assert_eq!(asked[1].json(), json!({ "ref": "main", "variables": variables(true) }));
}

#[tokio::test]
async fn where_variables_may_not_be_set_the_setting_is_named() {
    let no = json!({ "message": { "base": ["Insufficient permissions to set pipeline variables"] } });
    let other = json!({ "message": { "base": ["Reference not found"] } });
    let server = Server::start([
        on("POST", "/projects/7/pipeline", 400, no),
        on("POST", "/projects/7/pipeline", 400, other),
    ])
    .await;
    let gitlab = adapter(&server);
    let error = gitlab.dispatch(REPO, "main", &order(None)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("ci_pipeline_variables_minimum_override_role"), "{}", error.external);
    let error = gitlab.dispatch(REPO, "main", &order(None)).await.unwrap_err();
    assert!(error.external.contains("Reference not found"), "{}", error.external);
}

#[tokio::test]
async fn a_branch_without_a_job_for_it_is_told_so_in_whichever_words_gitlab_has() {
    for words in [
        "Missing CI config file",
        "Pipeline filtered out by workflow rules.",
        "The resulting pipeline would have been empty. Review the rules configuration for the relevant jobs.",
    ] {
        let no = json!({ "message": { "base": [words] } });
        let server = Server::start([on("POST", "/projects/7/pipeline", 400, no)]).await;
        let error = adapter(&server).dispatch(REPO, "main", &order(None)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.external.contains("commit what `mergewright generate` writes"), "{}", error.external);
    }
}

#[tokio::test]
async fn an_equal_dispatch_is_found_among_those_since_a_time() {
    let list = "/projects/7/pipelines?ref=main&source=api&order_by=id&sort=desc&per_page=50";
    let at = |id: u64, seconds: u32| {
        let mut found = pipeline(id, 'c', "main");
        found["created_at"] = json!(format!("2026-01-01T00:00:{seconds:02}Z"));
        found
    };
    let of = |id: u64, found: Vec<Value>| {
        on("GET", format!("/projects/7/pipelines/{id}/variables"), 200, json!(found))
    };
    let with = |mut all: Vec<Value>, key: &str, value: &str| {
        all.push(json!({ "key": key, "value": value }));
        all
    };
    let since = Timestamp::parse("2026-01-01T00:00:10Z").unwrap();
    let server = Server::start([
        on(
            "GET",
            list,
            200,
            json!([at(76, 42), at(75, 41), at(74, 40), at(73, 30), at(72, 20), at(71, 10), at(70, 9)]),
        )
        .header("x-next-page", "2"),
        // Somebody else's, and one that was deleted since the list was made.
        on("GET", "/projects/7/pipelines/76/variables", 403, json!({ "message": "403 Forbidden" })),
        on("GET", "/projects/7/pipelines/75/variables", 404, json!({ "message": "404 Not found" })),
        of(74, variables(true)),
        of(73, with(variables(false), "MERGEWRIGHT_TRAFFIC", "5")),
        of(72, vec![]),
        of(71, with(variables(false), "OTHER", "x")),
    ])
    .await;
    let gitlab = adapter(&server);
    assert_eq!(gitlab.dispatched(REPO, "main", &order(None), since).await.unwrap(), Some(RunId(71)));
    server.add([on("GET", list, 200, json!([at(70, 9)])).header("x-next-page", "2")]);
    assert_eq!(gitlab.dispatched(REPO, "main", &order(None), since).await.unwrap(), None);
    server.finished();
}
