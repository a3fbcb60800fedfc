//! A delivery whose origin is proved, and what is read from it.

use axum::http::HeaderMap;
use bytes::Bytes;
use percent_encoding::percent_decode;
use sha2::{Digest as _, Sha256};

use super::route::Route;
use super::signature::Refused;
use crate::domain::{ForgeKind, Lane};

/// How the body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON as it is.
    Json,
    /// A form with JSON in its field `payload`; GitHub only.
    Form,
}

/// Why a delivery is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The origin is not proved. The cause is for the log; the sender is told nothing.
    #[error("the origin is not proved: {0}")]
    Unproved(Refused),
    /// A header that names event or delivery is not there.
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    /// A header that names event or delivery is repeated, too long or not plain text.
    #[error("the header `{0}` must come once, in at most {LONGEST} plain characters")]
    Malformed(&'static str),
    /// The body is not a JSON object.
    #[error("the body is not a JSON object")]
    NotAnObject,
}

/// The longest event name or delivery id.
const LONGEST: usize = 255;

/// Headers that are kept for people who look into a delivery; no credential among them.
const KEPT: [&str; 9] = [
    "user-agent",
    "x-github-hook-id",
    "x-github-hook-installation-target-type",
    "x-github-hook-installation-target-id",
    "x-gitlab-instance",
    "x-gitlab-webhook-uuid",
    "x-gitlab-event-uuid",
    "idempotency-key",
    "webhook-timestamp",
];

/// A delivery whose origin is proved: only [`super::Inbox::verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedDelivery {
    forge: ForgeKind,
    id: String,
    event: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    route: Route,
}

/// What [`VerifiedDelivery::into_parts`] leaves.
pub(super) struct Parts {
    pub(super) forge: ForgeKind,
    pub(super) id: String,
    pub(super) event: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) lane: Lane,
}

impl VerifiedDelivery {
    /// Reads what was proved. `signed`: a signature vouches for `webhook-id`.
    pub(super) fn read(
        forge: ForgeKind,
        headers: &HeaderMap,
        form: Form,
        raw: Bytes,
        signed: bool,
        gitlab_base: &str,
    ) -> Result<Self, Refusal> {
        let (event, given_id) = match forge {
            ForgeKind::GitHub => {
                let event = required(headers, "x-github-event")?;
                (event, Some(required(headers, "x-github-delivery")?))
            }
            ForgeKind::GitLab => {
                let event = required(headers, "x-gitlab-event")?;
                let vouched = if signed { plain(headers, "webhook-id")? } else { None };
                (event, vouched.map_or_else(|| plain(headers, "idempotency-key"), |id| Ok(Some(id)))?)
            }
        };
        let id = given_id.unwrap_or_else(|| digest(&event, &raw));
        let body = match form {
            Form::Json => raw,
            Form::Form => payload(&raw).ok_or(Refusal::NotAnObject)?,
        };
        let text = std::str::from_utf8(&body).map_err(|_error| Refusal::NotAnObject)?;
        let route = Route::of(forge, text, gitlab_base).map_err(|_error| Refusal::NotAnObject)?;
        Ok(Self { forge, id, event, headers: kept(headers), body, route })
    }

    /// The forge whose secret proved it.
    #[must_use]
    pub const fn forge(&self) -> ForgeKind {
        self.forge
    }

    /// The id under which it is kept once.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The event header's value.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Where it belongs.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.route.lane.clone()
    }

    /// The repository's full path, where the body names one.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        self.route.repository.as_deref()
    }

    /// Whether GitHub only tries if somebody is there.
    #[must_use]
    pub fn is_ping(&self) -> bool {
        self.forge == ForgeKind::GitHub && self.event == "ping"
    }

    pub(super) fn into_parts(self) -> Parts {
        Parts {
            forge: self.forge,
            id: self.id,
            event: self.event,
            headers: self.headers,
            body: self.body,
            lane: self.route.lane,
        }
    }
}

/// A header that must be there once, as plain text.
fn required(headers: &HeaderMap, name: &'static str) -> Result<String, Refusal> {
    plain(headers, name)?.ok_or(Refusal::Missing(name))
}

/// A header that may be there once, as plain text; an empty one counts as absent.
fn plain(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let text = first.to_str().map_err(|_error| Refusal::Malformed(name))?.trim();
    if values.next().is_some() || text.len() > LONGEST {
        return Err(Refusal::Malformed(name));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The id of a delivery that carries none: equal content is the same delivery.
fn digest(event: &str, body: &[u8]) -> String {
    hex::encode(Sha256::new().chain_update(event).chain_update(b"\n").chain_update(body).finalize())
}

/// The JSON in the form field `payload`.
fn payload(form: &[u8]) -> Option<Bytes> {
    let field = form.split(|byte| *byte == b'&').find_map(|field| field.strip_prefix(b"payload="))?;
    let spaced: Vec<u8> = field.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Some(percent_decode(&spaced).collect::<Vec<u8>>().into())
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let value = |name: &str| headers.get(name)?.to_str().ok().filter(|value| value.len() <= LONGEST);
    KEPT.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?.to_owned()))).collect()
}
