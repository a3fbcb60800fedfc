//! The audit log only grows, and whoever changes it is found.

use super::commits::audit;
use super::{Fresh, on_postgres};
use crate::storage::{AuditEnd, BrokenAudit, Decision};

/// Five rows from two commits.
async fn filled() -> Fresh {
    let store = Fresh::new().await;
    for (at, entries) in [(1, vec!["a", "b"]), (2, vec!["c", "d", "e"])] {
        let audit = entries.into_iter().map(audit).collect();
        store.decide(Decision { audit, ..Decision::default() }, at).await.unwrap();
    }
    assert_eq!(whole(&store).await.rows, 5);
    store
}

async fn whole(store: &Fresh) -> AuditEnd {
    store.verify_audit().await.unwrap().unwrap()
}

#[tokio::test]
async fn an_empty_log_and_a_log_as_written_are_whole() {
    assert_eq!(whole(&Fresh::new().await).await, AuditEnd { rows: 0, hash: "0".repeat(64) });
    let store = filled().await;
    let rows = "SELECT GROUP_CONCAT(id || what || lane || actor || detail, ' ') FROM audit WHERE id > 3";
    let wanted = r#"4dgitlab:12!1alice{"n":1} 5egitlab:12!1alice{"n":1}"#;
    assert_eq!(store.text(rows).await.as_deref(), Some(wanted));
    let rows = store.audit_rows(0, 3).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.id, row.what.as_str())).collect::<Vec<_>>(),
        [(1, "a"), (2, "b"), (3, "c")]
    );
    let rest = store.audit_rows(3, 3).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.id).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(rest[0].previous, rows[2].hash);
    assert_eq!(rest[1].hash, whole(&store).await.hash);
    assert_eq!(store.audit_rows(5, 3).await.unwrap(), []);
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_the_log() {
    let store = filled().await;
    for sql in ["UPDATE audit SET what = 'nothing'", "DELETE FROM audit WHERE id = 5"] {
        let error = store.execute(sql).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{error}");
    }
    assert_eq!(whole(&store).await.rows, 5);
}

#[tokio::test]
async fn any_change_past_the_guards_is_named_by_its_row() {
    let changes: &[(&'static str, i64)] = &[
        ("UPDATE audit SET what = 'x' WHERE id = 3", 3),
        ("UPDATE audit SET actor = NULL WHERE id = 1", 1),
        ("UPDATE audit SET actor = '' WHERE id = 2", 2),
        ("UPDATE audit SET at = at + 1 WHERE id = 4", 4),
        ("UPDATE audit SET kind = 'phas', actor = 'ealice' WHERE id = 4", 4),
        ("UPDATE audit SET lane = 'gitlab:12!2' WHERE id = 5", 5),
        ("UPDATE audit SET detail = '{}' WHERE id = 5", 5),
        ("UPDATE audit SET hash = previous WHERE id = 2", 2),
        ("UPDATE audit SET previous = hash WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 3", 3),
        ("DELETE FROM audit WHERE id = 5", 5),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET id = 9 WHERE id = 5", 5),
        (
            "INSERT INTO audit SELECT 6, at, lane, kind, actor, what, detail, previous, hash FROM audit WHERE id = 5",
            6,
        ),
    ];
    for &(change, row) in changes {
        let store = filled().await;
        store.execute("DROP TRIGGER audit_is_not_changed").await.unwrap();
        store.execute("DROP TRIGGER audit_is_not_deleted").await.unwrap();
        assert!(store.execute(change).await.unwrap() > 0, "{change}");
        let broken = store.verify_audit().await.unwrap();
        assert!(
            matches!(broken, Err(BrokenAudit { row: found, .. }) if found == row),
            "{change}: {broken:?}"
        );
    }
}

on_postgres! {
    an_empty_log_and_a_log_as_written_are_whole,
    the_database_itself_refuses_to_change_the_log,
    any_change_past_the_guards_is_named_by_its_row,
}
