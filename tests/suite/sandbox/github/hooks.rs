//! Webhooks in GitHub's form: signed, told in its words, and understood by our own parser.

use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use mergewright::domain::{ForgeKind, MergeRequestId, RepoId, RunId, User, UserId};
use mergewright::event::{Event, Incoming, ReviewAct, Subject, parse};
use mergewright::sandbox::{Deliveries, File, Jobs};

use crate::sandbox::scene::Scene;

/// Deliveries that wait, as pairs of event and action, with their bodies.
struct Told(Vec<(String, Value)>);

impl Told {
    /// Takes what waits.
    async fn take(scene: &Scene) -> Self {
        let waiting = scene.forge.pending_deliveries();
        scene.forge.deliver_pending().await;
        let pair = |event: &str, body: &str| {
            let body: Value = serde_json::from_str(body).unwrap();
            let action =
                body["action"].as_str().map_or(event.to_owned(), |action| format!("{event} {action}"));
            (action, body)
        };
        Self(waiting.iter().map(|one| pair(one.event, &one.body)).collect())
    }

    fn words(&self) -> Vec<&str> {
        self.0.iter().map(|(word, _body)| word.as_str()).collect()
    }

    fn body(&self, word: &str) -> &Value {
        &self.0.iter().find(|(known, _body)| known == word).unwrap_or_else(|| panic!("no {word}")).1
    }

    fn heard(&self, word: &str) -> Incoming {
        let event = word.split(' ').next().unwrap();
        let us = User { id: UserId(1), login: "mergewright-bot".to_owned(), bot: true };
        parse(ForgeKind::GitHub, event, self.body(word).to_string().as_bytes(), &us).unwrap()
    }
}

/// A scene with a hook for everything that nobody listens to.
async fn scene() -> Scene {
    let scene = Scene::hub().await;
    scene.project.hook("http://127.0.0.1:1/", None, Some("secret")).unwrap();
    Told::take(&scene).await;
    scene
}

fn repo(scene: &Scene) -> RepoId {
    RepoId { forge: ForgeKind::GitHub, number: scene.project.id() }
}

fn pull(scene: &Scene, number: u64) -> Subject {
    Subject::MergeRequest(MergeRequestId { repo: repo(scene), number })
}

#[tokio::test]
async fn deliveries_are_signed_and_begin_with_a_ping() {
    let heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>> = Arc::default();
    let tell = Arc::clone(&heard);
    let router = Router::new().fallback(move |headers: HeaderMap, raw: Bytes| async move {
        tell.lock().unwrap().push((headers, raw));
        StatusCode::ACCEPTED
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/github", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let scene = Scene::hub().await;
    let config = json!({"url": url, "content_type": "json", "secret": "It's a Secret"});
    let wish = json!({"name": "web", "active": true, "events": ["issue_comment"], "config": config});
    let made = scene.bot("POST", "/hooks", wish).await;
    assert_eq!(made.status, 201);
    assert!(!made.text().contains("It's a Secret"), "{}", made.text());
    assert_eq!(scene.get("/hooks").await.json()[0]["events"], json!(["issue_comment"]));
    let number = scene.merge_request();
    scene.project.comment("ada", number, "hello").unwrap();
    let sent = scene.forge.deliver_pending().await;
    assert!(sent.iter().all(|one| one.answer == Some(Ok(202))));

    let heard = heard.lock().unwrap();
    let header = |headers: &HeaderMap, name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let events: Vec<String> = heard.iter().map(|(headers, _raw)| header(headers, "x-github-event")).collect();
    assert_eq!(events, ["ping", "issue_comment"], "only what was subscribed to");
    for (headers, raw) in heard.iter() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"It's a Secret").unwrap();
        mac.update(raw);
        let signature = header(headers, "x-hub-signature-256");
        mac.verify_slice(&hex::decode(signature.strip_prefix("sha256=").unwrap()).unwrap()).unwrap();
        assert_eq!(header(headers, "x-github-hook-id"), made.json()["id"].to_string());
        assert_eq!(header(headers, "x-github-hook-installation-target-id"), scene.project.id().to_string());
    }
    assert_ne!(header(&heard[0].0, "x-github-delivery"), header(&heard[1].0, "x-github-delivery"));
}

#[tokio::test]
async fn a_hook_that_would_not_be_json_is_refused() {
    let scene = Scene::hub().await;
    let config = json!({"url": "http://127.0.0.1:1/", "content_type": "form"});
    assert_eq!(scene.bot("POST", "/hooks", json!({"config": config})).await.status, 422);
    let config = json!({"url": "file:///etc/passwd", "content_type": "json"});
    assert_eq!(scene.bot("POST", "/hooks", json!({"config": config})).await.status, 422);
}

