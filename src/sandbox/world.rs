//! The forge as plain state: who is there, what code there is, and what people and CI did with it.
//!
//! Nothing here knows HTTP. What differs between forges in substance and not in form is in
//! [`Dialect`].

mod amend;
mod app;
mod attempts;
mod check;
mod code;
mod comment;
mod deployment;
mod fork;
mod git;
mod hook;
mod identity;
mod job;
mod merge;
mod merge_request;
mod occurrence;
mod people;
mod pipeline;
mod project;
mod queue;
mod release;
mod review;
mod run;
mod schedule;
mod start;
mod status;
mod workflows;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::domain::{Clock, ForgeKind, Timestamp};

pub use attempts::Receiver;
pub use check::{CheckAction, CheckAnnotation, CheckRun};
pub use code::File;
pub use comment::{Comment, Reaction};
pub use deployment::{Deployment, DeploymentState, Environment};
pub use git::Commit;
pub use hook::{Delivery, Hook, Subscriptions};
pub use job::{Job, JobState};
pub use merge_request::{Approval, MergeRequest, MergeRequestState};
pub use people::{Person, Role};
pub use pipeline::{Pipeline, PipelineSource, PipelineState};
pub use project::{MergeMethods, MergeStyle, RunsWait};
pub use queue::{Queued, Trial};
pub use release::{Asset, AssetLink, PackageFile, Release, Tag};
pub use review::{Review, ReviewState};
pub use schedule::{Schedule, WorkflowState};
pub use status::CommitStatus;

pub(crate) use app::{App, AppHook, Installation, InstallationToken, Permissions};
pub(crate) use attempts::{Attempt, Log};
pub(crate) use check::CheckWish;
pub(crate) use comment::Commented;
pub(crate) use git::{ChangedFile, Hand, Repository, TreeEntry};
pub(crate) use hook::NewHook;
pub(crate) use merge::MergeWish;
pub(crate) use merge_request::NewMergeRequest;
pub(crate) use occurrence::{Message, Occurrence};
pub(crate) use project::Project;
pub(crate) use queue::Queue;
pub(crate) use release::NewRelease;
pub(crate) use run::Rerun;
pub(crate) use schedule::ScheduleWish;
pub(crate) use status::NewStatus;

use super::Refusal;

/// What one forge does otherwise than the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Which forge it is.
    pub(crate) forge: ForgeKind,
    /// What the forge sends for an occurrence.
    pub(crate) messages: fn(&State, &Occurrence) -> Vec<Message>,
    /// What a comment becomes: the stored text, and the commands that the forge itself takes from it.
    pub(crate) read_comment: fn(&str) -> (String, Vec<String>),
    /// Whether a deployment comes into being only when its job begins.
    pub(crate) deploys_from_start: bool,
    /// Address of a merge request below the forge's own.
    pub(crate) merge_request_path: fn(&str, u64) -> String,
}

impl Dialect {
    /// Whether merge requests are pull requests and pipelines are workflow runs.
    pub(crate) fn is_github(&self) -> bool {
        self.forge == ForgeKind::GitHub
    }
}

/// The state behind a lock, shared by the HTTP layer, the runner, the pages and the test.
#[derive(Debug)]
pub(crate) struct World {
    state: Mutex<State>,
    /// Rung whenever a job may have become runnable.
    pub(crate) bell: Arc<Notify>,
    /// Rung whenever a delivery is waiting.
    pub(crate) mail: Arc<Notify>,
    /// Changes whenever something happened.
    pub(crate) told: watch::Sender<()>,
}

impl World {
    pub(crate) fn new(
        dialect: Dialect,
        clock: Arc<dyn Clock>,
        folder: PathBuf,
        url: String,
        storage_url: String,
    ) -> Self {
        let (bell, mail) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let told = watch::Sender::new(());
        let state = State {
            dialect,
            clock,
            folder,
            url,
            storage_url,
            enterprise: false,
            renamed: BTreeMap::new(),
            bell: Arc::clone(&bell),
            mail: Arc::clone(&mail),
            told: told.clone(),
            counters: BTreeMap::new(),
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            apps: BTreeMap::new(),
            installations: BTreeMap::new(),
            app_tokens: Vec::new(),
            manifests: BTreeMap::new(),
            forgets_signing_tokens: false,
            projects: BTreeMap::new(),
            pending: VecDeque::new(),
            deliveries: Vec::new(),
            receiver: Receiver::default(),
            asked_again: Vec::new(),
            keeps_no_log: false,
            short_pages: false,
            lists_runs_after: Duration::ZERO,
            queues_turn: false,
        };
        Self { state: Mutex::new(state), bell, mail, told }
    }

