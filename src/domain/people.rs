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

impl User {
    /// What people write behind an `@` to speak to this account: an App's name is its login without what
    /// marks it as a bot.
    #[must_use]
    pub fn mention(&self) -> &str {
        if self.bot { self.login.strip_suffix("[bot]").unwrap_or(&self.login) } else { &self.login }
    }

    /// Whether a login is of the form that GitLab gives to access tokens of projects and groups:
    /// `project_7_bot_3f…`, earlier `project_7_bot` and `project_7_bot1`.
    #[must_use]
    pub fn is_token_login(login: &str) -> bool {
        let owner = login.strip_prefix("project_").or_else(|| login.strip_prefix("group_"));
        let Some((number, rest)) = owner.and_then(|owner| owner.split_once("_bot")) else { return false };
        let counted = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        !number.is_empty() && counted(number) && (rest.starts_with(['_', '-']) || counted(rest))
    }

    /// Whether the App with this name acts with this account.
    #[must_use]
    pub fn is_app(&self, slug: &str) -> bool {
        self.login.strip_suffix("[bot]").is_some_and(|own| own.eq_ignore_ascii_case(slug))
    }
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

/// What people say of a merge request by the forge's own review.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviews {
    /// Standing approvals.
    pub approvals: Vec<ForgeApproval>,
    /// Whose newest word is that it must be changed: at GitHub whatever head it was said of, until they
    /// approve or it is dismissed; at GitLab until they review it again.
    pub changes_requested: Vec<User>,
}

/// Whom the target branch's CODEOWNERS file names for what a merge request changes of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeOwners {
    /// The owners of each changed path, equal sets once, in small letters: `alice`, `group/team`, an e-mail
    /// address, or `@developer` for the role. Whoever is in every one of them is an owner; none = nobody.
    pub sets: Vec<BTreeSet<String>>,
    /// Why the file cannot be used, safe to show: then it names nobody.
    #[serde(default)]
    pub unusable: Option<String>,
}

impl CodeOwners {
    /// Nobody, for this reason.
    #[must_use]
    pub fn unusable(why: String) -> Self {
        Self { sets: Vec::new(), unusable: Some(why) }
    }

    /// Those who own every path under their own name.
    pub fn everywhere(&self) -> impl Iterator<Item = &str> {
        let (first, others) = self.sets.split_first().unzip();
        let others = others.unwrap_or_default();
        let all =
            first.into_iter().flatten().filter(move |owner| others.iter().all(|set| set.contains(*owner)));
        all.map(String::as_str)
    }
}

/// Who wrote a commit of the merge request, co-authors included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommitAuthor {
    /// The account, where the forge matched one (GitHub).
    pub login: Option<String>,
    /// The e-mail address in the commit, lower-case.
    pub email: String,
}

impl CommitAuthor {
    /// Whether this is the person with the login and the (lower-case) addresses.
    #[must_use]
    pub fn is(&self, login: &str, emails: &BTreeSet<String>) -> bool {
        let hidden = hidden_account(&self.email);
        self.login.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(login))
            || emails.contains(&self.email)
            || hidden.is_some() && emails.iter().any(|known| hidden_account(known) == hidden)
    }
}

/// The number and the host in an address that stands for a hidden one: `7+ann@users.noreply.github.com`,
/// `7-ann@users.noreply.gitlab.com`. The number stays when the account gets another name.
fn hidden_account(email: &str) -> Option<(&str, &str)> {
    let (name, host) = email.split_once('@')?;
    let (number, _login) = name.split_once(['+', '-'])?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && host.starts_with("users.noreply.")).then_some((number, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_renamed_is_known_by_the_number_in_the_hidden_address() {
        let wrote = |email: &str, known: &str| {
            let author = CommitAuthor { login: None, email: email.to_owned() };
            author.is("ann2", &BTreeSet::from([known.to_owned()]))
        };
        for host in ["users.noreply.github.com", "users.noreply.gitlab.example.com"] {
            for sign in ['+', '-'] {
                assert!(wrote(&format!("7{sign}ann@{host}"), &format!("7{sign}ann2@{host}")));
                assert!(!wrote(&format!("8{sign}ann@{host}"), &format!("7{sign}ann2@{host}")));
            }
            assert!(!wrote(&format!("7+ann@{host}"), "7+ann2@users.noreply.elsewhere.com"));
        }
        assert!(!wrote("7+ann@example.com", "7+ann2@example.com"), "anybody may have such an address");
    }

    #[test]
    fn users_of_access_tokens_are_known_by_their_logins_and_lookalikes_are_not() {
        for login in [
            "project_7_bot",
            "project_7_bot1",
            "project_7_bot12",
            "project_7_bot_3f2a",
            "group_12_bot_x",
            "group_1_bot-2",
        ] {
            assert!(User::is_token_login(login), "{login}");
        }
        for login in [
            "project_bot",
            "project_x_bot",
            "project__bot",
            "my_project_7_bot",
            "group_1_botanist",
            "group_1_bot1a",
            "alice",
        ] {
            assert!(!User::is_token_login(login), "{login}");
        }
    }
}
