//! What GitLab would answer, as far as the payload and the clone know it.

use serde_json::{Value, json};

use super::asked::{Asked, Told};
use super::clone::Clone;
use super::facts::Role;
use super::payload::Request;
use super::reading::without_nulls;
use super::stage::Stage;

/// Our own account, where nobody tells: a number that nobody else has.
const US: u64 = u32::MAX as u64;

/// The answer to a reading; none where nobody knows.
pub(super) fn known(stage: &Stage, asked: &Asked) -> Option<Told> {
    let parts = asked.parts();
    match parts.as_slice() {
        ["user"] => stage.facts.bot.as_ref().map(Told::json),
        ["users", number] => {
            let number = number.parse().ok()?;
            let (login, _) = stage.role_of(number)?;
            Some(Told::json(&json!({ "id": number, "username": login, "state": "active" })))
        }
        ["projects", _] => project(stage),
        ["projects", _, "members", "all", number] => {
            let level = match stage.role_of(number.parse().ok()?)?.1 {
                Role::None => return Some(Told::absent()),
                Role::Read => 20,
                Role::Write => 30,
                Role::Maintain => 40,
            };
            Some(Told::json(&json!({ "id": 0, "access_level": level, "state": "active" })))
        }
        ["projects", _, "merge_requests", number, rest @ ..] => {
            let request = stage.payload.request();
            let request = request.filter(|request| Some(request.number) == number.parse().ok())?;
            of_request(stage, &request, rest)
        }
        ["projects", _, "pipelines", number] => {
            let pipeline = pipelines(stage)?.into_iter().find(|one| is(one, number))?;
            Some(Told::json(&pipeline))
        }
        ["projects", _, "pipelines", number, "jobs"] => jobs(stage, number),
        ["projects", _, "repository", rest @ ..] => repository(stage, asked, rest),
        _ => None,
    }
}

fn project(stage: &Stage) -> Option<Told> {
    let body = &stage.payload;
    let project = body.at("/project")?;
    let path = body.text("/project/path_with_namespace")?;
    let branch = body.text("/project/default_branch").map(str::to_owned);
    let branch = branch.or_else(|| stage.clone.as_ref()?.current_branch());
    Some(Told::json(&without_nulls(json!({
        "id": project.get("id"),
        "path_with_namespace": path,
        "default_branch": branch,
        "web_url": body.text("/project/web_url").unwrap_or_default(),
    }))))
}

fn of_request(stage: &Stage, request: &Request, rest: &[&str]) -> Option<Told> {
    let body = &stage.payload;
    match rest {
        [] => merge_request(stage, request).map(|found| Told::json(&found)),
        ["diffs"] => {
            let (base, head) = stage.ends(request.head.as_deref()?, request.target.as_deref()?)?;
            let paths = stage.clone.as_ref()?.changed(&base, &head)?;
            Some(list(paths.into_iter().map(|path| json!({ "old_path": path, "new_path": path }))))
        }
        ["commits"] => {
            let (base, head) = stage.ends(request.head.as_deref()?, request.target.as_deref()?)?;
            let commits = stage.clone.as_ref()?.between(&base, &head)?;
            Some(list(commits.into_iter().map(|commit| {
                json!({
                    "id": commit.id,
                    "author_email": commit.author,
                    "committer_email": commit.committer,
                    "message": commit.message,
                })
            })))
        }
        ["pipelines"] => pipelines(stage).map(list),
        ["notes", number] => {
            let note = body.at("/object_attributes").filter(|note| is(note, number))?;
            let id = note.get("author_id").and_then(Value::as_u64)?;
            Some(Told::json(&json!({
                "id": note.get("id"),
                "author": { "id": id, "username": body.login_of(id).unwrap_or_default() },
                "body": note.get("note"),
                "created_at": note.get("created_at"),
                "updated_at": note.get("updated_at"),
                "system": note.get("system").and_then(Value::as_bool).unwrap_or_default(),
            })))
        }
        _ => None,
    }
}

/// The merge request: hooks show it almost as the API does.
pub(super) fn merge_request(stage: &Stage, request: &Request) -> Option<Value> {
    let body = &stage.payload;
    let shown = body.gitlab_request()?;
    let author = shown.get("author_id").and_then(Value::as_u64);
    if author.is_none() {
        stage.assume("nobody knows who the author of the merge request is");
    }
    let login = author.and_then(|author| body.login_of(author)).unwrap_or_default();
    Some(without_nulls(json!({
        "iid": request.number,
        "title": shown.get("title"),
        "author": { "id": author.unwrap_or_default(), "username": login },
        "source_branch": request.source,
        "target_branch": request.target,
        "source_project_id": shown.get("source_project_id"),
        "sha": request.head,
        "state": shown.get("state").and_then(Value::as_str).unwrap_or("opened"),
        "draft": shown.get("draft").or_else(|| shown.get("work_in_progress")),
        "detailed_merge_status": shown.get("detailed_merge_status"),
        "merge_status": shown.get("merge_status"),
        "merge_commit_sha": shown.get("merge_commit_sha"),
        "web_url": shown.get("url"),
    })))
}

