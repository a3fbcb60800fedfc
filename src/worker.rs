//! The main loop: a claimed job becomes an event, facts are gathered, the engine decides, and
//! everything that follows is committed at once.

mod decide;
mod environments;
mod facts;
mod failure;
mod logs;
mod memory;
mod onboarding;
mod repository;
mod schedules;
mod subject;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::config::server::AllowList;
use crate::domain::{Audit, Clock, Complaints, Lane, Redactor, Timestamp};
use crate::forge::Forges;
use crate::storage::{Claimed, Decision, HeldError, Job, MOST_INTERRUPTIONS, Store, StoreError};

use failure::{Failure, Next};
use memory::Memory;

/// How long a claimed job stays ours without a sign of life.
const LEASE: Duration = Duration::from_secs(120);

/// The longest we sleep without looking: nothing may wait longer for a wake-up that was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The shortest sleep when something is due but held by somebody else.
const SHORT: Duration = Duration::from_millis(50);

/// How late a timer may ring while there is always other work.
const RING_EVERY: Duration = Duration::from_secs(1);

/// Hears of each job what was decided, or why nothing could be.
pub type Listener<'a> = dyn FnMut(Result<&Decision, &str>) + Send + 'a;

/// Works jobs.
#[derive(Clone, Debug)]
pub struct Worker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    forges: Forges,
    clock: Arc<dyn Clock>,
    settings: Settings,
    memory: Memory,
    /// Credentials that were told to be refused.
    complaints: Complaints,
}

/// What the operator decided about the work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What commands begin with.
    pub prefix: String,
    /// Which repositories are served.
    pub repositories: AllowList,
    /// Keeps secrets out of the reasons that are stored with a job.
    pub redactor: Redactor,
}

impl Worker {
    /// A worker over this store and these forges.
    #[must_use]
    pub fn new(store: Store, forges: Forges, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let (memory, complaints) = (Memory::default(), Complaints::default());
        Self { inner: Arc::new(Inner { store, forges, clock, settings, memory, complaints }) }
    }

    /// Works the oldest job that is due; false when there is none. Timers that are due become jobs.
    ///
    /// # Errors
    /// When the database cannot be used. Whatever else goes wrong is kept with the job.
    pub async fn work_one(&self) -> Result<bool, StoreError> {
        self.work_one_telling(&mut |_| {}).await
    }

