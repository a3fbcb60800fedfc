//! What a job is made of.

use std::time::Duration;

use super::Action;
use crate::config::valid::IdTokens;

/// Shell lines that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What they do, for the log.
    pub title: &'static str,
    /// The people's own lines.
    pub lines: Vec<String>,
    /// Only when this was asked for.
    pub only: Option<Action>,
    /// Names of the secrets that they get.
    pub secrets: Vec<String>,
    /// The identity tokens that they get.
    pub id_tokens: IdTokens,
}

/// Where a deploy job may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Names of the environments.
    pub environments: Vec<String>,
}

/// What a job can prove digests with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Python's standard library.
    Python,
    /// git, curl, sha256sum, and something that opens archives.
    Shell,
}

/// What the bytes are proved against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proven {
    /// The version's tag, which stands on the commit that is asked for: it is brought out from there.
    Version,
    /// The version's tag, wherever it stands: it is measured on the data of the commit that is asked for.
    Elsewhere,
    /// The same for what is live, which the tags tell where nobody does.
    Live {
        /// In this environment; none = the newest version.
        environment: Option<String>,
    },
}

/// What a hosted runner is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Python in this version.
    Python(String),
    /// uv.
    Uv,
    /// A JDK in this version.
    Java(String),
    /// Gradle, and a look at the wrapper.
    Gradle,
    /// Node.js in this version.
    Node(String),
}

/// What package managers have downloaded, kept for the next job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Of which of them.
    pub kind: CacheKind,
    /// The manager's name and the version of the toolchain.
    pub key: String,
}

/// The package managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheKind {
    /// pip.
    Pip,
    /// uv.
    Uv,
    /// Maven.
    Maven,
    /// Gradle.
    Gradle,
    /// npm.
    Npm,
}

impl CacheKind {
    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Maven => "maven",
            Self::Gradle => "gradle",
            Self::Npm => "npm",
        }
    }

    /// Files in the model's root that decide what is downloaded; at most two, as GitLab takes no more.
    #[must_use]
    pub const fn lock_files(self) -> &'static [&'static str] {
        match self {
            Self::Pip => &["requirements.txt", "pyproject.toml"],
            Self::Uv => &["uv.lock"],
            Self::Maven => &["pom.xml"],
            Self::Gradle => &["gradle.lockfile", "gradle/wrapper/gradle-wrapper.properties"],
            Self::Npm => &["package-lock.json"],
        }
    }
}

/// A report about coverage that forges can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// `cobertura` or `jacoco`.
    pub format: &'static str,
    /// Relative to the model's root.
    pub path: &'static str,
}

/// The two artifacts that jobs leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// The files of the model.
    Model,
    /// What the tests say.
    Reports,
}

impl Keeps {
    /// The word in the artifact's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Reports => "reports",
        }
    }
}

/// Files that a job leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which of the two.
    pub what: Keeps,
    /// Relative to the repository root; globs allowed.
    pub paths: Vec<String>,
    /// JUnit files among them.
    pub junit: Vec<String>,
    /// The report about coverage among them: format and path.
    pub coverage: Option<(&'static str, String)>,
    /// How long.
    pub keep_for: Duration,
}

impl Kept {
    /// Whether they are kept also when the job has failed: reports say why.
    #[must_use]
    pub fn always(&self) -> bool {
        self.what == Keeps::Reports
    }
}
