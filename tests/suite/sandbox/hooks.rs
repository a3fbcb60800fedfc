//! Webhooks over real HTTP: shape, signature, order, duplicates, losses.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use mergewright::sandbox::{Copies, Deliveries, File, Jobs, Manner, Order};

use super::scene::{GENERATED, NOON, Scene};

const KEY: [u8; 32] = [7; 32];

/// One delivery as it arrived.
#[derive(Clone)]
struct Heard {
    headers: HeaderMap,
    raw: Bytes,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    /// `push`, `merge_request open`, `note create`, …
    fn kind(&self) -> String {
        let body = self.json();
        let action =
            body["object_attributes"]["action"].as_str().or(body["object_attributes"]["status"].as_str());
        let kind = body["object_kind"].as_str().unwrap().to_owned();
        action.or(body["build_status"].as_str()).map_or(kind.clone(), |action| format!("{kind} {action}"))
    }
}

/// A listener that answers with the next of `statuses`, then 202.
struct Ear {
    url: String,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Ear {
    async fn open(statuses: &[u16]) -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        let statuses = Arc::new(Mutex::new(statuses.to_vec()));
        let router = Router::new().fallback(move |headers: HeaderMap, raw: Bytes| async move {
            tell.send(Heard { headers, raw }).unwrap();
            let mut left = statuses.lock().unwrap();
            let status = if left.is_empty() { 202 } else { left.remove(0) };
            StatusCode::from_u16(status).unwrap()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/gitlab", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    fn all(&mut self) -> Vec<Heard> {
        let mut all = Vec::new();
        while let Ok(one) = self.heard.try_recv() {
            all.push(one);
        }
        all
    }

    fn kinds(&mut self) -> Vec<String> {
        self.all().iter().map(Heard::kind).collect()
    }
}

/// A scene whose hook has a signing token and a plain one.
async fn scene(ear: &Ear) -> Scene {
    let scene = Scene::open().await;
    let signing = format!("whsec_{}", STANDARD.encode(KEY));
    let wish = serde_json::json!({
        "url": ear.url, "push_events": true, "tag_push_events": true, "merge_requests_events": true,
        "note_events": true, "pipeline_events": true, "job_events": true,
        "token": "plain secret", "signing_token": signing,
    });
    let made = scene.bot("POST", "/hooks", wish).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["signing_token_present"], true);
    assert!(!made.text().contains("plain secret") && !made.text().contains("whsec_"));
    scene
}

#[tokio::test]
async fn deliveries_are_signed_as_standard_webhooks() {
    let mut ear = Ear::open(&[]).await;
    let scene = scene(&ear).await;
    scene.merge_request();
    let sent = scene.forge.deliver_pending().await;
    let heard = ear.all();
    assert_eq!(heard.len(), sent.len());
    assert!(sent.iter().all(|delivery| delivery.answer == Some(Ok(202))));
    for one in heard {
        let (id, time) = (one.header("webhook-id"), one.header("webhook-timestamp"));
        assert_eq!(id, one.header("idempotency-key"));
        assert_eq!(time, NOON.to_string());
        let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
        mac.update(format!("{id}.{time}.").as_bytes());
        mac.update(&one.raw);
        let signature = one.header("webhook-signature").strip_prefix("v1,").unwrap();
        mac.verify_slice(&STANDARD.decode(signature).unwrap()).unwrap();
        assert_eq!(one.header("x-gitlab-token"), "plain secret");
        assert_eq!(one.header("content-type"), "application/json");
        assert_eq!(one.header("x-gitlab-instance"), scene.forge.url());
    }
    assert!(scene.forge.deliver_pending().await.is_empty());
}

#[tokio::test]
async fn a_bad_signing_token_is_refused() {
    let scene = Scene::open().await;
    for token in ["secret", "whsec_AAAA", "whsec_?"] {
        let wish = serde_json::json!({"url": "http://127.0.0.1:1/", "signing_token": token});
        assert_eq!(scene.bot("POST", "/hooks", wish).await.status, 400, "{token}");
    }
    let wish = serde_json::json!({"url": "file:///etc/passwd"});
    assert_eq!(scene.bot("POST", "/hooks", wish).await.status, 422);
}

#[tokio::test]
async fn each_deed_is_told_in_gitlabs_words() {
    let mut ear = Ear::open(&[]).await;
    let scene = scene(&ear).await;
    let number = scene.merge_request();
    scene.forge.deliver_pending().await;
    let heard = ear.all();
    let kinds: Vec<String> = heard.iter().map(Heard::kind).collect();
    assert_eq!(kinds, ["push", "merge_request open", "build pending", "pipeline pending"]);
    let head = scene.project.branch("deeper").unwrap();
    let opened = heard[1].json();
    assert_eq!(heard[1].header("x-gitlab-event"), "Merge Request Hook");
    assert_eq!(opened["object_attributes"]["last_commit"]["id"], head.as_str());
    assert_eq!(opened["object_attributes"]["iid"], number);
    assert!(opened["object_attributes"].get("oldrev").is_none());
    assert_eq!(heard[0].json()["commits"][0]["modified"][0], "models/iris/params.json");
    assert_eq!(heard[2].header("x-gitlab-event"), "Job Hook");
    assert_eq!(heard[2].json()["build_name"], "iris:build");
    assert_eq!(heard[3].json()["merge_request"]["iid"], number);
    assert_eq!(heard[3].json()["builds"].as_array().unwrap().len(), 2);

    let next = scene.project.push("ada", "deeper", &[File::write("notes.txt", "1")], "More").unwrap();
    scene.forge.deliver_pending().await;
    let updated = ear.all().into_iter().find(|one| one.kind() == "merge_request update").unwrap().json();
    assert_eq!(updated["object_attributes"]["oldrev"], head.as_str());
    assert_eq!(updated["object_attributes"]["last_commit"]["id"], next.as_str());

    let note = scene.project.comment("mia", number, "/model help").unwrap().unwrap();
    scene.project.edit_comment("mia", number, note, "/model status").unwrap();
    assert_eq!(scene.project.comment("mia", number, "/approve").unwrap(), None);
    scene.project.unapprove("mia", number).unwrap();
    scene.project.close("ada", number).unwrap();
    scene.project.reopen("ada", number).unwrap();
    scene.forge.deliver_pending().await;
    let heard = ear.all();
    let kinds: Vec<String> = heard.iter().map(Heard::kind).collect();
    let expected = [
        "note create",
        "note update",
        "merge_request approved",
        "merge_request unapproved",
        "merge_request close",
        "merge_request reopen",
    ];
    assert_eq!(kinds, expected, "a comment of quick actions alone is no note");
    assert_eq!(heard[0].json()["object_attributes"]["note"], "/model help");
    assert_eq!(heard[0].json()["object_attributes"]["id"], note);
    assert_eq!(heard[0].json()["user"]["username"], "mia");
    assert_eq!(heard[0].json()["merge_request"]["iid"], number);

    scene.project.merge("mia", number).unwrap();
    scene.project.tag("mia", "iris@v1.0.0", "main", Some("one")).unwrap();
    scene.forge.deliver_pending().await;
    let heard = ear.all();
    let kinds: Vec<String> = heard.iter().map(Heard::kind).collect();
    assert_eq!(kinds, ["merge_request merge", "push", "tag_push"]);
    assert_eq!(heard[0].json()["object_attributes"]["state"], "merged");
    assert_eq!(heard[2].json()["ref"], "refs/tags/iris@v1.0.0");
}

#[tokio::test]
async fn deliveries_come_in_any_order_twice_or_never() {
    let mut ear = Ear::open(&[]).await;
    let scene = scene(&ear).await;
    let number = scene.merge_request();
    scene.forge.deliver_pending().await;
    ear.all();
    let talk = || {
        for text in ["one", "two", "three", "four", "five"] {
            scene.project.comment("ada", number, text).unwrap();
        }
    };
    let texts = |heard: &[Heard]| -> Vec<String> {
        heard.iter().map(|one| one.json()["object_attributes"]["note"].as_str().unwrap().to_owned()).collect()
    };

    talk();
    scene.forge.deliver(&Manner { order: Order::Shuffled(3), ..Manner::default() }).await;
    let shuffled = texts(&ear.all());
    assert_ne!(shuffled, ["one", "two", "three", "four", "five"]);
    talk();
    scene.forge.deliver(&Manner { order: Order::Shuffled(3), ..Manner::default() }).await;
    assert_eq!(texts(&ear.all()), shuffled, "the seed decides");

    for (copies, same) in [(Copies::SameId, true), (Copies::OtherId, false)] {
        talk();
        scene.forge.deliver(&Manner { copies, ..Manner::default() }).await;
        let heard = ear.all();
        assert_eq!(heard.len(), 10);
        assert_eq!(heard[0].raw, heard[1].raw);
        assert_eq!(heard[0].header("idempotency-key") == heard[1].header("idempotency-key"), same);
    }

    talk();
    let keep: mergewright::sandbox::Filter = Arc::new(|delivery| !delivery.body.contains("\"three\""));
    let sent = scene.forge.deliver(&Manner { keep: Some(keep), ..Manner::default() }).await;
    assert_eq!(texts(&ear.all()), ["one", "two", "four", "five"]);
    let again = scene.forge.redeliver(&sent[1]).await;
    assert_eq!(again[0].id, sent[1].id);
    assert_eq!(texts(&ear.all()), ["two"]);
}

#[tokio::test]
async fn a_listener_that_is_away_is_reported_not_hidden() {
    let scene = Scene::open().await;
    scene.project.hook("http://127.0.0.1:1/", None, None).unwrap();
    scene.merge_request();
    let sent = scene.forge.deliver_pending().await;
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|delivery| matches!(delivery.answer, Some(Err(_)))));
}

#[tokio::test]
async fn the_automatic_mode_sends_by_itself_and_again_after_a_failure() {
    let mut ear = Ear::open(&[503, 500]).await;
    let scene = Scene::with(Jobs::ByHand, Deliveries::Automatic, GENERATED).await;
    scene.project.hook(&ear.url, None, None).unwrap();
    scene.project.push("ada", "aside", &[File::write("notes.txt", "1")], "Aside").unwrap();
    let mut ids = Vec::new();
    for _attempt in 0..3 {
        ids.push(ear.heard.recv().await.unwrap().header("idempotency-key").to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[1], ids[2]);
    assert!(ear.kinds().is_empty(), "the third was taken");
}
