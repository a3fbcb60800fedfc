//! A forge of our own on loopback, for the demo and for tests.
//!
//! The world is plain state over a real git repository; a thin layer gives it the HTTP API of
//! GitLab or of GitHub. People and CI act by verbs on [`SandboxProject`], webhooks go out over real HTTP, and
//! everything that a forge can do to a client (failures, duplicates, losses, disorder) is a switch.

mod apps;
mod archive;
mod ci;
mod deliver;
mod error;
mod exchange;
mod github;
mod gitlab;
mod page;
mod program;
mod runner;
mod server;
mod switches;
mod verbs;
mod world;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::domain::{Clock, ForgeKind};

pub use apps::SandboxApp;
pub use deliver::{Copies, Filter, Manner, Order};
pub use error::{Refusal, SandboxError};
pub use switches::{Chooser, Fault, Recorded};
pub use verbs::SandboxProject;
pub use world::{
    Approval, Asset, AssetLink, CheckAction, CheckAnnotation, CheckRun, Comment, Commit, CommitStatus,
    Delivery, Deployment, DeploymentState, Environment, File, Hook, Job, JobState, MergeMethods,
    MergeRequest, MergeRequestState, MergeStyle, PackageFile, Person, Pipeline, PipelineSource,
    PipelineState, Queued, Reaction, Receiver, Release, Review, ReviewState, Role, RunsWait, Schedule,
    Subscriptions, Tag, Trial, WorkflowState,
};

use switches::Switches;
use world::World;

/// Who ends jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jobs {
    /// The test, by verbs.
    #[default]
    ByHand,
    /// The local shell, in a clean checkout.
    Shell,
}

/// When webhooks go out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deliveries {
    /// When the test says so.
    #[default]
    ByHand,
    /// As things happen.
    Automatic,
}

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Whose API it speaks.
    pub forge: ForgeKind,
    /// Who tells the time.
    pub clock: Arc<dyn Clock>,
    /// Who ends jobs.
    pub jobs: Jobs,
    /// When webhooks go out.
    pub deliveries: Deliveries,
    /// Where to listen; none takes a free port of 127.0.0.1.
    pub listen: Option<SocketAddr>,
}

impl SandboxOptions {
    /// GitLab, and everything by hand.
    #[must_use]
    pub fn by_hand(clock: Arc<dyn Clock>) -> Self {
        Self {
            forge: ForgeKind::GitLab,
            clock,
            jobs: Jobs::ByHand,
            deliveries: Deliveries::ByHand,
            listen: None,
        }
    }
}

