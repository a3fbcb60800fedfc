//! Health, numbers, and how the server ends.

use mergewright::domain::{MergeRequestId, ModelState, Phase, RepoId, State};
use mergewright::storage::NewState;

use super::*;

#[tokio::test]
async fn a_server_with_its_store_is_alive_and_ready() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(server.get("/readyz").await.status, 200);
    server.store.close().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let unready = server.get("/readyz").await;
    assert_eq!(unready.refusal(503), "store_unavailable");
    assert!(unready.header("retry-after").is_some());
}

#[tokio::test]
async fn a_draining_server_is_alive_and_not_ready_and_turns_deliveries_away() {
    let server = Server::start().await;
    server.drain.begin();
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(server.get("/metrics").await.status, 200);
    assert_eq!(server.get("/readyz").await.refusal(503), "draining");
    for forge in BOTH {
        let turned_away = good(forge).sent_to(&server).await;
        assert_eq!(turned_away.refusal(503), "shutting_down");
        assert!(turned_away.header("retry-after").is_some());
    }
    assert!(server.stored().await.is_none(), "what was not acknowledged is not kept");
    let text = server.get("/metrics").await.text;
    assert!(text.contains("outcome=\"shutting_down\"} 1\n"), "{text}");
}

#[tokio::test]
async fn turning_away_comes_last_of_all() {
    let server = Server::start().await;
    for forge in BOTH {
        good(forge).sent_to(&server).await;
    }
    server.drain.begin();
    for forge in BOTH {
        assert_eq!(good(forge).sent_to(&server).await.status, 200, "it is known to be kept");
        let unknown = good(forge).id("another");
        let refused = [
            (405, server.get(&format!("/webhooks/{forge}")).await),
            (415, unknown.clone().without("content-type").sent_to(&server).await),
            (401, unknown.clone().token("guess").signed_with("guess", "{}").sent_to(&server).await),
            (400, unknown.clone().proved("[").sent_to(&server).await),
            (503, unknown.sent_to(&server).await),
        ];
        for (status, answer) in refused {
            answer.refusal(status);
        }
    }
    assert_eq!(server.get("/webhooks/elsewhere").await.status, 404);
    assert_eq!(github().event("ping").id("p").signed("{}").sent_to(&server).await.status, 200);
}

#[tokio::test]
async fn what_was_being_received_when_the_end_was_asked_for_is_kept() {
    let server = Server::start().await;
    let delivery = good(ForgeKind::GitHub);
    let mut wire = Wire::to(&server).await;
    let mut head = delivery.head();
    let expect = format!("content-length: {}\r\nexpect: 100-continue\r\n\r\n", delivery.body.len());
    head.extend_from_slice(expect.as_bytes());
    wire.say(head).await;
    assert_eq!(wire.answer().await.status, 100, "the body is asked for by who will keep it");
    server.drain.begin();
    assert_eq!(wire.ask(&delivery.body).await.status, 202);
    assert_eq!(server.stored().await.unwrap().id, "d-1");
}

#[tokio::test]
async fn a_stopping_server_ends_what_is_under_way_and_takes_no_more() {
    let mut server = Server::start().await;
    let delivery = good(ForgeKind::GitHub);
    let mut wire = Wire::to(&server).await;
    let mut head = delivery.head();
    head.extend_from_slice(format!("content-length: {}\r\n\r\n", delivery.body.len()).as_bytes());
    wire.say(head).await;
    wire.say(&delivery.body[..10]).await;
    // A finished request on a later connection shows that the first one was accepted before the stop.
    assert_eq!(server.get("/healthz").await.status, 200);
    server.stop.take().unwrap().send(()).unwrap();
    assert_eq!(wire.ask(&delivery.body[10..]).await.status, 202);
    server.running.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn health_answers_only_to_reading() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(Wire::to(&server).await.ask(request).await.refusal(405), "method_not_allowed");
    }
}

