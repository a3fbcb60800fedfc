//! Which pipelines the real generated file gives, and what by-hand jobs do to them.

use serde_json::{Value, json};

use mergewright::sandbox::{Deliveries, File, JobState, Jobs, PipelineState};

use super::scene::Scene;

fn names(jobs: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        jobs.as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn opening_and_pushing_start_exactly_one_detached_pipeline_each() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    assert_eq!(scene.project.pipelines().unwrap().len(), 1, "neither main nor the branch had one of its own");
    let first = scene.project.head_pipeline(number).unwrap();
    let told = scene.get(&format!("/pipelines/{}", first.id)).await.json();
    assert_eq!(told["source"], "merge_request_event");
    assert_eq!(told["ref"], format!("refs/merge-requests/{number}/head"));
    let jobs = scene.get(&format!("/pipelines/{}/jobs", first.id)).await.json();
    assert_eq!(names(&jobs), ["iris:build", "iris:test"]);
    let build = scene.project.job(first.id, "iris:build").unwrap();
    assert_eq!(build.state, JobState::Pending);
    assert_eq!(build.variables["CI_MERGE_REQUEST_IID"], number.to_string());
    assert_eq!(build.variables["CI_COMMIT_SHA"], first.sha.as_str());
    assert!(!build.variables.contains_key("CI_COMMIT_BRANCH"));
    assert_eq!(scene.project.job(first.id, "iris:test").unwrap().state, JobState::Created);

    scene.project.push("ada", "deeper", &[File::write("models/iris/params.json", "{}")], "Again").unwrap();
    let runs = scene.get(&format!("/merge_requests/{number}/pipelines")).await.json();
    assert_eq!(runs.as_array().unwrap().len(), 2);
    assert_eq!(runs[0]["sha"], scene.project.branch("deeper").unwrap().as_str());
    assert_eq!(runs[1]["status"], "canceled", "the file says that a new commit interrupts the old run");
}

#[tokio::test]
async fn a_change_elsewhere_starts_nothing_and_says_so_when_asked() {
    let scene = Scene::open().await;
    scene.project.push("ada", "docs", &[File::write("README.md", "hello")], "Docs").unwrap();
    let number = scene.project.open_merge_request("ada", "docs", "Docs").unwrap();
    assert!(scene.project.head_pipeline(number).is_err());
    let asked = scene.bot("POST", &format!("/merge_requests/{number}/pipelines"), json!({})).await;
    assert_eq!(asked.status, 400);
    assert!(asked.text().contains("Pipeline will not run for the selected trigger"), "{}", asked.text());
}

#[tokio::test]
async fn publishing_runs_on_the_protected_default_branch_only() {
    let scene = Scene::open().await;
    let variables = json!([
        {"key": "MERGEWRIGHT_ACTION", "value": "publish"},
        {"key": "MERGEWRIGHT_MODEL", "value": "iris"},
    ]);
    let started = scene.bot("POST", "/pipeline", json!({"ref": "main", "variables": variables})).await;
    assert_eq!(started.status, 201);
    let id = started.json()["id"].as_u64().unwrap();
    assert_eq!(names(&scene.get(&format!("/pipelines/{id}/jobs")).await.json()), ["iris:publish"]);
    let given = scene.get(&format!("/pipelines/{id}/variables")).await.json();
    assert_eq!(
        given[0],
        json!({"key": "MERGEWRIGHT_ACTION", "value": "publish", "variable_type": "env_var", "raw": false})
    );
    assert_eq!(scene.project.job(id, "iris:publish").unwrap().variables["CI_COMMIT_REF_PROTECTED"], "true");
    let listed = scene.get("/pipelines?ref=main&source=api").await.json();
    assert_eq!(listed[0]["id"], id);

    scene.project.protect("main", false).unwrap();
    let refused = scene.bot("POST", "/pipeline", json!({"ref": "main", "variables": variables})).await;
    assert_eq!(refused.status, 400);
    let plain = scene.bot("POST", "/pipeline", json!({"ref": "main"})).await;
    assert_eq!(plain.status, 400, "without an action the default branch runs nothing");
    assert_eq!(scene.bot("POST", "/pipeline", json!({"ref": "nowhere"})).await.status, 400);
}

