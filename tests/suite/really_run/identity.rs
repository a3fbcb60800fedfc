//! Identity tokens under act: the generated step of a publish job gets its token from a service on loopback,
//! shows stars in its place, and leaves nothing to the step after it.
//!
//! What act knows nothing of is left out of the job: protected branches, environments, the bytes of another run.
//! gitlab-ci-local knows no `id_tokens`; there the sandbox's runner stands in (`sandbox::identity`).

use std::fs;
use std::path::Path;

use mergewright::config::repository;
use mergewright::generator::{self, Dialect, Existing};
use serde_yaml::{Mapping, Value};

use super::left::{git, run, tools};
use crate::generate_identity::{CREDENTIAL, Service};

const POLICY: &str = r#"version: 1
models:
  iris:
    toolchain: {kind: python}
    test: {reports: {metrics: m.json}}
    version: {strategy: sequence}
    publish:
      run: ['echo "lines: $SIGSTORE_ID_TOKEN"', 'echo "letters: $(printf %s "$SIGSTORE_ID_TOKEN" | cut -c1-8)"']
      id_tokens: {SIGSTORE_ID_TOKEN: sigstore}
"#;

/// The generated workflow with its publish job alone, of that the step with people's lines, and another step
/// behind it.
fn workflow() -> String {
    let config = repository::parse(POLICY).unwrap_or_else(|problems| panic!("{problems}"));
    let file = generator::generate(&config, Dialect::GitHub, &Existing::new()).unwrap().remove(0);
    let mut workflow: Value = serde_yaml::from_str(&file.content).unwrap();
    let mut job = workflow["jobs"]["publish"].as_mapping().unwrap().clone();
    assert_eq!(job["permissions"]["id-token"], "write");
    for key in ["if", "environment", "concurrency"] {
        job.remove(key).unwrap_or_else(|| panic!("the job has no `{key}`"));
    }
    let steps = job["steps"].as_sequence().unwrap();
    let own = steps.iter().find(|step| step["name"] == "Publish").unwrap().clone();
    let later = r#"{name: Later, run: 'echo "later: ${SIGSTORE_ID_TOKEN:-none}"'}"#;
    job["steps"] = Value::Sequence(vec![own, serde_yaml::from_str(later).unwrap()]);
    workflow["jobs"] = Value::Mapping(Mapping::from_iter([("publish".into(), Value::Mapping(job))]));
    serde_yaml::to_string(&workflow).unwrap()
}

/// Whether the job succeeds with the service, and its log.
fn published(service: &Service) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(".github/workflows/model-iris.yml", &workflow());
    write("event.json", r#"{"inputs": {"action": "publish", "version": "v1"}}"#);
    git(dir.path(), &["init", "-q", "-b", "main", "."]);
    git(dir.path(), &["add", "--all"]);
    let author = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    git(dir.path(), &[author.as_slice(), &["commit", "-q", "-m", "Begin"]].concat());
    let address = format!("ACTIONS_ID_TOKEN_REQUEST_URL={}", service.address);
    let credential = format!("ACTIONS_ID_TOKEN_REQUEST_TOKEN={CREDENTIAL}");
    let arguments = [
        "workflow_dispatch",
        "--json",
        "--eventpath",
        "event.json",
        "--platform",
        "ubuntu-24.04=-self-hosted",
        "--env",
        &address,
        "--env",
        &credential,
    ];
    let act = Path::new(&tools()).join("python/bin/act");
    let done = run(&act, &arguments, dir.path(), &[]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let lines = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let log: String = lines
        .filter(|line| line["raw_output"] == true)
        .filter_map(|line| line["msg"].as_str().map(str::to_owned))
        .collect();
    assert!(said.contains("publish"), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    (done.status.success(), log)
}

#[test]
#[ignore = "needs act"]
fn a_step_gets_its_token_shows_stars_and_leaves_none() {
    let service = Service::good();
    let (succeeded, log) = published(&service);
    assert!(succeeded, "{log}");
    assert_eq!(service.asked(), ["/token?api-version=2.0&audience=sigstore"]);
    let said: Vec<&str> = log.lines().filter(|line| line.contains(": ")).collect();
    assert_eq!(said, ["lines: ***", "letters: head.sig", "later: none"], "{log}");
}

#[test]
#[ignore = "needs act"]
fn a_step_without_its_token_fails_with_the_reason_and_nothing_follows() {
    let (succeeded, log) = published(&Service::answering("403 Forbidden", "no"));
    assert!(!succeeded);
    assert!(
        log.contains("there is no identity token SIGSTORE_ID_TOKEN: GitHub's service refuses it"),
        "{log}"
    );
    assert!(!log.contains("lines: ") && !log.contains("later: "), "{log}");
}
