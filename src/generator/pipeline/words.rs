//! The words that jobs, stages and the bot's questions are known by.

use std::fmt;

/// The kinds of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Makes the model.
    Build,
    /// Measures it.
    Test,
    /// Looks at the code alone.
    Scan,
    /// Brings it out.
    Publish,
    /// Puts a version into an environment, or an older one back.
    Deploy,
    /// Measures bytes that were judged before, on other data.
    Evaluate,
    /// Work at fixed times; each schedule has a job of its own name.
    Schedule,
}

impl Step {
    /// Every kind, in the order in which files list their jobs.
    pub const ALL: [Self; 7] =
        [Self::Build, Self::Test, Self::Scan, Self::Publish, Self::Deploy, Self::Evaluate, Self::Schedule];

    /// The word for it; the names of schedules are their own.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Test => "test",
            Self::Scan => "scan",
            Self::Publish => "publish",
            Self::Deploy => "deploy",
            Self::Evaluate => "evaluate",
            Self::Schedule => "schedule",
        }
    }

    /// The stage that it stands in.
    #[must_use]
    pub const fn stage(self) -> &'static str {
        match self {
            Self::Build | Self::Test | Self::Publish | Self::Deploy => self.as_str(),
            Self::Scan => Self::Test.as_str(),
            Self::Evaluate | Self::Schedule => "monitor",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the bot asks for when it starts a pipeline, besides the names of schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Build and test.
    Run,
    /// Publish a version.
    Publish,
    /// Put a version into an environment.
    Deploy,
    /// Put an older version back.
    Rollback,
    /// Measure a version's bytes on the data of a commit.
    Evaluate,
}

impl Action {
    /// The word in `MERGEWRIGHT_ACTION`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Publish => "publish",
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Evaluate => "evaluate",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
