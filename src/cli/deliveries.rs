//! `deliveries list`, `show` and `retry`: what forges sent, what came of it, and dead letters put back to
//! work beside the running bot.

use serde_json::{Value, json};

use super::Answer;
use super::arguments::{
    AskDeliveries, Deliveries, ListDeliveries, NamedDelivery, RetryDelivery, ShowDelivery,
};
use super::database::{as_json, ask, change};
use super::table::text;
use crate::domain::{Clock as _, Sheet, SystemClock};
use crate::storage::{DeliveryFilter, DeliveryLine, DeliveryRecord, DeliveryStep, LetterName, Replayed};

/// `mergewright deliveries`
pub(super) fn run(arguments: &Deliveries) -> Answer {
    match &arguments.ask {
        AskDeliveries::List(arguments) => list(arguments),
        AskDeliveries::Show(arguments) => show(arguments),
        AskDeliveries::Retry(arguments) => retry(arguments),
    }
}

fn list(arguments: &ListDeliveries) -> Answer {
    let ListDeliveries { forge, outcome, event, dead, limit, database } = arguments;
    ask(database, async |store| {
        let filter = DeliveryFilter {
            forge: forge.map(Into::into),
            outcome: outcome.map(super::arguments::DeliveryOutcome::word),
            event: event.clone(),
            dead: *dead,
            limit: *limit,
        };
        let lines = store.list_deliveries(filter).await?;
        if database.json {
            return Ok(as_json(&Value::Array(lines.iter().map(line_as_json).collect())));
        }
        Ok(Answer::good(text(&sheet(&lines, *limit))))
    })
}

fn sheet(lines: &[DeliveryLine], limit: u32) -> Sheet {
    let title = match lines.len() {
        0 => "No delivery fits.".to_owned(),
        1 => "1 delivery.".to_owned(),
        count if count == usize::try_from(limit).unwrap_or(usize::MAX) => {
            format!("The newest {count} deliveries.")
        }
        count => format!("{count} deliveries."),
    };
    let row = |line: &DeliveryLine| {
        let dead = if line.dead > 0 { line.dead.to_string() } else { String::new() };
        vec![
            line.id.clone(),
            line.forge.to_string(),
            line.event.clone(),
            line.received_at.to_string(),
            line.outcome.clone(),
            dead,
            line.reason.clone().unwrap_or_default(),
        ]
    };
    let columns = ["id", "forge", "event", "received", "outcome", "dead", "why"];
    let columns = columns.map(str::to_owned).to_vec();
    Sheet { title, columns, rows: lines.iter().map(row).collect(), ..Sheet::default() }
}

fn line_as_json(line: &DeliveryLine) -> Value {
    json!({
        "id": line.id, "forge": line.forge, "event": line.event, "received_at": line.received_at.to_string(),
        "outcome": line.outcome, "reason": line.reason, "dead": line.dead,
    })
}

fn name(named: &NamedDelivery) -> LetterName {
    LetterName::read(named.forge.map(Into::into), &named.id)
}

fn unknown(named: &NamedDelivery) -> Answer {
    Answer::no(format!(
        "mergewright: no delivery `{}` is stored; `mergewright deliveries list` shows which are",
        named.id
    ))
}

fn ambiguous(named: &NamedDelivery) -> Answer {
    Answer::no(format!("mergewright: both forges sent a delivery `{}`; name one by --forge", named.id))
}

fn show(arguments: &ShowDelivery) -> Answer {
    let ShowDelivery { named, payload, database } = arguments;
    ask(database, async |store| {
        let found = store.delivery_records(name(named)).await?;
        let record = match found.as_slice() {
            [] => return Ok(unknown(named)),
            [record] => record,
            _ => return Ok(ambiguous(named)),
        };
        // Only what was verified is kept, and it was JSON then.
        let body = record.body.as_deref().filter(|_| *payload);
        let body = body.map(|body| serde_json::from_slice::<Value>(body).unwrap_or_default());
        if database.json {
            return Ok(as_json(&record_as_json(record, body)));
        }
        let mut shown = described(record);
        if let Some(body) = body {
            shown.push('\n');
            shown.push_str(&serde_json::to_string_pretty(&body).unwrap_or_default());
        }
        Ok(Answer::good(shown))
    })
}

