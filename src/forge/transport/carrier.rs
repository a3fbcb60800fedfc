//! Who takes a request to the forge: reqwest alone, or octocrab with the same reqwest below it.

use std::error::Error;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use octocrab::service::middleware::auth_header::AuthHeaderLayer;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Request, Response, Url};
use tower::Service;

/// What a write carries.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Nothing.
    Nothing,
    /// A JSON document.
    Json(serde_json::Value),
    /// A file.
    Bytes(Bytes),
}

/// One request, not yet signed.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) address: Url,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
    /// How long everything may take, the answer's body included; none where only the reading of the body tells.
    pub(super) time: Option<Duration>,
}

impl Outgoing {
    /// A read.
    pub(super) fn reading(method: Method, address: Url, headers: HeaderMap, time: Option<Duration>) -> Self {
        Self { method, address, headers, payload: Payload::Nothing, time }
    }
}

/// How our signature gets onto a request.
#[derive(Clone, Debug)]
pub(super) enum Carrier {
    /// The token in a header of its own.
    Header(HeaderName, HeaderValue),
    /// octocrab makes and signs the request.
    Octocrab {
        octocrab: Octocrab,
        /// The addresses that it signs for.
        base: http::Uri,
        uploads: http::Uri,
    },
}

impl Carrier {
    /// octocrab without a network of its own: no redirects, no repeats, no TLS, no time-outs. It signs
    /// for these two addresses only.
    pub(super) fn octocrab(
        client: &Client,
        token: HeaderValue,
        base: &Url,
        uploads: &Url,
    ) -> Result<Self, http::Error> {
        let uri = |url: &Url| url.as_str().parse::<http::Uri>().map_err(http::Error::from);
        Ok(Self::signed(client, token, &uri(base)?, &uri(uploads)?))
    }

    /// The same for addresses that were read before.
    pub(super) fn signed(client: &Client, token: HeaderValue, base: &http::Uri, uploads: &http::Uri) -> Self {
        let signature = AuthHeaderLayer::new(Some(token), base.clone(), uploads.clone());
        let built = OctocrabBuilder::new_empty()
            .with_service(Wire(client.clone()))
            .with_layer(&signature)
            .with_auth(AuthState::None)
            .build();
        match built {
            Ok(octocrab) => Self::Octocrab { octocrab, base: base.clone(), uploads: uploads.clone() },
            Err(never) => match never {},
        }
    }

    /// Sends with our signature.
    pub(super) async fn send(&self, client: &Client, outgoing: Outgoing) -> Result<Response, Lost> {
        match self {
            Self::Header(name, value) => {
                let mut outgoing = outgoing;
                outgoing.headers.insert(name.clone(), value.clone());
                plainly(client, outgoing).await
            }
            Self::Octocrab { octocrab, .. } => through(octocrab, outgoing).await.map_err(Lost::from),
        }
    }
}

/// Sends without any signature.
pub(super) async fn plainly(client: &Client, outgoing: Outgoing) -> Result<Response, Lost> {
    let Outgoing { method, address, headers, payload, time } = outgoing;
    let request = client.request(method, address).headers(headers);
    let request = match time {
        Some(time) => request.timeout(time),
        None => request,
    };
    let request = match payload {
        Payload::Nothing => request,
        Payload::Json(value) => request.json(&value),
        Payload::Bytes(bytes) => request.header(CONTENT_TYPE, "application/octet-stream").body(bytes),
    };
    request.send().await.map_err(Lost::from)
}

async fn through(octocrab: &Octocrab, outgoing: Outgoing) -> Result<Response, octocrab::Error> {
    let Outgoing { method, address, headers, payload, time } = outgoing;
    let reads = matches!(method, Method::GET | Method::HEAD);
    let builder = http::Request::builder().method(method).uri(address.as_str());
    let mut request = match payload {
        Payload::Nothing => octocrab.build_request(builder, None::<&()>)?,
        Payload::Json(value) => octocrab.build_request(builder, Some(&value))?,
        Payload::Bytes(bytes) => {
            let length = HeaderValue::from(bytes.len());
            let mut request = octocrab.build_request(builder, None::<&()>)?.map(|_| OctoBody::from(bytes));
            let kind = HeaderValue::from_static("application/octet-stream");
            request.headers_mut().insert(CONTENT_TYPE, kind);
            // GitHub wants the length of an empty file told as well.
            request.headers_mut().insert(CONTENT_LENGTH, length);
            request
        }
    };
    if reads {
        // octocrab tells the length of what a read does not carry.
        request.headers_mut().remove(CONTENT_LENGTH);
    }
    request.headers_mut().extend(headers);
    if let Some(time) = time {
        request.extensions_mut().insert(Patience(time));
    }
    Ok(octocrab.execute(request).await?.map(Body::wrap).into())
}

/// How long a request may take, told to the wire below octocrab.
#[derive(Clone, Copy, Debug)]
struct Patience(Duration);

/// The wire below octocrab: our own client.
#[derive(Clone, Debug)]
struct Wire(Client);

impl Service<http::Request<OctoBody>> for Wire {
    type Response = http::Response<Body>;
    type Error = reqwest::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<OctoBody>) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move {
            let patience = request.extensions().get::<Patience>().copied();
            let mut request = Request::try_from(request.map(Body::wrap))?;
            *request.timeout_mut() = patience.map(|patience| patience.0);
            Ok(client.execute(request).await?.into())
        })
    }
}

/// A request without an answer, or an answer that broke off.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(super) timed_out: bool,
    pub(super) unreachable: bool,
    /// The causes, without the address (which may hold credentials).
    pub(super) causes: String,
}

impl From<reqwest::Error> for Lost {
    fn from(error: reqwest::Error) -> Self {
        Self::of(&error)
    }
}

impl From<octocrab::Error> for Lost {
    fn from(error: octocrab::Error) -> Self {
        Self::of(&error)
    }
}

impl Lost {
    /// Nobody who stands in for the forge knows the answer.
    pub(super) fn unanswered() -> Self {
        Self { timed_out: false, unreachable: true, causes: "the answer is not known".to_owned() }
    }

    /// Less of it came than must have by now.
    pub(super) fn too_slow(read: u64) -> Self {
        let causes = format!("only {read} bytes came in time");
        Self { timed_out: true, unreachable: false, causes }
    }

    /// Looks for the error of the network below all wrappings.
    fn of(error: &(dyn Error + 'static)) -> Self {
        let innermost = chain(error).filter_map(|cause| cause.downcast_ref::<reqwest::Error>()).last();
        let timed_out = innermost.is_some_and(reqwest::Error::is_timeout);
        let mut causes = if timed_out { "timed out".to_owned() } else { "failed".to_owned() };
        match innermost {
            Some(inner) => {
                for cause in chain(inner).skip(1) {
                    causes.push_str(": ");
                    causes.push_str(&cause.to_string());
                }
            }
            None => {
                causes.push_str(": ");
                causes.push_str(&error.to_string());
            }
        }
        Self { timed_out, unreachable: innermost.is_some_and(reqwest::Error::is_connect), causes }
    }
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}
