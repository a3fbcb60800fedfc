//! The queue that a target branch is merged by: GitHub's merge queue, GitLab's merge train.

use serde::{Deserialize, Serialize};

use super::{RunId, Sha, StatusState, Timestamp};

/// A merge request that waits in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// What the forge tries it as; none before its turn has come.
    pub trial: Option<Trial>,
}

/// What the target branch would become (GitHub's merge group, the commit of a train's pipeline).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The commit.
    pub commit: Sha,
    /// What it is put upon: the target branch, or the trial of the one before it.
    pub base: Sha,
    /// The run that tries it, where statuses join one (GitLab).
    pub run: Option<RunId>,
}

/// What we know of one merge request and the queue of its target branch, between two events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueState {
    /// Whether it waits, as far as we were told: then the forge is asked at every look.
    pub waits: bool,
    /// Since when it is not there any more, and not seen to be merged either.
    pub missing_since: Option<Timestamp>,
    /// The slot of the call that takes it out, while that is under way.
    pub leaving: Option<String>,
    /// The umbrella's value that was last asked for on what is tried.
    pub shown: Option<(Sha, StatusState)>,
}

impl QueueState {
    /// It waits no more.
    pub fn clear(&mut self) {
        (self.waits, self.missing_since, self.shown) = (false, None, None);
    }
}
