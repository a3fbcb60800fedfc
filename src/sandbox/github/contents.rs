//! Files and folders by path, as JSON or as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::domain::Sha;
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{File, Project, State, TreeEntry};

use super::paging::encode;
use super::{Answer, api_of, code, missing, required, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, path: &str) -> Answer {
    match call.method.as_str() {
        "GET" => read(state, call, project, path),
        "PUT" => write(state, call, project, by, path),
        _ => unknown(),
    }
}

fn read(state: &State, call: &Call, project: u64, path: &str) -> Answer {
    let place = state.project(project)?;
    let name = call.text("ref").unwrap_or_else(|| place.default_branch.clone());
    let unknown = || Refusal::NotFound(format!("No commit found for the ref {name}"));
    let at = place.git.resolve(&name).ok_or_else(unknown)?;
    let (folder, leaf) = path.rsplit_once('/').unwrap_or(("", path));
    if !path.is_empty() {
        let entries = place.git.tree(folder, &at, false).map_err(|_error| missing())?;
        let entry = entries.iter().find(|one| one.path.rsplit('/').next() == Some(leaf));
        let entry = entry.ok_or_else(missing)?;
        if entry.kind == "blob" {
            return file(state, call, place, entry, &at);
        }
    }
    let entries = place.git.tree(path, &at, false).map_err(|_error| missing())?;
    let shown = entries.iter().map(|one| described(state, place, one, &at));
    Ok(Reply::json(200, &shown.collect()))
}

fn file(state: &State, call: &Call, place: &Project, entry: &TreeEntry, at: &Sha) -> Answer {
    let content = place.git.file(&entry.path, at).ok_or_else(missing)?;
    if call.header("accept").is_some_and(|kinds| kinds.contains("raw")) {
        return Ok(Reply::of(200, "application/vnd.github.raw+json; charset=utf-8", content));
    }
    let mut shown = described(state, place, entry, at);
    if let Value::Object(fields) = &mut shown {
        fields.insert("size".to_owned(), json!(content.len()));
        fields.insert("encoding".to_owned(), json!("base64"));
        fields.insert("content".to_owned(), json!(STANDARD.encode(&content)));
    }
    Ok(Reply::json(200, &shown))
}

fn described(state: &State, place: &Project, entry: &TreeEntry, at: &Sha) -> Value {
    let (api, page) = (api_of(state, place), state.project_url(place));
    let path: Vec<String> = entry.path.split('/').map(encode).collect();
    let path = path.join("/");
    let url = format!("{api}/contents/{path}?ref={at}");
    let kind = match entry.kind.as_str() {
        "tree" => "dir",
        "commit" => "submodule",
        _ => "file",
    };
    let (git, html) = (format!("{api}/git/{}s/{}", entry.kind, entry.id), format!("{page}/blob/{at}/{path}"));
    json!({
        "name": entry.path.rsplit('/').next(),
        "path": entry.path,
        "sha": entry.id,
        "size": 0,
        "url": url,
        "html_url": html,
        "git_url": git,
        "download_url": null,
        "type": kind,
        "_links": {"self": url, "git": git, "html": html},
    })
}

/// One file, one commit: without `sha` it must be new, with it the file must still be that blob.
fn write(state: &mut State, call: &Call, project: u64, by: u64, path: &str) -> Answer {
    let (message, content) = (required(call, "message")?, call.text("content").unwrap_or_default());
    let plain: String = content.split_whitespace().collect();
    let wrong = |_error| Refusal::Unprocessable("content is not valid Base64.".to_owned());
    let content = STANDARD.decode(plain).map_err(wrong)?;
    let place = state.project(project)?;
    let branch = call.text("branch").unwrap_or_else(|| place.default_branch.clone());
    let at = place.git.branch(&branch).ok_or_else(missing)?;
    let standing = place.git.git(&["rev-parse", &format!("{at}:{path}")]).ok();
    match (&standing, call.text("sha")) {
        (None, None) => {}
        (Some(_), None) => return Err(Refusal::Unprocessable("\"sha\" wasn't supplied.".to_owned())),
        (Some(blob), Some(sha)) if *blob == sha => {}
        (_, Some(sha)) => return Err(Refusal::Conflict(format!("{path} does not match {sha}"))),
    }
    let made = state.push(project, by, &branch, None, &[File::write(path, content)], &message)?;
    let place = state.project(project)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _name)| folder);
    let entries = place.git.tree(folder, &made, false)?;
    let entry = entries.iter().find(|one| one.path == path).ok_or_else(missing)?;
    let commit = code::commit(state, place, &place.git.commit_named(&made)?);
    let told = json!({
        "content": described(state, place, entry, &made),
        "commit": commit.get("commit"),
    });
    Ok(Reply::json(if standing.is_some() { 200 } else { 201 }, &told))
}
