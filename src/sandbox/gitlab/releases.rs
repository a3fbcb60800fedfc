//! Releases, their links, and generic packages.

use serde_json::{Value, json};

use crate::domain::Digest;
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{NewRelease, State};

use super::paging::page;
use super::{Answer, number, required, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", ["releases"]) => {
            let place = state.project(project)?;
            let newest_first = place.releases.values().rev();
            Ok(page(state, call, newest_first.map(|one| shape::release(state, place, one)).collect()))
        }
        ("POST", ["releases"]) => {
            let tag = required(call, "tag_name")?;
            let name = call.text("name").unwrap_or_else(|| tag.clone());
            let links = links(call)?;
            let description = call.text("description").unwrap_or_default();
            let new = NewRelease { tag: tag.clone(), name, description, draft: false, prerelease: false };
            state.create_release(project, by, new)?;
            for [name, url, kind] in links {
                state.link_asset(project, by, &tag, &name, &url, &kind)?;
            }
            Ok(Reply::json(
                201,
                &shape::release(state, state.project(project)?, state.release(project, &tag)?),
            ))
        }
        ("GET", ["releases", tag]) => Ok(Reply::json(
            200,
            &shape::release(state, state.project(project)?, state.release(project, tag)?),
        )),
        ("PUT", ["releases", tag]) => {
            state.release(project, tag)?;
            if let Some(release) = state.project_mut(project)?.releases.get_mut(*tag) {
                release.name = call.text("name").unwrap_or_else(|| release.name.clone());
                release.description = call.text("description").unwrap_or_else(|| release.description.clone());
            }
            Ok(Reply::json(
                200,
                &shape::release(state, state.project(project)?, state.release(project, tag)?),
            ))
        }
        ("GET", ["releases", tag, "assets", "links"]) => {
            let links = state.release(project, tag)?.links.iter();
            Ok(page(state, call, links.map(shape::link).collect()))
        }
        ("POST", ["releases", tag, "assets", "links"]) => {
            let (name, url) = (required(call, "name")?, required(call, "url")?);
            let kind = call.text("link_type").unwrap_or_else(|| "other".to_owned());
            Ok(Reply::json(201, &shape::link(&state.link_asset(project, by, tag, &name, &url, &kind)?)))
        }
        ("DELETE", ["releases", tag, "assets", "links", id]) => {
            let id = number(id)?;
            let known = state.release(project, tag)?.links.iter().any(|link| link.id == id);
            if !known {
                return Err(Refusal::NotFound("404".to_owned()));
            }
            if let Some(release) = state.project_mut(project)?.releases.get_mut(*tag) {
                release.links.retain(|link| link.id != id);
            }
            Ok(Reply::empty(200))
        }
        ("PUT", ["packages", "generic", package, version, file]) => {
            let wrong = |text: &str| {
                let allowed = |c: char| c.is_ascii_alphanumeric() || "._-+@~".contains(c);
                text.is_empty() || !text.chars().all(allowed)
            };
            if wrong(package) || wrong(version) || wrong(file) {
                return Err(Refusal::Invalid(
                    "package_name, package_version or file_name is invalid".to_owned(),
                ));
            }
            let put = state.put_package(project, by, [package, version, file], call.body.to_vec())?;
            Ok(Reply::json(
                201,
                &json!({
                    "message": "201 Created",
                    "id": put.id,
                    "file_name": put.name,
                    "size": put.content.len(),
                    "file_sha256": Digest::of(&put.content).hex(),
                }),
            ))
        }
        ("GET", ["packages", "generic", package, version, file]) => {
            let found = state.package(project, [package, version, file])?;
            Ok(Reply::of(200, "application/octet-stream", found.content.clone()))
        }
        ("GET", ["packages"]) => {
            let wanted = [call.text("package_name"), call.text("package_version")];
            let place = state.project(project)?;
            let mut shown: Vec<Value> = Vec::new();
            for file in &place.packages {
                let mut fits = [&file.package, &file.version].into_iter().zip(&wanted);
                let fits = fits.all(|(has, want)| want.as_ref().is_none_or(|want| want == has));
                let known =
                    shown.iter().any(|one| one["name"] == file.package && one["version"] == file.version);
                if fits && !known {
                    shown.push(json!({
                        "id": file.id, "name": file.package, "version": file.version, "package_type": "generic",
                    }));
                }
            }
            Ok(page(state, call, shown))
        }
        _ => unknown(),
    }
}

/// `assets.links` of a new release as name, address and kind.
fn links(call: &Call) -> Result<Vec<[String; 3]>, Refusal> {
    let assets = call.value("assets").unwrap_or(Value::Null);
    let Some(items) = assets.get("links").and_then(Value::as_array) else { return Ok(Vec::new()) };
    let one = |item: &Value| {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let missing = |name: &str| Refusal::Invalid(format!("assets[links][{name}] is missing"));
        let (name, url) =
            (text("name").ok_or_else(|| missing("name"))?, text("url").ok_or_else(|| missing("url"))?);
        Ok([name, url, text("link_type").unwrap_or_else(|| "other".to_owned())])
    };
    items.iter().map(one).collect()
}
