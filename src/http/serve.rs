//! Accepting connections until we are asked to stop.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

/// The longest that a connection may take to ask for something, its first or its next time.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long requests that are under way may take after we were asked to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(15);

/// How long we wait for resources (open files above all) that accepting a connection asks for.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// Serves until `shutdown` resolves; then accepts no more and lets requests under way end, those of
/// slow senders only for a while.
///
/// A connection on which nothing is asked for half a minute is closed, so that silent ones cannot use up
/// what the process may open.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    within(HEAD_TIME, listener, router, shutdown).await
}

async fn within(
    head_time: Duration,
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    tracing::info!(server.address = %listener.local_addr()?, "listening");
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_time);
    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let stream = tokio::select! {
            stream = accept(&listener) => stream,
            () = &mut shutdown => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = connections.shutdown() => {}
        () = tokio::time::sleep(LAST_REQUESTS) => {
            tracing::warn!("connections that were still open are given up");
        }
    }
    Ok(())
}

/// The next connection, however often accepting one fails before.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => {
                // Answers are small and whole: waiting to fill a packet would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps its delay");
                }
                return stream;
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted: are too many files open?");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Whether only this one connection is lost.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What is heard until the server hangs up, after these bytes were said.
    async fn heard(said: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        let patience = Duration::from_millis(30);
        let serving = tokio::spawn(within(patience, listener, router, std::future::pending()));
        connection.write_all(said.as_bytes()).await.unwrap();
        let mut heard = String::new();
        connection.read_to_string(&mut heard).await.unwrap();
        serving.abort();
        heard
    }

    #[tokio::test]
    async fn a_connection_that_does_not_ask_is_closed() {
        assert_eq!(heard("").await, "");
        assert_eq!(heard("GET / HTTP/1.1\r\nhost: x\r\n").await, "", "half a question");
    }

    #[tokio::test]
    async fn a_connection_that_asked_is_closed_when_it_does_not_ask_again() {
        let answer = heard("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
    }
}
