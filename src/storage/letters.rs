//! What an operator asks about deliveries, and the replay of what was given up.

use super::sql::letter::{self, Left};
use super::sql::{self, Connection};
use super::writer::Wakes;
use super::{Store, StoreError};
use crate::domain::{Audit, ForgeKind, Timestamp};

/// What somebody calls one thing that came in or was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterName {
    /// A delivery by the forge's id; of which forge, where two use the same.
    Delivery(Option<ForgeKind>, String),
    /// A job of our own: `job-7`.
    Job(i64),
    /// A forge call: `call-7`.
    Call(i64),
}

impl LetterName {
    /// Reads `job-7`, `call-7` or a forge's id.
    #[must_use]
    pub fn read(forge: Option<ForgeKind>, name: &str) -> Self {
        let number = |prefix| name.strip_prefix(prefix).and_then(|number: &str| number.parse().ok());
        match (number("job-"), number("call-")) {
            (Some(row), _) => Self::Job(row),
            (_, Some(row)) => Self::Call(row),
            _ => Self::Delivery(forge, name.to_owned()),
        }
    }
}

/// Which deliveries are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this forge.
    pub forge: Option<ForgeKind>,
    /// With this outcome: `waiting`, `done`, `ignored` or `dead`.
    pub outcome: Option<&'static str>,
    /// Of this event, as the forge's header names it.
    pub event: Option<String>,
    /// Where something was given up: the delivery, or what it led to.
    pub dead: bool,
    /// The most to answer.
    pub limit: u32,
}

/// One line of a list of deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLine {
    /// The forge's id; `job-7` or `call-7` of a dead letter that no stored delivery led to.
    pub id: String,
    /// Where it came from.
    pub forge: ForgeKind,
    /// The event header's value; of a dead letter without a delivery, what it was.
    pub event: String,
    /// When it arrived.
    pub received_at: Timestamp,
    /// `waiting`, `done`, `ignored` or `dead`.
    pub outcome: String,
    /// Why it was ignored or given up.
    pub reason: Option<String>,
    /// Jobs and calls that it led to and that were given up, itself among them.
    pub dead: u64,
}

/// Everything that is kept about one delivery or dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The delivery; none of a dead letter that no stored delivery led to.
    pub delivery: Option<DeliveryLine>,
    /// Its stored headers, as name and value; no credential among them.
    pub headers: Vec<(String, String)>,
    /// The JSON body, secrets in it redacted; none of an ignored one.
    pub body: Option<Vec<u8>>,
    /// Jobs that are not done, oldest first.
    pub jobs: Vec<DeliveryStep>,
    /// Forge calls, oldest first.
    pub calls: Vec<DeliveryStep>,
}

/// A job or a forge call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStep {
    /// Its number.
    pub row: i64,
    /// The merge request, model, repository or forge that it is about.
    pub of: String,
    /// What it is: `delivery` or the name of an event of our own; a call's slot.
    pub what: String,
    /// `waiting`, `dead`; of a call also `blocked`, `running`, `done`, `refused`, `conflict`,
    /// `superseded`, `observed`.
    pub status: String,
    /// How often it was tried.
    pub tries: u64,
    /// What the last try met.
    pub error: Option<String>,
    /// When it was decided.
    pub since: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What came of asking for a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// So many jobs and calls are back at work; so many calls were left, because a newer one took their
    /// place.
    Back {
        /// Jobs.
        jobs: u64,
        /// Forge calls.
        calls: u64,
        /// Calls that a newer one has overtaken.
        overtaken: u64,
    },
    /// There is no such thing.
    Unknown,
    /// Both forges use this id.
    Ambiguous,
    /// There is nothing to do again; why.
    Refused(String),
}

impl Store {
    /// Deliveries, the newest first. Of dead letters also those that no stored delivery led to.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_deliveries(&self, wanted: DeliveryFilter) -> Result<Vec<DeliveryLine>, StoreError> {
        self.read(move |connection| Box::pin(async move { letter::list(connection, &wanted).await })).await
    }

    /// All that is kept about each one that `name` may mean: none, one, or one a forge.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delivery_records(&self, name: LetterName) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(move |connection| Box::pin(async move { delivery_records(connection, &name).await })).await
    }

    /// Puts what was given up of a delivery back to work, and says so in the audit log, on behalf of the
    /// system account `account`. It takes no lease, so that it is safe beside the process that works.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn replay(
        &self,
        name: LetterName,
        account: &str,
        now: Timestamp,
    ) -> Result<Replayed, StoreError> {
        let account = account.to_owned();
        self.write(Wakes::Sleepers, move |connection| {
            Box::pin(async move { replay(connection, &name, &account, now).await })
        })
        .await
    }
}

