//! Check runs, with the limits that GitHub has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{CheckAction, CheckAnnotation, CheckRun, CheckWish, Project, State};

use super::paging::{named, page};
use super::{Answer, api, api_of, missing, number, required, shape, unknown};

/// The most annotations of one call.
const ANNOTATIONS: usize = 50;
/// The most buttons.
const ACTIONS: usize = 3;
/// The most characters of a summary.
const SUMMARY: usize = 65_535;
const STATUSES: [&str; 3] = ["queued", "in_progress", "completed"];
const CONCLUSIONS: [&str; 7] =
    ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"];

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("POST", ["check-runs"]) => {
            let sha = required(call, "head_sha")?;
            let wish = CheckWish { name: Some(required(call, "name")?), ..wish(call)? };
            let made = state.create_check(project, by, &sha, wish)?;
            Ok(Reply::json(201, &check(state, state.project(project)?, &made)))
        }
        ("PATCH", ["check-runs", id]) => {
            let changed = state.update_check(project, by, number(id)?, wish(call)?)?;
            Ok(Reply::json(200, &check(state, state.project(project)?, &changed)))
        }
        ("GET", ["check-runs", id]) => {
            let found = state.check(project, number(id)?)?;
            Ok(Reply::json(200, &check(state, state.project(project)?, found)))
        }
        ("GET", ["check-runs", id, "annotations"]) => {
            let found = state.check(project, number(id)?)?;
            Ok(page(state, call, found.annotations.iter().map(annotation).collect()))
        }
        ("GET", ["commits", name, "check-runs"]) => {
            let place = state.project(project)?;
            let shown = of_commit(call, place, name)?;
            Ok(named(state, call, "check_runs", shown.iter().map(|one| check(state, place, one)).collect()))
        }
        _ => unknown(),
    }
}

/// The check runs of a commit, the newest first; unless all are asked for, of each App and name the newest.
fn of_commit<'p>(call: &Call, place: &'p Project, name: &str) -> Result<Vec<&'p CheckRun>, Refusal> {
    let sha = place.git.resolve(name).ok_or_else(missing)?;
    let wanted = call.text("check_name");
    let all = place.checks.values().rev().filter(|one| one.sha == sha);
    let mut all: Vec<_> = all.filter(|one| wanted.as_ref().is_none_or(|name| one.name == *name)).collect();
    if call.text("filter").as_deref() != Some("all") {
        let mut newest = BTreeMap::new();
        for one in &all {
            newest.entry((one.by, one.name.as_str())).or_insert(one.id);
        }
        all.retain(|one| newest.values().any(|id| *id == one.id));
    }
    Ok(all)
}

