//! The server's own configuration as the program may see it.

mod app_key;
mod fields;
mod forges;
mod known;
mod level;
mod problem;
mod read;
mod secret;
mod tree;
mod values;

pub use app_key::{NotAnAppKey, app_key};
pub use problem::{Problem, ServerConfigError};

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;

use crate::domain::Learnt;

/// A judged server configuration with every secret resolved.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How browsers and forges reach us, without a trailing slash: by it our webhooks are known at a forge.
    pub public_url: Option<String>,
    /// `sqlite://…` with an absolute path, or `postgres://…`.
    pub database_url: SecretString,
    /// Which repositories we serve.
    pub repositories: AllowList,
    /// Whether we act or only show.
    pub mode: Mode,
    /// For dashboard and API.
    pub admin_token: Option<SecretString>,
    /// Whether reading pages need the token.
    pub dashboard: DashboardAccess,
    /// How we log.
    pub log: LogConfig,
    /// GitHub, where configured.
    pub github: Option<GithubConfig>,
    /// GitLab, where configured.
    pub gitlab: Option<GitlabConfig>,
    /// Signs version and stage tags: ed25519, as the file holds it.
    pub registry_key: Option<SecretString>,
    /// What commands begin with, `/model`.
    pub command_prefix: String,
    /// How many deliveries are worked at once.
    pub workers: usize,
    /// How often the forge is asked what we missed.
    pub reconcile_every: Duration,
    /// How long deliveries are kept.
    pub keep_deliveries: Duration,
    /// For `/gates/*`.
    pub gates_secret: Option<SecretString>,
    /// Keys that are set and judged, but not acted on in this build.
    pub not_acted_on: Vec<NotActedOn>,
    /// Secrets that are handed to us while we run; every redactor of this configuration knows them too.
    pub learnt: Learnt,
}

/// A key that is accepted, and what its presence does not bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotActedOn {
    /// The key.
    pub key: &'static str,
    /// What this build does instead.
    pub instead: &'static str,
}

/// Whether we act or only show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Writes to the forge.
    #[default]
    Act,
    /// Decides and shows, writes nothing to the forge.
    Observe,
}

/// Whether reading pages need the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DashboardAccess {
    /// Everything needs the token.
    #[default]
    Token,
    /// Overview, models, versions and environments may be read by anybody.
    Public,
}

/// How we log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Text or JSON lines.
    pub format: LogFormat,
    /// A level or a filter such as `info,mergewright::outbox=debug`.
    pub level: String,
}

/// Text or JSON lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Our side of GitLab.
#[derive(Clone, Debug)]
pub struct GitlabConfig {
    /// Base address without a trailing slash; the API is at `<url>/api/v4`.
    pub url: String,
    /// Keys of signed webhooks, decoded from `whsec_…`; when there are any, every delivery needs
    /// a valid signature.
    pub signing_keys: Vec<SecretKey>,
    /// Values accepted in `X-Gitlab-Token`.
    pub webhook_tokens: Vec<SecretString>,
    /// For the API.
    pub token: SecretString,
    /// Least time between two writes.
    pub write_interval: Duration,
}

/// Our side of GitHub.
#[derive(Clone, Debug)]
pub struct GithubConfig {
    /// Base address of the REST API without a trailing slash.
    pub api_url: String,
    /// Base address for release files without a trailing slash.
    pub upload_url: String,
    /// Address of the GraphQL API.
    pub graphql_url: String,
    /// Keys of `X-Hub-Signature-256`.
    pub webhook_secrets: Vec<SecretString>,
    /// How we sign in.
    pub credential: GithubCredential,
    /// Least time between two writes.
    pub write_interval: Duration,
}

/// How we sign in at GitHub.
#[derive(Clone, Debug)]
pub enum GithubCredential {
    /// A personal or fine-grained token.
    Token(SecretString),
    /// An App: its number and private key in PEM.
    App {
        /// The App's number.
        id: u64,
        /// PEM.
        private_key: SecretString,
    },
}

/// Bytes of a key that are never printed.
pub type SecretKey = std::sync::Arc<secrecy::SecretBox<Vec<u8>>>;

/// Which repositories we serve: globs over full paths, compared without regard to case.
#[derive(Clone, Debug)]
pub struct AllowList {
    set: globset::GlobSet,
    names: Vec<String>,
}

impl AllowList {
    /// Compiles patterns such as `acme/*` or `group/**`; `*` stays within one folder.
    ///
    /// # Errors
    /// When a pattern is not a valid glob; the error names it.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, globset::Error> {
        let mut set = globset::GlobSetBuilder::new();
        let mut names = Vec::new();
        for pattern in patterns {
            if !pattern.contains(['*', '?', '[', ']', '{', '}', '!', '\\']) {
                names.push(pattern.to_owned());
            }
            set.add(
                globset::GlobBuilder::new(pattern).literal_separator(true).case_insensitive(true).build()?,
            );
        }
        Ok(Self { set: set.build()?, names })
    }

    /// Entries that are a full path and no pattern: only these can be looked up at a forge.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there are entries that are patterns, so that one must ask a forge what they hold.
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        self.set.len() > self.names.len()
    }

    /// Whether the repository with this full path is served.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        self.set.is_match(path)
    }
}
