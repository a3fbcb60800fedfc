//! One request of an adapter, taken apart, and what can be answered to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::forge::{Call, Payload};

/// A request below the API's address.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Such as `GET`.
    pub(super) method: String,
    /// `/projects/7/merge_requests/1?x=y`, as it would be sent.
    pub(super) target: String,
    /// The path's parts, decoded.
    pub(super) parts: Vec<String>,
    /// The query, decoded.
    pub(super) query: BTreeMap<String, String>,
}

impl Asked {
    /// Takes a request apart whose address begins with one of `bases`.
    pub(super) fn of(call: &Call, bases: &[&str]) -> Self {
        let rest = bases.iter().find_map(|base| call.url.strip_prefix(base));
        let target = rest.filter(|rest| rest.starts_with('/')).unwrap_or(&call.url).to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let parts = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(key, value)| (decoded(key), decoded(&value.replace('+', " ")))).collect();
        Self { method: call.method.clone(), parts, query, target }
    }

    /// `GET /projects/7/merge_requests/1`: how facts call it, without paging.
    pub(super) fn name(&self) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let kept: Vec<_> = query.split('&').filter(|pair| !is_paging(pair)).collect();
        let joint = if kept.is_empty() { "" } else { "?" };
        format!("{} {path}{joint}{}", self.method, kept.join("&"))
    }

    /// The same without any query.
    pub(super) fn plain_name(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }

    pub(super) fn parts(&self) -> Vec<&str> {
        self.parts.iter().map(String::as_str).collect()
    }

    pub(super) fn wants(&self, key: &str) -> Option<&str> {
        self.query.get(key).map(String::as_str)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn is_paging(pair: &str) -> bool {
    pair.is_empty() || ["per_page=", "page="].iter().any(|key| pair.starts_with(key))
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Told {
    pub(super) fn json(value: &Value) -> Self {
        Self { status: 200, headers: Vec::new(), body: value.to_string().into() }
    }

    pub(super) fn bytes(body: impl Into<Bytes>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn absent() -> Self {
        Self { status: 404, ..Self::json(&json!({ "message": "404 File Not Found" })) }
    }

    pub(super) fn response(self) -> Option<http::Response<Bytes>> {
        let mut response = http::Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        response.body(self.body).ok()
    }
}

/// What a call carries, for printing.
pub(super) fn printed(payload: &Payload) -> Value {
    match payload {
        Payload::Nothing => Value::Null,
        Payload::Json(value) => value.clone(),
        Payload::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => {
                use base64::Engine as _;
                json!({ "base64": base64::engine::general_purpose::STANDARD.encode(bytes) })
            }
        },
    }
}
