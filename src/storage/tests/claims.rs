//! Who works on what: one job of a lane at a time, leases, fencing, retries, dead letters.

use std::time::Duration;

use super::{Fresh, LEASE, delivery, lane, on_postgres, what};
use crate::domain::{Lane, Timestamp};
use crate::storage::{Decision, NewJob, StoreError};

#[tokio::test]
async fn a_lane_gives_its_oldest_job_and_only_one_at_a_time() {
    let store = Fresh::new().await;
    for id in ["a", "b", "c"] {
        store.deliver(id, 1, 1).await;
    }
    for id in ["a", "b", "c"] {
        let claimed = store.next(2).await;
        assert_eq!(what(&claimed), id);
        assert_eq!((claimed.lane, claimed.attempts), (lane(1), 0));
        store.nothing_at(2).await;
        store.commit(&claimed.lease, Decision::default(), Timestamp(2)).await.unwrap();
    }
    store.nothing_at(2).await;
    assert_eq!(store.queue().await.unwrap(), (0, None));
}

#[tokio::test]
async fn a_busy_lane_does_not_keep_the_others_waiting() {
    let store = Fresh::new().await;
    for id in ["busy 1", "busy 2", "busy 3"] {
        store.deliver(id, 1, 1).await;
    }
    store.deliver("quiet", 2, 2).await;
    let mut order = Vec::new();
    for now in 3..7 {
        let claimed = store.next(now).await;
        order.push(what(&claimed).to_owned());
        store.commit(&claimed.lease, Decision::default(), Timestamp(now)).await.unwrap();
    }
    assert_eq!(order, ["busy 1", "quiet", "busy 2", "busy 3"]);
}

#[tokio::test]
async fn a_job_is_not_claimed_before_its_time() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 10).await;
    store.nothing_at(9).await;
    assert_eq!(what(&store.next(10).await), "a");
}

#[tokio::test]
async fn a_lease_that_ran_out_is_given_to_another_and_the_late_worker_writes_nothing() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    let late = store.claim(Timestamp(0), Duration::from_millis(100)).await.unwrap().unwrap();
    store.nothing_at(99).await;
    let second = store.claim(Timestamp(100), LEASE).await.unwrap().unwrap();
    assert_eq!((what(&second), second.attempts), ("a", 1), "the first try counts");

    let follow_up = Decision {
        jobs: vec![NewJob { lane: lane(2), event: "must not be kept".to_owned() }],
        ..Decision::default()
    };
    let now = Timestamp(101);
    assert!(matches!(store.commit(&late.lease, follow_up, now).await, Err(StoreError::LeaseLost)));
    assert!(matches!(store.retry_job(&late.lease, now, "late").await, Err(StoreError::LeaseLost)));
    assert!(matches!(store.bury_job(&late.lease, "late", now).await, Err(StoreError::LeaseLost)));
    assert!(matches!(store.extend(&late.lease, now.after(LEASE)).await, Err(StoreError::LeaseLost)));
    assert_eq!(store.queue().await.unwrap().0, 1);

    store.commit(&second.lease, Decision::default(), now).await.unwrap();
    assert!(matches!(
        store.commit(&second.lease, Decision::default(), now).await,
        Err(StoreError::LeaseLost)
    ));
}

#[tokio::test]
async fn the_late_worker_stays_out_after_the_other_is_done_and_new_work_came() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    let late = store.claim(Timestamp(0), Duration::from_millis(10)).await.unwrap().unwrap();
    let second = store.next(10).await;
    store.commit(&second.lease, Decision::default(), Timestamp(11)).await.unwrap();
    // The new job may get the number of the old one; the claim's count still differs.
    store.deliver("b", 1, 12).await;
    let third = store.next(12).await;
    let lost = store.commit(&late.lease, Decision::default(), Timestamp(13)).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost)));
    store.commit(&third.lease, Decision::default(), Timestamp(13)).await.unwrap();
}

#[tokio::test]
async fn a_late_worker_may_still_commit_when_nobody_took_over() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    let late = store.claim(Timestamp(0), Duration::from_millis(10)).await.unwrap().unwrap();
    store.commit(&late.lease, Decision::default(), Timestamp(500)).await.unwrap();
    store.nothing_at(500).await;
}

#[tokio::test]
async fn an_extended_lease_holds_longer() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    let claimed = store.claim(Timestamp(0), Duration::from_millis(10)).await.unwrap().unwrap();
    store.extend(&claimed.lease, Timestamp(50)).await.unwrap();
    store.deliver("b", 1, 20).await;
    store.nothing_at(49).await;
    assert_eq!(what(&store.next(50).await), "a");
}

#[tokio::test]
async fn a_job_to_be_retried_keeps_its_place_and_counts_its_tries() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    store.deliver("b", 1, 0).await;
    let claimed = store.next(1).await;
    store.retry_job(&claimed.lease, Timestamp(100), "the forge is away").await.unwrap();
    store.deliver("c", 1, 2).await;
    store.nothing_at(99).await;
    let again = store.next(100).await;
    assert_eq!((what(&again), again.attempts, again.since), ("a", 1, Timestamp(0)));
    store.commit(&again.lease, Decision::default(), Timestamp(101)).await.unwrap();
    for id in ["b", "c"] {
        let claimed = store.next(101).await;
        assert_eq!((what(&claimed), claimed.attempts), (id, 0));
        store.commit(&claimed.lease, Decision::default(), Timestamp(101)).await.unwrap();
    }
}

