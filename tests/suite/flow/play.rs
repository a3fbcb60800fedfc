//! The stage of every flow test: a forge with people and a repository, and the bot.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mergewright::app::App;
use mergewright::config::{repository, server::ServerConfig};
use mergewright::domain::{Clock as _, ForgeKind, Sha};
use mergewright::generator::{self, Existing};
use mergewright::sandbox::{
    Fault, File, Manner, Person, Role, Sandbox, SandboxApp, SandboxOptions, SandboxProject,
};
use mergewright::telemetry;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tracing::subscriber::DefaultGuard;

use super::clock::TestClock;
use super::errors::Errors;
use super::forges::{call, dialect, server_lines, subscribe};
use super::observer::Observer;

/// Owns the models.
pub(crate) const OWNER: &str = "alice";
/// Writes the changes.
pub(crate) const AUTHOR: &str = "ben";
pub(crate) const BOT: &str = "mergewright-bot";
/// The App as which the bot is signed in, where it is one.
pub(crate) const APP: &str = "mergewright";
/// What the App is granted where it is installed: all that the bot needs.
pub(crate) const GRANTED: [(&str, &str); 11] = [
    ("actions", "write"),
    ("checks", "write"),
    ("contents", "write"),
    ("deployments", "read"),
    ("issues", "write"),
    ("members", "read"),
    ("merge_queues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
    ("statuses", "write"),
    ("workflows", "write"),
];
/// Signs what GitHub sends, where the bot's configuration names it as `HUB_SECRET`.
pub(crate) const HUB_SECRET: &str = "hub-secret";
pub(crate) const SIGNING_TOKEN: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
pub(crate) const REPORT: &str = "<!-- mergewright:report -->\n";

/// The policy that most tests live under.
pub(crate) const IRIS: &str = r#"version: 1
models:
  iris:
    paths: ["models/iris/**"]
    root: models/iris
    toolchain: {kind: python, version: "3.12"}
    build: {run: ["python3 train.py"], artifacts: [model.json]}
    test:
      run: ["python3 evaluate.py"]
      reports: {junit: junit.xml, metrics: metrics.json}
      dataset: data/holdout.csv
    gates:
      baseline: previous
      rules:
        - {metric: accuracy, direction: higher, min: 0.90, max_regression: 0.01}
        - {metric: latency_ms, direction: lower, max: 50, level: warn}
    review: {approvals: 1}
    version: {strategy: sequence}
"#;

/// A test report in which every test passed.
pub(crate) const ALL_GOOD: &str =
    r#"<testsuite name="iris" tests="2"><testcase name="shape"/><testcase name="sum"/></testsuite>"#;

/// A forge, its people and the bot, at rest until told to move.
pub(crate) struct Play {
    pub(crate) forge: ForgeKind,
    pub(crate) sandbox: Sandbox,
    pub(crate) project: SandboxProject,
    pub(crate) app: App,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) bot: Person,
    /// The App as which the bot is signed in, where it is one.
    pub(crate) signed_in: Option<SandboxApp>,
    /// How deliveries reach the bot.
    pub(crate) manner: Manner,
    /// Where the bot listens.
    pub(crate) door: String,
    /// Replies that the test has looked at.
    heard: BTreeSet<u64>,
    errors: Errors,
    ended: bool,
    _listening: DefaultGuard,
    pub(crate) folder: tempfile::TempDir,
    /// A second bot that only watches.
    observer: Option<Observer>,
}

impl Play {
    /// The usual stage: one project with [`IRIS`].
    pub(crate) async fn start(forge: ForgeKind) -> Self {
        Self::with(forge, IRIS).await
    }

    /// A stage with this `.mergewright.yml` on the default branch.
    pub(crate) async fn with(forge: ForgeKind, policy: &str) -> Self {
        Self::serving(forge, policy, "repositories: [\"group/*\"]\n").await
    }

