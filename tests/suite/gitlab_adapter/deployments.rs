//! Deployments that GitLab made by itself, and whether a job's files are still there.

use mergewright::domain::{DeploymentState, Job, JobId, JobStatus, Run, RunId, Timestamp};
use mergewright::forge::{ErrorKind, Forge as _};
use serde_json::{Value, json};

use super::{REPO, adapter};
use crate::scripted::{Server, kind, on, sha};

const LIST: &str = "/projects/7/deployments?environment=production&order_by=id&sort=desc&per_page=50";

fn deploy_job() -> (Run, Job) {
    let job = Job {
        id: JobId(70),
        model: "iris".parse().ok(),
        task: "deploy".to_owned(),
        status: JobStatus::Succeeded,
        web_url: String::new(),
        source: "70".to_owned(),
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

fn deployment(id: u64, job: Option<u64>, status: &str) -> Value {
    json!({
        "id": id, "iid": id, "status": status, "ref": "main", "sha": sha('a'),
        "created_at": "2026-11-23T13:00:00.000Z", "updated_at": "2026-11-23T13:30:09.000Z",
        "environment": { "id": 1, "name": "production" },
        "deployable": job.map(|id| json!({ "id": id, "name": "iris:deploy" })),
    })
}

#[tokio::test]
async fn the_deployment_of_a_job_is_found_among_those_of_others_and_by_hand() {
    for (status, state) in [
        ("success", DeploymentState::Succeeded),
        ("failed", DeploymentState::Failed),
        ("canceled", DeploymentState::Failed),
        ("running", DeploymentState::UnderWay),
        ("blocked", DeploymentState::UnderWay),
    ] {
        let page = json!([
            deployment(13, Some(71), "success"),
            deployment(12, None, "success"),
            deployment(11, Some(70), status),
        ]);
        let server = Server::start([on("GET", LIST, 200, page)]).await;
        let (run, job) = deploy_job();
        let found = adapter(&server).deployment(REPO, "production", &run, &job).await.unwrap().unwrap();
        assert_eq!((found.id, found.state), (11, state), "{status}");
        assert_eq!(Some(found.at), Timestamp::parse("2026-11-23T13:30:09Z"));
        server.finished();
    }
}

#[tokio::test]
async fn a_deployment_of_an_older_job_is_not_ours() {
    let page = json!([deployment(11, Some(69), "success"), deployment(10, None, "success")]);
    let server = Server::start([on("GET", LIST, 200, page)]).await;
    let (run, job) = deploy_job();
    assert_eq!(adapter(&server).deployment(REPO, "production", &run, &job).await.unwrap(), None);
    server.finished();
}

#[tokio::test]
async fn files_of_a_job_are_kept_until_they_expire() {
    let job =
        |file: Value| json!({ "id": 41, "name": "iris:build", "status": "success", "artifacts_file": file });
    let there = json!({ "filename": "artifacts.zip", "size": 9 });
    let gone = json!({ "filename": null, "size": null });
    for (answer, status, kept) in [
        (job(there), 200, true),
        (job(gone), 200, false),
        (job(Value::Null), 200, false),
        (json!({ "message": "404 Not found" }), 404, false),
    ] {
        let server = Server::start([on("GET", "/projects/7/jobs/41", status, answer)]).await;
        let model = "iris".parse().unwrap();
        assert_eq!(adapter(&server).kept(REPO, &model, "41").await.unwrap(), kept);
        server.finished();
    }
    let refused = json!({ "message": "403 Forbidden" });
    let server = Server::start([on("GET", "/projects/7/jobs/41", 403, refused)]).await;
    let asked = adapter(&server).kept(REPO, &"iris".parse().unwrap(), "41").await;
    assert_eq!(kind(asked), ErrorKind::Refused, "not being allowed to look is no answer");
}
