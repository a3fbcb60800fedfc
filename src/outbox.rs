//! Performs the forge calls that were decided, each at least once and each safe to repeat.

mod checks;
mod clean;
mod comments;
mod commit;
mod evaluate;
mod merge;
mod perform;
mod registry;
mod render;
mod retry;
mod schedules;
mod sharing;
mod starts;

pub use render::Renderer;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::config::server::Mode;
use crate::domain::{Clock, Complaints, Done, InternalEvent, Outcome, Redactor};
use crate::forge::{ErrorKind, ForgeError, Forges};
use crate::storage::{ClaimedEffect, EffectEnd, HeldError, MOST_INTERRUPTIONS, NewJob, Store, StoreError};

use perform::{Means, Performed};
use retry::Next;
use starts::Starts;

/// How long a claimed effect stays ours without a sign of life.
const LEASE: Duration = Duration::from_secs(120);

/// Effects performed at once; each repository has at most one under way, and writes are paced.
const TASKS: usize = 4;

/// The shortest sleep when something is due but held by somebody else.
const SHORT: Duration = Duration::from_millis(50);

/// The longest we sleep without looking: nothing may wait longer for a wake-up that was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Performs effects.
#[derive(Clone, Debug)]
pub struct Outbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    forges: Forges,
    clock: Arc<dyn Clock>,
    mode: Mode,
    renderer: Renderer,
    /// Knows what must not leave.
    redactor: Redactor,
    /// Credentials that were told to be refused.
    complaints: Complaints,
    /// Runs that were started, or may have been.
    starts: Starts,
}

/// Why an effect could not be performed.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The forge did not do it.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The database did not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A comment template does not fit what it should show.
    #[error("a comment could not be written: {0}")]
    Render(#[from] minijinja::Error),
}

