//! What a forge counts for one credential, however many tokens it signs in with.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;

use super::conditional::{Kept, Known};
use crate::domain::Clock;
use crate::forge::pace::{Gate, Pace};

/// Pauses, the gap between writes, and the answers that may be confirmed.
#[derive(Debug)]
pub(crate) struct Line {
    pub(super) gate: Gate,
    pub(super) pace: Pace,
    /// Tells the credentials of one adapter apart.
    number: u64,
    /// Answers that the forge may confirm instead of repeating them, where that saves budget. All
    /// credentials of an adapter share one shelf, so that its bound holds however many there are.
    known: Option<Arc<Known>>,
}

impl Line {
    /// A line on which nothing was said yet; `confirms` where the forge confirms answers.
    pub(crate) fn new(clock: Arc<dyn Clock>, write_interval: Duration, confirms: bool) -> Self {
        let known = confirms.then(Arc::<Known>::default);
        Self { gate: Gate::new(clock), pace: Pace::new(write_interval), number: 0, known }
    }

    /// A line for another credential of the same adapter; no two have the same number, and none has 0.
    pub(super) fn another(&self, number: u64, clock: Arc<dyn Clock>, write_interval: Duration) -> Self {
        let known = self.known.clone();
        Self { gate: Gate::new(clock), pace: Pace::new(write_interval), number, known }
    }

    /// What this credential was answered at an address.
    pub(super) fn known(&self, address: &str) -> Option<Kept> {
        self.known.as_ref().and_then(|known| known.find(self.number, address))
    }

    /// Keeps what this credential was answered.
    pub(super) fn keep(&self, address: &str, headers: &HeaderMap, body: &[u8]) {
        if let Some(known) = &self.known {
            known.keep(self.number, address, headers, body);
        }
    }
}
