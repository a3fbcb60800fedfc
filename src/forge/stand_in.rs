//! Somebody who answers in a forge's place, so that nothing is sent.

use std::fmt::Debug;

use bytes::Bytes;

use super::Payload;

/// Answers every request of an adapter instead of the network: the adapter's calls can be looked at
/// without being made.
pub trait StandIn: Debug + Send + Sync {
    /// What the forge would say; none where that is not known, which is to the adapter as if the forge
    /// could not be reached.
    fn answer(&self, call: &Call) -> Option<http::Response<Bytes>>;
}

/// One request as it would be sent, without our signature.
#[derive(Clone, Debug)]
pub struct Call {
    /// Such as `GET`.
    pub method: String,
    /// The full address.
    pub url: String,
    /// What it carries.
    pub payload: Payload,
}