    /// The usual stage on GitHub, where the bot is an App that is installed for `group`.
    pub(crate) async fn as_app() -> Self {
        let lines = "repositories: [\"group/*\", \"other/*\"]\n";
        Self::staged(ForgeKind::GitHub, lines, Observer::wanted(), founded_for_app).await
    }

    /// The same with an App that only watches.
    pub(crate) async fn as_watching_app() -> Self {
        let lines = "repositories: [\"group/*\"]\nmode: observe\n";
        Self::staged(ForgeKind::GitHub, lines, None, founded_for_app).await
    }

    /// The usual stage with a second bot that only watches, and must decide the same.
    pub(crate) async fn observed(forge: ForgeKind) -> Self {
        let lines = "repositories: [\"group/*\"]\n";
        Self::staged(forge, lines, Some(true), |sandbox| by_token(founded(forge, sandbox, IRIS))).await
    }

    /// The same, with these lines in the bot's own configuration.
    pub(crate) async fn serving(forge: ForgeKind, policy: &str, lines: &str) -> Self {
        Self::staged(forge, lines, beside(lines), |sandbox| by_token(founded(forge, sandbox, policy))).await
    }

    /// The usual stage with these lines in the bot's own configuration, in which `{door}` is where it listens.
    pub(crate) async fn reachable(forge: ForgeKind, lines: &str) -> Self {
        Self::staged(forge, lines, beside(lines), |sandbox| by_token(founded(forge, sandbox, IRIS))).await
    }

    /// A stage whose default branch has these files alone.
    pub(crate) async fn bare(forge: ForgeKind, files: &[File]) -> Self {
        let lines = "repositories: [\"group/models\"]\n";
        Self::staged(forge, lines, Observer::wanted(), |sandbox| by_token(founded_with(sandbox, files))).await
    }

    async fn staged(
        forge: ForgeKind,
        lines: &str,
        observed: Option<bool>,
        found: impl FnOnce(&Sandbox) -> (Person, SandboxProject, Option<SandboxApp>),
    ) -> Self {
        let (errors, listening) = Errors::listen();
        let clock = Arc::new(TestClock::default());
        let options = SandboxOptions { forge, ..SandboxOptions::by_hand(clock.clone()) };
        let sandbox = Sandbox::start(options).await.unwrap();
        let (bot, project, signed_in) = found(&sandbox);

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mergewright.yml");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = format!("http://{}", listener.local_addr().unwrap());
        let lines = &lines.replace("{door}", &door);
        let config = match &signed_in {
            None => server_config(forge, &file, lines, &sandbox, &bot),
            Some(signed_in) => app_config(&file, lines, &sandbox, signed_in),
        };
        let metrics = telemetry::recorder().unwrap().handle();
        let app = Box::pin(App::assemble(&config, clock.clone(), metrics)).await.unwrap();
        tokio::spawn(mergewright::http::serve(listener, app.router.clone(), std::future::pending()));
        match &signed_in {
            None => subscribe(forge, &project, &door),
            Some(signed_in) => signed_in.hook(&format!("{door}/webhooks/github"), HUB_SECRET),
        }
        let observer = match observed {
            Some(agreeing) => Some(
                Box::pin(Observer::start(forge, &sandbox, &project, clock.clone(), lines, agreeing)).await,
            ),
            None => None,
        };
        let heard = BTreeSet::new();
        let mut play = Self {
            forge,
            sandbox,
            project,
            app,
            clock,
            bot,
            signed_in,
            manner: Manner::default(),
            door,
            heard,
            errors,
            ended: false,
            _listening: listening,
            folder,
            observer,
        };
        play.settle().await;
        play
    }

    /// Delivers every webhook and lets the bot work until nothing moves any more.
    pub(crate) async fn settle(&mut self) {
        let manner = self.manner.clone();
        Box::pin(self.settle_with(&manner)).await;
    }

