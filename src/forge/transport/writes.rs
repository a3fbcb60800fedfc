//! Writes: one at a time, never redirected, never repeated; and questions that need a document.

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;

use super::Transport;
use super::carrier::{Outgoing, Payload};
use crate::forge::classify::{Failure, Operation};
use crate::forge::pace::Turn;

impl Transport {
    /// Writes in turn and reads the JSON answer with its status.
    pub(crate) async fn write<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        method: Method,
        path: &str,
        payload: Payload,
    ) -> Result<(u16, T), Failure> {
        self.write_at(operation, method, &self.address(path), payload).await
    }

    /// The same at a full address, which must be one that the token was configured for.
    pub(crate) async fn write_at<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        method: Method,
        address: &str,
        payload: Payload,
    ) -> Result<(u16, T), Failure> {
        let _turn = self.line.pace.turn().await;
        let response = self.send_write(operation, method, address, payload).await?;
        let status = response.status().as_u16();
        Ok((status, self.json(operation, response).await?))
    }

    /// Asks by a document, which changes nothing and so waits for no turn.
    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        address: &str,
        payload: Payload,
    ) -> Result<T, Failure> {
        let response = self.send_write(operation, Method::POST, address, payload).await?;
        self.json(operation, response).await
    }

    /// The same where an answer may be empty.
    pub(crate) async fn write_maybe<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        method: Method,
        path: &str,
        payload: Payload,
    ) -> Result<(u16, Option<T>), Failure> {
        let _turn = self.line.pace.turn().await;
        let response = self.send_write(operation, method, &self.address(path), payload).await?;
        let status = response.status().as_u16();
        let body = self.bytes(operation, response, self.limits.json).await?;
        let value = if body.is_empty() { None } else { Some(self.parsed(operation, &body)?) };
        Ok((status, value))
    }

    /// Writes in turn; what a successful answer holds does not matter.
    pub(crate) async fn write_only(
        &self,
        operation: &Operation,
        method: Method,
        path: &str,
        payload: Payload,
    ) -> Result<u16, Failure> {
        let turn = self.line.pace.turn().await;
        self.write_within(&turn, operation, method, path, payload).await
    }

    /// Writes as nobody, where the address itself is the proof, and reads the JSON answer.
    pub(crate) async fn write_unsigned<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        path: &str,
    ) -> Result<T, Failure> {
        let address = self.parsed_address(operation, &self.address(path))?;
        let (headers, payload) = (HeaderMap::new(), Payload::Nothing);
        let outgoing =
            Outgoing { method: Method::POST, address, headers, payload, time: Some(self.limits.call) };
        let response = self.send(operation, outgoing, false).await?;
        if !response.status().is_success() {
            return Err(self.judge(operation, response).await);
        }
        self.json(operation, response).await
    }

    /// Waits for the turn to write, for what must be read right before it is written.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        self.line.pace.turn().await
    }

    /// Writes in a turn that was waited for.
    pub(crate) async fn write_within(
        &self,
        _turn: &Turn<'_>,
        operation: &Operation,
        method: Method,
        path: &str,
        payload: Payload,
    ) -> Result<u16, Failure> {
        let response = self.send_write(operation, method, &self.address(path), payload).await?;
        Ok(response.status().as_u16())
    }

    async fn send_write(
        &self,
        operation: &Operation,
        method: Method,
        address: &str,
        payload: Payload,
    ) -> Result<Response, Failure> {
        let address = self.parsed_address(operation, address)?;
        let time = if matches!(payload, Payload::Bytes(_)) { self.limits.transfer } else { self.limits.call };
        let outgoing = Outgoing { method, address, headers: HeaderMap::new(), payload, time: Some(time) };
        let response = self.send(operation, outgoing, true).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.judge(operation, response).await) }
    }
}