/// A running forge; it ends, with all its files, when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    url: String,
    world: Arc<World>,
    switches: Arc<Switches>,
    client: reqwest::Client,
    tasks: Vec<JoinHandle<()>>,
    folder: TempDir,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Sandbox {
    /// Starts a forge.
    ///
    /// # Errors
    /// When the port cannot be taken or no temporary folder can be made.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let folder = tempfile::Builder::new().prefix("mergewright-sandbox-").tempdir();
        let folder = folder.map_err(SandboxError::machine("a temporary folder for the sandbox"))?;
        let address = options.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let (listener, url) = listen(address).await?;
        // GitHub sends logs and archives from another origin.
        let (storage, storage_url) = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let dialect = match options.forge {
            ForgeKind::GitLab => gitlab::DIALECT,
            ForgeKind::GitHub => github::DIALECT,
        };
        let place = folder.path().to_owned();
        let world = World::new(dialect, options.clock, place, url.clone(), storage_url);
        let (world, switches) = (Arc::new(world), Arc::new(Switches::default()));
        // Hooks may be https: the client wants a provider. One that was chosen elsewhere stays.
        let _chosen_already = rustls::crypto::ring::default_provider().install_default();
        // No redirect: a forge counts one as an answer. No proxy: the bot is on this machine.
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        let front = server::Site {
            world: Arc::clone(&world),
            switches: Arc::clone(&switches),
            client: client.clone(),
            storage: false,
        };
        let mut tasks = vec![tokio::spawn(server::serve(listener, front.clone()))];
        if options.forge == ForgeKind::GitHub {
            tasks.push(tokio::spawn(server::serve(storage, server::Site { storage: true, ..front })));
        }
        if options.deliveries == Deliveries::Automatic {
            tasks.push(tokio::spawn(deliver::keep_delivering(Arc::clone(&world), client.clone())));
        }
        if options.jobs == Jobs::Shell {
            let place = folder.path().join("builds");
            tasks.push(tokio::spawn(runner::keep_running(Arc::clone(&world), place)));
        }
        Ok(Self { url, world, switches, client, tasks, folder })
    }

    /// The forge's address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder that holds the repositories.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the repositories and everything else in [`Sandbox::folder`] behind when this is dropped.
    pub fn keep_files(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// An account of a person; one that exists is returned.
    #[must_use]
    pub fn person(&self, login: &str) -> Person {
        self.world.lock().add_person(login, false)
    }

    /// An account of a program.
    #[must_use]
    pub fn bot(&self, login: &str) -> Person {
        self.world.lock().add_person(login, true)
    }

    /// Locks an account, as the forge's administrators may.
    pub fn block(&self, login: &str) {
        let mut state = self.world.lock();
        let found = state.people.values_mut().find(|person| person.login == login);
        found.into_iter().for_each(|person| person.blocked = true);
    }

    /// Gives an account another login; the old one is free for others.
    pub fn rename_person(&self, login: &str, to: &str) {
        let mut state = self.world.lock();
        let found = state.people.values_mut().find(|person| person.login == login);
        found.into_iter().for_each(|person| to.clone_into(&mut person.login));
    }

    /// A group with these members; a group that exists gets exactly these.
    pub fn group(&self, path: &str, members: &[&str]) {
        let mut state = self.world.lock();
        let ids = members.iter().map(|login| state.add_person(login, false).id).collect();
        state.groups.insert(path.to_owned(), ids);
    }

    /// A new project with an empty repository.
    ///
    /// # Errors
    /// When the path is taken, or git does not run.
    pub fn create_project(&self, path: &str) -> Result<SandboxProject, Refusal> {
        let id = self.world.lock().add_project(path)?;
        Ok(SandboxProject::new(Arc::clone(&self.world), id))
    }

    /// A project by its path.
    #[must_use]
    pub fn project(&self, path: &str) -> Option<SandboxProject> {
        let id = self.world.lock().project_at(path)?.id;
        Some(SandboxProject::new(Arc::clone(&self.world), id))
    }

    /// Deliveries that were not sent yet, the oldest first.
    #[must_use]
    pub fn pending_deliveries(&self) -> Vec<Delivery> {
        self.world.lock().pending.iter().cloned().collect()
    }

    /// Everything that was sent or lost, in order, with the answers.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world.lock().deliveries.clone()
    }

    /// Sends what is pending now, in order, once each; each with its answer.
    pub async fn deliver_pending(&self) -> Vec<Delivery> {
        self.deliver(&Manner::default()).await
    }

    /// Sends what is pending now in this manner; each with its answer.
    pub async fn deliver(&self, manner: &Manner) -> Vec<Delivery> {
        deliver::deliver(&self.world, &self.client, manner).await
    }

    /// Sends one delivery once more, id and body unchanged.
    pub async fn redeliver(&self, delivery: &Delivery) -> Vec<Delivery> {
        self.world.lock().pending.push_front(delivery.clone());
        let number = delivery.number;
        let rest: Vec<Delivery> = {
            let mut state = self.world.lock();
            let (again, rest): (Vec<_>, Vec<_>) =
                state.pending.drain(..).partition(|one| one.number == number);
            state.pending.extend(again);
            rest
        };
        let sent = self.deliver_pending().await;
        let mut state = self.world.lock();
        for (place, one) in rest.into_iter().enumerate() {
            state.pending.insert(place, one);
        }
        sent
    }

    /// The next `times` requests that match fail so. `method` may be `*`; `path` is a glob over the
    /// path as sent, such as `*/merge_requests/1/notes`.
    ///
    /// # Errors
    /// When `path` is not a glob.
    pub fn fail_next(&self, times: u32, method: &str, path: &str, fault: Fault) -> Result<(), Refusal> {
        let planned = self.switches.plan(times, method, path, fault);
        planned.map_err(|error| Refusal::Invalid(error.to_string()))
    }

    /// Lets `chooser` decide what goes wrong with each request from now on; none ends that. It comes
    /// before what [`Sandbox::fail_next`] planned.
    pub fn choose_failures(&self, chooser: Option<Chooser>) {
        self.switches.choose(chooser);
    }

    /// Resolves when a request is held by [`Fault::HoldBefore`] or [`Fault::HoldAfter`].
    pub async fn held(&self) {
        self.switches.held().await;
    }

    /// Lets every request go that is held now: its connection breaks.
    pub fn let_go(&self) {
        self.switches.let_go();
    }

    /// Resolves when another request was recorded since this was last awaited.
    pub async fn moved(&self) {
        self.switches.moved().await;
    }

    /// Waits until a delivery is pending and takes the oldest one out, to be sent by
    /// [`Sandbox::send_to`].
    pub async fn next_delivery(&self) -> Delivery {
        loop {
            if let Some(next) = self.world.lock().pending.pop_front() {
                return next;
            }
            // A ring that came between the look and the wait is kept by the bell.
            self.world.mail.notified().await;
        }
    }

    /// Sends a delivery once to `url` instead of its hook's address; the status, or why there was none.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send_to(&self, delivery: &Delivery, url: &str) -> Result<u16, String> {
        let mut delivery = Delivery { url: url.to_owned(), ..delivery.clone() };
        deliver::send(&self.world, &self.client, &mut delivery).await;
        delivery.answer.unwrap_or_else(|| Err("it was not sent".to_owned()))
    }

    /// Whether deliveries reach anybody from now on; what does not is kept in the forge's log as failed.
    pub fn receiver(&self, receiver: Receiver) {
        self.world.lock().receiver = receiver;
    }

    /// Whether deliveries reach anybody.
    #[must_use]
    pub fn is_received(&self) -> bool {
        self.world.lock().receiver == Receiver::There
    }

    /// Whether it is an older forge, which does not show what it delivered.
    pub fn keeps_no_log(&self, so: bool) {
        self.world.lock().keeps_no_log = so;
    }

    /// How many planned failures have not been met.
    #[must_use]
    pub fn failures_left(&self) -> u32 {
        self.switches.left()
    }

    /// Whether it is an older Enterprise Server, on GitHub: its addresses begin with `/api/v3`, and a
    /// dispatch that asks for the details of its run is refused.
    pub fn enterprise_server(&self, so: bool) {
        self.world.lock().enterprise = so;
    }

    /// Whether it is an older GitLab, which takes a webhook's signing token without a word and forgets it.
    pub fn forgets_signing_tokens(&self, so: bool) {
        self.world.lock().forgets_signing_tokens = so;
    }

    /// Whether lists come in pages that are one entry shorter than asked for.
    pub fn short_pages(&self, short: bool) {
        self.world.lock().short_pages = short;
    }

    /// How long after its beginning a run stands in lists.
    pub fn lists_runs_after(&self, age: Duration) {
        self.world.lock().lists_runs_after = age;
    }

    /// Every request so far, in the order of the answers.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.switches.seen()
    }

    /// API requests of one account as JSON lines, for the judge of captured requests.
    #[must_use]
    pub fn capture(&self, login: &str) -> String {
        let all = self.switches.seen();
        let github = self.world.lock().dialect.is_github();
        let is_api = |one: &&Recorded| github || one.url.starts_with("/api/");
        let own = all.iter().filter(|one| one.by.as_deref() == Some(login)).filter(is_api);
        own.map(|one| one.json_line() + "\n").collect()
    }
}

/// A listener and its address for HTTP.
async fn listen(address: SocketAddr) -> Result<(TcpListener, String), SandboxError> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(SandboxError::machine(format!("listening on {address}")))?;
    let address = listener.local_addr().map_err(SandboxError::machine("reading the sandbox's own port"))?;
    Ok((listener, format!("http://{address}")))
}
