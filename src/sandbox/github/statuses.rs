//! Statuses of commits: each by itself, and what they come to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{CommitStatus, NewStatus, Project, State};

use super::paging::{cut, page};
use super::{Answer, api_of, missing, required, shape, unknown};

/// A description may have so many characters.
const LIMIT: usize = 140;

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("POST", ["statuses", sha]) => {
            let new = new_status(call, sha)?;
            let put = state.set_status(project, by, new).map_err(|refusal| match refusal {
                Refusal::NotFound(_) => Refusal::Unprocessable(format!("No commit found for SHA: {sha}")),
                other => other,
            })?;
            Ok(Reply::json(201, &status(state, state.project(project)?, &put)))
        }
        ("GET", ["commits", name, "statuses"]) => {
            let place = state.project(project)?;
            let all = of_commit(place, name)?;
            Ok(page(state, call, all.iter().rev().map(|one| status(state, place, one)).collect()))
        }
        ("GET", ["commits", name, "status"]) => combined(state, call, project, name),
        _ => unknown(),
    }
}

fn of_commit<'p>(place: &'p Project, name: &str) -> Result<Vec<&'p CommitStatus>, Refusal> {
    let sha = place.git.resolve(name).ok_or_else(missing)?;
    Ok(place.statuses.iter().filter(|one| one.sha == sha).collect())
}

fn combined(state: &State, call: &Call, project: u64, name: &str) -> Answer {
    let place = state.project(project)?;
    let sha = place.git.resolve(name).ok_or_else(missing)?;
    let newest: BTreeMap<&str, &CommitStatus> =
        of_commit(place, name)?.into_iter().map(|one| (one.name.as_str(), one)).collect();
    let is = |word: &str| newest.values().any(|one| one.state == word);
    let verdict = if is("failed") || is("error") {
        "failure"
    } else if newest.is_empty() || is("pending") {
        "pending"
    } else {
        "success"
    };
    let all: Vec<Value> = newest.values().map(|one| status(state, place, one)).collect();
    let (shown, links, total) = cut(state, call, all);
    let url = format!("{}/commits/{sha}", api_of(state, place));
    let reply = Reply::json(
        200,
        &json!({
            "state": verdict,
            "sha": sha,
            "total_count": total,
            "statuses": shown,
            "repository": shape::repository(state, place),
            "commit_url": url,
            "url": format!("{url}/status"),
        }),
    );
    Ok(if links.is_empty() { reply } else { reply.with("link", links) })
}

fn new_status(call: &Call, sha: &str) -> Result<NewStatus, Refusal> {
    let description = call.text("description");
    if description.as_ref().is_some_and(|text| text.chars().count() > LIMIT) {
        let text = format!("description is too long (maximum is {LIMIT} characters)");
        return Err(Refusal::Unprocessable(text));
    }
    let state = match required(call, "state")?.as_str() {
        "failure" => "failed".to_owned(),
        word @ ("pending" | "success" | "error") => word.to_owned(),
        word => return Err(Refusal::Unprocessable(format!("{word} is not a state"))),
    };
    Ok(NewStatus {
        sha: sha.to_owned(),
        name: call.text("context").unwrap_or_else(|| "default".to_owned()),
        state,
        reference: None,
        description,
        target_url: call.text("target_url"),
        pipeline: None,
    })
}

/// GitHub's word for a state.
pub(super) fn word(state: &str) -> &str {
    if state == "failed" { "failure" } else { state }
}

pub(super) fn status(state: &State, place: &Project, one: &CommitStatus) -> Value {
    json!({
        "id": one.id,
        "node_id": shape::node("SC", one.id),
        "url": format!("{}/statuses/{}", api_of(state, place), one.sha),
        "avatar_url": format!("{}/avatars/{}", state.url, one.by),
        "state": word(&one.state),
        "description": one.description,
        "target_url": one.target_url,
        "context": one.name,
        "created_at": shape::time(one.at),
        "updated_at": shape::time(one.at),
        "creator": shape::user_of(state, one.by),
    })
}