#[tokio::test]
async fn deploying_goes_to_known_environments_only() {
    let file = include_str!("../../data/golden/gitlab/two-models.gitlab-ci.yml");
    let scene = Scene::with(Jobs::ByHand, Deliveries::ByHand, file).await;
    for (action, environment, expected) in [
        ("deploy", "staging", &["speech:deploy"][..]),
        ("rollback", "production", &["speech:deploy"]),
        ("deploy", "elsewhere", &[]),
        ("deploy", "", &[]),
    ] {
        let variables = json!([
            {"key": "MERGEWRIGHT_ACTION", "value": action},
            {"key": "MERGEWRIGHT_MODEL", "value": "speech"},
            {"key": "MERGEWRIGHT_ENVIRONMENT", "value": environment},
        ]);
        let started = scene.bot("POST", "/pipeline", json!({"ref": "main", "variables": variables})).await;
        let jobs = match started.status {
            201 => scene.get(&format!("/pipelines/{}/jobs", started.json()["id"])).await.json(),
            _ => json!([]),
        };
        assert_eq!(names(&jobs), expected, "{action} {environment}: {}", started.text());
    }
}

#[tokio::test]
async fn jobs_done_by_hand_lead_to_the_next_and_leave_real_archives() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap().id;
    assert!(scene.project.job_starts(run, "iris:test").is_err(), "the test waits for the build");
    let build = scene
        .project
        .job_succeeds(run, "iris:build", "trained\n", &[("models/iris/model.json", b"{}")])
        .unwrap();
    assert_eq!(scene.project.job(run, "iris:test").unwrap().state, JobState::Pending);
    let zip = scene.get(&format!("/jobs/{build}/artifacts")).await;
    assert_eq!((zip.status, &zip.bytes[..4]), (200, &b"PK\x03\x04"[..]));
    let file = scene.get(&format!("/jobs/{build}/artifacts/models/iris/model.json")).await;
    assert_eq!(file.text(), "{}");
    assert_eq!(scene.get(&format!("/jobs/{build}/trace")).await.text(), "trained\n");

    let test = scene.project.job_fails(run, "iris:test", "2 failed\n", &[]).unwrap();
    let told = scene.get(&format!("/jobs/{test}")).await.json();
    assert_eq!(
        (told["status"].clone(), told["failure_reason"].clone()),
        (json!("failed"), json!("script_failure"))
    );
    assert_eq!(scene.project.pipeline_state(run).unwrap(), PipelineState::Failed);
    assert_eq!(scene.get(&format!("/jobs/{test}/artifacts")).await.status, 404);

    let retried = scene.bot("POST", &format!("/jobs/{test}/retry"), json!({})).await;
    assert_eq!(retried.status, 201);
    assert_ne!(retried.json()["id"], test);
    let listed = scene.get(&format!("/pipelines/{run}/jobs")).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "the retried one is left out");
    scene.project.job_succeeds(run, "iris:test", "", &[]).unwrap();
    assert_eq!(scene.project.pipeline_state(run).unwrap(), PipelineState::Success);
    assert_eq!(scene.bot("POST", &format!("/jobs/{test}/retry"), json!({})).await.status, 403);
}

#[tokio::test]
async fn a_broken_runner_is_tried_again_as_the_file_says() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap().id;
    for attempt in 1..=3 {
        let job = scene.project.job_breaks(run, "iris:build", "runner_system_failure").unwrap();
        let again = scene.project.job(run, "iris:build").unwrap();
        assert_eq!(again.id != job, attempt < 3, "max is 2");
    }
    assert_eq!(scene.project.pipeline_state(run).unwrap(), PipelineState::Failed);
    assert_eq!(scene.project.job(run, "iris:test").unwrap().state, JobState::Skipped);
    scene.project.retry("mia", scene.project.job(run, "iris:build").unwrap().id).unwrap();
    assert_eq!(scene.project.job(run, "iris:test").unwrap().state, JobState::Created);
}

#[tokio::test]
async fn a_cancelled_pipeline_stops() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap().id;
    let done = scene.bot("POST", &format!("/pipelines/{run}/cancel"), json!({})).await;
    assert_eq!((done.status, done.json()["status"].clone()), (200, json!("canceled")));
    assert!(scene.project.waiting_jobs().unwrap().is_empty());
    assert_eq!(scene.bot("POST", &format!("/pipelines/{run}/cancel"), json!({})).await.status, 200);
}

/// The error that a pipeline of this file shows; none when it is fine.
async fn error_of(file: &str) -> Option<String> {
    let scene = Scene::with(Jobs::ByHand, Deliveries::ByHand, file).await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap();
    let told = scene.get(&format!("/pipelines/{}", run.id)).await.json();
    if run.error.is_some() {
        assert_eq!(told["status"], "failed");
        assert_eq!(told["yaml_errors"], run.error.clone().unwrap());
        assert!(scene.project.jobs(run.id).unwrap().is_empty());
    }
    run.error
}

