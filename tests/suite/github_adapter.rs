//! The GitHub adapter against a server on loopback that answers by script.

mod app;
mod archives;
mod changes;
mod checks;
mod committing;
mod deliveries;
mod deployments;
mod dispatch;
mod let_out;
mod limits;
mod queue;
mod reading;
mod releases;
mod runs;
mod schedules;
mod trouble;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use mergewright::config::server::{GithubConfig, GithubCredential};
use mergewright::domain::{ForgeKind, MergeRequestId, RepoId};
use mergewright::forge::{GitHub, Limits};
use serde_json::{Value, json};

use crate::scripted::{Answer, Hand, Server, on, sha};

const TOKEN: &str = "github_pat_very+secret/token";
const REPO: RepoId = RepoId { forge: ForgeKind::GitHub, number: 7 };
const MR: MergeRequestId = MergeRequestId { repo: REPO, number: 3 };

/// An Enterprise Server at this address.
fn config(url: &str) -> GithubConfig {
    GithubConfig {
        api_url: format!("{url}/api/v3"),
        upload_url: format!("{url}/api/uploads"),
        graphql_url: format!("{url}/api/graphql"),
        webhook_secrets: Vec::new(),
        credential: GithubCredential::Token(TOKEN.into()),
        write_interval: Duration::ZERO,
    }
}

fn adapter(server: &Server) -> GitHub {
    GitHub::new(&config(&server.url()), Arc::new(Hand::default())).unwrap()
}

fn with_limits(server: &Server, limits: Limits) -> GitHub {
    GitHub::with_limits(&config(&server.url()), Arc::new(Hand::default()), limits).unwrap()
}

/// What the repository is called, which is asked for before all that lies below it.
fn named() -> Answer {
    on("GET", "/repositories/7", 200, repository(json!({})))
}

/// A server that also tells what the repository is called.
async fn serve(answers: impl IntoIterator<Item = Answer>) -> Server {
    Server::start(std::iter::once(named()).chain(answers)).await
}

fn repository(instead: impl Into<Value>) -> Value {
    changed(
        json!({
            "id": 7, "full_name": "acme/models", "default_branch": "main", "html_url": "http://gh/acme/models",
            "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": false,
        }),
        instead,
    )
}

fn user(id: u64, login: &str) -> Value {
    json!({ "id": id, "login": login, "type": "User" })
}

/// An open pull request with what the test says instead.
fn pull(instead: impl Into<Value>) -> Value {
    changed(
        json!({
            "number": 3, "title": "A title", "user": user(5, "ann"), "state": "open", "merged": false,
            "head": { "ref": "topic", "sha": sha('a'), "repo": { "id": 7 } },
            "base": { "ref": "main", "sha": sha('b'), "repo": { "id": 7 } },
            "draft": false, "mergeable": true, "mergeable_state": "clean", "merge_commit_sha": sha('9'),
            "merged_by": null, "html_url": "http://gh/acme/models/pull/3",
        }),
        instead,
    )
}

fn changed(mut all: Value, instead: impl Into<Value>) -> Value {
    for (key, value) in instead.into().as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// A run of iris's workflow, started by the pull request, with what the test says instead.
fn run(id: u64, instead: impl Into<Value>) -> Value {
    changed(
        json!({
            "id": id, "path": ".github/workflows/model-iris.yml", "head_sha": sha('a'), "head_branch": "topic",
            "event": "pull_request", "status": "completed", "conclusion": "success", "display_title": "A title",
            "html_url": format!("http://gh/r/{id}"), "created_at": "2026-01-01T00:00:00Z",
            "run_started_at": "2026-01-01T00:00:00Z", "run_attempt": 1, "pull_requests": [{ "number": 3 }],
        }),
        instead,
    )
}

/// The list of the head's runs.
fn runs_of_head(runs: impl Into<Value>) -> Answer {
    let runs: Value = runs.into();
    let target = format!("/repos/acme/models/actions/runs?head_sha={}&per_page=100", sha('a'));
    let count = runs.as_array().unwrap().len();
    on("GET", target, 200, json!({ "total_count": count, "workflow_runs": runs }))
}