impl Outbox {
    /// An outbox over this store and these forges; nothing that `redactor` knows leaves through it.
    ///
    /// # Errors
    /// When a comment template is broken.
    pub fn new(
        store: Store,
        forges: Forges,
        clock: Arc<dyn Clock>,
        mode: Mode,
        redactor: Redactor,
    ) -> Result<Self, OutboxError> {
        let renderer = Renderer::new()?;
        let (complaints, starts) = (Complaints::default(), Starts::default());
        let inner = Inner { store, forges, clock, mode, renderer, redactor, complaints, starts };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Outbox {
    /// Performs the most urgent effect that is due; false when there is none.
    ///
    /// # Errors
    /// When the database cannot be used. What the forge answers is never an error here.
    pub async fn perform_one(&self) -> Result<bool, StoreError> {
        let Inner { store, clock, mode, .. } = &*self.inner;
        let Some(claimed) = store.claim_effect(clock.now(), LEASE).await? else { return Ok(false) };
        let span = tracing::info_span!(
            "effect",
            owner = %claimed.owner,
            effect.kind = claimed.effect.kind(),
            effect.attempts = claimed.attempts
        );
        let ended = async {
            if *mode == Mode::Observe {
                count(&claimed, "observed");
                return store.finish_effect(&claimed.lease, EffectEnd::Observed, clock.now()).await;
            }
            let inner = Arc::clone(&self.inner);
            let task = claimed.clone();
            let work = async move { inner.perform(&task).await }.in_current_span();
            let performed = store.held(&claimed.lease, LEASE, clock.as_ref(), work).await;
            self.inner.end(&claimed, performed).await
        };
        match ended.instrument(span).await {
            // Somebody else took over after we were silent for too long; what we did will be found.
            Err(StoreError::LeaseLost) => {
                tracing::warn!(owner = %claimed.owner, "lost the lease on an effect")
            }
            other => other.inspect_err(|_| store.abandon(&claimed.lease))?,
        }
        Ok(true)
    }

    /// Performs effects until `shutdown`; what is under way then is finished first.
    pub async fn run(&self, shutdown: CancellationToken) {
        let tasks = (0..TASKS).map(|_| self.serve(&shutdown));
        futures_util::future::join_all(tasks).await;
    }

    async fn serve(&self, shutdown: &CancellationToken) {
        let Inner { store, clock, .. } = &*self.inner;
        while !shutdown.is_cancelled() {
            // Registered before we look, so that no wake-up is lost in between.
            let woken = store.woken();
            let pause = match self.perform_one().await {
                Ok(true) => continue,
                Ok(false) => match store.next_effect_due().await {
                    Ok(due) => due.map_or(LOOK_AGAIN, |due| due.since(clock.now())).clamp(SHORT, LOOK_AGAIN),
                    Err(_) => LOOK_AGAIN,
                },
                Err(error) => {
                    alarm("store");
                    tracing::error!(alarm.kind = "store", %error, "effects wait: the database cannot be used");
                    LOOK_AGAIN
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = woken => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

impl Inner {
    async fn perform(&self, claimed: &ClaimedEffect) -> Result<Performed, OutboxError> {
        if claimed.interruptions >= MOST_INTERRUPTIONS {
            let ended = format!("{} processes ended while they performed this", claimed.interruptions);
            return Err(OutboxError::Forge(internal(ErrorKind::Refused, ended)));
        }
        let kind = claimed.owner.repo().forge;
        let Some(forge) = self.forges.get(kind) else {
            return Err(OutboxError::Forge(ForgeError {
                kind: ErrorKind::Refused,
                external: format!("{kind} is not configured here any more"),
                internal: "no adapter".to_owned(),
            }));
        };
        let Self { store, renderer, redactor, starts, .. } = self;
        let (forge, clock) = (forge.as_ref(), self.clock.as_ref());
        Means { store, forge, clock, renderer, redactor, starts }.perform(claimed).await
    }

    async fn end(
        &self,
        claimed: &ClaimedEffect,
        performed: Result<Result<Performed, OutboxError>, HeldError>,
    ) -> Result<(), StoreError> {
        let scope = self.forges.scope(claimed.owner.repo());
        let error = match performed {
            Ok(Ok(performed)) => {
                self.complaints.settled(scope);
                return self.finish(claimed, performed).await;
            }
            Ok(Err(OutboxError::Store(error))) | Err(HeldError::Store(error)) => return Err(error),
            Ok(Err(OutboxError::Forge(error))) => error,
            Ok(Err(OutboxError::Render(error))) => internal(ErrorKind::Refused, error.to_string()),
            Err(HeldError::Panicked(message)) => internal(ErrorKind::Retry { after: None }, message),
        };
        let error = self.cleaned(&error);
        if error.kind == ErrorKind::Unauthorized && self.complaints.is_new(scope, &error.external) {
            alarm("unauthorized");
            tracing::error!(alarm.kind = "unauthorized", %error, "the forge refuses our credential");
        }
        let next = if claimed.interruptions >= MOST_INTERRUPTIONS {
            Next::Dead
        } else {
            retry::after(&error, claimed.effect.reports_back(), claimed.failures(), fastrand::f64())
        };
        match next {
            Next::Again(wait) => {
                tracing::info!(%error, wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), "an effect will be tried again");
                count(claimed, "retried");
                self.store
                    .retry_effect(&claimed.lease, self.clock.now().after(wait), &error.to_string())
                    .await
            }
            Next::Tell(outcome) => {
                tracing::info!(%error, "the forge did not do what was decided");
                self.finish(claimed, Performed { outcome, comment: None }).await
            }
            Next::Dead => {
                alarm("dead_effect");
                tracing::error!(alarm.kind = "dead_effect", %error, "an effect was given up");
                count(claimed, "dead");
                self.starts.ended(claimed);
                let job = job(claimed, &Outcome::Refused { reason: error.external.clone() });
                let end = EffectEnd::Dead { reason: error.to_string(), job };
                self.store.finish_effect(&claimed.lease, end, self.clock.now()).await
            }
        }
    }

    /// A forge may repeat in its answer what it was sent.
    fn cleaned(&self, error: &ForgeError) -> ForgeError {
        ForgeError {
            kind: error.kind,
            external: self.redactor.text(&error.external).into_owned(),
            internal: self.redactor.text(&error.internal).into_owned(),
        }
    }

    async fn finish(&self, claimed: &ClaimedEffect, performed: Performed) -> Result<(), StoreError> {
        let Performed { outcome, comment } = performed;
        count(claimed, word(&outcome));
        self.starts.ended(claimed);
        tracing::info!(
            effect.slot = claimed.effect.slot(),
            effect.outcome = word(&outcome),
            "an effect ended"
        );
        let run = match &outcome {
            Outcome::Done(Done::Run { run }) => Some(*run),
            _ => None,
        };
        let job = job(claimed, &outcome);
        let end = EffectEnd::Outcome { outcome, job, run, comment };
        self.store.finish_effect(&claimed.lease, end, self.clock.now()).await
    }
}

/// The event that tells the engine, where it wants to know.
fn job(claimed: &ClaimedEffect, outcome: &Outcome) -> Option<NewJob> {
    claimed.effect.reports_back().then(|| NewJob {
        lane: claimed.owner.lane(),
        event: InternalEvent::Effect { slot: claimed.effect.slot(), outcome: outcome.clone() }.to_json(),
    })
}

fn internal(kind: ErrorKind, internal: String) -> ForgeError {
    ForgeError {
        kind,
        external: "mergewright itself failed at this; its log says where".to_owned(),
        internal,
    }
}

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Refused { .. } => "refused",
        Outcome::Conflict { .. } => "conflict",
    }
}

fn count(claimed: &ClaimedEffect, outcome: &'static str) {
    let kind = claimed.effect.kind();
    metrics::counter!("mergewright_effects_total", "kind" => kind, "outcome" => outcome).increment(1);
}

fn alarm(kind: &'static str) {
    metrics::counter!("mergewright_alarms_total", "kind" => kind).increment(1);
}
