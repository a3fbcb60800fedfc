//! Speaks HTTP with one forge under one credential: origin, redirects, limits, pace, judgement.

mod body;
mod origin;

use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use crate::domain::{Clock, ForgeKind};

use super::classify::{Answer, Failure, Operation, asked_wait, classify, display_name, header};
use super::pace::{Gate, Pace};
use super::redact::Redactor;
use super::{ErrorKind, ForgeError};

pub(crate) use origin::{NextPage, next_page};

/// The most redirects that are followed for one read.
const MOST_REDIRECTS: usize = 5;

/// How long, how large, how many: nothing that a forge sends is taken without a bound.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To open a connection.
    pub connect: Duration,
    /// For one call of the API, answer included.
    pub call: Duration,
    /// For one log, archive or release file.
    pub transfer: Duration,
    /// Bytes of one JSON answer.
    pub json: u64,
    /// Bytes of one job's log.
    pub log: u64,
    /// Pages of one list.
    pub pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            call: Duration::from_secs(60),
            transfer: Duration::from_secs(600),
            json: 32 << 20,
            log: 256 << 20,
            pages: 500,
        }
    }
}

/// What a write carries.
pub(crate) enum Payload {
    Nothing,
    Json(serde_json::Value),
    Bytes(Vec<u8>),
}

/// A forge's API under one credential.
#[derive(Debug)]
pub(crate) struct Transport {
    forge: ForgeKind,
    client: Client,
    base: Url,
    header: HeaderName,
    token: SecretString,
    limits: Limits,
    clock: Arc<dyn Clock>,
    gate: Gate,
    pace: Pace,
    redactor: Redactor,
}

/// Where the API is and how we sign in.
pub(crate) struct Access<'a> {
    pub(crate) forge: ForgeKind,
    /// Without a trailing slash.
    pub(crate) base: &'a str,
    pub(crate) header: HeaderName,
    pub(crate) token: &'a SecretString,
    pub(crate) write_interval: Duration,
}

