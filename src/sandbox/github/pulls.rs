//! Pull requests, and merging them.

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{MergeRequest, MergeWish, NewMergeRequest, State};

use super::paging::page;
use super::{Answer, code, missing, number, required, shape, taken, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", ["pulls"]) => list(state, call, project),
        ("POST", ["pulls"]) => {
            let (head, base, title) =
                (required(call, "head")?, required(call, "base")?, required(call, "title")?);
            let text = call.text("body").unwrap_or_default();
            // The owner may stand before the branch; one from elsewhere has a fork.
            let (owner, branch) = head.split_once(':').unwrap_or(("", &head));
            let mut forks = state.projects.values().filter(|fork| fork.forked_from == Some(project));
            let fork = forks.find(|fork| fork.namespace() == owner).map(|fork| fork.id);
            let new = NewMergeRequest {
                fork,
                source: branch,
                target: &base,
                title: &title,
                description: &text,
                draft: call.flag("draft"),
            };
            let number = state.open_merge_request(project, by, new).map_err(taken)?;
            single(state, project, number, 201)
        }
        (_, ["pulls", number, below @ ..]) => {
            let number = self::number(number)?;
            state.project(project)?.merge_request(number)?;
            one(state, call, project, by, number, below)
        }
        _ => unknown(),
    }
}

fn one(state: &mut State, call: &Call, project: u64, by: u64, number: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let answer = single(state, project, number, 200);
            let asked = state.project_mut(project)?.merge_request_mut(number)?;
            asked.checking = asked.checking.saturating_sub(1);
            answer
        }
        ("PATCH", []) => {
            change(state, call, project, by, number)?;
            single(state, project, number, 200)
        }
        ("GET", ["files"]) => {
            let place = state.project(project)?;
            let one = place.merge_request(number)?;
            let base = place.fork_point(one).ok_or_else(missing)?;
            let changed = place.git.changed(base.as_str(), one.head.as_str())?;
            let shown = changed.iter().map(|file| code::difference(state, place, &one.head, file));
            Ok(page(state, call, shown.collect()))
        }
        ("GET", ["commits"]) => {
            let place = state.project(project)?;
            let one = place.merge_request(number)?;
            let base = place.fork_point(one).ok_or_else(missing)?;
            let commits = place.git.commits(Some(&base), &one.head)?;
            // The oldest comes first.
            let shown = commits.iter().rev().map(|commit| code::commit(state, place, commit));
            Ok(page(state, call, shown.collect()))
        }
        ("GET", ["merge"]) => {
            let open = state.project(project)?.merge_request(number)?.merge_commit().is_none();
            if open { Err(missing()) } else { Ok(Reply::empty(204)) }
        }
        ("PUT", ["merge"]) => merge(state, call, project, by, number),
        _ => unknown(),
    }
}

fn merge(state: &mut State, call: &Call, project: u64, by: u64, number: u64) -> Answer {
    let method = call.text("merge_method").unwrap_or_else(|| "merge".to_owned());
    if !["merge", "squash", "rebase"].contains(&method.as_str()) {
        return Err(Refusal::Unprocessable(format!("Invalid merge method: {method}")));
    }
    let title = call.text("commit_title");
    let message = match (title, call.text("commit_message")) {
        (Some(title), Some(text)) if !text.is_empty() => Some(format!("{title}\n\n{text}")),
        (title, _text) => title,
    };
    let wish = MergeWish {
        head: call.text("sha"),
        squash: method == "squash",
        rebase: method == "rebase",
        message,
        ..MergeWish::default()
    };
    let draft = state.project(project)?.merge_request(number)?.is_draft();
    let merged = state.merge(project, by, number, &wish).map_err(|refusal| match refusal {
        Refusal::Conflict(_) => {
            Refusal::Conflict("Head branch was modified. Review and try the merge again.".to_owned())
        }
        Refusal::NotAllowed(_) if draft => Refusal::NotAllowed("Pull Request is still a draft".to_owned()),
        other => other,
    })?;
    let told = json!({"sha": merged, "merged": true, "message": "Pull Request successfully merged"});
    Ok(Reply::json(200, &told))
}

fn list(state: &State, call: &Call, project: u64) -> Answer {
    let wanted = call.text("state").unwrap_or_else(|| "open".to_owned());
    let place = state.project(project)?;
    let head = call.text("head");
    let branch = head.as_ref().map(|head| head.split_once(':').map_or(head.as_str(), |(_owner, name)| name));
    let base = call.text("base");
    let fits = |one: &&MergeRequest| {
        let open = if one.is_open() { "open" } else { "closed" };
        (wanted == "all" || wanted == open)
            && branch.is_none_or(|branch| branch == one.source_branch)
            && base.as_ref().is_none_or(|branch| *branch == one.target_branch)
    };
    let mut found: Vec<&MergeRequest> = place.merge_requests.values().filter(fits).collect();
    if call.text("sort").as_deref() == Some("updated") {
        found.sort_by_key(|one| (one.updated_at, one.number));
    }
    if call.text("direction").as_deref() != Some("asc") {
        found.reverse();
    }
    Ok(page(state, call, found.into_iter().map(|one| shape::pull(state, place, one)).collect()))
}

fn single(state: &State, project: u64, number: u64, status: u16) -> Answer {
    let place = state.project(project)?;
    Ok(Reply::json(status, &shape::single_pull(state, place, place.merge_request(number)?)))
}

fn change(state: &mut State, call: &Call, project: u64, by: u64, number: u64) -> Result<(), Refusal> {
    if let Some(title) = call.text("title") {
        state.retitle(project, by, number, &title)?;
    }
    if let Some(Value::String(text)) = call.value("body") {
        state.redescribe(project, by, number, &text)?;
    }
    if let Some(branch) = call.text("base") {
        state.retarget(project, by, number, &branch)?;
    }
    match call.text("state").as_deref() {
        Some("closed") => state.close(project, by, number),
        Some("open") if !state.project(project)?.merge_request(number)?.is_open() => {
            state.reopen(project, by, number)
        }
        _ => Ok(()),
    }
}
