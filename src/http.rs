//! What the world can reach: webhooks, health and metrics.
//!
//! A handler that panics is answered with 500 and takes nobody else with it.

mod error;
mod health;
mod receive;
mod serve;

pub use health::Drain;
pub use receive::Limits;
pub use serve::serve;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use crate::domain::ForgeKind;
use crate::inbox::Inbox;

use error::{caught, no_such_method, no_such_page};
use health::Health;
use receive::{LARGE_AT_ONCE, Receiver, receive};

/// Health and metrics alone: what a process serves that receives nothing.
pub fn watched(inbox: Inbox, metrics: PrometheusHandle, drain: Drain) -> Router {
    around(Router::new(), Health { inbox, metrics, drain })
}

/// Everything that is served. A forge without configuration has no route.
pub fn router(inbox: Inbox, metrics: PrometheusHandle, drain: Drain, limits: Limits) -> Router {
    let turns = Arc::new(Semaphore::new(LARGE_AT_ONCE));
    let mut webhooks = Router::new();
    for forge in [ForgeKind::GitHub, ForgeKind::GitLab] {
        if inbox.serves(forge) {
            let (inbox, drain, turns) = (inbox.clone(), drain.clone(), Arc::clone(&turns));
            let receiver = Receiver { forge, inbox, limits, drain, turns };
            webhooks = webhooks.route(&format!("/webhooks/{forge}"), post(receive).with_state(receiver));
        }
    }
    around(webhooks, Health { inbox, metrics, drain })
}

fn around(routes: Router, health: Health) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(health)
        .merge(routes)
        .fallback(no_such_page)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn(caught))
}
