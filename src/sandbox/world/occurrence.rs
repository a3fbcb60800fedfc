//! What happened, before it is told in a forge's own form.

use serde_json::Value;

use std::collections::BTreeSet;

use crate::domain::Sha;

use super::{CheckRun, Comment, Delivery, Hook, Installation, State, Trial};

/// Something that hooks are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Occurrence {
    /// A branch moved, came into being or vanished.
    Pushed {
        /// Where.
        project: u64,
        /// Who.
        by: u64,
        /// The branch.
        branch: String,
        /// Its commit before.
        before: Option<Sha>,
        /// Its commit after.
        after: Option<Sha>,
    },
    /// A tag came into being.
    Tagged {
        /// Where.
        project: u64,
        /// Who.
        by: u64,
        /// Its name.
        name: String,
        /// The commit.
        commit: Sha,
    },
    /// A merge request was opened, changed, approved, merged, …
    MergeRequest {
        /// Where.
        project: u64,
        /// Who.
        by: u64,
        /// Its number.
        number: u64,
        /// `open`, `update`, `retarget`, `close`, `reopen`, `merge`, `approved`, `unapproved`, and on GitHub `draft`,
        /// `ready`, `review_requested`, `enqueued` and `dequeued`.
        action: &'static str,
        /// The head before, when new code came.
        before: Option<Sha>,
    },
    /// The labels of a merge request changed.
    Labelled {
        /// Where.
        project: u64,
        /// Who.
        by: u64,
        /// Its number.
        number: u64,
        /// The labels before.
        before: BTreeSet<String>,
    },
    /// A comment was written or changed.
    Commented {
        /// Where.
        project: u64,
        /// The comment.
        comment: u64,
        /// Whether it stood before.
        edited: bool,
    },
    /// A comment was removed.
    Uncommented {
        /// Where.
        project: u64,
        /// Who.
        by: u64,
        /// What it was.
        comment: Comment,
    },
    /// A review was given or taken back.
    Reviewed {
        /// Where.
        project: u64,
        /// Who.
        by: u64,
        /// The review.
        review: u64,
    },
    /// A status was put on a commit.
    Status {
        /// Where.
        project: u64,
        /// The status.
        status: u64,
    },
    /// A check run came into being, was completed, or had a button pressed.
    Check {
        /// Where.
        project: u64,
        /// Who.
        by: u64,
        /// `created`, `completed`, `requested_action` or `rerequested`.
        action: &'static str,
        /// The check run as it was then.
        check: Box<CheckRun>,
        /// The button's identifier.
        button: Option<String>,
    },
    /// A merge queue tries something.
    Tried {
        /// Where.
        project: u64,
        /// Who put it into the queue.
        by: u64,
        /// The branch that it would become.
        target: String,
        /// What is tried.
        trial: Trial,
    },
    /// A release came out.
    Released {
        /// Where.
        project: u64,
        /// Its tag.
        tag: String,
    },
    /// A workflow run came further: `requested`, `in_progress` or `completed`.
    Run {
        /// Where.
        project: u64,
        /// The run.
        pipeline: u64,
        /// How far.
        action: &'static str,
    },
    /// A hook was registered; only it hears of that.
    Hooked {
        /// Where.
        project: u64,
        /// The hook.
        hook: u64,
    },
    /// A pipeline's state may have changed.
    Pipeline {
        /// Where.
        project: u64,
        /// The pipeline.
        pipeline: u64,
    },
    /// A job's state changed.
    Job {
        /// Where.
        project: u64,
        /// The job.
        job: u64,
    },
    /// A deployment came into being, or its state changed.
    Deployment {
        /// Where.
        project: u64,
        /// The deployment.
        deployment: u64,
        /// Whether this is about its beginning, not about its state.
        begins: bool,
    },
}

impl Occurrence {
    /// The project that it happened in.
    #[must_use]
    pub(crate) const fn project(&self) -> u64 {
        match self {
            Self::Pushed { project, .. }
            | Self::Tagged { project, .. }
            | Self::MergeRequest { project, .. }
            | Self::Labelled { project, .. }
            | Self::Commented { project, .. }
            | Self::Pipeline { project, .. }
            | Self::Job { project, .. }
            | Self::Uncommented { project, .. }
            | Self::Reviewed { project, .. }
            | Self::Status { project, .. }
            | Self::Check { project, .. }
            | Self::Tried { project, .. }
            | Self::Released { project, .. }
            | Self::Run { project, .. }
            | Self::Hooked { project, .. }
            | Self::Deployment { project, .. } => *project,
        }
    }
}

impl Occurrence {
    /// The account of the App whose button was pressed: only that App is told.
    fn pressed_of(&self) -> Option<u64> {
        match self {
            Self::Check { action: "requested_action" | "rerequested", check, .. } => Some(check.by),
            _ => None,
        }
    }
}

/// What a forge sends for an occurrence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    /// The event's name in the header.
    pub(crate) event: &'static str,
    /// The body.
    pub(crate) body: Value,
}

impl Message {
    /// Whether a list of events names it; a hook's own beginning is told in any case.
    fn is_in(&self, events: &BTreeSet<String>) -> bool {
        self.event == "ping" || events.contains("*") || events.contains(self.event)
    }
}

impl State {
    /// Queues a delivery for every hook that wants to hear of it, and for every App that is installed there.
    pub(crate) fn tell(&mut self, occurrence: &Occurrence) {
        self.bell.notify_one();
        self.told.send_replace(());
        let Ok(project) = self.project(occurrence.project()) else { return };
        let hears = |hook: &&Hook| hook.wants.hears(hook.id, occurrence) && occurrence.pressed_of().is_none();
        let hooks: Vec<Hook> = project.hooks.values().filter(hears).cloned().collect();
        let of_hook = matches!(occurrence, Occurrence::Hooked { .. });
        let pressed = occurrence.pressed_of();
        let at = self.installations.values().filter(|one| !of_hook && one.suspended.is_none());
        let whose = |one: &&Installation| {
            pressed.is_none_or(|by| self.apps.get(&one.app).is_some_and(|app| app.bot == by))
        };
        let installed: Vec<Installation> =
            at.filter(|one| one.covers(project)).filter(whose).cloned().collect();
        if hooks.is_empty() && installed.is_empty() {
            return;
        }
        for message in (self.dialect.messages)(self, occurrence) {
            self.queue(occurrence.project(), &hooks, &message);
            for installation in &installed {
                self.tell_app(installation, occurrence.project(), message.event, message.body.clone());
            }
        }
    }

    fn queue(&mut self, project: u64, hooks: &[Hook], message: &Message) {
        self.mail.notify_one();
        let wanted = |hook: &&Hook| hook.events.as_ref().is_none_or(|events| message.is_in(events));
        for hook in hooks.iter().filter(wanted).cloned() {
            let number = self.next("delivery", 1);
            let delivery = Delivery {
                number,
                id: uuid(number),
                hook: hook.id,
                app: None,
                project,
                url: hook.url,
                event: message.event,
                body: message.body.to_string(),
                token: hook.token,
                signing_key: hook.signing_key,
                answer: None,
                sent_at: None,
                again: false,
            };
            self.pending.push_back(delivery);
        }
    }
}

/// A name in the form of a UUID, equal for equal numbers.
pub(super) fn uuid(number: u64) -> String {
    format!("5eedb0c5-0000-4000-8000-{number:012x}")
}