async fn delivery_records(
    connection: &mut Connection,
    name: &LetterName,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let alone = |jobs, calls| DeliveryRecord { delivery: None, headers: Vec::new(), body: None, jobs, calls };
    let found = match name {
        LetterName::Delivery(forge, id) => {
            let mut found = Vec::new();
            for (row, mut record) in letter::deliveries(connection, *forge, id).await? {
                record.jobs = letter::jobs_of(connection, row).await?;
                record.calls = letter::calls_of(connection, row).await?;
                found.push(record);
            }
            found
        }
        LetterName::Job(row) => {
            letter::job(connection, *row).await?.map(|job| alone(vec![job], vec![])).into_iter().collect()
        }
        LetterName::Call(row) => {
            letter::call(connection, *row).await?.map(|call| alone(vec![], vec![call])).into_iter().collect()
        }
    };
    Ok(found)
}

async fn replay(
    connection: &mut Connection,
    name: &LetterName,
    account: &str,
    now: Timestamp,
) -> Result<Replayed, StoreError> {
    let mut found = delivery_records(connection, name).await?;
    let record = match (found.pop(), found.is_empty()) {
        (None, _) => return Ok(Replayed::Unknown),
        (Some(_), false) => return Ok(Replayed::Ambiguous),
        (Some(record), true) => record,
    };
    let dead = |steps: &[DeliveryStep]| {
        steps.iter().filter(|step| step.status == "dead").cloned().collect::<Vec<_>>()
    };
    let (jobs, calls) = (dead(&record.jobs), dead(&record.calls));
    let mut about = None;
    let (mut woken, mut again, mut overtaken, mut why) = (0, 0, 0, None);
    for job in jobs {
        letter::revive_job(connection, job.row).await?;
        about.get_or_insert(job.of);
        woken += 1;
    }
    for call in calls {
        match letter::revive_call(connection, call.row).await? {
            Ok(()) => again += 1,
            Err(Left::Overtaken) => overtaken += 1,
            Err(left) => {
                why.get_or_insert(left_alone(left, &call.what));
                continue;
            }
        }
        about.get_or_insert(call.of);
    }
    let Some(about) = about else { return Ok(Replayed::Refused(why.unwrap_or_else(|| why_not(&record)))) };
    let what = match &record.delivery {
        Some(delivery) => format!("{} {}", delivery.forge, delivery.id),
        None => record
            .jobs
            .iter()
            .map(|job| format!("job-{}", job.row))
            .chain(record.calls.iter().map(|call| format!("call-{}", call.row)))
            .collect(),
    };
    let entry = Audit {
        kind: "retry".to_owned(),
        actor: None,
        what: format!("An operator put {what} back to work."),
        detail: serde_json::json!({
            "account": account, "jobs": woken, "calls": again, "overtaken": overtaken,
        }),
    };
    sql::audit::append(connection, &about, &[entry], now).await?;
    Ok(Replayed::Back { jobs: woken, calls: again, overtaken })
}

/// Why a dead call is not made again.
fn left_alone(left: Left, slot: &str) -> String {
    match left {
        Left::Overtaken => format!("a newer call took the place of `{slot}`"),
        Left::Told => format!(
            "the call `{slot}` was given up, and whoever decided it was told so and decided anew; \
             say the command again on its merge request"
        ),
        Left::Unreadable => format!("the stored call `{slot}` cannot be read"),
    }
}

/// Why there is nothing of it to be done again.
fn why_not(record: &DeliveryRecord) -> String {
    let state = match &record.delivery {
        Some(delivery) => (delivery.outcome.as_str(), delivery.reason.as_deref()),
        None => match record.jobs.iter().chain(&record.calls).next() {
            Some(step) => (step.status.as_str(), step.error.as_deref()),
            None => ("done", None),
        },
    };
    match state {
        ("waiting" | "blocked" | "running", _) => {
            "it is being worked on and is tried again by itself".to_owned()
        }
        ("ignored", why) => format!("it was ignored: {}", why.unwrap_or("there was nothing to do")),
        _ => "it was done, and nothing that it led to was given up".to_owned(),
    }
}
