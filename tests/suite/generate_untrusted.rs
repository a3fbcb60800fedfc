//! What a run of untrusted code can reach, judged by the finished files alone: no secret, no cache that
//! others read, a token that only reads.

use std::fs;
use std::path::Path;

use mergewright::config::repository;
use mergewright::config::valid::{Deploy, Model, RepositoryConfig};
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
    publish: {run: ["sh publish.sh"], secrets: [REGISTRY_TOKEN], id_tokens: {SIGSTORE_ID_TOKEN: sigstore}}
    environments: {staging: {}, production: {requires: staging}}
    deploy: {run: ["sh deploy.sh"], rollback: ["sh deploy.sh"], verify: ["sh smoke.sh"], secrets: [CLUSTER_TOKEN], id_tokens: {CLOUD_ID_TOKEN: "https://cloud.example.com"}}
  speech:
    paths: ["speech/**"]
    root: speech
    toolchain: {kind: custom, image: "registry.example.com/train:2026.11"}
    build: {run: ["make train"], artifacts: [model.bin], secrets: [DATA_TOKEN]}
    test: {run: ["make measure"], reports: {metrics: metrics.json}}
    version: {strategy: sequence}
"#;

/// The policy above, and that of every repository with goldens.
fn policies() -> Vec<RepositoryConfig> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let goldens = fs::read_dir(here.join("tests/data/generate")).unwrap();
    let folders = goldens.map(|entry| entry.unwrap().path()).chain([here.join("examples/iris")]);
    let texts = folders.map(|folder| fs::read_to_string(folder.join(".mergewright.yml")).unwrap());
    [POLICY.to_owned()].into_iter().chain(texts).map(|text| repository::parse(&text).unwrap()).collect()
}

/// Every file of a forge, read back.
fn files(config: &RepositoryConfig, dialect: Dialect) -> Vec<(String, Value)> {
    let all = generator::generate(config, dialect, &Existing::new()).unwrap();
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
        // A clock runs what stands on the default branch.
        .all(|part| part.contains(mark) || part.contains("github.event_name == 'schedule'"))
}

#[test]
fn on_github_a_forks_run_has_no_secret_no_cache_and_a_token_that_reads() {
    for config in policies() {
        for ((path, file), model) in files(&config, Dialect::GitHub).iter().zip(config.models.values()) {
            github_file(path, file, model);
        }
    }
}

fn github_file(path: &str, file: &Value, model: &Model) {
    let on = file.get("on").unwrap_or_else(|| panic!("{path}: no `on`"));
    for event in keys(on) {
        let untrusted = event == "pull_request";
        let trusted = ["push", "workflow_dispatch", "merge_group", "schedule"].contains(&event);
        assert!(untrusted || trusted, "{path}: starts on {event}");
    }
    assert_eq!(text(&file["permissions"]).trim(), "{}", "{path}: nothing is granted to all jobs");
    assert!(!text(&file["env"]).contains("secrets"), "{path}: no secret for all jobs");
    for job in keys(&file["jobs"]) {
        github_job(path, job, &file["jobs"][job], model);
    }
}

fn github_job(path: &str, name: &str, job: &Value, model: &Model) {
    let place = format!("{path}: {name}");
    if name == "merge_group" {
        // It runs nobody's code: it only reports.
        assert!(keys(&job["permissions"]).is_empty() && !text(job).contains("uses:"), "{place}");
        return;
    }
    let mut scopes = keys(&job["permissions"]);
    if !tokens_of(model, name).is_empty() {
        assert_eq!(job["permissions"]["id-token"], "write", "{place}");
        scopes.retain(|scope| *scope != "id-token");
        let condition = job["if"].as_str().unwrap();
        assert!(
            !condition.contains("pull_request") && only_protected(condition, "github.ref_protected"),
            "{place}: an identity for whoever comes: {condition}"
        );
    } else {
        assert!(!text(job).contains("ID_TOKEN"), "{place}: nobody asked for an identity");
    }
    for scope in scopes {
        assert_eq!(job["permissions"][scope].as_str(), Some("read"), "{place}: {scope}");
    }
    assert!(
        !keys(&job["permissions"]).is_empty(),
        "{place}: without a list the token has the default's rights"
    );
    let condition = job["if"].as_str().unwrap();
    if name == "evaluate" {
        return github_evaluate(&place, condition, job, model);
    }
    if !condition.contains("pull_request") {
        assert!(only_protected(condition, "github.ref_protected"), "{place}: {condition}");
        return;
    }
    assert_eq!(keys(&job["permissions"]), ["contents"], "{place}: reads the code and nothing else");
    assert!(["build", "test", "scan"].contains(&name), "{place} runs untrusted code");
    let mut secrets = Vec::new();
    every(job, &mut |key, value| {
        assert_ne!(key, "secrets", "{place}");
        let value = value.as_str().unwrap_or_default();
        assert!(
            !value.contains("github.token") && !value.contains("GITHUB_TOKEN"),
            "{place}: {key}: {value}"
        );
        assert!(!key.starts_with("cache") || key == "cache-disabled", "{place}: {key}");
        assert!(key != "run" || !value.contains("${{"), "{place}: the text of others becomes shell");
        if value.contains("secrets.") {
            secrets.push((key.to_owned(), value.to_owned()));
        }
    });
    // Only what the policy lists, and GitHub leaves that empty in a run of a fork.
    let none = Vec::new();
    let listed = match name {
        "build" => &model.build.secrets,
        "test" => &model.test.secrets,
        _ => &none,
    };
    let expected: Vec<_> =
        listed.iter().map(|name| (name.clone(), format!("${{{{ secrets.{name} }}}}"))).collect();
    assert_eq!(secrets, expected, "{place}");
    let steps = job["steps"].as_sequence().unwrap();
    // GitHub shows what a pull request's run keeps to that pull request alone.
    for cache in steps.iter().filter(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("cache")))
    {
        assert!(cache["uses"].as_str().unwrap().starts_with("actions/cache@"), "{place}");
        assert_eq!(cache["if"], "github.event_name == 'pull_request'", "{place}");
    }
    let checkouts = steps.iter().filter(|step| text(step).contains("actions/checkout@"));
    for checkout in checkouts {
        assert_eq!(checkout["with"]["persist-credentials"].as_bool(), Some(false), "{place}");
    }
}

