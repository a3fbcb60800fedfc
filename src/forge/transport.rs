//! Speaks HTTP with one forge under one credential: origin, redirects, limits, pace, judgement.

mod body;
mod budget;
mod carrier;
mod client;
mod conditional;
mod line;
mod lists;
mod origin;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use crate::domain::{Clock, ForgeKind, Timestamp};

use super::classify::{Answer, Failure, Operation, asked_wait, classify, display_name};
use super::redact::Redactor;
use super::stand_in::{Call, StandIn};
use super::{ErrorKind, ForgeError};
use carrier::{Carrier, Lost, Outgoing, plainly};
use conditional::Kept;

pub use carrier::Payload;
pub(crate) use line::Line;
pub(crate) use origin::{NextPage, next_page};

/// The most redirects that are followed for one read.
const MOST_REDIRECTS: usize = 5;

const NOT_MODIFIED: StatusCode = StatusCode::NOT_MODIFIED;

/// How long, how large, how many: nothing that a forge sends is taken without a bound.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To open a connection.
    pub connect: Duration,
    /// For one call of the API, answer included.
    pub call: Duration,
    /// For one log, archive or release file, beside the time that its size takes at the least rate.
    pub transfer: Duration,
    /// Bytes of such a file that come in a second at least; between two of its parts no more than `call` passes.
    pub least_rate: u64,
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
            least_rate: 1 << 20,
            json: 32 << 20,
            log: 256 << 20,
            pages: 500,
        }
    }
}

/// A forge's API under one credential.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    forge: ForgeKind,
    client: Client,
    carrier: Carrier,
    base: Url,
    limits: Limits,
    clock: Arc<dyn Clock>,
    line: Arc<Line>,
    redactor: Redactor,
    /// Answers instead of the network, where set.
    stand_in: Option<Arc<dyn StandIn>>,
}

/// Where the API is and how we sign in.
pub(crate) struct Access<'a> {
    pub(crate) forge: ForgeKind,
    /// Without a trailing slash.
    pub(crate) base: &'a str,
    pub(crate) signature: Signature<'a>,
    pub(crate) token: &'a SecretString,
    pub(crate) write_interval: Duration,
}

