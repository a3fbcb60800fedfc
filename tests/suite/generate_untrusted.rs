//! What a run of untrusted code can reach, judged by the finished files alone: no secret, no cache that
//! others read, a token that only reads.

use mergewright::config::repository;
use mergewright::generator::{self, Dialect, Existing};
use serde_yaml::Value;

/// Everything that a model can have, with secrets wherever the policy lets them be given to trusted jobs.
const POLICY: &str = r#"version: 1
secrets: [DATA_TOKEN, REGISTRY_TOKEN, CLUSTER_TOKEN]
models:
  iris:
    paths: ["models/iris/**"]
    root: models/iris
    toolchain: {kind: python, version: "3.12"}
    build: {run: ["python3 train.py"], artifacts: [model.json]}
    test: {run: ["python3 evaluate.py"], reports: {metrics: metrics.json, junit: junit.xml}}
    gates: {baseline: target_branch}
    version: {strategy: sequence}
    publish: {run: ["sh publish.sh"], secrets: [REGISTRY_TOKEN]}
    environments: {staging: {}, production: {requires: staging}}
    deploy: {run: ["sh deploy.sh"], rollback: ["sh deploy.sh"], verify: ["sh smoke.sh"], secrets: [CLUSTER_TOKEN]}
  speech:
    paths: ["speech/**"]
    root: speech
    toolchain: {kind: custom, image: "registry.example.com/train:2026.11"}
    build: {run: ["make train"], artifacts: [model.bin], secrets: [DATA_TOKEN]}
    test: {run: ["make measure"], reports: {metrics: metrics.json}}
    version: {strategy: sequence}
"#;

/// Every file of a forge, read back.
fn files(dialect: Dialect) -> Vec<(String, Value)> {
    let config = repository::parse(POLICY).unwrap();
    let all = generator::generate(&config, dialect, &Existing::new()).unwrap();
    all.into_iter().map(|file| (file.path.clone(), serde_yaml::from_str(&file.content).unwrap())).collect()
}

/// Calls `look` with every key, and with the value that it has.
fn every(value: &Value, look: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Mapping(map) => {
            for (key, value) in map {
                look(key.as_str().unwrap_or_default(), value);
                every(value, look);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| every(item, look)),
        _ => {}
    }
}

fn text(value: &Value) -> String {
    serde_yaml::to_string(value).unwrap()
}

/// The keys of a mapping.
fn keys(value: &Value) -> Vec<&str> {
    value.as_mapping().map(|map| map.keys().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Whether no other condition than a protected default branch lets a job run.
fn only_protected(condition: &str, mark: &str) -> bool {
    condition
        .split("||")
        .filter(|part| !part.contains("inputs.environment =="))
        .all(|part| part.contains(mark))
}

#[test]
fn on_github_a_forks_run_has_no_secret_no_cache_and_a_token_that_reads() {
    let files = files(Dialect::GitHub);
    assert_eq!(files.len(), 2);
    for (path, file) in &files {
        let on = file.get("on").unwrap_or_else(|| panic!("{path}: no `on`"));
        for event in keys(on) {
            let untrusted = event == "pull_request";
            assert!(untrusted || ["push", "workflow_dispatch"].contains(&event), "{path}: starts on {event}");
        }
        assert_eq!(text(&file["permissions"]).trim(), "{}", "{path}: nothing is granted to all jobs");
        assert!(!text(&file["env"]).contains("secrets"), "{path}: no secret for all jobs");
        for job in keys(&file["jobs"]) {
            github_job(path, job, &file["jobs"][job]);
        }
    }
}

fn github_job(path: &str, name: &str, job: &Value) {
    let place = format!("{path}: {name}");
    for scope in keys(&job["permissions"]) {
        assert_eq!(job["permissions"][scope].as_str(), Some("read"), "{place}: {scope}");
    }
    assert!(
        !keys(&job["permissions"]).is_empty(),
        "{place}: without a list the token has the default's rights"
    );
    let condition = job["if"].as_str().unwrap();
    if !condition.contains("pull_request") {
        assert!(only_protected(condition, "github.ref_protected"), "{place}: {condition}");
        return;
    }
    assert_eq!(keys(&job["permissions"]), ["contents"], "{place}: reads the code and nothing else");
    assert!(["build", "test"].contains(&name), "{place} runs untrusted code");
    let listed = path.ends_with("model-speech.yml") && name == "build";
    let mut secrets = Vec::new();
    every(job, &mut |key, value| {
        assert_ne!(key, "secrets", "{place}");
        let value = value.as_str().unwrap_or_default();
        assert!(
            !value.contains("github.token") && !value.contains("GITHUB_TOKEN"),
            "{place}: {key}: {value}"
        );
        assert!(!key.starts_with("cache"), "{place}: {key}");
        assert!(key != "uses" || !value.contains("cache"), "{place}: {value}");
        assert!(key != "run" || !value.contains("${{"), "{place}: the text of others becomes shell");
        if value.contains("secrets.") {
            secrets.push((key.to_owned(), value.to_owned()));
        }
    });
    // Only what the policy lists, and GitHub leaves that empty in a run of a fork.
    let expected = [("DATA_TOKEN".to_owned(), "${{ secrets.DATA_TOKEN }}".to_owned())];
    assert_eq!(secrets, if listed { &expected[..] } else { &[] }, "{place}");
    let steps = job["steps"].as_sequence().unwrap();
    let checkouts = steps.iter().filter(|step| text(step).contains("actions/checkout@"));
    for checkout in checkouts {
        assert_eq!(checkout["with"]["persist-credentials"].as_bool(), Some(false), "{place}");
    }
}

#[test]
fn on_gitlab_a_merge_requests_jobs_ask_for_no_secret_write_no_cache_and_reach_no_environment() {
    let files = files(Dialect::GitLab);
    for (path, file) in &files {
        let mut untrusted = Vec::new();
        for name in keys(file).into_iter().filter(|name| name.contains(':')) {
            let job = &file[name];
            let place = format!("{path}: {name}");
            let conditions: Vec<&str> =
                job["rules"].as_sequence().unwrap().iter().map(|rule| rule["if"].as_str().unwrap()).collect();
            every(job, &mut |key, _| {
                assert!(
                    !["cache", "id_tokens", "secrets", "trigger", "inherit"].contains(&key),
                    "{place}: {key}"
                );
            });
            if !conditions.iter().any(|condition| condition.contains("merge_request_event")) {
                let mark = r#"$CI_COMMIT_REF_PROTECTED == "true""#;
                assert!(
                    conditions.iter().all(|condition| condition.contains(mark)),
                    "{place}: {conditions:?}"
                );
                continue;
            }
            untrusted.push(name.to_owned());
            assert!(job.get("environment").is_none(), "{place}: an environment has variables of its own");
            let script = text(&job["script"]);
            for token in ["CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD"] {
                assert!(!script.contains(token), "{place}: {token}");
            }
            for variable in ["$CI_COMMIT_MESSAGE", "$CI_MERGE_REQUEST_TITLE", "$CI_COMMIT_REF_NAME"] {
                assert!(!script.contains(variable), "{place}: {variable} is the text of others");
            }
        }
        untrusted.sort();
        assert_eq!(untrusted, ["iris:build", "iris:test", "speech:build", "speech:test"], "{path}");
        let jobs: Vec<&str> = keys(file).into_iter().filter(|name| !name.contains(':')).collect();
        assert_eq!(jobs, ["workflow", "stages"], "{path}: nothing stands outside of a model's jobs");
    }
}