fn wish(call: &Call) -> Result<CheckWish, Refusal> {
    let invalid = |what: &str| Refusal::Unprocessable(format!("Invalid request. {what}"));
    let status = call.text("status");
    if status.as_ref().is_some_and(|word| !STATUSES.contains(&word.as_str())) {
        return Err(invalid("status is not one that there is."));
    }
    let conclusion = call.text("conclusion");
    if conclusion.as_ref().is_some_and(|word| !CONCLUSIONS.contains(&word.as_str())) {
        return Err(invalid("conclusion is not one that there is."));
    }
    let output = call.value("output");
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let annotations = list(output.as_ref().and_then(|output| output.get("annotations")));
    if annotations.len() > ANNOTATIONS {
        return Err(invalid("No more than 50 items are allowed in annotations."));
    }
    let output = output.as_ref().map(|output| {
        let title = text(output, "title").ok_or_else(|| invalid("output.title wasn't supplied."))?;
        let summary = text(output, "summary").ok_or_else(|| invalid("output.summary wasn't supplied."))?;
        if summary.chars().count() > SUMMARY {
            return Err(invalid("Only 65535 characters are allowed in summary."));
        }
        Ok((title, summary))
    });
    let actions = call.value("actions").map(|actions| list(Some(&actions)));
    if actions.as_ref().is_some_and(|actions| actions.len() > ACTIONS) {
        return Err(invalid("No more than 3 items are allowed in actions."));
    }
    let actions = actions.map(|actions| actions.iter().map(read_action).collect::<Option<Vec<_>>>());
    Ok(CheckWish {
        name: call.text("name"),
        status,
        conclusion,
        external_id: call.text("external_id"),
        output: output.transpose()?,
        annotations: annotations
            .iter()
            .map(|one| read_annotation(one).ok_or_else(|| invalid("an annotation is not complete.")))
            .collect::<Result<_, _>>()?,
        actions: match actions {
            Some(None) => return Err(invalid("a button's label, description or identifier is too long.")),
            Some(found) => found,
            None => None,
        },
    })
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

fn read_annotation(value: &Value) -> Option<CheckAnnotation> {
    let line = |name: &str| value.get(name)?.as_u64().filter(|line| *line > 0);
    let level = text(value, "annotation_level")?;
    let message = text(value, "message").filter(|text| !text.is_empty() && text.len() <= 64 << 10)?;
    let title = text(value, "title");
    let fits = title.as_ref().is_none_or(|title| title.chars().count() <= 255)
        && ["notice", "warning", "failure"].contains(&level.as_str());
    fits.then_some(CheckAnnotation {
        path: text(value, "path").filter(|path| !path.is_empty() && !path.starts_with('/'))?,
        start_line: line("start_line")?,
        end_line: line("end_line")?,
        level,
        message,
        title,
    })
}

fn read_action(value: &Value) -> Option<CheckAction> {
    let short = |name: &str, most: usize| text(value, name).filter(|text| text.chars().count() <= most);
    Some(CheckAction {
        label: short("label", 20)?,
        description: short("description", 40)?,
        identifier: short("identifier", 20)?,
    })
}

fn annotation(one: &CheckAnnotation) -> Value {
    json!({
        "path": one.path,
        "start_line": one.start_line,
        "end_line": one.end_line,
        "start_column": null,
        "end_column": null,
        "annotation_level": one.level,
        "message": one.message,
        "title": one.title,
        "raw_details": null,
        "blob_href": "",
    })
}

/// A check run as answers and hooks show it.
pub(super) fn check(state: &State, place: &Project, one: &CheckRun) -> Value {
    let url = format!("{}/check-runs/{}", api_of(state, place), one.id);
    let page = format!("{}/runs/{}", state.project_url(place), one.id);
    let app = state.app_of(one.by);
    let (app, slug) = app.map(|app| (app.id, app.slug.as_str())).unwrap_or_default();
    let heads = place.merge_requests.values().filter(|pull| {
        // Those of forks are never named.
        pull.is_open() && pull.head == one.sha && pull.source_project == place.id
    });
    let pulls = heads.map(|pull| {
        let repo = json!({"id": place.id, "url": api_of(state, place), "name": place.name()});
        json!({
            "url": format!("{}/pulls/{}", api_of(state, place), pull.number),
            "id": pull.id,
            "number": pull.number,
            "head": {"ref": pull.source_branch, "sha": pull.head, "repo": repo},
            "base": {"ref": pull.target_branch, "sha": place.git.branch(&pull.target_branch), "repo": repo},
        })
    });
    json!({
        "id": one.id,
        "node_id": shape::node("CR", one.id),
        "head_sha": one.sha,
        "external_id": one.external_id,
        "url": url,
        "html_url": page,
        "details_url": page,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": shape::time(one.started_at),
        "completed_at": shape::maybe(one.completed_at),
        "output": {
            "title": one.title,
            "summary": one.summary,
            "text": null,
            "annotations_count": one.annotations.len(),
            "annotations_url": format!("{url}/annotations"),
        },
        "name": one.name,
        "check_suite": {"id": one.by},
        "app": {
            "id": app,
            "slug": slug,
            "node_id": shape::node("A", app),
            "name": slug,
            "description": "",
            "external_url": state.url,
            "html_url": format!("{}/apps/{slug}", api(state)),
            "created_at": shape::time(one.started_at),
            "updated_at": shape::time(one.started_at),
            "permissions": {"checks": "write"},
            "events": [],
        },
        "pull_requests": pulls.collect::<Vec<_>>(),
    })
}
