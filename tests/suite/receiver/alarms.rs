//! What a person must look at is said once, loudly, and without any secret.

use std::io;
use std::sync::Mutex;

use serde_json::Value;
use tracing::subscriber::DefaultGuard;

use super::*;

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let target = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || target.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn alarms(&self) -> Vec<(String, String)> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line.get("alarm.kind").is_some())
            .map(|line| {
                let word = |name: &str| line[name].as_str().unwrap().to_owned();
                (word("level"), word("alarm.kind"))
            })
            .collect()
    }
}

fn error(kind: &str) -> (String, String) {
    ("ERROR".to_owned(), kind.to_owned())
}

#[tokio::test]
async fn twenty_five_refusals_in_a_row_are_one_alarm() {
    let (log, _listening) = Log::listen();
    let server = Server::start().await;
    let forged = |forge| good(forge).token("guess").signed_with("guess", "{}");
    for forge in BOTH {
        let before = log.alarms().len();
        for _ in 0..24 {
            forged(forge).sent_to(&server).await.refusal(401);
        }
        assert_eq!(log.alarms().len(), before);
        for _ in 0..40 {
            forged(forge).sent_to(&server).await.refusal(401);
        }
        assert_eq!(log.alarms()[before..], [error("webhook-secret-differs")]);
        // One good delivery ends the row, and the next row is another alarm.
        good(forge).sent_to(&server).await;
        for _ in 0..25 {
            forged(forge).sent_to(&server).await.refusal(401);
        }
        assert_eq!(log.alarms().len(), before + 2);
    }
    let text = server.get("/metrics").await.text;
    let line = format!("{} 4", series("mergewright_alarms_total", &[("kind", "webhook-secret-differs")]));
    assert!(text.contains(&line), "{text}");
}

#[tokio::test]
async fn the_same_id_with_another_body_is_an_alarm() {
    let (log, _listening) = Log::listen();
    let server = Server::start().await;
    for forge in BOTH {
        good(forge).proved(r#"{"a":1}"#).sent_to(&server).await;
        good(forge).proved(r#"{"a":1}"#).sent_to(&server).await;
    }
    assert_eq!(log.alarms(), []);
    for forge in BOTH {
        good(forge).proved(r#"{"a":2}"#).sent_to(&server).await;
    }
    assert_eq!(log.alarms(), [error("delivery-body-differs"), error("delivery-body-differs")]);
}

#[tokio::test]
async fn invalid_bodies_in_a_row_are_one_alarm() {
    let (log, _listening) = Log::listen();
    let server = Server::start().await;
    for forge in BOTH {
        let before = log.alarms().len();
        let invalid = good(forge).proved("not JSON");
        invalid.sent_to(&server).await.refusal(400);
        invalid.sent_to(&server).await.refusal(400);
        good(forge).sent_to(&server).await;
        invalid.sent_to(&server).await.refusal(400);
        invalid.sent_to(&server).await.refusal(400);
        assert_eq!(log.alarms().len(), before, "never three in a row");
        for _ in 0..10 {
            invalid.sent_to(&server).await.refusal(400);
        }
        assert_eq!(log.alarms()[before..], [error("webhook-body-invalid")]);
    }
}

#[tokio::test]
async fn no_log_line_repeats_what_was_presented() {
    let (log, _listening) = Log::listen();
    let server = Server::with(&format!("{GITHUB}{GITLAB_SIGNED}")).await;
    let presented = "presented-by-somebody";
    for _ in 0..30 {
        good(ForgeKind::GitHub)
            .without("x-hub-signature-256")
            .header("x-hub-signature-256", presented)
            .sent_to(&server)
            .await;
        gitlab().event("Push Hook").signed("{}").token(presented).sent_to(&server).await;
        gitlab().event("Push Hook").token(LAB_TOKEN).sent_to(&server).await;
    }
    good(ForgeKind::GitHub).signed("{}").sent_to(&server).await;
    let text = log.text();
    assert!(text.contains("delivery refused"), "{text}");
    for secret in [presented, HUB_SECRET, LAB_TOKEN] {
        assert!(!text.contains(secret), "{secret}");
    }
}
