//! `mergewright audit`: what may be asked about the audit log.

use clap::{Args, Subcommand};

use super::Database;

/// `mergewright audit`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright audit verify --config mergewright.yml\n  \
                        mergewright audit export --config mergewright.yml >audit.jsonl")]
pub(in crate::cli) struct Audit {
    /// What is asked
    #[command(subcommand)]
    pub(in crate::cli) ask: AskAudit,
}

/// What can be asked about the audit log.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AskAudit {
    /// Finds the first row that was changed, removed or put in by somebody else
    Verify(VerifyAudit),
    /// Prints the log, the oldest row first, one JSON object a line
    Export(ExportAudit),
}

/// `mergewright audit verify`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright audit verify --config mergewright.yml\n\n\
                        Exit status: 0 the log is as it was written, 1 it is not, 2 it cannot be read.")]
pub(in crate::cli) struct VerifyAudit {
    #[command(flatten)]
    pub(in crate::cli) database: Database,
}

/// `mergewright audit export`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright audit export --config mergewright.yml >audit.jsonl\n  \
                        mergewright audit export --after 1200 --json")]
pub(in crate::cli) struct ExportAudit {
    /// Only rows behind this one: the last one that was exported before
    #[arg(long, default_value_t = 0, value_name = "ROW")]
    pub(in crate::cli) after: u64,
    #[command(flatten)]
    pub(in crate::cli) database: Database,
}
