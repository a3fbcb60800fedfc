//! Why the sandbox did not do what was asked.

/// What a forge would refuse, in words that both HTTP layers can translate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such object, or the asker may not know of it.
    #[error("{0} not found")]
    NotFound(String),
    /// The asker lacks the right.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// The request is wrong in itself.
    #[error("{0}")]
    Invalid(String),
    /// The object is not in a state that allows it.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// Something else exists or moved in between.
    #[error("{0}")]
    Conflict(String),
    /// The request is understood but cannot be carried out.
    #[error("{0}")]
    Unprocessable(String),
    /// The git program failed; its words are quoted.
    #[error("git {command} failed: {stderr}")]
    Git {
        /// The sub-command.
        command: String,
        /// What it wrote to standard error.
        stderr: String,
    },
}

/// Why the sandbox could not be started or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A file, folder, port or program of this machine.
    #[error("{doing}: {source}")]
    Machine {
        /// What was attempted.
        doing: String,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The forge's own rules forbid it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The client for webhooks could not be built.
    #[error("the webhook client could not be built: {0}")]
    Client(#[from] reqwest::Error),
}

impl SandboxError {
    /// A closure for `map_err` that says what was attempted.
    pub(crate) fn machine(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Machine { doing, source }
    }
}
