//! What was answered is on the disk; what could not be committed is answered so; many share one
//! commit.

use super::{Fresh, delivery, lane, merge_request, new_state, on_postgres, url, what};
use crate::domain::{Digest, Timestamp};
use crate::storage::driver::query;
use crate::storage::writer::Wakes;
use crate::storage::{Decision, NewJob, Recorded, Store, StoreError};

#[tokio::test]
async fn what_was_committed_is_there_after_the_process_died() {
    let store = Fresh::new().await;
    for number in 0..50 {
        store.deliver(&number.to_string(), number, 0).await;
    }
    let state = Decision { state: Some(new_state(9, 0, "kept")), ..Decision::default() };
    store.decide(state, 0).await.unwrap();
    // A copy of the files as they lie there is what a killed process leaves behind: nothing was closed,
    // nothing folded back.
    let killed = tempfile::tempdir().unwrap();
    let mut copied = 0;
    for file in std::fs::read_dir(store.folder()).unwrap() {
        let file = file.unwrap();
        if file.file_name() != "m.db-shm" {
            copied += std::fs::copy(file.path(), killed.path().join(file.file_name())).unwrap();
        }
    }
    assert!(copied > 0);
    let again = Store::open(&url(&killed)).await.unwrap();
    assert_eq!(again.queue().await.unwrap().0, 50);
    assert_eq!(again.state(merge_request(9)).await.unwrap().version, 1);
    assert_eq!(again.record(delivery("7", 7, 1)).await.unwrap(), Recorded::Duplicate { same_body: true });
}

#[tokio::test]
async fn a_store_dropped_in_the_middle_opens_again_with_all_it_answered() {
    let Fresh { store, base } = Fresh::new().await;
    store.record(delivery("a", 1, 0)).await.unwrap();
    let claimed = store.claim(Timestamp(0), super::LEASE).await.unwrap().unwrap();
    drop(store);
    let again = Store::open(&base.url()).await.unwrap();
    again.commit(&claimed.lease, Decision::default(), Timestamp(1)).await.unwrap();
    assert_eq!(again.queue().await.unwrap().0, 0, "even the lease is kept");
}

#[tokio::test]
async fn a_closed_store_folds_its_log_back_and_says_that_it_is_closed() {
    let store = Fresh::new().await;
    let clone = store.store.clone();
    store.deliver("a", 1, 0).await;
    store.close().await;
    assert!(!store.folder().join("m.db-wal").exists(), "the write-ahead log was folded back");
    assert!(matches!(clone.record(delivery("b", 1, 0)).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(clone.queue().await, Err(StoreError::Unavailable(_))));
    assert!(clone.ready().await.is_err());
    clone.close().await;
    let again = Store::open(&store.url()).await.unwrap();
    assert_eq!(again.queue().await.unwrap().0, 1);
}

#[tokio::test]
async fn a_missing_file_is_made_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/and newer/m.db");
    let store = Store::open(&format!("sqlite://{}", path.display())).await.unwrap();
    store.ready().await.unwrap();
    assert!(path.exists());
    let blocked = folder.path().join("new/and newer/m.db/x.db");
    let error = Store::open(&format!("sqlite://{}", blocked.display())).await.unwrap_err();
    assert!(matches!(error, StoreError::Address(_)), "{error}");
    assert!(error.to_string().contains("database_url"), "{error}");
}

