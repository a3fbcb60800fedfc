//! One process at a time: what the last one held is free at once, and a second one is kept out.

use super::{Fresh, LEASE, lane, merge_request, new_state, on_postgres};
use crate::domain::{Effect, Label, Timestamp};
use crate::storage::{Decision, EffectEnd, Job, Store, StoreError};

#[tokio::test]
async fn what_a_dead_process_held_is_free_at_once_and_the_dead_can_write_nothing() {
    let store = Fresh::new().await;
    let effects = vec![Effect::Label { label: Some(Label::Building) }];
    let decision = Decision { state: Some(new_state(1, 0, "t")), effects, ..Decision::default() };
    store.decide(decision, 1).await.unwrap();
    store.deliver("a", 2, 2).await;
    let (job, call) = (store.next(3).await, store.claim_effect(Timestamp(3), LEASE).await.unwrap().unwrap());
    store.nothing_at(4).await;
    assert!(store.claim_effect(Timestamp(4), LEASE).await.unwrap().is_none());

    let sole = store.sole().await.unwrap();
    assert_eq!(store.release_all(&sole, Timestamp(4)).await.unwrap(), 2);
    assert_eq!(store.release_all(&sole, Timestamp(4)).await.unwrap(), 0);

    let lost = store.commit(&job.lease, Decision::default(), Timestamp(4)).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");
    let lost = store.finish_effect(&call.lease, EffectEnd::Observed, Timestamp(4)).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");
    let again = store.next(4).await;
    assert_eq!((again.lane.clone(), again.attempts), (lane(2), 1));
    assert_eq!(
        (again.interruptions, again.failures()),
        (1, 0),
        "a process that ends is no failure of the job"
    );
    assert!(matches!(again.job, Job::Delivery { .. }));
    let again = store.claim_effect(Timestamp(4), LEASE).await.unwrap().unwrap();
    assert_eq!((again.owner.clone(), again.attempts), (merge_request(1).into(), 1), "its outcome is unknown");
    assert_eq!((again.interruptions, again.failures()), (1, 0));
}

#[tokio::test]
async fn what_was_abandoned_is_given_back_with_the_next_claim_of_either_kind() {
    let store = Fresh::new().await;
    let effects = vec![Effect::Label { label: Some(Label::Building) }];
    let decision = Decision { state: Some(new_state(1, 0, "t")), effects, ..Decision::default() };
    store.decide(decision, 1).await.unwrap();
    store.deliver("a", 2, 2).await;
    let (job, call) = (store.next(3).await, store.claim_effect(Timestamp(3), LEASE).await.unwrap().unwrap());
    store.abandon(&job.lease);
    let woken = store.woken();
    let again = store.next(4).await;
    woken.await;
    assert_eq!((again.lane.clone(), again.interruptions, again.failures()), (lane(2), 1, 0));
    let lost = store.commit(&job.lease, Decision::default(), Timestamp(4)).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");

    store.abandon(&call.lease);
    store.nothing_at(5).await;
    let call = store.claim_effect(Timestamp(5), LEASE).await.unwrap().unwrap();
    assert_eq!((call.interruptions, call.failures()), (1, 0));

    // What ended after all stays ended.
    store.commit(&again.lease, Decision::default(), Timestamp(6)).await.unwrap();
    store.finish_effect(&call.lease, EffectEnd::Observed, Timestamp(6)).await.unwrap();
    store.abandon(&again.lease);
    store.abandon(&call.lease);
    store.nothing_at(7).await;
    assert!(store.claim_effect(Timestamp(7), LEASE).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_abandoned_while_the_database_is_away_is_owed_until_it_is_back() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 1).await;
    let job = store.next(2).await;
    store.abandon(&job.lease);
    store.close().await;
    assert!(store.claim(Timestamp(3), LEASE).await.is_err());
    assert!(store.claim_effect(Timestamp(3), LEASE).await.is_err());
    assert_eq!(store.ours.take(), [job.lease]);
}

#[tokio::test]
async fn a_second_process_waits_until_the_first_lets_go() {
    let first = Fresh::new().await;
    let second = Store::open(&first.url()).await.unwrap();
    let sole = first.sole().await.unwrap();
    let mut waiting = std::pin::pin!(second.sole());
    tokio::select! {
        biased;
        got = &mut waiting => panic!("two at once: {got:?}"),
        () = std::future::ready(()) => {}
    }
    drop(sole);
    waiting.await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_process_that_comes_through_a_link_waits_too() {
    let first = Fresh::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.db");
    std::os::unix::fs::symlink(first.folder().join("m.db"), &link).unwrap();
    let second = Store::open(&format!("sqlite://{}", link.display())).await.unwrap();
    let sole = first.sole().await.unwrap();
    let mut waiting = std::pin::pin!(second.sole());
    assert!(futures_util::FutureExt::now_or_never(waiting.as_mut()).is_none(), "two at once");
    drop(sole);
    waiting.await.unwrap();
}

#[tokio::test]
async fn the_time_from_which_we_serve_is_told_once() {
    let store = Fresh::new().await;
    assert_eq!(store.serving_since(Timestamp(7)).await.unwrap(), Timestamp(7));
    assert_eq!(store.serving_since(Timestamp(9)).await.unwrap(), Timestamp(7));
}

on_postgres! {
    what_was_abandoned_is_given_back_with_the_next_claim_of_either_kind,
    what_is_abandoned_while_the_database_is_away_is_owed_until_it_is_back,
    the_time_from_which_we_serve_is_told_once,
}
