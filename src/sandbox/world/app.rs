//! GitHub Apps: where they are installed, what they are let into there, and their tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::{Digest, Timestamp};

use super::occurrence::uuid;
use super::{Delivery, Project, Refusal, Role, State};

/// How long a token of an installation lasts.
const TOKEN_LASTS: Duration = Duration::from_secs(3600);

/// Names of rights with `read` or `write`.
pub(crate) type Permissions = BTreeMap<String, String>;

/// An App.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: u64,
    /// Its name in addresses and mentions.
    pub(crate) slug: String,
    /// The account under which it acts.
    pub(crate) bot: u64,
    /// Checks what it signs.
    pub(crate) public_key: Vec<u8>,
    /// Where it hears of what happens.
    pub(crate) hook: Option<AppHook>,
    /// What it asks for where it is installed.
    pub(crate) permissions: Permissions,
}

/// Where an App's deliveries go.
#[derive(Clone)]
pub(crate) struct AppHook {
    pub(crate) url: String,
    pub(crate) secret: String,
    /// What it hears of; `*` is all.
    pub(crate) events: BTreeSet<String>,
}

impl std::fmt::Debug for AppHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secret stays out.
        f.debug_struct("AppHook").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An App at one organization or person.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) app: u64,
    /// Whose projects it is for.
    pub(crate) account: String,
    /// Which of them; none for all.
    pub(crate) only: Option<BTreeSet<u64>>,
    /// What is granted.
    pub(crate) permissions: Permissions,
    pub(crate) at: Timestamp,
    pub(crate) suspended: Option<Timestamp>,
}

impl Installation {
    /// Whether it is for this project.
    pub(crate) fn covers(&self, project: &Project) -> bool {
        let chosen = self.only.as_ref().is_none_or(|only| only.contains(&project.id));
        chosen && self.account.eq_ignore_ascii_case(project.namespace())
    }
}

/// What an installation is signed in with.
#[derive(Clone)]
pub(crate) struct InstallationToken {
    pub(crate) token: String,
    pub(crate) installation: u64,
    /// For which projects; none for all of the installation.
    pub(crate) only: Option<BTreeSet<u64>>,
    pub(crate) permissions: Permissions,
    pub(crate) ends: Timestamp,
}

impl std::fmt::Debug for InstallationToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstallationToken")
            .field("installation", &self.installation)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}

impl InstallationToken {
    /// Whether it grants this; `write` holds for `read` too.
    pub(crate) fn grants(&self, name: &str, write: bool) -> bool {
        self.permissions.get(name).is_some_and(|level| level == "write" || !write)
    }
}

impl State {
    /// A new App with its account; one that exists is returned as it is.
    pub(crate) fn add_app(&mut self, slug: &str, public_key: Vec<u8>, permissions: Permissions) -> App {
        if let Some(app) = self.apps.values().find(|app| app.slug == slug) {
            return app.clone();
        }
        let bot = self.add_person(&format!("{slug}[bot]"), true).id;
        let id = self.next("app", 301);
        let app = App { id, slug: slug.to_owned(), bot, public_key, hook: None, permissions };
        self.apps.insert(id, app.clone());
        app
    }

    /// Installs an App at an account, or changes for which projects it is installed there.
    pub(crate) fn install(&mut self, app: u64, account: &str, only: Option<BTreeSet<u64>>) -> Option<u64> {
        if let Some(known) =
            self.installations.values_mut().find(|one| one.app == app && one.account == account)
        {
            known.only = only;
            return Some(known.id);
        }
        let permissions = self.apps.get(&app)?.permissions.clone();
        let (id, at) = (self.next("installation", 4001), self.now());
        let account = account.to_owned();
        self.installations
            .insert(id, Installation { id, app, account, only, permissions, at, suspended: None });
        Some(id)
    }

    /// Takes an installation away, with all its tokens.
    pub(crate) fn uninstall(&mut self, id: u64) -> Option<Installation> {
        self.app_tokens.retain(|token| token.installation != id);
        self.installations.remove(&id)
    }

    /// The installation of an App for a project.
    pub(crate) fn installation_for(&self, app: u64, project: &Project) -> Option<&Installation> {
        self.installations.values().find(|one| one.app == app && one.covers(project))
    }

    /// A token for some projects of an installation (none for all) and some of what is granted there.
    pub(crate) fn admit(
        &mut self,
        installation: u64,
        only: Option<BTreeSet<u64>>,
        permissions: Option<Permissions>,
    ) -> Result<InstallationToken, Refusal> {
        let missing = || Refusal::NotFound("404".to_owned());
        let at = self.installations.get(&installation).ok_or_else(missing)?;
        if at.suspended.is_some() {
            return Err(Refusal::Forbidden("This installation has been suspended".to_owned()));
        }
        let covered = |id: &u64| self.projects.get(id).is_some_and(|project| at.covers(project));
        if !only.iter().flatten().all(covered) {
            let text = "There is at least one repository that does not exist or is not accessible to the parent installation.";
            return Err(Refusal::Unprocessable(text.to_owned()));
        }
        let granted = |(name, level): (&String, &String)| {
            at.permissions.get(name).is_some_and(|most| most == "write" || most == level)
        };
        if !permissions.iter().flatten().all(granted) {
            let text = "The permissions requested are not granted to this installation.";
            return Err(Refusal::Unprocessable(text.to_owned()));
        }
        let permissions = permissions.unwrap_or_else(|| at.permissions.clone());
        let number = self.next("installation token", 1);
        let token = InstallationToken {
            // Only this sandbox on this machine takes it, so it need not be random.
            token: format!(
                "ghs_{}",
                Digest::of(format!("token {number}")).hex().get(..36).unwrap_or_default()
            ),
            installation,
            only,
            permissions,
            ends: self.now().after(TOKEN_LASTS),
        };
        self.app_tokens.push(token.clone());
        Ok(token)
    }

    /// What somebody is signed in with who shows this token, as long as it lasts.
    pub(crate) fn app_token(&self, token: &str) -> Option<&InstallationToken> {
        self.app_tokens.iter().find(|known| known.token == token && self.now() < known.ends)
    }

    /// An App's account may what a maintainer may, where the App is installed: what else it may not, its
    /// tokens do not grant.
    pub(super) fn app_role(&self, project: u64, person: u64) -> Option<Role> {
        let app = self.apps.values().find(|app| app.bot == person)?;
        let place = self.projects.get(&project)?;
        self.installation_for(app.id, place).map(|_installation| Role::Maintainer)
    }

    /// Queues a delivery to an App that hears of this; what is about its installations it hears in any case.
    pub(crate) fn tell_app(
        &mut self,
        installation: &Installation,
        project: u64,
        event: &'static str,
        mut body: serde_json::Value,
    ) {
        let Some(app) = self.apps.get(&installation.app) else { return };
        let Some(hook) = app.hook.clone() else { return };
        let unasked = event.starts_with("installation") || event == "github_app_authorization";
        if !(unasked || hook.events.contains("*") || hook.events.contains(event)) {
            return;
        }
        if let serde_json::Value::Object(fields) = &mut body {
            let named =
                serde_json::json!({"id": installation.id, "node_id": format!("I_{}", installation.id)});
            fields.entry("installation").or_insert(named);
        }
        self.mail.notify_one();
        let number = self.next("delivery", 1);
        self.pending.push_back(Delivery {
            number,
            id: uuid(number),
            hook: installation.app,
            app: Some(installation.app),
            project,
            url: hook.url,
            event,
            body: body.to_string(),
            token: Some(hook.secret),
            signing_key: None,
            answer: None,
            sent_at: None,
            again: false,
        });
    }
}
