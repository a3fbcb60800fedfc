//! Names and numbers by which forges know things.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ModelName;

/// The two forges that we speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// github.com or GitHub Enterprise Server.
    GitHub,
    /// gitlab.com or a self-managed GitLab.
    GitLab,
}

impl ForgeKind {
    /// The lower-case word used in addresses, lanes and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
        }
    }
}

impl fmt::Display for ForgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ForgeKind {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "github" => Ok(Self::GitHub),
            "gitlab" => Ok(Self::GitLab),
            other => Err(InvalidName::new("forge", other, "github or gitlab")),
        }
    }
}

/// A repository by its forge's number: a path may change, the number does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RepoId {
    /// Which forge.
    pub forge: ForgeKind,
    /// GitHub's `repository.id`, GitLab's `project.id`.
    pub number: u64,
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.forge, self.number)
    }
}

/// A merge request (GitHub: pull request) by its number within a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MergeRequestId {
    /// The repository that it wants to merge into.
    pub repo: RepoId,
    /// GitHub's `number`, GitLab's `iid`.
    pub number: u64,
}

impl fmt::Display for MergeRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}!{}", self.repo, self.number)
    }
}

/// A model of a repository: what versions and environments belong to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelId {
    /// The repository.
    pub repo: RepoId,
    /// The model.
    pub model: ModelName,
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.repo, self.model)
    }
}

/// Whose a forge call or a run is: who decided it and hears what became of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// A merge request.
    MergeRequest(MergeRequestId),
    /// A model, for its environments.
    Model(ModelId),
    /// A repository, for what is proposed to it.
    Repository(RepoId),
}

impl Owner {
    /// The repository it lives in.
    #[must_use]
    pub const fn repo(&self) -> RepoId {
        match self {
            Self::MergeRequest(id) => id.repo,
            Self::Model(id) => id.repo,
            Self::Repository(id) => *id,
        }
    }

    /// The lane in which it is decided about.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::MergeRequest(id) => Lane::MergeRequest(*id),
            Self::Model(id) => Lane::Model(id.clone()),
            Self::Repository(id) => Lane::Repository(*id),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MergeRequest(id) => id.fmt(f),
            Self::Model(id) => id.fmt(f),
            Self::Repository(id) => id.fmt(f),
        }
    }
}

impl From<MergeRequestId> for Owner {
    fn from(id: MergeRequestId) -> Self {
        Self::MergeRequest(id)
    }
}

/// The unit of order: jobs of one lane are worked one after another, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// Everything about one merge request.
    MergeRequest(MergeRequestId),
    /// Everything about one model's environments.
    Model(ModelId),
    /// What concerns a repository but names no merge request (pushes, tags, branch pipelines).
    Repository(RepoId),
    /// What names no repository at all.
    Forge(ForgeKind),
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MergeRequest(id) => id.fmt(f),
            Self::Model(id) => id.fmt(f),
            Self::Repository(id) => id.fmt(f),
            Self::Forge(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for Lane {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || {
            InvalidName::new("lane", text, "forge, forge:number, forge:number!number or forge:number/model")
        };
        let Some((forge, rest)) = text.split_once(':') else {
            return text.parse().map(Self::Forge).map_err(|_error| invalid());
        };
        let forge = forge.parse().map_err(|_error| invalid())?;
        let number = |digits: &str| digits.parse().map_err(|_error| invalid());
        if let Some((repo, model)) = rest.split_once('/') {
            let model = model.parse().map_err(|_error| invalid())?;
            return Ok(Self::Model(ModelId { repo: RepoId { forge, number: number(repo)? }, model }));
        }
        match rest.split_once('!') {
            None => Ok(Self::Repository(RepoId { forge, number: number(rest)? })),
            Some((repo, merge_request)) => Ok(Self::MergeRequest(MergeRequestId {
                repo: RepoId { forge, number: number(repo)? },
                number: number(merge_request)?,
            })),
        }
    }
}

macro_rules! forge_number {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

forge_number!(
    /// A person or bot by the forge's number: logins change, numbers do not.
    UserId
);
forge_number!(
    /// A comment (GitLab: note) on a merge request.
    CommentId
);
forge_number!(
    /// A check on a commit (GitHub's check run).
    CheckId
);
forge_number!(
    /// A run of CI: GitLab's pipeline, GitHub's workflow run.
    RunId
);
forge_number!(
    /// One job of a run.
    JobId
);

/// A text that is not a valid name of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}: expected {expected}")]
pub struct InvalidName {
    what: &'static str,
    text: String,
    expected: &'static str,
}

impl InvalidName {
    /// Says that `text` is no `what` and what one looks like; a long text is cut at 80 characters.
    #[must_use]
    pub fn new(what: &'static str, text: &str, expected: &'static str) -> Self {
        Self { what, text: text.chars().take(80).collect(), expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_reads_back_what_it_writes() {
        for text in ["gitlab", "github:12", "gitlab:12!7", "gitlab:12/iris"] {
            assert_eq!(text.parse::<Lane>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "bitbucket",
            "gitlab:",
            "gitlab:x",
            "gitlab:1!",
            "gitlab:1!2!3",
            "gitlab:-1",
            "gitlab:1/",
            "gitlab:1/Iris",
            "gitlab:1!2/iris",
        ] {
            assert!(text.parse::<Lane>().is_err(), "{text}");
        }
    }
}