    /// The state, for as long as nothing is awaited.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that the forge knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) dialect: Dialect,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
    pub(crate) url: String,
    /// The origin that large files are sent from, where it is another one.
    pub(crate) storage_url: String,
    /// Whether it is an older Enterprise Server instead of github.com.
    pub(crate) enterprise: bool,
    /// Paths that projects had before.
    pub(crate) renamed: BTreeMap<String, u64>,
    bell: Arc<Notify>,
    mail: Arc<Notify>,
    told: watch::Sender<()>,
    counters: BTreeMap<&'static str, u64>,
    pub(crate) people: BTreeMap<u64, Person>,
    /// Members of groups by the group's full path.
    pub(crate) groups: BTreeMap<String, BTreeSet<u64>>,
    /// GitHub's Apps by number.
    pub(crate) apps: BTreeMap<u64, App>,
    pub(crate) installations: BTreeMap<u64, Installation>,
    /// Every token that an App was ever handed and that was not taken back.
    pub(crate) app_tokens: Vec<InstallationToken>,
    /// Manifests of Apps to be made, by their codes.
    pub(crate) manifests: BTreeMap<String, serde_json::Value>,
    /// Whether it is an older GitLab, which takes a signing token without a word and forgets it.
    pub(crate) forgets_signing_tokens: bool,
    pub(crate) projects: BTreeMap<u64, Project>,
    /// Deliveries not sent yet, the oldest first.
    pub(crate) pending: VecDeque<Delivery>,
    /// Everything that was ever queued, with the answers.
    pub(crate) deliveries: Vec<Delivery>,
    /// Whether deliveries reach anybody.
    pub(crate) receiver: Receiver,
    /// For which hook, and when, a delivery was asked for again.
    asked_again: Vec<(u64, Timestamp)>,
    /// Whether it is an older one that does not show what it delivered.
    pub(crate) keeps_no_log: bool,
    /// Whether lists hold one entry less than asked for on each page.
    pub(crate) short_pages: bool,
    /// How old a run must be to stand in a list.
    pub(crate) lists_runs_after: Duration,
    /// Whether what waits in queues is being looked at.
    queues_turn: bool,
}

impl State {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether a run is old enough to stand in lists.
    pub(crate) fn is_listed(&self, run: &Pipeline) -> bool {
        self.now().since(run.created_at) >= self.lists_runs_after
    }

    /// The next number of a kind; kinds start apart so that a mixed-up id is noticed.
    fn next(&mut self, kind: &'static str, first: u64) -> u64 {
        let counter = self.counters.entry(kind).or_insert(first);
        let number = *counter;
        *counter = counter.saturating_add(1);
        number
    }

    pub(crate) fn project(&self, id: u64) -> Result<&Project, Refusal> {
        self.projects.get(&id).ok_or_else(|| Refusal::NotFound("404 Project".to_owned()))
    }

    pub(crate) fn project_mut(&mut self, id: u64) -> Result<&mut Project, Refusal> {
        self.projects.get_mut(&id).ok_or_else(|| Refusal::NotFound("404 Project".to_owned()))
    }

    /// A project by its full path.
    pub(crate) fn project_at(&self, path: &str) -> Option<&Project> {
        self.projects.values().find(|project| project.path.eq_ignore_ascii_case(path))
    }

    pub(crate) fn person(&self, id: u64) -> Result<&Person, Refusal> {
        self.people.get(&id).ok_or_else(|| Refusal::NotFound("404 User".to_owned()))
    }

    /// A person by login.
    pub(crate) fn named(&self, login: &str) -> Result<&Person, Refusal> {
        self.people
            .values()
            .find(|person| person.login == login)
            .ok_or_else(|| Refusal::NotFound(format!("user {login}")))
    }
}
