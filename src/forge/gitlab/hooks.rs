//! The hooks by which GitLab tells us what happens: set up by `connect`, never by the running bot.

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{GitLab, project};
use crate::domain::RepoId;
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::transport::Payload;

const HOOKS: Operation = Operation {
    name: "hooks",
    does: "read the project's webhooks",
    needs: "the scope `api` and at least Maintainer",
};
const HOOK: Operation = Operation {
    name: "hook",
    does: "set up the project's webhook",
    needs: "the scope `api` and at least Maintainer",
};
const PROJECTS: Operation =
    Operation { name: "projects", does: "list the projects", needs: "the scope `api`" };

/// Everything that we act on.
const EVENTS: [&str; 9] = [
    "deployment_events",
    "emoji_events",
    "job_events",
    "merge_requests_events",
    "note_events",
    "pipeline_events",
    "push_events",
    "releases_events",
    "tag_push_events",
];

/// A hook as it should be.
#[derive(Clone, Debug)]
pub struct WantedHook {
    /// Where deliveries go.
    pub url: String,
    /// Comes with each delivery in clear.
    pub token: Option<SecretString>,
    /// Signs each delivery, where GitLab can: `whsec_…`.
    pub signing_token: Option<SecretString>,
}

/// What stands at a project, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSetUp {
    /// Its number; none where it was only looked at and is not there.
    pub id: Option<u64>,
    /// What had to be done.
    pub change: HookChange,
    /// Whether deliveries will be signed; what GitLab shows after the last write.
    pub signed: bool,
    /// Further hooks that lead to the same address: each delivery comes more than once.
    pub doubled: Vec<u64>,
}

/// What had to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookChange {
    /// There was none.
    Created,
    /// These fields of the one that was there were otherwise.
    Updated(Vec<String>),
    /// Nothing.
    Kept,
}

#[derive(Debug, Deserialize)]
struct Shown {
    id: u64,
    #[serde(default)]
    url: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    path_with_namespace: String,
}

impl GitLab {
    /// Full paths of the projects whose hooks our token may manage.
    ///
    /// # Errors
    /// When GitLab does not list them, or lists more than we read.
    pub async fn manageable_projects(&self) -> Result<Vec<String>, ForgeError> {
        let path = "/projects?membership=true&min_access_level=40&archived=false&simple=true";
        let listed: Vec<Listed> = self.http.list(&PROJECTS, path).await?;
        Ok(listed.into_iter().map(|one| one.path_with_namespace).collect())
    }

    /// Sees to it that the project has this hook, once. With `renew` it is written even where it looks
    /// right: GitLab does not show its secrets. With `look` nothing is written.
    ///
    /// # Errors
    /// When GitLab does not show the hooks, or does not take ours.
    pub async fn set_up_hook(
        &self,
        repo: RepoId,
        wanted: &WantedHook,
        renew: bool,
        look: bool,
    ) -> Result<HookSetUp, ForgeError> {
        let listed: Vec<Shown> = self.http.list(&HOOKS, &project(repo, "/hooks")).await?;
        let same = |one: &Shown| one.url.trim_end_matches('/') == wanted.url.trim_end_matches('/');
        let mut ours = listed.into_iter().filter(same);
        let first = ours.next();
        let doubled = ours.map(|one| one.id).collect();
        let (method, rest, change) = match &first {
            None => (Method::POST, "/hooks".to_owned(), HookChange::Created),
            Some(shown) => {
                let differing = wanted.differing(shown);
                if differing.is_empty() && !renew {
                    let (id, signed) = (Some(shown.id), shown.signed());
                    return Ok(HookSetUp { id, change: HookChange::Kept, signed, doubled });
                }
                (Method::PUT, format!("/hooks/{}", shown.id), HookChange::Updated(differing))
            }
        };
        if look {
            let signed = first.as_ref().is_some_and(Shown::signed);
            return Ok(HookSetUp { id: first.map(|one| one.id), change, signed, doubled });
        }
        let payload = Payload::Json(wanted.payload());
        let (_, shown): (u16, Shown) = self.http.write(&HOOK, method, &project(repo, &rest), payload).await?;
        Ok(HookSetUp { id: Some(shown.id), change, signed: shown.signed(), doubled })
    }
}

impl Shown {
    fn says(&self, name: &str) -> bool {
        self.fields.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// Older servers take a signing token without a word and forget it.
    fn signed(&self) -> bool {
        self.says("signing_token_present")
    }
}

impl WantedHook {
    /// What the hook shows otherwise; of the secrets only whether there are any. A field that an older
    /// server does not have is no difference.
    fn differing(&self, shown: &Shown) -> Vec<String> {
        let events = EVENTS.iter().filter(|name| shown.fields.contains_key(**name) && !shown.says(name));
        let secrets = [
            ("token_present", self.token.is_some()),
            ("signing_token_present", self.signing_token.is_some()),
        ];
        let secrets = secrets
            .into_iter()
            .filter(|(name, wanted)| shown.fields.contains_key(*name) && *wanted && !shown.says(name));
        let checks = self.checks_certificates() && !shown.says("enable_ssl_verification");
        let checks = checks.then_some("enable_ssl_verification");
        let all = events.copied().chain(secrets.map(|(name, _)| name)).chain(checks);
        all.map(str::to_owned).collect()
    }

    fn checks_certificates(&self) -> bool {
        self.url.starts_with("https://")
    }

    fn payload(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("url".to_owned(), json!(self.url));
        fields.extend(EVENTS.iter().map(|name| ((*name).to_owned(), json!(true))));
        fields.insert("enable_ssl_verification".to_owned(), json!(self.checks_certificates()));
        for (name, secret) in [("token", &self.token), ("signing_token", &self.signing_token)] {
            if let Some(secret) = secret {
                fields.insert(name.to_owned(), json!(secret.expose_secret()));
            }
        }
        Value::Object(fields)
    }
}
