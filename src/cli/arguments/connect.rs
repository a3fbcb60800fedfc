//! The words of `mergewright connect`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// `mergewright connect`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright connect gitlab --config mergewright.yml --dry-run\n  \
                        mergewright connect github --config mergewright.yml --organization acme")]
pub(in crate::cli) struct Connect {
    /// With which forge
    #[command(subcommand)]
    pub(in crate::cli) to: ConnectTo,
}

/// The forges.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum ConnectTo {
    /// Has GitHub make an App for the bot, and keeps its key
    Github(ConnectGithub),
    /// Sets up a webhook at every GitLab project that is served
    Gitlab(ConnectGitlab),
}

/// `mergewright connect github`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mergewright connect github --config mergewright.yml --organization acme\n\n\
                        Shows a page on this machine; its button has GitHub make the App. The App's key and the secret \
                        of its webhook are written beside the configuration, and what to configure is printed."
)]
pub(in crate::cli) struct ConnectGithub {
    /// The server's configuration file; `github` need not be there yet
    #[arg(long, env = "MERGEWRIGHT_CONFIG", value_name = "FILE")]
    pub(in crate::cli) config: PathBuf,
    /// The organization that the App belongs to; you yourself where it is left out
    #[arg(long, value_name = "ORG", value_parser = login)]
    pub(in crate::cli) organization: Option<String>,
    /// The App's name, which is also how people speak to it
    #[arg(long)]
    pub(in crate::cli) name: Option<String>,
    /// Where the page is shown; port 0 lets the system choose
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(in crate::cli) listen: SocketAddr,
    /// Write over secrets that are there
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// `mergewright connect gitlab`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright connect gitlab --config mergewright.yml --dry-run\n  \
                        mergewright connect gitlab --config mergewright.yml --renew")]
pub(in crate::cli) struct ConnectGitlab {
    /// The server's configuration file
    #[arg(long, env = "MERGEWRIGHT_CONFIG", value_name = "FILE")]
    pub(in crate::cli) config: PathBuf,
    /// Write nothing; say what would be done
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Write the secrets anew where the webhook is there: GitLab does not show them
    #[arg(long)]
    pub(in crate::cli) renew: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// It becomes a part of an address.
fn login(text: &str) -> Result<String, String> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain && !text.is_empty() { Ok(text.to_owned()) } else { Err("write it as in its address".to_owned()) }
}
