//! Small readings that the answers of both forges share.

use serde_json::Value;

use super::clone::Clone;
use super::facts::Role;
use super::stage::Stage;

/// The object with these fields, without those that are null.
pub(super) fn without_nulls(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    object
}

impl Stage {
    /// The role that the facts give to the account of this number, with its login.
    pub(super) fn role_of(&self, number: u64) -> Option<(String, Role)> {
        let login = self.payload.login_of(number)?;
        let role = self.facts.people.get(&login)?;
        Some((login, *role))
    }
}

impl Clone {
    /// The object that a path names at a commit.
    pub(super) fn object(&self, commit: &str, path: &str) -> Option<String> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let entries = self.folder(commit, above, false)?;
        entries.into_iter().find(|entry| entry.path == name).map(|entry| entry.id)
    }
}
