//! Accepting connections until we are asked to stop.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long requests that are under way may take after we were asked to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(15);

/// Serves until `shutdown` resolves; then accepts no more and lets requests under way end, those of
/// slow senders only for a while.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    tracing::info!(server.address = %listener.local_addr()?, "listening");
    let listener = listener.tap_io(|connection| {
        // Answers are small and whole: waiting to fill a packet would only delay them.
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let (stopping, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        // Fails only when nobody waits for the end any more.
        let _ended = stopping.send(());
    });
    tokio::select! {
        ended = serving => ended,
        () = async {
            // A serving that ended by itself drops the sender: then the other branch is the one.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(LAST_REQUESTS).await;
        } => {
            tracing::warn!("connections that were still open are given up");
            Ok(())
        }
    }
}
