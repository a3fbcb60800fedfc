//! What several processes on one server are to each other. Each store here stands for a process: it shares
//! nothing with the others but the server.

use std::collections::BTreeSet;
use std::time::Duration;

use super::base::{Base, on_postgres};
use super::commits::audit;
use super::{Fresh, LEASE, delivery, lane, what};
use crate::domain::{Audit, Timestamp};
use crate::storage::driver::query;
use crate::storage::writer::Wakes;
use crate::storage::{Decision, NewJob, Recorded, Store, StoreError};

/// Long enough for whatever must come, on any machine.
const PATIENCE: Duration = Duration::from_secs(30);

impl Fresh {
    async fn another(&self) -> Store {
        Store::open(&self.url()).await.unwrap()
    }
}

fn processes_work_through_everything_once() {
    play(async {
        let first = Fresh::new().await;
        let second = first.another().await;
        for number in 0..60 {
            first.deliver(&number.to_string(), number % 7, 0).await;
        }
        let workers = (0..6).map(|worker| {
            let store = if worker % 2 == 0 { first.store.clone() } else { second.clone() };
            tokio::spawn(async move {
                let mut done = Vec::new();
                while let Some(claimed) = store.claim(Timestamp(1), LEASE).await.unwrap() {
                    done.push(what(&claimed).to_owned());
                    let entry: Audit = audit(what(&claimed));
                    let decision = Decision { audit: vec![entry], ..Decision::default() };
                    store.commit(&claimed.lease, decision, Timestamp(1)).await.unwrap();
                }
                done
            })
        });
        let mut done = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            done.extend(worker.await.unwrap());
        }
        assert_eq!(done.len(), 60, "each once");
        assert_eq!(done.into_iter().collect::<BTreeSet<_>>().len(), 60);
        assert!(first.verify_audit().await.unwrap().is_ok(), "one chain, whoever wrote to it");
        assert_eq!(first.count("SELECT COUNT(*) FROM audit").await, 60);
    });
}

fn a_delivery_that_two_processes_receive_is_kept_once() {
    play(async {
        let first = Fresh::new().await;
        let second = first.another().await;
        for number in 0..20 {
            let id = number.to_string();
            let (one, other) =
                tokio::join!(first.record(delivery(&id, 1, 0)), second.record(delivery(&id, 1, 0)));
            let both = [one.unwrap(), other.unwrap()];
            assert!(both.contains(&Recorded::Accepted), "{both:?}");
            assert!(both.contains(&Recorded::Duplicate { same_body: true }), "{both:?}");
        }
        assert_eq!(first.queue().await.unwrap().0, 20);
    });
}

