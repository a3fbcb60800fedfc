//! The audit log of a whole lifecycle, proved and printed by an operator beside the running bot.

use mergewright::domain::ForgeKind;
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use super::Play;
use super::forges::on_both_forges;
use super::operator::asks;
use super::outcome::GOOD;
use super::play::OWNER;

on_both_forges! {
    whoever_changes_what_was_written_is_named_by_the_row,
    what_happened_is_printed_in_order_and_goes_on_where_it_ended,
}

/// A model that was approved and published.
async fn published(forge: ForgeKind) -> (Play, u64) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    (play, number)
}

/// Changes the database past the bot and past the guards of the log.
async fn tampers(play: &Play, sql: &'static str) {
    let file = play.folder.path().join("bot.db");
    let mut database = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    for guard in
        ["DROP TRIGGER IF EXISTS audit_is_not_changed", "DROP TRIGGER IF EXISTS audit_is_not_deleted"]
    {
        sqlx::query(guard).execute(&mut database).await.unwrap();
    }
    assert_eq!(sqlx::query(sql).execute(&mut database).await.unwrap().rows_affected(), 1, "{sql}");
    database.close().await.unwrap();
}

async fn whoever_changes_what_was_written_is_named_by_the_row(forge: ForgeKind) {
    let (play, _) = published(forge).await;
    let (status, out, err) = asks(&play, &["audit", "verify"]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert!(out.contains("as it was written"), "{out}");
    let (status, out, _) = asks(&play, &["audit", "verify", "--json"]);
    let whole: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &whole["whole"]), (Some(0), &Value::Bool(true)));
    let rows = whole["rows"].as_i64().unwrap();
    assert!(rows > 5, "{whole}");

    tampers(
        &play,
        "UPDATE audit SET actor = 'mallory' WHERE id = (SELECT MIN(id) FROM audit WHERE kind = 'approval')",
    )
    .await;
    let (status, out, err) = asks(&play, &["audit", "verify"]);
    assert_eq!((status, out.as_str()), (Some(1), ""));
    assert!(err.contains("the row's content is not what was written"), "{err}");
    let (status, out, _) = asks(&play, &["audit", "verify", "--json"]);
    let broken: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &broken["whole"]), (Some(1), &Value::Bool(false)));
    let named = format!("row {}:", broken["row"]);
    assert!(err.contains(&named), "{err} / {broken}");

    // It was the owner.
    tampers(&play, "UPDATE audit SET actor = 'alice' WHERE actor = 'mallory'").await;
    assert_eq!(asks(&play, &["audit", "verify"]).0, Some(0));

    tampers(&play, "UPDATE audit SET id = -2 WHERE id = 2").await;
    let (status, _, err) = asks(&play, &["audit", "verify"]);
    assert_eq!(status, Some(1));
    // What stands before the first row is met first.
    assert!(err.contains("row 1: the row is missing"), "{err}");
    tampers(&play, "UPDATE audit SET id = 2 WHERE id = -2").await;
    play.ends().await;
}

async fn what_happened_is_printed_in_order_and_goes_on_where_it_ended(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    let (status, out, err) = asks(&play, &["audit", "export"]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (place, pair) in rows.windows(2).enumerate() {
        assert_eq!(pair[0]["id"], place + 1);
        assert_eq!(pair[0]["hash"], pair[1]["previous"], "row {}", place + 2);
    }
    let approved = rows.iter().find(|row| row["kind"] == "approval").expect("the approval is written down");
    assert_eq!(approved["actor"], OWNER, "{approved}");
    assert!(approved["of"].as_str().unwrap().ends_with(&number.to_string()), "{approved}");
    assert!(approved["at"].as_str().unwrap().ends_with('Z'), "{approved}");

    // Nobody has said where it could be promoted to.
    let said = play.says(OWNER, number, "/model promote v1 production").await;
    assert!(play.reply(number, said).contains("environment-unknown"));
    let last = rows.len().to_string();
    let (status, out, _) = asks(&play, &["audit", "export", "--after", &last, "--json"]);
    assert_eq!(status, Some(0));
    let more: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(more[0]["id"], rows.len() + 1);
    assert_eq!(more[0]["previous"], rows[rows.len() - 1]["hash"]);
    assert!(more.iter().any(|row| row["actor"] == OWNER), "{more:?}");
    play.ends().await;
}
