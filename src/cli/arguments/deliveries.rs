//! `mergewright deliveries`: what may be asked about them.

use clap::{Args, Subcommand, ValueEnum};

use super::Database;
use crate::domain::ForgeKind;

/// `mergewright deliveries`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright deliveries list --dead --config mergewright.yml\n  \
                        mergewright deliveries retry 72d3162e-cc78-11e3-81ab-4c9367dc0958")]
pub(in crate::cli) struct Deliveries {
    /// What is asked
    #[command(subcommand)]
    pub(in crate::cli) ask: AskDeliveries,
}

/// What can be asked about deliveries.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AskDeliveries {
    /// Lists what forges sent, the newest first
    List(ListDeliveries),
    /// Shows one delivery, and the jobs and forge calls that it led to
    Show(ShowDelivery),
    /// Puts what was given up back to work
    Retry(RetryDelivery),
}

/// `mergewright deliveries list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright deliveries list --dead --json\n  \
                        mergewright deliveries list --forge gitlab --event 'Note Hook' --limit 20")]
pub(in crate::cli) struct ListDeliveries {
    /// Only of this forge
    #[arg(long, value_enum)]
    pub(in crate::cli) forge: Option<DeliveryForge>,
    /// Only with this outcome
    #[arg(long, value_enum)]
    pub(in crate::cli) outcome: Option<DeliveryOutcome>,
    /// Only of this event, as the header names it: `X-GitHub-Event` or `X-Gitlab-Event`
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) event: Option<String>,
    /// Only where something was given up: the delivery itself or what it led to
    #[arg(long)]
    pub(in crate::cli) dead: bool,
    /// The most to list
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) limit: u32,
    #[command(flatten)]
    pub(in crate::cli) database: Database,
}

/// `mergewright deliveries show`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mergewright deliveries show 72d3162e-cc78-11e3-81ab-4c9367dc0958 --payload"
)]
pub(in crate::cli) struct ShowDelivery {
    #[command(flatten)]
    pub(in crate::cli) named: NamedDelivery,
    /// Print its body too
    #[arg(long)]
    pub(in crate::cli) payload: bool,
    #[command(flatten)]
    pub(in crate::cli) database: Database,
}

/// `mergewright deliveries retry`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright deliveries retry 72d3162e-cc78-11e3-81ab-4c9367dc0958\n\n\
                        A running `serve` takes it within seconds; otherwise the next one does.")]
pub(in crate::cli) struct RetryDelivery {
    #[command(flatten)]
    pub(in crate::cli) named: NamedDelivery,
    #[command(flatten)]
    pub(in crate::cli) database: Database,
}

/// Which delivery is meant.
#[derive(Debug, Args)]
pub(in crate::cli) struct NamedDelivery {
    /// The forge's id, or job-N or call-N, as `list` prints it
    pub(in crate::cli) id: String,
    /// Its forge, where both use this id
    #[arg(long, value_enum)]
    pub(in crate::cli) forge: Option<DeliveryForge>,
}

/// Who sends deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DeliveryForge {
    /// GitHub
    Github,
    /// GitLab
    Gitlab,
}

impl From<DeliveryForge> for ForgeKind {
    fn from(forge: DeliveryForge) -> Self {
        match forge {
            DeliveryForge::Github => Self::GitHub,
            DeliveryForge::Gitlab => Self::GitLab,
        }
    }
}

/// How a delivery can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DeliveryOutcome {
    /// Not worked yet, or being tried again
    Waiting,
    /// Worked
    Done,
    /// Of no use for the bot
    Ignored,
    /// Given up
    Dead,
}

impl DeliveryOutcome {
    /// As the database has it.
    pub(in crate::cli) const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
        }
    }
}
