//! People, their rights, and what they approved.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Sha, Timestamp, UserId};

/// A person or bot at the forge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct User {
    /// The forge's number.
    pub id: UserId,
    /// The login at the time it was read; for display and for matching `@login` owners.
    pub login: String,
    /// Whether the forge marks the account as a bot.
    #[serde(default)]
    pub bot: bool,
}

/// What a person may do in a repository; ordered from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Permission {
    /// Not a member.
    None,
    /// May read (GitHub read and triage, GitLab below Developer).
    Read,
    /// May push (GitHub write, GitLab Developer).
    Write,
    /// GitHub `role_name` maintain or admin, GitLab access level 40 and up.
    Maintain,
}

/// A person's rights as read now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The forge answered.
    Known {
        /// Rights in the repository.
        permission: Permission,
        /// Which of the policy's `@group/team` owners the person belongs to.
        teams: BTreeSet<String>,
        /// E-mail addresses that the forge shows for this person, lower-case; may be empty.
        emails: BTreeSet<String>,
    },
    /// The forge could not be asked: every right is denied.
    Unknown,
}

/// Somebody's standing approval at the forge itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgeApproval {
    /// Who approved.
    pub by: User,
    /// The commit that was approved, where the forge says so (GitHub).
    pub sha: Option<Sha>,
    /// When, where the forge says so.
    pub at: Option<Timestamp>,
}

/// Who wrote a commit of the merge request, co-authors included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommitAuthor {
    /// The account, where the forge matched one (GitHub).
    pub login: Option<String>,
    /// The e-mail address in the commit, lower-case.
    pub email: String,
}
