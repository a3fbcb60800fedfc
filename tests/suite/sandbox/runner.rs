//! The shell runner: real jobs in clean checkouts.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use mergewright::domain::Digest;
use mergewright::sandbox::{Deliveries, File, Job, JobState, Jobs, PipelineState};

use super::scene::{GENERATED, Scene};

/// Looks until something is so of which no signal tells: what a process writes, and its end.
async fn until(so: impl Fn() -> bool) {
    let look = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), look).await.unwrap();
}

/// A forge whose pipelines are those of merge requests alone.
async fn shell(file: &str) -> Scene {
    let only = "workflow: {rules: [{if: $CI_MERGE_REQUEST_IID}]}\n";
    Scene::with(Jobs::Shell, Deliveries::ByHand, &format!("{only}{file}")).await
}

async fn played(file: &str) -> (Scene, u64, Vec<Job>) {
    let scene = shell(file).await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap();
    assert_eq!(run.error, None);
    let jobs = scene.ended(run.id).await;
    (scene, run.id, jobs)
}

const CHAIN: &str = r#"
stages: [build, test]
build:
  stage: build
  variables: {GREETING: "hello $CI_MERGE_REQUEST_IID"}
  rules: [{when: on_success}]
  script:
    - mkdir -p out/deep
    - echo "$GREETING" > out/deep/model.txt
    - ln -s /etc/passwd out/link
    - |
      cat > out/note.txt <<'END'
      it's quoted
      END
  artifacts: {paths: [out/], exclude: ["out/**/*.tmp"], expire_in: 1 day}
test:
  stage: test
  rules: [{when: on_success}]
  needs: [{job: build, artifacts: true}]
  script:
    - test "$(cat out/deep/model.txt)" = "hello 1"
    - test "$(git rev-parse HEAD)" = "$CI_COMMIT_SHA"
    - test -z "$(git status --porcelain --untracked-files=no)"
    - test ! -e build-left-this
    - echo '<testsuite/>' > junit.xml
    - exit 3
  artifacts: {when: always, paths: [metrics.json], reports: {junit: [junit.xml]}}
never-reached:
  stage: test
  needs: [test]
  rules: [{when: on_success}]
  script: [exit 0]
"#;

#[tokio::test]
async fn jobs_run_in_clean_checkouts_and_pass_their_files_on() {
    let (scene, run, jobs) = played(CHAIN).await;
    let states: Vec<(&str, &JobState)> = jobs.iter().map(|job| (job.name.as_str(), &job.state)).collect();
    let failed = JobState::Failed("script_failure".to_owned());
    assert_eq!(
        states,
        [("build", &JobState::Success), ("test", &failed), ("never-reached", &JobState::Skipped)],
        "{}{}",
        jobs[0].log,
        jobs[1].log
    );
    assert_eq!(scene.project.pipeline_state(run).unwrap(), PipelineState::Failed);
    let file = scene.get(&format!("/jobs/{}/artifacts/out/note.txt", jobs[0].id)).await;
    assert_eq!(file.text(), "it's quoted\n");
    let link = scene.get(&format!("/jobs/{}/artifacts/out/link", jobs[0].id)).await;
    assert_eq!(link.status, 404, "links are not followed");
    let junit = scene.get(&format!("/jobs/{}/artifacts/junit.xml", jobs[1].id)).await;
    assert_eq!(junit.text(), "<testsuite/>\n", "kept although the job failed");
    let log = &jobs[1].log;
    assert!(log.contains("$ echo '<testsuite/>' > junit.xml\n"), "{log}");
    assert!(log.contains("WARNING: metrics.json: no matching files\n"), "{log}");
    assert!(log.ends_with("ERROR: Job failed: exit code 3\n"), "{log}");
}

#[tokio::test]
async fn a_job_sees_only_its_own_variables() {
    let file = "job:\n  script: [env]\n  rules: [{when: on_success}]\n";
    let (_scene, _run, jobs) = played(file).await;
    let seen: Vec<&str> = jobs[0].log.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let foreign: Vec<&&str> = seen
        .iter()
        .filter(|name| !name.starts_with("CI") && !name.starts_with("GITLAB_"))
        .filter(|name| !["HOME", "PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"].contains(name))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "there was something to hide");
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_ended_with_all_it_started() {
    let file = "job:\n  timeout: 1s\n  rules: [{when: on_success}]\n  script:\n    - sleep 600 & echo \"child $!\"; wait\n";
    let (_scene, _run, jobs) = played(file).await;
    assert_eq!(jobs[0].state, JobState::Failed("job_execution_timeout".to_owned()), "{}", jobs[0].log);
    let child = jobs[0].log.lines().find_map(|line| line.strip_prefix("child ")).unwrap();
    assert!(is_gone(child), "the job's child {child} lives on");
}

