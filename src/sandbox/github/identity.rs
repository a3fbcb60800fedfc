//! The service that gives jobs their identity tokens. It is no part of the API: jobs are told where it is.

use serde_json::json;

use super::error;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::State;

/// Where it is, as a job is told; what a job asks for is added to it.
pub(crate) const ADDRESS: &str = "/_identity/token?api-version=2.0";

/// Whether a call is for the service.
pub(crate) fn is_asked(call: &Call) -> bool {
    call.segments.iter().eq(["_identity", "token"])
}

/// The token of the job that asks, for the audience that it names; without one it is for the owner.
pub(crate) fn answer(state: &State, call: &Call) -> Reply {
    let asking = call.bearer().and_then(|credential| state.asks_for_identity(credential));
    let Some((place, job)) = asking else { return error(403, "the job may not ask for identity tokens") };
    let audience = call.text("audience").unwrap_or_else(|| format!("{}/{}", state.url, place.namespace()));
    match state.id_token(place.id, job.id, &audience) {
        Ok(token) => Reply::json(200, &json!({"count": token.len(), "value": token})),
        Err(refusal) => error(500, &refusal.to_string()),
    }
}
