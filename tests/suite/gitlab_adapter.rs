//! The GitLab adapter against a server on loopback that answers by script.

mod archives;
mod deployments;
mod pipelines;
mod reading;
mod releases;
mod server;
mod trouble;
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mergewright::config::server::GitlabConfig;
use mergewright::domain::{Clock, ForgeKind, MergeRequestId, RepoId, Sha, Timestamp};
use mergewright::forge::{ErrorKind, ForgeError, GitLab, Limits};
use serde_json::{Value, json};

use server::Server;

const TOKEN: &str = "glpat-very/secret+token";
const REPO: RepoId = RepoId { forge: ForgeKind::GitLab, number: 7 };
const MR: MergeRequestId = MergeRequestId { repo: REPO, number: 3 };

/// Tells the time that the test says.
#[derive(Debug, Default)]
struct Hand(AtomicI64);

impl Hand {
    fn set(&self, seconds: i64) {
        self.0.store(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

fn config(url: &str) -> GitlabConfig {
    GitlabConfig {
        url: url.to_owned(),
        signing_keys: Vec::new(),
        webhook_tokens: Vec::new(),
        token: TOKEN.into(),
        write_interval: Duration::ZERO,
    }
}

fn adapter(server: &Server) -> GitLab {
    GitLab::new(&config(&server.url()), Arc::new(Hand::default())).unwrap()
}

fn with_limits(server: &Server, limits: Limits) -> GitLab {
    GitLab::with_limits(&config(&server.url()), Arc::new(Hand::default()), limits).unwrap()
}

/// A commit name of one repeated digit.
fn sha(digit: char) -> Sha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn commit(digit: char) -> Value {
    json!({ "id": sha(digit), "parent_ids": [] })
}

fn user(id: u64, name: &str) -> Value {
    json!({ "id": id, "username": name, "name": name, "state": "active" })
}

/// An open merge request with what the test says instead.
fn merge_request(instead: impl Into<Value>) -> Value {
    let mut all = json!({
        "iid": 3, "project_id": 7, "title": "A title", "author": user(5, "ann"), "state": "opened",
        "source_branch": "topic", "target_branch": "main", "source_project_id": 7, "target_project_id": 7,
        "sha": sha('a'), "diff_refs": { "base_sha": sha('b'), "head_sha": sha('a'), "start_sha": sha('b') },
        "draft": false, "detailed_merge_status": "mergeable", "changes_count": "2",
        "merge_commit_sha": null, "squash_commit_sha": null, "merge_user": null,
        "web_url": "http://gl/g/p/-/merge_requests/3",
    });
    for (key, value) in instead.into().as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

fn kind<T: std::fmt::Debug>(result: Result<T, ForgeError>) -> ErrorKind {
    result.unwrap_err().kind
}
