//! Answers have every field that octocrab's typed models want.

use octocrab::models;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::sandbox::scene::Scene;

#[track_caller]
fn fits<T: DeserializeOwned>(told: Value) {
    let read: Result<T, _> = serde_json::from_value(told);
    let name = std::any::type_name::<T>();
    assert!(read.is_ok(), "{name}: {}", read.err().unwrap());
}

#[tokio::test]
async fn typed_models_read_what_is_answered() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let run = scene.project.head_run(number, "iris").unwrap().id;
    scene.project.job_succeeds(run, "iris:build", "", &[("model.json", b"1")]).unwrap();
    scene.project.approve("mia", number).unwrap();
    let comment = scene.project.comment("mia", number, "hello").unwrap().unwrap();
    scene.project.react("mia", number, comment, "eyes").unwrap();
    scene.project.labels("mia", number, &["model::testing"], &[]).unwrap();
    let status = json!({"state": "success", "context": "mergewright"});
    scene.bot("POST", &format!("/statuses/{}", scene.main), status).await;
    scene.project.tag("mia", "v1", "main", Some("one")).unwrap();
    let release = scene.bot("POST", "/releases", json!({"tag_name": "v1"})).await.json();
    let assets = format!("/releases/{}/assets?name=lineage.json", release["id"]);
    assert_eq!(scene.bot("POST", &assets, json!({})).await.status, 201);
    scene.project.hook("http://127.0.0.1:1/", None, Some("secret")).unwrap();
    let told = async |path: &str| {
        let answer = scene.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        answer.json()
    };
    let pull = format!("/pulls/{number}");
    fits::<models::Repository>(told("").await);
    fits::<models::pulls::PullRequest>(told(&pull).await);
    fits::<Vec<models::pulls::PullRequest>>(told("/pulls").await);
    fits::<Vec<models::repos::DiffEntry>>(told(&format!("{pull}/files")).await);
    fits::<Vec<models::repos::RepoCommit>>(told(&format!("{pull}/commits")).await);
    fits::<Vec<models::pulls::Review>>(told(&format!("{pull}/reviews")).await);
    fits::<models::issues::Issue>(told(&format!("/issues/{number}")).await);
    fits::<models::issues::Comment>(told(&format!("/issues/comments/{comment}")).await);
    fits::<Vec<models::reactions::Reaction>>(told(&format!("/issues/comments/{comment}/reactions")).await);
    fits::<Vec<models::Label>>(told("/labels").await);
    fits::<models::CombinedStatus>(told(&format!("/commits/{}/status", scene.main)).await);
    fits::<models::repos::RepoCommit>(told(&format!("/commits/{}", scene.main)).await);
    fits::<models::commits::CommitComparison>(told("/compare/main...deeper").await);
    fits::<models::repos::Content>(told("/contents/models/iris/params.json").await);
    fits::<Vec<models::repos::Tag>>(told("/tags").await);
    let reference = told("/git/ref/tags/v1").await;
    fits::<models::repos::GitTag>(
        told(&format!("/git/tags/{}", reference["object"]["sha"].as_str().unwrap())).await,
    );
    fits::<models::repos::Ref>(reference);
    fits::<models::repos::Release>(told("/releases/tags/v1").await);
    fits::<Vec<models::hooks::Hook>>(told("/hooks").await);
    let runs = told("/actions/runs").await["workflow_runs"].clone();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    fits::<Vec<models::workflows::Run>>(runs);
    let jobs = told(&format!("/actions/runs/{run}/jobs")).await["jobs"].clone();
    assert_eq!(jobs.as_array().unwrap().len(), 6);
    fits::<Vec<models::workflows::Job>>(jobs);
    let artifacts = told(&format!("/actions/runs/{run}/artifacts")).await["artifacts"].clone();
    fits::<Vec<models::workflows::WorkflowListArtifact>>(artifacts);
    fits::<Vec<models::workflows::WorkFlow>>(told("/actions/workflows").await["workflows"].clone());
}
