//! Deployments: made by jobs that name an environment, read over the API, told by hooks.

use serde_json::{Value, json};

use mergewright::sandbox::{Deliveries, DeploymentState, Jobs};

use super::scene::Scene;

/// A file whose jobs deploy, or only use what is kept for an environment.
const FILE: &str = r#"
stages: [publish, deploy]
publish:
  stage: publish
  environment: {name: mergewright-publish, action: access}
  script: ["true"]
deploy:
  stage: deploy
  environment: {name: $MERGEWRIGHT_ENVIRONMENT}
  resource_group: $MERGEWRIGHT_ENVIRONMENT
  script: ["true"]
"#;

async fn deploying(environment: &str) -> (Scene, u64) {
    let scene = Scene::with(Jobs::ByHand, Deliveries::ByHand, FILE).await;
    let run = start(&scene, environment);
    (scene, run)
}

fn start(scene: &Scene, environment: &str) -> u64 {
    let order = [("MERGEWRIGHT_ENVIRONMENT", environment)];
    let run = scene.project.run_pipeline("mia", "main", &order).unwrap();
    scene.project.job_succeeds(run, "publish", "", &[]).unwrap();
    run
}

fn words(listed: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = listed.as_array().unwrap().iter();
    all.map(|one| (text(&one["environment"]["name"]), text(&one["status"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}

#[tokio::test]
async fn a_deployment_follows_its_job() {
    let (scene, run) = deploying("staging").await;
    let job = scene.project.job(run, "deploy").unwrap().id;
    assert_eq!(words(&scene.get("/deployments").await.json()), pairs(&[("staging", "created")]));
    scene.project.job_starts(run, "deploy").unwrap();
    assert_eq!(words(&scene.get("/deployments").await.json()), pairs(&[("staging", "running")]));
    scene.project.job_succeeds(run, "deploy", "served\n", &[]).unwrap();

    let made = scene.project.deployments().unwrap();
    let states: Vec<DeploymentState> = made[0].history.iter().map(|(state, _at)| *state).collect();
    assert_eq!(states, [DeploymentState::Created, DeploymentState::Running, DeploymentState::Success]);
    let told = scene.get(&format!("/deployments/{}", made[0].id)).await.json();
    assert_eq!(told["sha"], scene.main.as_str());
    assert_eq!(told["ref"], "main");
    assert_eq!(told["deployable"]["id"], job);
    assert_eq!(told["deployable"]["pipeline"]["id"], run);
    assert_eq!(told["user"]["username"], "mia");
    let named = scene.get("/environments?name=staging").await.json();
    let id = named[0]["id"].as_u64().unwrap();
    let last = scene.get(&format!("/environments/{id}")).await.json();
    assert_eq!(last["last_deployment"]["id"], made[0].id);
    assert_eq!(scene.get("/environments?name=mergewright-publish").await.json(), json!([]));
    assert_eq!(scene.get("/deployments/9").await.status, 404);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn deployments_are_found_by_environment_and_order() {
    let (scene, first) = deploying("staging").await;
    scene.project.job_fails(first, "deploy", "no route\n", &[]).unwrap();
    let second = start(&scene, "production");
    scene.project.cancel("mia", second).unwrap();
    let third = start(&scene, "staging");
    scene.project.job_succeeds(third, "deploy", "", &[]).unwrap();

    let all = [("staging", "failed"), ("production", "canceled"), ("staging", "success")];
    assert_eq!(words(&scene.get("/deployments").await.json()), pairs(&all), "the oldest first");
    let newest = scene.get("/deployments?environment=staging&order_by=created_at&sort=desc").await.json();
    assert_eq!(words(&newest), pairs(&[("staging", "success"), ("staging", "failed")]));
    let good = scene.get("/deployments?environment=staging&status=success&per_page=1").await;
    assert_eq!(words(&good.json()), pairs(&[("staging", "success")]));
    assert_eq!(scene.get("/deployments?order_by=nothing").await.status, 400);

    let job = scene.project.job(first, "deploy").unwrap().id;
    scene.project.retry("mia", job).unwrap();
    assert_eq!(scene.project.deployments().unwrap().len(), 4, "a job that runs again deploys again");
}

#[tokio::test]
async fn hooks_tell_of_a_deployment_from_its_start_to_its_end() {
    let (scene, run) = deploying("staging").await;
    scene.project.hook("http://127.0.0.1:1/", None, None).unwrap();
    scene.project.job_fails(run, "deploy", "no route\n", &[]).unwrap();
    let told: Vec<Value> = scene
        .forge
        .pending_deliveries()
        .iter()
        .filter(|one| one.event == "Deployment Hook")
        .map(|one| serde_json::from_str(&one.body).unwrap())
        .collect();
    let words: Vec<&str> = told.iter().map(|body| body["status"].as_str().unwrap()).collect();
    assert_eq!(words, ["running", "failed"]);
    assert_eq!(told[1]["object_kind"], "deployment");
    assert_eq!(told[1]["environment"], "staging");
    assert_eq!(told[1]["deployable_id"], scene.project.job(run, "deploy").unwrap().id);
    assert_eq!(told[1]["deployment_id"], scene.project.deployments().unwrap()[0].id);
    assert_eq!(told[1]["short_sha"], scene.main.short());
    assert_eq!(told[1]["project"]["id"], scene.project.id());
}