    /// The same, with deliveries in this manner.
    pub(crate) async fn settle_with(&mut self, manner: &Manner) {
        for _round in 0..200 {
            let sent = self.sandbox.deliver(manner).await;
            for delivery in &sent {
                let answer = delivery.answer.as_ref();
                let well = matches!(answer, Some(Ok(200 | 202))) || !self.sandbox.is_received();
                assert!(well, "{} was answered {answer:?}", delivery.event);
            }
            let now = self.clock.now();
            let mut moved = !sent.is_empty() || self.app.store.ring(now).await.unwrap() > 0;
            while self.app.worker.work_one().await.unwrap() {
                moved = true;
            }
            while self.app.outbox.perform_one().await.unwrap() {
                moved = true;
            }
            if let Some(observer) = &self.observer {
                observer.follow(&self.sandbox).await;
            }
            if !moved {
                return;
            }
        }
        panic!("the bot does not come to rest");
    }

    /// Webhooks arrive and are decided about, but nothing is written to the forge yet.
    pub(crate) async fn hears(&mut self) {
        let _sent = self.sandbox.deliver(&self.manner.clone()).await;
        while self.app.worker.work_one().await.unwrap() {}
    }

    /// Time passes, and whatever was waiting for it happens.
    pub(crate) async fn passes(&mut self, span: Duration) {
        self.clock.advance(span);
        self.settle().await;
    }

    /// The author changes the model's parameters on a new branch and opens a merge request.
    pub(crate) async fn opens(&mut self, title: &str) -> u64 {
        let branch = title.to_lowercase().replace(' ', "-");
        let main = self.project.branch("main").unwrap();
        let files = [File::write("models/iris/params.json", format!("{{\"title\": \"{title}\"}}\n"))];
        self.project.branch_off(AUTHOR, &branch, &main, &files, title).unwrap();
        let number = self.project.open_merge_request(AUTHOR, &branch, title).unwrap();
        self.settle().await;
        number
    }

    /// The author pushes these files to the merge request's branch.
    pub(crate) async fn pushes(&mut self, number: u64, files: &[File]) -> Sha {
        let branch = self.project.merge_request(number).unwrap().source_branch;
        let head = self.project.push(AUTHOR, &branch, files, "Go on").unwrap();
        self.settle().await;
        head
    }

    /// The number of the head's run that has this model's jobs.
    pub(crate) fn run(&self, number: u64, model: &str) -> u64 {
        self.project.head_run(number, model).unwrap().id
    }

    /// From now on the bots may meet different things, so that they need not agree at the end.
    pub(crate) fn parts_the_bots(&self) {
        self.observer.iter().for_each(Observer::part);
    }

    /// The next `times` calls of this kind (see [`call`]) meet the fault.
    pub(crate) fn meets(&self, times: u32, name: &str, fault: Fault) {
        self.parts_the_bots();
        let (method, path) = call(self.forge, name);
        self.sandbox.fail_next(times, method, path, fault).unwrap();
    }

    /// The head's build job ends well with this model.
    pub(crate) async fn builds(&mut self, number: u64, weights: &str) {
        self.builds_of("iris", number, weights).await;
    }

    /// The same for a model by its name.
    pub(crate) async fn builds_of(&mut self, model: &str, number: u64, weights: &str) {
        let run = self.run(number, model);
        let path = format!("models/{model}/model.json");
        let files = [(path.as_str(), weights.as_bytes())];
        self.project.job_succeeds(run, &format!("{model}:build"), "trained\n", &files).unwrap();
        self.settle().await;
    }

    /// The head's test job ends well with these metrics.
    pub(crate) async fn measures(&mut self, number: u64, metrics: &str) {
        self.measures_of("iris", number, metrics).await;
    }

    /// The same for a model by its name.
    pub(crate) async fn measures_of(&mut self, model: &str, number: u64, metrics: &str) {
        let run = self.run(number, model);
        let [numbers, tests] = ["metrics.json", "junit.xml"].map(|file| format!("models/{model}/{file}"));
        let files = [(numbers.as_str(), metrics.as_bytes()), (tests.as_str(), ALL_GOOD.as_bytes())];
        self.project.job_succeeds(run, &format!("{model}:test"), "evaluated\n", &files).unwrap();
        self.settle().await;
    }

