//! People's rights as they are now, and what they approved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{GitHub, answers};
use crate::domain::{
    ForgeApproval, MergeRequestId, Permission, RepoId, Reviews, Standing, Timestamp, UserId,
};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::Transport;
use crate::forge::{ErrorKind, ForgeError};

const USER: Operation = Operation { name: "user", does: "read a person's login", needs: "a valid token" };
const RIGHTS: Operation = Operation {
    name: "standing",
    does: "read a person's rights",
    needs: "push access, and read access to metadata",
};
const TEAM: Operation = Operation {
    name: "team",
    does: "read who belongs to the team",
    needs: "read access to the organization's members",
};
const REVIEWS: Operation = Operation {
    name: "reviews",
    does: "read the reviews of the pull request",
    needs: "read access to pull requests",
};

/// How long an account is taken to have the login and the addresses that it had: its rights are read anew
/// under that login each time, and GitHub says whose they are.
const ACCOUNT_LASTS: Duration = Duration::from_secs(300);

impl GitHub {
    /// Rights in the repository, by teams and organization included. The number is what identifies
    /// somebody; the login under which rights are asked for is the present one. A lookup that fails is
    /// an error, never a guess: the caller denies.
    pub(super) async fn read_standing(
        &self,
        repo: RepoId,
        user: UserId,
        teams: &[String],
    ) -> Result<Standing, ForgeError> {
        let nobody = || Standing::Known {
            permission: Permission::None,
            teams: BTreeSet::new(),
            emails: BTreeSet::new(),
        };
        let now = self.http.now();
        let known = self.accounts.get(&user).filter(|(_, read_at)| now.since(*read_at) < ACCOUNT_LASTS);
        if let Some((found, _)) = known {
            match self.permission(repo, &found).await {
                // Perhaps renamed meanwhile: who it is now decides.
                Ok(Permission::None) => self.accounts.forget(&user),
                Ok(permission) => return Ok(self.with_teams(repo, permission, &found, teams).await?),
                Err(error) => {
                    self.accounts.forget(&user);
                    return Err(error);
                }
            }
        }
        let Some(found) = self.account(repo, user).await? else { return Ok(nobody()) };
        let permission = self.permission(repo, &found).await?;
        if permission != Permission::None {
            self.accounts.put(user, (found.clone(), now));
        }
        Ok(self.with_teams(repo, permission, &found, teams).await?)
    }

    /// The account as it is now; none where it is gone or suspended.
    async fn account(&self, repo: RepoId, user: UserId) -> Result<Option<answers::User>, Failure> {
        let path = &format!("/user/{user}");
        let found: answers::User =
            match self.signed(repo, |http| async move { http.get(&USER, path).await }).await {
                Ok(found) => found,
                Err(failure) if failure.is(404) => return Ok(None),
                Err(failure) => return Err(failure),
            };
        if found.id != user.0 || found.login.is_empty() {
            return Err(self.http.refused(&USER, "somebody else was shown instead"));
        }
        if found.suspended_at.is_some() {
            return Ok(None);
        }
        Ok(Some(found))
    }

    /// The addresses that GitHub shows of somebody.
    pub(super) async fn read_addresses(
        &self,
        repo: RepoId,
        user: UserId,
    ) -> Result<BTreeSet<String>, Failure> {
        Ok(self.account(repo, user).await?.map(|found| self.emails(&found)).unwrap_or_default())
    }

    async fn with_teams(
        &self,
        repo: RepoId,
        permission: Permission,
        found: &answers::User,
        teams: &[String],
    ) -> Result<Standing, Failure> {
        let mut belongs = BTreeSet::new();
        for team in teams {
            if self.is_member(repo, team, &found.login).await? {
                belongs.insert(team.clone());
            }
        }
        Ok(Standing::Known { permission, teams: belongs, emails: self.emails(found) })
    }

