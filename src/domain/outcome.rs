//! What became of the calls to a forge that the engine wanted made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{RunId, Sha, Tag};

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is so now, by this call or an earlier one.
    Done(Done),
    /// The forge will not: repeating does not help.
    Refused {
        /// What happened and what to do, safe to show.
        reason: String,
    },
    /// The world moved: read it again and decide anew.
    Conflict {
        /// What moved, safe to show.
        reason: String,
    },
}

/// What a finished effect left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Done {
    /// Nothing that the engine needs.
    Plain,
    /// A run was started.
    Run {
        /// The run.
        run: RunId,
    },
    /// The merge request was merged.
    Merged {
        /// The commit on the target branch.
        commit: Sha,
    },
    /// The merge request waits in the queue of its target branch.
    Queued,
    /// The tag exists and is ours.
    Tagged {
        /// The tag as read back.
        tag: Tag,
    },
    /// The files are committed.
    Committed {
        /// The commit that has them.
        commit: Sha,
    },
    /// The schedules are there.
    Scheduled {
        /// Their numbers by key.
        kept: BTreeMap<String, u64>,
        /// Schedules of other people that are called like ours: number and name.
        alike: Vec<(u64, String)>,
    },
    /// The merge request of ours is open.
    Proposed {
        /// Its number.
        number: u64,
    },
    /// The release exists and its files were read back.
    Released {
        /// Address for people.
        web_url: String,
    },
}
