//! Reading a YAML mapping so that no key is overlooked.

use serde_yaml::{Mapping, Value};

use super::CiError;

/// A mapping whose keys are taken one by one; what is left at the end is an error.
pub(super) struct Keys {
    place: String,
    mapping: Mapping,
}

impl Keys {
    pub(super) fn of(value: Value, place: &str) -> Result<Self, CiError> {
        match value {
            Value::Mapping(mapping) => Ok(Self { place: place.to_owned(), mapping }),
            _ => Err(CiError(format!("{place} config should be a hash"))),
        }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.mapping.shift_remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.mapping.contains_key(key)
    }

    pub(super) fn place(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}:{key}", self.place) }
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, CiError> {
        let place = self.place(key);
        self.take(key).map(|value| text(&value, &place)).transpose()
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, CiError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(CiError(format!("{} config should be a boolean value", self.place(key)))),
        }
    }

    pub(super) fn list(&mut self, key: &str) -> Result<Vec<String>, CiError> {
        let place = self.place(key);
        self.take(key).map_or_else(|| Ok(Vec::new()), |value| texts(value, &place))
    }

    /// What remains, as pairs of name and value.
    pub(super) fn rest(self) -> Result<Vec<(String, Value)>, CiError> {
        let place = self.place;
        let pair = |(key, value)| match key {
            Value::String(name) => Ok((name, value)),
            _ => Err(CiError(format!("{place}: a key is not a text"))),
        };
        self.mapping.into_iter().map(pair).collect()
    }

    /// Refuses what was not taken.
    pub(super) fn done(self) -> Result<(), CiError> {
        let place = self.place.clone();
        let unknown: Vec<String> = self.rest()?.into_iter().map(|(name, _value)| name).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let names = unknown.join(", ");
        Err(CiError(format!(
            "{place} config contains unknown keys: {names} (the sandbox knows only what is generated)"
        )))
    }
}

/// A scalar as the forge reads it: text, or a number as written.
pub(super) fn text(value: &Value, place: &str) -> Result<String, CiError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(CiError(format!("{place} config should be a string"))),
    }
}

/// A text or a list of texts; lists within lists are flattened, as scripts allow.
pub(super) fn texts(value: Value, place: &str) -> Result<Vec<String>, CiError> {
    match value {
        Value::Sequence(items) => {
            let mut all = Vec::new();
            for item in items {
                all.extend(texts(item, place)?);
            }
            Ok(all)
        }
        other => {
            let wrong = |_error| CiError(format!("{place} config should be a string or an array of strings"));
            text(&other, place).map(|one| vec![one]).map_err(wrong)
        }
    }
}
