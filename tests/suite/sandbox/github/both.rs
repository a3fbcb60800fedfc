//! What people and CI do reads alike on both forges, and comes to the same.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{DeploymentState, File, JobState, PipelineState};

use crate::sandbox::scene::Scene;

const FORGES: [ForgeKind; 2] = [ForgeKind::GitLab, ForgeKind::GitHub];

#[tokio::test]
async fn a_change_of_the_model_runs_build_and_test_and_nothing_else() {
    for forge in FORGES {
        let scene = Scene::of(forge).await;
        let number = scene.merge_request();
        let run = scene.project.head_run(number, "iris").unwrap();
        assert_eq!(run.error, None, "{forge:?}");
        assert_eq!(run.id, scene.project.head_pipeline(number).unwrap().id);
        assert_eq!(run.sha, scene.project.branch("deeper").unwrap());
        assert_eq!(scene.project.job(run.id, "iris:build").unwrap().state, JobState::Pending);
        assert_eq!(scene.project.job(run.id, "iris:test").unwrap().state, JobState::Created);
        assert!(scene.project.job_starts(run.id, "iris:test").is_err(), "the test waits for the build");

        let files: [(&str, &[u8]); 1] = [("models/iris/model.json", b"{}")];
        scene.project.job_succeeds(run.id, "iris:build", "trained\n", &files).unwrap();
        assert_eq!(scene.project.job(run.id, "iris:test").unwrap().state, JobState::Pending);
        scene.project.job_fails(run.id, "iris:test", "2 failed\n", &[]).unwrap();
        assert_eq!(scene.project.pipeline_state(run.id).unwrap(), PipelineState::Failed);

        let test = scene.project.job(run.id, "iris:test").unwrap().id;
        let again = scene.project.retry("mia", test).unwrap();
        assert_ne!(again, test);
        scene.project.job_succeeds(run.id, "iris:test", "", &[]).unwrap();
        assert_eq!(scene.project.pipeline_state(run.id).unwrap(), PipelineState::Success, "{forge:?}");

        scene.project.push("ada", "docs", &[File::write("README.md", "hello")], "Docs").unwrap();
        let aside = scene.project.open_merge_request("ada", "docs", "Docs").unwrap();
        assert!(scene.project.head_run(aside, "iris").is_err(), "{forge:?}");
    }
}

#[tokio::test]
async fn a_new_commit_cancels_the_older_run() {
    for forge in FORGES {
        let scene = Scene::of(forge).await;
        let number = scene.merge_request();
        let old = scene.project.head_run(number, "iris").unwrap();
        scene
            .project
            .push("ada", "deeper", &[File::write("models/iris/params.json", "{}")], "Again")
            .unwrap();
        let new = scene.project.head_run(number, "iris").unwrap();
        assert_ne!(new.id, old.id);
        assert_eq!(scene.project.pipeline_state(old.id).unwrap(), PipelineState::Canceled, "{forge:?}");
        assert_eq!(scene.project.job(new.id, "iris:build").unwrap().state, JobState::Pending);
    }
}

#[tokio::test]
async fn publishing_is_started_with_the_same_words() {
    for forge in FORGES {
        let scene = Scene::of(forge).await;
        let order = [
            ("MERGEWRIGHT_ACTION", "publish"),
            ("MERGEWRIGHT_MODEL", "iris"),
            ("MERGEWRIGHT_VERSION", "v1"),
            ("MERGEWRIGHT_COMMIT", scene.main.as_str()),
            ("MERGEWRIGHT_SOURCE", "7"),
        ];
        let run = scene.project.run_pipeline("mia", "main", &order).unwrap();
        let waiting: Vec<u64> =
            scene.project.waiting_jobs().unwrap().iter().map(|job| job.pipeline).collect();
        assert_eq!(waiting, [run], "{forge:?}");
        let job = scene.project.job(run, "iris:publish").unwrap();
        assert_eq!(job.variables["MERGEWRIGHT_VERSION"], "v1");
        assert_eq!(job.variables["MERGEWRIGHT_COMMIT"], scene.main.as_str());
        scene.project.protect("main", false).unwrap();
        let unprotected = scene.project.run_pipeline("mia", "main", &order);
        let ran = unprotected.ok().and_then(|run| scene.project.job(run, "iris:publish").ok());
        assert!(ran.is_none_or(|job| job.state == JobState::Skipped), "{forge:?}");
    }
}

