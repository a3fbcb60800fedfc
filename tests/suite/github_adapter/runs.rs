//! Workflow runs and jobs: which belong to a head, starting, ending, running again.

use std::collections::BTreeSet;

use mergewright::domain::{FailureCause, JobId, JobStatus, RunId, Timestamp};
use mergewright::forge::{ErrorKind, Forge as _};
use mergewright::generator::{self, Dialect};
use serde_json::{Value, json};

use super::{MR, REPO, TOKEN, adapter, pull, run, runs_of_head, serve};
use crate::scripted::{Answer, Server, kind, on, raw, sha};

fn job(id: u64, name: &str, instead: Value) -> Value {
    let all = json!({
        "id": id, "name": name, "status": "completed", "conclusion": "success", "runner_id": 8,
        "html_url": format!("http://gh/j/{id}"), "steps": [{ "name": "Set up job", "conclusion": "success" }],
    });
    super::changed(all, instead)
}

fn failed(id: u64, name: &str) -> Value {
    job(id, name, json!({ "conclusion": "failure", "steps": [{ "name": "Test", "conclusion": "failure" }] }))
}

fn jobs(run: u64, jobs: impl Into<Value>) -> Answer {
    let jobs = jobs.into();
    let target = format!("/repos/acme/models/actions/runs/{run}/jobs?filter=latest&per_page=100");
    on("GET", target, 200, json!({ "total_count": 1, "jobs": jobs }))
}

/// A run on the head's branch that somebody dispatched.
fn by_hand(id: u64, title: &str) -> Value {
    run(id, json!({ "event": "workflow_dispatch", "display_title": title }))
}

#[tokio::test]
async fn runs_of_a_head_are_those_of_the_generated_workflows_and_nothing_else() {
    let all = json!([
        run(31, json!({})),
        run(32, json!({ "path": ".github/workflows/model-rose.yml@refs/pull/3/merge", "pull_requests": [] })),
        run(33, json!({ "path": ".github/workflows/lint.yml" })),
        run(34, json!({ "pull_requests": [{ "number": 4 }] })),
        run(35, json!({ "event": "push" })),
        run(
            36,
            json!({ "event": "workflow_dispatch", "display_title": format!("mergewright publish v1 {} - - 31", sha('a')) })
        ),
        run(
            37,
            json!({ "event": "workflow_dispatch", "display_title": format!("mergewright run - {} - - -", sha('a')) })
        ),
        run(38, json!({ "head_sha": sha('b') })),
        run(39, json!({ "event": "pull_request_target" })),
        by_hand(40, &format!("mergewright run - {} - - -", sha('b'))),
        by_hand(41, "mergewright run - - - - -"),
        by_hand(42, &format!("mergewright run - {} - - 31", sha('a'))),
        by_hand(43, "A title"),
    ]);
    let server =
        serve([runs_of_head(all), jobs(37, json!([])), jobs(32, json!([])), jobs(31, json!([]))]).await;
    let runs = adapter(&server).runs(MR, &sha('a')).await.unwrap().runs;
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [RunId(37), RunId(32), RunId(31)]);
    assert!(runs.iter().all(|run| run.sha == sha('a')));
    assert_eq!(runs[2].web_url, "http://gh/r/31");
    assert_eq!(Some(runs[2].created_at), Timestamp::parse("2026-01-01T00:00:00Z"));
    server.finished();
}