/// The identity tokens that the policy gives to a job, as variable and audience.
fn tokens_of<'m>(model: &'m Model, job: &str) -> Vec<(&'m str, &'m str)> {
    let tokens = match (job, &model.deploy) {
        ("publish", _) if !model.publish.run.is_empty() => Some(&model.publish.id_tokens),
        ("deploy", Some(Deploy::Scripts { id_tokens, .. })) => Some(id_tokens),
        _ => None,
    };
    tokens.into_iter().flatten().map(|(name, audience)| (&**name, &**audience)).collect()
}

/// It runs what stands at the end of the branch that it is started on, and its lines see what those of the test
/// job see.
fn github_evaluate(place: &str, condition: &str, job: &Value, model: &Model) {
    let parts: Vec<&str> = condition.split(" && ").collect();
    for part in ["github.event_name == 'workflow_dispatch'", "github.sha == inputs.commit"] {
        assert!(parts.contains(&part) && !condition.contains("||"), "{place}: {condition}");
    }
    every(job, &mut |key, _| {
        assert!(!key.starts_with("cache") || key == "cache-disabled", "{place}: {key}");
        assert!(key != "secrets", "{place}");
    });
    let steps = job["steps"].as_sequence().unwrap();
    let lines = steps.iter().find(|step| step["name"] == "Evaluate").unwrap();
    let listed = keys(&lines["env"]);
    assert_eq!(listed, model.test.secrets.iter().map(String::as_str).collect::<Vec<_>>(), "{place}");
    assert!(!text(lines).contains("github.token"), "{place}: the token is for the proof alone");
    let guard = job["environment"]["name"].as_str();
    assert_eq!(guard, (!listed.is_empty()).then_some("mergewright-test"), "{place}");
}

#[test]
fn on_gitlab_a_merge_requests_jobs_ask_for_no_secret_write_no_cache_and_reach_no_environment() {
    for config in policies() {
        gitlab_files(&config);
    }
}

fn gitlab_files(config: &RepositoryConfig) {
    for (path, file) in &files(config, Dialect::GitLab) {
        let mut untrusted = Vec::new();
        for name in keys(file).into_iter().filter(|name| name.contains(':')) {
            let job = &file[name];
            let place = format!("{path}: {name}");
            let conditions: Vec<&str> =
                job["rules"].as_sequence().unwrap().iter().map(|rule| rule["if"].as_str().unwrap()).collect();
            let (model, task) = name.split_once(':').unwrap();
            let tokens = tokens_of(&config.models[&model.parse().unwrap()], task);
            let given: Vec<(&str, &str)> = keys(&job["id_tokens"])
                .iter()
                .map(|name| (*name, job["id_tokens"][*name]["aud"].as_str().unwrap()))
                .collect();
            assert_eq!(given, tokens, "{place}");
            let mark = r#"$CI_COMMIT_REF_PROTECTED == "true""#;
            assert!(
                tokens.is_empty() || conditions.iter().all(|condition| condition.contains(mark)),
                "{place}: an identity for whoever comes: {conditions:?}"
            );
            every(job, &mut |key, _| {
                assert!(!["secrets", "trigger", "inherit"].contains(&key), "{place}: {key}");
            });
            if name.ends_with(":evaluate") {
                for condition in &conditions {
                    let parts: Vec<&str> = condition.split(" && ").collect();
                    for part in [
                        "($CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH || $CI_COMMIT_REF_PROTECTED != \"true\")",
                        "$CI_COMMIT_SHA == $MERGEWRIGHT_COMMIT",
                    ] {
                        assert!(parts.contains(&part), "{place}: {condition}");
                    }
                }
                assert!(job.get("cache").is_none() && job.get("environment").is_none(), "{place}");
                continue;
            }
            if !conditions.iter().any(|condition| condition.contains("merge_request_event")) {
                assert!(
                    conditions.iter().all(|condition| condition.contains(mark)),
                    "{place}: {conditions:?}"
                );
                continue;
            }
            untrusted.push(name.to_owned());
            if let Some(cache) = job.get("cache") {
                let prefix = cache["key"]["prefix"].as_str().unwrap();
                let own = "-$CI_COMMIT_REF_PROTECTED-$CI_MERGE_REQUEST_IID";
                assert!(prefix.ends_with(own), "{place}: others read what it keeps: {prefix}");
            }
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
        let judging = |model: &Model| {
            let scan = model.scan.as_ref().map(|_| "scan");
            let tasks = ["build", "test"].into_iter().chain(scan);
            tasks.map(|task| format!("{}:{task}", model.name)).collect::<Vec<_>>()
        };
        let mut expected: Vec<String> = config.models.values().flat_map(judging).collect();
        expected.sort();
        assert_eq!(untrusted, expected, "{path}");
        let jobs: Vec<&str> = keys(file).into_iter().filter(|name| !name.contains(':')).collect();
        assert_eq!(jobs, ["workflow", "stages"], "{path}: nothing stands outside of a model's jobs");
    }
}