#[tokio::test]
async fn a_draft_and_a_conflict_are_not_merged() {
    for forge in FORGES {
        let scene = Scene::of(forge).await;
        let number = scene.merge_request();
        scene.project.set_draft("ada", number, true).unwrap();
        assert!(scene.project.merge_request(number).unwrap().is_draft());
        assert!(scene.project.merge("mia", number).is_err(), "{forge:?}");
        scene.project.set_draft("ada", number, false).unwrap();
        assert_eq!(scene.project.merge_request(number).unwrap().title, "Go deeper");
        let change = [File::write("models/iris/params.json", "{\"depth\": 9}\n")];
        scene.project.push("mia", "main", &change, "Otherwise").unwrap();
        assert!(scene.project.merge("mia", number).is_err(), "{forge:?}");
        assert!(scene.project.push("ada", "main", &change, "No").is_err(), "main is protected");
    }
}

#[tokio::test]
async fn an_approval_stands_until_it_is_taken_back() {
    for forge in FORGES {
        let scene = Scene::of(forge).await;
        let number = scene.merge_request();
        assert!(scene.project.approve("ada", number).is_err(), "nobody approves the own work");
        scene.project.approve("mia", number).unwrap();
        let mia = scene.forge.person("mia").id;
        let by = |number| -> Vec<u64> {
            scene.project.merge_request(number).unwrap().approvals.iter().map(|one| one.by).collect()
        };
        assert_eq!(by(number), [mia], "{forge:?}");
        scene.project.unapprove("mia", number).unwrap();
        assert!(by(number).is_empty(), "{forge:?}");
    }
}

#[tokio::test]
async fn a_job_with_an_environment_deploys_once_it_begins() {
    let files = [File::write(
        ".github/workflows/model-speech.yml",
        include_str!("../../../data/golden/github/two-models/.github/workflows/model-speech.yml"),
    )];
    let scene = Scene::on(
        ForgeKind::GitHub,
        mergewright::sandbox::Jobs::ByHand,
        mergewright::sandbox::Deliveries::ByHand,
        &files,
    )
    .await;
    let order = |environment: &'static str| {
        [
            ("MERGEWRIGHT_ACTION", "deploy"),
            ("MERGEWRIGHT_MODEL", "speech"),
            ("MERGEWRIGHT_VERSION", "v1"),
            ("MERGEWRIGHT_ENVIRONMENT", environment),
            ("MERGEWRIGHT_SOURCE", "7"),
        ]
    };
    let deploy = |environment| scene.project.run_pipeline("mia", "main", &order(environment)).unwrap();
    let run = deploy("staging");
    assert!(scene.project.deployments().unwrap().is_empty(), "GitHub makes it when the job begins");
    scene.project.job_succeeds(run, "speech:deploy", "", &[]).unwrap();
    let made = scene.project.deployments().unwrap();
    let states: Vec<DeploymentState> = made[0].history.iter().map(|(state, _at)| *state).collect();
    assert_eq!(states, [DeploymentState::Running, DeploymentState::Success]);
    let second = deploy("staging");
    scene.project.job_fails(second, "speech:deploy", "", &[]).unwrap();
    let third = deploy("staging");
    scene.project.job_succeeds(third, "speech:deploy", "", &[]).unwrap();
    let other = deploy("production");
    scene.project.job_starts(other, "speech:deploy").unwrap();

    let listed = scene.get("/deployments?environment=staging").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(listed[0]["sha"], scene.main.as_str());
    let states = async |deployment: u64| -> Vec<String> {
        let told = scene.get(&format!("/deployments/{deployment}/statuses")).await.json();
        told.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(made[0].id).await, ["inactive", "success", "in_progress"], "the newest first");
    assert_eq!(states(listed[1]["id"].as_u64().unwrap()).await, ["failure", "in_progress"]);
    assert_eq!(states(listed[0]["id"].as_u64().unwrap()).await, ["success", "in_progress"]);
    let newest = scene.get(&format!("/deployments/{}/statuses", made[0].id)).await.json();
    let job = scene.project.job(run, "speech:deploy").unwrap().id;
    assert!(newest[0]["log_url"].as_str().unwrap().ends_with(&format!("/actions/runs/{run}/job/{job}")));
    let places = scene.get("/environments").await.json();
    assert_eq!(places["total_count"], 2);
    assert_eq!(places["environments"][1]["name"], "production");
    scene.all_routes_are_known();
}
