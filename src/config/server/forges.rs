//! The sections `github` and `gitlab`.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::app_key;
use super::fields::{Field, Reader, Section};
use super::{GithubConfig, GithubCredential, GitlabConfig};

/// Both forges ask for at least this pause between two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

const GITHUB_API: &str = "https://api.github.com";
const GITHUB_UPLOADS: &str = "https://uploads.github.com";
const GITLAB: &str = "https://gitlab.com";

pub(super) const GITHUB_KEYS: &[&str] =
    &["api_url", "upload_url", "webhook_secrets", "token", "app", "write_interval"];
pub(super) const APP_KEYS: &[&str] = &["id", "private_key"];
pub(super) const GITLAB_KEYS: &[&str] =
    &["url", "webhook_signing_tokens", "webhook_tokens", "token", "write_interval"];

impl Reader<'_> {
    pub(super) fn github(&mut self, field: &Field<'_>) -> Option<GithubConfig> {
        let section = self.section(field, "github", GITHUB_KEYS)?;
        let api_url = self.address_or(&section, "api_url", GITHUB_API);
        let upload_url = section.field("upload_url").map(|field| self.address(&field));
        let secrets = section
            .required(self, "webhook_secrets", "deliveries without a proof of origin are never believed: name at least one secret, `[{env: NAME}]`")
            .map(|field| {
                let secrets = self.secrets(&field);
                self.at_least_one(&field, secrets.len());
                secrets.into_iter().map(|(_, secret)| secret).collect()
            });
        let credential = self.github_credential(&section);
        let write_interval = self.write_interval(&section);
        let api_url = api_url?;
        let host = api_url.strip_suffix("/api/v3");
        let upload_url = match (upload_url, host) {
            (Some(written), _) => written?,
            (None, Some(host)) => format!("{host}/api/uploads"),
            (None, None) if api_url == GITHUB_API => GITHUB_UPLOADS.to_owned(),
            (None, None) => api_url.clone(),
        };
        let graphql_url =
            host.map_or_else(|| format!("{api_url}/graphql"), |host| format!("{host}/api/graphql"));
        Some(GithubConfig {
            upload_url,
            graphql_url,
            api_url,
            webhook_secrets: secrets?,
            credential: credential?,
            write_interval: write_interval?,
        })
    }

    pub(super) fn gitlab(&mut self, field: &Field<'_>) -> Option<GitlabConfig> {
        let section = self.section(field, "gitlab", GITLAB_KEYS)?;
        let url = self.address_or(&section, "url", GITLAB);
        let signing_keys = section.field("webhook_signing_tokens").map_or_else(Vec::new, |field| {
            let secrets = self.secrets(&field);
            self.at_least_one(&field, secrets.len());
            secrets.iter().filter_map(|(field, secret)| self.signing_key(field, secret)).collect()
        });
        let webhook_tokens = section.field("webhook_tokens").map_or_else(Vec::new, |field| {
            let secrets = self.secrets(&field);
            self.at_least_one(&field, secrets.len());
            secrets.into_iter().map(|(_, secret)| secret).collect()
        });
        if section.field("webhook_signing_tokens").or_else(|| section.field("webhook_tokens")).is_none() {
            self.problems.add(
                section.place(),
                section.name(),
                "`gitlab` has neither `webhook_signing_tokens` nor `webhook_tokens`",
                "deliveries without a proof of origin are never believed: name at least one, `[{env: NAME}]`",
            );
        }
        let token = section
            .required(self, "token", "name the access token for GitLab's API, `{env: GITLAB_TOKEN}`")
            .and_then(|field| self.token(&field));
        let write_interval = self.write_interval(&section);
        Some(GitlabConfig {
            url: url?,
            signing_keys,
            webhook_tokens,
            token: token?,
            write_interval: write_interval?,
        })
    }

    fn github_credential(&mut self, section: &Section<'_>) -> Option<GithubCredential> {
        match (section.field("token"), section.field("app")) {
            (Some(token), None) => self.token(&token).map(GithubCredential::Token),
            (None, Some(app)) => self.github_app(&app),
            (Some(_), Some(app)) => {
                self.problems.add(
                    app.node.place,
                    "",
                    "`github` has both `token` and `app`",
                    "keep one of the two",
                );
                None
            }
            (None, None) => {
                self.problems.add(
                    section.place(),
                    section.name(),
                    "`github` has neither `token` nor `app`",
                    "name a token, `{env: GITHUB_TOKEN}`, or an App, `{id: 12345, private_key: {file: app.pem}}`",
                );
                None
            }
        }
    }

    fn github_app(&mut self, field: &Field<'_>) -> Option<GithubCredential> {
        let section = self.section(field, "github.app", APP_KEYS)?;
        let id = section
            .required(self, "id", "write the App's number, as its settings page shows it")
            .and_then(|field| self.number(&field, 1, u64::from(u32::MAX)));
        let key = section
            .required(self, "private_key", "name the App's private key, `{file: app.pem}`")
            .and_then(|field| self.secret(&field).map(|key| (field, key)))?;
        let (field, private_key) = key;
        if let Err(why) = app_key(private_key.expose_secret()) {
            self.problems.add(field.node.place, "", format!("`github.app.private_key` {why}"), why.remedy());
            return None;
        }
        Some(GithubCredential::App { id: id?, private_key })
    }

    fn address_or(&mut self, section: &Section<'_>, key: &str, default: &str) -> Option<String> {
        section.field(key).map_or_else(|| Some(default.to_owned()), |field| self.address(&field))
    }

    fn write_interval(&mut self, section: &Section<'_>) -> Option<Duration> {
        section.field("write_interval").map_or(Some(WRITE_INTERVAL), |field| self.duration(&field, true))
    }

    /// An empty list would leave the door open or shut for everybody.
    fn at_least_one(&mut self, field: &Field<'_>, found: usize) {
        let empty = matches!(&field.node.value, super::tree::Value::List(nodes) if nodes.is_empty());
        if found == 0 && empty {
            let what = format!("`{}` is an empty list", field.name);
            self.problems.add(field.node.place, "", what, "name at least one secret, `[{env: NAME}]`");
        }
    }
}