fn record_as_json(record: &DeliveryRecord, body: Option<Value>) -> Value {
    let steps = |kind: &str, steps: &[DeliveryStep]| -> Vec<_> {
        steps.iter().map(|step| step_as_json(kind, step)).collect()
    };
    let rest = json!({
        "headers": record.headers, "jobs": steps("job", &record.jobs), "calls": steps("call", &record.calls),
    });
    let line = record.delivery.as_ref().map(line_as_json);
    let body = body.map(|body| json!({"payload": body}));
    let parts = [line, Some(rest), body].into_iter().flatten();
    Value::Object(parts.filter_map(|part| part.as_object().cloned()).flatten().collect())
}

fn step_as_json(kind: &str, step: &DeliveryStep) -> Value {
    json!({
        "id": format!("{kind}-{}", step.row), "of": step.of, "what": step.what, "status": step.status,
        "tries": step.tries, "error": step.error, "since": step.since.to_string(),
        "ended_at": step.ended_at.map(|at| at.to_string()),
    })
}

fn described(record: &DeliveryRecord) -> String {
    let mut shown = String::new();
    if let Some(line) = &record.delivery {
        let mut notes = vec![format!("received {}", line.received_at)];
        notes.push(match &line.reason {
            Some(reason) => format!("outcome {}: {reason}", line.outcome),
            None => format!("outcome {}", line.outcome),
        });
        notes.extend(record.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let title = format!("{} {} of {}", line.event, line.id, line.forge);
        shown.push_str(&text(&Sheet { title, notes, ..Sheet::default() }));
    }
    for (kind, title, steps) in
        [("job", "Jobs that are not done", &record.jobs), ("call", "Forge calls", &record.calls)]
    {
        if steps.is_empty() {
            continue;
        }
        let columns = ["id", "of", "what", "status", "tries", "since", "last error"].map(str::to_owned);
        let row = |step: &DeliveryStep| {
            vec![
                format!("{kind}-{}", step.row),
                step.of.clone(),
                step.what.clone(),
                step.status.clone(),
                step.tries.to_string(),
                step.since.to_string(),
                step.error.clone().unwrap_or_default(),
            ]
        };
        let rows = steps.iter().map(row).collect();
        if !shown.is_empty() {
            shown.push('\n');
        }
        let sheet = Sheet { title: title.to_owned(), columns: columns.to_vec(), rows, ..Sheet::default() };
        shown.push_str(&text(&sheet));
    }
    shown
}

fn retry(arguments: &RetryDelivery) -> Answer {
    let RetryDelivery { named, database } = arguments;
    // Who has the file may write anything into it: this tells honest operators apart, and no more.
    let account = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let account = account.unwrap_or_else(|| "unknown".to_owned());
    change(database, async |store| {
        let (jobs, calls, overtaken) = match store.replay(name(named), &account, SystemClock.now()).await? {
            Replayed::Back { jobs, calls, overtaken } => (jobs, calls, overtaken),
            Replayed::Unknown => return Ok(unknown(named)),
            Replayed::Ambiguous => return Ok(ambiguous(named)),
            Replayed::Refused(why) => {
                return Ok(Answer::no(format!("mergewright: `{}` is not tried again: {why}", named.id)));
            }
        };
        if database.json {
            let done = json!({"id": named.id, "jobs": jobs, "calls": calls, "overtaken": overtaken});
            return Ok(as_json(&done));
        }
        let mut done =
            format!("{}: back at work are {} and {}", named.id, some(jobs, "job"), some(calls, "forge call"));
        if overtaken > 0 {
            done.push_str(&format!("; {} had been overtaken by newer ones", some(overtaken, "forge call")));
        }
        Ok(Answer::good(done))
    })
}

fn some(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
