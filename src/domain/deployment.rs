//! What a forge itself recorded about a job that deployed.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A deployment as the forge tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The forge's number.
    pub id: u64,
    /// How it stands.
    pub state: DeploymentState,
    /// When it last moved.
    pub at: Timestamp,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentState {
    /// It has not ended.
    UnderWay,
    /// It is in effect.
    Succeeded,
    /// It ended otherwise.
    Failed,
}
