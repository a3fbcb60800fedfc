//! What is known can be found again.

use super::commits::{bound_state, model, report, sha, version};
use super::{Fresh, merge_request, new_state, on_postgres, repo};
use crate::domain::{CommentId, ForgeKind, JobId, MergeRequestId, Phase, RepoId, RunId, State};
use crate::storage::{Decision, StoreError, StoredState};

#[tokio::test]
async fn of_what_is_unknown_nothing_is_said() {
    let store = Fresh::new().await;
    assert_eq!(store.state(merge_request(1)).await.unwrap(), StoredState::default());
    assert_eq!(store.run_owner(repo(), RunId(1)).await.unwrap(), None);
    assert_eq!(store.report(repo(), JobId(1)).await.unwrap(), None);
    assert_eq!(store.versions(repo(), &model()).await.unwrap(), []);
    assert_eq!(store.comment_with(merge_request(1), "report").await.unwrap(), None);
    assert!(!store.meaning_seen("x").await.unwrap());
    store.ready().await.unwrap();
}

#[tokio::test]
async fn open_merge_requests_are_found_by_head_and_by_branch() {
    let store = Fresh::new().await;
    let mut at = 0;
    let mut put = async |number, expected, head, target, open| {
        let mut state = new_state(number, expected, "x");
        state.state = bound_state(head, target, Phase::Building);
        state.open = open;
        at += 1;
        store.decide(Decision { state: Some(state), ..Decision::default() }, at).await.unwrap();
    };
    put(1, 0, 'a', "main", true).await;
    put(2, 0, 'a', "next", true).await;
    put(3, 0, 'a', "main", false).await;
    put(4, 0, 'd', "main", true).await;
    assert_eq!(store.with_head(repo(), &sha('a')).await.unwrap(), [1, 2].map(merge_request));
    assert_eq!(store.into_branch(repo(), "main").await.unwrap(), [1, 4].map(merge_request));
    let other = RepoId { forge: ForgeKind::GitHub, ..repo() };
    assert_eq!(store.with_head(other, &sha('a')).await.unwrap(), []);
    assert_eq!(store.into_branch(repo(), "mai%").await.unwrap(), []);

    put(1, 1, 'e', "main", true).await;
    put(4, 1, 'd', "main", false).await;
    assert_eq!(store.with_head(repo(), &sha('a')).await.unwrap(), [merge_request(2)]);
    assert_eq!(store.with_head(repo(), &sha('e')).await.unwrap(), [merge_request(1)]);
    assert_eq!(store.into_branch(repo(), "main").await.unwrap(), [merge_request(1)]);
}

#[tokio::test]
async fn the_models_of_a_merge_request_follow_its_state() {
    let store = Fresh::new().await;
    let models = "SELECT GROUP_CONCAT(model || '=' || phase || '@' || since || '#' || candidate, ' ')
                  FROM (SELECT * FROM merge_request_model ORDER BY model) AS kept";
    let mut state = bound_state('a', "main", Phase::Building);
    let second = state.models[&model()].clone();
    state.models.insert("wine".parse().unwrap(), second);
    for (expected, phase, wanted) in [
        (0, Phase::Building, "iris=Building@3#2 wine=Building@3#2"),
        (1, Phase::AwaitingApproval, "iris=AwaitingApproval@3#2 wine=Building@3#2"),
    ] {
        state.models.get_mut(&model()).unwrap().phase = phase;
        let new = crate::storage::NewState { state: state.clone(), ..new_state(1, expected, "x") };
        store.decide(Decision { state: Some(new), ..Decision::default() }, expected).await.unwrap();
        assert_eq!(store.text(models).await.as_deref(), Some(wanted));
    }
    state.models.remove(&model());
    let new = crate::storage::NewState { state, ..new_state(1, 2, "x") };
    store.decide(Decision { state: Some(new), ..Decision::default() }, 5).await.unwrap();
    assert_eq!(store.text(models).await.as_deref(), Some("wine=Building@3#2"));
}