    /// A merge request whose head is built and measured.
    pub(crate) async fn candidate(&mut self, title: &str, metrics: &str) -> u64 {
        let number = self.opens(title).await;
        self.builds(number, title).await;
        self.measures(number, metrics).await;
        number
    }

    /// Somebody comments; the comment's number.
    pub(crate) async fn says(&mut self, login: &str, number: u64, text: &str) -> u64 {
        // A moment later, so that a comment comes after the report it is about.
        self.clock.advance(Duration::from_secs(1));
        let comment = self.project.comment(login, number, text).unwrap().expect("a stored comment");
        self.settle().await;
        comment
    }

    /// The same, answered when the forge has had the time to show everywhere what is gone.
    pub(crate) async fn says_later(&mut self, login: &str, number: u64, text: &str) -> u64 {
        let comment = self.says(login, number, text).await;
        self.passes(Duration::from_secs(60)).await;
        comment
    }

    /// The newest publish run's job ends well.
    pub(crate) async fn publishes(&mut self) {
        let waiting = self.project.waiting_jobs().unwrap();
        let job = waiting.iter().find(|job| job.name.ends_with(":publish"));
        let job = job.unwrap_or_else(|| {
            panic!(
                "no publish job waits:\n{}",
                self.bot_comments(1).map(|one| one.1).collect::<Vec<_>>().join("\n---\n")
            )
        });
        self.project.job_succeeds(job.pipeline, &job.name, "published\n", &[]).unwrap();
        self.settle().await;
    }

    /// From a good candidate to its release.
    pub(crate) async fn released(&mut self, title: &str, metrics: &str) -> u64 {
        let number = self.candidate(title, metrics).await;
        self.says(OWNER, number, "/model approve").await;
        self.says(OWNER, number, "/model publish").await;
        self.publishes().await;
        assert_eq!(self.label(number), "model::published", "{}", self.report(number));
        number
    }

    /// The sticky comment without its marker; the test fails if there are two.
    pub(crate) fn report(&self, number: u64) -> String {
        let reports: Vec<_> =
            self.bot_comments(number).filter(|comment| comment.1.starts_with(REPORT)).collect();
        assert!(reports.len() <= 1, "{} sticky comments", reports.len());
        reports.first().map(|(_, body)| body[REPORT.len()..].to_owned()).unwrap_or_default()
    }

    /// The reply to a comment, without its marker.
    pub(crate) fn reply(&mut self, number: u64, to: u64) -> String {
        let mut replies = self.replies(number, to);
        assert_eq!(replies.len(), 1, "replies to comment {to}");
        replies.remove(0)
    }

    /// Every reply to a comment, without its marker.
    pub(crate) fn replies(&mut self, number: u64, to: u64) -> Vec<String> {
        let marker = format!("<!-- mergewright:reply:{to} -->\n");
        let mine = self.bot_comments(number).filter(|(_, body)| body.starts_with(&marker));
        let replies: Vec<_> = mine.collect();
        self.heard.extend(replies.iter().map(|(id, _)| *id));
        replies.into_iter().map(|(_, body)| body[marker.len()..].to_owned()).collect()
    }

    /// This comment of the bot is no surprise.
    pub(crate) fn expects(&mut self, comment: u64) {
        self.heard.insert(comment);
    }

    fn bot_comments(&self, number: u64) -> impl Iterator<Item = (u64, String)> {
        let all = self.project.comments(number).unwrap();
        let bot = self.bot.id;
        all.into_iter()
            .filter(move |comment| comment.author == bot && !comment.system)
            .map(|one| (one.id, one.body))
    }

    /// The bot's one label.
    pub(crate) fn label(&self, number: u64) -> String {
        let labels = self.project.merge_request(number).unwrap().labels;
        let ours: Vec<_> = labels.into_iter().filter(|label| label.starts_with("model::")).collect();
        assert!(ours.len() <= 1, "labels {ours:?}");
        ours.into_iter().next().unwrap_or_default()
    }

