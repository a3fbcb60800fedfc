//! `audit verify` and `export`: whether the log is as it was written, and what stands in it.

use serde_json::{Value, json};

use super::Answer;
use super::arguments::{AskAudit, Audit, ExportAudit, VerifyAudit};
use super::database::{as_json, ask};
use super::output::write_line;
use crate::storage::AuditRow;

/// Rows that are held in memory at once.
const PAGE: u32 = 500;

/// `mergewright audit`
pub(super) fn run(arguments: &Audit) -> Answer {
    match &arguments.ask {
        AskAudit::Verify(arguments) => verify(arguments),
        AskAudit::Export(arguments) => export(arguments),
    }
}

fn verify(arguments: &VerifyAudit) -> Answer {
    let database = &arguments.database;
    ask(database, async |store| {
        let verified = store.verify_audit().await?;
        let data = match &verified {
            Ok(end) => json!({"whole": true, "rows": end.rows, "hash": end.hash}),
            Err(broken) => json!({"whole": false, "row": broken.row, "why": broken.why}),
        };
        let out = if database.json { as_json(&data).out } else { String::new() };
        Ok(match verified {
            Ok(_) if database.json => Answer::good(out),
            Ok(end) => Answer::good(format!(
                "The audit log is as it was written: {} row(s), the last with the hash {}.",
                end.rows, end.hash
            )),
            Err(broken) => Answer {
                out,
                ..Answer::no(format!(
                    "mergewright: the audit log is not as it was written: row {}: {}; compare it with a backup or an \
                     earlier `mergewright audit export`",
                    broken.row, broken.why
                ))
            },
        })
    })
}

fn export(arguments: &ExportAudit) -> Answer {
    let ExportAudit { after, database } = arguments;
    let mut after = i64::try_from(*after).unwrap_or(i64::MAX);
    ask(database, async |store| {
        let mut all = Vec::new();
        loop {
            let rows = store.audit_rows(after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            let told = rows.iter().map(row_as_json);
            if database.json {
                all.extend(told);
            } else {
                for row in told {
                    if let Err(error) = write_line(row) {
                        return Ok(Answer::no(format!("mergewright: the log cannot be written: {error}")));
                    }
                }
            }
        }
        Ok(if database.json { as_json(&Value::Array(all)) } else { Answer::default() })
    })
}

fn row_as_json(row: &AuditRow) -> Value {
    json!({
        "id": row.id, "at": row.at.to_string(), "of": row.lane, "kind": row.kind, "actor": row.actor,
        "what": row.what, "detail": row.detail, "previous": row.previous, "hash": row.hash,
    })
}
