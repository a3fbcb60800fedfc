//! Users, their tokens and their roles.

use super::{Refusal, State};

/// A user of the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Number.
    pub id: u64,
    /// Login.
    pub login: String,
    /// Full name.
    pub name: String,
    /// E-mail address, as in the person's commits.
    pub email: String,
    /// Whether the account belongs to a program.
    pub bot: bool,
    /// Whether the forge's administrators locked it.
    pub blocked: bool,
    /// Credential for the API.
    pub(crate) token: String,
}

impl Person {
    /// The credential for the API.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The account of the organisation that a project belongs to; nobody acts with it.
    pub(crate) fn organisation(login: &str, project: u64) -> Self {
        let name = login.to_owned();
        let id = project.saturating_add(1_000_000);
        Self {
            id,
            login: name.clone(),
            name,
            email: String::new(),
            bot: false,
            blocked: false,
            token: String::new(),
        }
    }
}

/// What a member may do, in GitLab's words; GitHub's map onto them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees issues.
    Guest,
    /// Reads code.
    Reporter,
    /// Pushes and opens merge requests.
    Developer,
    /// Runs the project.
    Maintainer,
    /// Owns it.
    Owner,
}

impl Role {
    /// GitLab's `access_level`.
    #[must_use]
    pub const fn level(self) -> u64 {
        match self {
            Self::Guest => 10,
            Self::Reporter => 20,
            Self::Developer => 30,
            Self::Maintainer => 40,
            Self::Owner => 50,
        }
    }
}

impl State {
    /// A new account; a login that exists is returned as it is.
    pub(crate) fn add_person(&mut self, login: &str, bot: bool) -> Person {
        if let Ok(person) = self.named(login) {
            return person.clone();
        }
        let id = self.next("person", 11);
        let mut name = login.to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let person = Person {
            id,
            login: login.to_owned(),
            name,
            email: format!("{login}@example.com"),
            bot,
            blocked: false,
            // Only this sandbox on this machine takes it, so it need not be random.
            token: format!("sandbox-token-of-{login}"),
        };
        self.people.insert(id, person.clone());
        person
    }

    /// The person that a token belongs to.
    pub(crate) fn person_with(&self, token: &str) -> Option<&Person> {
        self.people.values().find(|person| person.token == token)
    }

    pub(crate) fn role(&self, project: u64, person: u64) -> Option<Role> {
        let member = self.projects.get(&project)?.members.get(&person).copied();
        member.or_else(|| self.app_role(project, person))
    }

    /// Refuses a person below `least`; in a public project everybody is at least a guest.
    pub(crate) fn require(&self, project: u64, person: u64, least: Role) -> Result<(), Refusal> {
        match self.role(project, person) {
            Some(role) if role >= least => Ok(()),
            _ if least == Role::Guest && self.project(project)?.public => Ok(()),
            _ => Err(Refusal::Forbidden("403 Forbidden".to_owned())),
        }
    }
}