#[tokio::test]
async fn one_run_tells_each_job_and_why_ours_failed() {
    let list = json!([
        failed(42, "test"),
        job(41, "build", json!({})),
        job(43, "publish", json!({ "conclusion": "skipped", "runner_id": null, "steps": [] })),
    ]);
    let log = "2026-01-01T00:00:00.0000000Z ##[group]Run\n2026-01-01T00:00:00.0000000Z ##[endgroup]\n\
               2026-01-01T00:00:00.0000000Z \u{1b}[31mAssertionError\u{1b}[0m\n";
    let storage = Server::start([raw("GET", "/log?sig=x", 200, log)]).await;
    let again =
        json!({ "run_attempt": 2, "run_started_at": "2026-01-02T00:00:00Z", "conclusion": "failure" });
    let server = serve([
        on("GET", "/repos/acme/models/actions/runs/32", 200, run(32, again)),
        jobs(32, list),
        raw("GET", "/repos/acme/models/actions/jobs/42/logs", 302, "")
            .header("location", format!("{}/log?sig=x", storage.url())),
    ])
    .await;
    let github = adapter(&server);
    let run = github.run(REPO, RunId(32)).await.unwrap();
    assert_eq!(
        Some(run.created_at),
        Timestamp::parse("2026-01-02T00:00:00Z"),
        "as old as its newest attempt"
    );
    let seen: Vec<_> = run.jobs.iter().map(|job| (job.id, job.task.as_str(), job.status.clone())).collect();
    assert_eq!(
        seen,
        [
            (JobId(41), "build", JobStatus::Succeeded),
            (JobId(42), "test", JobStatus::Failed(FailureCause::Script)),
            (JobId(43), "publish", JobStatus::Skipped),
        ]
    );
    let tail = github.log_tail(REPO, run.jobs[1].id, 1000).await.unwrap();
    assert_eq!(tail, "Run\nAssertionError", "read apart, where it can hold nothing up");
    assert_eq!((run.jobs[1].source.as_str(), run.jobs[1].model.as_ref().unwrap().as_str()), ("32", "iris"));
    server.finished();
    let seen = storage.only();
    assert!(!format!("{:?}", seen.headers).contains(TOKEN) && seen.header("authorization").is_none());
}

#[tokio::test]
async fn a_failed_job_without_a_log_and_a_run_that_never_started_are_still_told() {
    let lost = job(42, "build", json!({ "conclusion": "failure", "runner_id": 0, "steps": [] }));
    let server = serve([
        on("GET", "/repos/acme/models/actions/runs/31", 200, run(31, json!({}))),
        jobs(31, json!([lost])),
        on("GET", "/repos/acme/models/actions/jobs/42/logs", 404, json!({ "message": "Not Found" })),
        on(
            "GET",
            "/repos/acme/models/actions/runs/32",
            200,
            run(32, json!({ "conclusion": "startup_failure" })),
        ),
        jobs(32, json!([])),
        on("POST", "/repos/acme/models/actions/runs/32/rerun", 201, json!({})),
    ])
    .await;
    let github = adapter(&server);
    let infrastructure = |word: &str| JobStatus::Failed(FailureCause::Infrastructure(word.to_owned()));
    let run = github.run(REPO, RunId(31)).await.unwrap();
    assert_eq!(run.jobs[0].status, infrastructure("no_runner"));
    assert_eq!(kind(github.log_tail(REPO, run.jobs[0].id, 1000).await), ErrorKind::Gone);
    let run = github.run(REPO, RunId(32)).await.unwrap();
    assert_eq!((run.jobs.len(), &run.jobs[0].status), (1, &infrastructure("startup_failure")));
    assert_eq!(github.retry_job(REPO, RunId(32), run.jobs[0].id).await.unwrap(), RunId(32));
    server.finished();
}

#[tokio::test]
async fn a_generated_step_that_only_fetches_does_not_blame_the_script() {
    let config = mergewright::config::repository::parse(crate::flow::IRIS).unwrap();
    let files = generator::generate(&config, Dialect::GitHub, &generator::Existing::new()).unwrap();
    let workflow = &files[0].content;
    let server = serve([]).await;
    let github = adapter(&server);
    let blamed = |step: &str| {
        job(
            42,
            "test",
            json!({ "conclusion": "failure", "steps": [{ "name": step, "conclusion": "failure" }] }),
        )
    };
    for (step, script) in
        [("Check out", false), ("Set up Python", false), ("Fetch the model", false), ("Test", true)]
    {
        let lines = [format!("- name: {step}"), format!("- name: \"{step}\""), format!("- name: '{step}'")];
        let there = lines.iter().any(|line| workflow.contains(line.as_str()));
        assert!(there || script, "the generated workflow has no step `{step}` any more:\n{workflow}");
        server.add([
            on("GET", "/repos/acme/models/actions/runs/31", 200, run(31, json!({}))),
            jobs(31, json!([blamed(step)])),
        ]);
        let found = github.run(REPO, RunId(31)).await.unwrap();
        let by_script = found.jobs[0].status == JobStatus::Failed(FailureCause::Script);
        assert_eq!(by_script, script, "{step}");
    }
}

