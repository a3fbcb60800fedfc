//! One request to the sandbox and its answer, free of any HTTP library.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::deliver;
use super::server::Site;
use super::world::Delivery;

/// A request, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Path and query as they were sent.
    pub(crate) target: String,
    /// The path's parts, decoded.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    /// Header names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn new(method: &str, target: &str, headers: Vec<(String, String)>, body: Bytes) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            segments: path.split('/').filter(|part| !part.is_empty()).map(decode).collect(),
            query: pairs(query),
            headers,
            body,
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _query)| path)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _value)| known == name).map(|(_name, value)| value.as_str())
    }

    /// The token of the `Authorization` header.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("token "))
    }

    /// The body's fields, or the query's, as JSON values.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        let json = self.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        if json
            && let Ok(Value::Object(mut fields)) = serde_json::from_slice(&self.body)
            && let Some(value) = fields.remove(name)
        {
            return Some(value).filter(|value| !value.is_null());
        }
        self.field(name).map(Value::String)
    }

    /// A field of the query or of a form.
    fn field(&self, name: &str) -> Option<String> {
        let form = self.header("content-type").is_some_and(|kind| kind.contains("form-urlencoded"));
        let sent = if form { pairs(&String::from_utf8_lossy(&self.body)) } else { Vec::new() };
        let all = self.query.iter().chain(&sent);
        let mut named = all.filter(|(known, _value)| known == name);
        named.next().map(|(_name, value)| value.clone())
    }

    /// A field as text; numbers and truth values are spelled out.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| matches!(text.as_str(), "true" | "1"))
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// A list, or a text with commas.
    pub(crate) fn words(&self, name: &str) -> Option<Vec<String>> {
        let words: Vec<String> = match self.value(name)? {
            Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Value::String(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
            _ => return None,
        };
        Some(words.into_iter().filter(|word| !word.is_empty()).collect())
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Whether there is no such route here.
    pub(crate) unknown: bool,
    /// What is delivered before this is answered; then it says what came of that.
    pub(crate) delivers: Option<Box<Delivery>>,
}

impl Reply {
    /// The answer to who asks for a delivery once more and waits for it.
    pub(crate) fn delivering(delivery: Delivery) -> Self {
        Self { delivers: Some(Box::new(delivery)), ..Self::json(201, &Value::Null) }
    }

    /// Delivers what is to be delivered first.
    pub(crate) async fn deliver(&mut self, site: &Site) {
        let Some(mut delivery) = self.delivers.take() else { return };
        deliver::send(&site.world, &site.client, &mut delivery).await;
        let status = delivery.answer.and_then(Result::ok);
        let status = status.map_or_else(|| "internal error".to_owned(), |status| status.to_string());
        self.body = json!({ "response_status": status }).to_string().into();
    }

    /// The answer of a forge to what is not played here.
    pub(crate) fn unknown(value: &Value) -> Self {
        Self { unknown: true, ..Self::json(404, value) }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::of(status, "application/json", value.to_string())
    }

    pub(crate) fn of(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body: body.into(), unknown: false, delivers: None }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), unknown: false, delivers: None }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
