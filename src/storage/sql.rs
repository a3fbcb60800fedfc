//! The SQL, one file a subject: free functions over a connection, so that each works alone and
//! inside a larger transaction.
//!
//! One text serves SQLite and Postgres, and keeps to what both understand (`$1`, `ON CONFLICT`, `RETURNING`,
//! partial indexes); forge numbers are text, times are milliseconds. Numbers are BIGINT in every table, since
//! Postgres gives no 32-bit number to who asks for 64.

pub(super) mod audit;
pub(super) mod delivery;
pub(super) mod effect;
pub(super) mod environment;
pub(super) mod job;
pub(super) mod lane;
pub(super) mod letter;
pub(super) mod lost;
pub(super) mod merge_request;
pub(super) mod outbox_lane;
pub(super) mod registry;
pub(super) mod sweep;
pub(super) mod timer;
pub(super) mod trial;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Lane, MergeRequestId, Owner};

use super::StoreError;

pub(super) use super::driver::{Connection, Row, query, without_nul};

/// The most rows that are looked at in one transaction of housekeeping: deliveries wait behind it.
pub(super) const SLICE: i64 = 500;

/// The text form of a stored document.
pub(super) fn encode(what: &str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Damaged(format!("{what} has no JSON form: {error}")))
}

/// Reads a stored document back. The error names the place, never the text.
pub(super) fn decode<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| {
        StoreError::Damaged(format!("{what}, line {} column {}", error.line(), error.column()))
    })
}

/// Reads a lane's name back.
pub(super) fn lane_from(text: &str) -> Result<Lane, StoreError> {
    text.parse().map_err(|error| StoreError::Damaged(format!("the name of a lane: {error}")))
}

/// Reads a merge request's name back.
pub(super) fn merge_request_from(text: &str) -> Result<MergeRequestId, StoreError> {
    match lane_from(text)? {
        Lane::MergeRequest(id) => Ok(id),
        other => Err(StoreError::Damaged(format!("`{other}` is no merge request"))),
    }
}

/// Reads back whose something is.
pub(super) fn owner_from(text: &str) -> Result<Owner, StoreError> {
    match lane_from(text)? {
        Lane::MergeRequest(id) => Ok(Owner::MergeRequest(id)),
        Lane::Model(id) => Ok(Owner::Model(id)),
        Lane::Repository(id) => Ok(Owner::Repository(id)),
        other @ Lane::Forge(_) => Err(StoreError::Damaged(format!("nothing belongs to `{other}`"))),
    }
}

/// Reads a forge's number back.
pub(super) fn number_from(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(|error| StoreError::Damaged(format!("a forge's number: {error}")))
}