#[tokio::test]
async fn what_happens_to_a_pull_request_is_told_and_understood() {
    let scene = scene().await;
    let number = scene.merge_request();
    let head = scene.project.branch("deeper").unwrap();
    let opened = Told::take(&scene).await;
    let expected = [
        "push",
        "create",
        "pull_request opened",
        "workflow_job queued",
        "workflow_run requested",
        "workflow_job completed",
        "workflow_job completed",
        "workflow_job completed",
        "workflow_job completed",
    ];
    assert_eq!(opened.words(), expected, "the four jobs that are left out have ended at once");
    assert_eq!(opened.body("push")["ref"], "refs/heads/deeper");
    assert_eq!(
        opened.heard("push").subject,
        Subject::Branch { repo: repo(&scene), branch: "deeper".to_owned() }
    );
    assert_eq!(opened.heard("create").subject, Subject::Nothing { why: "told-by-push".to_owned() });
    assert_eq!(opened.heard("pull_request opened").subject, pull(&scene, number));
    assert_eq!(opened.body("pull_request opened")["pull_request"]["head"]["sha"], head.as_str());

    let next = scene.project.push("ada", "deeper", &[File::write("notes.txt", "1")], "More").unwrap();
    scene.project.retitle("ada", number, "Deeper").unwrap();
    scene.project.set_draft("ada", number, true).unwrap();
    scene.project.set_draft("ada", number, false).unwrap();
    scene.project.labels("mia", number, &["one", "two"], &[]).unwrap();
    scene.project.labels("mia", number, &[], &["one"]).unwrap();
    scene.project.close("ada", number).unwrap();
    scene.project.reopen("ada", number).unwrap();
    let told = Told::take(&scene).await;
    let of_pull: Vec<&str> =
        told.words().into_iter().filter(|word| word.starts_with("pull_request ")).collect();
    let expected = [
        "pull_request synchronize",
        "pull_request edited",
        "pull_request converted_to_draft",
        "pull_request ready_for_review",
        "pull_request labeled",
        "pull_request labeled",
        "pull_request unlabeled",
        "pull_request closed",
        "pull_request reopened",
    ];
    assert_eq!(of_pull, expected);
    let moved = told.body("pull_request synchronize");
    assert_eq!(
        (moved["before"].clone(), moved["after"].clone()),
        (json!(head.as_str()), json!(next.as_str()))
    );
    assert_eq!(told.body("pull_request closed")["pull_request"]["merged"], false);
    for word in expected {
        assert_eq!(told.heard(word).subject, pull(&scene, number), "{word}");
    }

    scene.project.merge("mia", number).unwrap();
    scene.project.delete_branch("ada", "deeper").unwrap();
    let merged = Told::take(&scene).await;
    assert_eq!(merged.body("pull_request closed")["pull_request"]["merged"], true);
    assert_eq!(merged.body("pull_request closed")["pull_request"]["merged_by"]["login"], "mia");
    assert_eq!(merged.heard("pull_request closed").subject, pull(&scene, number));
    assert_eq!(merged.heard("delete").subject, Subject::Nothing { why: "told-by-push".to_owned() });
}

#[tokio::test]
async fn comments_and_reviews_are_told_and_understood() {
    let scene = scene().await;
    let number = scene.merge_request();
    Told::take(&scene).await;
    let comment = scene.project.comment("mia", number, "/model help").unwrap().unwrap();
    scene.project.edit_comment("mia", number, comment, "/model status").unwrap();
    scene.project.delete_comment("mia", number, comment).unwrap();
    scene.project.system_note("mia", number, "changed the title").unwrap();
    scene.project.request_changes("mia", number, "no").unwrap();
    scene.project.approve("mia", number).unwrap();
    let told = Told::take(&scene).await;
    let expected = [
        "issue_comment created",
        "issue_comment edited",
        "issue_comment deleted",
        "pull_request_review submitted",
        "pull_request_review submitted",
    ];
    assert_eq!(told.words(), expected);
    let heard = told.heard("issue_comment created");
    assert_eq!(heard.subject, pull(&scene, number));
    let Event::Comment { id, author, body, .. } = heard.event else { panic!("no comment") };
    assert_eq!((id.0, author.login.as_str(), body.as_str()), (comment, "mia", "/model help"));
    assert!(!told.body("issue_comment created").to_string().contains("\"sha\""), "it carries no head");
    assert_eq!(
        told.heard("issue_comment edited").subject,
        Subject::Nothing { why: "edited-comment".to_owned() }
    );
    assert_eq!(
        told.heard("issue_comment deleted").subject,
        Subject::Nothing { why: "deleted-comment".to_owned() }
    );
    let Event::Review { act, head, .. } = told.heard("pull_request_review submitted").event else {
        panic!("no review")
    };
    assert_eq!(act, ReviewAct::ChangesRequested);
    assert_eq!(head, Some(scene.project.branch("deeper").unwrap()));

    scene.project.unapprove("mia", number).unwrap();
    let told = Told::take(&scene).await;
    let Event::Review { act, .. } = told.heard("pull_request_review dismissed").event else {
        panic!("no review")
    };
    assert_eq!(act, ReviewAct::Withdrawn);
}

