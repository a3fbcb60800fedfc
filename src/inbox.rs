//! The door for deliveries: proves where they come from, says where they belong, and keeps them
//! before they are answered.

mod alarm;
mod delivery;
mod meters;
mod route;
pub mod signature;
mod tolerant;
mod variables;
mod watch;

pub use crate::storage::StoreError;
pub use delivery::{Form, Refusal, VerifiedDelivery};
pub use meters::{ACK_SECONDS, Outcome, answered, counted, describe};
pub use route::lane_of;

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use bytes::Bytes;
use secrecy::SecretString;

use crate::config::server::{AllowList, SecretKey, ServerConfig};
use crate::domain::{Clock, ForgeKind, Phase, Redactor};
use crate::storage::{NewDelivery, Recorded, Store};

use signature::Refused;
use watch::Watch;

/// Takes deliveries in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    doors: Doors,
    repositories: AllowList,
    redactor: Redactor,
    watch: Watch,
}

/// What proves an origin, for each configured forge.
#[derive(Debug)]
struct Doors {
    github: Option<Vec<SecretString>>,
    gitlab: Option<GitlabDoor>,
}

#[derive(Debug)]
struct GitlabDoor {
    signing_keys: Vec<SecretKey>,
    tokens: Vec<SecretString>,
    /// The part of GitLab's address behind the host, for a server that does not live at the root.
    base: String,
}

/// What became of a verified delivery; every one of them is answered with success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Kept now, under this id.
    Accepted(String),
    /// Kept before, under this id.
    Duplicate(String),
    /// GitHub only tried whether we are there.
    Pong,
}

impl Inbox {
    /// A door with the secrets and the allow-list of `config`.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, config: &ServerConfig) -> Self {
        let doors = Doors {
            github: config.github.as_ref().map(|github| github.webhook_secrets.clone()),
            gitlab: config.gitlab.as_ref().map(|gitlab| GitlabDoor {
                signing_keys: gitlab.signing_keys.clone(),
                tokens: gitlab.webhook_tokens.clone(),
                base: base_path(&gitlab.url),
            }),
        };
        let inner = Inner {
            store,
            clock,
            doors,
            repositories: config.repositories.clone(),
            redactor: config.redactor(),
            watch: Watch::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Whether deliveries of this forge are expected at all.
    #[must_use]
    pub fn serves(&self, forge: ForgeKind) -> bool {
        match forge {
            ForgeKind::GitHub => self.inner.doors.github.is_some(),
            ForgeKind::GitLab => self.inner.doors.gitlab.is_some(),
        }
    }

    /// The only way to a [`VerifiedDelivery`]: first the proof of origin over the raw body, then
    /// everything that is read from it.
    ///
    /// # Errors
    /// [`Refusal::Unproved`] when the proof does not hold, else what is malformed.
    pub fn verify(
        &self,
        forge: ForgeKind,
        headers: &HeaderMap,
        form: Form,
        body: Bytes,
    ) -> Result<VerifiedDelivery, Refusal> {
        let verdict = self.prove(forge, headers, &body);
        self.inner.watch.proof(forge, verdict.as_ref().err());
        let signed = verdict.map_err(Refusal::Unproved)?;
        let base = self.inner.doors.gitlab.as_ref().map_or("", |door| door.base.as_str());
        let delivery = VerifiedDelivery::read(forge, headers, form, body, signed, base);
        self.inner.watch.content(forge, delivery.as_ref().err());
        delivery
    }

    /// Whether the proof is a signature, which vouches for more headers than the plain token.
    fn prove(&self, forge: ForgeKind, headers: &HeaderMap, body: &[u8]) -> Result<bool, Refused> {
        match forge {
            ForgeKind::GitHub => {
                let secrets = self.inner.doors.github.as_deref().unwrap_or_default();
                signature::github::verify(headers, body, secrets).map(|()| true)
            }
            ForgeKind::GitLab => {
                let door = self.inner.doors.gitlab.as_ref();
                let keys = door.map(|door| door.signing_keys.as_slice()).unwrap_or_default();
                let tokens = door.map(|door| door.tokens.as_slice()).unwrap_or_default();
                signature::gitlab::verify(headers, body, keys, tokens, self.inner.clock.now())
                    .map(|proof| proof == signature::gitlab::Proof::Signature)
            }
        }
    }

    /// Keeps a delivery; returns after it is on disk.
    ///
    /// # Errors
    /// When the store cannot keep it now: it must not be acknowledged.
    pub async fn record(&self, delivery: VerifiedDelivery) -> Result<Receipt, StoreError> {
        let asked = Asked::of(&delivery);
        if delivery.is_ping() {
            return Ok(asked.pong());
        }
        let row = self.row(delivery);
        let served = row.ignored.is_none();
        match self.inner.store.record(row).await {
            Ok(Recorded::Accepted) => {
                let Asked { forge, event, id } = asked;
                counted(forge, event, if served { Outcome::Accepted } else { Outcome::Ignored });
                tracing::debug!(delivery.id = id, %forge, event, served, "delivery accepted");
                Ok(Receipt::Accepted(id))
            }
            Ok(Recorded::Duplicate { same_body }) => Ok(asked.duplicate(same_body)),
            Err(error) => Err(asked.unavailable(error)),
        }
    }

    /// The same without keeping anything: none for a delivery that is new.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn recall(&self, delivery: VerifiedDelivery) -> Result<Option<Receipt>, StoreError> {
        let asked = Asked::of(&delivery);
        if delivery.is_ping() {
            return Ok(Some(asked.pong()));
        }
        match self.inner.store.recorded(self.row(delivery)).await {
            Ok(Some(Recorded::Duplicate { same_body })) => Ok(Some(asked.duplicate(same_body))),
            Ok(Some(Recorded::Accepted) | None) => {
                counted(asked.forge, asked.event, Outcome::ShuttingDown);
                Ok(None)
            }
            Err(error) => Err(asked.unavailable(error)),
        }
    }