fn what_one_process_commits_wakes_the_others() {
    play(async {
        let first = Fresh::new().await;
        let second = first.another().await;
        let mut woken = std::pin::pin!(second.woken());
        // What is committed before the other one listens, it does not hear.
        let heard = async {
            for number in 0.. {
                let id = format!("{number}");
                tokio::select! {
                    biased;
                    () = &mut woken => return,
                    _ = first.deliver(&id, 1, 0) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("it slept on");
    });
}

fn a_process_gives_back_its_own_leases_alone() {
    play(async {
        let first = Fresh::new().await;
        let second = first.another().await;
        for (id, number) in [("a", 1), ("b", 2), ("c", 3)] {
            first.deliver(id, number, 0).await;
        }
        let ended = first.next(1).await;
        first.commit(&ended.lease, Decision::default(), Timestamp(1)).await.unwrap();
        let (ours, theirs) = (first.next(1).await, second.claim(Timestamp(1), LEASE).await.unwrap().unwrap());

        let sole = first.sole().await.unwrap();
        assert_eq!(first.release_all(&sole, Timestamp(2)).await.unwrap(), 1);
        let lost = first.commit(&ours.lease, Decision::default(), Timestamp(2)).await;
        assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");
        second.commit(&theirs.lease, Decision::default(), Timestamp(2)).await.unwrap();
        let again = second.claim(Timestamp(2), LEASE).await.unwrap().unwrap();
        assert_eq!((what(&again), again.interruptions, again.failures()), (what(&ours), 1, 0));
    });
}

fn one_process_leads_and_when_it_is_gone_another_does() {
    play(async {
        let first = Fresh::new().await;
        let second = first.another().await;
        let mut lead = first.lead().await;
        let mut waiting = tokio::spawn(async move { second.lead().await });
        let both = tokio::time::timeout(Duration::from_secs(4), &mut waiting).await;
        assert!(both.is_err(), "two lead at once");
        // The server ends the leader's connection, as it does when nothing is heard of it.
        let ended = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_locks
                     WHERE locktype = 'advisory' AND granted AND objid = 1702297602
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(first.count(ended).await, 1);
        tokio::time::timeout(PATIENCE, lead.lost()).await.expect("it thinks that it leads");
        tokio::time::timeout(PATIENCE, waiting).await.expect("nobody leads").unwrap();
    });
}

fn a_transaction_that_a_statement_broke_is_not_taken_for_committed() {
    play(async {
        let store = Fresh::new().await;
        let swallowed = store
            .write(Wakes::Nobody, |connection| {
                Box::pin(async move {
                    query("INSERT INTO meaning (meaning, seen_at) VALUES ('kept', 1)")
                        .execute(&mut *connection)
                        .await?;
                    let broken =
                        query("INSERT INTO timer (lane, due) VALUES (999, 1)").execute(connection).await;
                    assert!(broken.is_err());
                    Ok(())
                })
            })
            .await;
        assert!(matches!(swallowed, Err(StoreError::Unavailable(_))), "{swallowed:?}");
        assert!(!store.meaning_seen("kept").await.unwrap());
        store.ready().await.unwrap();
    });
}

fn a_text_with_a_nul_is_kept_and_its_audit_row_is_whole() {
    play(async {
        let store = Fresh::new().await;
        let entry = Audit { actor: Some("a\0b".to_owned()), ..audit("said\0") };
        store.decide(Decision { audit: vec![entry], ..Decision::default() }, 1).await.unwrap();
        let job = NewJob { lane: lane(4), event: "ev\0ent".to_owned() };
        store.enqueue(vec![job.clone(), job], Timestamp(2)).await.unwrap();
        assert_eq!(store.queue().await.unwrap().0, 1, "the second equals the first");
        assert!(store.verify_audit().await.unwrap().is_ok());
    });
}

fn connections_that_the_server_ended_are_replaced_before_anybody_is_told() {
    play(async {
        let store = Fresh::new().await;
        store.deliver("a", 1, 0).await;
        store.queue().await.unwrap();
        let ended = "SELECT COUNT(pg_terminate_backend(pid, 9000)) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert!(store.count(ended).await >= 2);
        assert_eq!(store.deliver("b", 1, 0).await, Recorded::Accepted);
        assert_eq!(store.queue().await.unwrap().0, 2);
    });
}

fn who_is_not_let_in_is_told_so_without_the_password() {
    play(async {
        let base = Base::new().await;
        let wrong = base.url().replace("not-a-secret", "hunter2");
        let error = Store::open(&wrong).await.unwrap_err();
        assert!(matches!(error, StoreError::Address(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("password authentication failed") && !text.contains("hunter2"), "{text}");
        let nowhere = Store::open(&format!("{}_nowhere", base.url())).await.unwrap_err();
        assert!(matches!(nowhere, StoreError::Address(_)), "{nowhere}");
        let empty = Store::inspect(&base.url()).await.unwrap_err().to_string();
        assert!(empty.contains("`mergewright serve` makes them"), "{empty}");
    });
}

fn play(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(test);
}

on_postgres! {
    processes_work_through_everything_once,
    a_delivery_that_two_processes_receive_is_kept_once,
    what_one_process_commits_wakes_the_others,
    a_process_gives_back_its_own_leases_alone,
    one_process_leads_and_when_it_is_gone_another_does,
    a_transaction_that_a_statement_broke_is_not_taken_for_committed,
    a_text_with_a_nul_is_kept_and_its_audit_row_is_whole,
    connections_that_the_server_ended_are_replaced_before_anybody_is_told,
    who_is_not_let_in_is_told_so_without_the_password,
}
