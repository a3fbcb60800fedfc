//! Apps, where they are installed, and what lets them in.

use std::collections::BTreeMap;

use serde::Deserialize;

/// An App by itself.
#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct App {
    pub(in crate::forge::github) slug: String,
}

/// Where an App is installed: an organization, or a person.
#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct Installation {
    pub(in crate::forge::github) id: u64,
    #[serde(default)]
    pub(in crate::forge::github) account: Option<InstalledAt>,
    /// What is granted there.
    #[serde(default)]
    pub(in crate::forge::github) permissions: BTreeMap<String, String>,
    #[serde(default)]
    pub(in crate::forge::github) suspended_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::forge::github) struct InstalledAt {
    #[serde(default)]
    pub(in crate::forge::github) login: String,
}

/// Never printed: it is a credential.
#[derive(Deserialize)]
pub(in crate::forge::github) struct InstallationToken {
    pub(in crate::forge::github) token: String,
    #[serde(default)]
    pub(in crate::forge::github) expires_at: String,
}
