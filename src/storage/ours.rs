//! The leases of this process: at the end it gives back its own, where other processes work on the same
//! database, and meanwhile those whose work the database itself broke off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::records::{Lease, Leased};
use super::{Connection, StoreError, sql};
use crate::domain::Timestamp;

/// Leases that were claimed here and not ended here.
#[derive(Clone, Debug, Default)]
pub(super) struct Ours {
    leases: Arc<Mutex<Leases>>,
}

#[derive(Debug, Default)]
struct Leases {
    /// Under work. One a lane: a lane is out once at a time.
    held: HashMap<(Leased, i64), Lease>,
    /// Nobody works on them any more, and the database does not know yet.
    owed: Vec<Lease>,
}

impl Ours {
    /// Notes a lease that was claimed.
    pub(super) fn add(&self, lease: &Lease) {
        self.leases().held.insert((lease.on, lease.lane), lease.clone());
    }

    /// Forgets a lease that ended.
    pub(super) fn remove(&self, lease: &Lease) {
        let held = &mut self.leases().held;
        if held.get(&(lease.on, lease.lane)) == Some(lease) {
            held.remove(&(lease.on, lease.lane));
        }
    }

    /// Notes that nobody works on this any more.
    pub(super) fn owe(&self, lease: &Lease) {
        self.remove(lease);
        self.leases().owed.push(lease.clone());
    }

    /// Takes what is owed; it is owed again unless it is told to be given back.
    pub(super) fn owed(&self) -> Owed {
        Owed { leases: std::mem::take(&mut self.leases().owed), ours: self.clone() }
    }

    /// Takes all of them.
    pub(super) fn take(&self) -> Vec<Lease> {
        let Leases { held, mut owed } = std::mem::take(&mut *self.leases());
        owed.extend(held.into_values());
        owed
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        // Each change is one step, so that what a panic left is whole.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leases that are being given back.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) leases: Vec<Lease>,
    ours: Ours,
}

impl Owed {
    /// They are given back, for good.
    pub(super) fn paid(mut self) {
        self.leases.clear();
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.ours.leases().owed.append(&mut self.leases);
    }
}

/// Ends those of the leases that still hold; how many. What was under way counts one interruption more.
pub(super) async fn give_back(
    connection: &mut Connection,
    leases: &[Lease],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut ended = 0;
    for lease in leases {
        ended += match lease.on {
            Leased::Job => sql::lane::give_back(connection, lease, now).await?,
            Leased::Effect => sql::outbox_lane::give_back(connection, lease, now).await?,
        };
    }
    Ok(ended)
}
