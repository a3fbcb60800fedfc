//! Subscriptions to what happens, and the deliveries made for them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::Timestamp;

use super::{Occurrence, Refusal, Role, State};

/// A subscription.
#[derive(Clone, PartialEq, Eq)]
pub struct Hook {
    /// Number.
    pub id: u64,
    /// Where deliveries go.
    pub url: String,
    /// When it was registered.
    pub at: Timestamp,
    /// What it hears of.
    pub wants: Subscriptions,
    /// Names of events that it hears of, where a hook lists them; `*` is all.
    pub(crate) events: Option<BTreeSet<String>>,
    /// Sent in clear on GitLab, signs on GitHub, where set.
    pub(crate) token: Option<String>,
    /// Signs deliveries, where set.
    pub(crate) signing_key: Option<Vec<u8>>,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secrets stay out.
        f.debug_struct("Hook").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a hook hears of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Branches.
    pub pushes: bool,
    /// Tags.
    pub tags: bool,
    /// Merge requests and approvals.
    pub merge_requests: bool,
    /// Comments.
    pub comments: bool,
    /// Pipelines.
    pub pipelines: bool,
    /// Jobs.
    pub jobs: bool,
    /// Deployments.
    pub deployments: bool,
    /// Releases.
    pub releases: bool,
    /// Reactions, of which nothing is told here.
    pub emoji: bool,
}

impl Subscriptions {
    /// Everything.
    pub const ALL: Self = Self {
        pushes: true,
        tags: true,
        merge_requests: true,
        comments: true,
        pipelines: true,
        jobs: true,
        deployments: true,
        releases: true,
        emoji: true,
    };

    pub(crate) const fn hears(self, hook: u64, occurrence: &Occurrence) -> bool {
        match occurrence {
            Occurrence::Hooked { hook: only, .. } => *only == hook,
            Occurrence::Pushed { .. } => self.pushes,
            Occurrence::Tagged { .. } => self.tags,
            Occurrence::MergeRequest { .. } | Occurrence::Labelled { .. } | Occurrence::Reviewed { .. } => {
                self.merge_requests
            }
            Occurrence::Commented { .. } | Occurrence::Uncommented { .. } => self.comments,
            Occurrence::Pipeline { .. }
            | Occurrence::Run { .. }
            | Occurrence::Status { .. }
            | Occurrence::Tried { .. }
            | Occurrence::Check { .. } => self.pipelines,
            Occurrence::Released { .. } => self.releases,
            Occurrence::Job { .. } => self.jobs,
            Occurrence::Deployment { .. } => self.deployments,
        }
    }
}

/// One message to one hook.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Order of creation.
    pub number: u64,
    /// The id that stays the same however often it is sent.
    pub id: String,
    /// The hook, or the App whose hook it is.
    pub hook: u64,
    /// The App, where one hears of it.
    pub app: Option<u64>,
    /// The project.
    pub project: u64,
    /// Where it goes.
    pub url: String,
    /// The event's name in the header.
    pub event: &'static str,
    /// The exact bytes that are sent and signed.
    pub body: String,
    /// The newest answer: a status, or why there was none.
    pub answer: Option<Result<u16, String>>,
    /// When that was.
    pub sent_at: Option<Timestamp>,
    /// Whether somebody asked for it once more.
    pub again: bool,
    pub(crate) token: Option<String>,
    pub(crate) signing_key: Option<Vec<u8>>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("number", &self.number)
            .field("event", &self.event)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

/// A hook to be registered.
#[derive(Clone)]
pub(crate) struct NewHook {
    pub(crate) url: String,
    pub(crate) wants: Subscriptions,
    pub(crate) events: Option<BTreeSet<String>>,
    pub(crate) token: Option<String>,
    pub(crate) signing_token: Option<String>,
}

impl State {
    /// Registers a hook; the signing token is `whsec_` and the base64 of exactly 32 bytes.
    pub(crate) fn add_hook(&mut self, project: u64, person: u64, new: NewHook) -> Result<Hook, Refusal> {
        let id = self.next("hook", 51);
        let hook = self.made(project, person, id, new)?;
        self.project_mut(project)?.hooks.insert(hook.id, hook.clone());
        self.tell(&Occurrence::Hooked { project, hook: hook.id });
        Ok(hook)
    }

    /// Changes a hook; secrets that are not given stay.
    pub(crate) fn change_hook(
        &mut self,
        project: u64,
        person: u64,
        id: u64,
        new: NewHook,
    ) -> Result<Hook, Refusal> {
        let missing = || Refusal::NotFound("404".to_owned());
        let before = self.project(project)?.hooks.get(&id).cloned().ok_or_else(missing)?;
        let mut hook = self.made(project, person, id, new)?;
        hook.token = hook.token.or(before.token);
        hook.signing_key = hook.signing_key.or(before.signing_key);
        hook.at = before.at;
        self.project_mut(project)?.hooks.insert(id, hook.clone());
        Ok(hook)
    }

    fn made(&self, project: u64, person: u64, id: u64, new: NewHook) -> Result<Hook, Refusal> {
        self.require(project, person, Role::Maintainer)?;
        if !new.url.starts_with("http://") && !new.url.starts_with("https://") {
            return Err(Refusal::Unprocessable("Invalid url given".to_owned()));
        }
        let invalid =
            || Refusal::Invalid("signing_token must be whsec_ and the base64 of 32 bytes".to_owned());
        let signing_key = match new.signing_token.filter(|token| !token.is_empty()) {
            None => None,
            Some(_token) if self.forgets_signing_tokens => None,
            Some(token) => {
                let key = token.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
                Some(key.filter(|key| key.len() == 32).ok_or_else(invalid)?)
            }
        };
        Ok(Hook {
            id,
            url: new.url,
            at: self.now(),
            wants: new.wants,
            events: new.events,
            token: new.token.filter(|token| !token.is_empty()),
            signing_key,
        })
    }
}
