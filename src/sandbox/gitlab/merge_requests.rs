//! Merge requests, their approvals, and merging.

use serde_json::{Value, json};

use crate::domain::Timestamp;
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{MergeRequest, MergeRequestState, MergeWish, NewMergeRequest, Pipeline, State};

use super::code::difference;
use super::paging::page;
use super::{Answer, number, required, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", ["merge_requests"]) => list(state, call, project),
        ("POST", ["merge_requests"]) => {
            let (source, target) = (required(call, "source_branch")?, required(call, "target_branch")?);
            let (title, text) = (required(call, "title")?, call.text("description").unwrap_or_default());
            let new = NewMergeRequest {
                fork: None,
                source: &source,
                target: &target,
                title: &title,
                description: &text,
                draft: false,
            };
            let iid = state.open_merge_request(project, by, new)?;
            single(state, project, iid, 201)
        }
        (_, ["merge_requests", iid, below @ ..]) => {
            let iid = number(iid)?;
            state.project(project)?.merge_request(iid)?;
            one(state, call, project, by, iid, below)
        }
        _ => unknown(),
    }
}

fn one(state: &mut State, call: &Call, project: u64, by: u64, iid: u64, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let answer = single(state, project, iid, 200);
            let asked = state.project_mut(project)?.merge_request_mut(iid)?;
            asked.checking = asked.checking.saturating_sub(1);
            answer
        }
        ("PUT", []) => {
            change(state, call, project, by, iid)?;
            single(state, project, iid, 200)
        }
        ("GET", ["diffs"]) => {
            let place = state.project(project)?;
            let one = place.merge_request(iid)?;
            let base = place.fork_point(one).ok_or_else(|| Refusal::NotFound("404".to_owned()))?;
            let changed = place.git.changed(base.as_str(), one.head.as_str())?;
            Ok(page(state, call, changed.iter().map(difference).collect()))
        }
        ("GET", ["commits"]) => {
            let place = state.project(project)?;
            let one = place.merge_request(iid)?;
            let base = place.fork_point(one).ok_or_else(|| Refusal::NotFound("404".to_owned()))?;
            let commits = place.git.commits(Some(&base), &one.head)?;
            Ok(page(state, call, commits.iter().map(|commit| shape::commit(state, place, commit)).collect()))
        }
        ("GET", ["versions"]) => {
            let one = state.project(project)?.merge_request(iid)?;
            let shown = one.versions.iter().rev().map(|version| {
                json!({
                    "id": version.id,
                    "head_commit_sha": version.head,
                    "base_commit_sha": version.base,
                    "start_commit_sha": version.start,
                    "created_at": shape::time(version.at),
                    "merge_request_id": one.id,
                    "state": "collected",
                    "real_size": "1",
                })
            });
            Ok(page(state, call, shown.collect()))
        }
        ("GET", ["pipelines"]) => {
            let place = state.project(project)?;
            // Those of a fork are listed with those of the project itself, the newest first.
            let source = state.projects.get(&place.merge_request(iid)?.source_project);
            let forks = source.into_iter().filter(|source| source.id != project);
            // Pipelines of the source branch are among them, where they ran on a commit of it.
            let one = place.merge_request(iid)?;
            let on_branch = |run: &Pipeline| {
                one.source_project == project
                    && run.merge_request.is_none()
                    && run.reference == one.source_branch
                    && run.sha == one.head
            };
            let own = place.pipelines.values().filter(|run| run.is_of(iid) || on_branch(run));
            let own = own.map(|run| (run, place));
            let of_fork = forks.flat_map(|fork| fork.pipelines.values().map(move |run| (run, fork)));
            let of_fork =
                of_fork.filter(|(run, _)| run.fork_of == Some(project) && run.merge_request == Some(iid));
            let mut all: Vec<_> = own.chain(of_fork).collect();
            all.sort_by_key(|(run, _)| std::cmp::Reverse(run.id));
            let shown = all.into_iter().map(|(run, place)| shape::pipeline(state, place, run));
            Ok(page(state, call, shown.collect()))
        }
        ("POST", ["pipelines"]) => {
            let id = state.start_merge_request_pipeline(project, by, iid)?;
            let place = state.project(project)?;
            Ok(Reply::json(201, &shape::pipeline(state, place, place.pipeline(id)?)))
        }
        ("GET", ["reviewers"]) => {
            let one = state.project(project)?.merge_request(iid)?;
            let shown = one.reviewers.iter().map(|id| reviewer(state, one, *id)).collect();
            Ok(page(state, call, shown))
        }
        ("GET", ["approvals"]) => Ok(Reply::json(200, &approvals(state, project, iid, by)?)),
        ("POST", ["approve"]) => {
            let sha = call.text("sha");
            let done = state.approve(project, by, iid, sha.as_deref());
            done.map_err(|refusal| match refusal {
                // The forge says only "not you", whatever the reason.
                Refusal::Forbidden(_) => Refusal::Forbidden("401 Unauthorized".to_owned()),
                other => other,
            })?;
            Ok(Reply::json(201, &approvals(state, project, iid, by)?))
        }
        ("POST", ["unapprove"]) => {
            state.unapprove(project, by, iid)?;
            Ok(Reply::json(201, &approvals(state, project, iid, by)?))
        }
        ("PUT", ["merge"]) => {
            let wish = MergeWish {
                head: call.text("sha"),
                squash: call.flag("squash"),
                remove_source: call.flag("should_remove_source_branch"),
                message: call.text("merge_commit_message"),
                ..MergeWish::default()
            };
            state.merge(project, by, iid, &wish)?;
            single(state, project, iid, 200)
        }
        ("POST", ["cancel_merge_when_pipeline_succeeds"]) => {
            state.dequeue(project, by, iid).map_err(|refusal| match refusal {
                Refusal::NotFound(_) => Refusal::NotAllowed("406 Not Acceptable".to_owned()),
                other => other,
            })?;
            single(state, project, iid, 201)
        }
        ("PUT", ["rebase"]) => {
            state.rebase(project, by, iid)?;
            Ok(Reply::json(202, &json!({"rebase_in_progress": true})))
        }
        _ => unknown(),
    }
}

