//! Bodies that are too large, too slow or never complete.

use super::*;

const MIB: usize = 1024 * 1024;

fn small(body: usize) -> Limits {
    Limits { body, body_time: Duration::from_secs(10) }
}

/// A JSON object of exactly this many bytes.
fn object(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"a":""#.to_vec();
    body.resize(bytes - 2, b'x');
    body.extend_from_slice(br#""}"#);
    body
}

#[tokio::test]
async fn the_last_byte_that_fits_is_taken_and_the_next_is_not() {
    let server = Server::with_limits(&format!("{GITHUB}{GITLAB_TOKENS}"), small(1000)).await;
    for forge in BOTH {
        let fits = good(forge).proved(object(1000));
        assert_eq!(fits.sent_to(&server).await.status, 202);
        assert_eq!(fits.sent_in_chunks(&server, &[&fits.body[..600], &fits.body[600..]]).await.status, 200);
        let over = good(forge).proved(object(1001));
        assert_eq!(over.sent_to(&server).await.refusal(413), "body_too_large");
        let chunked = over.sent_in_chunks(&server, &[&over.body[..600], &over.body[600..]]).await;
        assert_eq!(chunked.refusal(413), "body_too_large");
    }
}

#[tokio::test]
async fn twenty_five_mebibytes_are_taken_and_one_byte_more_is_refused_unread() {
    let server = Server::start().await;
    for forge in BOTH {
        let mut wire = Wire::to(&server).await;
        let mut head = good(forge).head();
        head.extend_from_slice(format!("content-length: {}\r\n\r\n", 25 * MIB + 1).as_bytes());
        // Not one byte of the body is sent, and still there is an answer.
        let answer = wire.ask(head).await;
        assert_eq!(answer.refusal(413), "body_too_large");
        assert!(wire.is_over().await, "the unread body cannot be followed by another request");
    }
    let largest = good(ForgeKind::GitLab).proved(object(25 * MIB));
    assert_eq!(largest.sent_to(&server).await.status, 202);
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let server = Server::with_limits(GITHUB, small(1000)).await;
    let mut wire = Wire::to(&server).await;
    let mut head = good(ForgeKind::GitHub).head();
    head.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
    wire.say(head).await;
    wire.say(format!("3e8\r\n{}\r\n", "x".repeat(1000))).await;
    let answer = wire.ask("1\r\nx\r\n").await;
    assert_eq!(answer.refusal(413), "body_too_large");
    assert!(wire.is_over().await);
}

#[tokio::test]
async fn a_slow_body_is_given_up_and_its_connection_freed() {
    let limits = Limits { body: MIB, body_time: Duration::from_millis(50) };
    let server = Server::with_limits(&format!("{GITHUB}{GITLAB_TOKENS}"), limits).await;
    for forge in BOTH {
        let mut wire = Wire::to(&server).await;
        let mut head = good(forge).head();
        head.extend_from_slice(b"content-length: 100\r\n\r\n{\"a\":");
        let answer = wire.ask(head).await;
        assert_eq!(answer.refusal(408), "timeout");
        assert!(wire.is_over().await);
    }
    assert_eq!(server.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_slow_sender_holds_up_nobody_else() {
    let server = Server::start().await;
    let mut slow = Wire::to(&server).await;
    let delivery = good(ForgeKind::GitHub).id("slow");
    let mut head = delivery.head();
    head.extend_from_slice(format!("content-length: {}\r\n\r\n", delivery.body.len()).as_bytes());
    slow.say(head).await;
    slow.say(&delivery.body[..10]).await;
    assert_eq!(good(ForgeKind::GitLab).sent_to(&server).await.status, 202);
    assert_eq!(good(ForgeKind::GitHub).sent_to(&server).await.status, 202);
    assert_eq!(slow.ask(&delivery.body[10..]).await.json()["delivery"], "slow");
}

#[tokio::test]
async fn a_sender_that_goes_away_leaves_nothing() {
    let server = Server::start().await;
    for forge in BOTH {
        let mut wire = Wire::to(&server).await;
        let mut head = good(forge).head();
        head.extend_from_slice(b"content-length: 100000\r\n\r\n{}");
        wire.say(head).await;
        drop(wire);
    }
    assert_eq!(server.get("/readyz").await.status, 200);
    assert!(server.job().await.is_none());
}

#[tokio::test]
async fn several_deliveries_may_share_a_connection() {
    let server = Server::start().await;
    let mut wire = Wire::to(&server).await;
    for id in ["a", "b", "c"] {
        let delivery = good(ForgeKind::GitLab).id(id);
        let mut request = delivery.head();
        request.extend_from_slice(format!("content-length: {}\r\n\r\n", delivery.body.len()).as_bytes());
        request.extend_from_slice(&delivery.body);
        assert_eq!(wire.ask(request).await.json()["delivery"], id);
    }
}