    async fn permission(&self, repo: RepoId, user: &answers::User) -> Result<Permission, ForgeError> {
        let rest = format!("/collaborators/{}/permission", segment(&user.login));
        let Some(found) = self.find::<answers::Rights>(&RIGHTS, repo, &rest).await? else {
            return Ok(Permission::None);
        };
        if found.user.is_some_and(|other| other.id != user.id) {
            return Err(ForgeError {
                kind: ErrorKind::Retry { after: None },
                external: "the account was renamed while its rights were read; this is tried again"
                    .to_owned(),
                internal: format!("{}: another number under the login", RIGHTS.name),
            });
        }
        Ok(permission(&found.permission, found.role_name.as_deref()))
    }

    /// `organization/team`; members of teams below it count, invited ones do not.
    async fn is_member(&self, repo: RepoId, team: &str, login: &str) -> Result<bool, Failure> {
        let Some((organization, slug)) = team.trim_start_matches('@').split_once('/') else {
            return Ok(false);
        };
        let path = &format!(
            "/orgs/{}/teams/{}/memberships/{}",
            segment(organization),
            segment(slug),
            segment(login)
        );
        let ask = |http: Arc<Transport>| async move { http.get::<answers::Membership>(&TEAM, path).await };
        match self.signed(repo, ask).await {
            Ok(membership) => Ok(membership.state == "active"),
            Err(failure) if failure.is(404) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The public address, and those that stand for hidden ones.
    fn emails(&self, user: &answers::User) -> BTreeSet<String> {
        let (login, domain) = (user.login.to_lowercase(), &self.noreply);
        let hidden = [format!("{login}@{domain}"), format!("{}+{login}@{domain}", user.id)];
        let shown = user.email.iter().map(|email| email.trim().to_lowercase());
        shown.filter(|email| !email.is_empty()).chain(hidden).collect()
    }

    /// The newest verdict of each reviewer. A mere comment changes no verdict; one that was dismissed is
    /// none.
    pub(super) async fn read_reviews(&self, id: MergeRequestId) -> Result<Reviews, ForgeError> {
        let rest = format!("/pulls/{}/reviews", id.number);
        let listed: Vec<answers::Review> = self.list(&REVIEWS, id.repo, &rest).await?;
        let mut newest: BTreeMap<u64, (String, answers::User, answers::Review)> = BTreeMap::new();
        for mut review in listed {
            let Some(user) = review.user.take() else { continue };
            let word = review.state.to_ascii_uppercase();
            if matches!(word.as_str(), "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED") {
                newest.insert(user.id, (word, user, review));
            }
        }
        let mut reviews = Reviews::default();
        for (word, user, review) in newest.into_values() {
            match word.as_str() {
                "APPROVED" => reviews.approvals.push(ForgeApproval {
                    by: user.into(),
                    sha: review.commit_id,
                    at: review.submitted_at.as_deref().and_then(Timestamp::parse),
                }),
                "CHANGES_REQUESTED" => reviews.changes_requested.push(user.into()),
                _ => {}
            }
        }
        Ok(reviews)
    }
}

/// `role_name` tells maintain from write; roles of an organization's own count as what they build on.
fn permission(base: &str, role: Option<&str>) -> Permission {
    match (role, base) {
        (Some("admin" | "maintain"), _) | (_, "admin") => Permission::Maintain,
        (_, "write") => Permission::Write,
        (_, "read") => Permission::Read,
        _ => Permission::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_become_rights() {
        for (base, role, expected) in [
            ("admin", Some("admin"), Permission::Maintain),
            ("write", Some("maintain"), Permission::Maintain),
            ("admin", None, Permission::Maintain),
            ("write", Some("write"), Permission::Write),
            ("write", Some("release-engineers"), Permission::Write),
            ("write", None, Permission::Write),
            ("read", Some("triage"), Permission::Read),
            ("read", Some("read"), Permission::Read),
            ("none", Some(""), Permission::None),
            ("none", None, Permission::None),
            ("a_word_of_tomorrow", None, Permission::None),
        ] {
            assert_eq!(permission(base, role), expected, "{base} {role:?}");
        }
    }
}
