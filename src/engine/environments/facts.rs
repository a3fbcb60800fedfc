//! What is so now about a model's environments, as far as its rollouts need it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{Deployment, ModelId, Outcome, Run, Tag};

/// What may be known when a model's environments are decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentFacts {
    /// The model.
    pub id: ModelId,
    /// The branch on which its jobs are started: the repository's default branch.
    pub branch: String,
    /// About each rollout under way, by number.
    pub rollouts: BTreeMap<u64, RolloutFacts>,
    /// Tags `<model>#…`; read only when one is about to be made.
    pub stage_tags: Option<Vec<Tag>>,
}

/// About one rollout; only what its step needs is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutFacts {
    /// Before the start: the version's tag as it is now, and whether its files can still be fetched.
    pub start: Option<(Option<Tag>, bool)>,
    /// The deploy run.
    pub run: Option<Run>,
    /// The deployment that the forge made of the deploy job, once that has ended well.
    pub deployment: Option<Deployment>,
}

/// What happened to a model's environments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvironmentEvent {
    /// Somebody asked for something, a job moved, a timer rang: look.
    Refresh,
    /// One of our effects came to an end.
    Effect {
        /// The effect's slot.
        slot: String,
        /// What became of it.
        outcome: Outcome,
    },
}
