//! The secrets that the configuration brought into the process.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use super::{GithubCredential, ServerConfig};
use crate::domain::Redactor;

impl ServerConfig {
    /// Every secret that the process knows, to be kept out of logs and stored bodies.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretString> {
        let mut all: Vec<SecretString> = Vec::new();
        all.extend(self.admin_token.clone());
        all.extend(self.gates_secret.clone());
        all.extend(self.registry_key.clone());
        if let Some(github) = &self.github {
            all.extend(github.webhook_secrets.iter().cloned());
            all.push(match &github.credential {
                GithubCredential::Token(token) => token.clone(),
                GithubCredential::App { private_key, .. } => private_key.clone(),
            });
        }
        if let Some(gitlab) = &self.gitlab {
            all.push(gitlab.token.clone());
            all.extend(gitlab.webhook_tokens.iter().cloned());
            for key in gitlab.signing_keys.iter().map(|key| key.expose_secret()) {
                // As people paste it (with and without its padding), and as it is where it is text.
                let encoded = STANDARD.encode(key);
                all.push(SecretString::from(encoded.trim_end_matches('=')));
                all.push(SecretString::from(encoded));
                all.extend(std::str::from_utf8(key).ok().map(SecretString::from));
            }
        }
        all
    }

    /// Takes all of [`ServerConfig::secrets`] out of text, and what is learnt later.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        let secrets = self.secrets();
        Redactor::new(secrets.iter().map(|secret| secret.expose_secret())).with(self.learnt.clone())
    }
}
