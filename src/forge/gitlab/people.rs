//! People's rights as they are now.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{GitLab, answers, project};
use crate::domain::{Permission, RepoId, Standing, UserId};
use crate::forge::ForgeError;
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;

const MEMBER: Operation = Operation {
    name: "standing",
    does: "read a person's rights",
    needs: "the scope `api` and membership in the project",
};
const TEAM: Operation = Operation {
    name: "team",
    does: "read who belongs to the group",
    needs: "the scope `api` and that our token sees the group",
};
const USER: Operation =
    Operation { name: "user", does: "read a person's e-mail addresses", needs: "the scope `api`" };

/// How long somebody's addresses are taken to be as they were: they say who wrote a commit, not who may
/// do what.
const ADDRESSES_LAST: Duration = Duration::from_secs(300);

const MINIMAL: u32 = 5;
const DEVELOPER: u32 = 30;
const MAINTAINER: u32 = 40;

impl GitLab {
    /// Rights in the project, inherited and by invited groups included. A lookup that fails is an
    /// error, never a guess: the caller denies.
    pub(super) async fn read_standing(
        &self,
        repo: RepoId,
        user: UserId,
        teams: &[String],
    ) -> Result<Standing, ForgeError> {
        let level = self.member(&MEMBER, &project(repo, &format!("/members/all/{user}"))).await?;
        let permission = permission(level);
        let mut belongs = BTreeSet::new();
        for team in teams {
            let name = team.trim_start_matches('@');
            let path = format!("/groups/{}/members/all/{user}", segment(name));
            if self.member(&TEAM, &path).await?.is_some_and(|level| level > MINIMAL) {
                belongs.insert(team.clone());
            }
        }
        Ok(Standing::Known { permission, teams: belongs, emails: self.emails(user).await? })
    }

    /// The access level of an active member; none for everybody else.
    async fn member(&self, operation: &Operation, path: &str) -> Result<Option<u32>, Failure> {
        match self.http.get::<answers::Member>(operation, path).await {
            Ok(member) => {
                let active = |state: &Option<String>| state.as_deref().is_none_or(|state| state == "active");
                let counts = active(&member.state) && active(&member.membership_state);
                Ok(counts.then_some(member.access_level))
            }
            Err(failure) if failure.is(404) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The addresses that GitLab shows us, and the private one that it writes into commits made in
    /// its own pages.
    pub(super) async fn emails(&self, user: UserId) -> Result<BTreeSet<String>, Failure> {
        let known = self.remembered.emails.get(&user);
        if let Some((emails, read_at)) = known
            && self.http.now().since(read_at) < ADDRESSES_LAST
        {
            return Ok(emails);
        }
        let emails = self.read_emails(user).await?;
        self.remembered.emails.put(user, (emails.clone(), self.http.now()));
        Ok(emails)
    }

    async fn read_emails(&self, user: UserId) -> Result<BTreeSet<String>, Failure> {
        let found = match self.http.get::<answers::User>(&USER, &format!("/users/{user}")).await {
            Ok(found) => found,
            Err(failure) if failure.is(404) => return Ok(BTreeSet::new()),
            Err(failure) => return Err(failure),
        };
        let mut emails = BTreeSet::new();
        if found.state.as_deref().is_none_or(|state| state == "active") {
            let private = format!("{user}-{}@users.noreply.{}", found.username, self.host);
            let shown = [found.public_email, found.email, found.commit_email];
            emails.extend(
                shown.into_iter().flatten().chain([private]).map(|email| email.trim().to_lowercase()),
            );
        }
        emails.remove("");
        Ok(emails)
    }
}

const fn permission(level: Option<u32>) -> Permission {
    match level {
        Some(MAINTAINER..) => Permission::Maintain,
        Some(DEVELOPER..) => Permission::Write,
        Some(1..) => Permission::Read,
        Some(0) | None => Permission::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_levels_become_rights() {
        for (level, expected) in [
            (None, Permission::None),
            (Some(0), Permission::None),
            (Some(5), Permission::Read),
            (Some(10), Permission::Read),
            (Some(15), Permission::Read),
            (Some(20), Permission::Read),
            (Some(29), Permission::Read),
            (Some(30), Permission::Write),
            (Some(39), Permission::Write),
            (Some(40), Permission::Maintain),
            (Some(50), Permission::Maintain),
        ] {
            assert_eq!(permission(level), expected, "{level:?}");
        }
    }
}
