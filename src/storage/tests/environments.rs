//! Environments of models: one document over the version that was read, and rollouts by time and place.

use super::commits::sha;
use super::outbox::done;
use super::{Fresh, LEASE, merge_request, model_id, on_postgres, repo};
use crate::domain::{
    Effect, Environments, InternalEvent, Lane, Owner, Rollout, RolloutAction, RolloutStep, RunId, Timestamp,
    User, UserId, Version,
};
use crate::storage::{Decision, EffectEnd, NewEnvironments, NewJob, StoreError};

/// A rollout of version 1 that is over since `live_at`, or on its way.
pub(super) fn rollout(number: u64, environment: &str, live_at: Option<i64>) -> Rollout {
    Rollout {
        number,
        action: RolloutAction::Promote,
        environment: environment.to_owned(),
        version: Version::sequence(1),
        commit: sha('c'),
        source: "77".to_owned(),
        before: None,
        asked_by: User { id: UserId(2), login: "alice".to_owned(), bot: false },
        asked_at: Timestamp(1),
        asked_on: merge_request(1),
        approvals_needed: 0,
        approved_by: Vec::new(),
        step: if live_at.is_some() { RolloutStep::Live } else { RolloutStep::Deploying },
        run: None,
        job: None,
        deployed_at: None,
        deployment: None,
        live_at: live_at.map(Timestamp),
        stage: live_at.map(|_| number),
        tagged: live_at.is_some(),
        asked: None,
        retry_at: None,
        notice: None,
        failure: None,
        ended_at: live_at.map(Timestamp),
    }
}

/// The document that counts `rollouts`, and these of them, live in staging since their number.
pub(super) fn environments(expected: i64, rollouts: &[u64]) -> NewEnvironments {
    let state = Environments { rollouts: rollouts.len() as u64, ..Environments::default() };
    let live = |number: &u64| rollout(*number, "staging", i64::try_from(*number).ok());
    NewEnvironments { id: model_id(), expected, state, rollouts: rollouts.iter().map(live).collect() }
}

impl Fresh {
    async fn keep(&self, new: NewEnvironments, now: i64) -> Result<(), StoreError> {
        self.decide(Decision { environments: vec![new], ..Decision::default() }, now).await
    }
}

#[tokio::test]
async fn environments_are_stored_over_the_version_that_was_read() {
    let store = Fresh::new().await;
    assert_eq!(store.environments(&model_id()).await.unwrap().version, 0);
    store.keep(environments(0, &[1]), 1).await.unwrap();
    let stored = store.environments(&model_id()).await.unwrap();
    assert_eq!((stored.version, stored.state.rollouts), (1, 1));
    let late = store.keep(environments(0, &[2, 3]), 2).await;
    assert!(matches!(late, Err(StoreError::Stale)), "{late:?}");
    assert_eq!(store.rollout(&model_id(), 2).await.unwrap(), None, "nothing of it was kept");
}

#[tokio::test]
async fn what_was_live_when_is_found_by_time() {
    let store = Fresh::new().await;
    let mut new = environments(0, &[]);
    new.rollouts = vec![
        rollout(1, "staging", Some(100)),
        rollout(2, "production", Some(150)),
        rollout(3, "staging", Some(200)),
        rollout(4, "staging", None),
    ];
    store.keep(new, 1).await.unwrap();
    for (environment, at, number) in [
        ("staging", 99, None),
        ("staging", 100, Some(1)),
        ("staging", 199, Some(1)),
        ("staging", i64::MAX, Some(3)),
        ("production", 200, Some(2)),
        ("nowhere", 200, None),
    ] {
        let found = store.live_at(&model_id(), environment, Timestamp(at)).await.unwrap();
        assert_eq!(found.map(|rollout| rollout.number), number, "{environment} at {at}");
    }
}

#[tokio::test]
async fn what_is_on_its_way_to_a_place_is_found_until_it_is_over() {
    let store = Fresh::new().await;
    let mut new = environments(0, &[]);
    new.rollouts = vec![rollout(1, "staging", None)];
    store.keep(new, 1).await.unwrap();
    assert_eq!(store.rolling_out(repo(), "staging").await.unwrap(), [model_id()]);
    assert_eq!(store.rolling_out(repo(), "production").await.unwrap(), []);
    let mut new = environments(1, &[]);
    new.rollouts = vec![rollout(1, "staging", Some(5))];
    store.keep(new, 2).await.unwrap();
    assert_eq!(store.rolling_out(repo(), "staging").await.unwrap(), []);
    assert_eq!(store.rollout(&model_id(), 1).await.unwrap(), Some(rollout(1, "staging", Some(5))));
}

#[tokio::test]
async fn calls_and_runs_of_a_model_come_back_to_its_own_lane() {
    let store = Fresh::new().await;
    let lane = Lane::Model(model_id());
    let event = InternalEvent::Refresh.to_json();
    store.enqueue(vec![NewJob { lane: lane.clone(), event }], Timestamp(1)).await.unwrap();
    let claimed = store.next(1).await;
    let decision = Decision {
        effects: vec![Effect::CancelRun { run: RunId(4) }],
        runs: vec![RunId(5)],
        wake_at: Some(Timestamp(9)),
        ..Decision::default()
    };
    store.commit(&claimed.lease, decision, Timestamp(1)).await.unwrap();
    let owner = Owner::Model(model_id());
    assert_eq!(store.run_owner(repo(), RunId(5)).await.unwrap(), Some(owner.clone()));
    let call = store.claim_effect(Timestamp(1), LEASE).await.unwrap().unwrap();
    assert_eq!(call.owner, owner);
    let EffectEnd::Outcome { outcome, .. } = done() else { panic!("another end") };
    let event = InternalEvent::Effect { slot: "cancel_run:4".to_owned(), outcome: outcome.clone() };
    let job = Some(NewJob { lane: owner.lane(), event: event.to_json() });
    let end = EffectEnd::Outcome { outcome, job, run: Some(RunId(6)), comment: None };
    store.finish_effect(&call.lease, end, Timestamp(2)).await.unwrap();
    assert_eq!(store.run_owner(repo(), RunId(6)).await.unwrap(), Some(owner));
    assert_eq!(store.next(2).await.lane, lane);
    assert_eq!(store.ring(Timestamp(9)).await.unwrap(), 1, "the timer is the model's");
}

on_postgres! {
    environments_are_stored_over_the_version_that_was_read,
    what_was_live_when_is_found_by_time,
    what_is_on_its_way_to_a_place_is_found_until_it_is_over,
    calls_and_runs_of_a_model_come_back_to_its_own_lane,
}
