//! Answers that say no: one shape everywhere, and never a word of what was presented.

use std::panic::AssertUnwindSafe;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use serde::Serialize;

/// How long a forge (or the one who repeats its deliveries) should wait for the store, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An answer that says no.
#[derive(Debug)]
pub(super) struct HttpError {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    message: &'a str,
}

impl HttpError {
    pub(super) fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self { status, error, message: message.into() }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let body = Json(Body { error: self.error, message: &self.message });
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        // What is left of such a body is not read, so the connection cannot serve another request.
        if matches!(self.status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

pub(super) async fn no_such_page() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

pub(super) async fn no_such_method() -> HttpError {
    let message = "this address does not answer to this method; the header Allow lists those it does";
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// A panic in a handler becomes an answer; its text is for the log only.
pub(super) async fn caught(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or_default();
            tracing::error!(url.path = path, panic = said, "a handler panicked");
            let message = "the request could not be answered; the log says why";
            HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_and_its_text_is_not_shown() {
        async fn fails() -> &'static str {
            panic!("inner secret");
        }
        let router = Router::new().route("/", get(fails)).layer(middleware::from_fn(caught));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.starts_with(r#"{"error":"internal","message":"#) && !body.contains("secret"), "{body}");
    }
}
