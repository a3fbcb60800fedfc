//! HTTP on loopback: takes requests apart, plays failures, records, and hands over to the layers.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::exchange::{Call, Reply};
use super::switches::{Fault, Switches};
use super::world::World;
use super::{github, gitlab, page};

/// The largest request body taken.
const BODY_LIMIT: usize = 64 << 20;

/// What the handler needs.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) world: Arc<World>,
    pub(crate) switches: Arc<Switches>,
    /// Sends deliveries.
    pub(crate) client: reqwest::Client,
    /// Whether it is the other origin, which holds large files and knows nobody.
    pub(crate) storage: bool,
}

/// Serves until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, site: Site) {
    let router = Router::new().fallback(handle).layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(site);
    let service = router.into_make_service_with_connect_info::<Line>();
    // It ends only with the listener.
    let _ended = axum::serve(Lines(listener), service).await;
}

async fn handle(
    Shared(site): Shared<Site>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return respond(Reply::empty(413));
    };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let call = Call::new(parts.method.as_str(), target, headers.collect(), body);
    let fault = site.switches.next(&call);
    match &fault {
        Some(Fault::BreakBefore) => {
            site.switches.record(&call, site.asker(&call), None);
            line.cut();
            return respond(Reply::empty(500));
        }
        Some(Fault::Answer { status, headers, body }) => {
            let mut reply = Reply::empty(*status);
            reply.headers.clone_from(headers);
            reply.body = body.clone().into();
            site.switches.record(&call, site.asker(&call), Some(&reply));
            return respond(reply);
        }
        Some(Fault::HoldBefore) => {
            site.switches.record(&call, site.asker(&call), None);
            site.switches.hold().await;
            line.cut();
            return respond(Reply::empty(500));
        }
        Some(Fault::Slow(span)) => tokio::time::sleep(*span).await,
        Some(Fault::BreakAfter | Fault::HoldAfter) | None => {}
    }
    let inner = site.clone();
    // The world runs git, so it stays off the async threads.
    let unanswered = matches!(fault, Some(Fault::BreakAfter | Fault::HoldAfter));
    let answer = move || {
        let by = inner.asker(&call);
        let reply = inner.answer(&call);
        inner.switches.record(&call, by, (!unanswered).then_some(&reply));
        reply
    };
    let mut reply = tokio::task::spawn_blocking(answer).await;
    if let Ok(reply) = &mut reply {
        reply.deliver(&site).await;
    }
    if fault == Some(Fault::HoldAfter) {
        site.switches.hold().await;
    }
    match reply {
        Ok(reply) if !unanswered => respond(reply),
        _ => {
            line.cut();
            respond(Reply::empty(500))
        }
    }
}

impl Site {
    /// Login of who asks, as far as a token says.
    fn asker(&self, call: &Call) -> Option<String> {
        let token = call.header("private-token").or_else(|| call.bearer())?;
        github::login(&self.world.lock(), token)
    }

    fn answer(&self, call: &Call) -> Reply {
        let api = call.segments.first().is_some_and(|part| part == "api");
        let mut state = self.world.lock();
        let github = state.dialect.is_github();
        match (api, call.segments.get(1).map(String::as_str)) {
            _ if self.storage => github::storage(&state, call),
            _ if github && github::identity::is_asked(call) => github::identity::answer(&state, call),
            _ if github && github::is_api(call) => github::answer(&mut state, call),
            (true, Some("v4")) if !github => limits(gitlab::answer(&mut state, call), state.now().0),
            _ => match github.then(|| github::page(&mut state, call)).flatten() {
                Some(reply) => reply,
                None => page::answer(&mut state, call),
            },
        }
    }
}

/// The rate limit headers of an instance that is far from its limit.
fn limits(reply: Reply, now: i64) -> Reply {
    let minute = now.div_euclid(60_000).saturating_add(1).saturating_mul(60);
    reply
        .with("ratelimit-name", "throttle_authenticated_api")
        .with("ratelimit-limit", "2000")
        .with("ratelimit-observed", "1")
        .with("ratelimit-remaining", "1999")
        .with("ratelimit-reset", minute.to_string())
}

fn respond(reply: Reply) -> Response {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(reply.body)).unwrap_or_else(|_error| {
        // A header with a line break in it; nothing of ours has one.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// Tells a connection to break instead of answering.
#[derive(Clone, Debug)]
struct Line(Arc<AtomicBool>);

impl Line {
    fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        Self(Arc::clone(&stream.io().cut))
    }
}

struct Lines(TcpListener);

impl Listener for Lines {
    type Io = Breakable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Breakable { stream, cut: Arc::default() }, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection that can be made to fail on its next write.
struct Breakable {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl Breakable {
    fn broken(&self) -> Option<std::io::Error> {
        self.cut.load(Ordering::SeqCst).then(|| std::io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Breakable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.broken() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.broken() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
