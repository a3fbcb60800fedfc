//! What follows from an event in a merge request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Effect, Environments, ModelName, Rollout, State, Timestamp, VersionRecord};

/// What follows from an event: committed as one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The new state.
    pub state: State,
    /// What the forge shall be asked for, in order.
    pub effects: Vec<Effect>,
    /// What goes into the audit log, in order.
    pub audit: Vec<Audit>,
    /// Look again at this time even if nothing happens until then.
    pub wake_at: Option<Timestamp>,
    /// Versions that became published by this transition.
    pub published: Vec<VersionRecord>,
    /// Environments that a command changed, by model.
    pub environments: BTreeMap<ModelName, Environments>,
    /// Rollouts of those environments that began, moved or ended by it, by model.
    pub rollouts: Vec<(ModelName, Rollout)>,
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// `phase`, `command`, `refusal`, `approval`, `gate`, `publication`, …
    pub kind: String,
    /// Who caused it, by login; none for the bot or the forge.
    pub actor: Option<String>,
    /// One sentence.
    pub what: String,
    /// The evidence, as JSON.
    pub detail: serde_json::Value,
}