#[tokio::test]
async fn a_cancelled_job_is_ended() {
    let file = "job:\n  rules: [{when: on_success}]\n  script: [echo begun, sleep 600]\n";
    let scene = shell(file).await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap().id;
    until(|| scene.project.jobs(run).unwrap()[0].log.contains("\nbegun\n")).await;
    scene.project.cancel("mia", run).unwrap();
    assert_eq!(scene.project.jobs(run).unwrap()[0].state, JobState::Canceled);
    // The runner is free again: a second run of the same file begins.
    let again = scene.project.run_merge_request_pipeline("mia", number).unwrap();
    until(|| scene.project.jobs(again).unwrap()[0].state == JobState::Running).await;
}

#[tokio::test]
async fn nothing_outlives_the_sandbox() {
    let job = "job:\n  rules: [{when: on_success}]\n  script:\n    - sleep 600 & echo \"child $!\"; wait\n";
    let scene = shell(job).await;
    let number = scene.merge_request();
    let run = scene.project.head_pipeline(number).unwrap().id;
    let log = || scene.project.jobs(run).unwrap()[0].log.clone();
    until(|| log().contains("\nchild ")).await;
    let child = log().lines().find_map(|line| line.strip_prefix("child ").map(str::to_owned)).unwrap();
    let folder = scene.forge.folder().to_owned();
    drop(scene);
    until(|| is_gone(&child)).await;
    until(|| !folder.exists()).await;
}

/// Whether a process has ended, its entry perhaps not yet collected.
fn is_gone(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn the_job_token_reads_artifacts_while_the_job_runs_and_nothing_else() {
    let file = r#"
build:
  stage: build
  rules: [{when: on_success}]
  script: ["echo model > model.txt"]
  artifacts: {paths: [model.txt]}
ask:
  stage: test
  needs: []
  rules: [{when: manual}]
  script:
    - |
      python3 - <<'END'
      import os, urllib.request, urllib.error
      base = os.environ["CI_API_V4_URL"] + "/projects/" + os.environ["CI_PROJECT_ID"]
      for path in ["/jobs/9001/artifacts/model.txt", "/jobs/9001/trace", "/merge_requests/1"]:
          request = urllib.request.Request(base + path, headers={"JOB-TOKEN": os.environ["CI_JOB_TOKEN"]})
          try:
              print("answer", path, urllib.request.urlopen(request).read().decode().strip())
          except urllib.error.HTTPError as error:
              print("answer", path, error.code)
      END
    - git fetch --quiet --no-tags --depth=1 --force origin refs/tags/v1:refs/tags/v1
    - echo "tag $(git cat-file -t refs/tags/v1)"
"#;
    let (scene, run, jobs) = played(file).await;
    assert_eq!(jobs[0].id, 9001);
    scene.project.tag("mia", "v1", "main", Some("one")).unwrap();
    let ask = jobs.iter().find(|job| job.name == "ask").unwrap().id;
    assert_eq!(scene.bot("POST", &format!("/jobs/{ask}/play"), json!({})).await.status, 200);
    scene.ended(run).await;
    let log = scene.project.job(run, "ask").unwrap().log;
    assert!(log.contains("answer /jobs/9001/artifacts/model.txt model\n"), "{log}");
    assert!(log.contains("answer /jobs/9001/trace 404\n"), "{log}");
    assert!(log.contains("answer /merge_requests/1 404\n"), "{log}");
    assert!(log.contains("tag tag\n"), "{log}");
    let url = format!("{}/api/v4/projects/{}/jobs/9001/artifacts", scene.forge.url(), scene.project.id());
    let late =
        scene.send("GET", &url, &[("job-token", &format!("sandbox-job-token-{ask}"))], Value::Null).await;
    assert_eq!(late.status, 401, "the token died with its job");
}

/// The files of the demo model, and the generated file of it.
fn iris() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/iris");
    let mut files = vec![File::write(".gitlab-ci.yml", GENERATED)];
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.push(File::write(&name, std::fs::read(&path).unwrap()));
            }
        }
    }
    files
}