fn list(state: &State, call: &Call, project: u64) -> Answer {
    let (wanted, source, target) =
        (call.text("state"), call.text("source_branch"), call.text("target_branch"));
    let since = call.text("updated_after").and_then(|text| Timestamp::parse(&text));
    let word = |one: &MergeRequest| match one.state {
        MergeRequestState::Open => "opened",
        MergeRequestState::Closed => "closed",
        MergeRequestState::Merged { .. } => "merged",
    };
    let fits = |one: &&MergeRequest| {
        wanted.as_deref().is_none_or(|wanted| wanted == "all" || wanted == word(one))
            && since.is_none_or(|since| one.updated_at >= since)
            && source.as_ref().is_none_or(|branch| *branch == one.source_branch)
            && target.as_ref().is_none_or(|branch| *branch == one.target_branch)
    };
    let place = state.project(project)?;
    let mut found: Vec<&MergeRequest> = place.merge_requests.values().filter(fits).collect();
    if call.text("sort").as_deref() != Some("asc") {
        found.reverse();
    }
    Ok(page(state, call, found.into_iter().map(|one| shape::merge_request(state, place, one)).collect()))
}

/// One merge request with what lists leave out.
fn single(state: &State, project: u64, iid: u64, status: u16) -> Answer {
    let place = state.project(project)?;
    let one = place.merge_request(iid)?;
    let mut shown = shape::merge_request(state, place, one);
    if let Value::Object(fields) = &mut shown {
        let newest = place.head_pipeline(iid).map(|run| shape::pipeline(state, place, run));
        fields.insert("head_pipeline".to_owned(), newest.unwrap_or(Value::Null));
        fields.insert("rebase_in_progress".to_owned(), json!(false));
        fields.insert("merge_error".to_owned(), Value::Null);
        fields.insert("user".to_owned(), json!({"can_merge": true}));
    }
    Ok(Reply::json(status, &shown))
}

fn change(state: &mut State, call: &Call, project: u64, by: u64, iid: u64) -> Result<(), Refusal> {
    let mut add = call.words("add_labels").unwrap_or_default();
    let mut remove = call.words("remove_labels").unwrap_or_default();
    if let Some(exact) = call.words("labels") {
        let standing = &state.project(project)?.merge_request(iid)?.labels;
        remove.extend(standing.iter().filter(|label| !exact.contains(label)).cloned());
        add.extend(exact);
    }
    if !add.is_empty() || !remove.is_empty() {
        state.change_labels(project, by, iid, &add, &remove)?;
    }
    if let Some(Value::Array(ids)) = call.value("reviewer_ids") {
        let wanted: Vec<u64> = ids.iter().filter_map(Value::as_u64).filter(|id| *id > 0).collect();
        state.set_reviewers(project, by, iid, &wanted)?;
    }
    if let Some(title) = call.text("title") {
        state.retitle(project, by, iid, &title)?;
    }
    if let Some(branch) = call.text("target_branch") {
        state.retarget(project, by, iid, &branch)?;
    }
    match call.text("state_event").as_deref() {
        None => Ok(()),
        Some("close") => state.close(project, by, iid),
        Some("reopen") => state.reopen(project, by, iid),
        Some(_) => Err(Refusal::Invalid("state_event does not have a valid value".to_owned())),
    }
}

fn reviewer(state: &State, one: &MergeRequest, id: u64) -> Value {
    let word = if one.changes_requested.contains(&id) {
        "requested_changes"
    } else if one.approvals.iter().any(|approval| approval.by == id) {
        "approved"
    } else {
        "unreviewed"
    };
    json!({"user": shape::user_of(state, id), "state": word, "created_at": shape::time(one.created_at)})
}

fn approvals(state: &State, project: u64, iid: u64, by: u64) -> Result<Value, Refusal> {
    let one = state.project(project)?.merge_request(iid)?;
    let given = one.approvals.iter().map(|approval| {
        json!({"user": shape::user_of(state, approval.by), "approved_at": shape::time(approval.at)})
    });
    Ok(json!({
        "id": one.id,
        "iid": iid,
        "project_id": project,
        "approved": !one.approvals.is_empty(),
        "approvals_required": 0,
        "approvals_left": 0,
        "approved_by": given.collect::<Vec<_>>(),
        "user_has_approved": one.approvals.iter().any(|approval| approval.by == by),
        "user_can_approve": one.author != by,
    }))
}
