//! Who is believed, and that a refusal teaches nothing.

use super::*;

#[tokio::test]
async fn every_refused_origin_gets_the_same_answer_and_nothing_is_repeated() {
    let server = Server::with(&format!("{GITHUB}{GITLAB_SIGNED}")).await;
    let hub = || good(ForgeKind::GitHub).without("x-hub-signature-256");
    let right = hex::encode(mac(HUB_SECRET.as_bytes(), &[HUB_PULL_REQUEST.as_bytes()]));
    let lab = || gitlab().event("Push Hook").signed("{}").token(LAB_TOKEN);
    let presented = "guessed-by-somebody";
    let forged = [
        hub(),
        hub().header("x-hub-signature-256", presented),
        hub().header("x-hub-signature-256", format!("sha256={}", "0".repeat(64))),
        hub().header("x-hub-signature-256", &right),
        hub().header("x-hub-signature-256", format!("sha512={right}")),
        hub().header("x-hub-signature-256", b"\xff\xff"),
        hub().header("x-hub-signature-256", ""),
        good(ForgeKind::GitHub).header("x-hub-signature-256", format!("sha256={right}")),
        hub().header("x-hub-signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"),
        good(ForgeKind::GitHub).body(format!("{HUB_PULL_REQUEST} ")),
        github().event("x").id("y").signed_with("a third secret", "{}"),
        hub().body("not even JSON"),
        hub().without("x-github-event").without("x-github-delivery"),
        lab().without("webhook-signature"),
        lab().without("webhook-id"),
        lab().without("webhook-timestamp"),
        lab().without("webhook-signature").header("webhook-signature", presented),
        lab().body("{} "),
        lab().header("webhook-id", "w-1"),
        lab().signed_at("w-1", NOW - 301),
        lab().signed_at("w-1", NOW + 301),
        lab().token(presented),
        lab().header("x-gitlab-token", LAB_TOKEN),
        good(ForgeKind::GitLab),
        gitlab().event("Push Hook"),
    ];
    let mut answers = Vec::new();
    for delivery in &forged {
        let answer = delivery.sent_to(&server).await;
        assert_eq!(answer.refusal(401), "unauthorized", "{}", String::from_utf8_lossy(&delivery.head()));
        for secret in [presented, HUB_SECRET, LAB_TOKEN, &right] {
            assert!(!answer.text.contains(secret));
        }
        let headers: Vec<(String, String)> =
            answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        answers.push((headers, answer.text));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers differ: {answers:?}");
    assert!(server.job().await.is_none());
}

#[tokio::test]
async fn old_and_new_secret_are_good_while_one_replaces_the_other() {
    let server = Server::start().await;
    for (id, secret) in [("old", HUB_SECRET), ("new", HUB_SECRET_NEW)] {
        let delivery = github().event("push").id(id).signed_with(secret, "{}");
        assert_eq!(delivery.sent_to(&server).await.status, 202, "{id}");
    }
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_around_our_time() {
    let server = Server::with(GITLAB_SIGNED).await;
    for (id, time) in [("late", NOW - 300), ("early", NOW + 300)] {
        let delivery = gitlab().event("Push Hook").signed_at(id, time);
        assert_eq!(delivery.sent_to(&server).await.status, 202, "{id}");
    }
    let delivery = gitlab().event("Push Hook").signed_at("stale", NOW);
    server.clock.0.store((NOW + 301) * 1000, Ordering::SeqCst);
    assert_eq!(delivery.sent_to(&server).await.refusal(401), "unauthorized");
}

#[tokio::test]
async fn a_signed_delivery_of_gitlab_is_good_with_and_without_its_token() {
    let server = Server::with(GITLAB_SIGNED).await;
    let signed = gitlab().event("Push Hook").signed("{}");
    assert_eq!(signed.sent_to(&server).await.status, 202);
    assert_eq!(signed.token(LAB_TOKEN).sent_to(&server).await.status, 200);
}

#[tokio::test]
async fn long_and_odd_headers_harm_nobody() {
    let server = Server::start().await;
    for forge in BOTH {
        for length in [10_000, 100_000, 1_000_000] {
            let delivery = good(forge).header("x-filler", "a".repeat(length));
            let status = delivery.sent_to(&server).await.status;
            assert!(matches!(status, 200 | 202 | 431), "{length}: {status}");
        }
        let many =
            (0..500).fold(good(forge), |delivery, number| delivery.header(&format!("x-{number}"), "a"));
        assert!(matches!(many.sent_to(&server).await.status, 200 | 202 | 431));
        let odd = good(forge).header("x-odd", b"\x80\xff").header("user-agent", "ü");
        assert_eq!(odd.id("odd").sent_to(&server).await.status, 202);
    }
    assert_eq!(server.get("/readyz").await.status, 200);
}