#[tokio::test]
async fn what_the_generator_does_not_write_is_an_error_with_its_name() {
    let head = "job:\n  script: [make]\n  rules: [{when: on_success}]\n";
    assert_eq!(error_of(head).await, None);
    let table = [
        ("  services: [postgres]\n", "jobs:job config contains unknown keys: services"),
        ("  only: [main]\n", "jobs:job config contains unknown keys: only"),
        ("  stage: nowhere\n", "job job: chosen stage nowhere does not exist"),
        ("  timeout: soon\n", "jobs:job:timeout config should be a duration"),
        ("  retry: 3\n", "jobs:job:retry max must be 0, 1 or 2"),
        ("  needs: [other]\n", "'job' job needs 'other' job, but 'other' does not exist in the pipeline"),
        ("  artifacts: {untracked: true}\n", "jobs:job:artifacts config contains unknown keys: untracked"),
        (
            "  artifacts: {reports: {sast: x}}\n",
            "jobs:job:artifacts:reports config contains unknown keys: sast",
        ),
        ("  cache: {untracked: true}\n", "jobs:job:cache config contains unknown keys: untracked"),
        ("  when: perhaps\n", "jobs:job when should be one of"),
        ("include: other.yml\n", "root config contains unknown keys: include"),
        (
            "workflow: {auto_cancel: {on_job_failure: all}}\n",
            "workflow:auto_cancel config contains unknown keys: on_job_failure",
        ),
        ("default: {hooks: {}}\n", "default config contains unknown keys: hooks"),
        (".hidden: {script: x}\n", "hidden job .hidden"),
        (
            "a: {script: x, needs: [b], rules: [{when: always}]}\nb: {script: x, needs: [a], rules: [{when: always}]}\n",
            "circular",
        ),
        ("other: {rules: [{when: always}]}\n", "jobs:other config should implement the script"),
        ("other: {script: x, rules: [{if: '$A =', when: always}]}\n", "invalid expression syntax"),
        ("job: {script: again}\n", "invalid YAML"),
        (
            "other: {script: !reference [job, script], rules: [{when: always}]}\n",
            "jobs:other:script config should be a string",
        ),
    ];
    for (tail, expected) in table {
        let error = error_of(&format!("{head}{tail}")).await.unwrap_or_default();
        assert!(error.contains(expected), "{tail}\n{error}");
    }
}

#[tokio::test]
async fn rules_are_judged_in_order_with_their_variables() {
    let file = r#"
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "push"
      when: never
    - if: $CI_MERGE_REQUEST_IID
      variables: {FROM: workflow}
variables: {WHERE: top, FROM: top}
stages: [one, two]
default: {timeout: 5 minutes}
without-rules: {stage: one, script: x}
never:
  stage: one
  script: x
  rules: [{if: '$WHERE == "top"', when: never}, {when: always}]
touched:
  stage: one
  script: x
  variables: {WHERE: job, OWN: "1"}
  rules:
    - {if: '$FROM == "workflow" && $OWN == "1"', changes: ["models/**/*.json"], variables: {RULE: first}}
untouched:
  stage: one
  script: x
  rules: [{changes: {paths: ["*.json", "docs/**"]}}]
by-hand:
  stage: two
  script: x
  rules: [{when: manual, allow_failure: true}]
later:
  stage: two
  script: x
  needs: [{job: touched, artifacts: false}, {job: untouched, optional: true}]
  rules: [{if: '$CI_COMMIT_REF_PROTECTED == "false"'}]
"#;
    let scene = Scene::with(Jobs::ByHand, Deliveries::ByHand, file).await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap();
    assert_eq!(run.error, None);
    let jobs = scene.project.jobs(run.id).unwrap();
    let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["touched", "by-hand", "later"], "stage by stage");
    let touched = &jobs[0].variables;
    assert_eq!(
        (touched["WHERE"].as_str(), touched["RULE"].as_str(), touched["FROM"].as_str()),
        ("job", "first", "workflow")
    );
    assert_eq!(jobs[1].state, JobState::Manual);
    scene.project.job_succeeds(run.id, "touched", "", &[]).unwrap();
    scene.project.job_succeeds(run.id, "later", "", &[]).unwrap();
    assert_eq!(scene.project.pipeline_state(run.id).unwrap(), PipelineState::Success);
    assert_eq!(scene.bot("POST", &format!("/jobs/{}/play", jobs[1].id), json!({})).await.status, 200);
    assert_eq!(scene.project.job(run.id, "by-hand").unwrap().state, JobState::Pending);
}
