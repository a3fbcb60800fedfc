//! A decision is kept whole or not at all.

use serde_json::json;

use super::environments::environments;
use super::{Fresh, lane, merge_request, new_state, on_postgres, repo, what};
use crate::domain::{
    Audit, Bound, CommentId, Digest, Effect, InternalEvent, JobId, Label, ModelName, ModelState, Phase,
    Report, RunId, Sha, State, Timestamp, Version, VersionRecord,
};
use crate::storage::{Decision, DeliveryOutcome, NewJob, StoreError, StoredState};

pub(super) fn sha(digit: char) -> Sha {
    digit.to_string().repeat(40).parse().unwrap()
}

pub(super) fn model() -> ModelName {
    "iris".parse().unwrap()
}

pub(super) fn report(job: u64) -> Report {
    Report {
        model: model(),
        head: sha('a'),
        job: JobId(job),
        source: "77".to_owned(),
        metrics: [("accuracy".to_owned(), "0.950".parse().unwrap())].into(),
        repeated: Default::default(),
        unusable: Default::default(),
        tests: None,
        artifacts: Vec::new(),
        dataset: None,
    }
}

pub(super) fn version(number: u64) -> VersionRecord {
    let digest = Digest::of("m");
    let lineage = json!({
        "approved_by": [], "artifacts": [], "author": "alice", "base": sha('b'), "candidate": "cand-1.1-gaaaaaaaa",
        "commit": sha('c'), "configuration": digest, "dataset": null, "head": sha('a'), "merge_request": 1,
        "metrics": {}, "model": "iris", "model_digest": digest, "predecessor": null, "report": digest,
        "source": "77", "version": format!("v{number}"),
    });
    VersionRecord {
        repo: repo(),
        model: model(),
        version: Version::sequence(number),
        tag: Version::sequence(number).tag(&model()),
        commit: sha('c'),
        merge_request: merge_request(1),
        model_digest: digest,
        metrics: Default::default(),
        dataset: None,
        published_at: Timestamp(5),
        lineage: serde_json::from_value(lineage).unwrap(),
    }
}

pub(super) fn bound_state(head: char, target: &str, phase: Phase) -> State {
    let bound =
        Bound { head: sha(head), base: sha('b'), target: target.to_owned(), policy: None, proposal: None };
    let model_state = ModelState { phase, since: Timestamp(3), candidate: 2, ..ModelState::default() };
    State { bound: Some(bound), models: [(model(), model_state)].into(), ..State::default() }
}

pub(super) fn audit(what: &str) -> Audit {
    Audit {
        kind: "phase".to_owned(),
        actor: Some("alice".to_owned()),
        what: what.to_owned(),
        detail: json!({"n": 1}),
    }
}

/// A decision that changes everything a decision can change.
fn everything(expected: i64) -> Decision {
    let mut state = new_state(1, expected, "Better iris");
    state.state = bound_state('a', "main", Phase::Testing);
    Decision {
        state: Some(state),
        environments: vec![environments(0, &[1])],
        effects: vec![
            Effect::Label { label: Some(Label::Testing) },
            Effect::Acknowledge { comment: CommentId(9) },
        ],
        audit: vec![audit("one"), audit("two")],
        jobs: vec![NewJob { lane: lane(2), event: "follow-up".to_owned() }],
        retold: std::collections::BTreeSet::default(),
        wake_at: Some(Timestamp(1_000)),
        meaning: Some("gitlab:12!1:comment:9".to_owned()),
        reports: vec![(repo(), JobId(4), report(4))],
        versions: vec![version(1)],
        runs: vec![RunId(55)],
        outcome: DeliveryOutcome::Done,
    }
}

/// How much of everything is stored.
async fn census(store: &Fresh) -> Vec<i64> {
    let mut counts = Vec::new();
    for sql in [
        "SELECT COUNT(*) FROM merge_request",
        "SELECT COUNT(*) FROM merge_request_model",
        "SELECT COUNT(*) FROM outbox",
        "SELECT COUNT(*) FROM audit",
        "SELECT COUNT(*) FROM job",
        "SELECT COUNT(*) FROM timer",
        "SELECT COUNT(*) FROM meaning",
        "SELECT COUNT(*) FROM report",
        "SELECT COUNT(*) FROM version",
        "SELECT COUNT(*) FROM run",
        "SELECT COUNT(*) FROM environments",
        "SELECT COUNT(*) FROM rollout",
        "SELECT COUNT(*) FROM delivery WHERE outcome = 'waiting'",
    ] {
        counts.push(store.count(sql).await);
    }
    counts
}

#[tokio::test]
async fn everything_that_a_decision_changes_is_there_after_the_commit() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 1).await;
    let claimed = store.next(1).await;
    store.commit(&claimed.lease, everything(0), Timestamp(2)).await.unwrap();
    assert_eq!(census(&store).await, [1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0]);

    let stored = store.state(merge_request(1)).await.unwrap();
    assert_eq!(stored, StoredState { state: bound_state('a', "main", Phase::Testing), version: 1 });
    assert!(store.meaning_seen("gitlab:12!1:comment:9").await.unwrap());
    assert_eq!(store.report(repo(), JobId(4)).await.unwrap(), Some(report(4)));
    assert_eq!(store.versions(repo(), &model()).await.unwrap(), [version(1)]);
    assert_eq!(store.run_owner(repo(), RunId(55)).await.unwrap(), Some(merge_request(1).into()));
    let follow_up = store.next(2).await;
    assert_eq!((follow_up.lane.clone(), what(&follow_up)), (lane(2), "follow-up"));
}

