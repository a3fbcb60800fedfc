//! The same delivery is kept once, whoever repeats it and whenever.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_repeated_delivery_is_a_duplicate() {
    let server = Server::start().await;
    for forge in BOTH {
        assert_eq!(good(forge).sent_to(&server).await.status, 202);
        for _ in 0..3 {
            let answer = good(forge).sent_to(&server).await;
            assert_eq!(
                (answer.status, answer.json()),
                (200, json!({"delivery": "d-1", "status": "duplicate"}))
            );
        }
        assert!(server.job().await.is_some());
        assert!(server.job().await.is_none(), "one delivery is one job");
    }
}

#[tokio::test]
async fn of_fifty_at_once_one_is_accepted() {
    let server = Server::start().await;
    for forge in BOTH {
        let sending: Vec<_> = (0..50)
            .map(|_| {
                let (delivery, address) = (good(forge), server.address);
                tokio::spawn(async move { delivery.sent(address).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for sent in sending {
            statuses.push(sent.await.unwrap());
        }
        statuses.sort_unstable();
        let mut expected = vec![200; 49];
        expected.push(202);
        assert_eq!(statuses, expected);
        assert!(server.job().await.is_some());
        assert!(server.job().await.is_none());
    }
}

#[tokio::test]
async fn what_was_accepted_survives_a_restart() {
    let config = format!("{GITHUB}{GITLAB_TOKENS}");
    let server = Server::with(&config).await;
    for forge in BOTH {
        assert_eq!(good(forge).sent_to(&server).await.status, 202);
    }
    let server = server.restarted(&config).await;
    for forge in BOTH {
        assert_eq!(good(forge).sent_to(&server).await.json()["status"], "duplicate");
    }
    let mut lanes = Vec::new();
    while let Some(stored) = server.stored().await {
        lanes.push(stored.lane);
    }
    lanes.sort();
    assert_eq!(lanes, ["github:5!7", "gitlab:5!7"]);
}

#[tokio::test]
async fn the_first_body_under_an_id_is_the_one_that_counts() {
    let server = Server::start().await;
    for forge in BOTH {
        let first = good(forge).proved(r#"{"take":"this"}"#);
        let second = good(forge).proved(r#"{"take":"that"}"#);
        assert_eq!(first.sent_to(&server).await.status, 202);
        assert_eq!(second.sent_to(&server).await.json()["status"], "duplicate");
        assert_eq!(server.stored().await.unwrap().body, r#"{"take":"this"}"#);
        assert!(server.job().await.is_none());
    }
}

#[tokio::test]
async fn equal_ids_of_two_forges_are_two_deliveries() {
    let server = Server::start().await;
    assert_eq!(good(ForgeKind::GitHub).sent_to(&server).await.status, 202);
    assert_eq!(good(ForgeKind::GitLab).sent_to(&server).await.status, 202);
}

#[tokio::test]
async fn gitlab_names_a_delivery_in_one_of_three_ways() {
    let signed = Server::with(GITLAB_SIGNED).await;
    let delivery = gitlab().event("Push Hook").id("key-1").signed("{}");
    assert_eq!(delivery.sent_to(&signed).await.json()["delivery"], "w-1", "what is signed goes first");
    drop(signed);

    let server = Server::start().await;
    let unsigned = gitlab().event("Push Hook").id("key-1").signed("{}").token(LAB_TOKEN);
    assert_eq!(unsigned.sent_to(&server).await.json()["delivery"], "key-1", "nobody vouches for webhook-id");

    let nameless = gitlab().event("Push Hook").proved("{}");
    // printf 'Push Hook\n{}' | sha256sum
    let digest = hex::encode(<Sha256 as sha2::Digest>::digest(b"Push Hook\n{}"));
    assert_eq!(nameless.sent_to(&server).await.json(), json!({"delivery": digest, "status": "accepted"}));
    assert_eq!(nameless.sent_to(&server).await.json(), json!({"delivery": digest, "status": "duplicate"}));
    assert_eq!(nameless.clone().event("Job Hook").sent_to(&server).await.status, 202, "another event");
    assert_eq!(nameless.proved("{ }").sent_to(&server).await.status, 202, "another body");
}

#[tokio::test]
async fn ids_that_gitlab_makes_anew_for_each_try_do_not_count() {
    let server = Server::start().await;
    let sent = |uuid: &str| {
        let delivery = good(ForgeKind::GitLab).header("x-gitlab-webhook-uuid", uuid);
        delivery.header("x-gitlab-event-uuid", uuid)
    };
    assert_eq!(sent("u-1").sent_to(&server).await.status, 202);
    assert_eq!(sent("u-2").sent_to(&server).await.status, 200);
}
