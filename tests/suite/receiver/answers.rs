//! What a webhook route says to a well-proved delivery, and in which order a bad one is judged.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_proved_delivery_is_kept_and_then_accepted() {
    let server = Server::start().await;
    for forge in BOTH {
        let delivery = good(forge);
        let answer = delivery.sent_to(&server).await;
        assert_eq!((answer.status, answer.json()), (202, json!({"delivery": "d-1", "status": "accepted"})));
        let stored = server.stored().await.unwrap();
        assert_eq!(stored.id, "d-1");
        assert_eq!(stored.body.as_bytes(), delivery.body);
        assert_eq!(stored.lane, format!("{forge}:5!7"));
    }
    assert!(server.job().await.is_none());
}

#[tokio::test]
async fn githubs_ping_is_answered_and_leaves_nothing() {
    let server = Server::start().await;
    let ping = github().event("ping").id("p-1").signed(r#"{"zen":"Keep it simple.","hook_id":1}"#);
    for _ in 0..2 {
        let answer = ping.sent_to(&server).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "pong"})));
    }
    assert!(server.job().await.is_none());
    let forged = github().event("ping").id("p-1").signed_with("guess", "{}").sent_to(&server).await;
    assert_eq!(forged.refusal(401), "unauthorized");
}

#[tokio::test]
async fn events_without_use_for_us_are_kept_all_the_same() {
    let server = Server::start().await;
    for (forge, event, body, lane) in [
        (ForgeKind::GitHub, "sponsorship", r#"{"action":"created"}"#, "github"),
        (ForgeKind::GitHub, "organization", r#"{"organization":{"id":9}}"#, "github"),
        (ForgeKind::GitLab, "System Hook", r#"{"event_name":"user_create"}"#, "gitlab"),
        (ForgeKind::GitLab, "Odd Hook", r#"{"an":"administrator's template"}"#, "gitlab"),
    ] {
        let answer = Delivery::new(forge).event(event).id(event).proved(body).sent_to(&server).await;
        assert_eq!(answer.status, 202, "{event}");
        let stored = server.stored().await.unwrap();
        assert_eq!((stored.event.as_str(), stored.lane.as_str()), (event, lane));
    }
}

#[tokio::test]
async fn a_forge_that_is_not_configured_has_no_route_at_all() {
    let hub = Server::with(GITHUB).await;
    assert_eq!(good(ForgeKind::GitLab).sent_to(&hub).await.refusal(404), "not_found");
    assert_eq!(good(ForgeKind::GitLab).method("GET").sent_to(&hub).await.refusal(404), "not_found");
    drop(hub);
    let lab = Server::with(GITLAB_TOKENS).await;
    assert_eq!(good(ForgeKind::GitHub).sent_to(&lab).await.refusal(404), "not_found");
    for path in ["/webhooks", "/webhooks/", "/webhooks/gitlab/", "/webhooks/bitbucket", "/.git/config"] {
        assert_eq!(lab.get(path).await.refusal(404), "not_found", "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_told_which_one_to_use() {
    let server = Server::start().await;
    for forge in BOTH {
        for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            let answer = good(forge).method(method).sent_to(&server).await;
            assert_eq!(answer.refusal(405), "method_not_allowed", "{method}");
            assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        }
    }
    assert!(server.job().await.is_none());
}

#[tokio::test]
async fn other_content_types_are_not_read() {
    let server = Server::start().await;
    for forge in BOTH {
        let bare = good(forge).without("content-type");
        assert_eq!(bare.sent_to(&server).await.refusal(415), "unsupported_media_type");
        for kind in ["text/plain", "application/jsonp", "application/xml", "json", "", "multipart/form-data"]
        {
            let answer = bare.clone().header("content-type", kind).sent_to(&server).await;
            assert_eq!(answer.refusal(415), "unsupported_media_type", "{kind}");
        }
        let twice = good(forge).header("content-type", "application/json").sent_to(&server).await;
        assert_eq!(twice.refusal(415), "unsupported_media_type");
        for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"]
        {
            let answer = bare.clone().header("content-type", kind).id(kind).sent_to(&server).await;
            assert_eq!(answer.status, 202, "{kind}");
        }
    }
    let form = good(ForgeKind::GitLab).without("content-type");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.sent_to(&server).await.refusal(415), "unsupported_media_type");
}

#[tokio::test]
async fn what_is_wrong_first_in_the_order_is_what_is_told() {
    let limits = Limits { body: 64, body_time: Duration::from_secs(10) };
    let server = Server::with_limits(&format!("{GITHUB}{GITLAB_TOKENS}"), limits).await;
    for forge in BOTH {
        // Everything is wrong; one after another is put right.
        let bad = Delivery::new(forge).without("content-type").body([b'['; 65]);
        assert_eq!(bad.clone().method("PUT").sent_to(&server).await.refusal(405), "method_not_allowed");
        assert_eq!(bad.sent_to(&server).await.refusal(415), "unsupported_media_type");
        let bad = bad.header("content-type", "application/json");
        assert_eq!(bad.sent_to(&server).await.refusal(413), "body_too_large");
        let bad = bad.body("[");
        assert_eq!(bad.sent_to(&server).await.refusal(401), "unauthorized");
        let bad = bad.proved("[");
        assert_eq!(bad.sent_to(&server).await.refusal(400), "missing_header");
        let bad = bad.event("x").id("i");
        assert_eq!(bad.sent_to(&server).await.refusal(400), "invalid_json");
        let good = bad.proved("{}");
        assert_eq!(good.sent_to(&server).await.status, 202);
        assert_eq!(good.sent_to(&server).await.json()["status"], "duplicate");
    }
    server.store.close().await;
    for forge in BOTH {
        assert_eq!(good(forge).proved("[").sent_to(&server).await.refusal(400), "invalid_json");
        assert_eq!(good(forge).proved("{}").sent_to(&server).await.refusal(503), "store_unavailable");
    }
}

#[tokio::test]
async fn what_the_store_cannot_keep_is_not_acknowledged() {
    let server = Server::start().await;
    server.store.close().await;
    for forge in BOTH {
        let answer = good(forge).sent_to(&server).await;
        assert_eq!(answer.refusal(503), "store_unavailable");
        let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds));
    }
    let ping = github().event("ping").id("p").signed("{}").sent_to(&server).await;
    assert_eq!(ping.status, 200, "a ping needs no store");
}
