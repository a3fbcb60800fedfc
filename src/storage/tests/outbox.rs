//! Which forge call goes next: one at a time in a repository, by urgency, the newest value of a slot,
//! once what happens once.

use std::collections::BTreeSet;

use super::commits::{model, sha};
use super::{Fresh, LEASE, merge_request, new_state, on_postgres};
use crate::domain::{
    Assignment, CommentId, Done, Effect, ForgeKind, JobId, Label, MergeMethod, MergeRequestId, Outcome,
    RepoId, RunId, Status, StatusState, StickyReport, Timestamp, Version, WorkOrder,
};
use crate::storage::{ClaimedEffect, Decision, EffectEnd};

pub(super) fn label(label: Label) -> Effect {
    Effect::Label { label: Some(label) }
}

pub(super) fn merge(attempt: u32) -> Effect {
    Effect::Merge { head: sha('a'), method: MergeMethod::Auto, target: "main".to_owned(), attempt }
}

fn status(state: StatusState) -> Effect {
    let status = Status { context: Status::UMBRELLA.to_owned(), state, description: String::new() };
    Effect::Status { sha: sha('a'), run: None, status }
}

pub(super) fn done() -> EffectEnd {
    EffectEnd::Outcome { outcome: Outcome::Done(Done::Plain), job: None, run: None, comment: None }
}

impl Fresh {
    pub(super) async fn want(&self, effects: Vec<Effect>, now: i64) {
        self.decide(Decision { effects, ..Decision::default() }, now).await.unwrap();
    }

    pub(super) async fn call(&self, now: i64) -> ClaimedEffect {
        self.claim_effect(Timestamp(now), LEASE).await.unwrap().expect("an effect is due")
    }

    pub(super) async fn no_call(&self, now: i64) {
        let claimed = self.claim_effect(Timestamp(now), LEASE).await.unwrap();
        assert!(claimed.is_none(), "no effect may be out at {now}: {claimed:?}");
    }

    pub(super) async fn end(&self, call: &ClaimedEffect, end: EffectEnd, now: i64) {
        self.finish_effect(&call.lease, end, Timestamp(now)).await.unwrap();
    }

    async fn statuses(&self) -> String {
        let sql =
            "SELECT GROUP_CONCAT(kind || ':' || status, ' ') FROM (SELECT * FROM outbox ORDER BY id) AS kept";
        self.text(sql).await.unwrap_or_default()
    }
}

#[tokio::test]
async fn the_most_urgent_effect_goes_first_and_one_at_a_time() {
    let store = Fresh::new().await;
    let report = Effect::Report { report: Box::new(StickyReport::default()) };
    store.want(vec![label(Label::Ready), report, status(StatusState::Success), merge(1)], 1).await;
    assert_eq!(store.outbox().await.unwrap(), (4, Some(Timestamp(1))));
    for kind in ["merge", "status", "report", "label"] {
        let call = store.call(2).await;
        assert_eq!((call.effect.kind(), call.attempts, call.since), (kind, 0, Timestamp(1)));
        assert_eq!(call.owner, merge_request(1).into());
        store.no_call(2).await;
        store.end(&call, done(), 2).await;
    }
    store.no_call(2).await;
    assert_eq!(store.outbox().await.unwrap(), (0, None));
}

#[tokio::test]
async fn repositories_do_not_wait_for_each_other() {
    let store = Fresh::new().await;
    store.want(vec![label(Label::Ready), merge(1)], 1).await;
    let mut state = new_state(1, 0, "x");
    state.id = MergeRequestId { repo: RepoId { forge: ForgeKind::GitHub, number: 9 }, number: 1 };
    let effects = vec![label(Label::Hold)];
    store.decide(Decision { state: Some(state), effects, ..Decision::default() }, 2).await.unwrap();
    let first = store.call(3).await;
    assert_eq!(first.effect, merge(1));
    let second = store.call(3).await;
    assert_eq!(second.effect, label(Label::Hold));
    store.no_call(3).await;
    store.end(&first, done(), 3).await;
    assert_eq!(store.call(3).await.effect, label(Label::Ready));
}

