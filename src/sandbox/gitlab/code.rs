//! The repository: branches, commits, comparisons, folders, files, tags.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::domain::{Digest, Sha};
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{ChangedFile, File, Project, State, TreeEntry};

use super::paging::page;
use super::{Answer, missing, required, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    let place = state.project(project)?;
    match (call.method.as_str(), rest) {
        ("GET", ["repository", "branches"]) => {
            let branches = place.git.branches()?;
            let shown = branches.iter().map(|(name, sha)| branch(state, place, name, sha));
            let shown = shown.collect::<Result<_, _>>()?;
            Ok(page(state, call, shown))
        }
        ("GET", ["repository", "branches", name]) => {
            let sha = place.git.branch(name).ok_or_else(|| missing("Branch"))?;
            Ok(Reply::json(200, &branch(state, place, name, &sha)?))
        }
        ("POST", ["repository", "commits"]) => commit(state, call, project, by),
        ("GET", ["repository", "commits", name]) => {
            let sha = place.git.resolve(name).ok_or_else(|| missing("Commit"))?;
            Ok(Reply::json(200, &shape::commit(state, place, &place.git.commit_named(&sha)?)))
        }
        ("GET", ["repository", "commits", name, "statuses"]) => {
            let sha = place.git.resolve(name).ok_or_else(|| missing("Commit"))?;
            let on_it = place.statuses.iter().filter(|status| status.sha == sha);
            Ok(page(state, call, on_it.map(|status| super::ci::status(state, project, status)).collect()))
        }
        ("GET", ["repository", "compare"]) => compare(state, call, place),
        ("GET", ["repository", "tree"]) => {
            let folder = call.text("path").unwrap_or_default();
            let at = at(call, place)?;
            let entries = place.git.tree(folder.trim_end_matches('/'), &at, call.flag("recursive"));
            let entries = entries.map_err(|_error| missing("invalid revision or path"))?;
            Ok(page(state, call, entries.iter().map(entry).collect()))
        }
        ("GET", ["repository", "files", path, "raw"]) => {
            let content = place.git.file(path, &at(call, place)?).ok_or_else(|| missing("File"))?;
            Ok(Reply::of(200, "text/plain; charset=utf-8", content))
        }
        ("GET" | "HEAD", ["repository", "files", path]) => file(call, place, path),
        ("GET", ["repository", "tags"]) => {
            let mut tags = state.tags(project, None)?;
            if let Some(search) = call.text("search") {
                // `^text` is the beginning, `text$` the end, else anywhere.
                tags.retain(|tag| match (search.strip_prefix('^'), search.strip_suffix('$')) {
                    (Some(start), _) => tag.name.starts_with(start),
                    (None, Some(end)) => tag.name.ends_with(end),
                    (None, None) => tag.name.contains(&search),
                });
            }
            Ok(page(state, call, tags.iter().map(|tag| shape::tag(state, place, tag)).collect()))
        }
        ("GET", ["repository", "tags", name]) => {
            Ok(Reply::json(200, &shape::tag(state, place, &state.tag(project, name)?)))
        }
        ("POST", ["repository", "tags"]) => {
            let (name, target) = (required(call, "tag_name")?, required(call, "ref")?);
            let tag = state.create_tag(project, by, &name, &target, call.text("message").as_deref())?;
            Ok(Reply::json(201, &shape::tag(state, state.project(project)?, &tag)))
        }
        _ => unknown(),
    }
}

/// Commits files on a branch, which may begin with it.
fn commit(state: &mut State, call: &Call, project: u64, by: u64) -> Answer {
    let (name, message) = (required(call, "branch")?, required(call, "commit_message")?);
    let place = state.project(project)?;
    let actions = call.value("actions").unwrap_or_default();
    let actions = actions.as_array().ok_or_else(|| Refusal::Invalid("actions is missing".to_owned()))?;
    let start = call.text("start_sha").or_else(|| call.text("start_branch"));
    let known = place.git.branch(&name);
    if start.is_some() && known.is_some() {
        let text = format!(
            "A branch called '{name}' already exists. Switch to that branch in order to make changes"
        );
        return Err(Refusal::Invalid(text));
    }
    let base = match (&known, &start) {
        (Some(base), _) => base.clone(),
        (None, Some(start)) => place.git.resolve(start).ok_or_else(|| missing("Commit"))?,
        (None, None) => {
            return Err(Refusal::Invalid(
                "You can only create or edit files when you are on a branch".to_owned(),
            ));
        }
    };
    let files = actions.iter().map(|one| changed(place, &base, one)).collect::<Result<Vec<_>, _>>()?;
    let made = state.push(project, by, &name, Some(&base), &files, &message)?;
    let place = state.project(project)?;
    Ok(Reply::json(201, &shape::commit(state, place, &place.git.commit_named(&made)?)))
}