#[tokio::test]
async fn of_a_decision_on_an_old_state_nothing_is_kept() {
    let store = Fresh::new().await;
    store.decide(Decision { state: Some(new_state(1, 0, "first")), ..Decision::default() }, 1).await.unwrap();
    store.deliver("a", 1, 2).await;
    let before = census(&store).await;
    let claimed = store.next(2).await;
    for expected in [0, 2, 7] {
        let stale = store.commit(&claimed.lease, everything(expected), Timestamp(3)).await;
        assert!(matches!(stale, Err(StoreError::Stale)), "{expected}: {stale:?}");
        assert_eq!(census(&store).await, before, "{expected}");
    }
    store.commit(&claimed.lease, everything(1), Timestamp(3)).await.unwrap();
    assert_eq!(store.state(merge_request(1)).await.unwrap().version, 2);
}

#[tokio::test]
async fn of_a_decision_that_contradicts_a_published_version_nothing_is_kept() {
    let store = Fresh::new().await;
    store.decide(Decision { versions: vec![version(1)], ..Decision::default() }, 1).await.unwrap();
    store.deliver("a", 1, 2).await;
    let before = census(&store).await;
    let claimed = store.next(2).await;
    let mut same_number = everything(0);
    same_number.versions[0].commit = sha('d');
    let mut same_tag = everything(0);
    same_tag.versions[0].version = Version::sequence(2);
    for decision in [same_number, same_tag] {
        let refused = store.commit(&claimed.lease, decision, Timestamp(3)).await;
        assert!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
        assert_eq!(census(&store).await, before);
    }
    // The very same record again is no contradiction.
    store.commit(&claimed.lease, everything(0), Timestamp(3)).await.unwrap();
    assert_eq!(store.versions(repo(), &model()).await.unwrap(), [version(1)]);
}

#[tokio::test]
async fn a_meaning_is_decided_once() {
    let store = Fresh::new().await;
    let meaning = || Decision { meaning: Some("m".to_owned()), ..Decision::default() };
    assert!(!store.meaning_seen("m").await.unwrap());
    store.decide(meaning(), 1).await.unwrap();
    assert!(store.meaning_seen("m").await.unwrap());
    store.deliver("a", 1, 2).await;
    let claimed = store.next(2).await;
    let before = census(&store).await;
    let again = Decision { meaning: Some("m".to_owned()), ..everything(0) };
    assert!(matches!(store.commit(&claimed.lease, again, Timestamp(2)).await, Err(StoreError::Stale)));
    assert_eq!(census(&store).await, before);
}

#[tokio::test]
async fn effects_that_belong_to_no_repository_are_refused() {
    let store = Fresh::new().await;
    let forge = crate::domain::Lane::Forge(repo().forge);
    store.enqueue(vec![NewJob { lane: forge, event: "push".to_owned() }], Timestamp(1)).await.unwrap();
    let claimed = store.next(1).await;
    let effects = vec![Effect::Label { label: None }];
    let refused =
        store.commit(&claimed.lease, Decision { effects, ..Decision::default() }, Timestamp(1)).await;
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
    store.commit(&claimed.lease, Decision::default(), Timestamp(1)).await.unwrap();
}

#[tokio::test]
async fn a_follow_up_of_the_own_lane_is_next() {
    let store = Fresh::new().await;
    let jobs = vec![NewJob { lane: lane(1), event: "decide at 1".to_owned() }];
    store.decide(Decision { jobs, ..Decision::default() }, 1).await.unwrap();
    let next = store.next(1).await;
    assert_eq!(
        (what(&next), next.attempts),
        ("decide at 1", 0),
        "equal to the job that was done, yet a new one"
    );
}

#[tokio::test]
async fn a_timer_rings_once_as_a_refresh_and_the_newest_counts() {
    let store = Fresh::new().await;
    let wake = |at| Decision { wake_at: Some(Timestamp(at)), ..Decision::default() };
    store.decide(wake(100), 1).await.unwrap();
    store.decide(wake(50), 2).await.unwrap();
    store.decide(Decision::default(), 3).await.unwrap();
    assert_eq!(store.ring(Timestamp(49)).await.unwrap(), 0);
    assert_eq!(store.next_due().await.unwrap(), Some(Timestamp(50)));
    assert_eq!(store.ring(Timestamp(50)).await.unwrap(), 1);
    assert_eq!(store.ring(Timestamp(200)).await.unwrap(), 0, "the earlier timer was replaced");
    let rung = store.next(50).await;
    assert_eq!((rung.lane.clone(), what(&rung)), (lane(1), InternalEvent::Refresh.to_json().as_str()));
}

#[tokio::test]
async fn a_timer_belongs_to_the_merge_request_of_the_state() {
    let store = Fresh::new().await;
    let decision = Decision {
        state: Some(new_state(2, 0, "another")),
        wake_at: Some(Timestamp(9)),
        ..Decision::default()
    };
    store.decide(decision, 1).await.unwrap();
    assert_eq!(store.ring(Timestamp(9)).await.unwrap(), 1);
    assert_eq!(store.next(9).await.lane, lane(2));
}

on_postgres! {
    everything_that_a_decision_changes_is_there_after_the_commit,
    of_a_decision_on_an_old_state_nothing_is_kept,
    of_a_decision_that_contradicts_a_published_version_nothing_is_kept,
    a_meaning_is_decided_once,
    effects_that_belong_to_no_repository_are_refused,
    a_follow_up_of_the_own_lane_is_next,
    a_timer_rings_once_as_a_refresh_and_the_newest_counts,
    a_timer_belongs_to_the_merge_request_of_the_state,
}
