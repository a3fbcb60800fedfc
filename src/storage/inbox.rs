//! What comes in and who works on it.

use std::time::Duration;

use super::records::{Claimed, Job, Lease, Leased, NewDelivery, NewJob, Recorded};
use super::sql::{self, Connection, Row, decode, lane_from};
use super::writer::Wakes;
use super::{Store, StoreError, body};
use crate::domain::{InternalEvent, Lane, Timestamp};

impl Store {
    /// Keeps a delivery and its job; returns after the commit is on disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: the delivery is not stored, so it must not be acknowledged.
    pub async fn record(&self, delivery: NewDelivery) -> Result<Recorded, StoreError> {
        // Compressed here, by the caller's thread: the one writer has enough to do.
        let kept = match &delivery.lane {
            Some(lane) => Some((lane.clone(), body::pack(&delivery.body)?)),
            None => None,
        };
        self.write(Wakes::Sleepers, move |connection| {
            Box::pin(async move {
                let is_new = match &kept {
                    Some((lane, packed)) => keep(connection, &delivery, lane, packed).await?,
                    None => sql::delivery::insert_ignored(connection, &delivery).await?,
                };
                if is_new {
                    return Ok(Recorded::Accepted);
                }
                let (forge, id) = (delivery.forge, &delivery.id);
                let body = kept.is_some().then_some(&*delivery.body);
                let same_body = sql::delivery::has_body(connection, forge, id, body).await?;
                Ok(Recorded::Duplicate { same_body })
            })
        })
        .await
    }

    /// What [`Store::record`] says of a delivery that was kept before; none of a new one. Nothing is written.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn recorded(&self, delivery: NewDelivery) -> Result<Option<Recorded>, StoreError> {
        self.read(move |connection| {
            Box::pin(async move {
                let NewDelivery { forge, id, lane, body, .. } = delivery;
                if !sql::delivery::is_kept(connection, forge, &id).await? {
                    return Ok(None);
                }
                let body = lane.is_some().then_some(&*body);
                let same_body = sql::delivery::has_body(connection, forge, &id, body).await?;
                Ok(Some(Recorded::Duplicate { same_body }))
            })
        })
        .await
    }

    /// Takes the oldest job of a lane that nobody works on; of several lanes the one that is ready
    /// longest. At most one job of a lane is out at a time. A lease that ran out counts as none: the
    /// job is given to the next who asks, and whoever held it can commit no more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn claim(&self, now: Timestamp, lease: Duration) -> Result<Option<Claimed>, StoreError> {
        loop {
            let claimed = self
                .claiming(now, move |connection| Box::pin(sql::lane::claim(connection, now, lease)))
                .await?;
            let Some((lease, row)) = claimed else { return Ok(None) };
            self.ours.add(&lease);
            match read_claimed(lease.clone(), &row) {
                Ok(claimed) => return Ok(Some(claimed)),
                // Nobody can ever read it: a dead letter, so that the lane goes on.
                Err(error) => self.bury_job(&lease, &error.to_string(), now).await?,
            }
        }
    }

    /// Keeps the lease (on a job or an effect) alive until `until`.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else took over; [`StoreError::Unavailable`].
    pub async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(Wakes::Nobody, move |connection| {
            Box::pin(async move {
                match lease.on {
                    Leased::Job => sql::lane::extend(connection, &lease, until).await,
                    Leased::Effect => sql::outbox_lane::extend(connection, &lease, until).await,
                }
            })
        })
        .await
    }

    /// Gives the job back, to be tried again not before `at`. It stays the oldest of its lane: the
    /// others wait behind it.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else took over; [`StoreError::Unavailable`].
    pub async fn retry_job(&self, lease: &Lease, at: Timestamp, error: &str) -> Result<(), StoreError> {
        let (held, error) = (lease.clone(), error.to_owned());
        self.end(lease, move |connection| {
            Box::pin(async move {
                sql::lane::held(connection, &held).await?;
                sql::job::failed(connection, held.row, &error).await?;
                sql::lane::release(connection, held.lane, at).await
            })
        })
        .await
    }

    /// Ends the job as a dead letter with its reason; the lane goes on.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else took over; [`StoreError::Unavailable`].
    pub async fn bury_job(&self, lease: &Lease, error: &str, now: Timestamp) -> Result<(), StoreError> {
        let (held, error) = (lease.clone(), error.to_owned());
        self.end(lease, move |connection| {
            Box::pin(async move {
                sql::lane::held(connection, &held).await?;
                if let Some(delivery) = sql::job::bury(connection, held.row, &error, now).await? {
                    sql::delivery::end(connection, delivery, "dead", Some(&error)).await?;
                }
                sql::lane::release(connection, held.lane, now).await
            })
        })
        .await
    }

    /// Puts due timers into their lanes as [`InternalEvent::Refresh`]; how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ring(&self, now: Timestamp) -> Result<u64, StoreError> {
        // Whoever sleeps asks this first: a write each time would wake all the others, and those us.
        let due = self.read(|connection| Box::pin(sql::timer::next_due(connection))).await?;
        if due.is_none_or(|due| due > now) {
            return Ok(0);
        }
        self.write(Wakes::Sleepers, move |connection| Box::pin(ring(connection, now))).await
    }

    /// Adds jobs that no delivery caused; one that equals a waiting one of its lane is that one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn enqueue(&self, jobs: Vec<NewJob>, now: Timestamp) -> Result<(), StoreError> {
        self.write(Wakes::Sleepers, move |connection| {
            Box::pin(async move { enqueue(connection, &jobs, None, now).await })
        })
        .await
    }
}