/// What one action of a commit does, where its file is as the caller believes it to be.
fn changed(place: &Project, base: &Sha, action: &Value) -> Result<File, Refusal> {
    let text = |name: &str| action.get(name).and_then(Value::as_str);
    let lacks = |name: &str| Refusal::Invalid(format!("actions[0][{name}] is missing"));
    let (word, path) = (text("action").ok_or_else(|| lacks("action"))?, text("file_path"));
    let path = path.ok_or_else(|| lacks("file_path"))?;
    let stands = place.git.file(path, base).is_some();
    let last = |at: &str| place.git.git(&["log", "-1", "--format=%H", at, "--", path]).ok();
    if let Some(known) = text("last_commit_id")
        && stands
        && last(known) != last(base.as_str())
    {
        let text = format!("The file has changed since you started editing it: {path}");
        return Err(Refusal::Invalid(text));
    }
    match (word, stands) {
        ("create", true) => Err(Refusal::Invalid("A file with this name already exists".to_owned())),
        ("update" | "delete", false) => {
            Err(Refusal::Invalid("A file with this name doesn't exist".to_owned()))
        }
        ("create" | "update", _) => {
            Ok(File::write(path, text("content").ok_or_else(|| lacks("content"))?.as_bytes()))
        }
        ("delete", _) => Ok(File::remove(path)),
        _ => Err(Refusal::Invalid("actions[0][action] does not have a valid value".to_owned())),
    }
}

/// The commit that the parameter `ref` names; without it, the default branch.
fn at(call: &Call, place: &Project) -> Result<Sha, Refusal> {
    let name = call.text("ref").unwrap_or_else(|| place.default_branch.clone());
    let name = if name == "HEAD" { place.default_branch.clone() } else { name };
    place.git.resolve(&name).ok_or_else(|| missing("Commit"))
}

fn branch(state: &State, place: &Project, name: &str, sha: &Sha) -> Result<Value, Refusal> {
    Ok(json!({
        "name": name,
        "commit": shape::commit(state, place, &place.git.commit_named(sha)?),
        "protected": place.protected.contains(name),
        "default": place.default_branch == name,
        "merged": false,
    }))
}

fn compare(state: &State, call: &Call, place: &Project) -> Answer {
    let end = |name| {
        let spelled = required(call, name)?;
        place.git.resolve(&spelled).ok_or_else(|| missing("Ref"))
    };
    let (from, to) = (end("from")?, end("to")?);
    let common = place.git.merge_base(&from, &to);
    let start = if call.flag("straight") { Some(from.clone()) } else { common };
    let start = start.ok_or_else(|| missing("Merge base"))?;
    let commits = place.git.commits(Some(&from), &to)?;
    let changed = place.git.changed(start.as_str(), to.as_str())?;
    let shown: Vec<Value> = commits.iter().rev().map(|commit| shape::commit(state, place, commit)).collect();
    Ok(Reply::json(
        200,
        &json!({
            "commit": shown.last(),
            "commits": shown,
            "diffs": changed.iter().map(difference).collect::<Vec<_>>(),
            "compare_timeout": false,
            "compare_same_ref": from == to,
        }),
    ))
}

/// A changed file, its text collapsed as GitLab does with large ones.
pub(super) fn difference(file: &ChangedFile) -> Value {
    json!({
        "old_path": file.old_path,
        "new_path": file.new_path,
        "a_mode": "100644",
        "b_mode": "100644",
        "new_file": file.kind == 'A',
        "renamed_file": file.kind == 'R',
        "deleted_file": file.kind == 'D',
        "generated_file": false,
        "collapsed": true,
        "too_large": false,
        "diff": "",
    })
}

fn entry(one: &TreeEntry) -> Value {
    let name = one.path.rsplit('/').next().unwrap_or(&one.path);
    json!({"id": one.id, "name": name, "type": one.kind, "path": one.path, "mode": one.mode})
}

fn file(call: &Call, place: &Project, path: &str) -> Answer {
    let at = at(call, place)?;
    let content = place.git.file(path, &at).ok_or_else(|| missing("File"))?;
    let blob = place.git.git(&["rev-parse", &format!("{at}:{path}")])?;
    let (size, digest) = (content.len(), Digest::of(&content).hex());
    let name = path.rsplit('/').next().unwrap_or(path);
    if call.method == "HEAD" {
        let headers = [
            ("x-gitlab-blob-id", blob),
            ("x-gitlab-commit-id", at.to_string()),
            ("x-gitlab-content-sha256", digest),
            ("x-gitlab-file-path", path.to_owned()),
            ("x-gitlab-size", size.to_string()),
        ];
        return Ok(headers
            .into_iter()
            .fold(Reply::empty(200), |reply, (name, value)| reply.with(name, value)));
    }
    Ok(Reply::json(
        200,
        &json!({
            "file_name": name,
            "file_path": path,
            "size": size,
            "encoding": "base64",
            "content": STANDARD.encode(&content),
            "content_sha256": digest,
            "ref": call.text("ref"),
            "blob_id": blob,
            "commit_id": at,
            "last_commit_id": at,
        }),
    ))
}
