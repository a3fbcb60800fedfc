//! What the subcommands do, apart from how their arguments are read.

pub mod check;
pub mod generate;

/// What a command answers: printed as it is, and the exit status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 0 good; 1 the answer is no; 2 wrong usage.
    pub status: u8,
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
}

impl Answer {
    /// All is well.
    #[must_use]
    pub fn good(out: impl Into<String>) -> Self {
        Self { status: 0, out: out.into(), err: String::new() }
    }

    /// The answer is no.
    #[must_use]
    pub fn no(err: impl Into<String>) -> Self {
        Self { status: 1, out: String::new(), err: err.into() }
    }

    /// The question was wrong.
    #[must_use]
    pub fn usage(err: impl Into<String>) -> Self {
        Self { status: 2, out: String::new(), err: err.into() }
    }
}
