//! How the adapter is made: as whom it signs in, and what stands beside it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::OnceCell;

use super::app::App;
use super::{GitHub, Remembered};
use crate::config::server::{GithubConfig, GithubCredential};
use crate::domain::{Clock, ForgeKind, Learnt};
use crate::forge::deliveries::FoundHooks;
use crate::forge::memory::Memory;
use crate::forge::transport::{Access, Limits, Signature, Transport};
use crate::forge::{ErrorKind, ForgeError, StandIn};

impl GitHub {
    /// Prepares the connection; nothing is sent yet. octocrab needs a Tokio runtime around it.
    ///
    /// # Errors
    /// When the address or the credential cannot be used at all.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn new(config: &GithubConfig, clock: Arc<dyn Clock>) -> Result<Self, ForgeError> {
        Self::with_limits(config, clock, Limits::default())
    }

    /// The same with other bounds on time and size.
    ///
    /// # Errors
    /// When the address or the credential cannot be used at all.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn with_limits(
        config: &GithubConfig,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, ForgeError> {
        let app = match &config.credential {
            GithubCredential::Token(_) => None,
            GithubCredential::App { id, private_key } => {
                let app = App::new(*id, private_key, config.write_interval);
                Some(app.map_err(|why| unusable(&format!("`github.app.private_key` {why}")))?)
            }
        };
        let token = match (&config.credential, &app) {
            (GithubCredential::Token(token), _) => Some(token.clone()),
            (GithubCredential::App { .. }, app) => app.as_ref().and_then(|app| app.first_token(clock.now())),
        };
        let access = Access {
            forge: ForgeKind::GitHub,
            base: config.api_url.trim_end_matches('/'),
            signature: Signature::Octocrab { uploads: &config.upload_url },
            token: &token
                .ok_or_else(|| unusable("this machine cannot sign with `github.app.private_key`"))?,
            write_interval: config.write_interval,
        };
        let http = Arc::new(Transport::new(&access, clock, limits)?);
        let url = reqwest::Url::parse(&config.api_url).ok();
        let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
        Ok(Self {
            http,
            app,
            uploads: config.upload_url.trim_end_matches('/').to_owned(),
            graphql: config.graphql_url.clone(),
            noreply: format!("users.noreply.{}", host.strip_prefix("api.").unwrap_or(host)),
            whoami: OnceCell::new(),
            names: Memory::default(),
            accounts: Memory::default(),
            remembered: Remembered::default(),
            hooks: FoundHooks::default(),
            silent_dispatch: AtomicBool::new(false),
        })
    }

    /// The same without a network: `stand_in` answers whatever is asked, and nothing is sent.
    #[must_use]
    pub fn answered_by(mut self, stand_in: Arc<dyn StandIn>) -> Self {
        Arc::make_mut(&mut self.http).answered_by(stand_in);
        self
    }

    /// The same for a bot that only watches: an App asks for no right to write.
    #[must_use]
    pub fn watching(mut self) -> Self {
        if let Some(app) = &mut self.app {
            app.watches();
        }
        self
    }

    /// The same; what it is handed to sign in with while it runs is told there.
    #[must_use]
    pub fn telling(mut self, learnt: Learnt) -> Self {
        if let Some(app) = &mut self.app {
            app.tells(learnt);
        }
        self
    }
}

fn unusable(what: &str) -> ForgeError {
    ForgeError { kind: ErrorKind::Refused, external: what.to_owned(), internal: "set-up".to_owned() }
}