#[tokio::test]
async fn deliveries_are_counted_by_forge_event_and_outcome() {
    let server = Server::with(&format!("{GITHUB}{GITLAB_TOKENS}repositories: ['acme/*']\n")).await;
    good(ForgeKind::GitHub).sent_to(&server).await;
    good(ForgeKind::GitHub).sent_to(&server).await;
    github().event("ping").id("p").signed("{}").sent_to(&server).await;
    good(ForgeKind::GitHub).signed_with("guess", "{}").sent_to(&server).await;
    good(ForgeKind::GitLab).sent_to(&server).await;
    good(ForgeKind::GitLab)
        .id("b")
        .proved(r#"{"project":{"id":6,"path_with_namespace":"x/y"}}"#)
        .sent_to(&server)
        .await;
    good(ForgeKind::GitLab).proved("[").sent_to(&server).await;
    good(ForgeKind::GitLab).without("content-type").sent_to(&server).await;
    let text = server.get("/metrics").await.text;
    for (forge, event, outcome) in [
        ("github", "pull_request", "accepted"),
        ("github", "pull_request", "duplicate"),
        ("github", "pull_request", "unauthorized"),
        ("github", "ping", "pong"),
        ("gitlab", "Merge Request Hook", "accepted"),
        ("gitlab", "Merge Request Hook", "ignored"),
        ("gitlab", "Merge Request Hook", "malformed"),
        ("gitlab", "Merge Request Hook", "unsupported_media_type"),
    ] {
        let labels = [("forge", forge), ("event", event), ("outcome", outcome)];
        let line = format!("{} 1", series("mergewright_deliveries_total", &labels));
        assert!(text.lines().any(|have| have == line), "{line}\nis not in\n{text}");
    }
    // Accepted, duplicate, pong; accepted and ignored.
    assert!(text.contains("mergewright_ack_seconds_count 5"), "{text}");
    assert!(text.contains("mergewright_ack_seconds_bucket{le=\"10\"} 5"), "{text}");
}

#[tokio::test]
async fn the_queue_is_measured_when_it_is_asked_for() {
    let server = Server::start().await;
    let empty = server.get("/metrics").await;
    assert!(empty.header("content-type").unwrap().starts_with("text/plain"));
    assert!(empty.text.contains("mergewright_queue_depth 0\n"), "{}", empty.text);
    for id in ["a", "b"] {
        good(ForgeKind::GitLab).id(id).sent_to(&server).await;
    }
    server.clock.0.fetch_add(90_000, Ordering::SeqCst);
    let text = server.get("/metrics").await.text;
    assert!(text.contains("mergewright_queue_depth 2\n"), "{text}");
    assert!(text.contains("mergewright_queue_oldest_seconds 90\n"), "{text}");
}

#[tokio::test]
async fn runs_are_counted_by_stage_and_state() {
    let server = Server::start().await;
    let id = MergeRequestId { repo: RepoId { forge: ForgeKind::GitLab, number: 5 }, number: 7 };
    for (expected, phase) in [(0, Phase::Building), (1, Phase::Ready)] {
        good(ForgeKind::GitLab).id(&phase.to_string()).sent_to(&server).await;
        let claimed = server.store.claim(server.clock.now(), Duration::from_secs(60)).await.unwrap().unwrap();
        let mut state = State::default();
        state.models.insert("iris".parse().unwrap(), ModelState { phase, ..ModelState::default() });
        let (title, web_url, repository) = (String::new(), String::new(), String::new());
        let state = NewState { id, expected, state, title, web_url, repository, open: true };
        let decision = Decision { state: Some(state), ..Decision::default() };
        server.store.commit(&claimed.lease, decision, server.clock.now()).await.unwrap();
        let text = server.get("/metrics").await.text;
        let line = |stage, state| series("mergewright_runs", &[("stage", stage), ("state", state)]);
        let ready = i64::from(phase == Phase::Ready);
        for line in [
            format!("{} {}\n", line("build", "Building"), 1 - ready),
            format!("{} {ready}\n", line("review", "Ready")),
        ] {
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
    }
}

#[tokio::test]
async fn nobody_can_make_the_list_of_series_grow() {
    let server = Server::start().await;
    let count =
        |text: &str| text.lines().filter(|line| line.starts_with("mergewright_deliveries_total")).count();
    let mut counts = Vec::new();
    for round in 0..3 {
        for forge in BOTH {
            for number in 0..20 {
                let name = format!("made-up-{round}-{number}");
                let known =
                    good(forge).event(&name).id(&name).proved(r#"{"repository":{"id":8,"full_name":"a/b"}}"#);
                assert_eq!(known.sent_to(&server).await.status, 202);
                Delivery::new(forge).event(&name).sent_to(&server).await.refusal(401);
            }
        }
        let text = server.get("/metrics").await.text;
        assert!(text.contains("event=\"other\"") && !text.contains("made-up"), "{text}");
        counts.push(count(&text));
    }
    assert_eq!(counts, [4, 4, 4]);
}