#[tokio::test]
async fn a_database_in_memory_works_alike_and_is_its_own() {
    let (one, other) =
        (Store::open("sqlite::memory:").await.unwrap(), Store::open("sqlite::memory:").await.unwrap());
    one.record(delivery("a", 1, 0)).await.unwrap();
    let clone = one.clone();
    let claimed = clone.claim(Timestamp(0), super::LEASE).await.unwrap().unwrap();
    let decision = Decision { state: Some(new_state(1, 0, "x")), ..Decision::default() };
    one.commit(&claimed.lease, decision, Timestamp(0)).await.unwrap();
    assert_eq!(clone.state(merge_request(1)).await.unwrap().version, 1);
    assert_eq!(other.state(merge_request(1)).await.unwrap().version, 0);
    assert!(one.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn the_database_is_set_up_to_be_durable() {
    let store = Fresh::new().await;
    let pragmas = store
        .write(Wakes::Nobody, |connection| {
            Box::pin(async move {
                let mut found = Vec::new();
                for pragma in [
                    "PRAGMA synchronous",
                    "PRAGMA foreign_keys",
                    "PRAGMA page_size",
                    "PRAGMA wal_autocheckpoint",
                ] {
                    let row = query(pragma).fetch_one(&mut *connection).await?;
                    found.push(row.try_get::<i64, _>(0)?);
                }
                Ok(found)
            })
        })
        .await
        .unwrap();
    assert_eq!(pragmas, [2, 1, 8192, 2000], "2 is FULL");
    assert_eq!(store.text("PRAGMA journal_mode").await.as_deref(), Some("wal"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_deliveries_at_once_share_few_commits() {
    let store = Fresh::new().await;
    let before = store.commits();
    let tasks = (0..400).map(|number| {
        let store = store.store.clone();
        tokio::spawn(async move { store.record(delivery(&number.to_string(), number, 0)).await.unwrap() })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), Recorded::Accepted);
    }
    let commits = store.commits() - before;
    assert!(commits <= 100, "400 deliveries took {commits} commits");
    assert_eq!(store.queue().await.unwrap().0, 400);
}

#[tokio::test]
async fn a_write_that_fails_does_not_spoil_those_that_share_its_commit() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    let claimed = store.next(0).await;
    store.commit(&claimed.lease, Decision::default(), Timestamp(0)).await.unwrap();
    let before = store.commits();
    let late = Decision {
        jobs: vec![NewJob { lane: lane(7), event: "must not be kept".to_owned() }],
        ..Decision::default()
    };
    // Polled together, so all three wait in the queue before the writer runs: one transaction.
    let (first, failed, second) = tokio::join!(
        store.record(delivery("b", 2, 1)),
        store.commit(&claimed.lease, late, Timestamp(1)),
        store.record(delivery("c", 3, 2)),
    );
    assert_eq!(store.commits() - before, 1, "they shared a commit");
    assert!(matches!(failed, Err(StoreError::LeaseLost)), "{failed:?}");
    assert_eq!((first.unwrap(), second.unwrap()), (Recorded::Accepted, Recorded::Accepted));
    assert_eq!((what(&store.next(2).await), what(&store.next(2).await)), ("b", "c"));
    store.nothing_at(2).await;
}

#[tokio::test]
async fn when_the_commit_fails_nobody_is_told_that_his_write_was_kept() {
    let store = Fresh::new().await;
    let before = store.commits();
    // A reference into nothing that is only looked at by the commit itself.
    let broken = store.write(Wakes::Sleepers, |connection| {
        Box::pin(async move {
            query("PRAGMA defer_foreign_keys = ON").execute(&mut *connection).await?;
            query("INSERT INTO timer (lane, due) VALUES (999, 1)").execute(connection).await?;
            Ok(())
        })
    });
    let (first, broken, second) =
        tokio::join!(store.record(delivery("a", 1, 0)), broken, store.record(delivery("b", 2, 0)));
    assert!(matches!(first, Err(StoreError::Unavailable(_))), "{first:?}");
    assert!(matches!(broken, Err(StoreError::Unavailable(_))), "{broken:?}");
    assert!(matches!(second, Err(StoreError::Unavailable(_))), "{second:?}");
    assert_eq!(store.commits(), before);
    assert_eq!(store.count("SELECT COUNT(*) FROM delivery").await, 0);
    // And then it goes on.
    store.ready().await.unwrap();
    assert_eq!(store.deliver("a", 1, 0).await, Recorded::Accepted);
}

#[tokio::test]
async fn a_full_disk_is_told_to_everybody_and_leaves_no_half_state() {
    let store = Fresh::new().await;
    store
        .write(Wakes::Nobody, |connection| {
            Box::pin(async move {
                query("PRAGMA max_page_count = 60").execute(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    let mut large = delivery("large", 1, 0);
    // Digits that hardly compress, so that they do not fit.
    let digits = (0..15_000_u32).map(|n| Digest::of(n.to_le_bytes()).hex());
    large.body = digits.collect::<String>().into();
    let (small, large) = tokio::join!(store.record(delivery("small", 2, 0)), store.record(large));
    assert!(matches!(large, Err(StoreError::Unavailable(_))), "{large:?}");
    let kept = store.count("SELECT COUNT(*) FROM delivery").await;
    assert_eq!(kept, i64::from(small.is_ok()), "what was answered is what is there");
    assert_eq!(store.count("SELECT COUNT(*) FROM job").await, kept, "no job without its delivery");
    assert_eq!(store.deliver("after", 3, 0).await, Recorded::Accepted);
}

#[tokio::test]
async fn a_database_that_refuses_a_single_write_is_not_ready_until_another_was_tried() {
    let store = Fresh::new().await;
    store
        .write(Wakes::Nobody, |connection| {
            Box::pin(async move {
                query("PRAGMA query_only = ON").execute(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    assert!(store.writer.is_healthy());
    let refused = store.record(delivery("a", 1, 0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(!store.writer.is_healthy());
    // Whatever was wrong with the connection went with it.
    store.ready().await.unwrap();
    assert!(store.writer.is_healthy());
    assert_eq!(store.deliver("a", 1, 0).await, Recorded::Accepted);
}

#[tokio::test]
async fn a_full_disk_is_not_ready_until_a_delivery_fits_again_whatever_smaller_fits() {
    let store = Fresh::new().await;
    store.deliver("waits", 1, 0).await;
    store.ready().await.unwrap();
    // The limit belongs to the connection, and each failure opens another one.
    store.by_hand().await.control("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let pages = |bytes: u64| bytes.div_ceil(8192);
    let full = pages(std::fs::metadata(store.folder().join("m.db")).unwrap().len());
    let limited = |pages: u64| {
        let limit = format!("PRAGMA max_page_count = {pages}");
        store.write(Wakes::Nobody, move |connection| {
            Box::pin(async move {
                connection.control(&limit).await?;
                Ok(())
            })
        })
    };
    let mut large = delivery("large", 2, 0);
    large.body = (0..15_000_u32).map(|n| Digest::of(n.to_le_bytes()).hex()).collect::<String>().into();
    limited(full).await.unwrap();
    let refused = store.record(large.clone()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");

    // The same disk with room for one page, and for a claim, which changes what is there.
    limited(full + 1).await.unwrap();
    assert_eq!(what(&store.next(1).await), "waits");
    store.nothing_at(1).await;
    let unready = store.ready().await;
    assert!(matches!(unready, Err(StoreError::Unavailable(_))), "{unready:?}");
    limited(full + 1).await.unwrap();
    assert!(store.ready().await.is_err(), "and stays so");

    // Somebody made room: the connection after the last failure knows no limit.
    store.ready().await.unwrap();
    assert_eq!(store.record(large).await.unwrap(), Recorded::Accepted);
    assert_eq!(store.count("SELECT COUNT(*) FROM delivery").await, 2, "nothing of the trial is left");
}

#[tokio::test]
async fn while_another_process_holds_the_database_nothing_is_accepted_and_then_it_goes_on() {
    let store = Fresh::new().await;
    store
        .write(Wakes::Nobody, |connection| {
            Box::pin(async move {
                query("PRAGMA busy_timeout = 1").execute(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    let mut other = store.by_hand().await;
    query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = store.record(delivery("a", 1, 0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(store.deliver("a", 1, 0).await, Recorded::Accepted);
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_caller_that_went_away_before_its_turn_takes_no_work_with_it() {
    let store = Fresh::new().await;
    store.deliver("a", 1, 0).await;
    {
        let claim = store.claim(Timestamp(0), super::LEASE);
        let mut claim = std::pin::pin!(claim);
        // Polled once: the claim is queued, then its caller goes.
        assert!(futures_util::FutureExt::now_or_never(claim.as_mut()).is_none());
    }
    assert_eq!(what(&store.next(0).await), "a", "nobody holds a lease that nobody has");
}

on_postgres! {
    a_store_dropped_in_the_middle_opens_again_with_all_it_answered,
    many_deliveries_at_once_share_few_commits,
    a_write_that_fails_does_not_spoil_those_that_share_its_commit,
    a_caller_that_went_away_before_its_turn_takes_no_work_with_it,
}
