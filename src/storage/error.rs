//! What can go wrong in the database. Callers branch on the kind; the text is for the log, and holds
//! no stored value.

/// What went wrong in the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot commit now.
    #[error("the database cannot be used now: {0}")]
    Unavailable(String),
    /// Somebody else took over the lease: nothing of this commit was kept.
    #[error("the lease was lost to another worker")]
    LeaseLost,
    /// The state was changed by somebody else since it was read, or the meaning was decided by
    /// somebody else: nothing of this commit was kept. Read again.
    #[error("the state changed since it was read")]
    Stale,
    /// The commit contradicts what is stored for good (a version's number or tag is taken): nothing
    /// of it was kept, and repeating does not help.
    #[error("the commit contradicts what is stored: {0}")]
    Contradiction(String),
    /// A stored document cannot be read.
    #[error("a stored document is damaged: {0}")]
    Damaged(String),
    /// The address or file of the database is wrong.
    #[error("the database address is wrong: {0}")]
    Address(String),
    /// The address is right, and what is there cannot be used by us as it is.
    #[error("the database cannot be opened: {0}")]
    Unusable(String),
    /// Another process works on the file.
    #[error("another process works on {0}; stop it first")]
    Taken(String),
}

impl StoreError {
    /// The same with the place of the database, where that helps whoever has to mend it.
    pub(super) fn at(self, place: &str) -> Self {
        match self {
            Self::Unavailable(why) => Self::Unavailable(format!("{place}: {why}")),
            Self::Address(why) => Self::Address(format!("{place}: {why}")),
            Self::Unusable(why) => Self::Unusable(format!("{place}: {why}")),
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
                Self::Damaged(error.to_string())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}
