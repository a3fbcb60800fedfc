//! The GitLab adapter against a server on loopback that answers by script.

mod archives;
mod committing;
mod deliveries;
mod deployments;
mod pipelines;
mod reading;
mod releases;
mod schedules;
mod trains;
mod trouble;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use mergewright::config::server::GitlabConfig;
use mergewright::domain::{ForgeKind, MergeRequestId, RepoId};
use mergewright::forge::{GitLab, Limits};
use serde_json::{Value, json};

use crate::scripted::{Hand, Server, sha};

const TOKEN: &str = "glpat-very/secret+token";
const REPO: RepoId = RepoId { forge: ForgeKind::GitLab, number: 7 };
const MR: MergeRequestId = MergeRequestId { repo: REPO, number: 3 };

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
