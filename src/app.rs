//! The bot put together: the only place that knows every room.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::server::ServerConfig;
use crate::domain::Clock;
use crate::forge::{Forges, GitHub, GitLab};
use crate::http::{self, Drain, Limits};
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::storage::Store;
use crate::worker::{Settings, Worker};

/// How long work under way may take after we were asked to end: of the 20 s that are promised, some are
/// left for closing the database.
const DRAIN_LIMIT: Duration = Duration::from_secs(18);
/// How often deliveries past their time are dropped.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// The bot, ready to run. Tests drive its parts one step at a time; `serve` lets them run.
#[derive(Debug)]
pub struct App {
    /// Everything we know.
    pub store: Store,
    /// Deliveries become decisions.
    pub worker: Worker,
    /// Decisions become calls.
    pub outbox: Outbox,
    /// What the world can reach.
    pub router: axum::Router,
    /// Turns readiness off.
    pub drain: Drain,
    clock: Arc<dyn Clock>,
    workers: usize,
    keep_deliveries: Duration,
}

impl App {
    /// Opens the database (creating and migrating it), signs in at the forges and connects the rooms.
    ///
    /// # Errors
    /// When the database cannot be opened or a forge's client cannot be built.
    pub async fn assemble(
        config: &ServerConfig,
        clock: Arc<dyn Clock>,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Self> {
        for one in &config.not_acted_on {
            tracing::warn!(config.key = one.key, "set, but not acted on in this build: {}", one.instead);
        }
        let store = Store::open(config.database_url.expose_secret()).await.context("opening the database")?;
        let gitlab = config.gitlab.as_ref().map(|gitlab| GitLab::new(gitlab, Arc::clone(&clock)));
        let gitlab = gitlab.transpose().context("connecting to GitLab")?;
        let github = config.github.as_ref().map(|github| GitHub::new(github, Arc::clone(&clock)));
        let github = github.transpose().context("connecting to GitHub")?;
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
        let outbox = Outbox::new(store.clone(), forges, Arc::clone(&clock), config.mode, config.redactor())?;
        let inbox = Inbox::new(store.clone(), Arc::clone(&clock), config);
        let drain = Drain::default();
        let router = http::router(inbox, metrics, drain.clone(), Limits::default());
        let (workers, keep_deliveries) = (config.workers, config.keep_deliveries);
        Ok(Self { store, worker, outbox, router, drain, clock, workers, keep_deliveries })
    }

    /// Listens and works until `end` resolves, then finishes what is under way.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve(self, listen: SocketAddr, end: impl Future<Output = ()>) -> anyhow::Result<()> {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
        let stop = CancellationToken::new();
        let receiving =
            tokio::spawn(http::serve(listener, self.router.clone(), stop.clone().cancelled_owned()));
        let working = tokio::spawn({
            let (worker, tasks, stop) = (self.worker.clone(), self.workers, stop.clone());
            async move { worker.run(tasks, stop).await }
        });
        let performing = tokio::spawn({
            let (outbox, stop) = (self.outbox.clone(), stop.clone());
            async move { outbox.run(stop).await }
        });
        let pruning = tokio::spawn(prune(self.store.clone(), Arc::clone(&self.clock), self.keep_deliveries));
        end.await;
        tracing::info!("asked to end: finishing what is under way");
        self.drain.begin();
        pruning.abort();
        stop.cancel();
        let finished = async { tokio::join!(receiving, working, performing) };
        if tokio::time::timeout(DRAIN_LIMIT, finished).await.is_err() {
            tracing::warn!("some work did not end in time: its lease runs out and it is done again");
        }
        self.store.close().await;
        tracing::info!("ended");
        Ok(())
    }
}

/// Drops deliveries that were kept long enough, now and then.
async fn prune(store: Store, clock: Arc<dyn Clock>, keep: Duration) {
    loop {
        tokio::time::sleep(PRUNE_EVERY).await;
        let before = clock.now().before(keep);
        match store.prune(before).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(deliveries.pruned = count, "dropped deliveries past their time"),
            Err(error) => tracing::warn!(%error, "deliveries past their time could not be dropped"),
        }
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
