//! A delivery is kept once, whoever brings it and however often.

use bytes::Bytes;

use super::{Fresh, delivery, on_postgres, what};
use crate::domain::{ForgeKind, Timestamp};
use crate::storage::{Decision, DeliveryOutcome, Job, Recorded};

#[tokio::test]
async fn a_delivery_comes_out_as_it_went_in() {
    let store = Fresh::new().await;
    let mut sent = delivery("a", 1, 5);
    sent.body = Bytes::from(vec![b'x'; 200_000]);
    assert_eq!(store.record(sent.clone()).await.unwrap(), Recorded::Accepted);
    let claimed = store.next(6).await;
    assert_eq!(claimed.since, Timestamp(5));
    assert_eq!(Some(claimed.lane), sent.lane);
    let Job::Delivery { forge, id, event, headers, body } = claimed.job else { panic!("not a delivery") };
    assert_eq!((forge, id, event, headers), (sent.forge, sent.id, sent.event, sent.headers));
    assert_eq!(body, sent.body);
    let stored = store.count("SELECT LENGTH(body) FROM delivery").await;
    assert!(stored < 2_000, "the body is stored compressed: {stored} bytes");
}

#[tokio::test]
async fn the_same_id_again_is_a_duplicate_and_another_body_is_told() {
    let store = Fresh::new().await;
    assert_eq!(store.deliver("a", 1, 1).await, Recorded::Accepted);
    assert_eq!(store.deliver("a", 1, 2).await, Recorded::Duplicate { same_body: true });
    let mut other = delivery("a", 1, 3);
    other.body = Bytes::from_static(b"{}");
    assert_eq!(store.record(other).await.unwrap(), Recorded::Duplicate { same_body: false });
    let claimed = store.next(9).await;
    let Job::Delivery { body, .. } = &claimed.job else { panic!("not a delivery") };
    assert_eq!(body, br#"{"delivery":"a"}"#, "the first one is kept");
    store.commit(&claimed.lease, Decision::default(), Timestamp(9)).await.unwrap();
    store.nothing_at(9).await;
    assert_eq!(store.deliver("a", 1, 10).await, Recorded::Duplicate { same_body: true });
    store.nothing_at(10).await;
}

#[tokio::test]
async fn two_forges_may_use_one_id() {
    let store = Fresh::new().await;
    assert_eq!(store.deliver("a", 1, 1).await, Recorded::Accepted);
    let mut other = delivery("a", 1, 1);
    other.forge = ForgeKind::GitHub;
    assert_eq!(store.record(other).await.unwrap(), Recorded::Accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_exactly_one_is_accepted() {
    let store = Fresh::new().await;
    for round in 0..20 {
        let id = format!("round {round}");
        let tasks = (0..32).map(|_| {
            let (store, sent) = (store.store.clone(), delivery(&id, round, 1));
            tokio::spawn(async move { store.record(sent).await.unwrap() })
        });
        let tasks: Vec<_> = tasks.collect();
        let mut accepted = 0;
        for task in tasks {
            match task.await.unwrap() {
                Recorded::Accepted => accepted += 1,
                Recorded::Duplicate { same_body } => assert!(same_body),
            }
        }
        assert_eq!(accepted, 1, "{id}");
    }
    assert_eq!(store.queue().await.unwrap().0, 20, "one job a delivery");
}

#[tokio::test]
async fn an_ignored_delivery_leaves_its_id_and_why_but_no_content() {
    let store = Fresh::new().await;
    assert_eq!(store.record(ignored("a")).await.unwrap(), Recorded::Accepted);
    assert_eq!(store.record(ignored("a")).await.unwrap(), Recorded::Duplicate { same_body: true });
    store.nothing_at(9).await;
    let kept =
        "SELECT outcome || ' ' || reason || ' ' || headers || COALESCE(LENGTH(body), 0) || COALESCE(digest, '')
                FROM delivery";
    assert_eq!(store.text(kept).await.as_deref(), Some("ignored not-served []0"));
    assert_eq!(store.count("SELECT COUNT(*) FROM job").await, 0);
}

/// A delivery of a repository that is not served.
fn ignored(id: &str) -> crate::storage::NewDelivery {
    let ignored = Some("not-served".to_owned());
    crate::storage::NewDelivery { lane: None, ignored, body: Bytes::new(), ..delivery(id, 1, 1) }
}

#[tokio::test]
async fn a_repetition_is_no_other_body_because_the_allow_list_changed_between() {
    let store = Fresh::new().await;
    store.record(ignored("a")).await.unwrap();
    assert_eq!(store.deliver("a", 1, 2).await, Recorded::Duplicate { same_body: true });
    store.deliver("b", 1, 3).await;
    assert_eq!(store.record(ignored("b")).await.unwrap(), Recorded::Duplicate { same_body: true });
}

#[tokio::test]
async fn a_delivery_says_how_it_ended() {
    let store = Fresh::new().await;
    store.deliver("worked", 1, 1).await;
    store.deliver("useless", 2, 2).await;
    let first = store.next(3).await;
    let second = store.next(3).await;
    assert_eq!((what(&first), what(&second)), ("worked", "useless"));
    store.commit(&first.lease, Decision::default(), Timestamp(4)).await.unwrap();
    let outcome = DeliveryOutcome::Ignored("own-comment".to_owned());
    let decision = Decision { outcome, ..Decision::default() };
    store.commit(&second.lease, decision, Timestamp(4)).await.unwrap();
    let said = "SELECT GROUP_CONCAT(outcome || ':' || COALESCE(reason, ''), ' ') FROM (SELECT * FROM delivery ORDER BY id) AS kept";
    assert_eq!(store.text(said).await.as_deref(), Some("done: ignored:own-comment"));
}

#[tokio::test]
async fn old_deliveries_are_forgotten_but_never_one_that_waits() {
    let store = Fresh::new().await;
    for (id, at) in [("done", 1), ("waits", 1), ("dead", 1), ("new", 100)] {
        store.deliver(id, u64::try_from(id.len()).unwrap(), at).await;
    }
    for _ in 0..2 {
        let claimed = store.next(2).await;
        match what(&claimed) {
            "done" => store.commit(&claimed.lease, Decision::default(), Timestamp(2)).await.unwrap(),
            "waits" => store.retry_job(&claimed.lease, Timestamp(500), "later").await.unwrap(),
            other => panic!("{other}"),
        }
    }
    let dead = store.next(2).await;
    assert_eq!(what(&dead), "dead");
    store.bury_job(&dead.lease, "poison", Timestamp(60)).await.unwrap();
    assert_eq!(store.prune(Timestamp(50)).await.unwrap(), 1);
    assert_eq!(store.prune(Timestamp(61)).await.unwrap(), 1, "the dead letter went with its job");
    let left =
        "SELECT GROUP_CONCAT(external_id, ' ') FROM (SELECT external_id FROM delivery ORDER BY id) AS kept";
    assert_eq!(store.text(left).await.as_deref(), Some("waits new"));
    assert_eq!(what(&store.next(500).await), "new", "it is ready since 100, the other one since 500");
    assert_eq!(what(&store.next(500).await), "waits");
}

#[tokio::test]
async fn whatever_there_is_to_forget_is_forgotten_in_slices() {
    let store = Fresh::new().await;
    for number in 0..1_201_u32 {
        store.record(ignored(&number.to_string())).await.unwrap();
    }
    let before = store.commits();
    assert_eq!(store.prune(Timestamp(2)).await.unwrap(), 1_201);
    assert!(store.commits() - before >= 4, "others get their turn between");
    assert_eq!(store.count("SELECT COUNT(*) FROM delivery").await, 0);
}

on_postgres! {
    a_delivery_comes_out_as_it_went_in,
    the_same_id_again_is_a_duplicate_and_another_body_is_told,
    two_forges_may_use_one_id,
    of_many_at_once_exactly_one_is_accepted,
    an_ignored_delivery_leaves_its_id_and_why_but_no_content,
    a_repetition_is_no_other_body_because_the_allow_list_changed_between,
    a_delivery_says_how_it_ended,
    old_deliveries_are_forgotten_but_never_one_that_waits,
    whatever_there_is_to_forget_is_forgotten_in_slices,
}
