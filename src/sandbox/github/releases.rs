//! Releases and their files.

use serde_json::{Value, json};

use crate::domain::Digest;
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Asset, NewRelease, Project, Release, Role, State};

use super::paging::{encode, page};
use super::{Answer, api_of, missing, number, required, shape, storage, taken, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", ["releases"]) => {
            let place = state.project(project)?;
            let writes = state.role(project, by).is_some_and(|role| role >= Role::Developer);
            let mut all: Vec<&Release> = place.releases.values().filter(|one| writes || !one.draft).collect();
            all.sort_by_key(|one| std::cmp::Reverse(one.id));
            Ok(page(state, call, all.into_iter().map(|one| release(state, place, one)).collect()))
        }
        ("POST", ["releases"]) => create(state, call, project, by),
        ("GET", ["releases", "tags", tag @ ..]) => {
            let place = state.project(project)?;
            let found = place.releases.get(&tag.join("/")).filter(|one| !one.draft).ok_or_else(missing)?;
            Ok(Reply::json(200, &release(state, place, found)))
        }
        (method, ["releases", "assets", id]) => asset(state, call, method, project, by, number(id)?),
        (_, ["releases", id, below @ ..]) => {
            let id = number(id)?;
            let mut all = state.project(project)?.releases.values();
            let tag = all.find(|one| one.id == id).ok_or_else(missing)?.tag.clone();
            one(state, call, project, by, &tag, below)
        }
        _ => unknown(),
    }
}

fn create(state: &mut State, call: &Call, project: u64, by: u64) -> Answer {
    let tag = required(call, "tag_name")?;
    if state.tag(project, &tag).is_err() && !call.flag("draft") {
        // A tag that is new is made where the call says.
        let place = state.project(project)?;
        let at = call.text("target_commitish").unwrap_or_else(|| place.default_branch.clone());
        state.create_tag(project, by, &tag, &at, None).map_err(|error| match error {
            Refusal::Invalid(_) => Refusal::Unprocessable("target_commitish is invalid".to_owned()),
            other => other,
        })?;
    }
    let new = NewRelease {
        tag: tag.clone(),
        name: call.text("name").unwrap_or_else(|| tag.clone()),
        description: call.text("body").unwrap_or_default(),
        draft: call.flag("draft"),
        prerelease: call.flag("prerelease"),
    };
    let exists = |refusal| match refusal {
        Refusal::Conflict(_) => Refusal::Unprocessable("already_exists".to_owned()),
        other => other,
    };
    state.create_release(project, by, new).map_err(exists)?;
    let place = state.project(project)?;
    Ok(Reply::json(201, &release(state, place, state.release(project, &tag)?)))
}

fn one(state: &mut State, call: &Call, project: u64, by: u64, tag: &str, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let place = state.project(project)?;
            Ok(Reply::json(200, &release(state, place, state.release(project, tag)?)))
        }
        ("PATCH", []) => {
            state.require(project, by, Role::Developer)?;
            let public = call.value("draft") == Some(Value::Bool(false));
            state.change_release(project, tag, call.text("name"), call.text("body"), public)?;
            let place = state.project(project)?;
            Ok(Reply::json(200, &release(state, place, state.release(project, tag)?)))
        }
        ("DELETE", []) => {
            state.require(project, by, Role::Developer)?;
            state.project_mut(project)?.releases.remove(tag);
            Ok(Reply::empty(204))
        }
        ("GET", ["assets"]) => {
            let place = state.project(project)?;
            let all = state.release(project, tag)?.assets.iter();
            Ok(page(state, call, all.map(|one| shown(state, place, tag, one)).collect()))
        }
        ("POST", ["assets"]) => {
            let name = call.query.iter().find(|(key, _value)| key == "name").map(|(_key, value)| value);
            let wrong = || Refusal::Unprocessable("name wasn't supplied.".to_owned());
            let name = name.filter(|name| !name.is_empty()).ok_or_else(wrong)?;
            let kind = call.header("content-type").unwrap_or("application/octet-stream");
            let content = call.body.to_vec();
            let made = state.add_asset(project, by, tag, [name, kind], content).map_err(taken)?;
            Ok(Reply::json(201, &shown(state, state.project(project)?, tag, &made)))
        }
        _ => unknown(),
    }
}

fn asset(state: &mut State, call: &Call, method: &str, project: u64, by: u64, id: u64) -> Answer {
    let place = state.project(project)?;
    let mut all = place.releases.values().flat_map(|one| one.assets.iter().map(move |it| (&one.tag, it)));
    let (tag, found) = all.find(|(_tag, one)| one.id == id).ok_or_else(missing)?;
    match method {
        "GET" if call.header("accept").is_some_and(|kinds| kinds.contains("application/octet-stream")) => {
            Ok(storage::redirect(state, &format!("assets/{project}/{id}")))
        }
        "GET" => Ok(Reply::json(200, &shown(state, place, tag, found))),
        "DELETE" => {
            let tag = tag.clone();
            state.require(project, by, Role::Developer)?;
            if let Some(release) = state.project_mut(project)?.releases.get_mut(&tag) {
                release.assets.retain(|one| one.id != id);
            }
            Ok(Reply::empty(204))
        }
        _ => unknown(),
    }
}

pub(super) fn release(state: &State, place: &Project, one: &Release) -> Value {
    let (api, page) = (api_of(state, place), state.project_url(place));
    let url = format!("{api}/releases/{}", one.id);
    let uploads = if state.enterprise { "api/uploads" } else { "uploads" };
    let upload = format!("{}/{uploads}/repos/{}/releases/{}/assets", state.url, place.path, one.id);
    let tag = encode(&one.tag);
    json!({
        "id": one.id,
        "node_id": shape::node("RE", one.id),
        "url": url,
        "html_url": format!("{page}/releases/tag/{tag}"),
        "assets_url": format!("{url}/assets"),
        "upload_url": format!("{upload}{{?name,label}}"),
        "tarball_url": format!("{api}/tarball/{tag}"),
        "zipball_url": format!("{api}/zipball/{tag}"),
        "tag_name": one.tag,
        "target_commitish": place.default_branch,
        "name": one.name,
        "body": one.description,
        "draft": one.draft,
        "prerelease": one.prerelease,
        "immutable": false,
        "created_at": shape::time(one.at),
        "published_at": (!one.draft).then(|| shape::time(one.at)),
        "author": shape::user_of(state, one.by),
        "assets": one.assets.iter().map(|asset| shown(state, place, &one.tag, asset)).collect::<Vec<_>>(),
    })
}

fn shown(state: &State, place: &Project, tag: &str, one: &Asset) -> Value {
    let page = state.project_url(place);
    json!({
        "id": one.id,
        "node_id": shape::node("RA", one.id),
        "url": format!("{}/releases/assets/{}", api_of(state, place), one.id),
        "browser_download_url": format!("{page}/releases/download/{}/{}", encode(tag), encode(&one.name)),
        "name": one.name,
        "label": null,
        "state": "uploaded",
        "content_type": one.kind,
        "size": one.content.len(),
        "digest": format!("sha256:{}", Digest::of(&one.content).hex()),
        "download_count": 0,
        "created_at": shape::time(one.at),
        "updated_at": shape::time(one.at),
        "uploader": shape::user_of(state, one.by),
    })
}
