//! Deployments that GitHub made of jobs by itself, and whether a run's files are still there.

use mergewright::domain::{DeploymentState, Job, JobId, JobStatus, Run, RunId, Timestamp};
use mergewright::forge::{ErrorKind, Forge as _};
use serde_json::{Value, json};

use super::{REPO, adapter, serve};
use crate::scripted::{Answer, kind, on, sha};

const LIST: &str = "/repos/acme/models/deployments?environment=production&per_page=20";

fn deploy_job() -> (Run, Job) {
    let job = Job {
        id: JobId(70),
        model: "iris".parse().ok(),
        task: "deploy".to_owned(),
        status: JobStatus::Succeeded,
        web_url: String::new(),
        source: "9".to_owned(),
        started_at: None,
        finished_at: None,
        log_tail: None,
    };
    let (id, sha) = (RunId(9), sha('a'));
    (
        Run {
            id,
            sha,
            web_url: String::new(),
            created_at: Timestamp(0),
            first_at: None,
            jobs: vec![job.clone()],
        },
        job,
    )
}

fn deployments(ids: &[u64]) -> Answer {
    on(
        "GET",
        LIST,
        200,
        ids.iter().map(|id| json!({ "id": id, "environment": "production" })).collect::<Vec<_>>(),
    )
}

fn states(deployment: u64, job: u64, states: &[&str]) -> Answer {
    let state = |state: &&str| {
        json!({ "state": state, "created_at": "2026-11-23T13:30:09Z", "target_url": "",
            "log_url": format!("http://gh/acme/models/actions/runs/9/job/{job}") })
    };
    let target = format!("/repos/acme/models/deployments/{deployment}/statuses?per_page=100");
    on("GET", target, 200, states.iter().map(state).collect::<Vec<_>>())
}

#[tokio::test]
async fn the_deployment_of_a_job_is_the_one_that_links_to_it_and_its_newest_word_counts() {
    for (said, state) in [
        (&["success", "in_progress", "queued"][..], DeploymentState::Succeeded),
        (&["inactive", "success", "in_progress"], DeploymentState::Succeeded),
        (&["failure", "in_progress"], DeploymentState::Failed),
        (&["error"], DeploymentState::Failed),
        (&["in_progress", "queued"], DeploymentState::UnderWay),
        (&["waiting"], DeploymentState::UnderWay),
    ] {
        let server = serve([
            deployments(&[13, 12, 11]),
            states(13, 71, &["success"]),
            states(12, 7, &["success"]),
            states(11, 70, said),
        ])
        .await;
        let (run, job) = deploy_job();
        let found = adapter(&server).deployment(REPO, "production", &run, &job).await.unwrap().unwrap();
        assert_eq!((found.id, found.state), (11, state), "{said:?}");
        assert_eq!(Some(found.at), Timestamp::parse("2026-11-23T13:30:09Z"));
        server.finished();
    }
}

#[tokio::test]
async fn a_deployment_of_another_job_is_not_ours() {
    let server = serve([deployments(&[12, 11]), states(12, 69, &["success"]), states(11, 70, &[])]).await;
    let (run, job) = deploy_job();
    assert_eq!(adapter(&server).deployment(REPO, "production", &run, &job).await.unwrap(), None);
    server.finished();
}

#[tokio::test]
async fn files_are_kept_while_the_newest_artifact_of_the_run_has_not_expired() {
    let list = "/repos/acme/models/actions/runs/31/artifacts?name=iris-model&per_page=100";
    let artifact = |id: u64, expired: bool| json!({ "id": id, "name": "iris-model", "expired": expired });
    let page = |artifacts: Value| on("GET", list, 200, json!({ "total_count": 1, "artifacts": artifacts }));
    let server = serve([]).await;
    let github = adapter(&server);
    let model = "iris".parse().unwrap();
    for (answer, kept) in [
        (page(json!([artifact(1, true), artifact(2, false)])), true),
        (page(json!([artifact(1, false), artifact(2, true)])), false),
        (page(json!([])), false),
        (on("GET", list, 404, json!({ "message": "Not Found" })), false),
    ] {
        server.add([answer]);
        assert_eq!(github.kept(REPO, &model, "31").await.unwrap(), kept);
    }
    assert!(!github.kept(REPO, &model, "no number").await.unwrap());
    server.add([on("GET", list, 403, json!({ "message": "Resource not accessible" }))]);
    assert_eq!(kind(github.kept(REPO, &model, "31").await), ErrorKind::Refused, "not knowing is not gone");
    server.finished();
}
