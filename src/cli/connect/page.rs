//! The page on this machine that sends the manifest to GitHub, and hears what came of it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use minijinja::{Environment, context};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const TEMPLATE: &str = include_str!("../../../templates/connect/page.html");

/// What the page offers and awaits.
#[derive(Debug)]
pub(super) struct Offer {
    /// Where the form goes, `state` included.
    pub(super) action: String,
    /// GitHub gives it back, so that an answer is to this question.
    pub(super) state: String,
    /// What is asked for.
    pub(super) manifest: Value,
    /// The page's own host and port.
    pub(super) host: String,
}

#[derive(Clone)]
struct Site {
    offer: Arc<Offer>,
    codes: mpsc::Sender<String>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

/// Serves the page until GitHub sends somebody back with the answer: the code.
///
/// # Errors
/// When the listener breaks.
pub(super) async fn code(listener: TcpListener, offer: Offer) -> std::io::Result<String> {
    let (codes, mut told) = mpsc::channel(1);
    let site = Site { offer: Arc::new(offer), codes };
    let router = Router::new()
        .route("/", get(shown))
        .route("/callback", get(answered))
        .layer(middleware::from_fn_with_state(site.clone(), at_home))
        .with_state(site);
    let (heard, code) = tokio::sync::oneshot::channel();
    let ended = async move {
        if let Some(code) = told.recv().await {
            let _waits_below = heard.send(code);
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(ended).await?;
    code.await.map_err(|_ended| std::io::Error::other("the page ended before the answer came"))
}

/// A name that somebody let point to this machine is not ours.
async fn at_home(State(site): State<Site>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    if host == Some(site.offer.host.as_str()) {
        next.run(request).await
    } else {
        render(
            StatusCode::BAD_REQUEST,
            &json!({"title": "Not here", "text": "This page has another address."}),
        )
    }
}

async fn shown(State(site): State<Site>) -> Response {
    let offer = &site.offer;
    render(
        StatusCode::OK,
        &json!({
            "title": "A GitHub App for mergewright",
            "text": "GitHub shows a name for the App, which you may change, and makes it when you say so.",
            "action": offer.action,
            "manifest": offer.manifest.to_string(),
            "shown": serde_json::to_string_pretty(&offer.manifest).unwrap_or_default(),
        }),
    )
}

async fn answered(State(site): State<Site>, Query(told): Query<Told>) -> Response {
    let ours = bool::from(told.state.as_bytes().ct_eq(site.offer.state.as_bytes()));
    if !ours || told.code.is_empty() {
        let text = "This is no answer to what was asked here. Begin at the address that the terminal shows.";
        return render(StatusCode::BAD_REQUEST, &json!({"title": "Not understood", "text": text}));
    }
    // A second answer to the same question changes nothing.
    let _already_told = site.codes.try_send(told.code);
    render(
        StatusCode::OK,
        &json!({"title": "Done", "text": "The terminal goes on from here; this page can be closed."}),
    )
}

fn render(status: StatusCode, content: &Value) -> Response {
    let mut environment = Environment::new();
    let added = environment.add_template("page.html", TEMPLATE);
    let page = added.and_then(|()| {
        environment.get_template("page.html")?.render(context! { page => minijinja::value::Serde(content) })
    });
    let Ok(html) = page else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let headers: HeaderMap =
        headers.into_iter().map(|(name, value)| (name, header::HeaderValue::from_static(value))).collect();
    (status, headers, html).into_response()
}
