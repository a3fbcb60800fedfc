//! For those who watch over us: alive, ready, and in numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use metrics_exporter_prometheus::PrometheusHandle;

use super::error::HttpError;
use crate::inbox::{Inbox, StoreError};

/// How long the store may take to be measured.
const MEASURE_LIMIT: Duration = Duration::from_secs(2);

/// Said once when we are asked to stop: from then on we are not ready and keep nothing new, while what is
/// under way ends.
#[derive(Clone, Debug, Default)]
pub struct Drain(Arc<AtomicBool>);

impl Drain {
    /// Stops being ready and taking deliveries.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether we were asked to stop.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
pub(super) struct Health {
    pub(super) inbox: Inbox,
    pub(super) metrics: PrometheusHandle,
    pub(super) drain: Drain,
}

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(health): State<Health>) -> Result<&'static str, HttpError> {
    let unready = |error, message| Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, error, message));
    if health.drain.is_on() {
        return unready("draining", "the server is stopping");
    }
    if let Err(error) = health.inbox.ready().await {
        tracing::warn!(%error, "not ready: the store does not answer");
        return unready("store_unavailable", "the store does not answer; the log says why");
    }
    Ok("ready\n")
}

/// Queue and runs are measured when they are asked for; while the store does not answer, the last numbers
/// stay.
pub(super) async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    // A scrape ends soon, also while the store says nothing.
    let (queue, under_way) = tokio::join!(
        tokio::time::timeout(MEASURE_LIMIT, health.inbox.queue()),
        tokio::time::timeout(MEASURE_LIMIT, health.inbox.under_way()),
    );
    match queue.unwrap_or_else(|_elapsed| Err(silent())) {
        Ok((depth, oldest)) => {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; nobody has 2^53 jobs")]
            metrics::gauge!("mergewright_queue_depth").set(depth as f64);
            metrics::gauge!("mergewright_queue_oldest_seconds").set(oldest.as_secs_f64());
        }
        Err(error) => tracing::warn!(%error, "the queue cannot be measured"),
    }
    match under_way.unwrap_or_else(|_elapsed| Err(silent())) {
        Ok(counts) => {
            for (phase, count) in counts {
                let labels = [("stage", phase.stage().to_string()), ("state", phase.to_string())];
                #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; nobody has 2^53 runs")]
                metrics::gauge!("mergewright_runs", &labels).set(count as f64);
            }
        }
        Err(error) => tracing::warn!(%error, "the runs cannot be counted"),
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.metrics.render())
}

fn silent() -> StoreError {
    StoreError::Unavailable("it does not answer in time".to_owned())
}
