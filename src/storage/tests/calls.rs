//! How a forge call ends, is given back, is lost to another, or is given up.

use std::collections::BTreeSet;
use std::time::Duration;

use super::commits::sha;
use super::outbox::{done, label, merge};
use super::{Fresh, lane, merge_request, new_state, on_postgres, what};
use crate::domain::{
    CommentId, Done, Effect, ForgeKind, Label, MergeRequestId, Outcome, Reply, RepoId, RunId, Timestamp,
};
use crate::storage::{Decision, EffectEnd, NewJob, StoreError};

#[tokio::test]
async fn an_effect_that_backs_off_lets_others_pass_and_keeps_its_error() {
    let store = Fresh::new().await;
    store.want(vec![merge(1), label(Label::Ready)], 1).await;
    let call = store.call(1).await;
    store.retry_effect(&call.lease, Timestamp(1_000), "503 from the forge").await.unwrap();
    let other = store.call(2).await;
    assert_eq!(other.effect, label(Label::Ready));
    store.end(&other, done(), 2).await;
    store.no_call(999).await;
    let again = store.call(1_000).await;
    assert_eq!((&again.effect, again.attempts), (&merge(1), 1));
    let kept = "SELECT attempts || ' ' || error FROM outbox WHERE kind = 'merge'";
    assert_eq!(store.text(kept).await.as_deref(), Some("2 503 from the forge"));
}

#[tokio::test]
async fn an_outcome_its_run_its_comment_and_its_event_are_kept_together() {
    let store = Fresh::new().await;
    store
        .want(
            vec![Effect::StartRun {
                head: sha('a'),
                attempt: 1,
                stopped: BTreeSet::new(),
                other_target: BTreeSet::new(),
            }],
            1,
        )
        .await;
    let call = store.call(1).await;
    let end = EffectEnd::Outcome {
        outcome: Outcome::Done(Done::Run { run: RunId(5) }),
        job: Some(NewJob { lane: lane(1), event: "ended".to_owned() }),
        run: Some(RunId(5)),
        comment: Some(("marker".to_owned(), CommentId(8))),
    };
    store.end(&call, end.clone(), 2).await;
    assert_eq!(store.run_owner(super::repo(), RunId(5)).await.unwrap(), Some(merge_request(1).into()));
    assert_eq!(store.comment_with(merge_request(1), "marker").await.unwrap(), Some(CommentId(8)));
    assert_eq!(what(&store.next(2).await), "ended");
    let twice = store.finish_effect(&call.lease, end, Timestamp(3)).await;
    assert!(matches!(twice, Err(StoreError::LeaseLost)), "{twice:?}");
}

#[tokio::test]
async fn a_late_caller_of_a_forge_cannot_end_what_another_took_over() {
    let store = Fresh::new().await;
    store.want(vec![merge(1)], 0).await;
    let late = store.claim_effect(Timestamp(0), Duration::from_millis(10)).await.unwrap().unwrap();
    store.no_call(9).await;
    let second = store.call(10).await;
    assert_eq!((&second.effect, second.attempts), (&merge(1), 1));
    let end = EffectEnd::Outcome {
        outcome: Outcome::Done(Done::Plain),
        job: Some(NewJob { lane: lane(1), event: "must not be kept".to_owned() }),
        run: Some(RunId(1)),
        comment: None,
    };
    let now = Timestamp(11);
    assert!(matches!(store.finish_effect(&late.lease, end, now).await, Err(StoreError::LeaseLost)));
    assert!(matches!(store.retry_effect(&late.lease, now, "late").await, Err(StoreError::LeaseLost)));
    assert!(matches!(store.extend(&late.lease, now).await, Err(StoreError::LeaseLost)));
    assert_eq!(store.run_owner(super::repo(), RunId(1)).await.unwrap(), None);
    assert_eq!(store.queue().await.unwrap().0, 0);
    store.extend(&second.lease, Timestamp(500)).await.unwrap();
    store.no_call(499).await;
    store.end(&second, done(), 499).await;
}

#[tokio::test]
async fn a_lease_on_a_job_is_worth_nothing_for_an_effect() {
    let store = Fresh::new().await;
    store.want(vec![merge(1)], 1).await;
    store.deliver("a", 1, 1).await;
    let (call, job) = (store.call(1).await, store.next(1).await);
    let now = Timestamp(2);
    assert!(matches!(store.finish_effect(&job.lease, done(), now).await, Err(StoreError::LeaseLost)));
    assert!(matches!(store.retry_effect(&job.lease, now, "x").await, Err(StoreError::LeaseLost)));
    let wrong = store.commit(&call.lease, Decision::default(), now).await;
    assert!(matches!(wrong, Err(StoreError::LeaseLost)));
    assert!(matches!(store.bury_job(&call.lease, "x", now).await, Err(StoreError::LeaseLost)));
    store.end(&call, done(), 2).await;
    store.commit(&job.lease, Decision::default(), now).await.unwrap();
}

