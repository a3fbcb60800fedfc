//! Forge JSON becomes one vocabulary of events.
//!
//! Only the fields that we use are read; others may be missing, new or strange. Three ways out:
//! an event; [`Subject::Nothing`] with its reason, where the delivery is none of our business or does
//! not say what it is about; [`ParseError`], where a field that we use has another type than promised.

mod github;
mod gitlab;
mod reading;
mod vocabulary;

pub use vocabulary::{Event, Incoming, ReviewAct, Subject};

use crate::domain::{Comment, ForgeKind, MergeRequestId, User};
use reading::Stop;

/// Understands one delivery. `us` is our own account: our comments are not events.
///
/// # Errors
/// When the body has not the shape that its event promises; the message names the field's path,
/// never its value.
pub fn parse(forge: ForgeKind, event: &str, body: &[u8], us: &User) -> Result<Incoming, ParseError> {
    let understood = match forge {
        ForgeKind::GitLab => gitlab::parse(event, body, us),
        ForgeKind::GitHub => github::parse(event, body, us),
    };
    match understood {
        Ok(incoming) => Ok(incoming),
        Err(Stop::Nothing(why)) => {
            Ok(Incoming { subject: Subject::Nothing { why }, event: Event::Refresh, meaning: None })
        }
        Err(Stop::Broken(error)) => Err(error),
    }
}

/// Understands a comment that was found at the forge instead of delivered: one that was changed since
/// it was written is no command any more, as its delivery would not have been.
#[must_use]
pub fn found(on: MergeRequestId, comment: Option<Comment>, us: &User) -> Incoming {
    let nothing = |why: &str| Incoming {
        subject: Subject::Nothing { why: why.to_owned() },
        event: Event::Refresh,
        meaning: None,
    };
    match comment {
        None => nothing("comment-gone"),
        Some(comment) if comment.system => nothing("system-note"),
        Some(comment) if comment.internal => nothing("internal-note"),
        Some(comment) if comment.author.id == us.id => nothing("own-comment"),
        Some(comment) if comment.author.bot => nothing("bot-comment"),
        Some(comment) if comment.updated_at != comment.created_at => nothing("edited-comment"),
        Some(comment) => {
            let at = reading::Moment(Some(comment.updated_at));
            reading::comment(on, comment.id, comment.author, comment.body, at)
        }
    }
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

#[cfg(test)]
mod tests;