impl Transport {
    pub(crate) fn new(access: Access<'_>, clock: Arc<dyn Clock>, limits: Limits) -> Result<Self, ForgeError> {
        let name = display_name(access.forge);
        let redactor = Redactor::new([access.token]);
        let wrong = |what: String| ForgeError {
            kind: ErrorKind::Refused,
            external: format!("the connection to {name} is configured wrongly: {what}"),
            internal: "set-up".to_owned(),
        };
        let base = Url::parse(access.base)
            .map_err(|error| wrong(format!("`{}` is no address ({error})", redactor.clean(access.base))))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong("its address must begin with http:// or https:// and name a host".to_owned()));
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            return Err(wrong("its address must hold no credentials and no query".to_owned()));
        }
        if HeaderValue::from_str(access.token.expose_secret()).is_err() {
            return Err(wrong("the API token holds characters that no header can carry".to_owned()));
        }
        let client = client(&base, &limits)
            .map_err(|error| wrong(format!("no HTTP client can be made ({})", causes(&error))))?;
        Ok(Self {
            forge: access.forge,
            client,
            base,
            header: access.header,
            token: access.token.clone(),
            limits,
            gate: Gate::new(Arc::clone(&clock)),
            clock,
            pace: Pace::new(access.write_interval),
            redactor,
        })
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) const fn name(&self) -> &'static str {
        display_name(self.forge)
    }

    /// The address of a path of the API, which begins with `/` and is already encoded.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// Reads one JSON answer.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        path: &str,
    ) -> Result<T, Failure> {
        self.get_with_headers(operation, &self.address(path)).await.map(|(value, _)| value)
    }

    /// Reads one JSON answer and its headers from a full address of the same origin.
    pub(crate) async fn get_with_headers<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        address: &str,
    ) -> Result<(T, HeaderMap), Failure> {
        let response = self.read(operation, Method::GET, address, false, self.limits.call).await?;
        let headers = response.headers().clone();
        Ok((self.json(operation, response).await?, headers))
    }

    /// Reads the headers of an answer only.
    pub(crate) async fn head(&self, operation: &Operation, path: &str) -> Result<HeaderMap, Failure> {
        let address = self.address(path);
        let response = self.read(operation, Method::HEAD, &address, false, self.limits.call).await?;
        Ok(response.headers().clone())
    }

    /// Opens a file for reading; it may lie in a storage elsewhere, which never sees our token.
    pub(crate) async fn download(&self, operation: &Operation, path: &str) -> Result<Response, Failure> {
        self.read(operation, Method::GET, &self.address(path), true, self.limits.transfer).await
    }

    /// Writes in turn and reads the JSON answer with its status.
    pub(crate) async fn write<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        method: Method,
        path: &str,
        payload: Payload,
    ) -> Result<(u16, T), Failure> {
        let _turn = self.pace.turn().await;
        let response = self.send_write(operation, method, path, payload).await?;
        let status = response.status().as_u16();
        Ok((status, self.json(operation, response).await?))
    }

    /// Writes in turn; what a successful answer holds does not matter.
    pub(crate) async fn write_only(
        &self,
        operation: &Operation,
        method: Method,
        path: &str,
        payload: Payload,
    ) -> Result<u16, Failure> {
        let _turn = self.pace.turn().await;
        let response = self.send_write(operation, method, path, payload).await?;
        Ok(response.status().as_u16())
    }

    async fn send_write(
        &self,
        operation: &Operation,
        method: Method,
        path: &str,
        payload: Payload,
    ) -> Result<Response, Failure> {
        let request = self.signed(self.client.request(method, self.address(path)));
        let request = match payload {
            Payload::Nothing => request.timeout(self.limits.call),
            Payload::Json(value) => request.timeout(self.limits.call).json(&value),
            Payload::Bytes(bytes) => request
                .timeout(self.limits.transfer)
                .header(reqwest::header::CONTENT_TYPE, "application/octet-stream")
                .body(bytes),
        };
        let response = self.send(operation, request).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.judge(operation, response).await) }
    }

    /// Follows redirects: within our origin with the token; elsewhere only where `storage` allows it,
    /// and then without the token for the rest of the way.
    async fn read(
        &self,
        operation: &Operation,
        method: Method,
        address: &str,
        storage: bool,
        time: Duration,
    ) -> Result<Response, Failure> {
        let mut address =
            Url::parse(address).map_err(|_error| self.refused(operation, "the address is broken"))?;
        let mut ours = true;
        for _ in 0..=MOST_REDIRECTS {
            let request = self.client.request(method.clone(), address.clone()).timeout(time);
            let request = if ours { self.signed(request) } else { request };
            let response = self.send(operation, request).await?;
            if response.status().is_success() {
                return Ok(response);
            }
            let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(target) = target.filter(|_| response.status().is_redirection()) else {
                return Err(if ours {
                    self.judge(operation, response).await
                } else {
                    self.judge_storage(operation, &response)
                });
            };
            let target = address
                .join(target)
                .map_err(|_error| self.refused(operation, "a redirect leads to a broken address"))?;
            ours = ours && origin::same(&self.base, &target);
            if !ours && !storage {
                return Err(self
                    .refused(operation, "a redirect leads to another address; correct the configured one"));
            }
            if origin::weakens(&address, &target) {
                return Err(self.refused(operation, "a redirect leads from https to an address without it"));
            }
            address = target;
        }
        Err(self.refused(operation, "there are too many redirects"))
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match HeaderValue::from_str(self.token.expose_secret()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(self.header.clone(), value)
            }
            // Judged when the transport was made.
            Err(_) => request,
        }
    }

    /// Sends one request, unless the forge asked us to be silent.
    async fn send(&self, operation: &Operation, request: RequestBuilder) -> Result<Response, Failure> {
        if let Some(left) = self.gate.shut_for() {
            return Err(Failure::new(
                ErrorKind::Retry { after: Some(left) },
                format!("{} asked us to slow down; this is tried again by itself", self.name()),
                format!("{}: not sent, the credential is paused for {} ms", operation.name, left.as_millis()),
            ));
        }
        let result = request.send().await;
        let status = result
            .as_ref()
            .map_or_else(|_| "none".to_owned(), |response| response.status().as_str().to_owned());
        tracing::debug!(forge = self.forge.as_str(), operation = operation.name, status, "asked the forge");
        metrics::counter!(
            "mergewright_forge_requests_total",
            "forge" => self.forge.as_str(), "operation" => operation.name, "status" => status
        )
        .increment(1);
        if let Some(left) = result.as_ref().ok().and_then(|response| requests_left(response.headers())) {
            metrics::gauge!("mergewright_forge_rate_limit_remaining", "forge" => self.forge.as_str())
                .set(left);
        }
        result.map_err(|error| self.broken(operation, &error))
    }

    /// Judges an answer of the forge that is no success.
    async fn judge(&self, operation: &Operation, response: Response) -> Failure {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = self.beginning(response).await;
        let body = self.redactor.clean(&String::from_utf8_lossy(&body));
        let answer = Answer { status, headers: &headers, body: &body };
        let failure = classify(self.forge, operation, &answer, self.clock.now());
        if let Some(pause) = failure.pause {
            self.gate.shut(pause);
        }
        failure
    }

    /// Judges an answer of a storage elsewhere: its refusals say nothing about our token.
    fn judge_storage(&self, operation: &Operation, response: &Response) -> Failure {
        let status = response.status().as_u16();
        let kind = match status {
            404 | 410 => ErrorKind::Gone,
            _ => ErrorKind::Retry { after: asked_wait(response.headers(), self.clock.now()) },
        };
        Failure::new(
            kind,
            format!(
                "the storage of {} did not hand out what was needed to {} (HTTP {status})",
                self.name(),
                operation.does
            ),
            format!("{}: storage answered HTTP {status}", operation.name),
        )
    }

    /// A refusal of ours.
    pub(crate) fn refused(&self, operation: &Operation, why: &str) -> Failure {
        Failure::new(
            ErrorKind::Refused,
            format!("{} could not {}: {why}", self.name(), operation.does),
            format!("{}: {why}", operation.name),
        )
    }

    /// No answer, or one that broke off: whether a write happened is unknown.
    pub(crate) fn broken(&self, operation: &Operation, error: &reqwest::Error) -> Failure {
        let what = if error.is_timeout() {
            "did not answer in time"
        } else if error.is_connect() {
            "cannot be reached"
        } else {
            "broke the connection off"
        };
        Failure::new(
            ErrorKind::Retry { after: None },
            format!("{} {what} when asked to {}; this is tried again", self.name(), operation.does),
            format!("{}: {}", operation.name, self.redactor.clean(&causes(error))),
        )
    }
}

/// The client with one TLS provider for the whole process; no redirects and no repeats by itself.
fn client(base: &Url, limits: &Limits) -> Result<Client, reqwest::Error> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Somebody else may have installed one before us; any one will do.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = || {
        let builder = Client::builder()
            .user_agent(concat!("mergewright/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(limits.connect)
            .read_timeout(limits.call);
        if origin::is_loopback(base) { builder.no_proxy() } else { builder }
    };
    match builder().build() {
        // A machine without any certificate can still speak to a plain http address.
        Err(_) if base.scheme() == "http" => builder().tls_certs_only([]).build(),
        result => result,
    }
}

/// An error with its causes, without the address (which may hold credentials).
fn causes(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "timed out".to_owned() } else { "failed".to_owned() };
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// How many requests the forge still takes in the present window, where it says so.
fn requests_left(headers: &HeaderMap) -> Option<f64> {
    ["ratelimit-remaining", "x-ratelimit-remaining"]
        .iter()
        .find_map(|name| header(headers, name)?.parse::<u32>().ok())
        .map(f64::from)
}