#[tokio::test]
async fn an_effect_that_was_given_up_stays_visible_and_tells_the_engine() {
    let store = Fresh::new().await;
    store.want(vec![merge(1)], 1).await;
    let call = store.call(1).await;
    let job = Some(NewJob { lane: lane(1), event: "merge is dead".to_owned() });
    store.end(&call, EffectEnd::Dead { reason: "20 tries".to_owned(), job }, 2).await;
    let dead = store.dead_effects(10).await.unwrap();
    assert_eq!(dead, [(merge_request(1).into(), "merge".to_owned(), "20 tries".to_owned(), Timestamp(2))]);
    assert_eq!(what(&store.next(2).await), "merge is dead");
    store.no_call(3).await;
}

#[tokio::test]
async fn an_effect_that_nobody_can_read_does_not_stop_its_repository() {
    let store = Fresh::new().await;
    store.want(vec![merge(1), label(Label::Ready)], 1).await;
    store.execute("UPDATE outbox SET effect = '{}' WHERE kind = 'merge'").await.unwrap();
    assert_eq!(store.call(1).await.effect, label(Label::Ready));
    let dead = store.dead_effects(10).await.unwrap();
    assert!(
        matches!(&dead[..], [(_, kind, why, _)] if kind == "merge" && why.contains("damaged")),
        "{dead:?}"
    );
}

#[tokio::test]
async fn a_repository_that_fails_again_and_again_does_not_starve_another() {
    let store = Fresh::new().await;
    let comments = 1..=3;
    store.want(comments.map(|n| Effect::Acknowledge { comment: CommentId(n) }).collect(), 1).await;
    let mut state = new_state(1, 0, "x");
    state.id = MergeRequestId { repo: RepoId { forge: ForgeKind::GitHub, number: 9 }, number: 1 };
    let effects = vec![label(Label::Hold)];
    store.decide(Decision { state: Some(state), effects, ..Decision::default() }, 2).await.unwrap();
    let failing = store.call(5).await;
    assert_eq!(failing.effect.kind(), "acknowledge");
    store.retry_effect(&failing.lease, Timestamp(50), "503").await.unwrap();
    assert_eq!(store.call(6).await.effect, label(Label::Hold));
}

#[tokio::test]
async fn ended_calls_are_forgotten_but_what_happens_once_is_remembered() {
    let store = Fresh::new().await;
    let reply = Box::new(Reply { answers: Vec::new() });
    let reply = Effect::Reply { to: CommentId(1), reply };
    let clock = Effect::StartClock { model: "iris".parse().unwrap() };
    store.want(vec![label(Label::Ready), merge(1), reply, clock], 1).await;
    for _ in 0..4 {
        let call = store.call(3).await;
        store.end(&call, done(), 3).await;
    }
    store.want(vec![merge(2)], 4).await;
    let dead = store.call(4).await;
    store.end(&dead, EffectEnd::Dead { reason: "no".to_owned(), job: None }, 5).await;
    store.want(vec![label(Label::Hold)], 6).await;
    store.prune(Timestamp(3)).await.unwrap();
    assert_eq!(store.count("SELECT COUNT(*) FROM outbox").await, 6, "none of them ended before that");
    store.prune(Timestamp(100)).await.unwrap();
    let left =
        "SELECT GROUP_CONCAT(slot || ':' || status, ' ') FROM (SELECT * FROM outbox ORDER BY id) AS kept";
    let merged = format!("merge:{}:1:done label:waiting", sha('a'));
    assert_eq!(store.text(left).await, Some(merged));
    store.want(vec![merge(1)], 7).await;
    let call = store.call(200).await;
    assert_eq!(call.effect, label(Label::Hold), "the merge is not done again");
}

on_postgres! {
    an_effect_that_backs_off_lets_others_pass_and_keeps_its_error,
    an_outcome_its_run_its_comment_and_its_event_are_kept_together,
    a_late_caller_of_a_forge_cannot_end_what_another_took_over,
    a_lease_on_a_job_is_worth_nothing_for_an_effect,
    an_effect_that_was_given_up_stays_visible_and_tells_the_engine,
    an_effect_that_nobody_can_read_does_not_stop_its_repository,
    a_repository_that_fails_again_and_again_does_not_starve_another,
    ended_calls_are_forgotten_but_what_happens_once_is_remembered,
}