#[tokio::test]
async fn only_the_end_of_a_long_log_is_kept() {
    let log: String =
        (0..100_000).map(|line| format!("2026-01-01T00:00:00.0000000Z line {line}\n")).collect();
    let server = serve([raw("GET", "/repos/acme/models/actions/jobs/42/logs", 200, log)]).await;
    let tail = adapter(&server).log_tail(REPO, JobId(42), 24).await.unwrap();
    assert_eq!(tail, "line 99998\nline 99999");
}

fn post(id: u64, verb: &str, status: u16, text: &str) -> Answer {
    on("POST", format!("/repos/acme/models/actions/runs/{id}/{verb}"), status, json!({ "message": text }))
}

#[tokio::test]
async fn starting_runs_each_models_newest_again_and_leaves_alone_what_runs() {
    let rose = ".github/workflows/model-rose.yml";
    let server = serve([
        runs_of_head(json!([
            run(31, json!({})),
            run(33, json!({ "conclusion": "failure" })),
            run(32, json!({ "path": rose, "status": "in_progress", "conclusion": null })),
        ])),
        post(33, "rerun", 201, ""),
        jobs(32, json!([job(42, "build", json!({ "status": "in_progress", "conclusion": null }))])),
    ])
    .await;
    let github = adapter(&server);
    assert_eq!(github.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap(), RunId(33));
    let queued = || runs_of_head(json!([run(31, json!({ "status": "queued", "conclusion": null }))]));
    server.add([queued(), jobs(31, json!([]))]);
    assert_eq!(
        github.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap(),
        RunId(31),
        "it runs already"
    );
    let cancelled = job(41, "build", json!({ "conclusion": "cancelled" }));
    server.add([queued(), jobs(31, json!([cancelled]))]);
    let ending = kind(github.start_run(MR, &sha('a'), &BTreeSet::new()).await);
    assert!(matches!(ending, ErrorKind::Retry { after: Some(_) }), "it ends in a moment: {ending:?}");
    server.add([
        runs_of_head(json!([run(31, json!({}))])),
        post(31, "rerun", 403, "This workflow is already running"),
    ]);
    assert_eq!(
        github.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap(),
        RunId(31),
        "somebody was faster"
    );
    server.add([runs_of_head(json!([run(31, json!({}))])), post(31, "rerun", 403, "Must have admin rights")]);
    assert_eq!(kind(github.start_run(MR, &sha('a'), &BTreeSet::new()).await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn a_run_of_a_fork_that_waits_for_permission_is_approved() {
    let waits = json!({ "conclusion": "action_required", "pull_requests": [] });
    let server = serve([runs_of_head(json!([run(31, waits.clone())])), post(31, "approve", 201, "")]).await;
    let github = adapter(&server);
    assert_eq!(github.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap(), RunId(31));
    server.add([runs_of_head(json!([run(31, waits)])), post(31, "approve", 404, "Not Found")]);
    let error = github.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("on the run's page"), "an Enterprise Server cannot: {error}");
    server.finished();
}

fn dispatched(model: &str, id: u64) -> Answer {
    let target = format!("/repos/acme/models/actions/workflows/model-{model}.yml/dispatches");
    on("POST", target, 200, json!({ "workflow_run_id": id, "run_url": "x", "html_url": "y" }))
}

#[tokio::test]
async fn a_head_without_any_run_has_its_workflows_dispatched() {
    let folder = format!("/repos/acme/models/contents/.github/workflows?ref={}", sha('a'));
    let files = ["model-iris.yml", "lint.yml", "model-rose.yml"];
    let files = files.map(|name| json!({ "path": format!(".github/workflows/{name}"), "type": "file" }));
    let server = serve([
        runs_of_head(json!([])),
        on("GET", "/repos/acme/models/pulls/3", 200, pull(json!({}))),
        on("GET", folder.clone(), 200, json!(files)),
        dispatched("iris", 51),
        dispatched("rose", 52),
    ])
    .await;
    let github = adapter(&server);
    assert_eq!(github.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap(), RunId(52));
    let body = server.finished()[4].json();
    let expected = json!({ "ref": "topic", "return_run_details": true, "inputs": { "action": "run", "commit": sha('a') } });
    assert_eq!(body, expected);
    let none = on("GET", folder, 404, json!({ "message": "Not Found" }));
    server.add([
        runs_of_head(json!([])),
        on("GET", "/repos/acme/models/pulls/3", 200, pull(json!({}))),
        none,
    ]);
    let error = github.start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("mergewright generate"), "{}", error.external);
    server.finished();
}

#[tokio::test]
async fn what_was_begun_for_another_target_is_dispatched_and_never_begun_anew() {
    let rose = ".github/workflows/model-rose.yml";
    let runs = || runs_of_head(json!([run(31, json!({})), run(32, json!({ "path": rose }))]));
    let server = serve([
        runs(),
        post(32, "rerun", 201, ""),
        on("GET", "/repos/acme/models/pulls/3", 200, pull(json!({}))),
        dispatched("iris", 51),
    ])
    .await;
    let github = adapter(&server);
    let other_target = BTreeSet::from([RunId(31)]);
    assert_eq!(github.start_run(MR, &sha('a'), &other_target).await.unwrap(), RunId(51));
    let folder = format!("/repos/acme/models/contents/.github/workflows?ref={}", sha('a'));
    let files = json!([{ "path": ".github/workflows/model-iris.yml", "type": "file" }]);
    server.add([
        runs(),
        on("GET", "/repos/acme/models/pulls/3", 200, pull(json!({}))),
        on("GET", folder, 200, files),
        dispatched("iris", 52),
    ]);
    let other_target = BTreeSet::from([RunId(31), RunId(32)]);
    assert_eq!(github.start_run(MR, &sha('a'), &other_target).await.unwrap(), RunId(52));
    server.finished();
}

#[tokio::test]
async fn a_moved_head_and_a_fork_have_nothing_dispatched() {
    let side = |digit: char, repo: u64| json!({ "head": { "ref": "topic", "sha": sha(digit), "repo": { "id": repo } } });
    for (instead, expected) in [(side('c', 7), ErrorKind::Conflict), (side('a', 8), ErrorKind::Refused)] {
        let server =
            serve([runs_of_head(json!([])), on("GET", "/repos/acme/models/pulls/3", 200, pull(instead))])
                .await;
        assert_eq!(kind(adapter(&server).start_run(MR, &sha('a'), &BTreeSet::new()).await), expected);
        server.finished();
    }
}

#[tokio::test]
async fn a_run_that_is_too_old_to_run_again_is_dispatched_instead() {
    let old = "Unable to retry this workflow run because it was created over a month ago";
    let server = serve([
        runs_of_head(json!([run(31, json!({}))])),
        post(31, "rerun", 403, old),
        on("GET", "/repos/acme/models/pulls/3", 200, pull(json!({}))),
        dispatched("iris", 51),
    ])
    .await;
    assert_eq!(adapter(&server).start_run(MR, &sha('a'), &BTreeSet::new()).await.unwrap(), RunId(51));
    server.finished();
}

#[tokio::test]
async fn cancelling_what_has_ended_is_done() {
    let server = serve([
        post(51, "cancel", 202, ""),
        post(51, "cancel", 409, "Cannot cancel a workflow run that is completed."),
        post(51, "cancel", 404, "Not Found"),
        post(51, "cancel", 403, "Must have admin rights"),
    ])
    .await;
    let github = adapter(&server);
    github.cancel_run(REPO, RunId(51)).await.unwrap();
    github.cancel_run(REPO, RunId(51)).await.unwrap();
    assert_eq!(kind(github.cancel_run(REPO, RunId(51)).await), ErrorKind::Gone);
    assert_eq!(kind(github.cancel_run(REPO, RunId(51)).await), ErrorKind::Refused);
    server.finished();
}

#[tokio::test]
async fn a_job_is_run_again_in_its_run() {
    let retry = "/repos/acme/models/actions/jobs/42/rerun";
    let said = |status: u16, text: &str| on("POST", retry, status, json!({ "message": text }));
    let server = serve([
        said(201, ""),
        said(403, "The workflow run containing this job is already running"),
        said(403, "Resource not accessible"),
    ])
    .await;
    let github = adapter(&server);
    assert_eq!(github.retry_job(REPO, RunId(30), JobId(42)).await.unwrap(), RunId(30));
    assert_eq!(kind(github.retry_job(REPO, RunId(30), JobId(42)).await), ErrorKind::Conflict);
    assert_eq!(kind(github.retry_job(REPO, RunId(30), JobId(42)).await), ErrorKind::Refused);
    server.finished();
}
