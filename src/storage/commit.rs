//! What one event changes, in one transaction.

use super::inbox::enqueue;
use super::records::{Decision, DeliveryOutcome, Lease, NewJob};
use super::sql::{self, Connection, lane_from};
use super::{Store, StoreError};
use crate::domain::{InternalEvent, Lane, Owner, Timestamp};

impl Store {
    /// One transaction: job done, new state, effects, audit, follow-up jobs. All or nothing.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else took over; [`StoreError::Stale`] when the state
    /// (or the environments') is not what was read or the meaning was decided already: claim again or read again;
    /// [`StoreError::Contradiction`] when a version's number or tag is taken;
    /// [`StoreError::Damaged`] when effects or runs have nothing in a repository to belong to;
    /// [`StoreError::Unavailable`].
    pub async fn commit(&self, lease: &Lease, decision: Decision, now: Timestamp) -> Result<(), StoreError> {
        let held = lease.clone();
        self.end(lease, move |connection| {
            Box::pin(async move { commit(connection, &held, &decision, now).await })
        })
        .await
    }
}

async fn commit(
    connection: &mut Connection,
    lease: &Lease,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = sql::lane::held(connection, lease).await?;
    let lane = lane_from(&name)?;
    let sql::job::Done { delivery, cause } = sql::job::done(connection, lease.row).await?;
    if let Some(delivery) = delivery {
        let (outcome, reason) = match &decision.outcome {
            DeliveryOutcome::Done => ("done", None),
            DeliveryOutcome::Ignored(why) => ("ignored", Some(why.as_str())),
        };
        sql::delivery::end(connection, delivery, outcome, reason).await?;
    }
    if let Some(meaning) = &decision.meaning
        && !sql::registry::add_meaning(connection, meaning, now).await?
    {
        return Err(StoreError::Stale);
    }
    if let Some(state) = &decision.state {
        sql::merge_request::save(connection, state, now).await?;
    }
    for environments in &decision.environments {
        sql::environment::save(connection, environments, now).await?;
    }
    let subject = decision.state.as_ref().map_or(lane, |state| Lane::MergeRequest(state.id));
    keep_what_was_learnt(connection, decision, &subject).await?;
    add_effects(connection, decision, &subject, cause, now).await?;
    sql::audit::append(connection, &subject.to_string(), &decision.audit, now).await?;
    enqueue(connection, &decision.jobs, cause, now).await?;
    // Found in this transaction and not before it: of two that first say something of one commit, the later
    // finds the earlier.
    let looks = looks_of_others(connection, decision).await?;
    enqueue(connection, &looks, cause, now).await?;
    if let Some(due) = decision.wake_at {
        let row = sql::lane::row_of(connection, &subject).await?;
        sql::timer::set(connection, row, due).await?;
    }
    sql::lane::release(connection, lease.lane, now).await
}

/// Reports, versions, and whose runs are whose.
async fn keep_what_was_learnt(
    connection: &mut Connection,
    decision: &Decision,
    subject: &Lane,
) -> Result<(), StoreError> {
    for (repo, job, report) in &decision.reports {
        sql::registry::add_report(connection, *repo, *job, report).await?;
    }
    for version in &decision.versions {
        sql::registry::add_version(connection, version).await?;
    }
    for run in &decision.runs {
        sql::registry::set_run(connection, &owner_of(subject)?, *run).await?;
    }
    Ok(())
}

/// A look for every other merge request of whose head something else is said now.
async fn looks_of_others(
    connection: &mut Connection,
    decision: &Decision,
) -> Result<Vec<NewJob>, StoreError> {
    let Some(state) = &decision.state else { return Ok(Vec::new()) };
    let mut looks = Vec::new();
    for head in &decision.retold {
        let sharing = sql::merge_request::with_head(connection, state.id.repo, head).await?;
        let others = sharing.into_iter().filter(|id| *id != state.id);
        let event = InternalEvent::Refresh.to_json();
        looks.extend(others.map(|id| NewJob { lane: Lane::MergeRequest(id), event: event.clone() }));
    }
    Ok(looks)
}

async fn add_effects(
    connection: &mut Connection,
    decision: &Decision,
    subject: &Lane,
    cause: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if decision.effects.is_empty() {
        return Ok(());
    }
    let owner = owner_of(subject)?;
    let lane = sql::outbox_lane::wake(connection, owner.repo(), now).await?;
    for effect in &decision.effects {
        sql::effect::add(connection, (lane, cause), &owner, effect, now).await?;
    }
    Ok(())
}

fn owner_of(subject: &Lane) -> Result<Owner, StoreError> {
    match subject {
        Lane::MergeRequest(id) => Ok(Owner::MergeRequest(*id)),
        Lane::Model(id) => Ok(Owner::Model(id.clone())),
        Lane::Repository(id) => Ok(Owner::Repository(*id)),
        other @ Lane::Forge(_) => Err(StoreError::Damaged(format!(
            "effects and runs belong to a repository or something in it, but the lane is {other}"
        ))),
    }
}
