//! GitHub Apps of the sandbox: made, installed, suspended and taken away by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use ring::signature::{KeyPair as _, RsaKeyPair};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::github::apps::{PRIVATE_KEY, installation as shape};
use super::world::{App, AppHook, Installation, Person, State, World};
use super::{Refusal, Sandbox};

/// An App; every one signs with the same key, which nobody else believes.
#[derive(Clone, Debug)]
pub struct SandboxApp {
    world: Arc<World>,
    id: u64,
    slug: String,
    bot: Person,
}

impl Sandbox {
    /// An App with these rights (names with `read` or `write`); one that exists is returned.
    ///
    /// # Errors
    /// When its key cannot be read, which is a defect of the sandbox.
    pub fn app(&self, slug: &str, permissions: &[(&str, &str)]) -> Result<SandboxApp, Refusal> {
        let permissions = permissions.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned()));
        let public = public_key()?;
        let mut state = self.world.lock();
        let app = state.add_app(slug, public, permissions.collect());
        let bot = state.person(app.bot)?.clone();
        drop(state);
        Ok(SandboxApp { world: Arc::clone(&self.world), id: app.id, slug: app.slug, bot })
    }
}

/// The public half of [`PRIVATE_KEY`].
pub(super) fn public_key() -> Result<Vec<u8>, Refusal> {
    let broken = |_error| Refusal::Invalid("the sandbox's own key is damaged".to_owned());
    let der = PrivatePkcs1KeyDer::from_pem_slice(PRIVATE_KEY.as_bytes())
        .map_err(|_error| Refusal::Invalid("the sandbox's own key is no PEM".to_owned()))?;
    let pair = RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(broken)?;
    Ok(pair.public_key().as_ref().to_vec())
}

#[expect(clippy::missing_errors_doc, reason = "every verb fails alike: with the forge's own refusal")]
impl SandboxApp {
    /// Its number.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Its name in mentions.
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// The account under which it acts.
    #[must_use]
    pub const fn bot(&self) -> &Person {
        &self.bot
    }