#[tokio::test]
async fn a_run_belongs_to_whom_it_was_last_seen_with() {
    let store = Fresh::new().await;
    let seen = |number| Decision {
        state: Some(new_state(number, 0, "x")),
        runs: vec![RunId(5), RunId(6)],
        ..Decision::default()
    };
    store.decide(seen(1), 1).await.unwrap();
    store.decide(seen(2), 2).await.unwrap();
    assert_eq!(store.run_owner(repo(), RunId(5)).await.unwrap(), Some(merge_request(2).into()));
    let other = RepoId { forge: ForgeKind::GitHub, ..repo() };
    assert_eq!(store.run_owner(other, RunId(5)).await.unwrap(), None);
}

#[tokio::test]
async fn the_first_report_of_a_job_stays() {
    let store = Fresh::new().await;
    let mut changed = report(4);
    changed.metrics.clear();
    for (at, report) in [(1, report(4)), (2, changed)] {
        let reports = vec![(repo(), JobId(4), report)];
        store.decide(Decision { reports, ..Decision::default() }, at).await.unwrap();
    }
    let stored = store.report(repo(), JobId(4)).await.unwrap().unwrap();
    assert_eq!(stored.digest(), report(4).digest(), "numbers keep their digits too");
}

#[tokio::test]
async fn versions_come_in_the_order_they_were_published() {
    let store = Fresh::new().await;
    for (at, number) in [(1, 9), (2, 10), (3, 11)] {
        store.decide(Decision { versions: vec![version(number)], ..Decision::default() }, at).await.unwrap();
    }
    let numbers: Vec<_> =
        store.versions(repo(), &model()).await.unwrap().iter().filter_map(|v| v.version.number()).collect();
    assert_eq!(numbers, [9, 10, 11]);
    assert_eq!(store.versions(repo(), &"wine".parse().unwrap()).await.unwrap(), []);
}

#[tokio::test]
async fn a_comment_is_found_by_its_marker() {
    let store = Fresh::new().await;
    store.remember_comment(merge_request(1), "report", CommentId(5)).await.unwrap();
    store.remember_comment(merge_request(1), "reply:3", CommentId(6)).await.unwrap();
    store.remember_comment(merge_request(1), "report", CommentId(u64::MAX)).await.unwrap();
    assert_eq!(store.comment_with(merge_request(1), "report").await.unwrap(), Some(CommentId(u64::MAX)));
    assert_eq!(store.comment_with(merge_request(1), "reply:3").await.unwrap(), Some(CommentId(6)));
    assert_eq!(store.comment_with(merge_request(2), "report").await.unwrap(), None);
}

#[tokio::test]
async fn the_largest_numbers_of_a_forge_fit() {
    let store = Fresh::new().await;
    let repo = RepoId { forge: ForgeKind::GitHub, number: u64::MAX };
    let id = MergeRequestId { repo, number: u64::MAX };
    let mut state = new_state(1, 0, "x");
    state.id = id;
    let decision = Decision { state: Some(state), runs: vec![RunId(u64::MAX)], ..Decision::default() };
    store.decide(decision, 1).await.unwrap();
    assert_eq!(store.run_owner(repo, RunId(u64::MAX)).await.unwrap(), Some(id.into()));
}

#[tokio::test]
async fn a_damaged_state_is_named_without_its_content() {
    let store = Fresh::new().await;
    let mut state = new_state(1, 0, "x");
    state.state = State::default();
    store.decide(Decision { state: Some(state), ..Decision::default() }, 1).await.unwrap();
    store.execute("UPDATE merge_request SET state = '{\"bound\": \"hunter2\"}'").await.unwrap();
    let error = store.state(merge_request(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)));
    let text = error.to_string();
    assert!(text.contains("gitlab:12!1") && !text.contains("hunter2"), "{text}");
}

on_postgres! {
    of_what_is_unknown_nothing_is_said,
    open_merge_requests_are_found_by_head_and_by_branch,
    the_models_of_a_merge_request_follow_its_state,
    a_run_belongs_to_whom_it_was_last_seen_with,
    the_first_report_of_a_job_stays,
    versions_come_in_the_order_they_were_published,
    a_comment_is_found_by_its_marker,
    the_largest_numbers_of_a_forge_fit,
    a_damaged_state_is_named_without_its_content,
}