    /// The same, and `tell` hears what was decided before it is committed, or why nothing could be.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn work_one_telling(&self, tell: &mut Listener<'_>) -> Result<bool, StoreError> {
        let Inner { store, clock, .. } = &*self.inner;
        let mut claimed = store.claim(clock.now(), LEASE).await?;
        if claimed.is_none() && store.ring(clock.now()).await? > 0 {
            claimed = store.claim(clock.now(), LEASE).await?;
        }
        let Some(claimed) = claimed else { return Ok(false) };
        let span = tracing::info_span!(
            "job",
            lane = %claimed.lane,
            delivery.id = delivery_id(&claimed),
            job.attempts = claimed.attempts
        );
        let lease = claimed.lease.clone();
        match self.inner.work(claimed, tell).instrument(span).await {
            // Somebody else took over after we were silent for too long; nothing of ours was kept.
            Err(StoreError::LeaseLost) => tracing::warn!("lost the lease on a job"),
            other => other.inspect_err(|_| store.abandon(&lease))?,
        }
        Ok(true)
    }

    /// Works jobs, `tasks` at once, until `shutdown`; what is under way then is finished first.
    pub async fn run(&self, tasks: usize, shutdown: CancellationToken) {
        let tasks = (0..tasks.max(1)).map(|_| self.serve(&shutdown));
        futures_util::future::join_all(tasks).await;
    }

    async fn serve(&self, shutdown: &CancellationToken) {
        let Inner { store, clock, .. } = &*self.inner;
        let mut rung = Timestamp::default();
        while !shutdown.is_cancelled() {
            // Registered before we look, so that no wake-up is lost in between.
            let woken = store.woken();
            let pause = match self.work_one().await {
                Ok(true) if clock.now().since(rung) < RING_EVERY => continue,
                Ok(true) => {
                    rung = clock.now();
                    match store.ring(rung).await {
                        Ok(_) => continue,
                        Err(_) => LOOK_AGAIN,
                    }
                }
                Ok(false) => match store.next_job_due().await {
                    Ok(due) => due.map_or(LOOK_AGAIN, |due| due.since(clock.now())).clamp(SHORT, LOOK_AGAIN),
                    Err(_) => LOOK_AGAIN,
                },
                Err(error) => {
                    failure::alarm("store");
                    tracing::error!(alarm.kind = "store", %error, "jobs wait: the database cannot be used");
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
    /// Works one job to its end, whatever it is.
    async fn work(self: &Arc<Self>, claimed: Claimed, said: &mut Listener<'_>) -> Result<(), StoreError> {
        let (lease, failures) = (claimed.lease.clone(), claimed.failures());
        let scope = match &claimed.lane {
            Lane::MergeRequest(id) => self.forges.scope(id.repo),
            Lane::Model(id) => self.forges.scope(id.repo),
            Lane::Repository(repo) => self.forges.scope(*repo),
            Lane::Forge(kind) => (*kind, None),
        };
        let inner = Arc::clone(self);
        let work = async move {
            if claimed.interruptions >= MOST_INTERRUPTIONS {
                return Err(Failure::Interrupted(claimed.interruptions));
            }
            inner.decide(&claimed).await
        }
        .in_current_span();
        let failure = match self.store.held(&lease, LEASE, self.clock.as_ref(), work).await {
            Ok(Ok(decision)) => {
                said(Ok(&decision));
                let written = decision.audit.clone();
                match self.store.commit(&lease, decision, self.clock.now()).await {
                    Err(StoreError::Stale) => Failure::Store(StoreError::Stale),
                    other => {
                        self.complaints.settled(scope);
                        other.inspect(|()| written.iter().for_each(tell))?;
                        return Ok(());
                    }
                }
            }
            Ok(Err(failure)) => failure,
            Err(HeldError::Store(error)) => return Err(error),
            Err(HeldError::Panicked(message)) => Failure::Panicked(message),
        };
        if failure.unauthorized().is_some_and(|why| self.complaints.is_new(scope, why)) {
            failure::alarm("unauthorized");
            tracing::error!(alarm.kind = "unauthorized", error = %failure, "the forge refuses our credential");
        }
        let text = failure.to_string();
        let reason = self.settings.redactor.text(&text);
        said(Err(&reason));
        match failure.after(failures, fastrand::f64()) {
            Next::Again(wait) => {
                tracing::info!(error = %failure, wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), "a job will be tried again");
                self.store.retry_job(&lease, self.clock.now().after(wait), &reason).await
            }
            Next::Never => {
                failure::alarm("dead_job");
                tracing::error!(alarm.kind = "dead_job", error = %failure, "a job was given up");
                self.store.bury_job(&lease, &reason, self.clock.now()).await
            }
            Next::Wait => match failure {
                Failure::Store(error) => Err(error),
                _ => Ok(()),
            },
        }
    }
}

/// Says in the log what the audit log keeps. A publication that failed after the merge waits for people.
fn tell(entry: &Audit) {
    let entered = entry.detail.get("to").and_then(serde_json::Value::as_str);
    if entry.kind == "phase" && entered == Some("PublishFailed") {
        failure::alarm("publish_failed");
        tracing::error!(alarm.kind = "publish_failed", "{}", entry.what);
        return;
    }
    if entry.kind == "missed_tick" {
        let said = |name: &str| entry.detail.get(name).and_then(serde_json::Value::as_str);
        tracing::warn!(
            schedule.model = said("model"),
            schedule.name = said("schedule"),
            schedule.tick = said("tick"),
            schedule.outcome = said("outcome"),
            "{}",
            entry.what
        );
        return;
    }
    tracing::info!(audit.kind = entry.kind.as_str(), audit.actor = entry.actor.as_deref(), "{}", entry.what);
}

fn delivery_id(claimed: &Claimed) -> Option<&str> {
    match &claimed.job {
        Job::Delivery { id, .. } => Some(id),
        Job::Internal { .. } => None,
    }
}
