//! What an operator sees of deliveries, and dead letters that he puts back to work.

use super::outbox::{done, label, merge};
use super::{Fresh, LEASE, on_postgres, url, what};
use crate::domain::{Effect, ForgeKind, InternalEvent, Label, Outcome, Timestamp};
use crate::storage::sql;
use crate::storage::writer::Wakes;
use crate::storage::{
    Decision, DeliveryFilter, DeliveryLine, DeliveryOutcome, DeliveryRecord, EffectEnd, LetterName, NewJob,
    Replayed, Store,
};

const ALL: DeliveryFilter =
    DeliveryFilter { forge: None, outcome: None, event: None, dead: false, limit: 50 };

fn named(id: &str) -> LetterName {
    LetterName::read(None, id)
}

fn back(jobs: u64, calls: u64, overtaken: u64) -> Replayed {
    Replayed::Back { jobs, calls, overtaken }
}

fn dead(reason: &str) -> EffectEnd {
    EffectEnd::Dead { reason: reason.to_owned(), job: None }
}

impl Fresh {
    /// A delivery of merge request 1 that leads to these calls.
    async fn leads_to(&self, id: &str, effects: Vec<Effect>, now: i64) {
        self.deliver(id, 1, now).await;
        let claimed = self.next(now).await;
        let decision = Decision { effects, ..Decision::default() };
        self.commit(&claimed.lease, decision, Timestamp(now)).await.unwrap();
    }

    /// A delivery whose job is given up.
    async fn given_up(&self, id: &str, number: u64, now: i64) {
        self.deliver(id, number, now).await;
        let claimed = self.next(now).await;
        assert_eq!(what(&claimed), id);
        self.bury_job(&claimed.lease, "the forge is away", Timestamp(now)).await.unwrap();
    }

    async fn listed(&self, filter: DeliveryFilter) -> Vec<String> {
        let lines = self.list_deliveries(filter).await.unwrap();
        let line = |one: DeliveryLine| {
            let reason = one.reason.unwrap_or_default();
            format!("{} {} {} {} {reason}", one.id, one.forge, one.outcome, one.dead)
        };
        lines.into_iter().map(line).collect()
    }

    async fn shown(&self, id: &str) -> DeliveryRecord {
        let mut found = self.delivery_records(named(id)).await.unwrap();
        assert_eq!(found.len(), 1, "{id}");
        found.remove(0)
    }

    async fn replayed(&self, id: &str, now: i64) -> Replayed {
        self.replay(named(id), "ops", Timestamp(now)).await.unwrap()
    }

    async fn refused(&self, id: &str, why: &str) {
        let answer = self.replayed(id, 99).await;
        assert!(matches!(&answer, Replayed::Refused(text) if text.contains(why)), "{id}: {answer:?}");
    }
}

