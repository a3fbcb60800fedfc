//! The words of a command line, before anything is allowed or done.

use serde::{Deserialize, Serialize};

use crate::domain::ModelName;

/// How people address us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressing {
    /// The configured prefix, `/model`.
    pub prefix: String,
    /// The bot's login (an App's name), without `@`.
    pub login: String,
}

/// One command line, in the order of the comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parsed {
    /// The line as written, trimmed; at most 200 characters.
    pub line: String,
    /// What it means, or why it means nothing.
    pub command: Result<Command, CommandError>,
}

/// A command that is well-formed; whether it is allowed is the engine's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What is asked.
    pub verb: Verb,
    /// The model, where the line names one.
    pub model: Option<ModelName>,
}

/// Every verb with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Lists the commands.
    Help,
    /// Says where each model stands.
    Status,
    /// Lists versions.
    Versions,
    /// Shows one version's lineage.
    Describe {
        /// A REF of the interface.
        reference: String,
    },
    /// Says what was live when.
    Blame {
        /// The environment.
        environment: String,
        /// A time; now when absent.
        time: Option<String>,
    },
    /// Prints every rule that decided.
    Explain {
        /// Only this stage.
        stage: Option<String>,
    },
    /// Starts CI for the head.
    Run {
        /// `build` or `test`.
        stage: Option<String>,
        /// The head the person means.
        sha: Option<String>,
    },
    /// Reruns what failed.
    Retry {
        /// The head the person means.
        sha: Option<String>,
    },
    /// Cancels the head's run.
    Cancel,
    /// Approves.
    Approve {
        /// The head the person means.
        sha: Option<String>,
    },
    /// Takes the approval back.
    Unapprove,
    /// Blocks publish and promotion.
    Hold {
        /// Why.
        reason: Option<String>,
    },
    /// Ends the hold.
    Unhold,
    /// Excuses one rule on this head.
    Waive {
        /// The rule's id.
        rule: String,
        /// Why.
        reason: String,
    },
    /// Merges and publishes.
    Publish {
        /// The head the person means.
        sha: Option<String>,
        /// Only says what would happen.
        dry_run: bool,
        /// Arms it until the gates are green.
        when_ready: bool,
    },
    /// Moves a version into an environment.
    Promote {
        /// A REF.
        reference: String,
        /// The environment.
        environment: String,
    },
    /// Goes back.
    Rollback {
        /// The environment.
        environment: String,
        /// To which version; the one before when absent.
        reference: Option<String>,
    },
    /// Stops a rollout, frees a stuck environment.
    Abort {
        /// The environment.
        environment: String,
    },
    /// Takes a version out of use.
    Retire {
        /// A REF.
        reference: String,
        /// Why.
        reason: String,
    },
    /// Commits regenerated CI files.
    Regenerate,
}

/// A line that is addressed to us but is no command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandError {
    /// What is wrong, with a did-you-mean where there is one; foreign text in it is data.
    pub message: String,
    /// How the nearest verb is written; for an unknown one, where to find help.
    pub usage: String,
}