/// How requests are signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signature<'a> {
    /// The token in this header.
    Header(&'static str),
    /// octocrab makes and signs the requests, for this second address too.
    Octocrab { uploads: &'a str },
}

/// How a token is told in the header `Authorization`.
const BEARER: &str = "Bearer ";

fn wrong(name: &str, what: &str) -> ForgeError {
    ForgeError {
        kind: ErrorKind::Refused,
        external: format!("the connection to {name} is configured wrongly: {what}"),
        internal: "set-up".to_owned(),
    }
}

/// The header's value that carries the token.
fn value(name: &str, before: &str, token: &SecretString) -> Result<HeaderValue, ForgeError> {
    let mut value = HeaderValue::from_str(&format!("{before}{}", token.expose_secret()))
        .map_err(|_error| wrong(name, "the API token holds characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Transport {
    pub(crate) fn new(
        access: &Access<'_>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, ForgeError> {
        let name = display_name(access.forge);
        let redactor = Redactor::new([access.token]);
        let address = |text: &str| {
            origin::configured(text).map_err(|what| wrong(name, &what.replace("{}", &redactor.clean(text))))
        };
        let base = address(access.base)?;
        let client = client::client(&base, &limits).map_err(|error| {
            wrong(name, &format!("no HTTP client can be made ({})", Lost::from(error).causes))
        })?;
        let carrier = match access.signature {
            Signature::Header(header) => {
                Carrier::Header(HeaderName::from_static(header), value(name, "", access.token)?)
            }
            Signature::Octocrab { uploads } => {
                Carrier::octocrab(&client, value(name, BEARER, access.token)?, &base, &address(uploads)?)
                    .map_err(|error| wrong(name, &format!("octocrab does not take its address ({error})")))?
            }
        };
        let confirms = matches!(access.signature, Signature::Octocrab { .. });
        let line = Arc::new(Line::new(Arc::clone(&clock), access.write_interval, confirms));
        let forge = access.forge;
        Ok(Self { forge, client, carrier, base, limits, clock, line, redactor, stand_in: None })
    }

    /// The same forge under another token, on the line of the credential that the token belongs to.
    ///
    /// # Errors
    /// When no header can carry the token.
    pub(crate) fn under(&self, token: &SecretString, line: Arc<Line>) -> Result<Self, ForgeError> {
        let carrier = match &self.carrier {
            Carrier::Header(header, _) => Carrier::Header(header.clone(), value(self.name(), "", token)?),
            Carrier::Octocrab { base, uploads, .. } => {
                Carrier::signed(&self.client, value(self.name(), BEARER, token)?, base, uploads)
            }
        };
        Ok(Self { carrier, line, redactor: Redactor::new([token]), ..self.clone() })
    }

    /// The line of our own credential.
    pub(crate) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    /// A line for another credential at the same forge, under a number of its own.
    pub(crate) fn another_line(&self, number: u64, write_interval: Duration) -> Line {
        self.line.another(number, Arc::clone(&self.clock), write_interval)
    }

    /// Nothing is sent from now on: `stand_in` answers.
    pub(crate) fn answered_by(&mut self, stand_in: Arc<dyn StandIn>) {
        self.stand_in = Some(stand_in);
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
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
        let kept = self.line.known(address);
        let ask = kept.as_ref().map(Kept::condition).unwrap_or_default();
        let response = self.read(operation, Method::GET, address, &ask, false).await?;
        let mut headers = response.headers().clone();
        let body = match kept {
            Some(kept) if response.status() == NOT_MODIFIED => kept.confirmed(&mut headers),
            _ => {
                let body = self.bytes(operation, response, self.limits.json).await?;
                self.line.keep(address, &headers, &body);
                body.into()
            }
        };
        Ok((self.parsed(operation, &body)?, headers))
    }

    /// Reads the headers of an answer only.
    pub(crate) async fn head(&self, operation: &Operation, path: &str) -> Result<HeaderMap, Failure> {
        let (address, none) = (self.address(path), HeaderMap::new());
        let response = self.read(operation, Method::HEAD, &address, &none, false).await?;
        Ok(response.headers().clone())
    }

    /// Opens a file for reading; it may lie in a storage elsewhere, which never sees our token.
    pub(crate) async fn download(&self, operation: &Operation, path: &str) -> Result<Response, Failure> {
        self.download_as(operation, path, None).await
    }

    /// The same in the form that the media type names.
    pub(crate) async fn download_as(
        &self,
        operation: &Operation,
        path: &str,
        form: Option<&'static str>,
    ) -> Result<Response, Failure> {
        let ask = form.map(|form| (ACCEPT, HeaderValue::from_static(form))).into_iter().collect();
        self.read(operation, Method::GET, &self.address(path), &ask, true).await
    }

    /// Follows redirects: within our origin with the token; elsewhere only where `storage` allows it,
    /// and then without the token for the rest of the way.
    async fn read(
        &self,
        operation: &Operation,
        method: Method,
        address: &str,
        ask: &HeaderMap,
        storage: bool,
    ) -> Result<Response, Failure> {
        let mut address = self.parsed_address(operation, address)?;
        // A file takes as long as it is large; whoever reads it sees to it that it goes on.
        let time = (!storage).then_some(self.limits.call);
        let mut ours = true;
        for _ in 0..=MOST_REDIRECTS {
            let headers = if ours { ask.clone() } else { HeaderMap::new() };
            let outgoing = Outgoing::reading(method.clone(), address.clone(), headers, time);
            let response = self.send(operation, outgoing, ours).await?;
            let confirmed = response.status() == NOT_MODIFIED && ask.contains_key(IF_NONE_MATCH);
            if response.status().is_success() || confirmed {
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

    fn parsed_address(&self, operation: &Operation, address: &str) -> Result<Url, Failure> {
        Url::parse(address).map_err(|_error| self.refused(operation, "the address is broken"))
    }

    /// Sends one request, unless the forge asked us to be silent.
    async fn send(
        &self,
        operation: &Operation,
        outgoing: Outgoing,
        signed: bool,
    ) -> Result<Response, Failure> {
        if let Some(left) = self.line.gate.shut_for() {
            return Err(Failure::new(
                ErrorKind::Retry { after: Some(left) },
                format!("{} asked us to slow down; this is tried again by itself", self.name()),
                format!("{}: not sent, the credential is paused for {} ms", operation.name, left.as_millis()),
            ));
        }
        let result = match &self.stand_in {
            Some(stand_in) => {
                let Outgoing { method, address, payload, .. } = outgoing;
                let call = Call { method: method.to_string(), url: address.to_string(), payload };
                stand_in.answer(&call).map(Response::from).ok_or_else(Lost::unanswered)
            }
            None if signed => self.carrier.send(&self.client, outgoing).await,
            None => plainly(&self.client, outgoing).await,
        };
        let status = result
            .as_ref()
            .map_or_else(|_| "none".to_owned(), |response| response.status().as_str().to_owned());
        tracing::debug!(forge = self.forge.as_str(), operation = operation.name, status, "asked the forge");
        metrics::counter!(
            "mergewright_forge_requests_total",
            "forge" => self.forge.as_str(), "operation" => operation.name, "status" => status
        )
        .increment(1);
        if let (true, Ok(response)) = (signed, &result) {
            self.watch_budget(response);
        }
        result.map_err(|lost| self.broken(operation, &lost))
    }

    /// Judges an answer of the forge that is no success.
    async fn judge(&self, operation: &Operation, response: Response) -> Failure {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = self.beginning(response).await;
        let body = self.redactor.clean(&String::from_utf8_lossy(&body));
        let answer = Answer { status, headers: &headers, body: &body };
        let failure = classify(self.forge, operation, &answer, self.clock.now());
        self.pause(failure)
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

    /// Words of the forge without our token.
    pub(crate) fn clean(&self, words: &str) -> String {
        self.redactor.clean(words)
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
    pub(crate) fn broken(&self, operation: &Operation, lost: &Lost) -> Failure {
        let what = if lost.timed_out {
            "did not answer in time"
        } else if lost.unreachable {
            "cannot be reached"
        } else {
            "broke the connection off"
        };
        Failure::new(
            ErrorKind::Retry { after: None },
            format!("{} {what} when asked to {}; this is tried again", self.name(), operation.does),
            format!("{}: {}", operation.name, self.redactor.clean(&lost.causes)),
        )
    }
}