#[tokio::test]
async fn the_generated_pipeline_trains_tests_and_publishes_the_very_bytes() {
    let scene = Scene::with(Jobs::Shell, Deliveries::ByHand, GENERATED).await;
    scene.project.push("mia", "main", &iris(), "Bring the model").unwrap();
    scene.project.push("ada", "next", &[File::write("models/iris/NOTES.md", "again")], "Train anew").unwrap();
    let number = scene.project.open_merge_request("ada", "next", "Train anew").unwrap();
    let run = scene.project.head_pipeline(number).unwrap();
    assert_eq!(run.error, None);
    let jobs = scene.ended(run.id).await;
    let states: Vec<(&str, &JobState)> = jobs.iter().map(|job| (job.name.as_str(), &job.state)).collect();
    let good = [("iris:build", &JobState::Success), ("iris:test", &JobState::Success)];
    assert_eq!(states, good, "{}{}", jobs[0].log, jobs[1].log);
    let metrics = scene.get(&format!("/jobs/{}/artifacts/models/iris/metrics.json", jobs[1].id)).await.json();
    assert!(metrics["accuracy"].as_f64().unwrap() > 0.5, "{metrics}");

    let model = scene.get(&format!("/jobs/{}/artifacts/models/iris/model.json", jobs[0].id)).await.bytes;
    let merged = scene.project.merge("mia", number).unwrap();
    let digest = Digest::of(&model).hex();
    let tag = |version: &str, digest: &str| {
        let artifacts = json!([format!("{digest}  models/iris/model.json")]);
        let lineage = json!({"artifacts": artifacts, "commit": merged, "model": "iris", "version": version});
        let name = format!("iris@{version}.0.0");
        scene.project.tag("mia", &name, merged.as_str(), Some(&lineage.to_string())).unwrap();
    };
    tag("v1", &digest);
    tag("v2", &"0".repeat(64));
    let publish = |version: &'static str| {
        let source = jobs[0].id.to_string();
        let order = [
            ("MERGEWRIGHT_ACTION", "publish"),
            ("MERGEWRIGHT_MODEL", "iris"),
            ("MERGEWRIGHT_VERSION", version),
            ("MERGEWRIGHT_COMMIT", merged.as_str()),
            ("MERGEWRIGHT_SOURCE", source.as_str()),
        ];
        scene.project.run_pipeline("mia", "main", &order).unwrap()
    };
    let good = scene.ended(publish("v1")).await;
    assert_eq!(good[0].state, JobState::Success, "{}", good[0].log);
    assert!(good[0].log.contains("1 file(s) of iris v1 verified against the tag"), "{}", good[0].log);
    let bad = scene.ended(publish("v2")).await;
    assert_eq!(bad[0].state, JobState::Failed("script_failure".to_owned()));
    assert!(bad[0].log.contains("is not the file that was judged"), "{}", bad[0].log);
}