#[tokio::test]
async fn a_delivery_that_was_given_up_goes_back_to_work_as_if_never_tried_and_only_once() {
    let store = Fresh::new().await;
    store.given_up("a", 1, 1).await;
    store.deliver("b", 1, 2).await;
    assert_eq!(
        store.listed(DeliveryFilter { dead: true, ..ALL }).await,
        ["a gitlab dead 1 the forge is away"]
    );

    assert_eq!(store.replayed("a", 3).await, back(1, 0, 0));
    store.refused("a", "tried again by itself").await;
    assert_eq!(store.listed(ALL).await, ["b gitlab waiting 0 ", "a gitlab waiting 0 "]);
    assert_eq!(store.dead_jobs(9).await.unwrap(), []);
    let claimed = store.next(4).await;
    assert_eq!((what(&claimed), claimed.attempts), ("a", 0), "the oldest of its lane again");
    store.commit(&claimed.lease, Decision::default(), Timestamp(4)).await.unwrap();
    store.refused("a", "it was done").await;
    assert_eq!(what(&store.next(5).await), "b");

    let kept = "SELECT lane || ' ' || kind || ' ' || what || ' ' || detail FROM audit";
    assert_eq!(
        store.text(kept).await.unwrap(),
        "gitlab:12!1 retry An operator put gitlab a back to work. {\"account\":\"ops\",\"calls\":0,\"jobs\":1,\"overtaken\":0}"
    );
    assert_eq!(store.count("SELECT COUNT(*) FROM audit").await, 1, "a refused one changed nothing");
    assert!(store.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn of_what_a_delivery_led_to_only_what_was_given_up_is_done_again() {
    let store = Fresh::new().await;
    store.leads_to("a", vec![merge(1), label(Label::Ready)], 1).await;
    let merged = store.call(2).await;
    store.end(&merged, done(), 2).await;
    let labelled = store.call(3).await;
    store.retry_effect(&labelled.lease, Timestamp(4), "slow down").await.unwrap();
    store.end(&store.call(4).await, dead("no right"), 5).await;
    assert_eq!(store.listed(DeliveryFilter { dead: true, ..ALL }).await, ["a gitlab done 1 "]);
    let calls = store.shown("a").await.calls;
    let told: Vec<_> =
        calls.iter().map(|call| (call.status.as_str(), call.tries, call.error.as_deref())).collect();
    assert_eq!(told, [("done", 1, None), ("dead", 2, Some("no right"))]);

    assert_eq!(store.replayed("a", 6).await, back(0, 1, 0));
    store.refused("a", "nothing that it led to was given up").await;
    let again = store.call(7).await;
    assert_eq!(again.effect, label(Label::Ready));
    assert_eq!((again.attempts, again.failures()), (1, 0), "it may have left something, and has every try");
    store.end(&again, done(), 7).await;
    store.no_call(8).await;
}

#[tokio::test]
async fn a_call_that_a_newer_one_overtook_is_left() {
    let store = Fresh::new().await;
    store.leads_to("a", vec![label(Label::Building)], 1).await;
    store.end(&store.call(2).await, dead("no right"), 2).await;
    store.leads_to("b", vec![label(Label::Testing)], 3).await;
    store.end(&store.call(4).await, done(), 4).await;
    assert_eq!(store.replayed("a", 5).await, back(0, 0, 1));
    store.no_call(6).await;
    assert_eq!(store.listed(DeliveryFilter { dead: true, ..ALL }).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_call_of_whose_end_its_decider_heard_is_not_made_behind_his_back() {
    let store = Fresh::new().await;
    store.leads_to("a", vec![merge(1)], 1).await;
    store.end(&store.call(2).await, dead("away"), 2).await;
    store.refused("a", "say the command again").await;
    store.no_call(3).await;
    assert_eq!(store.count("SELECT COUNT(*) FROM audit").await, 0);
}

#[tokio::test]
async fn what_follows_from_a_delivery_is_known_over_any_number_of_steps() {
    let store = Fresh::new().await;
    store.leads_to("a", vec![merge(1)], 1).await;
    let call = store.call(2).await;
    let outcome = Outcome::Refused { reason: "no".to_owned() };
    let event = InternalEvent::Effect { slot: call.effect.slot(), outcome: outcome.clone() }.to_json();
    let job = Some(NewJob { lane: call.owner.lane(), event });
    store.end(&call, EffectEnd::Outcome { outcome, job, run: None, comment: None }, 3).await;
    let jobs = store.shown("a").await.jobs;
    let slot = format!("outcome of {}", merge(1).slot());
    assert_eq!((jobs.len(), jobs[0].what.as_str()), (1, slot.as_str()));
    let claimed = store.next(4).await;
    let decision = Decision { effects: vec![label(Label::Ready)], ..Decision::default() };
    store.commit(&claimed.lease, decision, Timestamp(4)).await.unwrap();
    let record = store.shown("a").await;
    let calls: Vec<_> = record.calls.iter().map(|call| call.what.as_str()).collect();
    assert_eq!(calls, [merge(1).slot().as_str(), "label"]);
    assert_eq!(record.body.unwrap(), br#"{"delivery":"a"}"#);
    assert_eq!(record.headers.len(), 1);
}

#[tokio::test]
async fn a_dead_letter_that_nobody_sent_has_a_name_too() {
    let store = Fresh::new().await;
    store.want(vec![label(Label::Building)], 1).await;
    store.end(&store.call(2).await, dead("no right"), 2).await;
    let job = NewJob { lane: super::lane(4), event: InternalEvent::Refresh.to_json() };
    store.enqueue(vec![job], Timestamp(3)).await.unwrap();
    let claimed = store.next(3).await;
    store.bury_job(&claimed.lease, "a defect", Timestamp(4)).await.unwrap();
    let lines = store.listed(DeliveryFilter { dead: true, ..ALL }).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, name) in lines.iter().zip(["job-", "call-"]) {
        let id = line.split(' ').next().unwrap();
        assert!(id.starts_with(name), "{lines:?}");
        assert!(store.shown(id).await.delivery.is_none());
        assert!(matches!(store.replayed(id, 5).await, Replayed::Back { .. }));
        store.refused(id, "tried again by itself").await;
    }
    assert_eq!(store.call(6).await.effect, label(Label::Building));
    assert_eq!(store.next(6).await.lane, super::lane(4));
    assert_eq!(store.replayed("job-999", 7).await, Replayed::Unknown);
    assert_eq!(store.replayed("nobody-sent-this", 7).await, Replayed::Unknown);
}

#[tokio::test]
async fn a_list_holds_what_was_asked_for_the_newest_first() {
    let store = Fresh::new().await;
    for (id, at) in [("a", 1), ("b", 2), ("c", 3)] {
        store.deliver(id, 1, at).await;
    }
    let mut hub = super::delivery("a", 1, 4);
    hub.forge = ForgeKind::GitHub;
    hub.event = "push".to_owned();
    store.record(hub).await.unwrap();
    let claimed = store.next(5).await;
    let decision = Decision { outcome: DeliveryOutcome::Ignored("no use".to_owned()), ..Decision::default() };
    store.commit(&claimed.lease, decision, Timestamp(5)).await.unwrap();
    let lists = [
        ALL,
        DeliveryFilter { limit: 2, ..ALL },
        DeliveryFilter { forge: Some(ForgeKind::GitHub), ..ALL },
        DeliveryFilter { event: Some("push".to_owned()), ..ALL },
        DeliveryFilter { outcome: Some("ignored"), ..ALL },
    ];
    let mut told = Vec::new();
    for filter in lists {
        let lines = store.list_deliveries(filter).await.unwrap();
        told.push(
            lines
                .iter()
                .map(|line| format!("{}@{}", line.id, line.received_at.0))
                .collect::<Vec<_>>()
                .join(" "),
        );
    }
    assert_eq!(told, ["a@4 c@3 b@2 a@1", "a@4 c@3", "a@4", "a@4", "a@1"]);
    assert_eq!(store.replayed("a", 6).await, Replayed::Ambiguous);
    let answer =
        store.replay(LetterName::read(Some(ForgeKind::GitLab), "a"), "ops", Timestamp(6)).await.unwrap();
    assert!(matches!(&answer, Replayed::Refused(why) if why.contains("no use")), "{answer:?}");
}

#[tokio::test]
async fn a_forgotten_delivery_is_not_taken_for_a_later_one() {
    let store = Fresh::new().await;
    store.leads_to("a", vec![merge(1)], 1).await;
    store.end(&store.call(2).await, done(), 2).await;
    assert_eq!(store.prune(Timestamp(50)).await.unwrap(), 1);
    store.deliver("b", 1, 60).await;
    assert_eq!(store.shown("b").await.calls, []);
}

#[tokio::test]
async fn another_process_puts_back_to_work_beside_the_one_that_works() {
    let serving = Fresh::new().await;
    let sole = serving.sole().await.unwrap();
    serving.given_up("a", 1, 1).await;
    serving.deliver("b", 2, 2).await;
    let held = serving.next(2).await;
    let operator = Store::beside(&serving.url()).await.unwrap();
    assert_eq!(operator.replay(named("a"), "ops", Timestamp(3)).await.unwrap(), back(1, 0, 0));
    operator.close().await;
    assert_eq!(what(&serving.next(4).await), "a");
    serving.commit(&held.lease, Decision::default(), Timestamp(5)).await.unwrap();
    assert!(serving.claim_effect(Timestamp(5), LEASE).await.unwrap().is_none());
    drop(sole);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made_by_an_operator() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::beside(&url(&folder)).await.unwrap_err().to_string();
    assert!(error.contains("there is no database"), "{error}");
    assert!(!folder.path().join("m.db").exists());
}

/// A process that was killed while it tried whether the disk takes anything.
#[tokio::test]
async fn what_was_written_only_to_try_the_disk_is_no_delivery() {
    let store = Fresh::new().await;
    store.deliver("sent", 1, 0).await;
    store.write(Wakes::Nobody, |connection| Box::pin(sql::trial::begin(connection))).await.unwrap();
    assert_eq!(store.listed(ALL).await, ["sent gitlab waiting 0 "]);
    assert_eq!(store.listed(DeliveryFilter { dead: true, ..ALL }).await, Vec::<String>::new());
}

on_postgres! {
    a_delivery_that_was_given_up_goes_back_to_work_as_if_never_tried_and_only_once,
    of_what_a_delivery_led_to_only_what_was_given_up_is_done_again,
    a_call_that_a_newer_one_overtook_is_left,
    a_call_of_whose_end_its_decider_heard_is_not_made_behind_his_back,
    what_follows_from_a_delivery_is_known_over_any_number_of_steps,
    a_dead_letter_that_nobody_sent_has_a_name_too,
    a_list_holds_what_was_asked_for_the_newest_first,
    a_forgotten_delivery_is_not_taken_for_a_later_one,
    another_process_puts_back_to_work_beside_the_one_that_works,
    what_was_written_only_to_try_the_disk_is_no_delivery,
}