/// Keeps a delivery with its job; false where it is kept already.
async fn keep(
    connection: &mut Connection,
    delivery: &NewDelivery,
    lane: &Lane,
    packed: &[u8],
) -> Result<bool, StoreError> {
    let Some(row) = sql::delivery::insert(connection, delivery, packed).await? else { return Ok(false) };
    let lane = sql::lane::wake(connection, lane, delivery.received_at).await?;
    sql::job::add_delivery(connection, lane, row, delivery.received_at).await?;
    Ok(true)
}

/// Puts jobs into their lanes, with the delivery that they come from.
pub(super) async fn enqueue(
    connection: &mut Connection,
    jobs: &[NewJob],
    cause: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for job in jobs {
        let lane = sql::lane::wake(connection, &job.lane, now).await?;
        sql::job::add_event(connection, lane, &job.event, cause, now).await?;
    }
    Ok(())
}

async fn ring(connection: &mut Connection, now: Timestamp) -> Result<u64, StoreError> {
    let mut rung = 0;
    for lane in sql::timer::take_due(connection, now).await? {
        let job = NewJob { lane: lane_from(&lane)?, event: InternalEvent::Refresh.to_json() };
        enqueue(connection, &[job], None, now).await?;
        rung += 1;
    }
    Ok(rung)
}

fn read_claimed(lease: Lease, row: &Row) -> Result<Claimed, StoreError> {
    let (attempts, interruptions): (i64, i64) = (row.try_get("attempts")?, row.try_get("interruptions")?);
    Ok(Claimed {
        lease,
        lane: lane_from(row.try_get("name")?)?,
        job: read_job(row)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        interruptions: u32::try_from(interruptions).unwrap_or(u32::MAX),
        since: Timestamp(row.try_get("created_at")?),
    })
}

fn read_job(row: &Row) -> Result<Job, StoreError> {
    if let Some(event) = row.try_get("own")? {
        return Ok(Job::Internal { event });
    }
    let Some(forge) = row.try_get::<Option<&str>, _>("forge")? else {
        return Err(StoreError::Damaged("the delivery of a job is missing".to_owned()));
    };
    let packed: Option<&[u8]> = row.try_get("body")?;
    let packed = packed.ok_or_else(|| StoreError::Damaged("a delivery has no body".to_owned()))?;
    Ok(Job::Delivery {
        forge: forge.parse().map_err(|error| StoreError::Damaged(format!("a delivery's forge: {error}")))?,
        id: row.try_get("external_id")?,
        event: row.try_get("event")?,
        headers: decode("the headers of a delivery", row.try_get("headers")?)?,
        body: body::unpack(packed)?,
    })
}
