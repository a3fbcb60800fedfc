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
        all.extend(passwords(self.database_url.expose_secret()).map(SecretString::from));
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

/// The password in the address of a server, as it is written there and as it is.
fn passwords(url: &str) -> impl Iterator<Item = String> {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let (place, asked) = rest.split_once('?').unwrap_or((rest, ""));
    let signed_in = place.rsplit_once('@').and_then(|(who, _)| who.split_once(':')).map(|(_, word)| word);
    let asked = asked.split('&').filter_map(|pair| pair.strip_prefix("password="));
    let written: Vec<String> = signed_in.into_iter().chain(asked).map(str::to_owned).collect();
    let plain: Vec<String> = written
        .iter()
        .map(|word| percent_encoding::percent_decode_str(word).decode_utf8_lossy().into_owned())
        .collect();
    written.into_iter().chain(plain).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_database_is_known_in_both_its_forms() {
        let of = |url| passwords(url).collect::<Vec<_>>();
        assert_eq!(of("postgres://bot:hunter%402@db:5432/m"), ["hunter%402", "hunter@2"]);
        assert_eq!(of("postgres://bot@db/m?sslmode=require&password=top"), ["top", "top"]);
        for none in ["sqlite:///var/lib/m.db", "sqlite::memory:", "postgres://db/m", "postgres://bot:@db/m"] {
            assert_eq!(of(none), Vec::<String>::new(), "{none}");
        }
    }
}
