//! Who may do what, by the rights read now. Not knowing denies.

use std::collections::BTreeSet;

use crate::domain::{CommitAuthor, Permission, Standing, User};

use super::Facts;
use super::setting::Rules;

/// What somebody may do, where the forge could tell.
#[derive(Clone, Copy)]
pub(super) struct Rights<'a> {
    user: &'a User,
    permission: Permission,
    teams: &'a BTreeSet<String>,
    emails: &'a BTreeSet<String>,
}

impl<'a> Rights<'a> {
    /// The rights of a person; none when they could not be read.
    pub(super) fn of(facts: &'a Facts, user: &'a User) -> Option<Self> {
        match facts.people.get(&user.id)? {
            Standing::Known { permission, teams, emails } => {
                Some(Self { user, permission: *permission, teams, emails })
            }
            Standing::Unknown => None,
        }
    }

    pub(super) fn may_write(&self) -> bool {
        self.permission >= Permission::Write
    }

    pub(super) fn maintains(&self) -> bool {
        self.permission >= Permission::Maintain
    }

    /// Whether the person is an owner of the model. A model that the target branch does not know has
    /// its maintainers as owners too: its own list was written by the merge request.
    pub(super) fn owns(&self, rules: &Rules<'_>) -> bool {
        let owners = &rules.policy.review.owners;
        if owners.is_empty() || rules.scrutiny.new_model {
            return self.maintains() || self.listed(owners);
        }
        self.listed(owners)
    }

    fn listed(&self, owners: &[String]) -> bool {
        let is_me = |owner: &String| {
            if owner.contains('/') {
                self.teams.iter().any(|team| team.eq_ignore_ascii_case(owner))
            } else {
                self.user.login.eq_ignore_ascii_case(owner)
            }
        };
        self.permission > Permission::None && owners.iter().any(is_me)
    }

    /// Whether the person wrote the merge request or one of its commits.
    pub(super) fn authored(&self, facts: &Facts) -> bool {
        let wrote = |author: &CommitAuthor| {
            author.login.as_ref().is_some_and(|login| login.eq_ignore_ascii_case(&self.user.login))
                || self.emails.contains(&author.email)
        };
        self.user.id == facts.merge_request.author.id
            || facts.open.as_ref().is_some_and(|open| open.authors.iter().any(wrote))
    }
}

/// Authors of commits that belong to no account we know of.
pub(super) fn unmatched(facts: &Facts) -> impl Iterator<Item = &str> {
    let known = |email: &str| {
        facts.people.values().any(|standing| match standing {
            Standing::Known { emails, .. } => emails.contains(email),
            Standing::Unknown => false,
        })
    };
    let authors = facts.open.iter().flat_map(|open| &open.authors);
    authors.filter(move |author| author.login.is_none() && !known(&author.email)).map(|author| &*author.email)
}
