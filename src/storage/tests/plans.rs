//! What is asked for every delivery costs the same however much is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::AssertSqlSafe;

use super::{Fresh, what};
use crate::domain::Timestamp;
use crate::storage::driver::{Driver, query};
use crate::storage::{Decision, sql};

impl Fresh {
    /// The steps by which the database would answer.
    async fn plan(&self, sql: &str) -> String {
        let rows = query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
            .fetch_all(&mut self.by_hand().await)
            .await
            .unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.try_get("detail").unwrap()).collect();
        steps.join("\n")
    }
}

#[tokio::test]
async fn every_frequent_question_is_answered_by_an_index_without_sorting() {
    let store = Fresh::new().await;
    let questions: &[(&str, &[&str])] = &[
        (sql::lane::NEXT, &["lane_ready", "job_waiting", "PRIMARY KEY"]),
        (sql::outbox_lane::NEXT, &["outbox_lane_ready"]),
        (sql::effect::NEXT, &["outbox_waiting"]),
        ("SELECT MIN(ready_at) FROM lane WHERE ready_at IS NOT NULL", &["lane_ready"]),
        ("SELECT MIN(ready_at) FROM outbox_lane WHERE ready_at IS NOT NULL", &["outbox_lane_ready"]),
        ("SELECT MIN(due) FROM outbox WHERE lane = $1 AND status = 'waiting'", &["outbox_due"]),
        ("SELECT MIN(due) FROM timer", &["timer_due"]),
        ("SELECT 1 FROM job WHERE cause = 1", &["job_cause"]),
        ("SELECT 1 FROM outbox WHERE cause = 1", &["outbox_cause"]),
        (sql::environment::LIVE_AT, &["rollout_live"]),
        (sql::environment::OPEN_IN, &["rollout_open"]),
        (
            "SELECT 1 FROM job WHERE lane = 1 AND event_key = 2 AND event = 'x' AND status = 'waiting'",
            &["job_same"],
        ),
        (
            "SELECT 1 FROM outbox WHERE merge_request = '' AND slot = '' AND status IN ('waiting', 'blocked', 'running')",
            &["outbox_open"],
        ),
        ("SELECT 1 FROM outbox WHERE merge_request = '' AND slot = '' AND status = 'done'", &["outbox_done"]),
        (
            "SELECT ended_at FROM outbox WHERE merge_request = '' AND slot = 'report' AND status = 'done' ORDER BY id DESC",
            &["outbox_done"],
        ),
        (
            "SELECT id FROM merge_request WHERE repo = '' AND head = '' AND open ORDER BY id",
            &["merge_request_head"],
        ),
        (
            "SELECT id FROM merge_request WHERE repo = '' AND target = '' AND open ORDER BY id",
            &["merge_request_target"],
        ),
    ];
    for (sql, indexes) in questions {
        let plan = store.plan(sql).await;
        for index in *indexes {
            assert!(plan.contains(index), "{index} is not used by\n{sql}\n{plan}");
        }
        // A scan of the one row of the inner SELECT is none of a table.
        let scans = plan.lines().filter(|step| step.starts_with("SCAN") && !step.contains("INDEX"));
        let scans: Vec<_> = scans.filter(|step| *step != "SCAN lane").collect();
        assert!(scans.is_empty(), "{sql}\n{plan}");
    }
    for sql in [sql::lane::NEXT, sql::outbox_lane::NEXT, sql::effect::NEXT, sql::environment::LIVE_AT] {
        let plan = store.plan(sql).await;
        assert!(!plan.contains("TEMP B-TREE"), "the first one found must be the one wanted:\n{plan}");
    }
}

#[tokio::test]
async fn a_claim_takes_as_many_steps_under_a_hot_lane_and_a_long_history_as_without() {
    let store = Fresh::new().await;
    store.deliver("first", 1, 1).await;
    let alone = steps_of_a_claim(&store).await;
    store
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO delivery (forge, external_id, event, received_at, outcome, headers, body)
             SELECT 'gitlab', 'old ' || i, 'x', i, 'done', '[]', x'00' FROM n",
        )
        .await
        .unwrap();
    store
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             INSERT INTO job (lane, event, event_key, created_at, attempts, status)
             SELECT 1, 'hot ' || i, i, 1, 0, 'waiting' FROM n",
        )
        .await
        .unwrap();
    store.deliver("last", 2, 2).await;
    let crowded = steps_of_a_claim(&store).await;
    assert!(alone > 10, "the steps are counted: {alone}");
    assert!(crowded <= alone + 20, "{alone} steps alone, {crowded} in the crowd");
    assert_eq!(what(&store.next(9).await), "first");
    let claimed = store.next(9).await;
    assert_eq!(what(&claimed), "last");
    store.commit(&claimed.lease, Decision::default(), Timestamp(9)).await.unwrap();
}

/// How many steps the database's own machine takes for the question of a claim.
async fn steps_of_a_claim(store: &Fresh) -> u32 {
    let steps = Arc::new(AtomicU32::new(0));
    let mut connection = store.by_hand().await;
    let Driver::Sqlite(connection) = connection.driver() else { panic!("steps are counted by SQLite") };
    let counter = Arc::clone(&steps);
    connection.lock_handle().await.unwrap().set_progress_handler(1, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    });
    let row = sqlx::query(sql::lane::NEXT).bind(9_i64).fetch_optional(connection).await.unwrap();
    assert!(row.is_some(), "there is something to claim");
    steps.load(Ordering::Relaxed)
}
