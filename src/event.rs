//! Forge JSON becomes one vocabulary of events.

mod vocabulary;

pub use vocabulary::{Event, Incoming, ReviewAct, Subject};

use crate::domain::{ForgeKind, User};

/// Understands one delivery. `us` is our own account: our comments are not events.
///
/// # Errors
/// When the body has not the shape that its event promises; the message names the field's path,
/// never its value.
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub fn parse(forge: ForgeKind, event: &str, body: &[u8], us: &User) -> Result<Incoming, ParseError> {
    todo!()
}

/// A body that has not the shape that its event promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} at {path}: {message}")]
pub struct ParseError {
    /// The event header's value.
    pub event: String,
    /// The field's path.
    pub path: String,
    /// What was expected.
    pub message: String,
}
