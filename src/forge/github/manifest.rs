//! How an App comes into being: GitHub makes it from a manifest that a person sends there, and hands its
//! secrets to whoever shows the code of that.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::app::used;
use crate::domain::{Clock, ForgeKind};
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::text::segment;
use crate::forge::transport::{Access, Limits, Signature, Transport};

const CONVERT: Operation = Operation {
    name: "app_manifest",
    does: "hand out the new App's key",
    needs: "a code that is younger than an hour and was not used before",
};

/// Everything that we act on. What is about installations comes unasked; of nothing that it may not read
/// GitHub tells an App.
const EVENTS: [&str; 13] = [
    "check_run",
    "check_suite",
    "deployment",
    "deployment_status",
    "issue_comment",
    "merge_group",
    "pull_request",
    "pull_request_review",
    "push",
    "release",
    "status",
    "workflow_job",
    "workflow_run",
];

/// An App that GitHub has just made.
#[derive(Debug)]
pub struct NewApp {
    /// Its number.
    pub id: u64,
    /// Its name in addresses and mentions.
    pub slug: String,
    /// Its page.
    pub html_url: String,
    /// What it signs with.
    pub private_key: SecretString,
    /// What its deliveries are signed with.
    pub webhook_secret: SecretString,
}

/// Never printed: it holds credentials.
#[derive(Deserialize)]
struct Converted {
    id: u64,
    slug: String,
    html_url: String,
    pem: String,
    webhook_secret: String,
}

/// The manifest of an App that is all the bot needs, and no more; one that only `watches` needs no right to
/// write.
#[must_use]
pub fn manifest(name: &str, public_url: &str, redirect_url: &str, watches: bool) -> Value {
    let permissions: Map<String, Value> =
        used(watches).map(|(name, level)| (name.to_owned(), json!(level))).collect();
    json!({
        "name": name,
        "url": public_url,
        "hook_attributes": {"url": format!("{public_url}/webhooks/github"), "active": true},
        "redirect_url": redirect_url,
        "public": false,
        "default_permissions": permissions,
        "default_events": EVENTS,
    })
}

/// Where people meet the GitHub whose API is at this address, without a slash at the end.
#[must_use]
pub fn web_address(api_url: &str) -> String {
    let api_url = api_url.trim_end_matches('/');
    let web = api_url.strip_suffix("/api/v3").unwrap_or(api_url);
    match Url::parse(web) {
        Ok(url) if url.host_str() == Some("api.github.com") => "https://github.com".to_owned(),
        // Data residency: api.octocorp.ghe.com.
        Ok(url)
            if url.host_str().is_some_and(|host| host.starts_with("api.") && host.ends_with(".ghe.com")) =>
        {
            web.replacen("://api.", "://", 1)
        }
        _ => web.to_owned(),
    }
}

/// Takes the new App's secrets; GitHub hands them out once.
///
/// # Errors
/// When the address cannot be used, or GitHub does not know the code (any more).
///
/// # Panics
/// Outside of a Tokio runtime.
pub async fn new_app(api_url: &str, code: &str, clock: Arc<dyn Clock>) -> Result<NewApp, ForgeError> {
    // Nobody is signed in: the code is the proof.
    let nobody = SecretString::from("");
    let access = Access {
        forge: ForgeKind::GitHub,
        base: api_url.trim_end_matches('/'),
        signature: Signature::Header("authorization"),
        token: &nobody,
        write_interval: Duration::ZERO,
    };
    let http = Transport::new(&access, clock, Limits::default())?;
    let path = format!("/app-manifests/{}/conversions", segment(code));
    let made: Converted = http.write_unsigned(&CONVERT, &path).await?;
    Ok(NewApp {
        id: made.id,
        slug: made.slug,
        html_url: made.html_url,
        private_key: made.pem.into(),
        webhook_secret: made.webhook_secret.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_meet_github_beside_its_api() {
        for (api, web) in [
            ("https://api.github.com", "https://github.com"),
            ("https://api.github.com/", "https://github.com"),
            ("https://git.example.com/api/v3", "https://git.example.com"),
            ("https://git.example.com:8443/sub/api/v3/", "https://git.example.com:8443/sub"),
            ("https://api.octocorp.ghe.com", "https://octocorp.ghe.com"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
        ] {
            assert_eq!(web_address(api), web, "{api}");
        }
    }

    #[test]
    fn a_manifest_asks_for_what_the_bot_uses() {
        let of = |watches| {
            manifest("mergewright-acme", "https://bot.example", "http://127.0.0.1:1/callback", watches)
        };
        let made = of(false);
        assert_eq!(made["hook_attributes"]["url"], "https://bot.example/webhooks/github");
        assert_eq!(made["public"], false);
        assert_eq!(made["default_permissions"]["contents"], "write");
        assert_eq!(made["default_permissions"].as_object().unwrap().len(), used(false).count());
        assert_eq!(made["default_permissions"]["merge_queues"], "write");
        let watching = of(true)["default_permissions"].as_object().unwrap().clone();
        assert!(watching.len() > 5 && watching.values().all(|level| level == "read"), "{watching:?}");
        for event in ["pull_request", "issue_comment", "workflow_run", "check_run", "push", "merge_group"] {
            assert!(made["default_events"].as_array().unwrap().contains(&json!(event)), "{event}");
        }
    }
}
