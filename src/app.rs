//! The bot put together: the only place that knows every room.

mod leading;
mod running;
mod tasks;

use leading::Leading;
pub use running::Running;
pub use tasks::{Ended, How, Tasks};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

use crate::config::server::{Mode, ServerConfig};
use crate::domain::Clock;
use crate::forge::{Forges, GitHub, GitLab};
use crate::http::{self, Drain, Limits};
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::reconcile::{Reconcile, Served};
use crate::storage::{Sole, Store};
use crate::worker::{Settings, Worker};

/// Which half of the bot a process is. Where several share a database, each may be another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Receives and acts.
    #[default]
    All,
    /// Receives.
    Web,
    /// Acts.
    Worker,
}

/// The bot, ready to run. Tests drive its parts one step at a time; `listen` lets them run.
#[derive(Debug)]
pub struct App {
    /// Everything we know.
    pub store: Store,
    /// Deliveries become decisions.
    pub worker: Worker,
    /// Decisions become calls.
    pub outbox: Outbox,
    /// Asks the forge what was missed.
    pub reconcile: Reconcile,
    /// What the world can reach.
    pub router: axum::Router,
    /// Turns readiness off, and deliveries away.
    pub drain: Drain,
    clock: Arc<dyn Clock>,
    workers: usize,
    reconcile_every: Duration,
    keep_deliveries: Duration,
    sole: Sole,
    role: Role,
}

impl App {
    /// The whole bot.
    ///
    /// # Errors
    /// Those of [`App::assemble_as`].
    pub async fn assemble(
        config: &ServerConfig,
        clock: Arc<dyn Clock>,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Self> {
        Box::pin(Self::assemble_as(Role::All, config, clock, metrics)).await
    }

    /// Opens the database (creating and migrating it), takes over what a process that ended badly left
    /// in it, prepares the forges' clients and connects the rooms.
    ///
    /// # Errors
    /// When the database cannot be opened or belongs to another process, when it is a file and `role` is half
    /// a bot, or when a forge's client cannot be built.
    pub async fn assemble_as(
        role: Role,
        config: &ServerConfig,
        clock: Arc<dyn Clock>,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Self> {
        for one in &config.not_acted_on {
            tracing::warn!(config.key = one.key, "set, but not acted on in this build: {}", one.instead);
        }
        let store = Store::open(config.database_url.expose_secret()).await.context("opening the database")?;
        if role != Role::All && !store.is_shared() {
            anyhow::bail!("half a bot needs a database that several processes share, which SQLite is not");
        }
        let sole = store.sole().await.context("taking the database over")?;
        let left = store.release_all(&sole, clock.now()).await.context("taking the database over")?;
        if left > 0 {
            tracing::warn!(
                leases.released = left,
                "the last process ended in the middle of its work: it goes on"
            );
        }
        store.serving_since(clock.now()).await.context("opening the database")?;
        let gitlab = config.gitlab.as_ref().map(|gitlab| GitLab::new(gitlab, Arc::clone(&clock)));
        let gitlab = gitlab.transpose().context("connecting to GitLab")?;
        let github = config.github.as_ref().map(|github| GitHub::new(github, Arc::clone(&clock)));
        let github = github.transpose().context("connecting to GitHub")?;
        let github = github.map(|github| {
            let github = github.telling(config.learnt.clone());
            if config.mode == Mode::Observe { github.watching() } else { github }
        });
        let forges = Forges {
            github: github.map(|github| Arc::new(github) as _),
            gitlab: gitlab.map(|gitlab| Arc::new(gitlab) as _),
        };
        let settings = Settings {
            prefix: config.command_prefix.clone(),
            repositories: config.repositories.clone(),
            redactor: config.redactor(),
        };
        let worker = Worker::new(store.clone(), forges.clone(), Arc::clone(&clock), settings);
        let names = config.repositories.names().to_vec();
        let list = config.repositories.clone();
        let served = Served::new(names, move |path| list.contains(path));
        let reconcile = Reconcile::new(store.clone(), forges.clone(), Arc::clone(&clock), served);
        let reconcile = match config.mode {
            Mode::Act => reconcile.healing(config.public_url.clone()),
            // To have something sent again changes what others see at the forge.
            Mode::Observe => reconcile,
        };
        let outbox = Outbox::new(store.clone(), forges, Arc::clone(&clock), config.mode, config.redactor())?;
        let inbox = Inbox::new(store.clone(), Arc::clone(&clock), config);
        let drain = Drain::default();
        let router = match role {
            Role::All | Role::Web => http::router(inbox, metrics, drain.clone(), Limits::default()),
            Role::Worker => http::watched(inbox, metrics, drain.clone()),
        };
        Ok(Self {
            store,
            worker,
            outbox,
            reconcile,
            router,
            drain,
            clock,
            workers: config.workers,
            reconcile_every: config.reconcile_every,
            keep_deliveries: config.keep_deliveries,
            sole,
            role,
        })
    }

    /// Listens, and lets everything run; [`Running::until`] sees to it from then on.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn listen(self, address: SocketAddr) -> anyhow::Result<Running> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
        let address = listener.local_addr().context("listening")?;
        let Self { store, worker, outbox, reconcile, router, drain, clock, .. } = self;
        let (mut door, mut work) = (Tasks::default(), Tasks::default());
        door.add("the door", async |stop| {
            if let Err(error) = http::serve(listener, router, stop.cancelled_owned()).await {
                tracing::error!(%error, "nothing can be received");
            }
        });
        if self.role != Role::Web {
            let workers = self.workers;
            work.add("the worker", async move |stop| worker.run(workers, stop).await);
            work.add("the outbox", async move |stop| outbox.run(stop).await);
            let lead = Leading {
                store: store.clone(),
                clock: Arc::clone(&clock),
                reconcile,
                reconcile_every: self.reconcile_every,
                keep_deliveries: self.keep_deliveries,
            };
            work.add("the sweep", async move |stop| lead.run(stop).await);
        }
        let ended = store.ended();
        work.add("the database", async move |stop| {
            let _stopped: Option<()> = stop.run_until_cancelled(ended).await;
        });
        Ok(Running { address, door, work, drain, store, clock, sole: self.sole, limit: running::END_LIMIT })
    }
}

/// Resolves when the process is asked to end: SIGTERM or Ctrl-C. Both are heard from this call on, so that
/// who is asked while he starts ends well too.
///
/// # Errors
/// When the system does not let us listen to signals.
#[cfg(unix)]
pub fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}

/// Resolves when the process is asked to end: Ctrl-C.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