    /// The value of a status on the merge request's head; `mergewright` is the umbrella.
    pub(crate) fn status(&self, number: u64, context: &str) -> Option<String> {
        let head = self.project.merge_request(number).unwrap().head;
        self.project.statuses(&head).unwrap().get(context).map(|status| status.state.clone())
    }

    /// Emoji on a comment.
    pub(crate) fn reactions(&self, number: u64, comment: u64) -> Vec<String> {
        let comments = self.project.comments(number).unwrap();
        let found = comments.into_iter().find(|one| one.id == comment).unwrap();
        found.reactions.into_iter().map(|reaction| reaction.name).collect()
    }

    /// Names of all tags.
    pub(crate) fn tags(&self) -> Vec<String> {
        self.project.tags().unwrap().into_iter().map(|tag| tag.name).collect()
    }

    /// What the audit log says of this kind, the oldest first.
    pub(crate) async fn audit(&self, kind: &str) -> Vec<String> {
        let database = self.folder.path().join("bot.db");
        let address = format!("sqlite://{}", database.display());
        let mut connection = SqliteConnection::connect(&address).await.unwrap();
        let rows = sqlx::query("SELECT what FROM audit WHERE kind = $1 ORDER BY id").bind(kind);
        let rows = rows.fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.into_iter().map(|row| row.get("what")).collect()
    }

    /// Errors that the test expects are taken here; others fail it.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.errors.take()
    }

    /// The test is over: nothing may be left unsaid, undone or unexpected.
    pub(crate) async fn ends(self) {
        self.ends_with_dead_effects(0).await;
    }

    /// The same, but so many effects had to be given up.
    pub(crate) async fn ends_with_dead_effects(mut self, dead: usize) {
        self.settle().await;
        self.ended = true;
        self.record_requests();
        for number in 1.. {
            if self.project.merge_request(number).is_err() {
                break;
            }
            for (id, body) in self.bot_comments(number) {
                let known = body.starts_with(REPORT) || self.heard.contains(&id);
                assert!(known, "nobody expected this comment on !{number}:\n{body}");
            }
        }
        assert_eq!(self.errors.take(), Vec::<String>::new(), "errors in the log");
        assert_eq!(self.app.store.dead_jobs(10).await.unwrap(), [], "dead letters");
        assert_eq!(self.app.store.dead_effects(10).await.unwrap().len(), dead, "dead effects");
        assert_eq!(self.app.store.queue().await.unwrap().0, 0, "jobs that nobody worked");
        assert_eq!(self.sandbox.failures_left(), 0, "failures that nobody met");
        let unknown: Vec<_> = self.sandbox.requests().into_iter().filter(|request| request.unknown).collect();
        assert!(unknown.is_empty(), "requests that no forge understands: {unknown:?}");
        self.app.store.verify_audit().await.unwrap().expect("the audit chain is whole");
        if let Some(observer) = &self.observer {
            Box::pin(observer.agrees(&self.app, &self.sandbox, &self.project)).await;
        }
    }

    /// Where `MERGEWRIGHT_RECORD_REQUESTS` names a folder, the bot's requests are left there to be judged.
    fn record_requests(&self) {
        let Some(folder) = std::env::var_os("MERGEWRIGHT_RECORD_REQUESTS").map(PathBuf::from) else { return };
        let test = std::thread::current().name().unwrap_or("unnamed").replace("::", "-");
        std::fs::write(
            folder.join(format!("{}-{test}.jsonl", self.forge)),
            self.sandbox.capture(&self.bot.login),
        )
        .unwrap();
    }
}

/// The people, the bot's account, and a project with this policy and its generated CI.
pub(crate) fn founded(forge: ForgeKind, sandbox: &Sandbox, policy: &str) -> (Person, SandboxProject) {
    founded_with(sandbox, &usual_files(forge, policy))
}

