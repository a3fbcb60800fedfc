//! What differs between the forges that the demo can play.

use crate::domain::ForgeKind;
use crate::generator::Dialect;

/// The forge as the demo speaks of it and introduces the bot to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Played(ForgeKind);

impl Played {
    pub(super) const fn new(kind: ForgeKind) -> Self {
        Self(kind)
    }

    pub(super) const fn kind(self) -> ForgeKind {
        self.0
    }

    /// Its name as people write it.
    pub(super) const fn name(self) -> &'static str {
        match self.0 {
            ForgeKind::GitLab => "GitLab",
            ForgeKind::GitHub => "GitHub",
        }
    }

    /// How a merge request is called by its number.
    pub(super) fn number(self, number: u64) -> String {
        let sign = match self.0 {
            ForgeKind::GitLab => '!',
            ForgeKind::GitHub => '#',
        };
        format!("{sign}{number}")
    }

    pub(super) const fn dialect(self) -> Dialect {
        match self.0 {
            ForgeKind::GitLab => Dialect::GitLab,
            ForgeKind::GitHub => Dialect::GitHub,
        }
    }

    /// A fresh secret for webhooks; it lives as long as the demo.
    pub(super) fn webhook_secret(self) -> String {
        use base64::Engine as _;
        let key: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        let text = base64::engine::general_purpose::STANDARD.encode(key);
        match self.0 {
            ForgeKind::GitLab => format!("whsec_{text}"),
            ForgeKind::GitHub => text,
        }
    }

    /// The bot's configuration for the forge at `url`; its secrets lie beside it in files named `token`
    /// and `webhook-secret`.
    pub(super) fn section(self, url: &str) -> String {
        let lines = match self.0 {
            ForgeKind::GitLab => {
                format!("gitlab:\n  url: {url}\n  webhook_signing_tokens: [{{file: webhook-secret}}]\n")
            }
            ForgeKind::GitHub => {
                format!("github:\n  api_url: {url}\n  webhook_secrets: [{{file: webhook-secret}}]\n")
            }
        };
        format!("{lines}  token: {{file: token}}\n  write_interval: 0s\n")
    }
}
