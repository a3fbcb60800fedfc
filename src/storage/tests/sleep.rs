//! Loops sleep exactly as long as nothing is due, and wake up when work comes.

use futures_util::FutureExt as _;

use super::commits::sha;
use super::{Fresh, LEASE, lane, on_postgres};
use crate::domain::{Effect, MergeMethod, Timestamp};
use crate::storage::{Decision, EffectEnd, NewJob};

fn merge() -> Effect {
    Effect::Merge { head: sha('a'), method: MergeMethod::Auto, target: "main".to_owned(), attempt: 1 }
}

#[tokio::test]
async fn the_next_due_time_follows_jobs_leases_retries_timers_and_effects() {
    let store = Fresh::new().await;
    let due = async || store.next_due().await.unwrap().map(|at| at.0);
    assert_eq!(due().await, None);
    store.deliver("a", 1, 10).await;
    assert_eq!(due().await, Some(10));
    let claimed = store.next(10).await;
    assert_eq!(due().await, Some(Timestamp(10).after(LEASE).0), "then another may take it over");
    store.retry_job(&claimed.lease, Timestamp(300), "x").await.unwrap();
    assert_eq!(due().await, Some(300));
    let claimed = store.next(300).await;
    let decision =
        Decision { wake_at: Some(Timestamp(5_000)), effects: vec![merge()], ..Decision::default() };
    store.commit(&claimed.lease, decision, Timestamp(301)).await.unwrap();
    assert_eq!(due().await, Some(301), "the effect");
    assert_eq!(store.next_job_due().await.unwrap(), Some(Timestamp(5_000)), "the timer");
    let call = store.claim_effect(Timestamp(301), LEASE).await.unwrap().unwrap();
    store.retry_effect(&call.lease, Timestamp(400), "x").await.unwrap();
    assert_eq!(due().await, Some(400));
    let call = store.claim_effect(Timestamp(400), LEASE).await.unwrap().unwrap();
    store.finish_effect(&call.lease, EffectEnd::Observed, Timestamp(401)).await.unwrap();
    assert_eq!(due().await, Some(5_000));
    assert_eq!(store.next_effect_due().await.unwrap(), None);
    store.ring(Timestamp(5_000)).await.unwrap();
    let claimed = store.next(5_000).await;
    store.commit(&claimed.lease, Decision::default(), Timestamp(5_000)).await.unwrap();
    assert_eq!(due().await, None);
}

#[tokio::test]
async fn a_sleeper_is_woken_by_work_that_came_after_he_registered() {
    let store = Fresh::new().await;
    let woken = store.woken();
    store.nothing_at(1).await;
    // Between the look and the wait: nobody polled yet.
    store.deliver("a", 1, 1).await;
    woken.await;
    assert!(store.woken().now_or_never().is_none(), "an earlier commit wakes nobody who comes later");
}

#[tokio::test]
async fn whatever_makes_work_wakes_and_taking_work_does_not() {
    let store = Fresh::new().await;
    let woken = store.woken();
    store.enqueue(vec![NewJob { lane: lane(1), event: "x".to_owned() }], Timestamp(1)).await.unwrap();
    woken.await;

    let woken = store.woken();
    let claimed = store.next(1).await;
    store.extend(&claimed.lease, Timestamp(100)).await.unwrap();
    assert!(woken.now_or_never().is_none(), "taking work makes none");

    let woken = store.woken();
    store.retry_job(&claimed.lease, Timestamp(2), "x").await.unwrap();
    woken.await;
    let claimed = store.next(2).await;
    let woken = store.woken();
    let decision = Decision { effects: vec![merge()], ..Decision::default() };
    store.commit(&claimed.lease, decision, Timestamp(3)).await.unwrap();
    woken.await;
    let call = store.claim_effect(Timestamp(3), LEASE).await.unwrap().unwrap();
    let woken = store.woken();
    store.finish_effect(&call.lease, EffectEnd::Observed, Timestamp(4)).await.unwrap();
    woken.await;
}

#[tokio::test]
async fn looking_for_timers_wakes_nobody_where_none_is_due() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 1).await;
    let claimed = store.next(1).await;
    let decision = Decision { wake_at: Some(Timestamp(50)), ..Decision::default() };
    store.commit(&claimed.lease, decision, Timestamp(1)).await.unwrap();
    let woken = store.woken();
    assert_eq!(store.ring(Timestamp(49)).await.unwrap(), 0);
    assert!(woken.now_or_never().is_none(), "two idle loops would keep each other awake for ever");
    let woken = store.woken();
    assert_eq!(store.ring(Timestamp(50)).await.unwrap(), 1);
    woken.await;
}

#[tokio::test]
async fn a_write_that_failed_wakes_nobody() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 1).await;
    let claimed = store.next(1).await;
    store.commit(&claimed.lease, Decision::default(), Timestamp(1)).await.unwrap();
    let woken = store.woken();
    store.commit(&claimed.lease, Decision::default(), Timestamp(1)).await.unwrap_err();
    assert!(woken.now_or_never().is_none());
}

on_postgres! {
    the_next_due_time_follows_jobs_leases_retries_timers_and_effects,
    a_sleeper_is_woken_by_work_that_came_after_he_registered,
    whatever_makes_work_wakes_and_taking_work_does_not,
    looking_for_timers_wakes_nobody_where_none_is_due,
    a_write_that_failed_wakes_nobody,
}
