//! Takes the bodies of answers, each within a bound.

use std::collections::VecDeque;
use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use super::Transport;
use super::carrier::Lost;
use crate::forge::ErrorKind;
use crate::forge::classify::{Failure, Operation};

/// How much of an error's body is looked at.
const BEGINNING: usize = 16 * 1024;

impl Transport {
    /// Reads JSON. What breaks off, or is no JSON at all, is tried again; what has another shape
    /// than we know is refused, named by its place and never by its content.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        response: Response,
    ) -> Result<T, Failure> {
        let body = self.bytes(operation, response, self.limits.json).await?;
        self.parsed(operation, &body)
    }

    /// Makes of JSON what it should be.
    pub(super) fn parsed<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        body: &[u8],
    ) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let (kind, what) = match error.classify() {
                Category::Data => (ErrorKind::Refused, "an answer that we do not understand"),
                _ => (ErrorKind::Retry { after: None }, "a broken answer"),
            };
            Failure::new(
                kind,
                format!("{} gave {what} when asked to {}", self.name(), operation.does),
                format!("{}: {what} at {place} of {} bytes", operation.name, body.len()),
            )
        })
    }

    /// Reads at most `limit` bytes; more is refused without reading on.
    pub(crate) async fn bytes(
        &self,
        operation: &Operation,
        mut response: Response,
        limit: u64,
    ) -> Result<Vec<u8>, Failure> {
        let (mut body, begun) = (Vec::new(), Instant::now());
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(self.too_large(operation, limit));
        }
        while let Some(chunk) = self.chunk(operation, &mut response, begun, body.len() as u64).await? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(self.too_large(operation, limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads everything and keeps the last `keep` bytes.
    pub(crate) async fn last_bytes(
        &self,
        operation: &Operation,
        mut response: Response,
        keep: usize,
    ) -> Result<Vec<u8>, Failure> {
        let limit = self.limits.log;
        let (mut kept, begun) = (VecDeque::new(), Instant::now());
        let mut read: u64 = 0;
        while let Some(chunk) = self.chunk(operation, &mut response, begun, read).await? {
            read += chunk.len() as u64;
            if read > limit {
                return Err(self.too_large(operation, limit));
            }
            kept.extend(chunk.iter().skip(chunk.len().saturating_sub(keep)));
            let surplus = kept.len().saturating_sub(keep);
            kept.drain(..surplus);
        }
        Ok(kept.into())
    }

    /// Streams into an unnamed temporary file, which disappears by itself.
    pub(crate) async fn to_file(
        &self,
        operation: &Operation,
        mut response: Response,
        limit: u64,
    ) -> Result<File, Failure> {
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(self.too_large(operation, limit));
        }
        let disk = |error: std::io::Error| {
            Failure::new(
                ErrorKind::Retry { after: None },
                format!("there is no room for a temporary file to {}; free some space", operation.does),
                format!("{}: temporary file: {error}", operation.name),
            )
        };
        let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(disk)?);
        let (mut written, begun): (u64, _) = (0, Instant::now());
        while let Some(chunk) = self.chunk(operation, &mut response, begun, written).await? {
            written += chunk.len() as u64;
            if written > limit {
                return Err(self.too_large(operation, limit));
            }
            file.write_all(&chunk).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)?;
        Ok(file.into_std().await)
    }

    /// The next part of a body of which `read` bytes came since `begun`: however large it is, it must not come
    /// more slowly than the least rate.
    async fn chunk(
        &self,
        operation: &Operation,
        response: &mut Response,
        begun: Instant,
        read: u64,
    ) -> Result<Option<Bytes>, Failure> {
        let sized = Duration::from_secs(read / self.limits.least_rate.max(1));
        let next = tokio::time::timeout_at(begun + self.limits.transfer + sized, response.chunk());
        let lost = match next.await {
            Ok(Ok(chunk)) => return Ok(chunk),
            Ok(Err(error)) => error.into(),
            Err(_elapsed) => Lost::too_slow(read),
        };
        Err(self.broken(operation, &lost))
    }

    /// The beginning of an error's body; what cannot be read is left out.
    pub(super) async fn beginning(&self, mut response: Response) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < BEGINNING {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        body.truncate(BEGINNING);
        body
    }

    fn too_large(&self, operation: &Operation, limit: u64) -> Failure {
        self.refused(operation, &format!("it is larger than {limit} bytes"))
    }
}
