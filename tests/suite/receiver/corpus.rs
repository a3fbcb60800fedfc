//! Outside material beside the project: known answers for signatures, and recorded payloads.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use mergewright::inbox::signature;
use secrecy::{SecretBox, SecretString};
use serde::Deserialize;

use super::*;

/// A file beside the project; says so where it is not there.
fn beside(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/contracts").join(path);
    if file.exists() {
        return Some(file);
    }
    // Not by `println!`: the test harness would swallow it.
    writeln!(std::io::stdout(), "NOT RUN: ../shared/contracts/{path} is absent beside the project").unwrap();
    None
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    scheme: String,
    secret: String,
    body: String,
    headers: BTreeMap<String, String>,
    valid: Option<bool>,
    now: Option<i64>,
}

impl Vector {
    fn verdict(&self) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let (body, now) = (self.body.as_bytes(), Timestamp(self.now.unwrap_or(NOW) * 1000));
        let secret = SecretString::from(self.secret.clone());
        match self.scheme.as_str() {
            "x-hub-signature-256" => signature::github::verify(&headers, body, &[secret]).is_ok(),
            "x-gitlab-token" => signature::gitlab::verify(&headers, body, &[], &[secret], now).is_ok(),
            "standard-webhooks" => {
                let key = STANDARD.decode(self.secret.strip_prefix("whsec_").unwrap()).unwrap();
                let key = Arc::new(SecretBox::new(Box::new(key)));
                signature::gitlab::verify(&headers, body, &[key], &[], now).is_ok()
            }
            other => panic!("unknown scheme {other}"),
        }
    }
}

#[test]
fn every_known_answer_is_given() {
    let Some(file) = beside("signatures/vectors.json") else { return };
    let vectors: Vec<Vector> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(vectors.len() >= 23, "only {} vectors", vectors.len());
    for vector in &vectors {
        let verdict = vector.verdict();
        match vector.valid {
            Some(valid) => assert_eq!(verdict, valid, "{}", vector.id),
            // Either will do, as long as it is always the same.
            None => assert!((0..3).all(|_| vector.verdict() == verdict), "{}", vector.id),
        }
    }
}

#[tokio::test]
async fn every_recorded_payload_is_kept_and_leaves_the_server_ready() {
    let Some(index) = beside("payloads/index.tsv") else { return };
    let folder = index.parent().unwrap();
    let server = Server::start().await;
    let mut sent = BTreeMap::<ForgeKind, usize>::new();
    for line in std::fs::read_to_string(&index).unwrap().lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (file, event) = (columns[0], columns[2]);
        let forge = if file.starts_with("gitlab/") { ForgeKind::GitLab } else { ForgeKind::GitHub };
        let body = std::fs::read(folder.join(file)).unwrap();
        let delivery = Delivery::new(forge).event(event).id(file).proved(body);
        let answer = delivery.sent_to(&server).await;
        let status = if event == "ping" { 200 } else { 202 };
        assert_eq!(answer.status, status, "{file}: {answer:?}");
        *sent.entry(forge).or_default() += 1;
    }
    assert!(sent[&ForgeKind::GitHub] >= 299 && sent[&ForgeKind::GitLab] >= 61, "{sent:?}");
    assert_eq!(server.get("/readyz").await.status, 200);
}