#[tokio::test]
async fn a_newer_value_takes_the_place_of_one_that_has_not_started() {
    let store = Fresh::new().await;
    store.want(vec![label(Label::Building), status(StatusState::Pending)], 1).await;
    store.want(vec![label(Label::Testing), label(Label::Review)], 2).await;
    assert_eq!(store.statuses().await, "label:superseded status:waiting label:superseded label:waiting");
    let call = store.call(3).await;
    assert_eq!(call.effect, status(StatusState::Pending), "another slot is untouched");
    store.end(&call, done(), 3).await;
    let call = store.call(3).await;
    assert_eq!(call.effect, label(Label::Review));
    store.end(&call, done(), 3).await;
    store.no_call(3).await;
}

#[tokio::test]
async fn slots_of_two_merge_requests_are_two_slots() {
    let store = Fresh::new().await;
    store.want(vec![label(Label::Building)], 1).await;
    let decision = Decision {
        state: Some(new_state(2, 0, "x")),
        effects: vec![label(Label::Building)],
        ..Decision::default()
    };
    store.decide(decision, 2).await.unwrap();
    assert_eq!(store.statuses().await, "label:waiting label:waiting");
}

#[tokio::test]
async fn a_newer_value_waits_for_one_under_way_and_the_newest_wins() {
    let store = Fresh::new().await;
    store.want(vec![label(Label::Building)], 1).await;
    let call = store.call(1).await;
    store.want(vec![label(Label::Testing)], 2).await;
    store.want(vec![label(Label::Review)], 3).await;
    assert_eq!(store.statuses().await, "label:running label:superseded label:blocked");
    // Its outcome is unknown: it stays the next of its slot, while other slots go on.
    store.retry_effect(&call.lease, Timestamp(100), "502").await.unwrap();
    store.want(vec![status(StatusState::Pending)], 4).await;
    let other = store.call(5).await;
    assert_eq!(other.effect, status(StatusState::Pending));
    store.end(&other, done(), 6).await;
    store.no_call(99).await;
    assert_eq!(store.next_effect_due().await.unwrap(), Some(Timestamp(100)));
    let again = store.call(100).await;
    assert_eq!((&again.effect, again.attempts), (&label(Label::Building), 1));
    store.end(&again, done(), 101).await;
    let newest = store.call(101).await;
    assert_eq!((&newest.effect, newest.attempts), (&label(Label::Review), 0));
    store.end(&newest, done(), 102).await;
    // A value may come again and again.
    store.want(vec![label(Label::Review)], 103).await;
    assert_eq!(store.call(103).await.effect, label(Label::Review));
}

/// What a forge is told of one assignment, told apart by `n`.
fn assign(n: u64) -> Effect {
    let rollout = super::environments::rollout(n, "staging", Some(5));
    Effect::AssignStage {
        assignment: Box::new(Assignment {
            action: rollout.action,
            approved_by: Vec::new(),
            asked_by: rollout.asked_by.login,
            before: None,
            commit: rollout.commit,
            deployment: 1,
            environment: rollout.environment,
            live_at: Timestamp(5),
            merge_request: 1,
            model: model(),
            number: n,
            rollout: n,
            run: None,
            version: rollout.version,
        }),
    }
}

/// One of each effect that happens once, told apart by `n`.
fn once(n: u32) -> Vec<Effect> {
    let number = u64::from(n);
    let record = super::commits::version(number);
    let lineage = Box::new(record.lineage);
    let order = WorkOrder {
        action: "publish".to_owned(),
        model: model(),
        version: Some(Version::sequence(1).into()),
        commit: sha('c'),
        environment: None,
        traffic: None,
        source: "77".to_owned(),
    };
    vec![
        Effect::Acknowledge { comment: CommentId(number) },
        Effect::StartRun {
            head: sha('a'),
            attempt: n,
            stopped: BTreeSet::new(),
            other_target: BTreeSet::new(),
        },
        Effect::RetryJob { run: RunId(1), job: JobId(number) },
        merge(n),
        Effect::CreateTag { model: model(), version: Version::sequence(number), lineage: lineage.clone() },
        assign(number),
        Effect::Dispatch { branch: "main".to_owned(), order, attempt: n },
        Effect::Release {
            model: model(),
            version: Version::sequence(number),
            lineage,
            manifest: String::new(),
        },
    ]
}