/// The pipelines that the payload tells of.
fn pipelines(stage: &Stage) -> Option<Vec<Value>> {
    let body = &stage.payload;
    if body.text("/object_kind") == Some("pipeline") {
        let pipeline = body.at("/object_attributes")?;
        stage.assume("the head has no other pipeline than the one that the payload tells of");
        return Some(vec![json!({
            "id": pipeline.get("id"),
            "sha": pipeline.get("sha"),
            "ref": pipeline.get("ref").and_then(Value::as_str).unwrap_or_default(),
            "source": pipeline.get("source"),
            "status": pipeline.get("status").and_then(Value::as_str).unwrap_or_default(),
            "web_url": pipeline.get("url").and_then(Value::as_str).unwrap_or_default(),
            "created_at": pipeline.get("created_at"),
        })]);
    }
    let id = body.gitlab_request()?.get("head_pipeline_id").and_then(Value::as_u64)?;
    let head = body.request()?.head?;
    stage.assume(format!("pipeline {id} is the head's only one"));
    Some(vec![json!({ "id": id, "sha": head, "source": "merge_request_event" })])
}

fn jobs(stage: &Stage, pipeline: &str) -> Option<Told> {
    let body = &stage.payload;
    let ours = body.at("/object_attributes").is_some_and(|one| is(one, pipeline));
    let builds = body.at("/builds").filter(|_| ours)?.as_array()?;
    let job = |build: &Value| {
        json!({
            "id": build.get("id"),
            "name": build.get("name"),
            "status": build.get("status"),
            "failure_reason": build.get("failure_reason"),
            "web_url": build.get("url"),
        })
    };
    Some(list(builds.iter().map(job)))
}

/// Whatever the clone knows.
fn repository(stage: &Stage, asked: &Asked, rest: &[&str]) -> Option<Told> {
    let clone = stage.clone.as_ref()?;
    match rest {
        ["branches"] => {
            let name = asked.wants("search")?.strip_prefix('^')?;
            let found = clone.branch(name)?;
            Some(list([json!({ "name": name, "commit": { "id": found } })]))
        }
        ["commits", name] => {
            let commit = stage.commit(name)?;
            Some(Told::json(&json!({ "id": name, "parent_ids": clone.parents(&commit)? })))
        }
        ["files", path, "raw"] => {
            let commit = stage.commit(asked.wants("ref")?)?;
            Some(clone.file(&commit, path).map_or_else(Told::absent, Told::bytes))
        }
        ["files", path] => {
            let commit = stage.commit(asked.wants("ref")?)?;
            let Some(blob) = clone.file(&commit, path).and_then(|_| clone.object(&commit, path)) else {
                return Some(Told::absent());
            };
            let mut told = Told::bytes(Vec::new());
            told.headers.push(("x-gitlab-blob-id".to_owned(), blob));
            Some(told)
        }
        ["tree"] => tree(stage, clone, asked),
        ["compare"] => {
            let (from, to) = (stage.commit(asked.wants("from")?)?, stage.commit(asked.wants("to")?)?);
            let paths = clone.changed(&from, &to)?;
            let diffs = paths.into_iter().map(|path| json!({ "old_path": path, "new_path": path }));
            Some(Told::json(&json!({ "diffs": diffs.collect::<Vec<_>>() })))
        }
        ["tags"] => {
            let prefix = asked.wants("search").unwrap_or_default().trim_start_matches('^');
            Some(list(clone.tags(prefix).iter().map(tag)))
        }
        ["tags", name] => {
            let found = clone.tags(name).into_iter().find(|tag| tag.name == *name);
            Some(found.map_or_else(Told::absent, |found| Told::json(&tag(&found))))
        }
        _ => None,
    }
}

fn tree(stage: &Stage, clone: &Clone, asked: &Asked) -> Option<Told> {
    let commit = stage.commit(asked.wants("ref")?)?;
    let path = asked.wants("path").unwrap_or_default();
    let all = asked.wants("recursive") == Some("true");
    let Some(entries) = clone.folder(&commit, path, all) else { return Some(Told::absent()) };
    Some(list(entries.into_iter().map(|entry| {
        let below = if path.is_empty() { entry.path.clone() } else { format!("{path}/{}", entry.path) };
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        json!({ "id": entry.id, "name": name, "path": below, "type": entry.kind, "mode": entry.mode })
    })))
}

fn tag(tag: &super::clone::Tag) -> Value {
    let message = (tag.kind == "tag").then_some(&tag.message);
    json!({ "name": tag.name, "message": message, "commit": { "id": tag.commit } })
}

fn is(object: &Value, number: &str) -> bool {
    object.get("id").and_then(Value::as_u64).is_some_and(|id| Some(id) == number.parse().ok())
}

fn list(all: impl IntoIterator<Item = Value>) -> Told {
    Told::json(&Value::Array(all.into_iter().collect()))
}

/// What is taken to be so where nobody knows: lists are empty, and nobody is us.
pub(super) fn assumed(asked: &Asked) -> Option<Told> {
    let parts = asked.parts();
    let nothing = match parts.as_slice() {
        ["user"] => json!({ "id": US, "username": "mergewright" }),
        ["projects", _, "merge_requests", _, "approvals"] => json!({ "approved_by": [] }),
        ["projects", _, "merge_requests", _, "versions" | "pipelines" | "notes" | "commits"] => json!([]),
        ["projects", _, "pipelines", _, "jobs"] | ["projects", _, "repository", "tags"] => json!([]),
        ["projects", _, "releases", _] | ["projects", _, "packages", ..] => return Some(Told::absent()),
        _ => return None,
    };
    Some(Told::json(&nothing))
}