    /// The key that it signs with, in PEM.
    #[must_use]
    pub const fn private_key(&self) -> &'static str {
        PRIVATE_KEY
    }

    /// Where it hears of everything that happens where it is installed.
    pub fn hook(&self, url: &str, secret: &str) {
        let hook = AppHook {
            url: url.to_owned(),
            secret: secret.to_owned(),
            events: BTreeSet::from(["*".to_owned()]),
        };
        if let Some(app) = self.world.lock().apps.get_mut(&self.id) {
            app.hook = Some(hook);
        }
    }

    /// Installs it for all repositories of an organization or person; the installation's number.
    pub fn install(&self, account: &str) -> Result<u64, Refusal> {
        self.installed(account, None)
    }

    /// Installs it for these repositories of an organization or person, and no other.
    pub fn install_for(&self, account: &str, paths: &[&str]) -> Result<u64, Refusal> {
        let state = self.world.lock();
        let chosen = paths.iter().map(|path| {
            let found = state.project_at(path).map(|project| project.id);
            found.ok_or_else(|| Refusal::NotFound((*path).to_owned()))
        });
        let chosen = chosen.collect::<Result<_, _>>()?;
        drop(state);
        self.installed(account, Some(chosen))
    }

    fn installed(&self, account: &str, only: Option<BTreeSet<u64>>) -> Result<u64, Refusal> {
        let mut state = self.world.lock();
        let known = self.of(&state, account).is_ok();
        let id = state.install(self.id, account, only).ok_or_else(|| Refusal::NotFound(self.slug.clone()))?;
        let event = if known { ("installation_repositories", "added") } else { ("installation", "created") };
        self.told(&mut state, id, event);
        Ok(id)
    }

    /// Suspends it at an organization or person, or lifts that.
    pub fn suspend(&self, account: &str, so: bool) -> Result<(), Refusal> {
        let mut state = self.world.lock();
        let (id, now) = (self.of(&state, account)?, state.now());
        if let Some(one) = state.installations.get_mut(&id) {
            one.suspended = so.then_some(now);
        }
        self.told(&mut state, id, ("installation", if so { "suspend" } else { "unsuspend" }));
        Ok(())
    }

    /// Takes it away from an organization or person.
    pub fn uninstall(&self, account: &str) -> Result<(), Refusal> {
        let mut state = self.world.lock();
        let id = self.of(&state, account)?;
        self.told(&mut state, id, ("installation", "deleted"));
        state.uninstall(id);
        Ok(())
    }

    /// Grants something there, or takes it back where no level is given; tokens keep what they had.
    pub fn grant(&self, account: &str, name: &str, level: Option<&str>) -> Result<(), Refusal> {
        let mut state = self.world.lock();
        let id = self.of(&state, account)?;
        let granted = state.installations.get_mut(&id).map(|one| &mut one.permissions);
        match (granted, level) {
            (Some(granted), Some(level)) => granted.insert(name.to_owned(), level.to_owned()),
            (Some(granted), None) => granted.remove(name),
            (None, _) => None,
        };
        Ok(())
    }

    /// Ends every token of the App at once.
    pub fn revoke_tokens(&self) {
        let mut state = self.world.lock();
        let ours: BTreeSet<u64> =
            state.installations.values().filter(|one| one.app == self.id).map(|one| one.id).collect();
        state.app_tokens.retain(|token| !ours.contains(&token.installation));
    }

    /// The newest token that lasts, as a person who stole it would show it.
    #[must_use]
    pub fn newest_token(&self) -> Option<String> {
        self.world.lock().app_tokens.last().map(|token| token.token.clone())
    }

    /// A token for all that is granted at an organization or person.
    pub fn token(&self, account: &str) -> Result<String, Refusal> {
        let mut state = self.world.lock();
        let id = self.of(&state, account)?;
        state.admit(id, None, None).map(|token| token.token)
    }

    /// Somebody takes back what they allowed the App to do as themselves.
    pub fn forgotten_by(&self, login: &str) -> Result<(), Refusal> {
        let mut state = self.world.lock();
        let sender = super::github::user_of(&state, state.named(login)?.id);
        let Some(first) = state.installations.values().find(|one| one.app == self.id).cloned() else {
            return Err(Refusal::NotFound(self.slug.clone()));
        };
        let body = json!({"action": "revoked", "sender": sender, "installation": null});
        state.tell_app(&first, 0, "github_app_authorization", body);
        Ok(())
    }

    fn of(&self, state: &State, account: &str) -> Result<u64, Refusal> {
        let all = state.installations.values();
        let found = all.filter(|one| one.app == self.id).find(|one| one.account == account);
        found.map(|one| one.id).ok_or_else(|| Refusal::NotFound(format!("installation at {account}")))
    }

    /// What an App hears unasked.
    fn told(&self, state: &mut State, id: u64, (event, action): (&'static str, &str)) {
        let one: Option<(App, Installation)> =
            state.apps.get(&self.id).cloned().zip(state.installations.get(&id).cloned());
        let Some((app, installation)) = one else { return };
        let repositories: Vec<Value> = state
            .projects
            .values()
            .filter(|project| installation.covers(project))
            .map(|project| {
                json!({
                    "id": project.id,
                    "node_id": format!("R_{}", project.id),
                    "name": project.name(),
                    "full_name": project.path,
                    "private": !project.public,
                })
            })
            .collect();
        let mut body = json!({
            "action": action,
            "installation": shape(state, &app, &installation),
            "sender": super::github::user_of(state, app.bot),
        });
        let further = if event == "installation_repositories" {
            json!({
                "repositories_added": repositories,
                "repositories_removed": [],
                "repository_selection": if installation.only.is_some() { "selected" } else { "all" },
            })
        } else {
            json!({ "repositories": repositories })
        };
        if let (Value::Object(fields), Value::Object(further)) = (&mut body, further) {
            fields.extend(further);
        }
        state.tell_app(&installation, 0, event, body);
    }
}
