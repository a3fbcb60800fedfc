//! Deliveries that the forge could not hand over to us, and what became of them.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// What was lost of one repository, and what came of asking for it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healing {
    /// Why nothing can be asked for again here, safe to show; none where it can.
    pub hindrance: Option<String>,
    /// Since when: the earliest of the deliveries that are still known.
    pub since: Option<Timestamp>,
    /// How many deliveries the forge could not hand over.
    pub lost: u64,
    /// How many of them were asked for again.
    pub asked: u64,
    /// How many of them have arrived since.
    pub arrived: u64,
    /// How many of them the forge would not send again.
    pub refused: u64,
}
