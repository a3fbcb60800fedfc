//! What can happen, in words that do not depend on the forge.

use serde::{Deserialize, Serialize};

use crate::domain::{CommentId, MergeRequestId, Outcome, Press, RepoId, RunId, Sha, Timestamp, User};

/// An event and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incoming {
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    pub event: Event,
    /// The dedupe key by meaning (without the bot's command text being trusted): the same fact told
    /// by two subscriptions has two delivery ids but one meaning. None where repeating is harmless.
    pub meaning: Option<String>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// One merge request.
    MergeRequest(MergeRequestId),
    /// A run or job that names no merge request: found by our own table of runs, else by head.
    Run {
        /// The repository.
        repo: RepoId,
        /// The run.
        run: RunId,
        /// The commit it ran on.
        sha: Option<Sha>,
    },
    /// A commit of which something was said without naming a run or a merge request (GitHub's checks
    /// and statuses): found by head.
    Commit {
        /// The repository.
        repo: RepoId,
        /// The commit.
        sha: Sha,
    },
    /// A branch moved: every open merge request into it may be concerned.
    Branch {
        /// The repository.
        repo: RepoId,
        /// The branch.
        branch: String,
    },
    /// Something was deployed to an environment: every model on its way there may be concerned.
    Deployment {
        /// The repository.
        repo: RepoId,
        /// The environment.
        environment: String,
    },
    /// Nothing that we act on; the word says why, for the delivery's outcome.
    Nothing {
        /// Such as `ping`, `unknown-event`, `tag`, `issue`, `own-comment`.
        why: String,
    },
}

/// What happened to a merge request. Facts are read anew before anything is decided, so most
/// events carry nothing: they only say where to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Opened, pushed to, edited, closed, merged, reopened; jobs moved; the base moved; a timer; a sweep.
    Refresh,
    /// A comment was written; it may hold commands.
    Comment {
        /// Its number.
        id: CommentId,
        /// Who wrote it, as delivered.
        author: User,
        /// Its Markdown source, as delivered.
        body: String,
        /// When it was last changed, as delivered.
        updated_at: Option<Timestamp>,
    },
    /// Somebody else changed the text of one of our comments.
    CommentTampered {
        /// Its number.
        id: CommentId,
        /// Who, as delivered; the login may be unknown.
        by: User,
    },
    /// Somebody pressed a button on a check that says it is ours.
    Pressed(Box<Press>),
    /// Somebody else set a status that has one of our names.
    StatusForged,
    /// It was aimed at another target branch.
    Retargeted {
        /// When; none where that cannot be read.
        at: Option<Timestamp>,
    },
    /// The queue of the target branch tries the merge request (GitHub; GitLab's trains show in their runs).
    Tried,
    /// Somebody approved or withdrew by the forge's own review.
    Review {
        /// Who.
        by: User,
        /// What they did.
        act: ReviewAct,
        /// The head at that moment, as the delivery says.
        head: Option<Sha>,
    },
    /// One of our effects came to an end.
    Effect {
        /// The effect's slot.
        slot: String,
        /// What became of it.
        outcome: Outcome,
    },
}

/// What a reviewer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReviewAct {
    /// Approved.
    Approved,
    /// Withdrew the approval, or it was dismissed.
    Withdrawn,
    /// Asked for changes.
    ChangesRequested,
}
