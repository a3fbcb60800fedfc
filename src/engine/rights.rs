//! Who may do what, by the rights read now. Not knowing denies.

use std::collections::BTreeSet;

use crate::domain::{CodeOwners, CommitAuthor, Permission, Standing, User};

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
    /// its maintainers as owners too: its own list was written by the merge request. A list that is
    /// written rules alone; CODEOWNERS stands beside the maintainers where there is none.
    pub(super) fn owns(&self, rules: &Rules<'_>) -> bool {
        let owners = &rules.policy.review.owners;
        if owners.is_empty() {
            return self.maintains() || rules.code_owners.is_some_and(|named| self.named(named));
        }
        self.listed(owners) || rules.scrutiny.new_model && self.maintains()
    }

    /// Whether CODEOWNERS names the person for every changed path; as at the forges, it takes the right
    /// to push too.
    fn named(&self, code_owners: &CodeOwners) -> bool {
        let is_me = |owner: &String| match owner.strip_prefix('@') {
            Some("developer") => self.may_write(),
            Some("maintainer" | "owner") => self.maintains(),
            Some(_) => false,
            None if owner.contains('@') => self.emails.contains(owner),
            None => self.is(owner),
        };
        let every = code_owners.sets.iter().all(|set| set.iter().any(is_me));
        self.may_write() && !code_owners.sets.is_empty() && every
    }

    fn listed(&self, owners: &[String]) -> bool {
        self.permission > Permission::None && owners.iter().any(|owner| self.is(owner))
    }

    /// Whether `login` or `group/team` names the person.
    fn is(&self, owner: &str) -> bool {
        if owner.contains('/') {
            self.teams.iter().any(|team| team.eq_ignore_ascii_case(owner))
        } else {
            self.user.login.eq_ignore_ascii_case(owner)
        }
    }

    /// The person's addresses, lower-case.
    pub(super) fn emails(&self) -> &'a BTreeSet<String> {
        self.emails
    }

    /// Whether the person wrote the merge request or one of its commits.
    pub(super) fn authored(&self, facts: &Facts) -> bool {
        let wrote = |author: &CommitAuthor| author.is(&self.user.login, self.emails);
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