#[tokio::test]
async fn judged_bytes_are_measured_on_a_branch_s_data_at_its_newest_commit_and_nowhere_else() {
    let scene = Scene::with(Jobs::Shell, Deliveries::ByHand, GENERATED).await;
    let main = scene.project.push("mia", "main", &iris(), "Bring the model").unwrap();
    let order = |action: &'static str, commit: &str, source: &str| {
        [
            ("MERGEWRIGHT_ACTION", action.to_owned()),
            ("MERGEWRIGHT_MODEL", "iris".to_owned()),
            ("MERGEWRIGHT_COMMIT", commit.to_owned()),
            ("MERGEWRIGHT_VERSION", "v1".to_owned()),
            ("MERGEWRIGHT_SOURCE", source.to_owned()),
        ]
    };
    let start = |branch: &str, order: [(&'static str, String); 5]| {
        let order = order.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
        scene.project.run_pipeline("mia", branch, &order)
    };
    let built = scene.ended(start("main", order("run", main.as_str(), "")).unwrap()).await;
    let metrics =
        async |job: u64| scene.get(&format!("/jobs/{job}/artifacts/models/iris/metrics.json")).await.json();
    let published = metrics(built[1].id).await;
    let model = scene.get(&format!("/jobs/{}/artifacts/models/iris/model.json", built[0].id)).await.bytes;
    let artifacts = json!([format!("{}  models/iris/model.json", Digest::of(&model).hex())]);
    let lineage = json!({"artifacts": artifacts, "commit": main, "model": "iris", "version": "v1"});
    scene.project.tag("mia", "iris@v1.0.0", main.as_str(), Some(&lineage.to_string())).unwrap();

    let path = "models/iris/data/holdout.csv";
    let data = String::from_utf8(scene.project.file(path, "main").unwrap()).unwrap();
    let rows = data.lines().enumerate().filter(|(row, _)| *row == 0 || row % 3 == 1);
    let fewer = rows.map(|(_, line)| format!("{line}\n")).collect::<String>();
    let head = scene.project.push("ada", "next", &[File::write(path, fewer)], "Other data").unwrap();
    let source = built[0].id.to_string();
    let jobs = scene.ended(start("next", order("evaluate", head.as_str(), &source)).unwrap()).await;
    let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!((job.name.as_str(), &job.state), ("iris:evaluate", &JobState::Success), "{}", job.log);
    assert!(job.log.contains("1 file(s) of iris v1 verified against the tag"), "{}", job.log);
    let measured = metrics(job.id).await;
    assert!(measured["accuracy"].is_number() && measured != published, "{measured}, {published}");

    // What is no version is named by the digest of its manifest; on its own data it has its own numbers.
    let manifest = format!("{}  {}  models/iris/model.json\n", Digest::of(&model).hex(), model.len());
    for (named, state) in [
        (Digest::of(manifest), JobState::Success),
        (Digest::of("other"), JobState::Failed("script_failure".to_owned())),
    ] {
        let mut order = order("evaluate", main.as_str(), &source);
        order[3].1 = named.to_string();
        let jobs = scene.ended(start("main", order).unwrap()).await;
        assert_eq!((jobs[0].name.as_str(), &jobs[0].state), ("iris:evaluate", &state), "{}", jobs[0].log);
        if state == JobState::Success {
            assert_eq!(metrics(jobs[0].id).await, published);
        }
    }

    for (branch, commit) in [("main", &head), ("next", &main)] {
        let refused = start(branch, order("evaluate", commit.as_str(), &source)).unwrap_err();
        assert!(refused.to_string().contains("rules configuration"), "{branch}: {refused}");
    }
    scene.project.protect("next", true).unwrap();
    assert!(
        start("next", order("evaluate", head.as_str(), &source)).is_err(),
        "protected variables are there"
    );
}

#[tokio::test]
async fn a_run_of_a_commit_that_the_branch_has_left_builds_and_measures_that_commit() {
    let scene = Scene::with(Jobs::Shell, Deliveries::ByHand, GENERATED).await;
    let first = scene.project.push("mia", "main", &iris(), "Bring the model").unwrap();
    let asked = |commit: &str| {
        let order =
            [("MERGEWRIGHT_ACTION", "run"), ("MERGEWRIGHT_MODEL", "iris"), ("MERGEWRIGHT_COMMIT", commit)];
        scene.project.run_pipeline("mia", "main", &order).unwrap()
    };
    let left = async |run: u64| {
        let jobs = scene.ended(run).await;
        for job in &jobs {
            assert_eq!(job.state, JobState::Success, "{}", job.log);
        }
        let path = format!("/jobs/{}/artifacts/models/iris/metrics.json", jobs[1].id);
        (scene.get(&path).await.json(), jobs[1].log.clone())
    };
    let (measured, _) = left(asked(first.as_str())).await;
    let worse = r#"{"features": ["sepal_width_cm", "sepal_length_cm"], "epochs": 30, "learning_rate": 0.5, "l2": 0.0001}"#;
    let change = [File::write("models/iris/params.json", worse)];
    let second = scene.project.push("mia", "main", &change, "Move on").unwrap();
    assert_ne!(left(asked(second.as_str())).await.0, measured);
    assert_eq!(left(asked(first.as_str())).await.0, measured, "not what the branch holds by now");

    let unknown = scene.ended(asked(&"ab".repeat(20))).await;
    assert_eq!(unknown[0].state, JobState::Failed("script_failure".to_owned()));
    assert!(unknown[0].log.contains("cannot be checked out"), "{}", unknown[0].log);
}
