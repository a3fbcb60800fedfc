//! Every answer of a forge that is not the one we hoped for.

use std::time::Duration;

/// A call that did not do what it should.
///
/// `external` is safe to show to anybody: it says what happened and what to do. `internal` is for
/// the log; neither ever holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{external} ({internal})")]
pub struct ForgeError {
    /// What the caller should do about it.
    pub kind: ErrorKind,
    /// For people.
    pub external: String,
    /// For the log: operation, status, the forge's own words (redacted, cut).
    pub internal: String,
}

/// What the caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Try the same again, not before `after` if it is given. Whether a write happened is unknown.
    Retry {
        /// The forge's own wish (`Retry-After`, rate limit reset).
        after: Option<Duration>,
    },
    /// It will not be done; repeating does not help.
    Refused,
    /// The world moved (head moved, already exists, not mergeable yet): read again.
    Conflict,
    /// The object is not there.
    Gone,
    /// The credential is not accepted.
    Unauthorized,
}
