//! Identity tokens, from the configuration to the line that sees one: the generated files, really run.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mergewright::config::repository;
use mergewright::domain::{Digest, ForgeKind};
use mergewright::generator::{self, Dialect, Existing};
use mergewright::sandbox::{Deliveries, File, Job, JobState, Jobs};
use serde_json::{Value, json};

use super::scene::Scene;
use crate::flow::forges::on_both_forges;

on_both_forges! {
    who_publishes_and_deploys_says_who_it_is_and_nobody_else_does,
}

/// Each job says what it has: the token itself, which no log shows, and who it is for.
const POLICY: &str = r#"version: 1
models:
  iris:
    root: models/iris
    toolchain: {kind: python}
    build: {run: ['echo "build: ${TOKEN:-none} ${ACTIONS_ID_TOKEN_REQUEST_URL:-none}"', "echo 1 >model.json"], artifacts: [model.json]}
    test: {run: ['echo "test: ${TOKEN:-none} ${ACTIONS_ID_TOKEN_REQUEST_URL:-none}"', "echo '{\"a\": 1}' >metrics.json"], reports: {metrics: metrics.json}}
    version: {strategy: sequence}
    publish: {run: ['echo "publish: $TOKEN"', 'echo "says: $(echo "$TOKEN" | cut -d. -f2)"'], id_tokens: {TOKEN: "https://sign.example.com/a?b=c&d"}}
    environments: {staging: {}}
    deploy: {run: ['echo "deploy: $TOKEN"'], verify: ['echo "says: $(echo "$TOKEN" | cut -d. -f2)"'], id_tokens: {TOKEN: cloud}}
"#;

/// The job of a run, when it has ended.
async fn ended(scene: &Scene, run: u64, job: &str) -> Job {
    scene.ended(run).await;
    let job = scene.project.job(run, job).unwrap();
    assert_eq!(job.state, JobState::Success, "{}", job.log);
    job
}

/// What the token says of which a job has shown the middle.
fn said(job: &Job) -> Value {
    let shown = job.log.lines().find_map(|line| line.strip_prefix("says: ")).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(shown).unwrap()).unwrap()
}

async fn who_publishes_and_deploys_says_who_it_is_and_nobody_else_does(forge: ForgeKind) {
    let dialect = if forge == ForgeKind::GitHub { Dialect::GitHub } else { Dialect::GitLab };
    let config = repository::parse(POLICY).unwrap_or_else(|problems| panic!("{problems}"));
    let generated = generator::generate(&config, dialect, &Existing::new()).unwrap();
    let files: Vec<File> =
        generated.iter().map(|file| File::write(&file.path, file.content.clone())).collect();
    let scene = Scene::on(forge, Jobs::Shell, Deliveries::ByHand, &files).await;
    let number = scene.merge_request();
    let judged = scene.project.head_run(number, "iris").unwrap();
    assert_eq!(judged.error, None);
    for task in ["build", "test"] {
        let job = ended(&scene, judged.id, &format!("iris:{task}")).await;
        assert!(job.log.contains(&format!("\n{task}: none none\n")), "{}", job.log);
    }

    let merged = scene.project.merge("mia", number).unwrap();
    let artifacts = json!([format!("{}  models/iris/model.json", Digest::of("1\n").hex())]);
    let lineage = json!({"artifacts": artifacts, "commit": merged, "model": "iris", "version": "v1"});
    scene.project.tag("mia", "iris@v1.0.0", merged.as_str(), Some(&lineage.to_string())).unwrap();
    // Bytes are fetched from a run on GitHub, and from a job on GitLab.
    let source = match forge {
        ForgeKind::GitHub => judged.id,
        ForgeKind::GitLab => scene.project.job(judged.id, "iris:build").unwrap().id,
    };
    for (action, audience, environment) in [
        ("publish", "https://sign.example.com/a?b=c&d", "mergewright-publish"),
        ("deploy", "cloud", "staging"),
    ] {
        let source = source.to_string();
        let order = [
            ("MERGEWRIGHT_ACTION", action),
            ("MERGEWRIGHT_MODEL", "iris"),
            ("MERGEWRIGHT_VERSION", "v1"),
            ("MERGEWRIGHT_COMMIT", merged.as_str()),
            ("MERGEWRIGHT_ENVIRONMENT", "staging"),
            ("MERGEWRIGHT_SOURCE", &source),
        ];
        let run = scene.project.run_pipeline("mia", "main", &order).unwrap();
        let job = ended(&scene, run, &format!("iris:{action}")).await;
        assert!(job.log.contains(&format!("\n{action}: ***\n")), "no log shows it: {}", job.log);
        let token = said(&job);
        assert_eq!((token["aud"].as_str(), token["job"].as_u64()), (Some(audience), Some(job.id)));
        let subject = token["sub"].as_str().unwrap();
        match forge {
            ForgeKind::GitHub => assert_eq!(subject, format!("repo:acme/iris:environment:{environment}")),
            ForgeKind::GitLab => assert_eq!(subject, "project_path:acme/ml/iris:ref_type:branch:ref:main"),
        }
        // The credential of a job that has ended opens nothing more.
        if forge == ForgeKind::GitHub {
            let url = format!("{}/_identity/token?audience=x", scene.forge.url());
            let bearer = format!("Bearer sandbox-job-token-{}", job.id);
            assert_eq!(scene.send("GET", &url, &[("authorization", &bearer)], Value::Null).await.status, 403);
        }
    }
}
