//! What a forge answers when something is written, so that the next call can follow.

use serde_json::{Value, json};

use super::asked::{Asked, Told};
use super::gitlab;
use super::stage::Stage;
use crate::domain::{Digest, ForgeKind};

/// The number of whatever a write would make.
const MADE: u64 = 4_000_000_000;

/// The answer of a forge that is content.
pub(super) fn answered(stage: &Stage, asked: &Asked, carried: &Value) -> Option<Told> {
    let parts = asked.parts();
    let answer = match stage.payload.forge {
        ForgeKind::GitHub => github(&parts, carried),
        ForgeKind::GitLab => of_gitlab(stage, asked, &parts, carried),
    };
    let mut told = Told::json(&answer.unwrap_or_else(|| json!({})));
    told.status = if asked.method == "POST" { 201 } else { 200 };
    Some(told)
}

fn github(parts: &[&str], carried: &Value) -> Option<Value> {
    let ["repos", _, _, rest @ ..] = parts else { return None };
    match rest {
        ["issues", _, "comments"] => Some(json!({ "id": MADE })),
        ["pulls", _, "merge"] => Some(json!({ "merged": true, "sha": made_up(carried) })),
        ["git", "tags"] => {
            let object = json!({ "sha": carried.get("object"), "type": "commit" });
            Some(json!({ "sha": made_up(carried), "message": carried.get("message"), "object": object }))
        }
        ["actions", "workflows", _, "dispatches"] => Some(json!({ "workflow_run_id": MADE })),
        ["issues", _, "labels", ..] => Some(json!([])),
        ["releases"] => Some(release(carried)),
        ["releases", _, "assets"] => {
            let digest = Digest::of(text(carried));
            Some(json!({ "id": MADE, "name": "", "state": "uploaded", "digest": digest }))
        }
        _ => None,
    }
}

fn of_gitlab(stage: &Stage, asked: &Asked, parts: &[&str], carried: &Value) -> Option<Value> {
    let ["projects", _, rest @ ..] = parts else { return None };
    match rest {
        ["merge_requests", _, "notes"] => Some(json!({ "id": MADE })),
        ["merge_requests", _, "pipelines"] => {
            let head = stage.payload.request()?.head?;
            Some(json!({ "id": MADE, "sha": head }))
        }
        ["merge_requests", _, "merge"] if asked.method == "PUT" => {
            let mut request = gitlab::merge_request(stage, &stage.payload.request()?)?;
            let fields = request.as_object_mut()?;
            fields.insert("state".to_owned(), "merged".into());
            fields.insert("merge_commit_sha".to_owned(), made_up(carried).into());
            Some(request)
        }
        ["repository", "tags"] => Some(json!({
            "name": carried.get("tag_name"),
            "message": carried.get("message"),
            "commit": { "id": carried.get("ref") },
        })),
        ["pipeline"] => {
            // Of a merge request's own branch the newest commit is the one that was meant.
            let sha = meant(carried).unwrap_or_else(|| made_up(carried));
            Some(json!({ "id": MADE, "sha": sha }))
        }
        ["jobs", job, "retry"] => Some(json!({ "id": MADE, "name": *job, "status": "pending" })),
        ["releases"] => Some(gitlab_release(carried)),
        _ => None,
    }
}

/// What was written before can be read back.
pub(super) fn read_back(forge: ForgeKind, asked: &Asked, written: &[(Asked, Value)]) -> Option<Told> {
    let parts = asked.parts();
    let find = |method: &str, ends: &[&str]| {
        let (_, carried) = written.iter().rev().find(|(one, _)| {
            one.method == method && one.parts().get(parts_before(&parts)..).is_some_and(|rest| rest == ends)
        })?;
        Some(carried)
    };
    match (forge, parts.as_slice()) {
        (ForgeKind::GitLab, ["projects", _, "pipelines", run, "jobs"]) if made(run) => {
            Some(Told::json(&json!([])))
        }
        (ForgeKind::GitHub, ["repos", _, _, "actions", "runs", run, "jobs"]) if made(run) => {
            Some(Told::json(&json!({ "total_count": 0, "jobs": [] })))
        }
        (ForgeKind::GitHub, ["repos", _, _, "actions", "runs", run]) if made(run) => {
            let started = written.iter().rev().find(|(one, _)| one.parts().last() == Some(&"dispatches"));
            let sha = meant(&started?.1)?;
            Some(Told::json(&json!({ "id": MADE, "event": "workflow_dispatch", "head_sha": sha })))
        }
        (ForgeKind::GitLab, ["projects", _, rest @ ..]) if rest.first() == Some(&"packages") => {
            find("PUT", rest).map(|carried| Told::bytes(text(carried).to_owned()))
        }
        (ForgeKind::GitLab, ["projects", _, "releases", _]) => {
            find("POST", &["releases"]).map(|carried| Told::json(&gitlab_release(carried)))
        }
        (ForgeKind::GitHub, ["repos", _, _, "releases", "tags", _]) => {
            let mut made = release(find("POST", &["releases"])?);
            let assets = written.iter().filter_map(|(one, carried)| {
                let name = one.wants("name").filter(|_| one.parts().last() == Some(&"assets"))?;
                let digest = Digest::of(text(carried));
                Some(json!({ "id": MADE, "name": name, "state": "uploaded", "digest": digest }))
            });
            let assets: Vec<_> = assets.collect();
            made.as_object_mut()?.insert("assets".to_owned(), assets.into());
            Some(Told::json(&made))
        }
        _ => None,
    }
}

/// Whether this is the number of what a write has made.
fn made(number: &str) -> bool {
    number.parse() == Ok(MADE)
}

/// The commit that an order for a merge request's own branch names; none for another order.
fn meant(carried: &Value) -> Option<String> {
    let variable = |name: &str| {
        let mut all = carried.get("variables")?.as_array()?.iter();
        all.find(|one| one.get("key").and_then(Value::as_str) == Some(name))?.get("value")?.as_str()
    };
    let input = |name: &str| carried.get("inputs")?.get(name)?.as_str();
    let action = variable("MERGEWRIGHT_ACTION").or_else(|| input("action"))?;
    let commit = variable("MERGEWRIGHT_COMMIT").or_else(|| input("commit"))?;
    (action == "evaluate").then(|| commit.to_owned())
}

/// How many parts name the repository.
fn parts_before(parts: &[&str]) -> usize {
    if parts.first() == Some(&"repos") { 3 } else { 2 }
}

fn release(carried: &Value) -> Value {
    json!({ "id": MADE, "tag_name": carried.get("tag_name"), "html_url": "", "assets": [] })
}

fn gitlab_release(carried: &Value) -> Value {
    json!({ "tag_name": carried.get("tag_name"), "assets": carried.get("assets") })
}

/// A commit or object that does not exist, the same for the same wish.
fn made_up(carried: &Value) -> String {
    let mut hex = Digest::of(carried.to_string()).hex();
    hex.truncate(40);
    hex
}

fn text(carried: &Value) -> &str {
    carried.as_str().unwrap_or_default()
}
