//! Workflow runs over the API, and what they leave at the other origin.

use std::io::Read as _;

use serde_json::{Value, json};

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Deliveries, File, JobState, Jobs, PipelineState, RunsWait};

use crate::sandbox::scene::{Scene, WORKFLOW, WORKFLOW_PATH};

/// The only run of the pull request's head.
async fn head_run(scene: &Scene, number: u64) -> Value {
    let head = scene.project.merge_request(number).unwrap().head;
    let told = scene.get(&format!("/actions/runs?head_sha={head}&event=pull_request")).await.json();
    assert_eq!(told["total_count"], 1, "{told}");
    told["workflow_runs"][0].clone()
}

fn names(jobs: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let all = jobs["jobs"].as_array().unwrap().iter();
    all.map(|job| (text(&job["name"]), text(&job["conclusion"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}

#[tokio::test]
async fn a_run_is_listed_with_the_jobs_that_the_forge_has_made_so_far() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let run = head_run(&scene, number).await;
    let id = run["id"].as_u64().unwrap();
    assert_eq!(run["path"], WORKFLOW_PATH);
    assert_eq!((run["name"].clone(), run["display_title"].clone()), (json!("iris"), json!("Go deeper")));
    assert_eq!((run["status"].clone(), run["conclusion"].clone()), (json!("queued"), Value::Null));
    assert_eq!(run["pull_requests"][0]["number"], number);
    assert_eq!(run["head_branch"], "deeper");
    let jobs = format!("/actions/runs/{id}/jobs?filter=latest");
    let expected = pairs(&[
        ("build", "-"),
        ("publish", "skipped"),
        ("deploy", "skipped"),
        ("evaluate", "skipped"),
        ("merge_group", "skipped"),
    ]);
    assert_eq!(names(&scene.get(&jobs).await.json()), expected, "the test is made after the build");
    let hidden = scene.project.job(id, "iris:test").unwrap().id;
    assert_eq!(scene.get(&format!("/actions/jobs/{hidden}")).await.status, 404);

    scene.project.job_starts(id, "iris:build").unwrap();
    assert_eq!(scene.get(&format!("/actions/runs/{id}")).await.json()["status"], "in_progress");
    let build = scene.project.job(id, "iris:build").unwrap().id;
    assert_eq!(scene.get(&format!("/actions/jobs/{build}/logs")).await.status, 404, "no log before the end");
    scene.project.job_succeeds(id, "iris:build", "trained\n", &[]).unwrap();
    scene.project.job_fails(id, "iris:test", "2 failed\n", &[]).unwrap();
    let told = scene.get(&jobs).await.json();
    let expected = pairs(&[
        ("build", "success"),
        ("test", "failure"),
        ("publish", "skipped"),
        ("deploy", "skipped"),
        ("evaluate", "skipped"),
        ("merge_group", "skipped"),
    ]);
    assert_eq!(names(&told), expected);
    let test = &told["jobs"][1];
    assert_eq!(test["steps"][1]["conclusion"], "failure");
    assert_eq!(test["runner_name"], "sandbox");
    let ended = scene.get(&format!("/actions/runs/{id}")).await.json();
    assert_eq!(
        (ended["status"].clone(), ended["conclusion"].clone()),
        (json!("completed"), json!("failure"))
    );
    for (query, count) in [
        ("status=failure", 1),
        ("status=success", 0),
        ("branch=deeper", 1),
        ("event=workflow_dispatch", 0),
        ("created=%3E%3D2026-11-23T13%3A30%3A09Z", 1),
        ("created=%3E2026-11-23T13%3A30%3A09Z", 0),
        ("created=2026-11-22..2026-11-24", 1),
    ] {
        assert_eq!(
            scene.get(&format!("/actions/runs?{query}")).await.json()["total_count"],
            count,
            "{query}"
        );
    }
    scene.all_routes_are_known();
}

#[tokio::test]
async fn artifacts_and_logs_come_from_an_origin_that_wants_no_credential() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let id = scene.project.head_run(number, "iris").unwrap().id;
    let files: [(&str, &[u8]); 1] = [("models/iris/model.json", b"{}")];
    let build = scene.project.job_succeeds(id, "iris:build", "trained\n", &files).unwrap();
    scene.project.job_succeeds(id, "iris:test", "", &[("models/iris/metrics.json", b"{}")]).unwrap();
    let list = format!("/actions/runs/{id}/artifacts");
    assert_eq!(scene.get(&list).await.json()["total_count"], 2);
    let one = scene.get(&format!("{list}?name=iris-model")).await.json();
    assert_eq!(
        (one["total_count"].clone(), one["artifacts"][0]["expired"].clone()),
        (json!(1), json!(false))
    );
    let artifact = one["artifacts"][0]["id"].as_u64().unwrap();

    let bearer = format!("Bearer {}", scene.forge.bot("mergewright-bot").token());
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let follow = async |path: String| {
        let url = format!("{}/repos/acme/iris{path}", scene.forge.url());
        let told = client.get(url).header("authorization", &bearer).send().await.unwrap();
        assert_eq!(told.status().as_u16(), 302);
        told.headers()["location"].to_str().unwrap().to_owned()
    };
    let place = follow(format!("/actions/artifacts/{artifact}/zip")).await;
    assert!(!place.starts_with(scene.forge.url()), "{place}");
    let leaked = client.get(&place).header("authorization", &bearer).send().await.unwrap();
    assert_eq!(leaked.status().as_u16(), 403, "whoever brings a credential is refused");
    let zip = client.get(&place).send().await.unwrap();
    assert_eq!(zip.status().as_u16(), 200);
    assert!(zip.bytes().await.unwrap().starts_with(b"PK\x03\x04"));
    let forged = place.replace(&format!("/{artifact}?"), &format!("/{}?", artifact + 1));
    assert_eq!(client.get(&forged).send().await.unwrap().status().as_u16(), 403);
    let log = follow(format!("/actions/jobs/{build}/logs")).await;
    assert_eq!(client.get(&log).send().await.unwrap().text().await.unwrap(), "trained\n");

    scene.project.expire_artifacts(build).unwrap();
    let gone = scene.get(&format!("{list}?name=iris-model")).await.json();
    assert_eq!(gone["artifacts"][0]["expired"], true);
    let url = format!("{}/repos/acme/iris/actions/artifacts/{artifact}/zip", scene.forge.url());
    let told = client.get(url).header("authorization", &bearer).send().await.unwrap();
    assert_eq!(told.status().as_u16(), 410);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_run_keeps_its_number_through_every_attempt() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let id = scene.project.head_run(number, "iris").unwrap().id;
    let rerun = format!("/actions/runs/{id}/rerun");
    assert_eq!(scene.bot("POST", &rerun, json!({})).await.status, 403, "it is running");
    scene.project.job_succeeds(id, "iris:build", "", &[("a", b"1")]).unwrap();
    scene.project.job_breaks(id, "iris:test", "runner_system_failure").unwrap();
    let told = scene.get(&format!("/actions/runs/{id}/jobs")).await.json();
    assert_eq!(told["jobs"][1]["conclusion"], "failure");
    assert_eq!(told["jobs"][1]["steps"], json!([]), "a lost runner leaves no steps");
    assert_eq!(told["jobs"][1]["runner_id"], 0);

    let test = told["jobs"][1]["id"].as_u64().unwrap();
    assert_eq!(scene.bot("POST", &format!("/actions/jobs/{test}/rerun"), json!({})).await.status, 201);
    assert_eq!(scene.get(&format!("/actions/runs/{id}")).await.json()["run_attempt"], 2);
    assert_eq!(
        scene.project.job(id, "iris:build").unwrap().state,
        JobState::Success,
        "only the test runs again"
    );
    scene.project.job_succeeds(id, "iris:test", "", &[]).unwrap();
    assert_eq!(scene.bot("POST", &rerun, json!({})).await.status, 201);
    let run = scene.get(&format!("/actions/runs/{id}")).await.json();
    assert_eq!((run["run_attempt"].clone(), run["status"].clone()), (json!(3), json!("queued")));
    assert_eq!(scene.get(&format!("/actions/runs/{id}/artifacts")).await.json()["total_count"], 0);
    let all = scene.get(&format!("/actions/runs/{id}/jobs?filter=all")).await.json();
    let attempts: Vec<u64> =
        all["jobs"].as_array().unwrap().iter().map(|job| job["run_attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3], "all; test; all but test");

    assert_eq!(scene.bot("POST", &format!("/actions/runs/{id}/cancel"), json!({})).await.status, 202);
    assert_eq!(scene.get(&format!("/actions/runs/{id}")).await.json()["conclusion"], "cancelled");
    assert_eq!(scene.bot("POST", &format!("/actions/runs/{id}/cancel"), json!({})).await.status, 409);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_run_may_need_somebodys_permission() {
    let scene = Scene::hub().await;
    scene.project.runs_wait(RunsWait::Always).unwrap();
    let number = scene.merge_request();
    let run = head_run(&scene, number).await;
    let id = run["id"].as_u64().unwrap();
    let standing = (run["status"].clone(), run["conclusion"].clone());
    assert_eq!(standing, (json!("completed"), json!("action_required")));
    assert_eq!(scene.get(&format!("/actions/runs/{id}/jobs")).await.json()["total_count"], 0);
    assert_eq!(scene.bot("POST", &format!("/actions/runs/{id}/approve"), json!({})).await.status, 201);
    assert_eq!(scene.get(&format!("/actions/runs/{id}")).await.json()["status"], "queued");
    assert_eq!(scene.bot("POST", &format!("/actions/runs/{id}/approve"), json!({})).await.status, 403);
    scene.project.job_succeeds(id, "iris:build", "", &[]).unwrap();
}

#[tokio::test]
async fn a_dispatch_tells_its_run_or_leaves_it_to_be_found_by_its_title() {
    let scene = Scene::hub().await;
    let path = "/actions/workflows/model-iris.yml/dispatches";
    let inputs = json!({"action": "publish", "version": "v1", "commit": scene.main.as_str(), "source": "7"});
    let wish = json!({"ref": "main", "inputs": inputs, "return_run_details": true});
    let started = scene.bot("POST", path, wish.clone()).await;
    assert_eq!(started.status, 200);
    let id = started.json()["workflow_run_id"].as_u64().unwrap();
    let run = scene.get(&format!("/actions/runs/{id}")).await.json();
    let title = format!("mergewright publish v1 {} - - 7", scene.main);
    assert_eq!(
        (run["display_title"].clone(), run["event"].clone()),
        (json!(title), json!("workflow_dispatch"))
    );
    let jobs = scene.get(&format!("/actions/runs/{id}/jobs")).await.json();
    assert_eq!(
        names(&jobs),
        pairs(&[
            ("build", "skipped"),
            ("test", "skipped"),
            ("publish", "-"),
            ("deploy", "skipped"),
            ("evaluate", "skipped"),
            ("merge_group", "skipped"),
        ])
    );

    scene.forge.enterprise_server(true);
    assert_eq!(scene.bot("POST", path, wish).await.status, 422, "an Enterprise Server knows no such key");
    let plain = json!({"ref": "main", "inputs": inputs});
    let quiet = scene.bot("POST", path, plain).await;
    assert_eq!((quiet.status, quiet.bytes.len()), (204, 0));
    let found = scene.get("/actions/runs?event=workflow_dispatch").await.json();
    assert_eq!(
        (found["total_count"].clone(), found["workflow_runs"][0]["display_title"].clone()),
        (json!(2), json!(title))
    );
    assert!(found["workflow_runs"][0]["url"].as_str().unwrap().contains("/api/v3/repos/acme/iris/"));

    let wrong = [
        (json!({"ref": "main", "inputs": {"action": "publish", "colour": "red"}}), 422),
        (json!({"ref": "main", "inputs": {}}), 422),
        (json!({"ref": "nowhere", "inputs": inputs}), 422),
        (json!({"inputs": inputs}), 422),
    ];
    for (body, status) in wrong {
        assert_eq!(scene.bot("POST", path, body.clone()).await.status, status, "{body}");
    }
    let other = "/actions/workflows/model-other.yml/dispatches";
    assert_eq!(scene.bot("POST", other, json!({"ref": "main"})).await.status, 404);
    let known = scene.get("/actions/workflows").await.json();
    let number = known["workflows"][0]["id"].as_u64().unwrap();
    assert_eq!(scene.get(&format!("/actions/workflows/{number}")).await.json()["path"], WORKFLOW_PATH);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_pull_request_that_conflicts_runs_nothing_and_one_file_is_one_run() {
    let second = WORKFLOW.replace("\"iris\"", "\"rose\"").replace("mergewright-iris-", "mergewright-rose-");
    let files = [
        File::write(WORKFLOW_PATH, WORKFLOW),
        File::write(".github/workflows/model-rose.yml", second),
        File::write(".github/workflows/broken.yml", "on: push\n"),
    ];
    let scene = Scene::on(ForgeKind::GitHub, Jobs::ByHand, Deliveries::ByHand, &files).await;
    let number = scene.merge_request();
    let (iris, rose) =
        (scene.project.head_run(number, "iris").unwrap(), scene.project.head_run(number, "rose").unwrap());
    assert_ne!(iris.id, rose.id);
    scene.project.job_succeeds(iris.id, "rose:build", "", &[("a", b"1")]).unwrap();
    assert!(
        scene.project.job(rose.id, "rose:test").unwrap().state == JobState::Pending,
        "by the model's name"
    );
    let head = scene.project.branch("deeper").unwrap();
    let told = scene.get(&format!("/actions/runs?head_sha={head}&status=startup_failure")).await.json();
    assert_eq!(told["workflow_runs"][0]["path"], ".github/workflows/broken.yml");
    let broken = told["workflow_runs"][0]["id"].as_u64().unwrap();
    assert_eq!(scene.project.pipeline_state(broken).unwrap(), PipelineState::Failed);

    let before = scene.project.pipelines().unwrap().len();
    let change = [File::write("models/iris/params.json", "{\"depth\": 9}\n")];
    scene.project.push("mia", "main", &change, "Otherwise").unwrap();
    let pushed = scene.project.pipelines().unwrap().len();
    scene.project.push("ada", "deeper", &[File::write("models/iris/notes.txt", "1")], "More").unwrap();
    let all = scene.project.pipelines().unwrap();
    let of_pull = all.iter().filter(|run| run.merge_request == Some(number)).count();
    assert_eq!(of_pull, 3, "nothing new for a pull request that cannot be merged");
    assert!(before < pushed, "a push is judged by each file of its own");
}

#[tokio::test]
async fn of_the_deployments_to_one_place_one_runs_and_the_newest_waits() {
    let files = [File::write(
        ".github/workflows/model-speech.yml",
        include_str!("../../../data/golden/github/two-models/.github/workflows/model-speech.yml"),
    )];
    let scene = Scene::on(ForgeKind::GitHub, Jobs::ByHand, Deliveries::ByHand, &files).await;
    let deploy = |environment: &str| {
        let order = [
            ("MERGEWRIGHT_ACTION", "deploy"),
            ("MERGEWRIGHT_MODEL", "speech"),
            ("MERGEWRIGHT_ENVIRONMENT", environment),
        ];
        scene.project.run_pipeline("mia", "main", &order).unwrap()
    };
    let state = |run: u64| scene.project.job(run, "speech:deploy").unwrap().state;
    let (first, second) = (deploy("staging"), deploy("staging"));
    assert_eq!((state(first), state(second)), (JobState::Pending, JobState::Created));
    let jobs = scene.get(&format!("/actions/runs/{second}/jobs")).await.json();
    let waiting = jobs["jobs"].as_array().unwrap().iter().find(|job| job["name"] == "deploy").unwrap();
    assert_eq!(waiting["status"], "pending");
    let (third, other) = (deploy("staging"), deploy("production"));
    assert_eq!(state(second), JobState::Canceled, "a newer one waits in its place");
    assert_eq!((state(third), state(other)), (JobState::Created, JobState::Pending));
    scene.project.job_fails(first, "speech:deploy", "", &[]).unwrap();
    assert_eq!(state(third), JobState::Pending);
    assert_eq!(scene.get(&format!("/actions/runs/{second}")).await.json()["conclusion"], "cancelled");
}

#[tokio::test]
async fn the_generated_workflow_really_trains_and_tests_and_leaves_its_files() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/iris/models/iris");
    let mut files = vec![File::write(WORKFLOW_PATH, WORKFLOW)];
    for name in ["train.py", "evaluate.py", "publish.sh", "params.json", "data/train.csv", "data/holdout.csv"]
    {
        if let Ok(content) = std::fs::read(root.join(name)) {
            files.push(File::write(&format!("models/iris/{name}"), content));
        }
    }
    let scene = Scene::on(ForgeKind::GitHub, Jobs::Shell, Deliveries::ByHand, &files).await;
    // The scene's own parameters are not the model's.
    let params = std::fs::read(root.join("params.json")).unwrap();
    scene
        .project
        .push("mia", "main", &[File::write("models/iris/params.json", params)], "Parameters")
        .unwrap();
    scene.project.push("ada", "next", &[File::write("models/iris/NOTES.md", "again")], "Train anew").unwrap();
    let number = scene.project.open_merge_request("ada", "next", "Train anew").unwrap();
    let run = scene.project.head_run(number, "iris").unwrap();
    assert_eq!(run.error, None);
    let jobs = scene.ended(run.id).await;
    let ended: Vec<(&str, &JobState)> = jobs.iter().map(|job| (job.name.as_str(), &job.state)).collect();
    let (done, left_out) = (&JobState::Success, &JobState::Skipped);
    let expected = [
        ("build", done),
        ("test", done),
        ("publish", left_out),
        ("deploy", left_out),
        ("evaluate", left_out),
        ("merge_group", left_out),
    ];
    assert_eq!(ended, expected, "{}{}", jobs[0].log, jobs[1].log);
    let run = scene.project.head_run(number, "iris").unwrap();
    let kept: Vec<&str> = run.uploads.keys().map(String::as_str).collect();
    assert_eq!(kept, ["iris-model", "iris-reports"]);

    // The same bytes, measured by the code and on the data of another branch.
    let archive = std::io::Cursor::new(run.uploads["iris-model"].as_slice());
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    let mut model = Vec::new();
    archive.by_name("models/iris/model.json").unwrap().read_to_end(&mut model).unwrap();
    let digest = mergewright::domain::Digest::of(&model).hex();
    let main = scene.project.branch("main").unwrap();
    let artifacts = json!([format!("{digest}  models/iris/model.json")]);
    let lineage = json!({"artifacts": artifacts, "commit": main, "model": "iris", "version": "v1"});
    scene.project.tag("mia", "iris@v1.0.0", main.as_str(), Some(&lineage.to_string())).unwrap();
    let head = scene.project.branch("next").unwrap();
    let source = run.id.to_string();
    let evaluate = |branch: &str, commit: &str| {
        let order = [
            ("MERGEWRIGHT_ACTION", "evaluate"),
            ("MERGEWRIGHT_MODEL", "iris"),
            ("MERGEWRIGHT_COMMIT", commit),
            ("MERGEWRIGHT_VERSION", "v1"),
            ("MERGEWRIGHT_SOURCE", source.as_str()),
        ];
        scene.project.run_pipeline("mia", branch, &order).unwrap()
    };
    let ended = async |run: u64| {
        scene.ended(run).await;
        scene.project.job(run, "iris:evaluate").unwrap()
    };
    let measured = evaluate("next", head.as_str());
    let job = ended(measured).await;
    assert_eq!(job.state, JobState::Success, "{}", job.log);
    assert!(job.log.contains("1 file(s) of iris v1 verified against the tag"), "{}", job.log);
    let runs = scene.project.pipelines().unwrap();
    let kept = runs.iter().find(|run| run.id == measured).unwrap().uploads.keys().collect::<Vec<_>>();
    assert_eq!(kept, ["iris-reports"]);
    for (branch, commit) in [("main", &head), ("next", &main)] {
        let job = ended(evaluate(branch, commit.as_str())).await;
        assert_eq!(job.state, JobState::Skipped, "{branch} at {commit}");
    }
}