#[tokio::test]
async fn runs_and_jobs_are_told_from_start_to_end() {
    let scene = scene().await;
    let number = scene.merge_request();
    Told::take(&scene).await;
    let run = scene.project.head_run(number, "iris").unwrap();
    scene.project.job_succeeds(run.id, "iris:build", "", &[]).unwrap();
    scene.project.job_fails(run.id, "iris:test", "", &[]).unwrap();
    let told = Told::take(&scene).await;
    let expected = [
        "workflow_job in_progress",
        "workflow_run in_progress",
        "workflow_job completed",
        "workflow_job queued",
        "workflow_job in_progress",
        "workflow_job completed",
        "workflow_run completed",
    ];
    assert_eq!(told.words(), expected);
    assert_eq!(told.body("workflow_run completed")["workflow_run"]["conclusion"], "failure");
    assert_eq!(told.heard("workflow_run completed").subject, pull(&scene, number));
    let of_run = Subject::Run { repo: repo(&scene), run: RunId(run.id), sha: Some(run.sha.clone()) };
    assert_eq!(told.heard("workflow_job completed").subject, of_run);

    scene.project.run_merge_request_pipeline("mia", number).unwrap();
    let again = Told::take(&scene).await;
    assert_eq!(again.body("workflow_run requested")["workflow_run"]["run_attempt"], 2);
    scene.project.cancel("mia", run.id).unwrap();
    let ended = Told::take(&scene).await;
    assert_eq!(ended.body("workflow_run completed")["workflow_run"]["conclusion"], "cancelled");
    assert!(!ended.words().contains(&"workflow_run in_progress"), "it never began");
}

#[tokio::test]
async fn statuses_tags_releases_and_deployments_are_told() {
    let files = [File::write(
        ".github/workflows/model-speech.yml",
        include_str!("../../../data/golden/github/two-models/.github/workflows/model-speech.yml"),
    )];
    let scene = Scene::on(ForgeKind::GitHub, Jobs::ByHand, Deliveries::ByHand, &files).await;
    scene.project.hook("http://127.0.0.1:1/", None, Some("secret")).unwrap();
    Told::take(&scene).await;
    let status = json!({"state": "success", "context": "mergewright"});
    scene.bot("POST", &format!("/statuses/{}", scene.main), status).await;
    scene.project.tag("mia", "speech@v1.0.0", "main", Some("one")).unwrap();
    scene.bot("POST", "/releases", json!({"tag_name": "speech@v1.0.0", "name": "speech v1"})).await;
    let told = Told::take(&scene).await;
    assert_eq!(told.words(), ["status", "push", "create", "release published"]);
    let commit = Subject::Commit { repo: repo(&scene), sha: scene.main.clone() };
    assert_eq!(told.heard("status").subject, commit);
    assert_eq!(told.body("push")["ref"], "refs/tags/speech@v1.0.0");
    assert_eq!(told.heard("push").subject, Subject::Nothing { why: "tag".to_owned() });
    assert_eq!(told.body("create")["ref_type"], "tag");
    assert_eq!(told.heard("release published").subject, Subject::Nothing { why: "release".to_owned() });

    let order = [
        ("MERGEWRIGHT_ACTION", "deploy"),
        ("MERGEWRIGHT_MODEL", "speech"),
        ("MERGEWRIGHT_ENVIRONMENT", "staging"),
    ];
    let run = scene.project.run_pipeline("mia", "main", &order).unwrap();
    scene.project.job_succeeds(run, "speech:deploy", "", &[]).unwrap();
    let told = Told::take(&scene).await;
    let words: Vec<&str> = told.words().into_iter().filter(|word| word.starts_with("deployment")).collect();
    assert_eq!(words, ["deployment created", "deployment_status created", "deployment_status created"]);
    let states: Vec<&str> = told
        .0
        .iter()
        .filter(|(word, _body)| word == "deployment_status created")
        .map(|(_word, body)| body["deployment_status"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["in_progress", "success"]);
    assert_eq!(told.body("deployment created")["deployment"]["environment"], "staging");
    assert_eq!(told.body("deployment created")["workflow_run"]["id"], run);
    // Whatever the parser makes of it, it reads it.
    told.heard("deployment created");
    told.heard("deployment_status created");
}