    /// What is stored: of a repository that we do not serve only the id and the outcome, else the
    /// body without the secrets that people or we put into it.
    fn row(&self, delivery: VerifiedDelivery) -> NewDelivery {
        let served = delivery.repository().is_none_or(|path| self.inner.repositories.contains(path));
        let received_at = self.inner.clock.now();
        let parts = delivery.into_parts();
        if !served {
            return NewDelivery {
                forge: parts.forge,
                id: parts.id,
                event: parts.event,
                received_at,
                lane: None,
                ignored: Some("repository-not-served".to_owned()),
                headers: Vec::new(),
                body: Bytes::new(),
            };
        }
        let body = match parts.forge {
            ForgeKind::GitLab => keep(variables::redacted(&parts.body), &parts.body),
            ForgeKind::GitHub => parts.body,
        };
        let body = keep(self.inner.redactor.bytes(&body), &body);
        let clean = |(name, value): (String, String)| (name, self.inner.redactor.text(&value).into_owned());
        NewDelivery {
            forge: parts.forge,
            id: parts.id,
            event: parts.event,
            received_at,
            lane: Some(parts.lane),
            ignored: None,
            headers: parts.headers.into_iter().map(clean).collect(),
            body,
        }
    }

    /// Whether deliveries can be kept now.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.inner.store.ready().await
    }

    /// How many jobs wait, and how long the oldest does.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn queue(&self) -> Result<(u64, Duration), StoreError> {
        let (depth, oldest) = self.inner.store.queue().await?;
        Ok((depth, oldest.map(|since| self.inner.clock.now().since(since)).unwrap_or_default()))
    }

    /// How many models stand in each phase that has not come to its end.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn under_way(&self) -> Result<Vec<(Phase, u64)>, StoreError> {
        self.inner.store.count_in(&Phase::UNDER_WAY).await
    }
}

/// A delivery by its names, for what is said and counted about it.
struct Asked {
    forge: ForgeKind,
    event: &'static str,
    id: String,
}

impl Asked {
    fn of(delivery: &VerifiedDelivery) -> Self {
        let forge = delivery.forge();
        Self { forge, event: meters::event_word(forge, delivery.event()), id: delivery.id().to_owned() }
    }

    fn pong(self) -> Receipt {
        counted(self.forge, self.event, Outcome::Pong);
        Receipt::Pong
    }

    fn duplicate(self, same_body: bool) -> Receipt {
        counted(self.forge, self.event, Outcome::Duplicate);
        if !same_body {
            alarm::other_body(self.forge, &self.id);
        }
        Receipt::Duplicate(self.id)
    }

    fn unavailable(self, error: StoreError) -> StoreError {
        let Self { forge, event, id } = self;
        counted(forge, event, Outcome::Unavailable);
        tracing::error!(delivery.id = id, %forge, event, %error, "a delivery could not be kept");
        error
    }
}

/// The changed bytes, or the unchanged ones without copying them.
fn keep(changed: std::borrow::Cow<'_, [u8]>, whole: &Bytes) -> Bytes {
    match changed {
        std::borrow::Cow::Borrowed(_) => whole.clone(),
        std::borrow::Cow::Owned(changed) => changed.into(),
    }
}

/// `sub/folder` of `https://host/sub/folder`.
fn base_path(url: &str) -> String {
    let host_and_path = url.split_once("://").map_or(url, |(_scheme, rest)| rest);
    host_and_path.split_once('/').map_or("", |(_host, path)| path).trim_matches('/').to_owned()
}
