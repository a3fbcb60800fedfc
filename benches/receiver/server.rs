//! The receiver alone, to be measured: what `serve` answers with, without the work that follows.
//!
//! `server MODE CONFIG`, where MODE is `stored` (answered after the commit, as in production) or
//! `verify` (the same door without the store: what HTTP and the signature cost).

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use mergewright::config::server::ServerConfig;
use mergewright::domain::{ForgeKind, SystemClock};
use mergewright::http::{self, Drain, Limits};
use mergewright::inbox::{Form, Inbox};
use mergewright::storage::Store;
use mergewright::telemetry;
use secrecy::ExposeSecret as _;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` says `--bench`: there is nothing to measure without a sender.
    let [mode, config] = arguments.as_slice() else { bail!("run benches/receiver/run, which starts this") };
    let config = ServerConfig::load(Path::new(config), &|name| std::env::var(name).ok())
        .map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let stored = match mode.as_str() {
        "stored" => true,
        "verify" => false,
        other => bail!("`{other}` is no mode; write `stored` or `verify`"),
    };
    telemetry::init(&config.log, config.redactor())?;
    let metrics = telemetry::install()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let store = Store::open(config.database_url.expose_secret()).await.context("opening the database")?;
        let inbox = Inbox::new(store.clone(), Arc::new(SystemClock), &config);
        let router = if stored {
            http::router(inbox, metrics, Drain::default(), Limits::default())
        } else {
            verifying(inbox)
        };
        let listener = tokio::net::TcpListener::bind(config.listen).await?;
        http::serve(listener, router, mergewright::app::asked_to_end()?).await?;
        store.close().await;
        Ok(())
    })
}

/// Proves and reads each delivery, and forgets it.
fn verifying(inbox: Inbox) -> Router {
    Router::new()
        .route("/webhooks/github", post(verify).with_state(inbox))
        .route("/readyz", get(|| async { StatusCode::OK }))
}

async fn verify(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match inbox.verify(ForgeKind::GitHub, &headers, Form::Json, body) {
        Ok(_verified) => StatusCode::ACCEPTED,
        Err(_refusal) => StatusCode::UNAUTHORIZED,
    }
}
