//! What a forge counts for one credential, however many tokens it signs in with.

use std::sync::Arc;
use std::time::Duration;

use super::conditional::Known;
use crate::domain::Clock;
use crate::forge::pace::{Gate, Pace};

/// Pauses, the gap between writes, and the answers that may be confirmed.
#[derive(Debug)]
pub(crate) struct Line {
    pub(super) gate: Gate,
    pub(super) pace: Pace,
    /// Answers that the forge may confirm instead of repeating them, where that saves budget.
    pub(super) known: Option<Known>,
}

impl Line {
    /// A line on which nothing was said yet; `confirms` where the forge confirms answers.
    pub(crate) fn new(clock: Arc<dyn Clock>, write_interval: Duration, confirms: bool) -> Self {
        Self { gate: Gate::new(clock), pace: Pace::new(write_interval), known: confirms.then(Known::default) }
    }
}
