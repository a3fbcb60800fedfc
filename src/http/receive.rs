//! The webhook routes. What is wrong with a request is judged in one fixed order: forge and method
//! (by the routes), content type, size, time, origin, content; only then the store is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::HttpError;
use super::health::Drain;
use crate::domain::ForgeKind;
use crate::inbox::{Form, Inbox, Outcome, Receipt, Refusal, VerifiedDelivery, answered, counted};

/// How much and how long a delivery may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body in bytes, inclusive.
    pub body: usize,
    /// The longest that reading a body may take.
    pub body_time: Duration,
}

impl Default for Limits {
    /// What the forges keep to: 25 MiB, 10 s.
    fn default() -> Self {
        Self { body: 25 * 1024 * 1024, body_time: Duration::from_secs(10) }
    }
}

/// Nobody gets more memory than this on his word alone.
const RESERVED_AT_MOST: usize = 256 * 1024;

/// Bodies up to this size are read whoever sends them; hardly any delivery is larger.
const ORDINARY: usize = 1024 * 1024;

/// So many larger bodies are in memory at once; the others wait for their turn, which counts as
/// time to read them. Nothing is proved before a body is whole, so anybody could fill the memory.
pub(super) const LARGE_AT_ONCE: usize = 8;

/// What a webhook route knows.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    pub(super) forge: ForgeKind,
    pub(super) inbox: Inbox,
    pub(super) limits: Limits,
    pub(super) drain: Drain,
    /// The turns of large bodies.
    pub(super) turns: Arc<Semaphore>,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<&'a str>,
    status: &'a str,
}

/// Keeps a delivery that cannot be here unverified. While we are ending, a new one is only turned away:
/// last of all, so that whoever is not known learns nothing from it.
pub(super) async fn receive(
    State(receiver): State<Receiver>,
    Arrived { delivery, since, late, turn }: Arrived,
) -> Result<Response, HttpError> {
    let Receiver { inbox, .. } = receiver;
    let recorded = if late { inbox.recall(delivery).await } else { inbox.record(delivery).await.map(Some) };
    drop(turn);
    let recorded = recorded.map_err(|_logged| {
        let message = "the delivery could not be kept and is not acknowledged; send it again";
        HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", message)
    })?;
    let receipt = recorded.ok_or_else(|| {
        let message = "the server is stopping and keeps nothing new; send it again";
        HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", message)
    })?;
    let (code, delivery, status) = match &receipt {
        Receipt::Accepted(id) => (StatusCode::ACCEPTED, Some(id.as_str()), "accepted"),
        Receipt::Duplicate(id) => (StatusCode::OK, Some(id.as_str()), "duplicate"),
        Receipt::Pong => (StatusCode::OK, None, "pong"),
    };
    answered(since.elapsed());
    Ok((code, Json(Told { delivery, status })).into_response())
}

/// A verified delivery and when it began to arrive.
pub(super) struct Arrived {
    delivery: VerifiedDelivery,
    since: Instant,
    /// Whether we were ending already then. What was under way before is kept to its end.
    late: bool,
    /// Kept as long as a large body is in memory.
    turn: Option<OwnedSemaphorePermit>,
}

impl FromRequest<Receiver> for Arrived {
    type Rejection = HttpError;

    async fn from_request(request: Request, receiver: &Receiver) -> Result<Self, HttpError> {
        let (since, late) = (Instant::now(), receiver.drain.is_on());
        let (parts, body) = request.into_parts();
        match arrive(&parts.headers, body, receiver).await {
            Ok((delivery, turn)) => Ok(Self { delivery, since, late, turn }),
            Err((outcome, error)) => {
                counted(receiver.forge, event_of(&parts.headers, receiver.forge), outcome);
                Err(error)
            }
        }
    }
}

