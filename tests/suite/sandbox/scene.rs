//! A project with three people and a bot, and a client that speaks to it.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mergewright::domain::{Clock, ForgeKind, Sha, Timestamp};
use mergewright::sandbox::{Deliveries, File, Job, Jobs, Role, Sandbox, SandboxOptions, SandboxProject};
use serde_json::Value;

/// A clock that moves only when told.
#[derive(Debug)]
pub(super) struct TestClock(AtomicI64);

impl TestClock {
    pub(super) fn at(seconds: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(seconds * 1000)))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// 2026-11-23 13:30:09 UTC.
pub(super) const NOON: i64 = 1795440609;

/// The generated file of the demo model.
pub(super) const GENERATED: &str = include_str!("../../data/golden/gitlab/iris.gitlab-ci.yml");

/// The generated workflow of the demo model, and where it lies.
pub(super) const WORKFLOW: &str =
    include_str!("../../data/golden/github/iris/.github/workflows/model-iris.yml");
pub(super) const WORKFLOW_PATH: &str = ".github/workflows/model-iris.yml";

pub(super) struct Scene {
    pub(super) forge: Sandbox,
    pub(super) project: SandboxProject,
    client: reqwest::Client,
    pub(super) main: Sha,
    kind: ForgeKind,
}

/// An answer taken apart.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }
}

impl Scene {
    pub(super) async fn open() -> Self {
        Self::with(Jobs::ByHand, Deliveries::ByHand, GENERATED).await
    }

    pub(super) async fn with(jobs: Jobs, deliveries: Deliveries, ci: &str) -> Self {
        Self::on(ForgeKind::GitLab, jobs, deliveries, &[File::write(".gitlab-ci.yml", ci)]).await
    }

    /// A scene on GitHub, with the generated workflow.
    pub(super) async fn hub() -> Self {
        let files = [File::write(WORKFLOW_PATH, WORKFLOW)];
        Self::on(ForgeKind::GitHub, Jobs::ByHand, Deliveries::ByHand, &files).await
    }

    /// The same scene on this forge, with the generated file.
    pub(super) async fn of(kind: ForgeKind) -> Self {
        match kind {
            ForgeKind::GitLab => Self::open().await,
            ForgeKind::GitHub => Self::hub().await,
        }
    }

    pub(super) async fn on(kind: ForgeKind, jobs: Jobs, deliveries: Deliveries, files: &[File]) -> Self {
        let clock = TestClock::at(NOON);
        let options = SandboxOptions { forge: kind, clock, jobs, deliveries, listen: None };
        let forge = Sandbox::start(options).await.unwrap();
        let path = if kind == ForgeKind::GitLab { "acme/ml/iris" } else { "acme/iris" };
        let project = forge.create_project(path).unwrap();
        for (login, role) in [("ada", Role::Developer), ("mia", Role::Maintainer), ("gus", Role::Guest)] {
            project.member(login, role).unwrap();
        }
        let bot = forge.bot("mergewright-bot");
        project.member(&bot.login, Role::Maintainer).unwrap();
        let files = [files, &[File::write("models/iris/params.json", "{}\n")]].concat();
        let main = project.push("mia", "main", &files, "Begin").unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { forge, project, client, main, kind }
    }

    /// The jobs of a run that comes to its end within two minutes.
    pub(super) async fn ended(&self, run: u64) -> Vec<Job> {
        tokio::time::timeout(Duration::from_secs(120), self.project.ended(run)).await.unwrap().unwrap()
    }

    /// A branch that touches the model, and its merge request.
    pub(super) fn merge_request(&self) -> u64 {
        let files = [File::write("models/iris/params.json", "{\"depth\": 3}\n")];
        self.project.push("ada", "deeper", &files, "Go deeper").unwrap();
        self.project.open_merge_request("ada", "deeper", "Go deeper").unwrap()
    }

    /// A call of the API as the bot; `path` is below the project.
    pub(super) async fn bot(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = self.forge.bot("mergewright-bot").token().to_owned();
        if self.kind == ForgeKind::GitHub {
            let bearer = format!("Bearer {token}");
            let url = format!("{}/repos/acme/iris{path}", self.forge.url());
            return self.send(method, &url, &[("authorization", &bearer)], body).await;
        }
        let url = format!("{}/api/v4/projects/{}{path}", self.forge.url(), self.project.id());
        self.send(method, &url, &[("private-token", &token)], body).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.bot("GET", path, Value::Null).await
    }

    pub(super) async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        self.try_send(method, url, headers, body).await.unwrap()
    }

    pub(super) async fn try_send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, bytes: response.bytes().await?.to_vec() })
    }

    /// What the git program itself says about the repository.
    pub(super) fn git(&self, args: &[&str]) -> String {
        let folder = self.project.git_folder().unwrap();
        let output = Command::new("git").arg("--git-dir").arg(folder).args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// No request met a route that is not played.
    pub(super) fn all_routes_are_known(&self) {
        let unknown: Vec<String> = self
            .forge
            .requests()
            .into_iter()
            .filter(|one| one.unknown)
            .map(|one| one.method + " " + &one.url)
            .collect();
        assert!(unknown.is_empty(), "unknown routes: {unknown:?}");
    }
}
