//! The leases of this process, where other processes work on the same database: at the end it gives back
//! its own, and nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::records::{Lease, Leased};

/// Leases that were claimed here and not ended here. One a lane: a lane is out once at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Ours {
    held: Arc<Mutex<HashMap<(Leased, i64), Lease>>>,
}

impl Ours {
    /// Notes a lease that was claimed.
    pub(super) fn add(&self, lease: &Lease) {
        self.held().insert((lease.on, lease.lane), lease.clone());
    }

    /// Forgets a lease that ended.
    pub(super) fn remove(&self, lease: &Lease) {
        let mut held = self.held();
        if held.get(&(lease.on, lease.lane)) == Some(lease) {
            held.remove(&(lease.on, lease.lane));
        }
    }

    /// Takes all of them.
    pub(super) fn take(&self) -> Vec<Lease> {
        std::mem::take(&mut *self.held()).into_values().collect()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<(Leased, i64), Lease>> {
        // Each change is one step, so that what a panic left is whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