/// The event's name as presented: only good for a label, which takes names from a closed list.
fn event_of(headers: &HeaderMap, forge: ForgeKind) -> &str {
    let name = match forge {
        ForgeKind::GitHub => "x-github-event",
        ForgeKind::GitLab => "x-gitlab-event",
    };
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn arrive(
    headers: &HeaderMap,
    body: Body,
    receiver: &Receiver,
) -> Result<(VerifiedDelivery, Option<OwnedSemaphorePermit>), (Outcome, HttpError)> {
    let form = form_of(headers, receiver.forge)?;
    let (raw, turn) = read(headers, body, receiver.limits, &receiver.turns).await?;
    let verified = receiver.inbox.verify(receiver.forge, headers, form, raw);
    verified.map(|delivery| (delivery, turn)).map_err(|refusal| match refusal {
        // One answer for every cause: it teaches nothing to somebody who is guessing.
        Refusal::Unproved(_) => no(
            Outcome::Unauthorized,
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the delivery carries no valid signature or token",
        ),
        other => {
            let error = match other {
                Refusal::Missing(_) => "missing_header",
                Refusal::NotAnObject => "invalid_json",
                _ => "invalid_header",
            };
            no(Outcome::Malformed, StatusCode::BAD_REQUEST, error, &other.to_string())
        }
    })
}

fn no(outcome: Outcome, status: StatusCode, error: &'static str, message: &str) -> (Outcome, HttpError) {
    (outcome, HttpError::new(status, error, message))
}

/// How the body is written, by its one content type.
fn form_of(headers: &HeaderMap, forge: ForgeKind) -> Result<Form, (Outcome, HttpError)> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let only = values.next().filter(|_first| values.next().is_none());
    let kind = only.and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    let kind = kind.map(|kind| kind.trim().to_ascii_lowercase());
    match (kind.as_deref(), forge) {
        (Some("application/json"), _) => Ok(Form::Json),
        (Some("application/x-www-form-urlencoded"), ForgeKind::GitHub) => Ok(Form::Form),
        _ => Err(no(
            Outcome::UnsupportedType,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "set the content type of the webhook to application/json",
        )),
    }
}

/// A whole body, and its turn where it is large.
type Whole = (Bytes, Option<OwnedSemaphorePermit>);

/// The whole body within its limits.
async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
    turns: &Arc<Semaphore>,
) -> Result<Whole, (Outcome, HttpError)> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limits.body) {
        return Err(too_large(limits));
    }
    let collected = collect(body, limits, announced.unwrap_or(0), turns);
    match tokio::time::timeout(limits.body_time, collected).await {
        Ok(read) => read,
        Err(_elapsed) => {
            let message = format!("the body took longer than {} s", limits.body_time.as_secs_f64());
            Err(no(Outcome::TooSlow, StatusCode::REQUEST_TIMEOUT, "timeout", &message))
        }
    }
}

async fn collect(
    body: Body,
    limits: Limits,
    announced: usize,
    turns: &Arc<Semaphore>,
) -> Result<Whole, (Outcome, HttpError)> {
    let mut turn = None;
    let mut stream = body.into_data_stream();
    let mut whole = BytesMut::new();
    let mut first = Bytes::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_gone| {
            let message = "the body ended before it was complete";
            no(Outcome::Broken, StatusCode::BAD_REQUEST, "incomplete_body", message)
        })?;
        let before = whole.len().max(first.len());
        if chunk.len() > limits.body - before {
            return Err(too_large(limits));
        }
        if turn.is_none() && before + chunk.len() > ORDINARY {
            // Fails only when the turns are closed, which nobody does.
            turn = Arc::clone(turns).acquire_owned().await.ok();
        }
        // Most bodies come in one piece, which need not be copied.
        if first.is_empty() && whole.is_empty() {
            first = chunk;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(announced.min(RESERVED_AT_MOST));
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok((if whole.is_empty() { first } else { whole.freeze() }, turn))
}

fn too_large(limits: Limits) -> (Outcome, HttpError) {
    let message = format!("the body is larger than {} bytes", limits.body);
    no(Outcome::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn judged(bytes: usize, turns: &Arc<Semaphore>) -> Result<bool, Outcome> {
        let limits = Limits { body_time: Duration::from_millis(20), ..Limits::default() };
        let read = read(&HeaderMap::new(), Body::from(vec![b' '; bytes]), limits, turns).await;
        read.map(|(whole, turn)| whole.len() == bytes && turn.is_some()).map_err(|(outcome, _)| outcome)
    }

    #[tokio::test]
    async fn a_large_body_waits_for_its_turn_and_an_ordinary_one_does_not() {
        let turns = Arc::new(Semaphore::new(1));
        let taken = Arc::clone(&turns).acquire_owned().await.unwrap();
        assert_eq!(judged(ORDINARY, &turns).await, Ok(false), "it needs no turn");
        assert_eq!(judged(ORDINARY + 1, &turns).await, Err(Outcome::TooSlow));
        drop(taken);
        assert_eq!(judged(ORDINARY + 1, &turns).await, Ok(true));
        assert_eq!(turns.available_permits(), 1, "it is given back with the body");
    }
}