/// The people, a project with [`IRIS`] and its generated CI, and the App that is installed there.
pub(crate) fn founded_for_app(sandbox: &Sandbox) -> (Person, SandboxProject, Option<SandboxApp>) {
    let app = sandbox.app(APP, &GRANTED).unwrap();
    let project = founded_at(sandbox, "group/models", &usual_files(ForgeKind::GitHub, IRIS));
    app.install("group").unwrap();
    (app.bot().clone(), project, Some(app))
}

/// This policy, what it is about, and its generated CI.
pub(crate) fn usual_files(forge: ForgeKind, policy: &str) -> Vec<File> {
    let mut files = vec![
        File::write(".mergewright.yml", policy),
        File::write("README.md", "models\n"),
        File::write("models/iris/params.json", "{}\n"),
        File::write("models/iris/data/holdout.csv", "1,2,3\n"),
    ];
    let config = repository::parse(policy).unwrap();
    for file in generator::generate(&config, dialect(forge), &Existing::new()).unwrap() {
        files.push(File::write(&file.path, file.content));
    }
    files
}

/// The people, the bot's account, and a project with these files.
fn founded_with(sandbox: &Sandbox, files: &[File]) -> (Person, SandboxProject) {
    let bot = sandbox.bot(BOT);
    let project = founded_at(sandbox, "group/models", files);
    project.member(BOT, Role::Maintainer).unwrap();
    (bot, project)
}

/// The people, and a project with these files.
pub(crate) fn founded_at(sandbox: &Sandbox, path: &str, files: &[File]) -> SandboxProject {
    for login in [OWNER, AUTHOR] {
        let _account = sandbox.person(login);
    }
    let project = sandbox.create_project(path).unwrap();
    project.member(OWNER, Role::Maintainer).unwrap();
    project.member(AUTHOR, Role::Developer).unwrap();
    project.push(OWNER, "main", files, "Begin").unwrap();
    project.protect("main", true).unwrap();
    project
}

/// Whether another bot watches one with these lines: who only watches himself needs nobody beside him.
fn beside(lines: &str) -> Option<bool> {
    if lines.contains("mode: observe") { None } else { Observer::wanted() }
}

fn by_token((bot, project): (Person, SandboxProject)) -> (Person, SandboxProject, Option<SandboxApp>) {
    (bot, project, None)
}

impl Drop for Play {
    fn drop(&mut self) {
        assert!(self.ended || std::thread::panicking(), "a flow test must end with `play.ends().await`");
    }
}

/// The bot's configuration for this forge, with these lines in it.
pub(crate) fn server_config(
    forge: ForgeKind,
    file: &Path,
    lines: &str,
    sandbox: &Sandbox,
    bot: &Person,
) -> ServerConfig {
    let env = |name: &str| match name {
        "TOKEN" => Some(bot.token().to_owned()),
        "SIGNING" => Some(SIGNING_TOKEN.to_owned()),
        "HUB_SECRET" => Some(HUB_SECRET.to_owned()),
        _ => None,
    };
    ServerConfig::read(&server_lines(forge, lines, sandbox), file, &env).unwrap()
}

/// The same for a bot that is an App.
pub(crate) fn app_config(file: &Path, lines: &str, sandbox: &Sandbox, app: &SandboxApp) -> ServerConfig {
    let env = |name: &str| match name {
        "KEY" => Some(app.private_key().to_owned()),
        "HUB_SECRET" => Some(HUB_SECRET.to_owned()),
        _ => None,
    };
    ServerConfig::read(&app_lines(lines, sandbox, app, "{env: KEY}"), file, &env).unwrap()
}

/// The configuration of a bot that is an App, as text; `key` says where its private key is.
pub(crate) fn app_lines(lines: &str, sandbox: &Sandbox, app: &SandboxApp, key: &str) -> String {
    let credential = format!("app: {{id: {}, private_key: {key}}}", app.id());
    server_lines(ForgeKind::GitHub, lines, sandbox).replace("token: {env: TOKEN}", &credential)
}