#[tokio::test]
async fn a_buried_job_stays_visible_and_its_lane_goes_on() {
    let store = Fresh::new().await;
    store.deliver("poison", 1, 0).await;
    store.deliver("good", 1, 1).await;
    let claimed = store.next(2).await;
    store.bury_job(&claimed.lease, "no such project", Timestamp(3)).await.unwrap();
    assert_eq!(what(&store.next(3).await), "good");
    store.enqueue(vec![NewJob { lane: lane(2), event: "{}".to_owned() }], Timestamp(3)).await.unwrap();
    let claimed = store.next(4).await;
    store.bury_job(&claimed.lease, "second", Timestamp(5)).await.unwrap();
    let dead = store.dead_jobs(10).await.unwrap();
    let expected = [(lane(2), "second", Timestamp(5)), (lane(1), "no such project", Timestamp(3))];
    assert_eq!(dead, expected.map(|(lane, why, at)| (lane, why.to_owned(), at)));
    assert_eq!(store.dead_jobs(1).await.unwrap().len(), 1, "at most as many as asked for");
    let outcome = "SELECT outcome || ': ' || reason FROM delivery WHERE external_id = 'poison'";
    assert_eq!(store.text(outcome).await.as_deref(), Some("dead: no such project"));
}

#[tokio::test]
async fn a_job_that_nobody_can_read_becomes_a_dead_letter_by_itself() {
    let store = Fresh::new().await;
    store.deliver("broken", 1, 0).await;
    store.deliver("good", 1, 0).await;
    store.execute("UPDATE delivery SET body = x'00' WHERE external_id = 'broken'").await.unwrap();
    assert_eq!(what(&store.next(1).await), "good");
    let dead = store.dead_jobs(10).await.unwrap();
    assert!(matches!(&dead[..], [(_, why, _)] if why.contains("damaged")), "{dead:?}");
}

#[tokio::test]
async fn equal_events_that_wait_in_one_lane_are_kept_once() {
    let store = Fresh::new().await;
    let refresh = |lane| NewJob { lane, event: r#"{"event":"refresh"}"#.to_owned() };
    let other = NewJob { lane: lane(1), event: r#"{"event":"other"}"#.to_owned() };
    let jobs = vec![refresh(lane(1)), other, refresh(lane(2)), refresh(lane(1))];
    store.enqueue(jobs, Timestamp(1)).await.unwrap();
    store.enqueue(vec![refresh(lane(1))], Timestamp(2)).await.unwrap();
    assert_eq!(store.queue().await.unwrap(), (3, Some(Timestamp(1))));

    let working = store.next(3).await;
    assert_eq!(working.lane, lane(1));
    // The worker may have read the facts before this one came: it must not be swallowed.
    store.enqueue(vec![refresh(lane(1)), refresh(lane(1))], Timestamp(4)).await.unwrap();
    assert_eq!(store.queue().await.unwrap().0, 4);

    store.retry_job(&working.lease, Timestamp(5), "later").await.unwrap();
    store.enqueue(vec![refresh(lane(1))], Timestamp(6)).await.unwrap();
    assert_eq!(store.queue().await.unwrap().0, 4, "the one that is put back waits again");
}

#[tokio::test]
async fn lanes_of_every_kind_carry_jobs() {
    let store = Fresh::new().await;
    let lanes = [
        lane(7),
        Lane::Model(super::model_id()),
        Lane::Repository(super::repo()),
        Lane::Forge(crate::domain::ForgeKind::GitHub),
    ];
    for (number, lane) in lanes.iter().cloned().enumerate() {
        let mut sent = delivery(&number.to_string(), 1, i64::try_from(number).unwrap());
        sent.lane = Some(lane);
        store.record(sent).await.unwrap();
    }
    for lane in lanes {
        assert_eq!(store.next(9).await.lane, lane);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_at_once_never_get_the_same_job_nor_the_same_lane() {
    let store = Fresh::new().await;
    for number in 0..200 {
        store.deliver(&format!("{number}"), number % 10, 0).await;
    }
    let workers = (0..8).map(|_| {
        let store = store.store.clone();
        tokio::spawn(async move {
            let mut done = Vec::new();
            while let Some(claimed) = store.claim(Timestamp(1), LEASE).await.unwrap() {
                done.push((claimed.lane.clone(), what(&claimed).parse::<u64>().unwrap()));
                store.commit(&claimed.lease, Decision::default(), Timestamp(1)).await.unwrap();
            }
            done
        })
    });
    let workers: Vec<_> = workers.collect();
    let mut done = Vec::new();
    for worker in workers {
        done.extend(worker.await.unwrap());
    }
    // A worker finds nothing while all lanes are out; what is left then is for the last one.
    while let Some(claimed) = store.claim(Timestamp(1), LEASE).await.unwrap() {
        done.push((claimed.lane.clone(), what(&claimed).parse().unwrap()));
        store.commit(&claimed.lease, Decision::default(), Timestamp(1)).await.unwrap();
    }
    let mut numbers: Vec<_> = done.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>(), "each job was worked exactly once");
}

on_postgres! {
    a_lane_gives_its_oldest_job_and_only_one_at_a_time,
    a_busy_lane_does_not_keep_the_others_waiting,
    a_job_is_not_claimed_before_its_time,
    a_lease_that_ran_out_is_given_to_another_and_the_late_worker_writes_nothing,
    the_late_worker_stays_out_after_the_other_is_done_and_new_work_came,
    a_late_worker_may_still_commit_when_nobody_took_over,
    an_extended_lease_holds_longer,
    a_job_to_be_retried_keeps_its_place_and_counts_its_tries,
    a_buried_job_stays_visible_and_its_lane_goes_on,
    a_job_that_nobody_can_read_becomes_a_dead_letter_by_itself,
    equal_events_that_wait_in_one_lane_are_kept_once,
    lanes_of_every_kind_carry_jobs,
    many_workers_at_once_never_get_the_same_job_nor_the_same_lane,
}