#[tokio::test]
async fn what_happens_once_is_not_wanted_twice_while_it_is_under_way_or_done() {
    let store = Fresh::new().await;
    for effect in once(1) {
        store.want(vec![effect.clone()], 1).await;
        let call = store.call(1).await;
        assert_eq!(call.effect, effect);
        store.want(vec![effect.clone()], 2).await;
        store.retry_effect(&call.lease, Timestamp(3), "timeout").await.unwrap();
        store.want(vec![effect.clone()], 3).await;
        let call = store.call(3).await;
        assert_eq!(call.attempts, 1);
        store.end(&call, done(), 4).await;
        store.want(vec![effect.clone()], 5).await;
        store.no_call(5).await;
    }
    assert_eq!(store.outbox().await.unwrap().0, 0);
    assert_eq!(store.count("SELECT COUNT(*) FROM outbox").await, 8, "each once");
    store.want(once(2), 6).await;
    assert_eq!(store.outbox().await.unwrap().0, 8, "a wanted repetition has a slot of its own");
}

#[tokio::test]
async fn what_was_refused_or_given_up_may_be_wanted_again() {
    let store = Fresh::new().await;
    let ends = [
        EffectEnd::Outcome {
            outcome: Outcome::Refused { reason: "no".to_owned() },
            job: None,
            run: None,
            comment: None,
        },
        EffectEnd::Outcome {
            outcome: Outcome::Conflict { reason: "moved".to_owned() },
            job: None,
            run: None,
            comment: None,
        },
        EffectEnd::Dead { reason: "ten tries".to_owned(), job: None },
        EffectEnd::Observed,
    ];
    for (end, now) in ends.into_iter().zip(1..) {
        store.want(vec![merge(1)], now).await;
        let call = store.call(now).await;
        store.end(&call, end, now).await;
    }
    assert_eq!(store.statuses().await, "merge:refused merge:conflict merge:dead merge:observed");
    assert_eq!(store.text("SELECT error FROM outbox WHERE status = 'refused'").await.as_deref(), Some("no"));
}

#[tokio::test]
async fn what_a_report_said_is_known_with_the_time_since_when_it_may_have_been_seen() {
    let store = Fresh::new().await;
    let report = |text: &str| Effect::Report {
        report: Box::new(StickyReport {
            invalid_configuration: Some(text.to_owned()),
            ..StickyReport::default()
        }),
    };
    assert_eq!(store.reports_written(merge_request(1), 9).await.unwrap(), []);
    store.want(vec![report("first")], 1).await;
    let call = store.call(2).await;
    store.end(&call, done(), 3).await;
    store.want(vec![report("second")], 4).await;
    let call = store.call(5).await;
    store.retry_effect(&call.lease, Timestamp(6), "no answer").await.unwrap();
    assert_eq!(store.reports_written(merge_request(1), 9).await.unwrap(), [(Timestamp(3), report("first"))]);
    let call = store.call(7).await;
    store.end(&call, done(), 8).await;
    let both = [(Timestamp(4), report("second")), (Timestamp(3), report("first"))];
    assert_eq!(
        store.reports_written(merge_request(1), 9).await.unwrap(),
        both,
        "the lost answer may have been a yes"
    );
    assert_eq!(store.reports_written(merge_request(1), 1).await.unwrap(), both[..1]);
    assert_eq!(store.reports_written(merge_request(2), 9).await.unwrap(), []);
}

on_postgres! {
    the_most_urgent_effect_goes_first_and_one_at_a_time,
    repositories_do_not_wait_for_each_other,
    a_newer_value_takes_the_place_of_one_that_has_not_started,
    slots_of_two_merge_requests_are_two_slots,
    a_newer_value_waits_for_one_under_way_and_the_newest_wins,
    what_happens_once_is_not_wanted_twice_while_it_is_under_way_or_done,
    what_was_refused_or_given_up_may_be_wanted_again,
    what_a_report_said_is_known_with_the_time_since_when_it_may_have_been_seen,
}
